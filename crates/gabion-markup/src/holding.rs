//! What pages of a site are held to: decided by people, kept by whoever serves the pages.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::Address;
use crate::class::{ClassRule, PageClass};
use crate::hash::ContentHash;
use crate::page::{Inline, Script, ScriptSource};
use crate::policy::Allowlist;
use crate::rewrite::Judgement;
use crate::script::skeleton;

/// What the pages of one site are held to. Replaced as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteHolding {
    /// What pages are for, the first rule that fits.
    pub classes: Vec<ClassRule>,
    /// How each class is held. A class that is missing is only looked at.
    pub by_class: BTreeMap<PageClass, ClassHolding>,
    /// Origins that people stopped: their scripts do not run on any page.
    pub stopped_origins: BTreeSet<String>,
}

/// What pages of one class are held to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassHolding {
    /// How far it is.
    pub stage: Stage,
    /// What they may do.
    pub allowed: Allowlist,
    /// How scripts are told from each other.
    pub trust: TrustBy,
    /// Scripts that may run: they are given the nonce where there is one.
    pub authorized: BTreeSet<ScriptKey>,
    /// Scripts that people denied: they do not run, whatever the stage.
    pub denied: BTreeSet<ScriptKey>,
    /// What scripts at an address have to say, for `integrity`. Never of scripts that change by themselves.
    pub pinned: BTreeMap<Address, ContentHash>,
    /// What happens to a script that nobody decided about.
    pub undecided: Undecided,
}

/// How far a policy is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// Pages are only looked at; browsers are told nothing.
    Off,
    /// Browsers report, and run everything.
    #[default]
    Learn,
    /// Browsers keep to it.
    Enforce,
}

/// How scripts are told from each other; [`Trust`](crate::policy::Trust) without the nonce of one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrustBy {
    /// By place and hash.
    #[default]
    Places,
    /// Also by a nonce: needed where scripts in pages are different in every answer.
    Nonce,
    /// By nonce and hash only, and what those scripts load is trusted with them.
    StrictDynamic,
}

/// What happens to a script that nobody decided about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Undecided {
    /// It is told, and runs unless the policy is enforced.
    #[default]
    Told,
    /// It does not run.
    Stopped,
    /// The page is not served: customers are led to this address instead, such as a payment link.
    Elsewhere(Address),
}

/// What makes two scripts the same one to whoever decides about them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScriptKey {
    /// What is loaded from there, whatever its query and its content.
    Web(Address),
    /// What stands in a page, word for word.
    Inline(ContentHash),
    /// What stands in a page but for numbers and plain words in quotes: see [`skeleton`].
    Skeleton(ContentHash),
    /// An event handler or `javascript:` address.
    Handler(ContentHash),
    /// An address that is not of the web, such as `data:`.
    Opaque(ContentHash),
}

impl ScriptKey {
    /// The key of a script's own words or place.
    pub fn of(source: &ScriptSource) -> Self {
        match source {
            ScriptSource::Web(address) => Self::Web(address.without_query()),
            ScriptSource::Inline(inline) => Self::Inline(inline.hash),
            ScriptSource::Opaque { hash, .. } => Self::Opaque(*hash),
        }
    }

    /// The key of a script in the page without what is different in every answer, where it has one.
    pub fn skeleton_of(inline: &Inline) -> Option<Self> {
        let is_whole = inline.beginning.len() as u64 == inline.bytes;
        is_whole.then(|| skeleton(&inline.beginning)).flatten().map(Self::Skeleton)
    }
}

impl std::fmt::Display for ScriptKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Web(address) => write!(f, "{address}"),
            Self::Inline(hash) => write!(f, "inline:{hash}"),
            Self::Skeleton(hash) => write!(f, "skeleton:{hash}"),
            Self::Handler(hash) => write!(f, "handler:{hash}"),
            Self::Opaque(hash) => write!(f, "opaque:{hash}"),
        }
    }
}

/// The text is no [`ScriptKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the key of a script")]
pub struct NotAKey;

impl std::str::FromStr for ScriptKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let hash = |make: fn(ContentHash) -> Self, text: &str| text.parse().map(make).map_err(|_| NotAKey);
        match text.split_once(':') {
            Some(("inline", rest)) => hash(Self::Inline, rest),
            Some(("skeleton", rest)) => hash(Self::Skeleton, rest),
            Some(("handler", rest)) => hash(Self::Handler, rest),
            Some(("opaque", rest)) => hash(Self::Opaque, rest),
            _ => Address::parse(text).map(Self::Web).ok_or(NotAKey),
        }
    }
}

