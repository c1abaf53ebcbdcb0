//! Reading an answer while it passes, also a compressed one.

use std::io::{self, Write};
use std::mem;

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use gabion_crypto::digest::Sha256;
use gabion_markup::answer::{AnswerGuard, Leaks};
use gabion_markup::sighting::SCRIPT_BYTES_MAX;
use gabion_markup::{Collector, ContentHash, Page, Partial};
use http::header::{CONTENT_ENCODING, HeaderMap};

/// Bytes that a compressed answer may unpack to while only a copy of it is read. Above it the rest is not read.
const UNPACKED_BYTES_MAX: u64 = 16 << 20;
/// Bytes of an answer of unknown kind that are looked at: files that were never meant to be served show themselves at once.
const UNKNOWN_BYTES_MAX: u64 = 64 * 1024;

/// How an answer is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Plain,
    Gzip,
    /// Not by what is understood here; nobody asked for it.
    Unknown,
}

impl Coding {
    /// Of an answer with these headers. RFC 9110 section 8.4.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(CONTENT_ENCODING).iter();
        let (first, second) = (values.next(), values.next());
        let name = first.map(|value| value.to_str().unwrap_or("?").trim().to_ascii_lowercase());
        match (name.as_deref(), second) {
            (None | Some("" | "identity"), None) => Self::Plain,
            (Some("gzip" | "x-gzip"), None) => Self::Gzip,
            _ => Self::Unknown,
        }
    }
}

/// What was found in an answer.
#[derive(Default)]
pub(super) struct Found {
    pub(super) page: Option<Page>,
    pub(super) script: Option<ScriptFound>,
    pub(super) leaks: Option<Leaks>,
}

/// A script of the shop's own.
#[derive(Clone, Debug)]
pub(super) struct ScriptFound {
    pub(super) hash: ContentHash,
    pub(super) bytes: u64,
    pub(super) beginning: Bytes,
}

/// Reads what is no longer compressed.
#[derive(Default)]
pub(super) struct Reader {
    page: Option<Collector>,
    script: Option<(Sha256, Vec<u8>)>,
    guard: Option<AnswerGuard>,
    /// Bytes that the guard still looks at.
    guarded: u64,
    /// Whether the guard masks what goes out.
    masks: bool,
    /// What goes out instead of the answer; none where only a copy is read.
    out: Option<Vec<u8>>,
    read: u64,
    read_max: Option<u64>,
}

impl Reader {
    /// Reads a page, and looks for what it should not say.
    pub(super) fn page(collector: Collector) -> Self {
        Self { page: Some(collector), ..Self::text() }
    }

    /// Reads a script.
    pub(super) fn script() -> Self {
        Self { script: Some((Sha256::new(), Vec::new())), ..Self::default() }
    }

    /// Looks for what an answer should not say.
    pub(super) fn text() -> Self {
        Self { guard: Some(AnswerGuard::default()), guarded: u64::MAX, ..Self::default() }
    }

    /// The same in the beginning of an answer of unknown kind.
    pub(super) fn unknown() -> Self {
        Self { guarded: UNKNOWN_BYTES_MAX, ..Self::text() }
    }

    /// Keeps what goes out instead.
    pub(super) fn changing(self) -> Self {
        Self { out: Some(Vec::new()), ..self }
    }

    /// Masks card numbers and keys in what goes out.
    pub(super) fn masking(self) -> Self {
        Self { guard: Some(AnswerGuard::masking()), guarded: u64::MAX, masks: true, ..self }
    }

    /// Takes what can go out.
    pub(super) fn take_out(&mut self) -> Vec<u8> {
        self.out.as_mut().map(mem::take).unwrap_or_default()
    }

    /// Bytes that were read.
    pub(super) fn bytes(&self) -> u64 {
        self.read
    }

    /// Ends with what was read, and says why it is not all.
    pub(super) fn give_up(&mut self, why: Partial) -> Found {
        let mut found = mem::take(self).finish().0;
        // A script of which only the beginning was read is none.
        found.script = None;
        if let Some(page) = &mut found.page {
            page.partial.insert(why);
        }
        found
    }

    /// Ends, with the rest of what goes out.
    pub(super) fn finish(mut self) -> (Found, Vec<u8>) {
        let mut out = self.out.take().unwrap_or_default();
        let mut last = Vec::new();
        let page = self.page.take().map(|collector| collector.finish(&mut last));
        let leaks = match self.guard.take() {
            Some(mut guard) if self.masks => {
                guard.pass(&last, &mut out);
                Some(guard.end(&mut out))
            }
            guard => {
                out.append(&mut last);
                guard.map(AnswerGuard::finish)
            }
        };
        let (read, script) = (self.read, self.script);
        let script = script.map(|(hash, beginning)| ScriptFound {
            hash: ContentHash::finish(hash),
            bytes: read,
            beginning: beginning.into(),
        });
        (Found { page, script, leaks }, out)
    }
}

