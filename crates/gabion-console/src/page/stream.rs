//! New events as server-sent events (WHATWG HTML section 9.2): each message is one table row.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::IntoResponse;
use axum::response::sse::{self, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use gabion_core::Timestamp;
use gabion_store::journal::View;
use gabion_web::{Problem, Viewer};
use http::HeaderMap;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use super::event_row::EventRow;
use super::query;
use crate::Console;
use crate::feed::{Found, Place, Toward, Wanted, WantedFields};

/// How long one stream lasts. The browser connects again by itself and is authenticated anew, so that a session
/// that ended stops seeing events.
const STREAM_MAX: Duration = Duration::from_secs(300);
/// Between two comments that keep proxies from closing a quiet stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Events read at once.
const BATCH: usize = 100;

pub(super) async fn follow(
    State(console): State<Console>,
    Viewer(staff): Viewer,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<impl IntoResponse, Problem> {
    let query = query.unwrap_or_default();
    let wanted = WantedFields::of_query(&query).parse().map_err(|(_, wrong)| Problem::invalid(wrong))?;
    let permit = std::sync::Arc::clone(&console.0.streams)
        .try_acquire_owned()
        .map_err(|_| Problem::unavailable("too many live lists are open", KEEP_ALIVE))?;
    // A browser that connects again says where it was.
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let after = query::value(&query, "after").and_then(|after| after.parse().ok());
    let place = seen.or(after).unwrap_or_else(|| console.0.feed.newest());
    let (journal, edge) = console.0.feed.watch();
    let follower = Follower {
        place,
        wanted,
        view: if staff.role.sees_personal() { View::Full } else { View::Masked },
        journal,
        edge,
        waiting: VecDeque::new(),
        until: Instant::now() + STREAM_MAX,
        console,
        _permit: permit,
    };
    Ok(Sse::new(follower.rows()).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

struct Follower {
    console: Console,
    /// Behind the last event that was read.
    place: Place,
    wanted: Wanted,
    view: View,
    journal: watch::Receiver<i64>,
    edge: watch::Receiver<i64>,
    waiting: VecDeque<(Place, Found)>,
    until: Instant,
    /// One of the places for streams.
    _permit: OwnedSemaphorePermit,
}

impl Follower {
    fn rows(self) -> impl Stream<Item = Result<sse::Event, Infallible>> {
        unfold(self, |mut follower| async move {
            let (place, found) = follower.next().await?;
            let message = message(place, &found, follower.console.now());
            Some((Ok(message), follower))
        })
    }

    /// The next event; none when the stream is over.
    async fn next(&mut self) -> Option<(Place, Found)> {
        let stop = self.console.0.stop.clone();
        loop {
            if let Some(next) = self.waiting.pop_front() {
                return Some(next);
            }
            // Marked before reading: what is recorded while we read wakes us again.
            self.journal.mark_unchanged();
            self.edge.mark_unchanged();
            if self.read().await {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep_until(self.until) => return None,
                changed = self.journal.changed() => changed.ok()?,
                changed = self.edge.changed() => changed.ok()?,
            }
        }
    }

    /// Reads what is new. Says whether something was read, fitting or not.
    async fn read(&mut self) -> bool {
        let newest = self.console.0.feed.newest();
        let page = self.console.0.feed.page(Toward::Newer(self.place), BATCH, &self.wanted, self.view);
        let part = match page.await {
            Ok(part) => part,
            Err(error) => {
                tracing::warn!(%error, "A live list could not read new events: {error}");
                return false;
            }
        };
        for found in part.found.into_iter().rev() {
            self.place.set(found.source, found.entry.position);
            self.waiting.push_back((self.place, found));
        }
        // Without more to read, everything up to `newest` was looked at, whether it fitted or not.
        self.place = part.newer.unwrap_or_else(|| self.place.max(newest));
        part.newer.is_some() || !self.waiting.is_empty()
    }
}

fn message(place: Place, found: &Found, now: Timestamp) -> sse::Event {
    sse::Event::default().id(place.to_string()).data(EventRow::new(found, now).to_string())
}
