//! Reading one source with a filter, and merging the sources.

use std::collections::VecDeque;

use gabion_store::StoreError;
use gabion_store::journal::{Entry, PAGE_MAX, View};

use super::{Feed, Found, Part, Place, SCAN_MAX, Source, Toward, Wanted};

/// What one source gave.
pub(super) struct Run {
    source: Source,
    /// In reading order.
    entries: VecDeque<Entry>,
    /// Where the source goes on when all entries are taken; none at its end.
    next: Option<i64>,
}

/// Reads up to `limit` matching events of a source, and one more to know whether there are any.
pub(super) async fn run(
    feed: &Feed,
    source: Source,
    mut toward: Toward,
    limit: usize,
    wanted: &Wanted,
    view: View,
) -> Result<Run, StoreError> {
    let chunk = if wanted.text.is_some() { PAGE_MAX } else { limit + 1 };
    let mut run = Run { source, entries: VecDeque::new(), next: None };
    let mut scanned = 0;
    loop {
        let read = feed.read(source, toward, chunk, wanted.filter(), view).await?;
        scanned += read.len();
        let at_end = read.len() < chunk.min(PAGE_MAX);
        run.next = read.last().map(|entry| entry.position).filter(|_| !at_end);
        run.entries.extend(read.into_iter().filter(|entry| wanted.has_text(&entry.event)));
        match run.next {
            Some(position) if run.entries.len() <= limit && scanned < SCAN_MAX => {
                toward.go_on(source, position)
            }
            _ => return Ok(run),
        }
    }
}

impl Toward {
    fn go_on(&mut self, source: Source, position: i64) {
        match self {
            Self::Older(place) | Self::Newer(place) => place.set(source, position),
        }
    }

    fn start(self) -> Place {
        match self {
            Self::Older(place) | Self::Newer(place) => place,
        }
    }
}

/// Takes up to `limit` events from all runs by time and says where the list goes on in both directions.
///
/// `newest` is the end of the list: positions given out later must be newer than any place in the answer.
pub(super) fn merge(mut runs: Vec<Run>, toward: Toward, limit: usize, newest: Place) -> Part {
    let start = toward.start();
    let newest_first = matches!(toward, Toward::Older(_));
    // Where each source was entered, and how far it was taken.
    let (mut first, mut last) = (start, start);
    let mut entered = [false; 2];
    let mut found = Vec::new();
    while found.len() < limit {
        let Some(run) = next_run(&mut runs, newest_first) else { break };
        let Some(entry) = run.entries.pop_front() else { break };
        if !std::mem::replace(&mut entered[run.source as usize], true) {
            first.set(run.source, entry.position);
        }
        last.set(run.source, entry.position);
        found.push(Found { source: run.source, entry });
    }
    let more = runs.iter().any(|run| !run.entries.is_empty() || run.next.is_some());
    for run in runs.iter().filter(|run| run.entries.is_empty()) {
        if let Some(position) = run.next {
            last.set(run.source, position);
        }
    }
    // A place lies between events: whoever comes back from the other side must see the first one again.
    for (source, entered) in [(Source::Journal, entered[0]), (Source::Edge, entered[1])] {
        if !entered && newest_first {
            first.set(source, start.of(source).saturating_sub(1).min(newest.of(source)));
        } else if !entered {
            first.set(source, start.of(source).saturating_add(1));
        }
    }
    if newest_first {
        Part { found, older: more.then_some(last), newer: Some(first) }
    } else {
        found.reverse();
        Part { found, older: Some(first), newer: more.then_some(last) }
    }
}

/// The run whose next event comes first.
fn next_run(runs: &mut [Run], newest_first: bool) -> Option<&mut Run> {
    let at = |run: &Run| run.entries.front().map(|entry| entry.event.at);
    let waiting = runs.iter_mut().filter(|run| !run.entries.is_empty());
    if newest_first { waiting.max_by_key(|run| at(run)) } else { waiting.min_by_key(|run| at(run)) }
}

#[cfg(test)]
mod tests {
    use gabion_core::{Actor, Event, EventId, EventKind, Severity, Timestamp};

    use super::*;

    const KIND: EventKind = EventKind::new("test.happened", 1, Severity::Info);

    const NEWEST: Place = Place { journal: 9, edge: 9 };

    /// Events whose position is also their second.
    fn run(source: Source, positions: &[i64], next: Option<i64>) -> Run {
        let entry = |position: &i64| Entry {
            position: *position,
            event: Event::new(
                &KIND,
                EventId::from_bits(1),
                Timestamp::from_seconds(*position),
                Actor::System,
            ),
        };
        Run { source, entries: positions.iter().map(entry).collect(), next }
    }

    fn positions(part: &Part) -> Vec<i64> {
        part.found.iter().map(|found| found.entry.position).collect()
    }

    #[test]
    fn sources_are_merged_by_time_and_left_where_they_stand() {
        let runs = vec![run(Source::Journal, &[9, 5, 1], None), run(Source::Edge, &[8, 7, 2], Some(2))];
        let part = merge(runs, Toward::Older(Place::END), 4, NEWEST);
        assert_eq!(positions(&part), [9, 8, 7, 5]);
        assert_eq!(part.older, Some(Place { journal: 5, edge: 7 }));
    }

    #[test]
    fn the_last_page_has_nothing_older_and_leads_back() {
        let start = Place { journal: 5, edge: 7 };
        let runs = vec![run(Source::Journal, &[1], None), run(Source::Edge, &[], None)];
        let part = merge(runs, Toward::Older(start), 4, NEWEST);
        assert_eq!(positions(&part), [1]);
        assert_eq!(part.older, None);
        assert_eq!(part.newer, Some(Place { journal: 1, edge: 6 }));
    }

    #[test]
    fn newer_pages_are_shown_newest_first_too() {
        let start = Place { journal: 1, edge: 6 };
        let runs = vec![run(Source::Journal, &[5, 9], None), run(Source::Edge, &[7, 8], None)];
        let part = merge(runs, Toward::Newer(start), 3, NEWEST);
        assert_eq!(positions(&part), [8, 7, 5]);
        assert_eq!(part.newer, Some(Place { journal: 5, edge: 8 }));
        assert_eq!(part.older, Some(Place { journal: 5, edge: 7 }));
    }

    #[test]
    fn a_search_that_found_nothing_goes_on_where_it_stopped() {
        let runs = vec![run(Source::Journal, &[], Some(100)), run(Source::Edge, &[], None)];
        let part = merge(runs, Toward::Older(Place::END), 10, NEWEST);
        assert!(part.found.is_empty());
        assert_eq!(part.older, Some(Place { journal: 100, edge: i64::MAX }));
    }
}
