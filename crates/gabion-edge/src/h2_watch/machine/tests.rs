use super::super::frames::tests::frame;
use super::*;

const PRIORITY: u8 = 0x2;
const SECOND: Duration = Duration::from_secs(1);
const TIMES: Times =
    Times { head: Duration::from_secs(10), idle: Duration::from_secs(75), write: Duration::from_secs(60) };
const DEFAULT_WINDOW: u64 = 65_535;

/// A connection whose preface is over, at a time that a test moves.
struct Wire {
    machine: Machine,
    now: Instant,
    next: u32,
}

fn wire() -> Wire {
    let now = Instant::now();
    let mut wire = Wire { machine: Machine::new(Http2Section::default(), TIMES, now), now, next: 1 };
    wire.client(&[0; PREFACE_BYTES]).expect("the preface");
    wire
}

impl Wire {
    fn client(&mut self, bytes: &[u8]) -> Result<(), Cut> {
        self.machine.received(bytes, self.now)
    }

    fn us(&mut self, bytes: &[u8]) -> Result<(), Cut> {
        self.machine.sent(bytes, self.now)
    }

    /// Opens a stream with a request that is whole.
    fn ask(&mut self) -> u32 {
        let id = self.next;
        self.next += 2;
        self.client(&frame(HEADERS, 0x5, id, b"head")).expect("a request");
        id
    }

    fn answer(&mut self, id: u32) {
        self.us(&frame(HEADERS, 0x5, id, b"head")).expect("an answer");
    }

    fn reset(&mut self, id: u32) -> Result<(), Cut> {
        self.client(&frame(RST_STREAM, 0, id, &[0, 0, 0, 8]))
    }

    /// Sends a frame `most` times without harm, and then once too often.
    #[track_caller]
    fn flood(&mut self, bytes: &[u8], most: u32, expected: Cut) {
        for i in 0..most {
            assert_eq!(self.client(bytes), Ok(()), "the {i}th");
        }
        assert_eq!(self.client(bytes), Err(expected));
    }
}

#[test]
fn requests_taken_back_unanswered_are_bounded_and_answers_make_up_for_them() {
    let mut wire = wire();
    for _ in 0..50 {
        let id = wire.ask();
        wire.reset(id).expect("within the limit");
    }
    for _ in 0..30 {
        let id = wire.ask();
        wire.answer(id);
    }
    wire.now += SECOND * 3;
    for _ in 0..30 {
        let id = wire.ask();
        wire.reset(id).expect("made up for");
    }
    let id = wire.ask();
    assert_eq!(wire.reset(id), Err(Cut::Http2ResetsBeforeResponse));
}

#[test]
fn resets_of_answered_requests_are_bounded_by_the_second() {
    let mut wire = wire();
    let reset = |wire: &mut Wire| {
        let id = wire.ask();
        wire.us(&frame(HEADERS, 0x4, id, b"head")).expect("an answer that goes on");
        wire.reset(id)
    };
    for _ in 0..300 {
        assert_eq!(reset(&mut wire), Ok(()));
        wire.now += Duration::from_millis(11);
    }
    wire.now += SECOND * 2;
    for _ in 0..100 {
        assert_eq!(reset(&mut wire), Ok(()));
    }
    assert_eq!(reset(&mut wire), Err(Cut::Http2Resets));
}

#[test]
fn heads_in_many_pieces_are_bounded_in_number_and_bytes() {
    let mut pieces = wire();
    pieces.client(&frame(HEADERS, 0x1, 1, b"head")).expect("a head begins");
    pieces.flood(&frame(CONTINUATION, 0, 1, b"x"), 20, Cut::Http2Continuations);
    let mut bytes = wire();
    bytes.client(&frame(HEADERS, 0x1, 1, &[0; 16_384])).expect("a head begins");
    bytes.flood(&frame(CONTINUATION, 0, 1, &[0; 16_384]), 3, Cut::Http2HeadBytes);
    let mut whole = wire();
    for id in [1, 3, 5] {
        whole.client(&frame(HEADERS, 0x1, id, b"head")).expect("a head begins");
        for flags in [0, 0, 0, 0, 0, 0, 0, 0, 0, 4] {
            assert_eq!(whole.client(&frame(CONTINUATION, flags, id, b"more")), Ok(()));
        }
    }
}

