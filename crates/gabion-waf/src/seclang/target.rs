//! Which values a rule looks at: `ARGS|!ARGS:q|&TX:x|REQUEST_COOKIES:/^id/`.

use regex::bytes::Regex;

use crate::error::Fault;
use crate::operator::pattern;
use crate::slots::{Slot, Slots};
use crate::variable::{Shape, Variable};

/// Which entries of a collection are meant.
#[derive(Clone, Debug)]
pub(crate) enum Selector {
    All,
    /// The entry of that name, in any case.
    Name(Box<[u8]>),
    /// Entries whose name matches.
    Pattern(Box<Regex>),
}

impl Selector {
    pub(crate) fn selects(&self, name: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Name(wanted) => wanted.eq_ignore_ascii_case(name),
            Self::Pattern(pattern) => pattern.is_match(name),
        }
    }
}

impl PartialEq for Selector {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, Self::All) => true,
            (Self::Name(a), Self::Name(b)) => a.eq_ignore_ascii_case(b),
            (Self::Pattern(a), Self::Pattern(b)) => a.as_str() == b.as_str(),
            _ => false,
        }
    }
}

/// Some values: a variable and which of its entries.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Selection {
    pub(crate) variable: Variable,
    pub(crate) selector: Selector,
    /// Where the entries of TX are held that it selects, of those that rules name; given by [`Targets::bind`].
    pub(crate) slots: Box<[Slot]>,
}

impl Selection {
    /// Reads `NAME` or `NAME:selector`.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Fault> {
        let (name, key) = match text.iter().position(|byte| *byte == b':' || *byte == b'.') {
            Some(at) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        };
        let name = str::from_utf8(name).map_err(|_| Fault::Syntax("a variable name that is no text"))?.trim();
        let variable = Variable::find(name).ok_or_else(|| Fault::unknown("variable", name))?;
        let Some(key) = key.map(<[u8]>::trim_ascii) else {
            return Ok(Self { variable, selector: Selector::All, slots: Box::default() });
        };
        let written = || String::from_utf8_lossy(key).into_owned();
        if variable == Variable::Xml {
            let variable = match key {
                b"/*" => Variable::XmlText,
                b"//@*" => Variable::XmlAttributes,
                _ => return Err(Fault::refused(written(), "of XPath, only /* and //@* are read")),
            };
            return Ok(Self { variable, selector: Selector::All, slots: Box::default() });
        }
        if variable.shape() == Shape::Scalar {
            return Err(Fault::Value {
                value: written(),
                expected: "possible here: the variable has one value",
            });
        }
        let key = key.strip_prefix(b"'").and_then(|key| key.strip_suffix(b"'")).unwrap_or(key);
        let selector = match key {
            [] => return Err(Fault::Syntax("an empty selector")),
            [b'/', inner @ .., b'/'] => Selector::Pattern(Box::new(pattern::selector(inner)?)),
            name => Selector::Name(name.into()),
        };
        Ok(Self { variable, selector, slots: Box::default() })
    }

    /// Whether an entry of a variable is among them. An entry of ARGS_GET or ARGS_POST is one of ARGS, too.
    pub(crate) fn covers(&self, variable: Variable, name: &[u8]) -> bool {
        let same = self.variable == variable
            || matches!(self.variable.shape(), Shape::Union(a, b) if variable == a || variable == b);
        same && self.selector.selects(name)
    }
}

/// What a rule looks at.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Targets {
    pub(crate) included: Vec<Target>,
    pub(crate) excluded: Vec<Selection>,
}

/// Values, or their number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) selection: Selection,
    pub(crate) count: bool,
}

