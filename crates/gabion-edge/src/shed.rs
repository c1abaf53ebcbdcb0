//! Overload shedding: when Gabion itself cannot keep up, some requests are refused early so that others are served
//! in time.
//!
//! A probe sleeps for [`PROBE`] and looks how much later it wakes: that is the time every task of the process waits
//! for its turn. As with CoDel, the smallest delay of a window counts, so that a burst that passes by itself changes
//! nothing. Each bad window raises the level by one, several good ones lower it by one.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use http::header::COOKIE;
use http::{Method, Request};
use tokio::time::Instant;

use gabion_core::Actor;

use crate::Edge;
use crate::event::{OVERLOAD_ENDED, OVERLOAD_STARTED};

/// Sleep of the probe.
const PROBE: Duration = Duration::from_millis(10);
/// Time over which the smallest delay counts.
const WINDOW: Duration = Duration::from_secs(1);
/// Good windows in a row before the level goes down by one.
const CALM_WINDOWS: u8 = 5;
/// The highest level: every request is refused.
pub const LEVEL_MAX: u8 = 4;
/// Parts of `connections_max` in a thousand that count as full.
const FULL_PERMILLE: u64 = 980;
/// What refused clients are told to wait, in seconds.
pub(crate) const RETRY_AFTER_SECONDS: u32 = 10;

/// How cheap a request is to refuse; the level that refuses it. Whoever has a cookie has been here before and may
/// have a cart; whoever sends something with a cookie may be paying.
fn refused_from<B>(request: &Request<B>) -> u8 {
    let asks = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    match (request.headers().contains_key(COOKIE), asks) {
        (false, true) => 1,
        (false, false) => 2,
        (true, true) => 3,
        (true, false) => LEVEL_MAX,
    }
}

/// The level in force and what it did.
#[derive(Debug, Default)]
pub(crate) struct Shed {
    level: AtomicU8,
    lag_us: AtomicU64,
    refused: AtomicU64,
}

/// The state of shedding, for console and API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ShedStatus {
    /// 0: everybody is served. 1 refuses new visitors who ask, 2 new visitors, 3 also customers who ask, 4 all.
    pub level: u8,
    /// The smallest delay of the last whole window, in microseconds.
    pub lag_us: u64,
    /// Requests refused since the start.
    pub refused: u64,
}

