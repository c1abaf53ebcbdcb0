//! The rules that a shop puts into the `passwordrules` attribute of a field, read strictly: what a password manager would
//! guess at is an error here. Source: Apple, "Customizing Password AutoFill rules".

use std::str::FromStr;

use super::alphabet::{Alphabet, Class};

/// Bytes of the longest rules.
pub const RULES_BYTES_MAX: usize = 1024;
/// Sets that can be required beside each other.
pub const REQUIRED_MAX: usize = 5;
/// Digits of a number; lengths have three.
const DIGITS_MAX: usize = 6;

/// Special characters, as the source lists them, without the space: it is allowed by the rules but never generated.
const SPECIAL: &[u8] = br##"-~!@#$%^&*_+=`|(){}[:;"'<>,.?]"##;

/// What a password has to have and may have, by a shop's own rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    required: Vec<Alphabet>,
    allowed: Option<Alphabet>,
    minlength: Option<usize>,
    maxlength: Option<usize>,
    max_consecutive: Option<usize>,
}

/// Why rules cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// Too much text.
    #[error("password rules have at most {RULES_BYTES_MAX} bytes")]
    Long,
    /// A rule without a colon.
    #[error("expected \"name: value\" between semicolons")]
    NoColon,
    /// A rule that does not exist.
    #[error("expected required, allowed, minlength, maxlength or max-consecutive before a colon")]
    UnknownRule,
    /// A class that does not exist.
    #[error("expected upper, lower, digit, special, ascii-printable, unicode or a set such as [-_.]")]
    UnknownClass,
    /// A set without end, or with what cannot stand in one.
    #[error("a set is printing ASCII between [ and ], a hyphen first and a bracket last")]
    WrongSet,
    /// A number that is none.
    #[error("expected a number from 1 to 999999")]
    WrongNumber,
    /// Too many sets.
    #[error("at most {REQUIRED_MAX} sets can be required")]
    ManyRequired,
}

impl Rules {
    /// What passwords are drawn from: what is allowed and required; everything where nothing is said.
    pub(super) fn alphabet(&self) -> Alphabet {
        let said = self.required.iter().chain(&self.allowed).copied().reduce(Alphabet::union);
        said.unwrap_or(Alphabet::ALL)
    }

    pub(super) fn required(&self) -> &[Alphabet] {
        &self.required
    }

    /// Characters at least.
    pub const fn minlength(&self) -> Option<usize> {
        self.minlength
    }

    /// Characters at most.
    pub const fn maxlength(&self) -> Option<usize> {
        self.maxlength
    }

    /// How often the same character may stand in a row.
    pub const fn max_consecutive(&self) -> Option<usize> {
        self.max_consecutive
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), RulesError> {
        match name.to_ascii_lowercase().as_str() {
            "required" if self.required.len() == REQUIRED_MAX => return Err(RulesError::ManyRequired),
            "required" => self.required.push(set(value)?),
            "allowed" => {
                let more = set(value)?;
                self.allowed = Some(self.allowed.map_or(more, |allowed| allowed.union(more)));
            }
            // Said twice, the stricter one counts.
            "minlength" => self.minlength = self.minlength.max(Some(number(value)?)),
            "maxlength" => self.maxlength = Some(at_most(self.maxlength, number(value)?)),
            "max-consecutive" => self.max_consecutive = Some(at_most(self.max_consecutive, number(value)?)),
            _ => return Err(RulesError::UnknownRule),
        }
        Ok(())
    }
}

impl FromStr for Rules {
    type Err = RulesError;

    fn from_str(text: &str) -> Result<Self, RulesError> {
        if text.len() > RULES_BYTES_MAX {
            return Err(RulesError::Long);
        }
        let mut rules = Self::default();
        for rule in split(text, ';')? {
            if !rule.trim().is_empty() {
                let (name, value) = rule.split_once(':').ok_or(RulesError::NoColon)?;
                rules.take(name.trim(), value.trim())?;
            }
        }
        Ok(rules)
    }
}

fn at_most(before: Option<usize>, now: usize) -> usize {
    before.map_or(now, |before| before.min(now))
}

fn number(text: &str) -> Result<usize, RulesError> {
    let digits = (1..=DIGITS_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && *number > 0);
    number.ok_or(RulesError::WrongNumber)
}

/// The pieces of `text` between separators that stand outside of sets.
fn split(text: &str, separator: char) -> Result<Vec<&str>, RulesError> {
    let (mut pieces, mut from, mut at) = (Vec::new(), 0, 0);
    while let Some(c) = text[at..].chars().next() {
        if c == '[' {
            at += end_of_set(&text[at..])?;
        } else if c == separator {
            pieces.push(&text[from..at]);
            from = at + 1;
        }
        at += text[at..].chars().next().map_or(0, char::len_utf8);
    }
    pieces.push(&text[from..]);
    Ok(pieces)
}

