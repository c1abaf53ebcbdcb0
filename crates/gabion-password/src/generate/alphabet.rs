//! What passwords are drawn from: printing ASCII without the space, which some shops cut off.

use std::fmt;
use std::str::FromStr;

/// What people read as something else when they copy a password from paper.
const AMBIGUOUS: &[u8] = b"0Oo1Il|`'";

/// A set of ASCII characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Alphabet(u128);

impl Alphabet {
    pub(super) const EMPTY: Self = Self(0);
    /// Everything that passwords are drawn from.
    pub(super) const ALL: Self = Self::range(b'!', b'~');

    const fn range(first: u8, last: u8) -> Self {
        Self((1 << (last + 1)) - (1 << first))
    }

    /// Those of `bytes` that passwords are drawn from.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let all = bytes.iter().filter(|byte| byte.is_ascii()).fold(0, |set, byte| set | 1_u128 << byte);
        Self(all & Self::ALL.0)
    }

    pub(super) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn without_ambiguous(self) -> Self {
        Self(self.0 & !Self::of(AMBIGUOUS).0)
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) const fn has(self, byte: u8) -> bool {
        byte < 128 && self.0 >> byte & 1 == 1
    }

    /// The characters, in order.
    pub(super) fn bytes(self) -> impl Iterator<Item = u8> {
        (0..128).filter(move |byte| self.has(*byte))
    }
}

impl fmt::Debug for Alphabet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self.bytes().map(char::from).collect();
        write!(f, "Alphabet({text:?})")
    }
}

/// A class of characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// a to z.
    Lower,
    /// A to Z.
    Upper,
    /// 0 to 9.
    Digit,
    /// The other 32 printing characters of ASCII, without the space.
    Symbol,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 4] = [Self::Lower, Self::Upper, Self::Digit, Self::Symbol];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lower => "lower",
            Self::Upper => "upper",
            Self::Digit => "digit",
            Self::Symbol => "symbol",
        }
    }

    pub(super) const fn alphabet(self) -> Alphabet {
        match self {
            Self::Lower => Alphabet::range(b'a', b'z'),
            Self::Upper => Alphabet::range(b'A', b'Z'),
            Self::Digit => Alphabet::range(b'0', b'9'),
            Self::Symbol => Alphabet(
                Alphabet::ALL.0
                    & !Self::Lower.alphabet().0
                    & !Self::Upper.alphabet().0
                    & !Self::Digit.alphabet().0,
            ),
        }
    }
}

/// Classes of which each has to be there: at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classes(Vec<Class>);

impl Classes {
    /// All four.
    pub fn all() -> Self {
        Self(Class::ALL.to_vec())
    }

    pub(super) fn each(&self) -> impl Iterator<Item = Class> {
        self.0.iter().copied()
    }
}

/// These are no classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected some of lower, upper, digit, symbol, each once, with commas between them")]
pub struct UnknownClass;

impl FromStr for Classes {
    type Err = UnknownClass;

    /// Reads `lower,digit`.
    fn from_str(text: &str) -> Result<Self, UnknownClass> {
        let mut classes = Vec::new();
        for name in text.split(',') {
            let class = Class::ALL.into_iter().find(|class| class.name() == name).ok_or(UnknownClass)?;
            if classes.contains(&class) {
                return Err(UnknownClass);
            }
            classes.push(class);
        }
        Ok(Self(classes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_classes_are_printing_ascii_without_the_space() {
        let sizes = Class::ALL.map(|class| class.alphabet().bytes().count());
        assert_eq!(sizes, [26, 26, 10, 32]);
        let all = Class::ALL.iter().fold(Alphabet::EMPTY, |set, class| set.union(class.alphabet()));
        assert_eq!(all, Alphabet::ALL);
        assert!(!Alphabet::of(b" \x7f\x80\n").has(b' ') && Alphabet::of(b" \x7f\x80\n").is_empty());
    }

    #[test]
    fn classes_are_named_once_each() {
        let classes = Classes::from_str("digit,lower").unwrap();
        assert_eq!(classes.each().collect::<Vec<_>>(), [Class::Digit, Class::Lower]);
        for bad in ["", "lower,", "lower,lower", "Lower", "lower digit"] {
            assert_eq!(Classes::from_str(bad), Err(UnknownClass), "{bad}");
        }
    }
}
