//! Divides JavaScript into tokens. Never fails: what is not understood is a token too, and all bytes are in one.
//!
//! Whether `/` divides or begins a regular expression is guessed from the token before it, as highlighters do.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Space,
    LineEnd,
    LineComment,
    BlockComment,
    /// With its quotes; a string that is not closed ends with its line.
    Text,
    /// A part of a template: from its backtick or brace to the next.
    Template,
    Regex,
    Number,
    Word,
    Sign,
}

/// A piece of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// Where it begins, in bytes.
    pub(super) at: usize,
}

impl Token<'_> {
    pub(super) fn is_sign(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text == word
    }

    /// Whether it is neither space nor comment.
    pub(super) fn is_code(&self) -> bool {
        !matches!(self.kind, Kind::Space | Kind::LineEnd | Kind::LineComment | Kind::BlockComment)
    }
}

/// Open `${` that are followed. Deeper ones are taken for ordinary braces.
const TEMPLATES_MAX: usize = 64;
/// Bytes of a regular expression. What is longer is taken for a division, so that no end is looked for in all the rest.
const REGEX_BYTES_MAX: usize = 4 * 1024;
/// Bytes of an escape: `\u{10ffff}`.
const ESCAPE_BYTES_MAX: usize = 10;
/// Words after which a `/` begins a regular expression.
const BEFORE_REGEX: [&str; 14] = [
    "return",
    "typeof",
    "case",
    "in",
    "of",
    "delete",
    "void",
    "throw",
    "new",
    "else",
    "do",
    "instanceof",
    "yield",
    "await",
];

/// The tokens of a script, in order, without gaps.
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
    /// Braces that are open in each open `${`.
    templates: Vec<usize>,
    /// Whether a `/` that comes now divides.
    divides: bool,
    /// No regular expression is looked for before that place: one that began earlier had no end until there.
    no_regex_until: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, at: 0, templates: Vec::new(), divides: false, no_regex_until: 0 }
    }

    fn measure(&mut self, rest: &str) -> (Kind, usize) {
        let bytes = rest.as_bytes();
        match bytes[0] {
            b'\n' => (Kind::LineEnd, 1),
            b'\r' => (Kind::LineEnd, if bytes.get(1) == Some(&b'\n') { 2 } else { 1 }),
            b' ' | b'\t' | 0x0b | 0x0c => {
                (Kind::Space, run(bytes, |b| matches!(b, b' ' | b'\t' | 0x0b | 0x0c)))
            }
            b'"' | b'\'' => (Kind::Text, quoted(bytes)),
            b'`' => self.template(bytes),
            b'}' if self.templates.last() == Some(&0) => {
                self.templates.pop();
                self.template(bytes)
            }
            b'/' => match bytes.get(1) {
                Some(b'/') => (Kind::LineComment, run(bytes, |b| b != b'\n' && b != b'\r')),
                Some(b'*') => (
                    Kind::BlockComment,
                    rest.find("*/").map_or(rest.len(), |end| end.max(2) + 2).min(rest.len()),
                ),
                _ if self.divides || self.at < self.no_regex_until => (Kind::Sign, 1),
                _ => self.regex(bytes),
            },
            b'0'..=b'9' => {
                (Kind::Number, run(bytes, |b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_'))
            }
            byte if is_word(byte) => (Kind::Word, run(bytes, is_word)),
            byte => {
                if let Some(depth) = self.templates.last_mut() {
                    match byte {
                        b'{' => *depth += 1,
                        b'}' => *depth = depth.saturating_sub(1),
                        _ => {}
                    }
                }
                (Kind::Sign, 1)
            }
        }
    }

    fn regex(&mut self, bytes: &[u8]) -> (Kind, usize) {
        let bytes = &bytes[..bytes.len().min(REGEX_BYTES_MAX)];
        let line = run(bytes, |byte| byte != b'\n' && byte != b'\r');
        match regex(&bytes[..line]) {
            Some(length) => (Kind::Regex, length),
            None => {
                self.no_regex_until = self.at + line;
                (Kind::Sign, 1)
            }
        }
    }

    /// From a backtick, or the brace that ends a `${`, to the next `${` or the end of the template.
    fn template(&mut self, bytes: &[u8]) -> (Kind, usize) {
        let mut at = 1;
        while at < bytes.len() {
            match bytes[at] {
                b'\\' => at += 1,
                b'`' => return (Kind::Template, at + 1),
                b'$' if bytes.get(at + 1) == Some(&b'{') && self.templates.len() < TEMPLATES_MAX => {
                    self.templates.push(0);
                    return (Kind::Template, at + 2);
                }
                _ => {}
            }
            at += 1;
        }
        (Kind::Template, bytes.len())
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return None;
        }
        let (kind, mut length) = self.measure(rest);
        length = length.min(rest.len());
        while !rest.is_char_boundary(length) {
            length += 1;
        }
        let token = Token { kind, text: &rest[..length], at: self.at };
        self.at += length;
        if token.is_code() {
            self.divides = match kind {
                Kind::Word => !BEFORE_REGEX.contains(&token.text),
                Kind::Number | Kind::Text | Kind::Regex => true,
                Kind::Template => token.text.ends_with('`'),
                _ => matches!(token.text, ")" | "]" | "}"),
            };
        }
        Some(token)
    }
}

