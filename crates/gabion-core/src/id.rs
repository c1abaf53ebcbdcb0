//! Typed, prefixed, time-ordered identifiers.
//!
//! An id is 48 bits of milliseconds followed by 80 random bits, written as a prefix, `_` and 26 characters of
//! lower-case Crockford base 32: `evt_01hf7yat00…`. Text order is time order. Ids are names, not secrets.

use crate::{Entropy, Timestamp, entropy::draw};

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters of an id's prefix at most.
pub const PREFIX_CHARS_MAX: usize = 8;
/// Characters of an id after its prefix.
pub const BODY_CHARS: usize = 26;

/// A text that is no id of the expected kind.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {prefix}_ and 26 characters")]
pub struct InvalidId {
    /// The prefix that was expected.
    pub prefix: &'static str,
}

/// The bits of a new id: milliseconds of `now` above 80 random bits.
pub fn bits(now: Timestamp, entropy: &dyn Entropy) -> u128 {
    let millis = u128::from(u64::try_from(now.millis()).unwrap_or(0)) & 0xffff_ffff_ffff;
    let random = u128::from_be_bytes(draw(entropy)) & ((1 << 80) - 1);
    millis << 80 | random
}

/// The text of an id, in place: its prefix, an underscore and its body.
pub struct Text {
    bytes: [u8; PREFIX_CHARS_MAX + 1 + BODY_CHARS],
    len: usize,
}

impl Text {
    /// Writes an id.
    ///
    /// # Panics
    /// When the prefix is longer than [`PREFIX_CHARS_MAX`].
    pub fn new(prefix: &str, bits: u128) -> Self {
        let mut bytes = [b'_'; PREFIX_CHARS_MAX + 1 + BODY_CHARS];
        bytes[..prefix.len()].copy_from_slice(prefix.as_bytes());
        let body = prefix.len() + 1;
        for (i, byte) in bytes[body..body + BODY_CHARS].iter_mut().enumerate() {
            *byte = ALPHABET[(bits >> (5 * (BODY_CHARS - 1 - i))) as usize & 31];
        }
        Self { bytes, len: body + BODY_CHARS }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).expect("prefix and alphabet are text")
    }
}

/// Reads the 26 characters of an id's body. Only the canonical spelling is accepted: one id, one text.
pub fn decode(body: &str) -> Option<u128> {
    if body.len() != BODY_CHARS || body.as_bytes()[0] > b'7' {
        return None;
    }
    body.bytes().try_fold(0u128, |bits, c| {
        let digit = ALPHABET.iter().position(|&a| a == c)?;
        Some(bits << 5 | digit as u128)
    })
}

/// Declares an id type with its prefix: `gabion_core::id!(/// A session. pub SessionId, "ses");`.
#[macro_export]
macro_rules! id {
    ($(#[$doc:meta])* $vis:vis $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis struct $name(u128);

        #[allow(dead_code, reason = "not every id type needs every conversion")]
        impl $name {
            /// The text every id of this type starts with, without the underscore.
            $vis const PREFIX: &'static str = $prefix;

            /// Makes a new id. Ids made later sort later, to the millisecond.
            $vis fn new(now: $crate::Timestamp, entropy: &dyn $crate::Entropy) -> Self {
                Self($crate::id::bits(now, entropy))
            }

            /// An id from its 128 bits, as another id or a test gives them.
            $vis const fn from_bits(bits: u128) -> Self {
                Self(bits)
            }

            /// Its text.
            $vis fn text(self) -> $crate::id::Text {
                $crate::id::Text::new($prefix, self.0)
            }

            /// The 128 bits: milliseconds above randomness.
            $vis const fn bits(self) -> u128 {
                self.0
            }
        }

        const _: () = assert!($prefix.len() <= $crate::id::PREFIX_CHARS_MAX);

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.text().as_str())
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(self, f)
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::id::InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then($crate::id::decode)
                    .map(Self)
                    .ok_or($crate::id::InvalidId { prefix: $prefix })
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <::std::string::String as ::serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(::serde::de::Error::custom)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::id!(TestId, "tst");

    struct Fixed(u8);
    impl Entropy for Fixed {
        fn fill(&self, out: &mut [u8]) {
            out.fill(self.0);
        }
    }

    #[test]
    fn text_round_trips_and_sorts_by_time() {
        let early = TestId::new(Timestamp::from_seconds(1), &Fixed(0xff));
        let late = TestId::new(Timestamp::from_seconds(2), &Fixed(0));
        assert_eq!(early.to_string().parse(), Ok(early));
        assert!(early.to_string() < late.to_string());
        assert_eq!(TestId::from_bits(u128::MAX).to_string().parse(), Ok(TestId::from_bits(u128::MAX)));
    }

    #[test]
    fn foreign_spellings_are_refused() {
        let good = TestId::from_bits(7).to_string();
        for bad in [
            good.replace("tst_", "abc_"),
            good.to_uppercase(),
            format!("{good}0"),
            good[..good.len() - 1].to_owned(),
            good.replace('7', "u"),
            format!("tst_8{}", "0".repeat(25)),
            "tst_é".to_owned(),
            String::new(),
        ] {
            assert_eq!(bad.parse::<TestId>(), Err(InvalidId { prefix: "tst" }), "{bad}");
        }
    }
}
