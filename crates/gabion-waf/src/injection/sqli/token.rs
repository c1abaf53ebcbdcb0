//! Tokens of SQL.

/// Bytes of a token's value that are kept.
const VALUE_BYTES_MAX: usize = 31;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Keyword = b'k',
    Union = b'U',
    Group = b'B',
    Expression = b'E',
    SqlType = b't',
    Function = b'f',
    Bareword = b'n',
    Number = b'1',
    Variable = b'v',
    String = b's',
    Operator = b'o',
    Logic = b'&',
    Comment = b'c',
    Collate = b'A',
    LeftParen = b'(',
    RightParen = b')',
    LeftBrace = b'{',
    RightBrace = b'}',
    Dot = b'.',
    Comma = b',',
    Colon = b':',
    Semicolon = b';',
    /// A word that begins a statement of Transact-SQL.
    Tsql = b'T',
    Unknown = b'?',
    /// What no two databases read alike.
    Evil = b'X',
    Backslash = b'\\',
}

impl Kind {
    pub(super) const fn letter(self) -> u8 {
        self as u8
    }

    /// The kind of a word in the table.
    pub(super) const fn of_word(letter: u8) -> Option<Self> {
        Some(match letter {
            b'&' => Self::Logic,
            b'1' => Self::Number,
            b'A' => Self::Collate,
            b'B' => Self::Group,
            b'E' => Self::Expression,
            b'T' => Self::Tsql,
            b'U' => Self::Union,
            b'f' => Self::Function,
            b'k' => Self::Keyword,
            b'n' => Self::Bareword,
            b'o' => Self::Operator,
            b't' => Self::SqlType,
            b'v' => Self::Variable,
            _ => return None,
        })
    }
}

/// A token and the beginning of its text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    length: u8,
    value: [u8; VALUE_BYTES_MAX],
    /// The quotes around a string, as far as they are in the input.
    pub(super) open: Option<u8>,
    pub(super) close: Option<u8>,
}

impl Token {
    pub(super) fn new(kind: Kind, text: &[u8]) -> Self {
        let mut value = [0; VALUE_BYTES_MAX];
        let length = text.len().min(VALUE_BYTES_MAX);
        value[..length].copy_from_slice(&text[..length]);
        #[expect(clippy::cast_possible_truncation, reason = "at most VALUE_BYTES_MAX")]
        Self { kind, length: length as u8, value, open: None, close: None }
    }

    pub(super) const fn with_quotes(self, open: Option<u8>, close: Option<u8>) -> Self {
        Self { open, close, ..self }
    }

    pub(super) const fn with_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    pub(super) fn value(&self) -> &[u8] {
        &self.value[..usize::from(self.length)]
    }

    /// Whether this is that word, which is given in capitals.
    pub(super) const fn is_word(&self, word: &[u8]) -> bool {
        let (value, _) = self.value.split_at(self.length as usize);
        value.eq_ignore_ascii_case(word)
    }

    /// Whether this is an operator that may stand before one operand.
    pub(super) fn is_unary(&self) -> bool {
        self.kind == Kind::Operator
            && (matches!(self.value(), b"+" | b"-" | b"!" | b"~" | b"!!") || self.is_word(b"NOT"))
    }

    pub(super) fn is_arithmetic(&self) -> bool {
        self.kind == Kind::Operator && matches!(self.value(), b"*" | b"/" | b"-" | b"+" | b"%")
    }

    /// Two tokens as one with a space between them, if it is short enough to be a word of the table.
    pub(super) fn joined(&self, other: &Self) -> Option<Self> {
        let (first, second) = (self.value(), other.value());
        let length = first.len() + 1 + second.len();
        if length > VALUE_BYTES_MAX {
            return None;
        }
        let mut joined = *self;
        joined.value[first.len()] = b' ';
        joined.value[first.len() + 1..length].copy_from_slice(second);
        joined.length += 1 + other.length;
        Some(joined)
    }
}