impl Reader {
    /// The page is changed first, and what becomes of it is masked.
    fn pass_masked(&mut self, piece: &[u8]) {
        let (Some(guard), Some(out)) = (&mut self.guard, &mut self.out) else { return };
        match &mut self.page {
            Some(collector) => {
                let mut changed = Vec::new();
                collector.write(piece, &mut changed);
                guard.pass(&changed, out);
            }
            None => guard.pass(piece, out),
        }
    }
}

impl Write for Reader {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let length = piece.len() as u64;
        self.read += length;
        if self.read_max.is_some_and(|most| self.read > most) {
            return Err(io::Error::other("unpacks to more than is read"));
        }
        if self.masks {
            self.pass_masked(piece);
            return Ok(piece.len());
        }
        if let Some(collector) = &mut self.page {
            let mut unused = Vec::new();
            collector.write(piece, self.out.as_mut().unwrap_or(&mut unused));
        }
        if let Some((hash, beginning)) = &mut self.script {
            hash.update(piece);
            let room = SCRIPT_BYTES_MAX - beginning.len();
            beginning.extend_from_slice(&piece[..piece.len().min(room)]);
        }
        if let Some(guard) = &mut self.guard {
            let seen = usize::try_from(self.guarded.min(length)).expect("no more than the piece");
            guard.write(&piece[..seen]);
            self.guarded -= seen as u64;
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Unpacks an answer, where that is needed, into its reader.
pub(super) enum Tap {
    Plain(Box<Reader>),
    Gzip(Box<MultiGzDecoder<Reader>>),
}

impl Tap {
    /// Reads an answer that is compressed in a way that is understood.
    pub(super) fn new(coding: Coding, mut reader: Reader) -> Self {
        if coding == Coding::Plain {
            return Self::Plain(Box::new(reader));
        }
        reader.read_max = reader.out.is_none().then_some(UNPACKED_BYTES_MAX);
        Self::Gzip(Box::new(MultiGzDecoder::new(reader)))
    }

    /// Takes the next piece as it came.
    ///
    /// # Errors
    /// When it is not what it says, or unpacks to more than is read.
    pub(super) fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(reader) => reader.write_all(piece),
            Self::Gzip(decoder) => {
                decoder.write_all(piece)?;
                decoder.flush()
            }
        }
    }

    /// The reader.
    pub(super) fn reader(&mut self) -> &mut Reader {
        match self {
            Self::Plain(reader) => reader,
            Self::Gzip(decoder) => decoder.get_mut(),
        }
    }

    /// Ends with what was read so far, and says why it is not all.
    pub(super) fn give_up(mut self) -> Found {
        let reader = self.reader();
        let long = reader.read_max.is_some_and(|most| reader.read > most);
        reader.give_up(if long { Partial::Length } else { Partial::Encoding })
    }

    /// Ends.
    ///
    /// # Errors
    /// When the answer breaks off inside what was compressed.
    pub(super) fn finish(self) -> io::Result<Reader> {
        match self {
            Self::Plain(reader) => Ok(*reader),
            Self::Gzip(decoder) => decoder.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http::HeaderValue;

    use super::*;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn a_compressed_script_is_the_same_script_in_any_pieces() {
        let text = b"let tea = 1;".repeat(10_000);
        let packed = [packed(&text[..7]), packed(&text[7..])].concat();
        for cut in [1, 7, 1_000, 100_000] {
            let mut tap = Tap::new(Coding::Gzip, Reader::script());
            packed.chunks(cut).for_each(|piece| tap.take(piece).expect("it is gzip"));
            let (found, _) = tap.finish().expect("it is whole").finish();
            let script = found.script.expect("a script");
            assert_eq!((script.hash, script.bytes), (ContentHash::of(&text), 120_000));
            assert_eq!(script.beginning, text);
        }
    }

    #[test]
    fn what_is_broken_or_unpacks_to_too_much_is_given_up() {
        let bomb = packed(&vec![b'x'; 20 << 20]);
        let mut tap = Tap::new(Coding::Gzip, Reader::text());
        assert!(tap.take(&bomb).is_err());
        assert!(tap.give_up().leaks.is_some());
        let mut tap = Tap::new(Coding::Gzip, Reader::script());
        assert!(tap.take(b"this is no gzip at all").is_err());
        assert!(tap.give_up().script.is_none());
        let half = packed(b"let tea = 1;");
        let mut tap = Tap::new(Coding::Gzip, Reader::script());
        tap.take(&half[..half.len() / 2]).expect("so far it is gzip");
        assert!(tap.finish().is_err());
    }

    #[test]
    fn codings_are_told_from_each_other() {
        for (values, expected) in [
            (&[][..], Coding::Plain),
            (&["identity"], Coding::Plain),
            (&["GZIP"], Coding::Gzip),
            (&["x-gzip"], Coding::Gzip),
            (&["br"], Coding::Unknown),
            (&["gzip, gzip"], Coding::Unknown),
            (&["gzip", "gzip"], Coding::Unknown),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_ENCODING, HeaderValue::from_static(value));
            }
            assert_eq!(Coding::of(&headers), expected, "{values:?}");
        }
    }
}