impl Targets {
    /// Reads a list divided by `|`.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Fault> {
        let mut targets = Self::default();
        for part in parts(text) {
            let part = part.trim_ascii();
            match part {
                [b'!', excluded @ ..] => targets.excluded.push(Selection::parse(excluded)?),
                [b'&', counted @ ..] => {
                    targets.included.push(Target { selection: Selection::parse(counted)?, count: true });
                }
                [] => return Err(Fault::Syntax("an empty place in the list of variables")),
                _ => targets.included.push(Target { selection: Selection::parse(part)?, count: false }),
            }
        }
        Ok(targets)
    }

    /// Finds the slots of the entries of TX that it selects, once all names are known.
    pub(crate) fn bind(&mut self, slots: &Slots) {
        for Target { selection, .. } in &mut self.included {
            if selection.variable == Variable::Tx {
                let names = slots.names().iter().enumerate();
                selection.slots = names
                    .filter(|(_, name)| selection.selector.selects(name))
                    .map(|(place, _)| Slot(place))
                    .collect();
            }
        }
    }

    /// Takes out exclusions that exclude nothing, so that equal lists look equal.
    pub(crate) fn narrow(&mut self) {
        let touches = |excluded: &Selection, target: &Target| {
            let (a, b) = (excluded.variable, target.selection.variable);
            a == b
                || matches!(a.shape(), Shape::Union(one, two) if b == one || b == two)
                || matches!(b.shape(), Shape::Union(one, two) if a == one || a == two)
        };
        let included = &self.included;
        self.excluded.retain(|excluded| included.iter().any(|target| touches(excluded, target)));
    }

    /// Adds what an update lists, both the new and the excluded.
    pub(crate) fn extend(&mut self, more: Self) {
        self.included.extend(more.included);
        self.excluded.extend(more.excluded);
    }
}

/// Divides at `|` and `,`, but not inside of `:/.../` or quotes.
fn parts(text: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'|' | b',' => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            b'\'' => at = closing(text, at, b'\''),
            b'/' if at > 0 && text[at - 1] == b':' && !is_xpath(&text[start..at]) => {
                at = closing(text, at, b'/')
            }
            _ => {}
        }
        at += 1;
    }
    parts.push(&text[start..]);
    parts
}

fn is_xpath(before: &[u8]) -> bool {
    let name = before.strip_suffix(b":").unwrap_or(before).trim_ascii();
    name.ends_with(b"XML") || name.ends_with(b"xml")
}

/// The index of the next unescaped delimiter, or the end.
fn closing(text: &[u8], open: usize, delimiter: u8) -> usize {
    let mut at = open + 1;
    while at < text.len() && text[at] != delimiter {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_keep_bars_inside_of_patterns() {
        let targets =
            Targets::parse(br"ARGS|!ARGS:q|&TX:x|REQUEST_COOKIES:/^a|b\/c$/|XML:/*|XML://@*|FILES:'a|b'")
                .expect("targets");
        assert_eq!(targets.included.len(), 6);
        assert_eq!(targets.excluded.len(), 1);
        assert!(targets.included[1].count);
        let cookie = &targets.included[2].selection;
        assert!(cookie.covers(Variable::RequestCookies, b"abc"));
        assert!(cookie.covers(Variable::RequestCookies, b"b/c"));
        assert_eq!(targets.included[3].selection.variable, Variable::XmlText);
        assert_eq!(targets.included[4].selection.variable, Variable::XmlAttributes);
        assert!(targets.included[5].selection.covers(Variable::Files, b"A|B"));
    }

    #[test]
    fn mistakes_are_refused() {
        for (text, message) in [
            ("ARG", "unknown variable \"ARG\""),
            ("ARGS|", "an empty place in the list of variables"),
            ("ARGS:", "an empty selector"),
            ("REMOTE_ADDR:x", "\"x\" is not possible here: the variable has one value"),
            ("XML:/a/b", "/a/b is not supported: of XPath, only /* and //@* are read"),
        ] {
            assert_eq!(Targets::parse(text.as_bytes()).expect_err(text).to_string(), message);
        }
        assert!(Targets::parse(b"ARGS:/(/").is_err());
    }
}
