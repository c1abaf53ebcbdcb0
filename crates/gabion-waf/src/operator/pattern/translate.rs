//! From the syntax of PCRE to that of the `regex` and `fancy-regex` crates.

mod class;

use std::fmt::Write as _;

use crate::error::Fault;

/// What the translated pattern runs on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Bytes, without Unicode.
    Bytes,
    /// Text with one character for each byte.
    Latin1,
    /// As bytes, without looking around or back: matches what the pattern matches, and more.
    Superset,
}

/// A boundary of ASCII words, where `\b` would be one of Unicode.
const BOUNDARY: &str = "(?:(?<=[0-9A-Za-z_])(?![0-9A-Za-z_])|(?<![0-9A-Za-z_])(?=[0-9A-Za-z_]))";
const NO_BOUNDARY: &str = "(?:(?<=[0-9A-Za-z_])(?=[0-9A-Za-z_])|(?<![0-9A-Za-z_])(?![0-9A-Za-z_]))";

/// A translated pattern.
pub(super) struct Translated {
    pub(super) text: String,
    /// Whether it looks around or back, which the linear engine cannot.
    pub(super) looks_around: bool,
}

/// Translates a pattern. What it means stays the same, except that possessive repetitions and atomic groups give
/// back what they matched: a pattern matches more values then, never fewer.
pub(super) fn translate(source: &[u8], dialect: Dialect) -> Result<Translated, Fault> {
    let mut translator = Translator { rest: source, text: String::new(), looks_around: false, dialect };
    translator.run()?;
    Ok(Translated { text: translator.text, looks_around: translator.looks_around })
}

struct Translator<'a> {
    rest: &'a [u8],
    text: String,
    looks_around: bool,
    dialect: Dialect,
}