impl SiteHolding {
    /// What becomes of `script` on a page of `class`. `is_whole` says whether its hash is that of all of it.
    pub fn judgement(&self, class: PageClass, script: &Script, is_whole: bool) -> Judgement {
        let from_stopped = match &script.source {
            ScriptSource::Web(address) => self.stopped_origins.contains(&address.origin()),
            ScriptSource::Inline(_) | ScriptSource::Opaque { .. } => false,
        };
        if from_stopped {
            return Judgement::Deny;
        }
        self.by_class.get(&class).map_or(Judgement::Pass, |held| held.judgement(script, is_whole))
    }
}

impl ClassHolding {
    /// Whether somebody decided about `script`, and how.
    pub fn decision(&self, script: &Script, is_whole: bool) -> Option<bool> {
        let key = is_whole.then(|| ScriptKey::of(&script.source));
        let skeleton = || match &script.source {
            ScriptSource::Inline(inline) if is_whole => ScriptKey::skeleton_of(inline),
            _ => None,
        };
        let decided = |key: &ScriptKey| match (self.denied.contains(key), self.authorized.contains(key)) {
            (true, _) => Some(false),
            (false, true) => Some(true),
            (false, false) => None,
        };
        key.as_ref().and_then(decided).or_else(|| skeleton().as_ref().and_then(decided))
    }

    fn judgement(&self, script: &Script, is_whole: bool) -> Judgement {
        match self.decision(script, is_whole) {
            Some(false) => Judgement::Deny,
            Some(true) => {
                let pin = match &script.source {
                    ScriptSource::Web(address) => self.pinned.get(&address.without_query()),
                    ScriptSource::Inline(_) | ScriptSource::Opaque { .. } => None,
                };
                Judgement::Authorize { integrity: pin.copied() }
            }
            None if self.undecided == Undecided::Stopped => Judgement::Deny,
            None => Judgement::Pass,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::{Outcome, ScriptKind};

    fn script(source: ScriptSource) -> Script {
        let (kind, outcome) = (ScriptKind::Classic, Outcome::Passed);
        Script { source, kind, integrity: None, has_nonce: false, outcome }
    }

    fn inline(text: &str) -> ScriptSource {
        ScriptSource::Inline(Inline {
            hash: ContentHash::of(text.as_bytes()),
            bytes: text.len() as u64,
            beginning: text.to_owned(),
        })
    }

    fn web(text: &str) -> ScriptSource {
        ScriptSource::Web(Address::parse(text).expect("an address"))
    }

    #[test]
    fn keys_are_read_as_they_are_written() {
        let hash = ContentHash::of(b"x");
        for key in [
            ScriptKey::of(&web("https://shop.example/a.js?v=2")),
            ScriptKey::Inline(hash),
            ScriptKey::Skeleton(hash),
            ScriptKey::Handler(hash),
            ScriptKey::Opaque(hash),
        ] {
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        assert_eq!("inline:x".parse::<ScriptKey>(), Err(NotAKey));
    }

    #[test]
    fn a_script_that_differs_only_in_a_token_is_the_same() {
        let mut held = ClassHolding { undecided: Undecided::Stopped, ..ClassHolding::default() };
        let ScriptSource::Inline(first) = inline("var csrf = 'abc123';") else {
            unreachable!("it is inline")
        };
        held.authorized.extend(ScriptKey::skeleton_of(&first));
        let authorized = Judgement::Authorize { integrity: None };
        assert_eq!(held.judgement(&script(inline("var csrf = 'def456';")), true), authorized);
        assert_eq!(held.judgement(&script(inline("var csrf = 'def456';")), false), Judgement::Deny);
        assert_eq!(
            held.judgement(&script(inline("var csrf = 'https://evil.example';")), true),
            Judgement::Deny
        );
    }

    #[test]
    fn what_people_denied_does_not_run_at_any_stage() {
        let mut held = ClassHolding { stage: Stage::Learn, ..ClassHolding::default() };
        let key = ScriptKey::of(&web("https://cdn.example/a.js"));
        held.authorized.insert(key.clone());
        let mut site = SiteHolding::default();
        let a = script(web("https://cdn.example/a.js?v=1"));
        site.by_class.insert(PageClass::Payment, held.clone());
        assert_eq!(site.judgement(PageClass::Payment, &a, true), Judgement::Authorize { integrity: None });
        held.denied.insert(key);
        site.by_class.insert(PageClass::Payment, held);
        assert_eq!(site.judgement(PageClass::Payment, &a, true), Judgement::Deny);
        assert_eq!(site.judgement(PageClass::Other, &a, true), Judgement::Pass);
        site.stopped_origins.insert("https://cdn.example".to_owned());
        assert_eq!(site.judgement(PageClass::Other, &a, true), Judgement::Deny);
    }
}
