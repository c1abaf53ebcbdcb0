//! Which pages were told, and how often each was served since.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gabion_core::Timestamp;
use gabion_markup::PageClass;
use gabion_markup::page::{Page, ScriptSource};
use gabion_markup::sighting::{PageSeen, Seen, Sighting};

use super::recent::{Allowance, TOLD_AGAIN, lock};

const SHARDS: usize = 16;
/// Pages by path in each of 16 parts.
const GROUPS_PER_SHARD: usize = 128;
/// Contents of one page that are told apart: two languages, with and without a cart. Above them the oldest is forgotten.
const CONTENTS_MAX: usize = 8;
/// Bytes of pages in each of 16 parts, 32 MiB in all: what is told again is told as a whole.
const BYTES_PER_SHARD: usize = 2 << 20;
/// How long a page that nobody asks for is remembered.
const REMEMBERED: Duration = Duration::from_secs(3_600);
/// New contents of one page that are told at once, and then one in so many seconds: a page may be different in every answer,
/// and a skimmer in it must be noticed nevertheless.
const NEW_AT_ONCE: u32 = 10;
const NEW_EVERY: Duration = Duration::from_secs(2);
/// New pages of one class that are told in a second, and at once: addresses can be made up.
const NEW_PER_SECOND: u32 = 20;
const NEW_OF_CLASS_AT_ONCE: u32 = 500;
/// Bytes that a page takes besides the text of its scripts, and each thing in it.
const PAGE_BYTES: usize = 1_024;
const THING_BYTES: usize = 256;

/// Pages that were told.
pub(super) struct PageBook {
    shards: [Mutex<Shard>; SHARDS],
    new: [Allowance; PageClass::ALL.len()],
}

#[derive(Default)]
struct Shard {
    groups: HashMap<u64, Group>,
    bytes: usize,
}

/// A page, with every content it was served with.
struct Group {
    contents: Vec<Content>,
    new: Allowance,
}

struct Content {
    fingerprint: u64,
    /// As it was told.
    sighting: Arc<Sighting>,
    bytes: usize,
    told: Timestamp,
    seen: Timestamp,
    /// Since it was told.
    servings: u64,
}

/// What a serving comes to.
#[derive(Default)]
pub(super) struct Served {
    /// What is to be told, the page itself first.
    pub(super) tell: Vec<Sighting>,
    /// Whether it would have been told, were there not too many.
    pub(super) is_too_many: bool,
}

impl Default for PageBook {
    fn default() -> Self {
        let new = || Allowance::new(NEW_PER_SECOND, Duration::from_secs(1), NEW_OF_CLASS_AT_ONCE);
        Self { shards: Default::default(), new: PageClass::ALL.map(|_| new()) }
    }
}

impl PageBook {
    /// Counts a serving of the page `group`. What is new is told; what is known is counted, and told when it is due.
    pub(super) fn serve(&self, group: u64, fingerprint: u64, sighting: &Sighting) -> Served {
        let Seen::Page(page) = &sighting.seen else { return Served::default() };
        let now = sighting.at;
        let mut shard = lock(self.shard(group));
        let known = shard.groups.get_mut(&group);
        if let Some(content) = known.and_then(|known| known.content(fingerprint)) {
            content.servings += 1;
            content.seen = now;
            return Served::default();
        }
        let class = PageClass::ALL.iter().position(|class| *class == page.class).unwrap_or_default();
        let too_many = Served { is_too_many: true, ..Served::default() };
        if !self.new[class].take(now) {
            return too_many;
        }
        let known = shard.groups.entry(group).or_insert_with(Group::new);
        if !known.new.take(now) {
            return too_many;
        }
        let bytes = weight(&page.page);
        let sighting = Arc::new(sighting.clone());
        let tell = Sighting::clone(&sighting);
        known.contents.push(Content { fingerprint, sighting, bytes, told: now, seen: now, servings: 0 });
        let oldest = (known.contents.len() > CONTENTS_MAX).then(|| known.take_oldest()).flatten();
        shard.bytes += bytes;
        shard.bytes -= oldest.as_ref().map_or(0, |content| content.bytes);
        let forgotten: Vec<_> = oldest.into_iter().chain(shard.make_room(group)).collect();
        let counted = forgotten.into_iter().filter_map(|content| content.counted());
        Served { tell: std::iter::once(tell).chain(counted).collect(), is_too_many: false }
    }

