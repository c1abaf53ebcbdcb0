//! Reads a page while it passes, and changes what it was told to.
//!
//! lol_html says where tags and texts are; what goes out is the bytes that came in with pieces put between them, so a
//! page in which nothing is changed leaves byte for byte as it came. lol_html decodes the page as `x-user-defined`, in
//! which every byte is one character: nothing it does depends on the page's real encoding.

mod element;
mod fields;
mod inventory;
mod script;
mod tag;
mod text;

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use encoding_rs::{Encoding, UTF_8, X_USER_DEFINED};
use lol_html::html_content::TextChunk;
use lol_html::send::{Element, ElementContentHandlers, HtmlRewriter, Settings};
use lol_html::{AsciiCompatibleEncoding, MemorySettings, OutputSink, Selector};

pub(crate) use fields::named as field_of;
pub(crate) use text::truncate;

use crate::address::Address;
use crate::page::{Page, Partial};
use crate::rewrite::Rewrite;
use inventory::Inventory;

/// Bytes that lol_html may hold: open elements and the tag it is in. Above it the rest passes unread.
pub const PARSER_BYTES_MAX: usize = 512 * 1024;
/// Bytes of one inline script that are held back until it is judged.
pub const HELD_BYTES_MAX: u64 = 256 * 1024;
/// Bytes of a page that are read. Above it the rest passes unread.
pub const PAGE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes that are read at once, so that a large piece needs no more memory than small ones.
const STEP_BYTES: usize = 64 * 1024;

static EVERYTHING: LazyLock<Selector> = LazyLock::new(|| "*".parse().expect("a selector"));
static SCRIPTS: LazyLock<Selector> = LazyLock::new(|| "script".parse().expect("a selector"));

/// Reads one page. Give it the body in pieces, then [`Collector::finish`].
///
/// Memory: a few times [`PARSER_BYTES_MAX`] and [`HELD_BYTES_MAX`], and what [`Page`] may hold. Time: linear.
pub struct Collector {
    /// `None` when the rest passes unread.
    parser: Option<HtmlRewriter<'static, Progress>>,
    state: Arc<Mutex<State>>,
    progress: Arc<AtomicU64>,
    /// What came before the encoding was known: at most the three bytes of a mark.
    mark: Vec<u8>,
    has_begun: bool,
}

/// What the handlers of lol_html share with the collector. Its lock is never contended.
struct State {
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

/// Counts how far lol_html is; what it writes is not used.
struct Progress(Arc<AtomicU64>);

impl OutputSink for Progress {
    fn handle_chunk(&mut self, chunk: &[u8]) {
        // Nobody else writes.
        self.0.store(self.0.load(Ordering::Relaxed) + chunk.len() as u64, Ordering::Relaxed);
    }
}

impl Collector {
    /// Begins with a page that is served at `address`. `charset` is what its Content-Type says, if anything; without
    /// it a byte order mark, then a `meta` element, then UTF-8 count.
    pub fn new(address: &Address, charset: Option<&str>, rewrite: Rewrite) -> Self {
        let readable = charset.map(text::encoding);
        let encoding = readable.flatten();
        let inventory = Inventory::new(address, encoding, rewrite);
        let state = Arc::new(Mutex::new(State { inventory, output: Output::default() }));
        let progress = Arc::new(AtomicU64::new(0));
        let parser = parser(&state, &progress);
        let mut collector =
            Self { parser: Some(parser), state, progress, mark: Vec::new(), has_begun: false };
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
        if let Some(parser) = self.parser.take()
            && parser.end().is_err()
        {
            self.give_up(Partial::Memory);
        }
        let mut state = lock(&self.state);
        let State { inventory, output } = &mut *state;
        inventory.page_ends(output);
        output.hold = None;
        output.release(u64::MAX, out);
        std::mem::take(&mut inventory.page)
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        self.has_begun = true;
        let mark = std::mem::take(&mut self.mark);
        // A mark outweighs what headers and elements say. Encoding Standard, section 6.1.
        match Encoding::for_bom(&mark) {
            Some((encoding, _)) if encoding == UTF_8 => lock(&self.state).inventory.set_encoding(UTF_8),
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
        let length = {
            let mut state = lock(&self.state);
            state.output.held.extend_from_slice(piece);
            state.inventory.page.bytes += piece.len() as u64;
            state.inventory.page.bytes
        };
        if let Some(parser) = &mut self.parser
            && parser.write(piece).is_err()
        {
            self.give_up(Partial::Memory);
        }
        if self.parser.is_some() && length > PAGE_BYTES_MAX {
            self.give_up(Partial::Length);
        }
        let mut state = lock(&self.state);
        let State { inventory, output } = &mut *state;
        let until = match self.parser {
            Some(_) => self.progress.load(Ordering::Relaxed),
            None => u64::MAX,
        };
        inventory.judge_what_is_too_long(until, output);
        output.release(until, out);
    }

    /// The rest passes unread.
    fn give_up(&mut self, why: Partial) {
        self.parser = None;
        let mut state = lock(&self.state);
        let State { inventory, output } = &mut *state;
        inventory.page.partial.insert(why);
        inventory.reading_ends(output);
        output.hold = None;
    }
}

impl Output {
    /// The bytes of the page in `range`, as far as they are still held.
    fn raw(&self, range: &std::ops::Range<usize>) -> &[u8] {
        let start = usize::try_from(self.start).unwrap_or(usize::MAX);
        let within = |at: usize| at.saturating_sub(start).min(self.held.len());
        &self.held[within(range.start)..within(range.end)]
    }

    fn insert(&mut self, at: u64, piece: Vec<u8>) {
        let place = self.pieces.partition_point(|(other, _)| *other <= at);
        self.pieces.insert(place, (at, piece));
    }

    /// Appends everything before `until` and before the hold to `out`.
    fn release(&mut self, until: u64, out: &mut Vec<u8>) {
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
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("no handler panics while it holds the state")
}

fn parser(state: &Arc<Mutex<State>>, progress: &Arc<AtomicU64>) -> HtmlRewriter<'static, Progress> {
    let encoding = AsciiCompatibleEncoding::new(X_USER_DEFINED).expect("x-user-defined begins with ASCII");
    let (at_tags, at_text) = (Arc::clone(state), Arc::clone(state));
    let everything = ElementContentHandlers::default()
        .element(move |found: &mut Element<'_, '_>| element::start(&at_tags, found));
    let scripts = ElementContentHandlers::default().text(move |text: &mut TextChunk<'_>| {
        lock(&at_text).inventory.script_text(text.as_str());
        Ok(())
    });
    let memory = MemorySettings::new()
        .with_preallocated_parsing_buffer_size(0)
        .with_max_allowed_memory_usage(PARSER_BYTES_MAX);
    let settings = Settings::new_send()
        .with_encoding(encoding)
        .with_memory_settings(memory)
        .with_strict(false)
        .with_adjust_charset_on_meta_tag(false)
        .append_element_content_handler((Cow::Borrowed(&*EVERYTHING), everything))
        .append_element_content_handler((Cow::Borrowed(&*SCRIPTS), scripts));
    HtmlRewriter::new(settings, Progress(Arc::clone(progress)))
}
