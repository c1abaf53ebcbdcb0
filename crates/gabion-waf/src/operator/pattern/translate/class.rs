//! Classes of characters.

use super::Translator;
use crate::error::Fault;

impl Translator<'_> {
    /// A class, after its `[`.
    pub(super) fn class(&mut self) -> Result<(), Fault> {
        self.text.push('[');
        if let Some(after) = self.rest.strip_prefix(b"^") {
            self.text.push('^');
            self.rest = after;
        }
        let mut before = Before::Open;
        loop {
            let Some((&byte, after)) = self.rest.split_first() else {
                return Err(Fault::Pattern("a class is not closed".to_owned()));
            };
            if byte == b']' && before != Before::Open {
                self.text.push(']');
                self.rest = after;
                return Ok(());
            }
            if is_set(self.rest) {
                before = Before::Whole;
                self.set()?;
                continue;
            }
            self.rest = after;
            if byte == b'-' && before == Before::Byte && !is_set(after) && after.first() != Some(&b']') {
                before = Before::Range;
                self.text.push('-');
                continue;
            }
            before = if before == Before::Range { Before::Whole } else { Before::Byte };
            match byte {
                b'\\' => self.escape(true)?,
                b'-' => self.text.push_str("\\-"),
                byte if byte.is_ascii_alphanumeric() => self.text.push(char::from(byte)),
                byte => self.byte(byte),
            }
        }
    }

    /// A set inside of a class: a letter with a backslash, or `[:name:]`.
    fn set(&mut self) -> Result<(), Fault> {
        if let Some(after) = self.rest.strip_prefix(b"\\") {
            self.rest = after;
            return self.escape(true);
        }
        let end = self.rest.windows(2).position(|pair| pair == b":]").map_or(self.rest.len(), |at| at + 2);
        self.text.push_str(&String::from_utf8_lossy(&self.rest[..end]));
        self.rest = &self.rest[end..];
        Ok(())
    }
}

/// What stands before an item of a class, which says what `-` means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Nothing.
    Open,
    /// A byte, which can begin a range.
    Byte,
    /// The `-` of a range.
    Range,
    /// A set, or the end of a range.
    Whole,
}

/// Whether a set begins here.
fn is_set(text: &[u8]) -> bool {
    matches!(text, [b'\\', letter, ..] if b"dDwWsShHvV".contains(letter)) || is_posix(text)
}

fn is_posix(text: &[u8]) -> bool {
    text.starts_with(b"[:") && text.windows(2).any(|pair| pair == b":]")
}
