//! What reads a page: ours, and what it is compared with.

use std::cell::Cell;
use std::hint::black_box;

use gabion_markup::{Address, Collector, Page, Rewrite};
use html5ever::tendril::ByteTendril;
use html5ever::tendril::stream::{TendrilSink, Utf8LossyDecoder};
use html5ever::tokenizer::{BufferQueue, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};

use super::PIECE_BYTES;

/// Reads a page once.
type Read = fn(&[u8]);

/// Names of readers, and what reads.
pub(crate) const READERS: [(&str, Read); 4] = [
    ("Gabion", |page| {
        black_box(long(page, 1));
    }),
    ("lol_html, which looks at nothing", lol_html_alone),
    ("lol_html, which looks at every element", lol_html_elements),
    ("html5ever, its tokenizer", html5ever_tokens),
];

/// Reads `part` so many times as one page.
pub(crate) fn long(part: &[u8], times: usize) -> Page {
    let address = Address::parse("https://shop.example/chairs").expect("an address");
    let mut collector = Collector::new(&address, Some("utf-8"), Rewrite::default());
    let mut out = Vec::with_capacity(PIECE_BYTES * 2);
    for _ in 0..times {
        for piece in part.chunks(PIECE_BYTES) {
            collector.write(piece, &mut out);
            black_box(&out);
            out.clear();
        }
    }
    collector.finish(&mut out)
}

fn lol_html_alone(page: &[u8]) {
    lol_html_with(page, lol_html::Settings::new());
}

fn lol_html_elements(page: &[u8]) {
    let count = Cell::new(0_usize);
    let handler = lol_html::element!("*", |element| {
        count.set(count.get() + element.attributes().len());
        Ok(())
    });
    lol_html_with(page, lol_html::Settings::new().append_element_content_handler(handler));
    black_box(count.get());
}

fn lol_html_with(page: &[u8], settings: lol_html::Settings<'_, '_>) {
    let mut out = Vec::with_capacity(PIECE_BYTES * 2);
    let mut rewriter = lol_html::HtmlRewriter::new(settings, |piece: &[u8]| out.extend_from_slice(piece));
    for piece in page.chunks(PIECE_BYTES) {
        rewriter.write(piece).expect("the page is small");
    }
    rewriter.end().expect("the page is small");
    black_box(&out);
}

/// Counts tags; without a tree builder it takes scripts for text, which costs it less.
struct Tags(Cell<usize>);

impl TokenSink for Tags {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        if let Token::TagToken(tag) = token {
            self.0.set(self.0.get() + tag.attrs.len());
        }
        TokenSinkResult::Continue
    }
}

/// Passes text on to the tokenizer.
struct Feed(Tokenizer<Tags>, BufferQueue);

impl TendrilSink<html5ever::tendril::fmt::UTF8> for Feed {
    type Output = usize;

    fn process(&mut self, text: html5ever::tendril::StrTendril) {
        self.1.push_back(text);
        while let html5ever::TokenizerResult::Script(()) = self.0.feed(&self.1) {}
    }

    fn error(&mut self, _: std::borrow::Cow<'static, str>) {}

    fn finish(self) -> usize {
        self.0.end();
        self.0.sink.0.get()
    }
}

fn html5ever_tokens(page: &[u8]) {
    let tokenizer = Tokenizer::new(Tags(Cell::new(0)), TokenizerOpts::default());
    let mut decoder = Utf8LossyDecoder::new(Feed(tokenizer, BufferQueue::default()));
    for piece in page.chunks(PIECE_BYTES) {
        decoder.process(ByteTendril::from_slice(piece));
    }
    black_box(decoder.finish());
}
