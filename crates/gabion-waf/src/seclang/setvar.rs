//! `setvar`: sets, changes and removes values.

use crate::error::Fault;
use crate::seclang::template::{Piece, Template};
use crate::slots::{Slot, Slots};
use crate::variable::{Shape, Variable};

/// An entry of a collection that rules may write.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) collection: Variable,
    pub(crate) key: Template,
    /// Where it is held if it is one of TX and its name does not change; given by [`Entry::bind`].
    pub(crate) slot: Option<Slot>,
}

impl Entry {
    pub(crate) fn bind(&mut self, slots: &mut Slots) {
        self.key.bind(slots);
        if let (Variable::Tx, Some(key)) = (self.collection, self.key.constant()) {
            self.slot = Some(slots.slot(key));
        }
    }

    /// Reads `collection.key` or `collection:key`.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Fault> {
        let at = text
            .iter()
            .position(|byte| matches!(byte, b'.' | b':'))
            .ok_or(Fault::Syntax("an entry is named collection.key"))?;
        let name = String::from_utf8_lossy(&text[..at]);
        let collection = Variable::find(name.trim())
            .filter(|variable| *variable == Variable::Tx || variable.shape() == Shape::Persistent)
            .ok_or_else(|| Fault::value(name.clone(), "a collection that rules may write"))?;
        let key = text[at + 1..].trim_ascii();
        if key.is_empty() {
            return Err(Fault::Syntax("an entry is named collection.key"));
        }
        Ok(Self { collection, key: Template::parse(key)?, slot: None })
    }
}

/// What happens to an entry.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Set(Template),
    Add(Template),
    Subtract(Template),
    Remove,
}

/// One `setvar`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SetVar {
    pub(crate) entry: Entry,
    pub(crate) change: Change,
}

impl SetVar {
    /// Reads `entry=value`, `entry=+value`, `entry=-value`, `entry` (sets 1) or `!entry`.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Fault> {
        if let Some(entry) = text.strip_prefix(b"!") {
            return Ok(Self { entry: Entry::parse(entry)?, change: Change::Remove });
        }
        // The `=` inside of a macro belongs to no assignment, but no macro has one.
        let Some(at) = text.iter().position(|byte| *byte == b'=') else {
            return Ok(Self { entry: Entry::parse(text)?, change: Change::Set(Template::parse(b"1")?) });
        };
        let entry = Entry::parse(text[..at].trim_ascii())?;
        // The sign is that of the rule, never that of a value a client sent.
        let change = match &text[at + 1..] {
            [b'+', amount @ ..] if is_amount(amount)? => Change::Add(Template::parse(amount)?),
            [b'-', amount @ ..] if is_amount(amount)? => Change::Subtract(Template::parse(amount)?),
            value => Change::Set(Template::parse(value)?),
        };
        Ok(Self { entry, change })
    }
}

/// Whether this can be a number: digits, or a single macro. Anything else after a sign is text.
fn is_amount(text: &[u8]) -> Result<bool, Fault> {
    let template = Template::parse(text)?;
    Ok(match &*template.pieces {
        [Piece::Value(_)] => true,
        [Piece::Text(text)] => text.iter().all(u8::is_ascii_digit),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(text: &str) -> Change {
        SetVar::parse(text.as_bytes()).expect(text).change
    }

    #[test]
    fn signs_mean_arithmetic_only_before_a_number() {
        let template = |text: &str| Template::parse(text.as_bytes()).expect("template");
        assert_eq!(change("tx.a=5"), Change::Set(template("5")));
        assert_eq!(change("tx.a=+%{tx.b}"), Change::Add(template("%{tx.b}")));
        assert_eq!(change("ip.a=-1"), Change::Subtract(template("1")));
        assert_eq!(change("tx.a=+x"), Change::Set(template("+x")));
        assert_eq!(change("tx.a"), Change::Set(template("1")));
        assert_eq!(change("!tx.a"), Change::Remove);
        assert_eq!(change("tx.a_%{tx.0}=|a|"), Change::Set(template("|a|")));
    }

    #[test]
    fn only_writable_collections_are_written() {
        for text in ["args.x=1", "tx", "tx.=1", "nothing.x=1"] {
            assert!(SetVar::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
