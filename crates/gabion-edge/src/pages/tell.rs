//! What was found in an answer, told to whoever keeps account of pages.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use gabion_core::{SiteId, Timestamp};
use gabion_markup::answer::Leaks;
use gabion_markup::headers::SecurityHeaders;
use gabion_markup::page::{FrameSource, Meta, Page, ScriptSource};
use gabion_markup::sighting::{PageSeen, ScriptSeen, Seen, SeenBy, Sighting};
use gabion_markup::{Address, PageClass, Partial};

use super::read::{Found, ScriptFound};
use super::recent::Turn;
use super::repeat::Repeat;
use super::{Watch, book, path};
use crate::Edge;

/// Scripts of the shop's own that are remembered as told, in each of two halves.
pub(super) const SCRIPTS_KEPT_MAX: usize = 2_048;
/// Leaks that are remembered as told, in each of two halves.
pub(super) const LEAKS_KEPT_MAX: usize = 1_024;

/// An answer that is told of when it was read.
pub(super) struct Account {
    pub(super) edge: Edge,
    pub(super) site: SiteId,
    pub(super) class: PageClass,
    /// Where it is, without query.
    pub(super) address: Address,
    pub(super) status: u16,
    /// Without Gabion's own policy.
    pub(super) headers: SecurityHeaders,
}

impl Account {
    /// The answer was read.
    pub(super) fn settle(self, found: Found) {
        let Found { page, script, leaks } = found;
        let (edge, at) = (self.edge.clone(), self.edge.now());
        let watch = edge.watch();
        if let Some(leaks) = leaks.filter(|leaks| !leaks.leaks.is_empty()) {
            self.leaks(watch, at, leaks);
        }
        if let Some(script) = script.filter(|_| self.is_success()) {
            self.script(watch, at, &script);
        }
        if let Some(page) = page {
            watch.metrics.pages_seen.fetch_add(1, Ordering::Relaxed);
            if self.is_success() {
                self.page(watch, at, page);
            }
        }
    }

    /// The answer was read, and is compared with next time.
    pub(super) fn keep(&self, repeat: Repeat, script: &ScriptFound) {
        repeat.keep(&self.edge.watch().repeats, script);
    }

    /// The answer is a page that could not be read.
    pub(super) fn unread(self, why: Partial) {
        let page = Page { partial: [why].into(), ..Page::default() };
        self.settle(Found { page: Some(page), ..Found::default() });
    }

    /// Whether it is what was asked for: pages of errors have any address.
    fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    fn page(self, watch: &Arc<Watch>, at: Timestamp, mut page: Page) {
        scrub(&mut page);
        let seen = PageSeen {
            class: self.class,
            address: self.grouped(),
            status: self.status,
            page,
            headers: self.headers,
            servings: 1,
            by: SeenBy::Serving,
        };
        let fingerprint = watch.fingerprints.of(&seen);
        let key = watch.key.hash().text(self.site.as_str()).text(&seen.address.to_string());
        let group = key.text(seen.class.as_str()).finish();
        let served = watch.pages.serve(group, fingerprint, &book::sighting(&self.site, at, seen));
        watch.dropped(u64::from(served.is_too_many));
        for (place, sighting) in served.tell.into_iter().enumerate() {
            if !watch.offer(sighting) && place == 0 {
                watch.pages.forget(group, fingerprint);
            }
        }
    }

    fn script(&self, watch: &Arc<Watch>, at: Timestamp, script: &ScriptFound) {
        let address = self.address.scrubbed();
        let key = watch.key.hash().text(self.site.as_str()).text(&address.to_string());
        let key = key.text(&script.hash.to_string()).finish();
        let seen = || {
            Seen::Script(ScriptSeen {
                address,
                hash: script.hash,
                bytes: script.bytes,
                beginning: String::from_utf8_lossy(&script.beginning).into_owned(),
                by: SeenBy::Serving,
            })
        };
        match watch.scripts.turn(key, at) {
            Turn::Known => {}
            Turn::TooMany => watch.dropped(1),
            Turn::Tell => {
                if !watch.offer(Sighting { site: self.site.clone(), at, seen: seen() }) {
                    watch.scripts.forget(key);
                }
            }
        }
    }

    fn leaks(&self, watch: &Arc<Watch>, at: Timestamp, leaks: Leaks) {
        let address = self.grouped();
        let start = watch.key.hash().text(self.site.as_str()).text(&address.to_string());
        let key = leaks.leaks.iter().fold(start, |key, leak| key.text(leak.code)).finish();
        match watch.leaks.turn(key, at) {
            Turn::Known => {}
            Turn::TooMany => watch.dropped(1),
            Turn::Tell => {
                let seen = Seen::Leak { address, leaks };
                if !watch.offer(Sighting { site: self.site.clone(), at, seen }) {
                    watch.leaks.forget(key);
                }
            }
        }
    }

    fn grouped(&self) -> Address {
        grouped(&self.address)
    }
}

/// The address with `*` in place of what is different for every customer.
pub(super) fn grouped(address: &Address) -> Address {
    let text = format!("{}{}", address.origin(), path::grouped(address.path()));
    Address::parse(&text).unwrap_or_else(|| address.clone()).scrubbed()
}

/// Takes from a page what may belong to a customer: queries, and what looks like a card number in addresses.
fn scrub(page: &mut Page) {
    let Page { base, scripts, forms, frames, links, metas, .. } = page;
    let clean = |address: &mut Address| *address = address.scrubbed();
    base.iter_mut().for_each(clean);
    for script in scripts {
        if let ScriptSource::Web(address) = &mut script.source {
            clean(address);
        }
    }
    forms.iter_mut().flat_map(|form| &mut form.actions).for_each(clean);
    for frame in frames {
        if let FrameSource::Web(address) = &mut frame.source {
            clean(address);
        }
    }
    links.iter_mut().for_each(|link| clean(&mut link.address));
    for meta in metas {
        if let Meta::Refresh(address) = meta {
            clean(address);
        }
    }
}