#[test]
fn frames_that_bring_nothing_are_bounded_by_the_second() {
    wire().flood(&frame(PING, 0, 0, &[0; 8]), 100, Cut::Http2Pings);
    wire().flood(&frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 9]), 50, Cut::Http2Settings);
    wire().flood(&frame(DATA, 0, 1, b""), 100, Cut::Http2EmptyData);
    wire().flood(&frame(DATA, 0x8, 1, &[3, 0, 0, 0]), 100, Cut::Http2EmptyData);
    wire().flood(&frame(PRIORITY, 0, 1, &[0; 5]), 100, Cut::Http2Priorities);
    wire().flood(&frame(0x42, 0, 1, &[0; 5]), 100, Cut::Http2Priorities);
    wire().flood(&frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]), 100, Cut::Http2WindowUpdates);
    let mut all = wire();
    for _ in 0..100 {
        all.client(&frame(PING, 0, 0, &[0; 8])).expect("within the limit");
    }
    all.flood(&frame(PRIORITY, 0, 1, &[0; 5]), 50, Cut::Http2Glitches);
}

#[test]
fn resets_that_a_client_makes_us_send_are_bounded() {
    let mut slow = wire();
    let reset = |wire: &mut Wire, code| {
        let id = wire.ask();
        wire.us(&frame(RST_STREAM, 0, id, &[0, 0, 0, code]))
    };
    for _ in 0..500 {
        assert_eq!(reset(&mut slow, 1), Ok(()));
        slow.now += Duration::from_millis(20);
    }
    assert_eq!(reset(&mut slow, 5), Err(Cut::Http2EmittedResets));
    let mut fast = wire();
    for _ in 0..150 {
        assert_eq!(reset(&mut fast, 3), Ok(()));
    }
    assert_eq!(reset(&mut fast, 3), Err(Cut::Http2Glitches));
    let mut ours = wire();
    for code in [0, 2, 8].into_iter().cycle().take(1000) {
        assert_eq!(reset(&mut ours, code), Ok(()), "what the shop breaks off is not the client's fault");
    }
}

#[test]
fn streams_that_nobody_answers_yet_are_bounded() {
    let mut wire = wire();
    for _ in 0..STREAMS_SEEN_MAX {
        wire.ask();
    }
    assert_eq!(wire.client(&frame(HEADERS, 0x5, wire.next, b"head")), Err(Cut::Http2Streams));
}

#[test]
fn a_large_download_may_have_many_window_updates() {
    let mut wire = wire();
    let id = wire.ask();
    wire.us(&frame(HEADERS, 0x4, id, b"head")).expect("an answer");
    // 100 MiB in one second; the client gives back every KiB, a round trip late.
    let data = frame(DATA, 0, id, &[0; 16_384]);
    for _ in 0..6400 {
        wire.us(&data).expect("our own data");
        wire.now += Duration::from_micros(150);
    }
    let update =
        [frame(WINDOW_UPDATE, 0, id, &[0, 0, 4, 0]), frame(WINDOW_UPDATE, 0, 0, &[0, 0, 4, 0])].concat();
    for _ in 0..6400 * 9 {
        assert_eq!(wire.client(&update), Ok(()));
    }
}

#[test]
fn a_large_upload_may_have_many_small_frames() {
    let mut wire = wire();
    wire.client(&frame(HEADERS, 0x4, 1, b"head")).expect("a request");
    for _ in 0..100_000 {
        assert_eq!(wire.client(&frame(DATA, 0, 1, &[0; 100])), Ok(()));
        assert_eq!(wire.us(&frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 100])), Ok(()));
    }
    assert_eq!(wire.client(&frame(DATA, 1, 1, b"")), Ok(()));
}

