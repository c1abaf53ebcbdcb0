//! Which passwords of staff are accepted: NIST SP 800-63B-4 section 3.1.1.2, where the password is the only factor.
//!
//! At least 15 characters, any characters, no composition rules, no expiry; the whole password is compared with
//! what people commonly choose and with words of its own context, and the reason is told.

use gabion_core::Secret;
use gabion_password::{Assessment, Context, Exposure, Factors, Mode, Policy, Reason};

pub use gabion_password::normalize;

const POLICY: Policy = Policy::new(Mode::Nist, Factors::PasswordAlone);

/// Words that strangers try with any account of staff.
const STAFF_WORDS: [&str; 4] = ["gabion", "admin", "owner", "shop"];

/// Why a password is not accepted: the first reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct Weakness(#[from] Reason);

/// A password somebody chose, accepted by the policy and normalized.
#[derive(Clone, Debug)]
pub struct NewPassword(gabion_password::NewPassword);

impl NewPassword {
    /// Accepts `chosen` or says why not. `context` holds what is known about the person: address, name.
    ///
    /// # Errors
    /// [`Weakness`].
    pub fn accept(chosen: &Secret<String>, context: &[&str]) -> Result<Self, Weakness> {
        let known = context.iter().chain(&STAFF_WORDS);
        let known = known.fold(Context::new(), |context, word| context.with(word));
        POLICY.accept(chosen, &known, Exposure::Unknown).map(Self).map_err(first)
    }

    /// The normalized password.
    pub fn secret(&self) -> &Secret<String> {
        self.0.secret()
    }

    /// The same, for whoever hashes it.
    pub fn into_secret(self) -> Secret<String> {
        self.0.secret().clone()
    }
}

fn first(assessment: Assessment) -> Weakness {
    Weakness(*assessment.reasons.first().expect("a refusal has a reason"))
}

#[cfg(test)]
mod tests {
    use gabion_password::policy::CHARS_MIN_ALONE;

    use super::*;

    const SHORT: Reason = Reason::Short { chars_min: CHARS_MIN_ALONE };

    #[track_caller]
    fn check(password: &str, expected: Result<(), Reason>) {
        let context = ["ann.lee@tidewater.example", "Ann Lee"];
        let accepted = NewPassword::accept(&Secret::new(password.to_owned()), &context);
        assert_eq!(accepted.map(drop), expected.map_err(Weakness), "{password}");
    }

    #[test]
    fn length_counts_characters_and_nothing_else_is_required() {
        check("kettle harbor mi", Ok(()));
        check("fjord plum kite", Ok(()));
        check("fjord plum kit", Err(SHORT));
        check("茶香水路天日山川木石花鳥風月雪", Ok(()));
        check("茶香水路天日", Err(SHORT));
        check(&"ab1 ".repeat(300), Err(Reason::Long));
        check("no digits or capitals needed", Ok(()));
    }

    #[test]
    fn decomposed_letters_count_once() {
        check("e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}", Err(SHORT));
        let composed = Secret::new("fj\u{f6}rd plum kites".to_owned());
        let decomposed = Secret::new("fjo\u{308}rd plum kites".to_owned());
        assert_eq!(normalize(&composed).expose(), normalize(&decomposed).expose());
    }

    #[test]
    fn what_everybody_tries_first_is_refused_with_the_reason() {
        check("passwordpassword", Err(Reason::Repeated));
        check("aaaaaaaaaaaaaaaa", Err(Reason::Repeated));
        check("Abc-Abc-Abc-Abc-", Err(Reason::Repeated));
        check("123456789012345", Err(Reason::Sequence));
        check("abcdefghijklmnop", Err(Reason::Sequence));
        check("qwertyuiopasdfgh", Err(Reason::Sequence));
        check("poiuytrewq098765", Err(Reason::Sequence));
        check("correct horse battery staple", Err(Reason::Common));
        check("Password1234567!", Err(Reason::Common));
        check("1q2w3e4r5t6y7u8i", Err(Reason::Common));
    }

    #[test]
    fn words_of_the_context_are_refused_when_nothing_else_is_there() {
        check("ann.lee@tidewater.example", Err(Reason::Expected));
        check("gabion-tidewater-2024", Err(Reason::Expected));
        check("LeeAnnTidewater1", Err(Reason::Expected));
        check("tidewater kettle morning", Ok(()));
        check("8361 5920 4471 2093", Ok(()));
    }
}
