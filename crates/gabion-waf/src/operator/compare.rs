//! How values relate to texts and numbers.

/// How a value relates to a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextTest {
    Equals,
    Begins,
    Ends,
    Contains,
    ContainsWord,
    Within,
}

/// How the number of a value relates to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl TextTest {
    pub(super) fn holds(self, value: &[u8], text: &[u8]) -> bool {
        let contains = |text: &[u8], wanted: &[u8]| memchr::memmem::find(text, wanted).is_some();
        match self {
            Self::Equals => value == text,
            Self::Begins => value.starts_with(text),
            Self::Ends => value.ends_with(text),
            Self::Contains => contains(value, text),
            Self::ContainsWord => {
                let letter = |at: Option<&u8>| at.is_some_and(u8::is_ascii_alphabetic);
                text.is_empty()
                    || memchr::memmem::find_iter(value, text).any(|at| {
                        !letter(at.checked_sub(1).and_then(|before| value.get(before)))
                            && !letter(value.get(at + text.len()))
                    })
            }
            Self::Within => contains(text, value),
        }
    }
}

impl Comparison {
    pub(crate) const fn holds(self, value: i64, other: i64) -> bool {
        match self {
            Self::Equal => value == other,
            Self::Greater => value > other,
            Self::GreaterOrEqual => value >= other,
            Self::Less => value < other,
            Self::LessOrEqual => value <= other,
        }
    }
}

/// The number at the start of a text, as C reads it: none is 0, too large is the largest.
pub(crate) fn integer(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let value =
        digits.fold(0_i64, |value, digit| value.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    if negative { -value } else { value }
}
