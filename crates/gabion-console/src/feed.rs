//! One list over the two places where events are kept: the journal, and the edge's own lane.
//!
//! Each has its own positions, so a place in the list is a pair of them. The lists are merged by time; inside one
//! source the order of positions is kept. Every read is bounded: a search for text looks at [`SCAN_MAX`] events of a
//! source and then gives a page that may be short, with the place where to go on.

use std::fmt;
use std::str::FromStr;

use gabion_core::{EventId, Severity};
use gabion_store::journal::{Entry, Filter, PAGE_MAX, View};
use gabion_store::lane::{Lane, LaneStats};
use gabion_store::{Journal, StoreError};
use tokio::sync::watch;

mod scan;
mod wanted;

pub(crate) use wanted::{Wanted, WantedFields};

/// Events of one source that one page may look at while it searches for text: about 20 ms of reading.
pub(crate) const SCAN_MAX: usize = 2_000;

/// Where an event is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    /// Written in the transaction of the change it tells of.
    Journal,
    /// Told by the edge: may be dropped in a flood.
    Edge,
}

impl Source {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Edge => "edge",
        }
    }
}

/// An event and where it is kept.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct Found {
    pub(crate) source: Source,
    #[serde(flatten)]
    pub(crate) entry: Entry,
}

/// A place between events: a position in each source. Written `41.7`; `41.` is behind all of the edge's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) journal: i64,
    pub(crate) edge: i64,
}

impl Place {
    /// Behind everything.
    pub(crate) const END: Self = Self { journal: i64::MAX, edge: i64::MAX };

    fn of(self, source: Source) -> i64 {
        match source {
            Source::Journal => self.journal,
            Source::Edge => self.edge,
        }
    }

    /// The later position of each source.
    pub(crate) fn max(self, other: Self) -> Self {
        Self { journal: self.journal.max(other.journal), edge: self.edge.max(other.edge) }
    }

    pub(crate) fn set(&mut self, source: Source, position: i64) {
        match source {
            Source::Journal => self.journal = position,
            Source::Edge => self.edge = position,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let position =
            |position: i64| if position == i64::MAX { String::new() } else { position.to_string() };
        write!(f, "{}.{}", position(self.journal), position(self.edge))
    }
}

/// A text that is no [`Place`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a place in the list of events")]
pub(crate) struct InvalidPlace;

impl FromStr for Place {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (journal, edge) = text.split_once('.').ok_or(InvalidPlace)?;
        let position = |text: &str| match text {
            "" => Some(i64::MAX),
            text => text.parse().ok().filter(|position: &i64| *position >= 0),
        };
        let place = position(journal).zip(position(edge)).map(|(journal, edge)| Self { journal, edge });
        place.ok_or(InvalidPlace)
    }
}

/// Which way to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Toward {
    /// Newest first, before a place.
    Older(Place),
    /// Newest first too, but the events next after a place.
    Newer(Place),
}

/// Some events, newest first.
pub(crate) struct Part {
    pub(crate) found: Vec<Found>,
    /// Where older ones are; none at the beginning of the list.
    pub(crate) older: Option<Place>,
    /// Where newer ones are; none when the list was read from its end.
    pub(crate) newer: Option<Place>,
}

/// The reading side of both sources.
#[derive(Clone)]
pub(crate) struct Feed {
    journal: Journal,
    lane: Lane,
}

impl Feed {
    pub(crate) fn new(journal: Journal, lane: Lane) -> Self {
        Self { journal, lane }
    }

    /// At most `limit` events.
    pub(crate) async fn page(
        &self,
        toward: Toward,
        limit: usize,
        wanted: &Wanted,
        view: View,
    ) -> Result<Part, StoreError> {
        let from_end = toward == Toward::Older(Place::END);
        let newest = self.newest();
        let mut runs = Vec::new();
        for source in wanted.sources() {
            runs.push(scan::run(self, *source, toward, limit, wanted, view).await?);
        }
        let part = scan::merge(runs, toward, limit, newest);
        Ok(if from_end { Part { newer: None, ..part } } else { part })
    }

    /// The newest events of at least this severity.
    pub(crate) async fn notable(
        &self,
        severity: Severity,
        limit: usize,
        view: View,
    ) -> Result<Vec<Found>, StoreError> {
        let wanted = Wanted { severity_min: Some(severity), ..Wanted::default() };
        Ok(self.page(Toward::Older(Place::END), limit, &wanted, view).await?.found)
    }

    /// One event. The edge's lane is asked first: it answers while the database is gone.
    pub(crate) async fn find(&self, id: EventId, view: View) -> Result<Option<Found>, StoreError> {
        if let Some(entry) = self.lane.find(id, view).await? {
            return Ok(Some(Found { source: Source::Edge, entry }));
        }
        let entry = self.journal.find(id, view).await?;
        Ok(entry.map(|entry| Found { source: Source::Journal, entry }))
    }

    /// The place behind the newest events. Costs nothing.
    pub(crate) fn newest(&self) -> Place {
        Place { journal: self.journal.newest(), edge: self.lane.newest() }
    }

    /// What became of the edge's events.
    pub(crate) fn lane_stats(&self) -> LaneStats {
        self.lane.stats()
    }

    /// Wakes when a source has something new.
    pub(crate) fn watch(&self) -> (watch::Receiver<i64>, watch::Receiver<i64>) {
        (self.journal.watch(), self.lane.watch())
    }

    async fn read(
        &self,
        source: Source,
        toward: Toward,
        limit: usize,
        filter: Filter,
        view: View,
    ) -> Result<Vec<Entry>, StoreError> {
        let limit = limit.min(PAGE_MAX);
        match (source, toward) {
            (Source::Journal, Toward::Older(place)) => {
                self.journal.read_back(Some(place.journal), limit, filter, view).await
            }
            (Source::Journal, Toward::Newer(place)) => {
                self.journal.read(place.journal, limit, filter, view).await
            }
            (Source::Edge, Toward::Older(place)) => {
                self.lane.read_back(Some(place.edge), limit, filter, view).await
            }
            (Source::Edge, Toward::Newer(place)) => self.lane.read(place.edge, limit, filter, view).await,
        }
    }
}

/// Both sources, in the order they are read.
pub(crate) const SOURCES: [Source; 2] = [Source::Journal, Source::Edge];
