//! The plain judge: a list of scripts that people have decided about.

use std::collections::BTreeMap;

use crate::address::Address;
use crate::hash::ContentHash;
use crate::page::{Script, ScriptSource};
use crate::rewrite::{Judge, Judgement};

/// Judges scripts by what they say and where they are. The most exact entry counts: an address with its query, without
/// it, then its origin.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Scripts that stand in the page, by what they say.
    pub inline: BTreeMap<ContentHash, Judgement>,
    /// Scripts that are loaded, by address.
    pub addresses: BTreeMap<Address, Judgement>,
    /// Scripts that are loaded, by origin: `https://js.pay.example`.
    pub origins: BTreeMap<String, Judgement>,
    /// All other scripts.
    pub otherwise: Judgement,
    /// Inline scripts that are too long to be held back until their end.
    pub too_long: Judgement,
}

impl Judge for Known {
    fn judge(&self, script: &Script, is_whole: bool) -> Judgement {
        let found = match &script.source {
            ScriptSource::Inline(_) if !is_whole => Some(&self.too_long),
            ScriptSource::Inline(inline) => self.inline.get(&inline.hash),
            ScriptSource::Web(address) => {
                let exact = self.addresses.get(address);
                exact
                    .or_else(|| self.addresses.get(&address.without_query()))
                    .or_else(|| self.origins.get(&address.origin()))
            }
            ScriptSource::Opaque { hash, .. } => self.inline.get(hash),
        };
        found.copied().unwrap_or(self.otherwise)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::{Inline, Outcome, ScriptKind};

    fn script(source: ScriptSource) -> Script {
        let (kind, outcome) = (ScriptKind::Classic, Outcome::Passed);
        Script { source, kind, integrity: None, has_nonce: false, outcome }
    }

    #[test]
    fn the_most_exact_entry_counts() {
        let address = |text: &str| Address::parse(text).expect("an address");
        let pinned = Judgement::Authorize { integrity: Some(ContentHash::of(b"x")) };
        let trusted = Judgement::Authorize { integrity: None };
        let known = Known {
            addresses: [
                (address("https://cdn.example/a.js"), pinned),
                (address("https://cdn.example/a.js?v=2"), Judgement::Deny),
            ]
            .into(),
            origins: [("https://cdn.example".to_owned(), trusted)].into(),
            otherwise: Judgement::Pass,
            ..Known::default()
        };
        for (text, expected) in [
            ("https://cdn.example/a.js?v=1", pinned),
            ("https://cdn.example/a.js?v=2", Judgement::Deny),
            ("https://cdn.example/b.js", trusted),
            ("https://evil.example/b.js", Judgement::Pass),
        ] {
            assert_eq!(known.judge(&script(ScriptSource::Web(address(text))), true), expected, "{text}");
        }
    }

    #[test]
    fn inline_scripts_are_known_by_what_they_say() {
        let hash = ContentHash::of(b"x");
        let known = Known {
            inline: [(hash, Judgement::Pass)].into(),
            otherwise: Judgement::Deny,
            too_long: Judgement::Pass,
            ..Known::default()
        };
        let inline =
            |hash| script(ScriptSource::Inline(Inline { hash, bytes: 1, beginning: "x".to_owned() }));
        assert_eq!(known.judge(&inline(hash), true), Judgement::Pass);
        assert_eq!(known.judge(&inline(ContentHash::of(b"y")), true), Judgement::Deny);
        assert_eq!(known.judge(&inline(ContentHash::of(b"y")), false), Judgement::Pass);
    }
}