fn run(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| !belongs(*byte)).unwrap_or(bytes.len()).max(1)
}

/// Letters outside ASCII count as words: names may be in any script.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'#' | b'@') || byte >= 0x80
}

fn quoted(bytes: &[u8]) -> usize {
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'\n' | b'\r' => return at,
            byte if byte == bytes[0] => return at + 1,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// The length of the regular expression that `line` begins with, with its flags; `None` when it has no end there.
fn regex(line: &[u8]) -> Option<usize> {
    let (mut at, mut in_class) = (1, false);
    while at < line.len() {
        match line[at] {
            b'\\' => at += 1,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'/' if !in_class => {
                return Some(at + 1 + line[at + 1..].iter().take_while(|b| b.is_ascii_alphabetic()).count());
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// What a string or a template says: without quotes, escapes resolved.
pub(super) fn value(raw: &str) -> String {
    let inner = raw.trim_start_matches(['"', '\'', '`', '}']);
    let inner = inner.strip_suffix("${").unwrap_or(inner.trim_end_matches(['"', '\'', '`']));
    if !inner.contains('\\') {
        return inner.to_owned();
    }
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (c, length) = escape(rest);
        out.extend(c);
        rest = &rest[length..];
    }
    out + rest
}

/// The character that an escape behind its backslash stands for, and how long it is.
fn escape(text: &str) -> (Option<char>, usize) {
    let hex = |from: usize, to: usize| {
        let code = text.get(from..to).and_then(|digits| u32::from_str_radix(digits, 16).ok())?;
        char::from_u32(code)
    };
    match text.as_bytes().first() {
        None => (None, 0),
        Some(b'x') => hex(1, 3).map_or((Some('x'), 1), |c| (Some(c), 3)),
        Some(b'u') if text[1..].starts_with('{') => {
            let end = text.bytes().take(ESCAPE_BYTES_MAX).position(|byte| byte == b'}').unwrap_or(1);
            hex(2, end).map_or((Some('u'), 1), |c| (Some(c), end + 1))
        }
        Some(b'u') => hex(1, 5).map_or((Some('u'), 1), |c| (Some(c), 5)),
        Some(b'n') => (Some('\n'), 1),
        Some(b't') => (Some('\t'), 1),
        Some(b'\n') => (None, 1),
        Some(_) => {
            let c = text.chars().next();
            (c, c.map_or(0, char::len_utf8))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(script: &str, expected: &[&str]) {
        let code: Vec<_> = Tokens::of(script).filter(Token::is_code).map(|token| token.text).collect();
        assert_eq!(code, expected, "{script}");
        assert_eq!(Tokens::of(script).map(|token| token.text).collect::<String>(), script);
    }

    #[test]
    fn strings_comments_templates_and_expressions_are_whole() {
        check("a='x;y\\'z';//c\n/*;*/b", &["a", "=", "'x;y\\'z'", ";", "b"]);
        check("`a${b+`c${d}`}e`;f", &["`a${", "b", "+", "`c${", "d", "}`", "}e`", ";", "f"]);
        check("`${{a:1}}`", &["`${", "{", "a", ":", "1", "}", "}`"]);
        check("a/b/c", &["a", "/", "b", "/", "c"]);
        check("a=/[/;]\\//g.test(b)", &["a", "=", "/[/;]\\//g", ".", "test", "(", "b", ")"]);
        check("return /x/", &["return", "/x/"]);
        check("(a)/b", &["(", "a", ")", "/", "b"]);
    }

    #[test]
    fn nothing_fails() {
        for script in
            ["'", "`", "`${", "/*", "/*/", "/", "/a\nb", "\\", "'\\", "é'ü", "}", "`${}}}", "\u{2028}"]
        {
            assert_eq!(Tokens::of(script).map(|token| token.text).collect::<String>(), script);
        }
    }

    #[test]
    fn escapes_are_resolved() {
        for (raw, expected) in [
            (r#""\x68\u0074\u{74}p""#, "http"),
            ("'a\\'b'", "a'b"),
            ("`x${", "x"),
            ("}y`", "y"),
            (r"'\xZZ\u'", "xZZu"),
            ("'\\", ""),
        ] {
            assert_eq!(value(raw), expected, "{raw}");
        }
    }
}
