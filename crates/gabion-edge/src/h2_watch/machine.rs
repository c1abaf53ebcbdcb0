//! What an HTTP/2 connection has done so far, and whether it may go on. Pure: bytes and times in, verdicts out.

use std::time::Duration;

use tokio::time::Instant;

use super::frames::{
    CONTINUATION, DATA, Frame, Frames, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, Step, WINDOW_UPDATE,
};
use super::rates::Rates;
use crate::config::Http2Section;
use crate::cut::Cut;

/// Bytes a client begins with. RFC 9113 section 3.4.
const PREFACE_BYTES: usize = 24;
/// Streams that are open as the wire shows it; more is a client that does not wait for answers. Three times what we
/// allow at a time, because refusals are under way.
const STREAMS_SEEN_MAX: usize = 300;
/// The window a stream begins with unless the client says otherwise. RFC 9113 section 6.9.2.
const WINDOW_INITIAL: i64 = 65_535;
/// A client that opens a closed window by less than this has not taken anything worth waiting for.
const WINDOW_PROGRESS: i64 = 1024;
/// WINDOW_UPDATE frames explained by one DATA frame of ours, for its stream and for the connection, and the bytes
/// that explain one more.
const UPDATES_PER_FRAME: u64 = 2;
const BYTES_PER_UPDATE: u64 = 1024;
/// Setting that changes the windows of all streams. RFC 9113 section 6.5.2.
const INITIAL_WINDOW_SIZE: u16 = 4;

/// How long a client may take for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// The first bytes, and the head of a request.
    pub(crate) head: Duration,
    /// Being there without asking.
    pub(crate) idle: Duration,
    /// Taking something of a response.
    pub(crate) write: Duration,
}

/// What is overdue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// Nobody asks: the connection can go.
    Idle,
    /// A limit ends it.
    Cut(Cut),
}

/// Things that are counted by the second.
#[derive(Clone, Copy)]
enum Odd {
    Reset,
    Ping,
    Settings,
    EmptyData,
    WindowUpdate,
    Priority,
    All,
}

const ODD_KINDS: usize = 7;

/// The state of a connection.
#[derive(Debug)]
pub(crate) struct Machine {
    limits: Http2Section,
    times: Times,
    began: Instant,
    preface_left: usize,
    incoming: Frames,
    outgoing: Frames,
    rates: Rates<ODD_KINDS>,
    /// Open streams by rising id.
    streams: Vec<Stream>,
    last_stream: u32,
    idle_since: Instant,
    head: Option<OpenHead>,
    /// Streams taken back unanswered, less the answered ones.
    unanswered_resets: u32,
    emitted_resets: u32,
    /// WINDOW_UPDATE frames that our data explains and that did not come yet.
    updates_due: u64,
    window: Window,
    window_initial: i64,
}

#[derive(Debug)]
struct Stream {
    id: u32,
    answered: bool,
    /// We have sent everything.
    done: bool,
    /// The client has sent everything.
    client_done: bool,
    window: Window,
}

/// What the client lets us send.
#[derive(Debug)]
struct Window {
    left: i64,
    /// Since when it is closed, and what the client has opened it by in the meantime.
    closed: Option<(Instant, i64)>,
}

impl Window {
    const fn new(left: i64) -> Self {
        Self { left, closed: None }
    }

    fn close_if_used_up(&mut self, now: Instant) {
        if self.left <= 0 && self.closed.is_none() {
            self.closed = Some((now, 0));
        }
    }

    fn open(&mut self, by: i64) {
        self.left = self.left.saturating_add(by);
        if let Some((_, opened)) = &mut self.closed {
            *opened = opened.saturating_add(by);
            if self.left > 0 && *opened >= WINDOW_PROGRESS {
                self.closed = None;
            }
        }
    }
}

/// The head of a request that is not whole.
#[derive(Debug)]
struct OpenHead {
    since: Instant,
    bytes: u32,
    continuations: u32,
}

impl Machine {
    /// A connection that begins now.
    pub(crate) const fn new(limits: Http2Section, times: Times, now: Instant) -> Self {
        Self {
            limits,
            times,
            began: now,
            preface_left: PREFACE_BYTES,
            incoming: Frames::new(),
            outgoing: Frames::new(),
            rates: Rates::new(now),
            streams: Vec::new(),
            last_stream: 0,
            idle_since: now,
            head: None,
            unanswered_resets: 0,
            emitted_resets: 0,
            updates_due: 0,
            window: Window::new(WINDOW_INITIAL),
            window_initial: WINDOW_INITIAL,
        }
    }

    /// Takes what the client sent, before anybody else sees it.
    ///
    /// # Errors
    /// The limit that it exceeds.
    pub(crate) fn received(&mut self, mut bytes: &[u8], now: Instant) -> Result<(), Cut> {
        let preface = self.preface_left.min(bytes.len());
        self.preface_left -= preface;
        bytes = &bytes[preface..];
        while let Some(step) = self.incoming.next(&mut bytes) {
            match step {
                Step::Begin(frame) => self.client_begins(frame, now)?,
                Step::Piece(frame, piece) => self.client_piece(frame, piece, now)?,
                Step::End(frame) => self.client_ends(frame, now),
            }
        }
        Ok(())
    }