#[test]
fn a_client_begins_and_asks_in_time() {
    let now = Instant::now();
    let mut machine = Machine::new(Http2Section::default(), TIMES, now);
    machine.received(b"PRI * HTTP", now).expect("a beginning");
    assert_eq!(machine.deadline(), Some(now + TIMES.head));
    assert_eq!(machine.overdue(now + TIMES.head), Some(Overdue::Cut(Cut::Http2Preface)));
    let mut wire = wire();
    wire.client(&frame(HEADERS, 0x1, 1, b"head")).expect("a head begins");
    assert_eq!(wire.machine.overdue(wire.now + TIMES.head), Some(Overdue::Cut(Cut::Http2HeadTimeout)));
    wire.client(&frame(CONTINUATION, 0x4, 1, b"head")).expect("it ends");
    assert_eq!(wire.machine.deadline(), None, "the shop may take its time");
}

#[test]
fn a_connection_without_requests_is_idle_whatever_else_it_says() {
    let mut wire = wire();
    let id = wire.ask();
    wire.now += SECOND * 30;
    wire.answer(id);
    let deadline = wire.now + TIMES.idle;
    wire.now += SECOND * 60;
    wire.client(&frame(PING, 0, 0, &[0; 8])).expect("a PING");
    assert_eq!(wire.machine.deadline(), Some(deadline));
    assert_eq!(wire.machine.overdue(deadline), Some(Overdue::Idle));
    assert_eq!(wire.machine.last_stream(), id);
}

#[test]
fn a_response_does_not_wait_forever_for_a_window() {
    let mut wire = wire();
    let id = wire.ask();
    wire.us(&frame(HEADERS, 0x4, id, b"head")).expect("an answer");
    for bytes in [16_384, 16_384, 16_384, 16_383] {
        wire.us(&frame(DATA, 0, id, &vec![0; bytes])).expect("a window full of data");
    }
    let deadline = wire.now + TIMES.write;
    assert_eq!(wire.machine.deadline(), Some(deadline));
    wire.now += SECOND * 30;
    for stream in [0, id] {
        wire.client(&frame(WINDOW_UPDATE, 0, stream, &[0, 0, 0, 1])).expect("a little");
    }
    assert_eq!(wire.machine.overdue(deadline), Some(Overdue::Cut(Cut::Http2Window)), "a byte is nothing");
    for stream in [0, id] {
        wire.client(&frame(WINDOW_UPDATE, 0, stream, &[0, 0, 8, 0])).expect("enough");
    }
    assert_eq!(wire.machine.deadline(), None);
}

#[test]
fn a_window_of_nothing_is_closed_from_the_beginning() {
    let mut wire = wire();
    wire.client(&frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])).expect("settings");
    let id = wire.ask();
    assert_eq!(wire.machine.deadline(), None, "there is no answer yet");
    wire.us(&frame(HEADERS, 0x4, id, b"head")).expect("an answer");
    assert_eq!(wire.machine.deadline(), Some(wire.now + TIMES.write));
    let whole = u32::try_from(DEFAULT_WINDOW).expect("small").to_be_bytes();
    wire.client(&frame(SETTINGS, 0, 0, &[&[0, 4], &whole[..]].concat())).expect("settings");
    assert_eq!(wire.machine.deadline(), None);
}

#[test]
fn a_closed_window_of_the_connection_holds_nobody_who_is_done() {
    let mut wire = wire();
    let id = wire.ask();
    wire.us(&frame(HEADERS, 0x4, id, b"head")).expect("an answer");
    for (bytes, flags) in [(16_384, 0), (16_384, 0), (16_384, 0), (16_383, 1)] {
        wire.us(&frame(DATA, flags, id, &vec![0; bytes])).expect("a window full of data");
    }
    assert_eq!(wire.machine.deadline(), Some(wire.now + TIMES.idle));
}

#[test]
fn without_limits_everything_passes() {
    let now = Instant::now();
    let mut machine = Machine::new(Http2Section::UNLIMITED, TIMES, now);
    machine.received(&[0; PREFACE_BYTES], now).expect("the preface");
    for _ in 0..1000 {
        assert_eq!(machine.received(&frame(PING, 0, 0, &[0; 8]), now), Ok(()));
    }
}
