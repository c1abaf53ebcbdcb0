//! What a policy would stop.

use serde::Serialize;

use super::parse::{Directive, Policy, PolicySet};
use super::source::{Source, scheme_matches};
use crate::address::Address;
use crate::hash::ContentHash;
use crate::page::{FrameSource, LinkKind, Outcome, Page, ScriptSource};

/// What a page wants to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject<'a> {
    /// Run a script that is loaded.
    Script {
        /// Where it is.
        from: Where<'a>,
        /// Its nonce.
        nonce: Option<&'a str>,
        /// Its `integrity`.
        integrity: Option<&'a str>,
        /// Whether it stands in the page, and was not put there by another script.
        is_in_page: bool,
    },
    /// Run a script that stands in the page.
    Inline {
        /// What it says.
        hash: ContentHash,
        /// Its nonce.
        nonce: Option<&'a str>,
    },
    /// Run an event handler or a `javascript:` address.
    Handler {
        /// What it says.
        hash: ContentHash,
    },
    /// Make script of text, as `eval` does.
    Eval,
    /// Load, send to or show something; with the directive that governs it, such as `connect-src` or `form-action`.
    Reach {
        /// The directive.
        directive: &'a str,
        /// Where to.
        to: Where<'a>,
    },
}

/// Where something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where<'a> {
    /// On the web.
    Web(&'a Address),
    /// Not on the web: `data`, `blob`.
    Scheme(&'a str),
}

/// What a policy says to a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may, and no directive governs it.
    Ungoverned,
    /// It may.
    Allowed,
    /// It may not; with the directive that forbids it.
    Forbidden(String),
}

/// Something of a page that a policy would stop.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Broken {
    /// The directive that forbids it.
    pub directive: String,
    /// What it is: an address without its query, or a hash.
    pub what: String,
}

impl PolicySet {
    /// Whether browsers would let `subject` pass: no enforced policy forbids it.
    pub fn allows(&self, subject: &Subject<'_>, page: &Address) -> bool {
        self.enforced().all(|policy| !matches!(policy.weigh(subject, page), Verdict::Forbidden(_)))
    }
}

impl Policy {
    /// What the policy says to `subject` on a page at `page`, enforced or not. CSP level 3, section 6.
    pub fn weigh(&self, subject: &Subject<'_>, page: &Address) -> Verdict {
        let name = match subject {
            Subject::Script { .. } | Subject::Inline { .. } => "script-src-elem",
            Subject::Handler { .. } => "script-src-attr",
            Subject::Eval => "script-src",
            Subject::Reach { directive, .. } => directive,
        };
        let Some(directive) = self.effective(name) else { return Verdict::Ungoverned };
        let is_allowed = match subject {
            Subject::Script { from, nonce, integrity, is_in_page } => {
                directive.has_nonce(*nonce)
                    || directive.has_integrity(*integrity)
                    || match directive.has(&Source::StrictDynamic) {
                        true => !is_in_page,
                        false => directive.reaches(*from, page),
                    }
            }
            Subject::Inline { hash, nonce } => {
                directive.has_nonce(*nonce) || directive.has_hash(hash) || directive.allows_all_inline()
            }
            Subject::Handler { hash } => {
                directive.allows_all_inline()
                    || (directive.has(&Source::UnsafeHashes) && directive.has_hash(hash))
            }
            Subject::Eval => directive.has(&Source::UnsafeEval),
            Subject::Reach { to, .. } => directive.reaches(*to, page),
        };
        if is_allowed { Verdict::Allowed } else { Verdict::Forbidden(directive.name.clone()) }
    }
}

impl Directive {
    fn has(&self, source: &Source) -> bool {
        self.sources.contains(source)
    }

    fn has_nonce(&self, nonce: Option<&str>) -> bool {
        let nonce = nonce.filter(|nonce| !nonce.is_empty());
        nonce.is_some_and(|nonce| {
            self.sources.iter().any(|source| matches!(source, Source::Nonce(known) if known == nonce))
        })
    }

    fn has_hash(&self, hash: &ContentHash) -> bool {
        self.has(&Source::Hash(hash.to_string()))
    }

    /// What the directive says to an inline script of which only is known that it is one; `None` when that depends on
    /// what it says.
    pub(crate) fn allows_unknown_inline(&self) -> Option<bool> {
        let may_be_meant = |source: &Source| matches!(source, Source::Nonce(_) | Source::Hash(_));
        match self.allows_all_inline() {
            true => Some(true),
            false => (!self.sources.iter().any(may_be_meant)).then_some(false),
        }
    }

    /// Whether all hashes of an `integrity` are among those of the directive. CSP level 3, section 6.7.1.1, step 3.
    fn has_integrity(&self, integrity: Option<&str>) -> bool {
        let mut words = integrity.unwrap_or_default().split_ascii_whitespace().peekable();
        words.peek().is_some() && words.all(|word| self.has(&Source::parse(&format!("'{word}'"))))
    }

    /// `'unsafe-inline'` counts only without nonces, hashes and `'strict-dynamic'`. CSP level 3, section 6.7.3.2.
    fn allows_all_inline(&self) -> bool {
        let outweighs =
            |source: &Source| matches!(source, Source::Nonce(_) | Source::Hash(_) | Source::StrictDynamic);
        self.has(&Source::UnsafeInline) && !self.sources.iter().any(outweighs)
    }

    fn reaches(&self, to: Where<'_>, page: &Address) -> bool {
        match to {
            Where::Web(address) => self.sources.iter().any(|source| source.matches(address, page)),
            Where::Scheme(scheme) => self
                .sources
                .iter()
                .any(|source| matches!(source, Source::Scheme(allowed) if scheme_matches(allowed, scheme))),
        }
    }
}

