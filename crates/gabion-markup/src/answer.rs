//! What an answer should not say: debug pages, listings, files that were never meant to be served, keys, card numbers.
//!
//! Passive: it looks at bytes that pass and changes nothing, unless it is asked to mask card numbers and keys. It quotes
//! no secret, only says of what kind it is and where. A sign is a few bytes and no proof: a page that explains how to find leaks looks like one.

mod card;
mod signs;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use gabion_core::Severity;
use serde::Serialize;

use signs::{After, Before, SIGNS, Sign};

/// Bytes of an answer that are looked at. Above it the rest is not.
pub const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Bytes around a sign that decide whether it is one.
const AROUND_BYTES: usize = 512;

static MATCHER: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::new(SIGNS.iter().map(|sign| sign.text)).expect("the signs are few and short")
});

/// Looks at one answer. Give it the body in pieces, decoded, then [`AnswerGuard::finish`].
///
/// Memory: one piece and a kilobyte. Time: linear.
#[derive(Debug, Default)]
pub struct AnswerGuard {
    /// Bytes that are not decided yet, with what stands before them.
    window: Vec<u8>,
    /// Where in the answer the window begins.
    start: u64,
    /// Where in the window undecided bytes begin.
    decided: usize,
    found: BTreeMap<&'static str, Leak>,
    is_partial: bool,
    masks: bool,
}

/// Something that an answer should not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leak {
    /// What it is, such as `stripe-secret-key`.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What it means, as a sentence.
    pub sentence: &'static str,
    /// What to do about it, as sentences.
    pub fix: &'static str,
    /// Where in the answer the first one is, in bytes.
    pub offset: u64,
    /// How many there are.
    pub count: u32,
}

/// What was found in an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Leaks {
    /// Each kind once, in the order of their codes.
    pub leaks: Vec<Leak>,
    /// Whether the answer is longer than [`ANSWER_BYTES_MAX`], and its end was not looked at.
    pub is_partial: bool,
}

impl AnswerGuard {
    /// Looks at an answer in which card numbers, keys and passwords of settings are masked: [`AnswerGuard::pass`].
    pub fn masking() -> Self {
        Self { masks: true, ..Self::default() }
    }

    /// Takes the next piece of the answer.
    pub fn write(&mut self, piece: &[u8]) {
        self.pass(piece, &mut Vec::new());
    }

    /// Takes the next piece of the answer and appends to `out` what may pass of it; up to 512 bytes wait for what follows.
    /// What is masked keeps its length. Of a card number four digits are left, of a key or password its kind. Private keys
    /// of several lines and what lies behind [`ANSWER_BYTES_MAX`] pass as they are.
    pub fn pass(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let seen = self.start + self.window.len() as u64;
        let room = usize::try_from(ANSWER_BYTES_MAX.saturating_sub(seen)).unwrap_or(usize::MAX);
        let (taken, rest) = piece.split_at(piece.len().min(room));
        self.is_partial |= !rest.is_empty();
        self.window.extend_from_slice(taken);
        let undecided = if self.is_partial { 0 } else { AROUND_BYTES };
        let passed = self.decided;
        self.look(self.window.len().saturating_sub(undecided));
        out.extend_from_slice(&self.window[passed..self.decided]);
        out.extend_from_slice(rest);
        let done = self.decided.saturating_sub(AROUND_BYTES);
        self.window.drain(..done);
        self.start += done as u64;
        self.decided -= done;
    }

    /// Ends the answer and says what was found.
    pub fn finish(self) -> Leaks {
        self.end(&mut Vec::new())
    }

    /// Ends the answer, appends the rest of it to `out`, and says what was found.
    pub fn end(mut self, out: &mut Vec<u8>) -> Leaks {
        let passed = self.decided;
        self.look(self.window.len());
        out.extend_from_slice(&self.window[passed..]);
        Leaks { leaks: self.found.into_values().collect(), is_partial: self.is_partial }
    }