/// Where the bracket stands that closes the set at the beginning of `text`: the second of two, where the first is in it.
fn end_of_set(text: &str) -> Result<usize, RulesError> {
    let first = text.find(']').ok_or(RulesError::WrongSet)?;
    Ok(if text[first + 1..].starts_with(']') { first + 1 } else { first })
}

/// The union of classes and sets with commas between them.
fn set(text: &str) -> Result<Alphabet, RulesError> {
    let mut union = Alphabet::EMPTY;
    for name in split(text, ',')? {
        union = union.union(class(name.trim())?);
    }
    Ok(union)
}

fn class(name: &str) -> Result<Alphabet, RulesError> {
    if let Some(rest) = name.strip_prefix('[') {
        return custom(rest.strip_suffix(']').ok_or(RulesError::WrongSet)?);
    }
    match name.to_ascii_lowercase().as_str() {
        "upper" => Ok(Class::Upper.alphabet()),
        "lower" => Ok(Class::Lower.alphabet()),
        "digit" => Ok(Class::Digit.alphabet()),
        "special" => Ok(Alphabet::of(SPECIAL)),
        "ascii-printable" | "unicode" => Ok(Alphabet::ALL),
        _ => Err(RulesError::UnknownClass),
    }
}

/// What stands between brackets. A hyphen elsewhere than first would look like a range, and there are none.
fn custom(inner: &str) -> Result<Alphabet, RulesError> {
    let printing = inner.bytes().all(|b| matches!(b, b' '..=b'~'));
    let hyphen = inner.rfind('-').is_none_or(|at| at == 0);
    let bracket = inner.find(']').is_none_or(|at| at == inner.len() - 1);
    let fine = !inner.is_empty() && printing && hyphen && bracket;
    if fine { Ok(Alphabet::of(inner.as_bytes())) } else { Err(RulesError::WrongSet) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Rules {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn apples_example_is_read() {
        let text = "required: upper; required: lower; required: digit; max-consecutive: 2; minlength: 10; \
                    allowed: [-().&@?'#,/\"+]; maxlength: 20;";
        let rules = rules(text);
        let classes = [Class::Upper, Class::Lower, Class::Digit].map(Class::alphabet);
        assert_eq!(rules.required, classes);
        assert_eq!((rules.minlength, rules.maxlength, rules.max_consecutive), (Some(10), Some(20), Some(2)));
        assert_eq!(rules.allowed, Some(Alphabet::of(b"-().&@?'#,/\"+")));
        assert!(rules.alphabet().has(b'"') && rules.alphabet().has(b'z') && !rules.alphabet().has(b'!'));
    }

    #[test]
    fn sets_hold_separators_brackets_and_hyphens() {
        assert_eq!(rules("required: [-;:,[]], digit").required, [Alphabet::of(b"-;:,[]0123456789")]);
        assert_eq!(rules("allowed: []]; minlength: 9").minlength, Some(9));
        assert_eq!(rules("allowed: []]").allowed, Some(Alphabet::of(b"]")));
    }

    #[test]
    fn nothing_said_means_everything_printing() {
        assert_eq!(rules("").alphabet(), Alphabet::ALL);
        assert_eq!(rules(" ;; minlength:12 ;").alphabet(), Alphabet::ALL);
        assert_eq!(rules("required: UPPER").alphabet(), Class::Upper.alphabet());
    }

    #[test]
    fn said_twice_the_stricter_one_counts() {
        let rules = rules(
            "minlength: 8; minlength: 12; maxlength: 40; maxlength: 30; max-consecutive: 3; max-consecutive: 2",
        );
        assert_eq!((rules.minlength, rules.maxlength, rules.max_consecutive), (Some(12), Some(30), Some(2)));
    }

    #[test]
    fn anything_else_is_refused() {
        for (text, error) in [
            ("required", RulesError::NoColon),
            ("require: upper", RulesError::UnknownRule),
            ("required: letters", RulesError::UnknownClass),
            ("required: ", RulesError::UnknownClass),
            ("required: upper,", RulesError::UnknownClass),
            ("required: [a", RulesError::WrongSet),
            ("required: []", RulesError::WrongSet),
            ("required: [a-z]", RulesError::WrongSet),
            ("required: [ä]", RulesError::WrongSet),
            ("required: [\u{7}]", RulesError::WrongSet),
            ("minlength: 0", RulesError::WrongNumber),
            ("minlength: +8", RulesError::WrongNumber),
            ("maxlength: 1000000", RulesError::WrongNumber),
            ("maxlength: ", RulesError::WrongNumber),
            (
                "required: upper; required: lower; required: digit; required: special; required: [a]; required: [b]",
                RulesError::ManyRequired,
            ),
            (&" ".repeat(RULES_BYTES_MAX + 1), RulesError::Long),
        ] {
            assert_eq!(text.parse::<Rules>(), Err(error), "{text}");
        }
    }
}
