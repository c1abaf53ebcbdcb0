//! CBOR as authenticators write it: the canonical form of CTAP2, and nothing else.
//!
//! Taken are integers, byte and text strings, arrays, maps, booleans and null. Refused are indefinite lengths, lengths
//! and integers longer than they need be, keys out of order or twice, tags, floating-point numbers, and whatever goes
//! beyond the limits. WebAuthn Level 3 section 3.1 asks decoders to refuse what is not canonical.
//!
//! Memory grows with what was read, never with a length that was only announced.

/// Levels of arrays and maps inside each other. CTAP2 allows four; a compound attestation statement with certificates
/// is one more.
pub const DEPTH_MAX: usize = 5;

/// Values in one item, counting every element and key. The largest attestation statements have about forty.
pub const VALUES_MAX: usize = 256;

/// One value, borrowing from the bytes it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// An integer. CBOR's range is larger than `i64`; what lies outside is refused.
    Integer(i64),
    /// A byte string.
    Bytes(&'a [u8]),
    /// A text string.
    Text(&'a str),
    /// An array.
    Array(Vec<Value<'a>>),
    /// A map, in canonical order.
    Map(Map<'a>),
    /// True or false.
    Bool(bool),
    /// Null.
    Null,
}

/// Why bytes are not canonical CBOR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// The bytes end inside a value.
    #[error("ends early")]
    Truncated,
    /// Bytes follow the value.
    #[error("bytes follow the value")]
    Trailing,
    /// A length or integer is longer than it need be.
    #[error("a number is not in its shortest form")]
    NotShortest,
    /// A length is indefinite.
    #[error("a length is indefinite")]
    Indefinite,
    /// A key of a map does not follow the one before it.
    #[error("the keys of a map are out of order or twice there")]
    KeyOrder,
    /// A key of a map is neither integer nor string.
    #[error("a key of a map is no integer and no string")]
    KeyType,
    /// A tag, a floating-point number or an unassigned simple value.
    #[error("a tag, a floating-point number or an unknown simple value")]
    Unsupported,
    /// A text string is not UTF-8.
    #[error("a text is not UTF-8")]
    NotUtf8,
    /// An integer does not fit into 64 bits with sign.
    #[error("an integer is out of range")]
    OutOfRange,
    /// Deeper than [`DEPTH_MAX`].
    #[error("nested deeper than {DEPTH_MAX}")]
    TooDeep,
    /// More values than [`VALUES_MAX`].
    #[error("more than {VALUES_MAX} values")]
    TooMany,
}

impl<'a> Value<'a> {
    /// Reads one value that takes up all of `bytes`.
    ///
    /// # Errors
    /// The first thing that is not canonical CBOR.
    pub fn read(bytes: &'a [u8]) -> Result<Self, CborError> {
        match Self::read_first(bytes)? {
            (value, []) => Ok(value),
            _ => Err(CborError::Trailing),
        }
    }

    /// Reads the value that `bytes` begin with; gives it and what follows it.
    ///
    /// # Errors
    /// The first thing that is not canonical CBOR.
    pub fn read_first(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), CborError> {
        let mut reader = Reader { rest: bytes, values_left: VALUES_MAX };
        let value = reader.value(DEPTH_MAX)?;
        Ok((value, reader.rest))
    }

    /// The integer, if it is one.
    pub fn integer(&self) -> Option<i64> {
        if let Self::Integer(integer) = self { Some(*integer) } else { None }
    }

    /// The byte string, if it is one.
    pub fn bytes(&self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&'a str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The map, if it is one.
    pub fn map(&self) -> Option<&Map<'a>> {
        if let Self::Map(map) = self { Some(map) } else { None }
    }
}

/// The pairs of a map, in canonical order, each key once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Map<'a>(Vec<(Value<'a>, Value<'a>)>);

impl<'a> Map<'a> {
    /// The value under an integer.
    pub fn at(&self, key: i64) -> Option<&Value<'a>> {
        self.find(|candidate| candidate.integer() == Some(key))
    }

    /// The value under a text.
    pub fn named(&self, key: &str) -> Option<&Value<'a>> {
        self.find(|candidate| candidate.text() == Some(key))
    }

    /// All keys.
    pub fn keys(&self) -> impl Iterator<Item = &Value<'a>> {
        self.0.iter().map(|(key, _)| key)
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&self, is: impl Fn(&Value<'a>) -> bool) -> Option<&Value<'a>> {
        self.0.iter().find(|(key, _)| is(key)).map(|(_, value)| value)
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    values_left: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, levels: usize) -> Result<Value<'a>, CborError> {
        self.values_left = self.values_left.checked_sub(1).ok_or(CborError::TooMany)?;
        let [initial] = self.array()?;
        let (major, low) = (initial >> 5, initial & 0x1f);
        if major == 7 {
            return simple(low);
        }
        let argument = self.argument(low)?;
        match major {
            0 => i64::try_from(argument).map(Value::Integer).map_err(|_| CborError::OutOfRange),
            // RFC 8949 section 3.1: minus one minus the argument, which is its complement.
            1 => i64::try_from(argument).map(|n| Value::Integer(!n)).map_err(|_| CborError::OutOfRange),
            2 => self.take(argument).map(Value::Bytes),
            3 => str::from_utf8(self.take(argument)?).map(Value::Text).map_err(|_| CborError::NotUtf8),
            4 => self.elements(argument, levels).map(Value::Array),
            5 => self.pairs(argument, levels).map(Value::Map),
            _ => Err(CborError::Unsupported),
        }
    }

    fn elements(&mut self, count: u64, levels: usize) -> Result<Vec<Value<'a>>, CborError> {
        let levels = levels.checked_sub(1).ok_or(CborError::TooDeep)?;
        let mut elements = Vec::new();
        for _ in 0..count {
            elements.push(self.value(levels)?);
        }
        Ok(elements)
    }

    fn pairs(&mut self, count: u64, levels: usize) -> Result<Map<'a>, CborError> {
        let levels = levels.checked_sub(1).ok_or(CborError::TooDeep)?;
        let mut pairs = Vec::new();
        let mut before: Option<&'a [u8]> = None;
        for _ in 0..count {
            let start = self.rest;
            let key = self.value(levels)?;
            if !matches!(key, Value::Integer(_) | Value::Bytes(_) | Value::Text(_)) {
                return Err(CborError::KeyType);
            }
            let encoded = &start[..start.len() - self.rest.len()];
            // In their shortest form, CTAP2's order (type, then length, then bytes) is by type and length of the whole.
            if before.is_some_and(|before| rank(before) >= rank(encoded)) {
                return Err(CborError::KeyOrder);
            }
            before = Some(encoded);
            pairs.push((key, self.value(levels)?));
        }
        Ok(Map(pairs))
    }

    /// What the low bits of an initial byte say, or the bytes after it (RFC 8949 section 3).
    fn argument(&mut self, low: u8) -> Result<u64, CborError> {
        let (argument, least) = match low {
            0..=23 => return Ok(u64::from(low)),
            24 => (u64::from(u8::from_be_bytes(self.array()?)), 24),
            25 => (u64::from(u16::from_be_bytes(self.array()?)), 1 << 8),
            26 => (u64::from(u32::from_be_bytes(self.array()?)), 1 << 16),
            27 => (u64::from_be_bytes(self.array()?), 1 << 32),
            31 => return Err(CborError::Indefinite),
            _ => return Err(CborError::Unsupported),
        };
        if argument < least { Err(CborError::NotShortest) } else { Ok(argument) }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CborError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(CborError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8], CborError> {
        let count = usize::try_from(count).map_err(|_| CborError::Truncated)?;
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(CborError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }
}

/// What an encoded key is ordered by: its type, its length, its bytes.
fn rank(encoded: &[u8]) -> (u8, usize, &[u8]) {
    (encoded[0] >> 5, encoded.len(), encoded)
}

fn simple<'a>(low: u8) -> Result<Value<'a>, CborError> {
    match low {
        20 => Ok(Value::Bool(false)),
        21 => Ok(Value::Bool(true)),
        22 => Ok(Value::Null),
        31 => Err(CborError::Indefinite),
        _ => Err(CborError::Unsupported),
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(hex: &str, expected: Result<Value<'_>, CborError>) {
        let bytes = HEXLOWER.decode(hex.as_bytes()).unwrap();
        assert_eq!(Value::read(&bytes), expected, "{hex}");
    }

    /// RFC 8949 appendix A, as far as the canonical form of CTAP2 goes.
    #[test]
    fn examples_of_the_specification_are_read() {
        check("00", Ok(Value::Integer(0)));
        check("17", Ok(Value::Integer(23)));
        check("1818", Ok(Value::Integer(24)));
        check("1903e8", Ok(Value::Integer(1000)));
        check("1a000f4240", Ok(Value::Integer(1_000_000)));
        check("1b000000e8d4a51000", Ok(Value::Integer(1_000_000_000_000)));
        check("20", Ok(Value::Integer(-1)));
        check("3903e7", Ok(Value::Integer(-1000)));
        check("3b7fffffffffffffff", Ok(Value::Integer(i64::MIN)));
        check("f4", Ok(Value::Bool(false)));
        check("f5", Ok(Value::Bool(true)));
        check("f6", Ok(Value::Null));
        check("40", Ok(Value::Bytes(&[])));
        check("4401020304", Ok(Value::Bytes(&[1, 2, 3, 4])));
        check("62c3bc", Ok(Value::Text("ü")));
        check("80", Ok(Value::Array(vec![])));
        check("8201820203", {
            let inner = Value::Array(vec![Value::Integer(2), Value::Integer(3)]);
            Ok(Value::Array(vec![Value::Integer(1), inner]))
        });
        check("a0", Ok(Value::Map(Map::default())));
    }

    #[test]
    fn values_are_found_under_their_keys() {
        let bytes = HEXLOWER.decode(b"a301242041616161f5").unwrap();
        let value = Value::read(&bytes).unwrap();
        let map = value.map().unwrap();
        assert_eq!(map.at(1), Some(&Value::Integer(-5)));
        assert_eq!(map.at(-1), Some(&Value::Bytes(b"a")));
        assert_eq!(map.named("a"), Some(&Value::Bool(true)));
        assert_eq!((map.at(2), map.named("b"), map.len()), (None, None, 3));
    }

    #[test]
    fn what_is_not_canonical_is_refused() {
        for hex in ["1800", "1817", "1900ff", "1a0000ffff", "1b00000000ffffffff", "580100", "9817", "b800"] {
            check(hex, Err(CborError::NotShortest));
        }
        for hex in ["5f42010243030405ff", "7f657374726561646d696e67ff", "9fff", "bfff", "ff", "1f"] {
            check(hex, Err(CborError::Indefinite));
        }
        for hex in ["c074", "f90000", "fa47c35000", "fb3ff199999999999a", "f7", "f0", "f818", "1c", "1e"] {
            check(hex, Err(CborError::Unsupported));
        }
        // Twice, falling, negative before positive, text before bytes, long before short.
        for hex in ["a201000100", "a202000100", "a220000100", "a26161004161f5", "a262616100616200"] {
            check(hex, Err(CborError::KeyOrder));
        }
        for hex in ["a1f500", "a18000", "a1a000", "a1f600"] {
            check(hex, Err(CborError::KeyType));
        }
        for hex in ["1b8000000000000000", "3b8000000000000000", "1bffffffffffffffff"] {
            check(hex, Err(CborError::OutOfRange));
        }
        check("61ff", Err(CborError::NotUtf8));
        check("0000", Err(CborError::Trailing));
    }

    #[test]
    fn what_ends_early_is_refused_and_reserves_no_memory_for_what_it_announces() {
        for hex in ["", "18", "19ff", "41", "62c3", "81", "a1", "a101"] {
            check(hex, Err(CborError::Truncated));
        }
        for hex in ["5bffffffffffffffff", "7b7fffffffffffffff", "9bffffffffffffffff", "bbffffffffffffffff"] {
            check(hex, Err(CborError::Truncated));
        }
    }

    #[test]
    fn depth_and_number_of_values_are_limited() {
        let nested = |levels: usize| [vec![0x81; levels], vec![0]].concat();
        assert!(Value::read(&nested(DEPTH_MAX)).is_ok());
        assert_eq!(Value::read(&nested(DEPTH_MAX + 1)), Err(CborError::TooDeep));
        assert_eq!(Value::read(&nested(100_000)), Err(CborError::TooDeep));
        let wide = |values: usize| {
            let count = u16::try_from(values - 1).unwrap().to_be_bytes();
            [vec![0x99, count[0], count[1]], vec![0; values - 1]].concat()
        };
        assert!(Value::read(&wide(VALUES_MAX + 1)).is_err_and(|error| error == CborError::TooMany));
        assert_eq!(Value::read(&[[0x98, 255].as_slice(), &[0; 255]].concat()).map(|_| ()), Ok(()));
    }

    /// Any value that can be read, written canonically.
    fn any_value() -> impl Strategy<Value = Vec<u8>> {
        let head = |major: u8, argument: u64| -> Vec<u8> {
            let wide = argument.to_be_bytes();
            match argument {
                0..=23 => vec![major << 5 | wide[7]],
                24..=0xff => vec![major << 5 | 24, wide[7]],
                0x100..=0xffff => vec![major << 5 | 25, wide[6], wide[7]],
                0x1_0000..=0xffff_ffff => [&[major << 5 | 26], &wide[4..]].concat(),
                _ => [&[major << 5 | 27], wide.as_slice()].concat(),
            }
        };
        let text = move |text: String| [head(3, text.len() as u64), text.into_bytes()].concat();
        let leaf = prop_oneof![
            (0..2u8, 0..=i64::MAX as u64).prop_map(move |(major, argument)| head(major, argument)),
            any::<Vec<u8>>().prop_map(move |bytes| [head(2, bytes.len() as u64), bytes].concat()),
            any::<String>().prop_map(text),
            prop_oneof![Just(vec![0xf4]), Just(vec![0xf5]), Just(vec![0xf6])],
        ];
        leaf.prop_recursive(4, 64, 6, move |inner| {
            let array = prop::collection::vec(inner.clone(), 0..6)
                .prop_map(move |values| [head(4, values.len() as u64), values.concat()].concat());
            let map = prop::collection::btree_map("[a-z]{0,30}", inner, 0..6).prop_map(move |pairs| {
                let mut pairs: Vec<_> = pairs.into_iter().map(|(key, value)| (text(key), value)).collect();
                pairs.sort_by_key(|(key, _)| (key.len(), key.clone()));
                let count = head(5, pairs.len() as u64);
                pairs.into_iter().fold(count, |bytes, (key, value)| [bytes, key, value].concat())
            });
            prop_oneof![array, map]
        })
    }

    proptest! {
        #[test]
        fn whatever_is_canonical_is_read_and_its_prefixes_are_not(bytes in any_value()) {
            prop_assert!(Value::read(&bytes).is_ok());
            for end in 0..bytes.len() {
                prop_assert_eq!(Value::read(&bytes[..end]), Err(CborError::Truncated));
            }
        }

        #[test]
        fn whatever_is_read_or_not_nothing_panics(bytes in any::<Vec<u8>>()) {
            if let Ok((_, rest)) = Value::read_first(&bytes) {
                prop_assert!(rest.len() < bytes.len());
            }
        }
    }
}