impl Shed {
    /// Whether a request has to go; counted.
    pub(crate) fn refuses<B>(&self, request: &Request<B>) -> bool {
        let level = self.level.load(Ordering::Relaxed);
        let refuses = level > 0 && level >= refused_from(request);
        if refuses {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        refuses
    }

    pub(crate) fn status(&self) -> ShedStatus {
        ShedStatus {
            level: self.level.load(Ordering::Relaxed),
            lag_us: self.lag_us.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    fn set(&self, ended: &Window, level: u8) {
        self.lag_us.store(u64::try_from(ended.lag_min.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.level.store(level, Ordering::Relaxed);
    }
}

/// What one window measured.
#[derive(Clone, Copy, Debug)]
struct Window {
    length: Duration,
    /// The smallest delay.
    lag_min: Duration,
    /// Whether nearly all places for connections were taken all the time.
    full: bool,
}

impl Window {
    const fn new() -> Self {
        Self { length: Duration::ZERO, lag_min: Duration::MAX, full: true }
    }

    /// Takes one probe. Returns the window once it is over, and begins a new one.
    fn probe(&mut self, took: Duration, lag: Duration, full: bool) -> Option<Self> {
        self.length += took;
        self.lag_min = self.lag_min.min(lag);
        self.full &= full;
        (self.length >= WINDOW).then(|| std::mem::replace(self, Self::new()))
    }
}

/// Decides over the level, from window to window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ladder {
    level: u8,
    calm: u8,
}

impl Ladder {
    /// The next state after a window. A delay above `lag_max` climbs; one below half of it is calm. Taken places alone
    /// climb to level 1 only: idle connections of customers are no overload.
    fn after(self, window: &Window, lag_max: Duration) -> Self {
        let Self { level, calm } = self;
        if lag_max.is_zero() {
            return Self::default();
        }
        if window.lag_min > lag_max {
            return Self { level: (level + 1).min(LEVEL_MAX), calm: 0 };
        }
        if window.full && level == 0 {
            return Self { level: 1, calm: 0 };
        }
        if window.lag_min > lag_max / 2 || (window.full && level == 1) {
            return Self { level, calm: 0 };
        }
        if calm + 1 >= CALM_WINDOWS {
            return Self { level: level.saturating_sub(1), calm: 0 };
        }
        Self { level, calm: calm + 1 }
    }
}

/// Measures and sets the level until the edge stops.
pub(crate) async fn watch(edge: Edge) {
    let (mut window, mut ladder, mut refused_before) = (Window::new(), Ladder::default(), 0);
    loop {
        let before = Instant::now();
        if edge.stop().run_until_cancelled(tokio::time::sleep(PROBE)).await.is_none() {
            return;
        }
        let took = before.elapsed();
        let state = edge.state();
        let full = is_full(edge.metrics().connections.load(Ordering::Relaxed), state.limits.connections_max);
        let Some(ended) = window.probe(took, took.saturating_sub(PROBE), full) else { continue };
        let next = ladder.after(&ended, state.limits.overload_lag);
        let shed = &state.admission.shed;
        shed.set(&ended, next.level);
        if ladder.level == 0 && next.level > 0 {
            refused_before = shed.status().refused;
            tell_start(&edge, &ended);
        }
        if ladder.level > 0 && next.level == 0 {
            tell_end(&edge, shed.status().refused - refused_before);
        }
        ladder = next;
    }
}

fn is_full(connections: i64, connections_max: usize) -> bool {
    let (now, most) = (u64::try_from(connections).unwrap_or(0), connections_max as u64);
    now.saturating_mul(1000) >= most.saturating_mul(FULL_PERMILLE)
}

fn tell_start(edge: &Edge, window: &Window) {
    let lag_ms = i64::try_from(window.lag_min.as_millis()).unwrap_or(i64::MAX);
    tracing::warn!(lag_ms, connections_full = window.full, "Overloaded: new visitors are refused with 503");
    edge.state().admission.recorder.record(&OVERLOAD_STARTED, Actor::System, |event| {
        event.field("lag_ms", lag_ms).field("connections_full", window.full)
    });
}

fn tell_end(edge: &Edge, refused: u64) {
    let refused = i64::try_from(refused).unwrap_or(i64::MAX);
    tracing::info!(refused, "No longer overloaded; {refused} requests were refused");
    edge.state()
        .admission
        .recorder
        .record(&OVERLOAD_ENDED, Actor::System, |event| event.field("refused", refused));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, cookie: bool) -> Request<()> {
        let builder = Request::builder().method(method);
        let builder = if cookie { builder.header(COOKIE, "session=1") } else { builder };
        builder.body(()).expect("a request")
    }

    #[test]
    fn the_cheapest_requests_go_first_and_checkouts_last() {
        let requests = [("GET", false), ("POST", false), ("GET", true), ("POST", true)];
        for level in 0..=LEVEL_MAX {
            let shed = Shed { level: level.into(), ..Shed::default() };
            let refused = requests.iter().filter(|(method, cookie)| shed.refuses(&request(method, *cookie)));
            let refused: Vec<_> = refused.collect();
            assert_eq!(refused, requests[..usize::from(level)].iter().collect::<Vec<_>>(), "level {level}");
            assert_eq!(shed.status().refused, u64::from(level));
        }
    }

    /// Levels after windows with these smallest delays in milliseconds; `f` is a full house without delay.
    #[track_caller]
    fn check(windows: &str, expected: &[u8]) {
        let mut ladder = Ladder::default();
        let levels = windows.split(' ').map(|window| {
            let full = window == "f";
            let lag_min = Duration::from_millis(window.parse().unwrap_or(0));
            ladder = ladder.after(&Window { length: WINDOW, lag_min, full }, Duration::from_millis(100));
            ladder.level
        });
        assert_eq!(levels.collect::<Vec<_>>(), expected, "{windows}");
    }

    #[test]
    fn bad_windows_climb_and_only_calm_ones_in_a_row_descend() {
        check("0 101 100 101 101 101 101", &[0, 1, 1, 2, 3, 4, 4]);
        check("101 0 0 0 0 0", &[1, 1, 1, 1, 1, 0]);
        check("101 0 0 0 0 60 0 0 0 0 0", &[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
    }

    #[test]
    fn a_full_house_alone_refuses_new_visitors_only() {
        check("f f f f", &[1, 1, 1, 1]);
        check("f 0 0 0 0 0", &[1, 1, 1, 1, 1, 0]);
    }

    #[test]
    fn zero_turns_it_off() {
        let bad = Window { length: WINDOW, lag_min: Duration::from_secs(9), full: true };
        assert_eq!(Ladder { level: 3, calm: 0 }.after(&bad, Duration::ZERO), Ladder::default());
    }

    #[test]
    fn one_quick_probe_makes_a_window_good() {
        let mut window = Window::new();
        let ms = Duration::from_millis;
        assert!(window.probe(ms(510), ms(500), true).is_none());
        assert!(window.probe(ms(11), ms(1), false).is_none());
        let ended = window.probe(ms(510), ms(500), true).expect("a second is over");
        assert_eq!((ended.lag_min, ended.full), (ms(1), false));
        assert_eq!(window.length, Duration::ZERO);
    }

    #[test]
    fn full_means_nearly_all_places() {
        assert!(is_full(980, 1000) && is_full(1, 1));
        assert!(!is_full(979, 1000) && !is_full(-1, 1000));
    }
}