impl Translator<'_> {
    fn run(&mut self) -> Result<(), Fault> {
        while let Some((&first, after)) = self.rest.split_first() {
            match first {
                b'\\' => {
                    self.rest = after;
                    self.escape(false)?;
                }
                b'[' => {
                    self.rest = after;
                    self.class()?;
                }
                b'(' => self.group()?,
                b'{' => self.brace(),
                b'}' => self.copy("\\}", 1),
                b'*' | b'+' | b'?' => {
                    self.text.push(char::from(first));
                    self.rest = after;
                    self.possessive();
                }
                _ => {
                    self.rest = after;
                    self.literal(first);
                }
            }
        }
        Ok(())
    }

    /// Writes something else for so many bytes.
    fn copy(&mut self, text: &str, length: usize) {
        self.text.push_str(text);
        self.rest = &self.rest[length..];
    }

    /// A byte that means itself or is syntax common to all.
    fn literal(&mut self, byte: u8) {
        if byte.is_ascii() {
            self.text.push(char::from(byte));
        } else {
            self.byte(byte);
        }
    }

    /// A byte by its number, which is never syntax.
    fn byte(&mut self, byte: u8) {
        write!(self.text, "\\x{byte:02X}").expect("a String takes everything");
    }

    /// Drops the `+` that makes a repetition possessive.
    fn possessive(&mut self) {
        self.rest = self.rest.strip_prefix(b"+").unwrap_or(self.rest);
    }

    /// A group: the kinds that both sides know, comments, atomic groups.
    fn group(&mut self) -> Result<(), Fault> {
        match self.rest {
            [b'(', b'?', b'#', ..] => {
                let end = self.rest.iter().position(|byte| *byte == b')');
                let end = end.ok_or_else(|| Fault::Pattern("a comment is not closed".to_owned()))?;
                self.rest = &self.rest[end + 1..];
            }
            [b'(', b'?', b'>', ..] => self.copy("(?:", 3),
            [b'(', b'?', b'=' | b'!', ..] => {
                self.looks_around = true;
                let kind = if self.rest[2] == b'=' { "(?=" } else { "(?!" };
                self.look(kind);
            }
            [b'(', b'?', b'<', b'=' | b'!', ..] => {
                self.looks_around = true;
                let kind = if self.rest[3] == b'=' { "(?<=" } else { "(?<!" };
                self.look(kind);
            }
            [b'(', b'?', b'|' | b'(' | b'&' | b'R' | b'0'..=b'9', ..] | [b'(', b'*', ..] => {
                return Err(Fault::Pattern(
                    "branch resets, conditions, recursion and verbs are not supported".into(),
                ));
            }
            _ => self.copy("(", 1),
        }
        // The `?` of `(?:` and `(?i)` is no repetition.
        if let Some(after) = self.rest.strip_prefix(b"?") {
            self.text.push('?');
            self.rest = after;
        }
        Ok(())
    }

    /// The beginning of a look around. Without looking, what is looked for may be there or not.
    fn look(&mut self, kind: &str) {
        let written = if self.dialect == Dialect::Superset { "(?:|" } else { kind };
        self.copy(written, kind.len());
    }

    /// A brace is a repetition only as `{n}`, `{n,}` or `{n,m}`.
    fn brace(&mut self) {
        let end = self.rest.iter().position(|byte| *byte == b'}');
        let inner = end.and_then(|end| str::from_utf8(&self.rest[1..end]).ok());
        let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let repetition = inner.is_some_and(|inner| match inner.split_once(',') {
            Some((least, most)) => number(least) && (most.is_empty() || number(most)),
            None => number(inner),
        });
        match (inner, repetition) {
            (Some(inner), true) => {
                self.copy(&format!("{{{inner}}}"), inner.len() + 2);
                self.possessive();
            }
            _ => self.copy("\\{", 1),
        }
    }

    /// What follows a backslash, outside or inside of a class.
    fn escape(&mut self, class: bool) -> Result<(), Fault> {
        let Some((&first, after)) = self.rest.split_first() else {
            return Err(Fault::Pattern("a backslash at the end".to_owned()));
        };
        self.rest = after;
        match first {
            b'x' => self.hexadecimal(),
            b'0' => self.octal(0),
            b'1'..=b'7' if class => self.octal(first - b'0'),
            b'1'..=b'9' if !class => {
                self.looks_around = true;
                self.back(first);
            }
            b'a' => self.byte(0x07),
            b'e' => self.byte(0x1b),
            b'f' => self.byte(0x0c),
            b'n' => self.byte(b'\n'),
            b'r' => self.byte(b'\r'),
            b't' => self.byte(b'\t'),
            b'c' => {
                let Some((&letter, after)) = self.rest.split_first() else {
                    return Err(Fault::Pattern("a backslash at the end".to_owned()));
                };
                self.rest = after;
                self.byte(letter.to_ascii_uppercase() ^ 0x40);
            }
            b'b' if class => self.byte(0x08),
            b'b' | b'B' => {
                self.text.push_str(match (self.dialect, first) {
                    (Dialect::Latin1, b'b') => BOUNDARY,
                    (Dialect::Latin1, _) => NO_BOUNDARY,
                    (_, b'b') => "\\b",
                    (_, _) => "\\B",
                });
            }
            b'd' | b'D' | b'w' | b'W' | b's' | b'S' | b'h' | b'H' | b'v' | b'V' => {
                self.shorthand(first, class)?
            }
            b'N' if !class => self.text.push_str("[^\\n]"),
            b'R' if !class => self.text.push_str("(?:\\r\\n|[\\n-\\r\\x85])"),
            b'A' if !class => self.text.push_str("\\A"),
            b'z' | b'Z' if !class => self.text.push_str("\\z"),
            b'Q' => {
                let end = self.rest.windows(2).position(|pair| pair == b"\\E").unwrap_or(self.rest.len());
                for byte in &self.rest[..end] {
                    self.byte(*byte);
                }
                self.rest = self.rest.get(end + 2..).unwrap_or_default();
            }
            b'E' => {}
            letter if letter.is_ascii_alphanumeric() => {
                return Err(Fault::Pattern(format!("\\{} is not supported", char::from(letter))));
            }
            other => self.byte(other),
        }
        Ok(())
    }

    /// A look back at a group, with its first digit. Without looking, anything may stand there.
    fn back(&mut self, digit: u8) {
        if self.dialect == Dialect::Superset {
            self.text.push_str("(?s:.*)");
            let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            self.rest = &self.rest[digits..];
        } else {
            self.text.push('\\');
            self.text.push(char::from(digit));
        }
    }

    /// A set with a letter. In the text dialect it is spelled out, so that it stays ASCII.
    fn shorthand(&mut self, letter: u8, class: bool) -> Result<(), Fault> {
        let set = match letter.to_ascii_lowercase() {
            b'd' => "0-9",
            b'w' => "0-9A-Za-z_",
            b's' => "\\t-\\r ",
            b'h' => "\\t \\xA0",
            _ => "\\n-\\r\\x85",
        };
        let negated = letter.is_ascii_uppercase();
        match (class, negated) {
            (false, true) => write!(self.text, "[^{set}]"),
            (false, false) => write!(self.text, "[{set}]"),
            (true, false) => write!(self.text, "{set}"),
            (true, true) => write!(self.text, "[^{set}]"),
        }
        .map_err(|error| Fault::Pattern(error.to_string()))
    }

    /// `\xHH`, `\xH`, `\x{HH}`.
    fn hexadecimal(&mut self) {
        if let [b'{', inner @ ..] = self.rest
            && let Some(end) = inner.iter().position(|byte| *byte == b'}')
            && let Some(byte) =
                str::from_utf8(&inner[..end]).ok().and_then(|text| u8::from_str_radix(text, 16).ok())
        {
            self.byte(byte);
            self.rest = &inner[end + 1..];
            return;
        }
        let digits = self.rest.iter().take(2).take_while(|byte| byte.is_ascii_hexdigit()).count();
        let text = str::from_utf8(&self.rest[..digits]).unwrap_or_default();
        self.byte(u8::from_str_radix(text, 16).unwrap_or_default());
        self.rest = &self.rest[digits..];
    }

    /// Up to two more octal digits.
    fn octal(&mut self, first: u8) {
        let mut value = first;
        for _ in 0..2 {
            let Some((digit @ b'0'..=b'7', after)) = self.rest.split_first() else { break };
            value = value.wrapping_mul(8).wrapping_add(digit - b'0');
            self.rest = after;
        }
        self.byte(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &str) {
        let translated = translate(source.as_bytes(), Dialect::Bytes).expect(source);
        assert_eq!(translated.text, expected, "{source}");
    }

    #[test]
    fn syntax_that_differs_is_translated() {
        check(r"a{1,2}b{,2}c{x}", r"a{1,2}b\{,2\}c\{x\}");
        check(r"\x{41}\x5c\xZ\/\<\>", r"\x41\x5C\x00Z\x2F\x3C\x3E");
        check(r"a++b*+c?+d{2}+", r"a+b*c?d{2}");
        check(r"(?>a)(?:b)(?i)c(?#note)", r"(?:a)(?:b)(?i)c");
        check(r"[]a]", r"[\x5Da]");
        check(r"[[&&+--\]-a]", r"[\x5B\x26\x26\x2B-\-\x5D-a]");
        check(r"[a-c-e]", r"[a-c\-e]");
        check(r"[\w-.]", r"[0-9A-Za-z_\-\x2E]");
        check(r"[a-z\d-]", r"[a-z0-9\-]");
        check(r"[\b\0\12]", r"[\x08\x00\x0A]");
        check(r"[[:alpha:]_]", r"[[:alpha:]\x5F]");
        check(r"[^\W]", r"[^[^0-9A-Za-z_]]");
        check(r"é", r"\xC3\xA9");
        check(r"\Qa.b\E.", r"\x61\x2E\x62.");
    }

    #[test]
    fn looking_around_is_noticed() {
        for source in ["(?=a)", "(?!a)", "(?<=a)", "(?<!a)", r"(a)\1"] {
            assert!(translate(source.as_bytes(), Dialect::Bytes).expect(source).looks_around, "{source}");
        }
        assert!(!translate(br"(?<name>a)\\1", Dialect::Bytes).expect("pattern").looks_around);
    }

    #[test]
    fn a_superset_looks_nowhere() {
        let superset = |source: &str| translate(source.as_bytes(), Dialect::Superset).expect(source).text;
        assert_eq!(superset(r"a(?!b|c)d(?<=e)\bf"), r"a(?:|b|c)d(?:|e)\bf");
        assert_eq!(superset(r"(a)\12b"), r"(a)(?s:.*)b");
    }

    #[test]
    fn what_cannot_be_translated_is_refused() {
        for source in ["a\\", "[a", r"\G", "(?|a)", "(*FAIL)", "(?R)"] {
            assert!(translate(source.as_bytes(), Dialect::Bytes).is_err(), "{source}");
        }
    }
}