/// Everything of a page at `at` that `policy` would stop, each once. `nonce` is the one that the policy names; scripts
/// that were authorized or have one of the shop's are taken to carry it.
pub fn breakage(policy: &Policy, page: &Page, at: &Address, nonce: Option<&str>) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut weigh = |subject: &Subject<'_>, what: String| {
        if let Verdict::Forbidden(directive) = policy.weigh(subject, at) {
            broken.push(Broken { directive, what });
        }
    };
    for script in page.scripts.iter().filter(|script| script.kind.is_governed()) {
        let nonce = nonce.filter(|_| script.outcome == Outcome::Authorized || script.has_nonce);
        match &script.source {
            ScriptSource::Inline(inline) => {
                weigh(&Subject::Inline { hash: inline.hash, nonce }, inline.hash.to_string());
            }
            ScriptSource::Web(address) => {
                let from = Where::Web(address);
                let integrity = script.integrity.as_deref();
                let subject = Subject::Script { from, nonce, integrity, is_in_page: true };
                weigh(&subject, address.without_query().to_string());
            }
            ScriptSource::Opaque { scheme, hash } => {
                let from = Where::Scheme(scheme);
                let subject = Subject::Script { from, nonce, integrity: None, is_in_page: true };
                weigh(&subject, hash.to_string());
            }
        }
    }
    for handler in &page.handlers {
        weigh(&Subject::Handler { hash: handler.hash }, handler.hash.to_string());
    }
    let mut reach: Vec<(&str, Address)> = Vec::new();
    let actions = page.forms.iter().flat_map(|form| &form.actions);
    reach.extend(actions.map(|address| ("form-action", address.clone())));
    for frame in &page.frames {
        if let FrameSource::Web(address) = &frame.source {
            let is_plugin = matches!(frame.element.as_str(), "object" | "embed");
            reach.push((if is_plugin { "object-src" } else { "frame-src" }, address.clone()));
        }
    }
    for link in &page.links {
        match link.kind {
            LinkKind::Stylesheet => reach.push(("style-src-elem", link.address.clone())),
            LinkKind::Manifest => reach.push(("manifest-src", link.address.clone())),
            LinkKind::Preload | LinkKind::ModulePreload | LinkKind::Ahead => {}
        }
    }
    for origin in &page.media_origins {
        match Address::parse(origin) {
            Some(address) => reach.push(("img-src", address)),
            None => {
                let to = Where::Scheme(origin.trim_end_matches(':'));
                weigh(&Subject::Reach { directive: "img-src", to }, origin.clone());
            }
        }
    }
    for (directive, address) in &reach {
        let to = Where::Web(address);
        weigh(&Subject::Reach { directive, to }, address.without_query().to_string());
    }
    broken.sort();
    broken.dedup();
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text).expect("an address")
    }

    #[track_caller]
    fn check(policy: &str, subject: &Subject<'_>, expected: bool) {
        let set = PolicySet::parse([policy], []);
        assert_eq!(set.allows(subject, &address("https://shop.example/")), expected, "{policy} {subject:?}");
    }

    #[test]
    fn scripts_pass_by_place_nonce_hash_or_trust() {
        let cdn = address("https://cdn.example/a.js");
        let script = |nonce, integrity, is_in_page| Subject::Script {
            from: Where::Web(&cdn),
            nonce,
            integrity,
            is_in_page,
        };
        let pin = ContentHash::of(b"x").to_string();
        let two = format!("{pin} sha256-aaaa");
        check("img-src 'none'", &script(None, None, true), true);
        check("default-src 'none'", &script(None, None, true), false);
        check("script-src cdn.example", &script(None, None, true), true);
        check("default-src 'none'; script-src-elem cdn.example", &script(None, None, true), true);
        check("script-src 'nonce-abc'", &script(Some("abc"), None, true), true);
        check("script-src 'nonce-abc'", &script(Some("abd"), None, true), false);
        check(&format!("script-src '{pin}'"), &script(None, Some(&pin), true), true);
        check(&format!("script-src '{pin}'"), &script(None, Some(&two), true), false);
        check("script-src cdn.example 'strict-dynamic'", &script(None, None, true), false);
        check("script-src 'none' 'strict-dynamic'", &script(None, None, false), true);
    }

    #[test]
    fn inline_scripts_and_handlers_pass_by_hash_or_all_together() {
        let hash = ContentHash::of(b"go()");
        let (inline, handler) = (Subject::Inline { hash, nonce: None }, Subject::Handler { hash });
        check("script-src 'unsafe-inline'", &inline, true);
        check("script-src 'unsafe-inline'", &handler, true);
        check("script-src 'unsafe-inline' 'nonce-abc'", &inline, false);
        check(&format!("script-src '{hash}'"), &inline, true);
        check(&format!("script-src '{hash}'"), &handler, false);
        check(&format!("script-src '{hash}' 'unsafe-hashes'"), &handler, true);
        check("script-src 'self'", &Subject::Eval, false);
        check("script-src 'unsafe-eval'", &Subject::Eval, true);
    }

    #[test]
    fn every_policy_has_a_say_and_reports_have_none() {
        let evil = address("https://evil.example/");
        let reach = Subject::Reach { directive: "connect-src", to: Where::Web(&evil) };
        let page = address("https://shop.example/");
        assert!(!PolicySet::parse(["connect-src *, connect-src 'self'"], []).allows(&reach, &page));
        assert!(PolicySet::parse(["connect-src *"], ["connect-src 'self'"]).allows(&reach, &page));
        let data = Subject::Reach { directive: "img-src", to: Where::Scheme("data") };
        check("img-src *", &data, false);
        check("img-src data:", &data, true);
    }
}
