//! Reads a page while it passes, and changes what it was told to.
//!
//! [`tokens`] says where tags and the texts of scripts are; what goes out is the bytes that came in with pieces put
//! between them, so a page in which nothing is changed leaves byte for byte as it came.

mod element;
mod fields;
mod ground;
mod inventory;
mod script;
mod tag;
mod text;
mod tokens;

use encoding_rs::{Encoding, UTF_8};

pub(crate) use fields::named as field_of;
pub(crate) use text::truncate;

use crate::address::Address;
use crate::page::{Page, Partial};
use crate::rewrite::Rewrite;
use ground::Ground;
use inventory::Inventory;
use tokens::{Token, Tokenizer};

/// Bytes of one tag, with its attributes; a picture in a `data:` address is the longest there is. Above it the rest
/// passes unread.
pub const TAG_BYTES_MAX: usize = 512 * 1024;
/// Bytes of one inline script that are held back until it is judged.
pub const HELD_BYTES_MAX: u64 = 256 * 1024;
/// Bytes of a page that are read. Above it the rest passes unread.
pub const PAGE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes that are read at once, so that a large piece needs no more memory than small ones.
const STEP_BYTES: usize = 64 * 1024;

/// Reads one page. Give it the body in pieces, then [`Collector::finish`].
///
/// Memory: [`TAG_BYTES_MAX`] and [`HELD_BYTES_MAX`], a piece, and what [`Page`] may hold. Time: linear.
pub struct Collector {
    state: State,
    /// Whether the rest is read; else it passes unread.
    is_reading: bool,
    /// What came before the encoding was known: at most the three bytes of a mark.
    mark: Vec<u8>,
    has_begun: bool,
}

/// What is known of the page so far.
struct State {
    tokenizer: Tokenizer,
    ground: Ground,
    inventory: Inventory,
    output: Output,
}

/// What came in and is not out yet.
#[derive(Default)]
struct Output {
    held: Vec<u8>,
    /// Where in the page `held` begins.
    start: u64,
    /// What goes between the bytes, in order of place.
    pieces: Vec<(u64, Vec<u8>)>,
    /// Nothing from there on leaves: a script is waiting for its judgement.
    hold: Option<u64>,
}

impl Collector {
    /// Begins with a page that is served at `address`. `charset` is what its Content-Type says, if anything; without
    /// it a byte order mark, then a `meta` element, then UTF-8 count.
    pub fn new(address: &Address, charset: Option<&str>, rewrite: Rewrite) -> Self {
        let readable = charset.map(text::encoding);
        let inventory = Inventory::new(address, readable.flatten(), rewrite);
        let state = State {
            tokenizer: Tokenizer::new(),
            ground: Ground::default(),
            inventory,
            output: Output::default(),
        };
        let mut collector = Self { state, is_reading: true, mark: Vec::new(), has_begun: false };
        if readable == Some(None) {
            collector.give_up(Partial::Encoding);
        }
        collector
    }

    /// Takes the next piece of the page, and appends what can go out to `out`.
    pub fn write(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        if self.has_begun {
            return self.pass(piece, out);
        }
        self.mark.extend_from_slice(piece);
        if self.mark.len() >= 3 {
            self.begin(out);
        }
    }

    /// Ends the page: appends the rest to `out` and says what was found.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Page {
        if !self.has_begun {
            self.begin(out);
        }
        self.read(true);
        let State { ground, inventory, output, .. } = &mut self.state;
        inventory.page_ends(output);
        if ground.is_ambiguous {
            inventory.page.partial.insert(Partial::Ambiguous);
        }
        output.hold = None;
        output.release(u64::MAX, out);
        std::mem::take(&mut inventory.page)
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        self.has_begun = true;
        let mark = std::mem::take(&mut self.mark);
        // A mark outweighs what headers and elements say. Encoding Standard, section 6.1.
        match Encoding::for_bom(&mark) {
            Some((encoding, _)) if encoding == UTF_8 => self.state.inventory.set_encoding(UTF_8),
            Some(_) => self.give_up(Partial::Encoding),
            None => {}
        }
        self.pass(&mark, out);
    }

    fn pass(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        for step in piece.chunks(STEP_BYTES) {
            self.step(step, out);
        }
    }

    fn step(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        self.state.output.held.extend_from_slice(piece);
        self.state.inventory.page.bytes += piece.len() as u64;
        self.read(false);
        if self.is_reading && self.state.inventory.page.bytes > PAGE_BYTES_MAX {
            self.give_up(Partial::Length);
        }
        let State { tokenizer, inventory, output, .. } = &mut self.state;
        let until = match self.is_reading {
            true => output.start + tokenizer.needed() as u64,
            false => u64::MAX,
        };
        inventory.judge_what_is_too_long(until, output);
        let gone = output.release(until, out);
        if self.is_reading {
            tokenizer.forget(gone);
        }
    }

    /// Looks at everything in what is held that is whole.
    fn read(&mut self, is_last: bool) {
        while self.is_reading {
            let State { tokenizer, ground, inventory, output } = &mut self.state;
            let wants_text = inventory.open_script.is_some();
            let token = tokenizer.next(&output.held, ground.is_foreign(), wants_text, is_last);
            if tokenizer.tag_bytes() > TAG_BYTES_MAX {
                return self.give_up(Partial::Memory);
            }
            match token {
                Some(Token::Start) if tokenizer.tag().is_cut => return self.give_up(Partial::Memory),
                Some(Token::Start) => self.state.tag_starts(),
                Some(Token::End { ends_raw_text }) => self.state.tag_ends(ends_raw_text),
                Some(Token::Text(range)) => inventory.script_text(&output.held[range]),
                None => break,
            }
            if self.state.ground.is_too_deep {
                return self.give_up(Partial::Memory);
            }
        }
    }

    /// The rest passes unread.
    fn give_up(&mut self, why: Partial) {
        self.is_reading = false;
        let State { inventory, output, .. } = &mut self.state;
        inventory.page.partial.insert(why);
        inventory.reading_ends(output);
        output.hold = None;
    }
}

impl Output {
    fn insert(&mut self, at: u64, piece: Vec<u8>) {
        let place = self.pieces.partition_point(|(other, _)| *other <= at);
        self.pieces.insert(place, (at, piece));
    }

    /// Appends everything before `until` and before the hold to `out`; how many bytes of the page that was.
    fn release(&mut self, until: u64, out: &mut Vec<u8>) -> usize {
        let end = self.start + self.held.len() as u64;
        let until = until.min(end).min(self.hold.unwrap_or(u64::MAX)).max(self.start);
        let ready = self.pieces.partition_point(|(at, _)| *at < until || until == end);
        let mut from = 0;
        for (at, piece) in self.pieces.drain(..ready) {
            let to =
                usize::try_from(at.clamp(self.start, end) - self.start).expect("held bytes fit in memory");
            out.extend_from_slice(&self.held[from..to]);
            out.extend_from_slice(&piece);
            from = to;
        }
        let to = usize::try_from(until - self.start).expect("held bytes fit in memory");
        out.extend_from_slice(&self.held[from..to]);
        self.held.drain(..to);
        self.start = until;
        to
    }
}