    /// Decides about everything that begins before `until`.
    fn look(&mut self, until: usize) {
        if until <= self.decided {
            return;
        }
        let (window, from) = (&self.window, self.decided);
        let mut hits: Vec<(&'static Sign, Range<usize>)> = Vec::new();
        for hit in MATCHER.find_overlapping_iter(&window[from..]) {
            let (sign, place) = (&SIGNS[hit.pattern().as_usize()], from + hit.start()..from + hit.end());
            if place.start < until && is_meant(sign, window, place.start, place.end, self.start == 0) {
                hits.push((sign, place));
            }
        }
        hits.extend(card::numbers(window, from, until).map(|place| (&signs::CARD, place)));
        for (sign, place) in hits {
            let offset = self.start + place.start as u64;
            if self.masks {
                mask(sign, &mut self.window, place);
            }
            let leak = self.found.entry(sign.code).or_insert(Leak {
                code: sign.code,
                severity: sign.severity,
                sentence: sign.sentence,
                fix: sign.fix,
                offset,
                count: 0,
            });
            leak.count = leak.count.saturating_add(1);
            leak.offset = leak.offset.min(offset);
        }
        self.decided = until;
    }
}

/// Whether what stands around a sign makes it one.
fn is_meant(sign: &Sign, window: &[u8], at: usize, end: usize, is_start: bool) -> bool {
    let before = at.checked_sub(1).map(|before| window[before]);
    let starts = match sign.before {
        Before::Anything => true,
        Before::Nothing => is_start && at == 0,
        Before::LineEnd => (is_start && at == 0) || before == Some(b'\n'),
        Before::NoWord => before.is_none_or(|byte| !byte.is_ascii_alphanumeric() && byte != b'_'),
    };
    let rest = &window[end..(end + AROUND_BYTES - sign.text.len().min(AROUND_BYTES)).min(window.len())];
    starts
        && match sign.after {
            After::Anything => true,
            After::Key { bytes, belongs } => {
                rest.len() >= bytes
                    && rest[..bytes].iter().all(|byte| belongs(*byte))
                    && !is_example(&rest[..bytes])
            }
            After::Text(text) => rest.windows(text.len()).any(|window| window == text),
            After::Value => rest.first().is_some_and(u8::is_ascii_graphic),
        }
}

/// Hides what a sign stands for; the sign itself stays.
fn mask(sign: &Sign, window: &mut [u8], place: Range<usize>) {
    let is_secret: fn(u8) -> bool = match sign.after {
        After::Key { belongs, .. } => belongs,
        After::Value => |byte| byte.is_ascii_graphic(),
        After::Anything | After::Text(_) if std::ptr::eq(sign, &raw const signs::CARD) => {
            return card::mask(window, place);
        }
        After::Anything | After::Text(_) => return,
    };
    let secret = window[place.end..].iter_mut().take_while(|byte| is_secret(**byte));
    secret.for_each(|byte| *byte = b'*');
}

/// `xxxx` and `1111` in place of a key, as documentation has it.
fn is_example(key: &[u8]) -> bool {
    key.iter().all(|byte| *byte == key[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(answer: &[u8], cut: usize) -> Vec<(&'static str, u64, u32)> {
        let mut guard = AnswerGuard::default();
        answer.chunks(cut).for_each(|piece| guard.write(piece));
        guard.finish().leaks.iter().map(|leak| (leak.code, leak.offset, leak.count)).collect()
    }

    #[track_caller]
    fn check(answer: &str, expected: &[(&'static str, u64, u32)]) {
        for cut in [1, 7, 1000, 100_000] {
            assert_eq!(codes(answer.as_bytes(), cut), expected, "{answer} in pieces of {cut}");
        }
    }

    /// Put together here, so that no search for leaked keys finds this file.
    fn key(prefix: &str, rest: &str) -> String {
        format!("{prefix}{rest}")
    }

    #[test]
    fn debug_pages_listings_and_files_are_found() {
        for (answer, code) in [
            ("<b>Fatal error</b>:  Uncaught Error in <b>/var/www/a.php</b> on line <b>3</b>", "php-error"),
            ("<title>phpinfo()</title>", "phpinfo"),
            ("you have <code>DEBUG = True</code> in your Django settings file", "django-debug"),
            ("<script>window.ignite({})</script>", "laravel-debug"),
            ("<title>Index of /backup</title>", "directory-listing"),
            ("ref: refs/heads/main\n", "git-folder"),
            ("[core]\n\trepositoryformatversion = 0\n", "git-folder"),
            ("APP_ENV=prod\nDB_PASSWORD=hunter2\n", "env-file"),
            ("-- MySQL dump 10.13  Distrib 8.0\n", "sql-dump"),
            ("SQLite format 3\0", "database-file"),
        ] {
            check(answer, &[(code, codes(answer.as_bytes(), 1000)[0].1, 1)]);
        }
    }

    #[test]
    fn keys_are_found_and_examples_are_not() {
        let stripe = key("sk_live_", "51HabcDEFghiJKLmno123456");
        check(&format!("x {stripe} y {stripe}"), &[("stripe-secret-key", 2, 2)]);
        check(&key("\"AKIA", "IOSFODNN7EXAMPL2\""), &[("aws-key", 1, 1)]);
        check(&key("-----BEGIN RSA PRIVATE ", "KEY-----\n"), &[("private-key", 0, 1)]);
        check(&key("sk_live_", "xxxxxxxxxxxxxxxxxxxxxxxx"), &[]);
        check("task_live_51HabcDEFghiJKLmno123456 sk_live_short SAKIAIOSFODNN7EXAMPL2", &[]);
        check("a line: DB_PASSWORD=x and ref: refs/heads/main", &[]);
    }

    #[test]
    fn card_numbers_are_found_and_other_numbers_are_not() {
        check("card 4242 4242 4242 4242.", &[("card-number", 5, 1)]);
        check("{\"pan\":\"378282246310005\"},5555-5555-5555-4444", &[("card-number", 8, 2)]);
        for text in [
            "4242424242424241",
            "1234567890123452",
            "a4242424242424242",
            "4242424242424242b",
            "0.4242424242424242",
            "424242424242424242424242",
            "9783161484100",
        ] {
            check(text, &[]);
        }
    }

    #[track_caller]
    fn passes_as(answer: &str, expected: &str) {
        for cut in [1, 7, 600, 100_000] {
            let (mut guard, mut out) = (AnswerGuard::masking(), Vec::new());
            answer.as_bytes().chunks(cut).for_each(|piece| guard.pass(piece, &mut out));
            let leaks = guard.end(&mut out);
            assert_eq!(String::from_utf8_lossy(&out), expected, "in pieces of {cut}");
            assert_eq!(leaks.leaks.is_empty(), answer == expected, "what is masked is told");
        }
    }

    #[test]
    fn card_numbers_and_keys_are_masked_on_request_and_nothing_else_changes() {
        let (padding, stripe) = ("tea and cups ".repeat(100), key("sk_live_", "51HabcDEFghiJKLmno123456"));
        passes_as(&padding, &padding);
        passes_as("order 4242424242424241, 12:30", "order 4242424242424241, 12:30");
        passes_as(
            &format!("{padding}4242 4242 4242 4242, {padding}"),
            &format!("{padding}**** **** **** 4242, {padding}"),
        );
        passes_as("{\"pan\": \"378282246310005\"}", "{\"pan\": \"***********0005\"}");
        passes_as("{\"pan\": 378282246310005}", "{\"pan\": 300000000000005}");
        passes_as(&format!("{padding}{stripe}!"), &format!("{padding}sk_live_{}!", "*".repeat(24)));
        passes_as("APP_ENV=prod\nDB_PASSWORD=hunter2\nA=b", "APP_ENV=prod\nDB_PASSWORD=*******\nA=b");
    }

    #[test]
    fn the_end_of_a_very_long_answer_is_not_looked_at_and_that_is_told() {
        let mut guard = AnswerGuard::default();
        let piece = vec![b'x'; 1024 * 1024];
        for _ in 0..16 {
            guard.write(&piece);
        }
        assert!(!guard.is_partial && guard.window.len() <= piece.len());
        guard.write(b"<title>phpinfo()</title>");
        assert_eq!(guard.finish(), Leaks { leaks: Vec::new(), is_partial: true });
    }
}
