//! What makes two servings of a page the same one.

use std::fmt::{self, Write};
use std::sync::Mutex;

use gabion_markup::headers::SecurityHeaders;
use gabion_markup::holding::ScriptKey;
use gabion_markup::page::{Inline, Meta, Page, ScriptKind, ScriptSource};
use gabion_markup::sighting::PageSeen;

use super::recent::{Recent, lock};
use crate::rate_limit::{Hash, HashKey};

/// Inline scripts whose key is remembered, in each of two halves: most are in every page of a shop, and reading one for its
/// key takes as long as reading the page.
const KEYS_KEPT_MAX: usize = 2_048;

/// Makes fingerprints.
pub(super) struct Fingerprints {
    key: HashKey,
    known: Mutex<Recent<u64>>,
}

impl Fingerprints {
    pub(super) fn new(key: HashKey) -> Self {
        Self { key, known: Mutex::new(Recent::new(KEYS_KEPT_MAX)) }
    }

    /// Of what a page runs, where it sends and what protects it. Nonces do not count, nor what is different in every answer
    /// in a script that is otherwise the same, nor data that no browser runs.
    pub(super) fn of(&self, seen: &PageSeen) -> u64 {
        let PageSeen { page, headers, status, .. } = seen;
        let Page { base, scripts, handlers, forms, frames, links, media_origins, metas, partial, .. } = page;
        let mut text = Text(self.key.hash().word((*status).into()));
        for script in scripts.iter().filter(|script| script.kind.is_governed()) {
            match &script.source {
                ScriptSource::Inline(inline) => text.0 = text.0.word(self.key_of(seen, inline)),
                source => text.add(&ScriptKey::of(source)),
            }
            let kind = matches!(script.kind, ScriptKind::Module);
            text.add(&(kind, &script.integrity, script.has_nonce, script.outcome));
        }
        for handler in handlers {
            text.add(&(&handler.element, &handler.attribute, handler.hash));
        }
        for meta in metas {
            match meta {
                Meta::Policy(policy) => {
                    text.add(&SecurityHeaders::read([("content-security-policy", policy.as_bytes())]))
                }
                other => text.add(other),
            }
        }
        text.add(&(base, forms, frames));
        text.add(&(links, media_origins, partial, headers));
        text.0.finish()
    }

    /// On pages of one class, the first script of a kind is known word for word, so that the second, with other numbers, is
    /// told as well: from then on both are one.
    fn key_of(&self, seen: &PageSeen, inline: &Inline) -> u64 {
        let there = (seen.class, seen.address.origin());
        let words = self.hash_of(&(&there, inline.hash));
        if let Some(key) = lock(&self.known).get(words) {
            return key;
        }
        let Some(skeleton) = ScriptKey::skeleton_of(inline) else {
            lock(&self.known).put(words, words);
            return words;
        };
        let skeleton = self.hash_of(&(there, skeleton));
        let mut known = lock(&self.known);
        let key = if known.get(skeleton).is_some() { skeleton } else { words };
        known.put(skeleton, skeleton);
        known.put(words, key);
        key
    }

    fn hash_of(&self, what: &dyn fmt::Debug) -> u64 {
        let mut text = Text(self.key.hash());
        text.add(what);
        text.0.finish()
    }
}

/// Hashes what something looks like.
struct Text(Hash);

impl Text {
    fn add(&mut self, what: &dyn fmt::Debug) {
        write!(self, "{what:?};").expect("hashing cannot fail");
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.text(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use gabion_markup::sighting::SeenBy;
    use gabion_markup::{Address, Collector, PageClass, Rewrite};

    use super::*;

    fn seen(html: &str, policy: &str) -> PageSeen {
        let address = Address::parse("https://shop.example/pay").expect("an address");
        let mut collector = Collector::new(&address, None, Rewrite::default());
        let mut out = Vec::new();
        collector.write(html.as_bytes(), &mut out);
        PageSeen {
            class: PageClass::Payment,
            address,
            status: 200,
            page: collector.finish(&mut out),
            headers: SecurityHeaders::read([("content-security-policy", policy.as_bytes())]),
            servings: 1,
            by: SeenBy::Serving,
        }
    }

    #[test]
    fn nonces_tokens_and_data_do_not_count_and_everything_else_does() {
        let prints = Fingerprints::new(HashKey::from(&[7; 16]));
        let of = |html: &str, policy: &str| prints.of(&seen(html, policy));
        let page = "<script nonce=a>var t='k3J5s';</script><script type=text/json>{\"a\":1}</script><form action=/pay>";
        let alone = of(page, "script-src 'nonce-a'");
        assert_eq!(alone, of(page, "script-src 'nonce-a'"), "from memory");
        let other = page.replace("k3J5s", "q8R2t");
        let first = of(&other, "script-src 'nonce-a'");
        assert_ne!(first, alone, "the second of its kind is told");
        let same = "<script nonce=b>var t='zz9x';</script><script type=text/json>{\"a\":2}</script><form action=/pay>";
        assert_eq!(first, of(same, "script-src 'nonce-b'"));
        assert_eq!(first, of(same, "script-src 'nonce-b'"), "also from memory");
        for (html, policy) in [
            (page.replace("var t", "var u"), "script-src 'nonce-a'"),
            (page.replace("/pay", "https://evil.example/"), "script-src 'nonce-a'"),
            (page.replace(" nonce=a", ""), "script-src 'nonce-a'"),
            (page.replace("<form", "<img onerror=go()><form"), "script-src 'nonce-a'"),
            (page.to_owned(), "script-src 'nonce-a' https:"),
            (page.to_owned(), ""),
        ] {
            assert_ne!(first, of(&html, policy), "{html} {policy}");
        }
    }
}
