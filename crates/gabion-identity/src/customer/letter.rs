//! What customers are written: codes, and notices of what changed.

use gabion_core::{Secret, Timestamp};
use gabion_outbound::mail::{Address as MailAddress, Letter};
use gabion_page::letter::{Color, Draft, Part};
use gabion_page::text::{Language, fill};

use super::Site;
use super::account::Address;
use super::http::{ACCOUNT_PATH, RECOVER_PATH, SIGN_IN_PATH};
use super::pending::CODE_LIFETIME;
use super::words::Words;

/// Why somebody is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// The code for a new account.
    Register,
    /// Somebody wanted a new account with an address that has one.
    HaveAccount,
    /// The code for the way back into an account.
    Recover,
    /// Somebody wanted back into an account that is not there.
    NoAccount,
    /// The password was changed or set.
    PasswordChanged,
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey was removed.
    PasskeyRemoved,
    /// An authenticator app was added.
    TotpAdded,
    /// The authenticator app was removed.
    TotpRemoved,
    /// There are new recovery codes.
    CodesRenewed,
}

impl Word {
    /// What events and metrics call it.
    const fn kind(self) -> &'static str {
        match self {
            Self::Register => "account.register",
            Self::HaveAccount => "account.have",
            Self::Recover => "account.recover",
            Self::NoAccount => "account.none",
            Self::PasswordChanged => "account.password",
            Self::PasskeyAdded => "account.passkey_added",
            Self::PasskeyRemoved => "account.passkey_removed",
            Self::TotpAdded => "account.totp_added",
            Self::TotpRemoved => "account.totp_removed",
            Self::CodesRenewed => "account.codes",
        }
    }

    /// Keys of subject and text.
    const fn keys(self) -> [&'static str; 2] {
        match self {
            Self::Register => ["letter.register", "letter.register-text"],
            Self::HaveAccount => ["letter.have", "letter.have-text"],
            Self::Recover => ["letter.recover", "letter.recover-text"],
            Self::NoAccount => ["letter.none", "letter.none-text"],
            Self::PasswordChanged => ["letter.password", "letter.password-text"],
            Self::PasskeyAdded => ["letter.passkey-added", "letter.passkey-added-text"],
            Self::PasskeyRemoved => ["letter.passkey-removed", "letter.passkey-removed-text"],
            Self::TotpAdded => ["letter.totp-added", "letter.totp-added-text"],
            Self::TotpRemoved => ["letter.totp-removed", "letter.totp-removed-text"],
            Self::CodesRenewed => ["letter.codes", "letter.codes-text"],
        }
    }

    /// A letter with it. Where a code goes with it, it is not sent after the code's time.
    pub(crate) fn letter(
        self,
        site: &Site,
        to: &Address,
        language: Language,
        code: Option<&Secret<String>>,
        now: Timestamp,
    ) -> Letter {
        let words = Words::new(language);
        let [subject, text] = self.keys();
        let say = |key| fill(words.text(key), &[("shop", &site.name)]);
        let mut parts = vec![Part::Text(say(text))];
        parts.extend(code.map(|code| Part::Code(code.expose().clone())));
        let link = |key, path| Part::Link(say(key), format!("{}{path}", site.origin));
        match self {
            Self::Register | Self::Recover => parts.push(Part::Text(say("letter.not-you"))),
            Self::HaveAccount => {
                parts.push(link("sign-in.button", SIGN_IN_PATH));
                parts.push(link("letter.recover-link", RECOVER_PATH));
            }
            Self::NoAccount => {}
            _ => {
                parts.push(Part::Text(say("letter.was-not-you")));
                parts.push(link("account.title", ACCOUNT_PATH));
                parts.push(link("letter.recover-link", RECOVER_PATH));
            }
        }
        let subject = say(subject);
        let draft =
            Draft { language, shop: &site.name, color: Color::default(), subject: &subject, parts: &parts };
        let written = draft.write();
        let to: MailAddress = to.as_str().parse().expect("addresses of accounts are addresses of letters");
        let letter = Letter::new(self.kind(), to, &subject, &written.text)
            .and_then(|letter| letter.html(&written.html))
            .and_then(|letter| letter.language(language.tag()))
            .expect("built-in texts and a site's name make a letter")
            .site(&site.id);
        if code.is_some() { letter.expires_at(now.after(CODE_LIFETIME)) } else { letter }
    }
}