    /// Takes what we sent.
    ///
    /// # Errors
    /// The limit that the client has made us exceed.
    pub(crate) fn sent(&mut self, mut bytes: &[u8], now: Instant) -> Result<(), Cut> {
        while let Some(step) = self.outgoing.next(&mut bytes) {
            match step {
                Step::Begin(frame) => self.we_begin(frame, now),
                Step::Piece(frame, [.., code, _, _]) if frame.kind == RST_STREAM => {
                    self.we_reset(code, now)?
                }
                Step::Piece(..) => {}
                Step::End(frame) => self.we_end(frame, now),
            }
        }
        Ok(())
    }

    /// Whether everything we sent so far is whole frames.
    pub(crate) const fn is_between_frames(&self) -> bool {
        self.outgoing.is_between()
    }

    /// The last stream that the client opened.
    pub(crate) const fn last_stream(&self) -> u32 {
        self.last_stream
    }

    /// When something is overdue, unless more happens until then.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadlines().map(|(at, _)| at).min()
    }

    /// What is overdue.
    pub(crate) fn overdue(&self, now: Instant) -> Option<Overdue> {
        self.deadlines().filter(|(at, _)| *at <= now).min_by_key(|(at, _)| *at).map(|(_, what)| what)
    }

    fn deadlines(&self) -> impl Iterator<Item = (Instant, Overdue)> {
        let times = self.times;
        let preface = (self.preface_left > 0).then(|| (self.began + times.head, Cut::Http2Preface));
        let head = self.head.as_ref().map(|head| (head.since + times.head, Cut::Http2HeadTimeout));
        let waits = |stream: &&Stream| stream.answered && !stream.done;
        let all = self.window.closed.filter(|_| self.streams.iter().any(|stream| waits(&stream)));
        let each = self.streams.iter().filter(waits).filter_map(|stream| stream.window.closed);
        let window =
            all.into_iter().chain(each).map(move |(since, _)| (since + times.write, Cut::Http2Window));
        let idle = self.streams.is_empty().then(|| (self.idle_since + times.idle, Overdue::Idle));
        let cuts = preface.into_iter().chain(head).chain(window).map(|(at, cut)| (at, Overdue::Cut(cut)));
        cuts.chain(idle)
    }

    fn client_begins(&mut self, frame: Frame, now: Instant) -> Result<(), Cut> {
        match frame.kind {
            DATA => {
                if frame.length == 0 && !frame.ends_stream() {
                    self.odd(Odd::EmptyData, now)?;
                }
            }
            HEADERS => {
                self.head = Some(OpenHead { since: now, bytes: 0, continuations: 0 });
                self.head_grows(frame)?;
                self.open(frame)?;
            }
            CONTINUATION => self.head_grows(frame)?,
            RST_STREAM => {
                let stream = self.close(frame.stream, now);
                if stream.is_some_and(|stream| !stream.answered) {
                    self.unanswered_resets += 1;
                    if self.unanswered_resets > self.limits.resets_before_response_max {
                        return Err(Cut::Http2ResetsBeforeResponse);
                    }
                    self.odd(Odd::All, now)?;
                }
                self.count(Odd::Reset, now)?;
            }
            SETTINGS => self.odd(Odd::Settings, now)?,
            PING => self.odd(Odd::Ping, now)?,
            WINDOW_UPDATE => match self.updates_due.checked_sub(1) {
                Some(due) => self.updates_due = due,
                None => self.odd(Odd::WindowUpdate, now)?,
            },
            GOAWAY => {}
            _ => self.odd(Odd::Priority, now)?,
        }
        Ok(())
    }

    fn client_piece(&mut self, frame: Frame, piece: [u8; 6], now: Instant) -> Result<(), Cut> {
        let [a, b, c, d, e, f] = piece;
        match frame.kind {
            DATA => {
                let empty = frame.length <= 1 + u32::from(a);
                if empty && !frame.ends_stream() {
                    self.odd(Odd::EmptyData, now)?;
                }
            }
            SETTINGS if u16::from_be_bytes([a, b]) == INITIAL_WINDOW_SIZE => {
                let size = i64::from(u32::from_be_bytes([c, d, e, f]));
                let change = size - self.window_initial;
                self.window_initial = size;
                for stream in &mut self.streams {
                    stream.window.open(change);
                    if stream.answered {
                        stream.window.close_if_used_up(now);
                    }
                }
            }
            WINDOW_UPDATE => {
                let by = i64::from(u32::from_be_bytes([a, b, c, d]) & 0x7fff_ffff);
                match frame.stream {
                    0 => self.window.open(by),
                    id => {
                        if let Some(stream) = self.stream(id) {
                            stream.window.open(by);
                        }
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn client_ends(&mut self, frame: Frame, now: Instant) {
        if matches!(frame.kind, HEADERS | CONTINUATION) && frame.ends_head() {
            self.head = None;
        }
        if frame.ends_stream()
            && let Some(stream) = self.stream(frame.stream)
        {
            stream.client_done = true;
            if stream.done {
                self.close(frame.stream, now);
            }
        }
    }

    /// A head gets longer.
    fn head_grows(&mut self, frame: Frame) -> Result<(), Cut> {
        // A CONTINUATION without a head is the library's to refuse.
        let Some(head) = &mut self.head else { return Ok(()) };
        head.bytes = head.bytes.saturating_add(frame.length);
        head.continuations += u32::from(frame.kind == CONTINUATION);
        if head.continuations > self.limits.continuations_max {
            return Err(Cut::Http2Continuations);
        }
        if head.bytes > self.limits.head_bytes_max {
            return Err(Cut::Http2HeadBytes);
        }
        Ok(())
    }

    /// A client opens streams with odd and rising ids (RFC 9113 section 5.1.1); anything else is no new stream.
    fn open(&mut self, frame: Frame) -> Result<(), Cut> {
        if frame.stream <= self.last_stream || frame.stream.is_multiple_of(2) {
            return Ok(());
        }
        if self.streams.len() == STREAMS_SEEN_MAX {
            return Err(Cut::Http2Streams);
        }
        self.last_stream = frame.stream;
        let window = Window::new(self.window_initial);
        let stream = Stream { id: frame.stream, answered: false, done: false, client_done: false, window };
        self.streams.push(stream);
        Ok(())
    }

    fn we_begin(&mut self, frame: Frame, now: Instant) {
        if frame.kind == DATA {
            self.updates_due += UPDATES_PER_FRAME + u64::from(frame.length) / BYTES_PER_UPDATE;
            self.window.left -= i64::from(frame.length);
            self.window.close_if_used_up(now);
        }
        match frame.kind {
            DATA | HEADERS => {
                let Some(stream) = self.stream(frame.stream) else { return };
                stream.answered = true;
                if frame.kind == DATA {
                    stream.window.left -= i64::from(frame.length);
                }
                stream.window.close_if_used_up(now);
            }
            RST_STREAM => drop(self.close(frame.stream, now)),
            _ => {}
        }
    }

    /// We reset a stream. Only what a client's mistakes make us do counts, and a stream refused because there are
    /// too many; what the shop breaks off is not the client's fault. RFC 9113 section 7.
    fn we_reset(&mut self, code: u8, now: Instant) -> Result<(), Cut> {
        const PROTOCOL: u8 = 0x1;
        const FLOW_CONTROL: u8 = 0x3;
        const STREAM_CLOSED: u8 = 0x5;
        const FRAME_SIZE: u8 = 0x6;
        const REFUSED: u8 = 0x7;
        if !matches!(code, PROTOCOL | FLOW_CONTROL | STREAM_CLOSED | FRAME_SIZE | REFUSED) {
            return Ok(());
        }
        self.emitted_resets += 1;
        if self.emitted_resets > self.limits.emitted_resets_max {
            return Err(Cut::Http2EmittedResets);
        }
        self.odd(Odd::All, now)
    }

    fn we_end(&mut self, frame: Frame, now: Instant) {
        if !frame.ends_stream() {
            return;
        }
        self.unanswered_resets = self.unanswered_resets.saturating_sub(1);
        let Some(stream) = self.stream(frame.stream) else { return };
        stream.done = true;
        if stream.client_done {
            self.close(frame.stream, now);
        }
    }

    fn stream(&mut self, id: u32) -> Option<&mut Stream> {
        let at = self.streams.binary_search_by_key(&id, |stream| stream.id).ok()?;
        self.streams.get_mut(at)
    }

    fn close(&mut self, id: u32, now: Instant) -> Option<Stream> {
        let at = self.streams.binary_search_by_key(&id, |stream| stream.id).ok()?;
        let stream = self.streams.remove(at);
        if self.streams.is_empty() {
            self.idle_since = now;
        }
        Some(stream)
    }

    /// Counts something odd for itself and among all oddities.
    fn odd(&mut self, kind: Odd, now: Instant) -> Result<(), Cut> {
        if !matches!(kind, Odd::All) {
            self.count(kind, now)?;
        }
        self.count(Odd::All, now)
    }

    fn count(&mut self, kind: Odd, now: Instant) -> Result<(), Cut> {
        let limits = &self.limits;
        let (most, cut) = match kind {
            Odd::Reset => (limits.resets_max, Cut::Http2Resets),
            Odd::Ping => (limits.pings_max, Cut::Http2Pings),
            Odd::Settings => (limits.settings_max, Cut::Http2Settings),
            Odd::EmptyData => (limits.empty_data_max, Cut::Http2EmptyData),
            Odd::WindowUpdate => (limits.window_updates_max, Cut::Http2WindowUpdates),
            Odd::Priority => (limits.priorities_max, Cut::Http2Priorities),
            Odd::All => (limits.glitches_max, Cut::Http2Glitches),
        };
        if self.rates.add(kind as usize, now) > most { Err(cut) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
