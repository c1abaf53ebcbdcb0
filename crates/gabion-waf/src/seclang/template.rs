//! Texts with macros: `found %{MATCHED_VAR} in %{tx.kind}`.

use std::fmt;

use crate::error::Fault;
use crate::slots::{Slot, Slots};
use crate::variable::{Shape, Variable};

/// A text with places for values.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Template {
    pub(crate) pieces: Box<[Piece]>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    Text(Box<[u8]>),
    Value(Reference),
}

/// One value: a variable, and which entry if it is a collection.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reference {
    pub(crate) variable: Variable,
    pub(crate) key: Box<[u8]>,
    /// Where an entry of TX is held; given by [`Template::bind`].
    pub(crate) slot: Option<Slot>,
}

impl Reference {
    /// Reads `variable`, `variable.key` or `variable:key`.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Fault> {
        let at = text.iter().position(|byte| matches!(byte, b'.' | b':'));
        let (name, key) = at.map_or((text, &b""[..]), |at| (&text[..at], &text[at + 1..]));
        let name = String::from_utf8_lossy(name);
        let variable = Variable::find(name.trim()).ok_or_else(|| Fault::unknown("variable", name))?;
        if variable.shape() == Shape::Scalar && !key.is_empty() {
            return Err(Fault::value(
                String::from_utf8_lossy(key),
                "possible here: the variable has one value",
            ));
        }
        Ok(Self { variable, key: key.into(), slot: None })
    }
}

impl Template {
    /// Reads a text. A `%{` without an end is plain text.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Fault> {
        let mut pieces = Vec::new();
        let mut plain = Vec::new();
        let mut rest = text;
        while let Some(at) = memchr::memmem::find(rest, b"%{") {
            let Some(end) = memchr::memchr(b'}', &rest[at..]) else { break };
            plain.extend_from_slice(&rest[..at]);
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain).into()));
            }
            pieces.push(Piece::Value(Reference::parse(&rest[at + 2..at + end])?));
            rest = &rest[at + end + 1..];
        }
        plain.extend_from_slice(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain.into()));
        }
        Ok(Self { pieces: pieces.into() })
    }

    /// Gives every entry of TX that it names a slot.
    pub(crate) fn bind(&mut self, slots: &mut Slots) {
        for piece in &mut self.pieces {
            if let Piece::Value(reference) = piece
                && reference.variable == Variable::Tx
            {
                reference.slot = Some(slots.slot(&reference.key));
            }
        }
    }

    /// The text, if it has no places for values.
    pub(crate) fn constant(&self) -> Option<&[u8]> {
        match &*self.pieces {
            [] => Some(b""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }
}

/// As it is written in rules; bytes that are no UTF-8 are shown as such.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(&String::from_utf8_lossy(text)),
            Piece::Value(Reference { variable, key, .. }) if key.is_empty() => {
                write!(f, "%{{{}}}", variable.name())
            }
            Piece::Value(Reference { variable, key, .. }) => {
                write!(f, "%{{{}.{}}}", variable.name(), String::from_utf8_lossy(key))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macros_are_found_and_everything_else_is_text() {
        let template = Template::parse(b"a %{tx.b} %{MATCHED_VAR}%{").expect("template");
        assert_eq!(
            &*template.pieces,
            [
                Piece::Text((*b"a ").into()),
                Piece::Value(Reference { variable: Variable::Tx, key: (*b"b").into(), slot: None }),
                Piece::Text((*b" ").into()),
                Piece::Value(Reference { variable: Variable::MatchedVar, key: (*b"").into(), slot: None }),
                Piece::Text((*b"%{").into()),
            ]
        );
        assert_eq!(Template::parse(b"100%").expect("text").constant(), Some(&b"100%"[..]));
        assert!(Template::parse(b"%{nothing}").is_err());
    }
}