    /// It was not told after all: it is new the next time.
    pub(super) fn forget(&self, group: u64, fingerprint: u64) {
        let mut shard = lock(self.shard(group));
        let Some(known) = shard.groups.get_mut(&group) else { return };
        let Some(place) = known.contents.iter().position(|content| content.fingerprint == fingerprint) else {
            return;
        };
        let content = known.contents.remove(place);
        shard.bytes -= content.bytes;
    }

    /// What was counted since it was told, where that is long ago; all of it at the end.
    pub(super) fn due(&self, now: Timestamp, is_end: bool) -> Vec<Sighting> {
        let mut due = Vec::new();
        for shard in &self.shards {
            let mut shard = lock(shard);
            let mut freed = 0;
            for content in shard.groups.values_mut().flat_map(|group| &mut group.contents) {
                if content.servings > 0 && (is_end || now.since(content.told) >= TOLD_AGAIN) {
                    due.extend(content.counted());
                    (content.told, content.servings) = (now, 0);
                }
            }
            shard.groups.retain(|_, group| {
                group.contents.retain(|content| {
                    let stays = now.since(content.seen) < REMEMBERED;
                    freed += if stays { 0 } else { content.bytes };
                    stays
                });
                !group.contents.is_empty()
            });
            shard.bytes -= freed;
        }
        due
    }

    fn shard(&self, group: u64) -> &Mutex<Shard> {
        &self.shards[usize::try_from(group % SHARDS as u64).expect("below 16")]
    }
}

impl Shard {
    /// Forgets what nobody asked for the longest until there is room; never `group`, unless it is alone.
    fn make_room(&mut self, group: u64) -> Vec<Content> {
        let mut forgotten = Vec::new();
        while self.groups.len() > GROUPS_PER_SHARD || self.bytes > BYTES_PER_SHARD {
            let others = self.groups.iter().filter(|(key, _)| **key != group);
            let oldest = others.min_by_key(|(_, group)| group.seen()).map(|(key, _)| *key);
            let Some(gone) = oldest.and_then(|key| self.groups.remove(&key)) else { break };
            self.bytes -= gone.contents.iter().map(|content| content.bytes).sum::<usize>();
            forgotten.extend(gone.contents);
        }
        forgotten
    }
}

impl Group {
    fn new() -> Self {
        Self { contents: Vec::new(), new: Allowance::new(1, NEW_EVERY, NEW_AT_ONCE) }
    }

    fn content(&mut self, fingerprint: u64) -> Option<&mut Content> {
        self.contents.iter_mut().find(|content| content.fingerprint == fingerprint)
    }

    fn seen(&self) -> Option<Timestamp> {
        self.contents.iter().map(|content| content.seen).max()
    }

    fn take_oldest(&mut self) -> Option<Content> {
        let oldest = self.contents.iter().enumerate().min_by_key(|(_, content)| content.seen);
        let place = oldest.map(|(place, _)| place)?;
        Some(self.contents.remove(place))
    }
}

impl Content {
    /// The sighting with the servings since it was told; none without any.
    fn counted(&self) -> Option<Sighting> {
        let mut sighting = (self.servings > 0).then(|| Sighting::clone(&self.sighting))?;
        sighting.at = self.seen;
        if let Seen::Page(page) = &mut sighting.seen {
            page.servings = self.servings;
        }
        Some(sighting)
    }
}

/// About how much memory a page takes.
fn weight(page: &Page) -> usize {
    let Page { scripts, handlers, forms, frames, links, media_origins, metas, .. } = page;
    let fields: usize = forms.iter().map(|form| form.fields.len() + form.actions.len()).sum();
    let things = [scripts.len(), handlers.len(), forms.len(), fields, frames.len(), links.len()];
    let things: usize = things.iter().sum::<usize>() + media_origins.len() + metas.len();
    let texts = scripts.iter().map(|script| match &script.source {
        ScriptSource::Inline(inline) => inline.beginning.len(),
        ScriptSource::Web(_) | ScriptSource::Opaque { .. } => 0,
    });
    PAGE_BYTES + things * THING_BYTES + texts.sum::<usize>()
}

