//! CBOR as authenticators write it: the canonical form of CTAP2, and nothing else.
//!
//! Taken are integers, byte and text strings, arrays, maps, booleans and null. Refused are indefinite lengths, lengths
//! and integers longer than they need be, keys out of order or twice, tags, floating-point numbers, and whatever goes
//! beyond the limits. WebAuthn Level 3 section 2.4 asks decoders to refuse what is not canonical.
//!
//! Memory grows with what was read, never with a length that was only announced.

#[cfg(test)]
mod tests;

/// Levels of arrays and maps inside each other. CTAP2 allows four; a compound attestation statement with certificates
/// is one more.
pub const DEPTH_MAX: usize = 5;

/// Values in one item, counting every element and key. The largest statement of the specification, a TPM's, has about twenty.
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