/// Makes the sighting of a page.
pub(super) fn sighting(site: &gabion_core::SiteId, at: Timestamp, seen: PageSeen) -> Sighting {
    Sighting { site: site.clone(), at, seen: Seen::Page(Box::new(seen)) }
}

#[cfg(test)]
mod tests {
    use gabion_core::SiteId;
    use gabion_markup::Address;
    use gabion_markup::headers::SecurityHeaders;
    use gabion_markup::sighting::SeenBy;

    use super::*;

    fn page(seconds: i64) -> Sighting {
        let seen = PageSeen {
            class: PageClass::Payment,
            address: Address::parse("https://shop.example/pay").expect("an address"),
            status: 200,
            page: Page::default(),
            headers: SecurityHeaders::default(),
            servings: 1,
            by: SeenBy::Serving,
        };
        let site = SiteId::from_name("Tea").expect("a name");
        sighting(&site, Timestamp::from_seconds(seconds), seen)
    }

    fn servings(told: &[Sighting]) -> Vec<u64> {
        let servings = told.iter().map(|sighting| match &sighting.seen {
            Seen::Page(page) => page.servings,
            other => panic!("{other:?} is no page"),
        });
        servings.collect()
    }

    #[test]
    fn a_page_is_told_at_once_and_then_its_servings_every_ten_minutes() {
        let book = PageBook::default();
        assert_eq!(servings(&book.serve(1, 7, &page(1_000)).tell), [1]);
        for second in 1_001..1_020 {
            assert!(book.serve(1, 7, &page(second)).tell.is_empty());
        }
        let at = Timestamp::from_seconds;
        assert!(book.due(at(1_599), false).is_empty());
        let due = book.due(at(1_600), false);
        assert_eq!((servings(&due), due[0].at), (vec![19], at(1_019)));
        assert!(book.due(at(2_300), true).is_empty());
        assert_eq!(servings(&book.serve(1, 8, &page(2_300)).tell), [1]);
        assert!(book.serve(1, 7, &page(2_301)).tell.is_empty());
        assert_eq!(servings(&book.due(at(2_302), true)), [1]);
        assert!(book.due(at(6_000), false).is_empty());
        assert_eq!(lock(&book.shards[1]).bytes, 0);
    }

    #[test]
    fn a_page_that_is_different_in_every_answer_is_told_now_and_then() {
        let book = PageBook::default();
        let told = (0..6_000).filter(|n| {
            let seconds = 1_000 + i64::try_from(n / 100).expect("small");
            !book.serve(1, *n, &page(seconds)).tell.is_empty()
        });
        assert_eq!(told.count(), 10 + 29);
        let held: usize = lock(&book.shards[1]).groups.values().map(|group| group.contents.len()).sum();
        assert_eq!(held, CONTENTS_MAX);
    }

    #[test]
    fn made_up_addresses_fill_no_memory_and_tell_no_end() {
        let book = PageBook::default();
        let mut told = 0;
        for n in 0..100_000 {
            told += book.serve(n, 7, &page(1_000)).tell.len();
        }
        assert_eq!(told, 500);
        for n in 0..100_000 {
            let seconds = 2_000 + i64::try_from(n).expect("small");
            book.serve(n, 8, &page(seconds));
        }
        let groups: usize = book.shards.iter().map(|shard| lock(shard).groups.len()).sum();
        assert_eq!(groups, SHARDS * GROUPS_PER_SHARD);
        assert!(book.shards.iter().all(|shard| lock(shard).bytes <= BYTES_PER_SHARD));
    }

    #[test]
    fn what_was_not_told_is_new_again() {
        let book = PageBook::default();
        assert_eq!(book.serve(1, 7, &page(1_000)).tell.len(), 1);
        book.forget(1, 7);
        assert_eq!(book.serve(1, 7, &page(1_001)).tell.len(), 1);
    }
}
