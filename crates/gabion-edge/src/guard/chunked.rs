//! Follows a chunked body to its end, strictly after RFC 9112 section 7.1.

use super::Fault;
use super::field::{control, split};

/// Hexadecimal digits of a chunk size: more do not fit 64 bits.
const SIZE_DIGITS_MAX: u8 = 16;
/// Bytes of all chunk extensions of one body. Nobody uses them but to make readers disagree.
const EXTENSION_BYTES_MAX: usize = 1024;
/// Bytes and number of the trailer fields of one body.
const TRAILER_BYTES_MAX: usize = 4 * 1024;
const TRAILERS_MAX: usize = 20;

/// Fields that must not come after the body, because they say where it ends, whose it is, or how to read it
/// (RFC 9110 section 6.5.1), or because the shop believes Gabion about them.
const NEVER_TRAILERS: &[&str] = &[
    "age",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "location",
    "max-forwards",
    "origin",
    "pragma",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "referer",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
    "x-real-ip",
    "x-request-id",
];

/// A chunked body as far as it was read.
#[derive(Default)]
pub(crate) struct Chunked {
    step: Step,
    extension_bytes: usize,
    trailer_bytes: usize,
    trailers: usize,
    /// The unfinished line of a trailer.
    line: Vec<u8>,
}

/// What comes next.
enum Step {
    /// Digits of a chunk size, so many so far.
    Size { digits: u8, size: u64 },
    /// The rest of an extension.
    Extension { size: u64 },
    /// The LF after a chunk size.
    SizeEnd { size: u64 },
    /// So many bytes of data.
    Data { left: u64 },
    /// The CR after the data.
    DataCr,
    /// The LF after the data.
    DataLf,
    /// A line of the trailer section.
    Trailer,
    /// The LF after such a line.
    TrailerEnd,
    /// Nothing.
    Over,
}

impl Default for Step {
    fn default() -> Self {
        Self::Size { digits: 0, size: 0 }
    }
}

impl Chunked {
    /// Whether the last chunk and its trailers have been read.
    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.step, Step::Over)
    }

    /// How many of the bytes belong to this body: all, until it is over.
    ///
    /// # Errors
    /// What is wrong with the framing.
    pub(crate) fn advance(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        let mut at = 0;
        while at < bytes.len() && !self.is_over() {
            if let Step::Data { left } = &mut self.step {
                let taken =
                    usize::try_from(*left).map_or(bytes.len() - at, |left| left.min(bytes.len() - at));
                *left -= taken as u64;
                at += taken;
                if *left == 0 {
                    self.step = Step::DataCr;
                }
                continue;
            }
            self.step = self.next(bytes[at])?;
            at += 1;
        }
        Ok(at)
    }

    /// Reads one byte that is no data.
    fn next(&mut self, byte: u8) -> Result<Step, Fault> {
        Ok(match (&self.step, byte) {
            (Step::Size { digits, size }, byte) if byte.is_ascii_hexdigit() => {
                if *digits == SIZE_DIGITS_MAX {
                    return Err(Fault::ChunkSize);
                }
                let digit = char::from(byte).to_digit(16).map_or(0, u64::from);
                Step::Size { digits: digits + 1, size: size << 4 | digit }
            }
            (Step::Size { digits: 1.., size }, b'\r') => Step::SizeEnd { size: *size },
            (Step::Size { digits: 1.., size }, b';') => Step::Extension { size: *size },
            (Step::Size { .. }, _) => return Err(Fault::ChunkSize),
            (Step::Extension { size }, b'\r') => Step::SizeEnd { size: *size },
            (Step::Extension { size }, b'\t' | b' '..=b'~') => {
                let size = *size;
                self.extension_bytes += 1;
                if self.extension_bytes > EXTENSION_BYTES_MAX {
                    return Err(Fault::ChunkExtension);
                }
                Step::Extension { size }
            }
            (Step::Extension { .. }, _) => return Err(Fault::ChunkExtension),
            (Step::SizeEnd { size: 0 }, b'\n') => Step::Trailer,
            (Step::SizeEnd { size }, b'\n') => Step::Data { left: *size },
            (Step::SizeEnd { .. }, _) => return Err(Fault::ChunkSize),
            (Step::DataCr, b'\r') => Step::DataLf,
            (Step::DataLf, b'\n') => Step::default(),
            (Step::Trailer, b'\r') => Step::TrailerEnd,
            (Step::Trailer, byte) => {
                self.trailer_byte(byte)?;
                Step::Trailer
            }
            (Step::TrailerEnd, b'\n') => self.trailer()?,
            (Step::TrailerEnd, _) => return Err(Fault::Trailer),
            (Step::DataCr | Step::DataLf | Step::Data { .. } | Step::Over, _) => return Err(Fault::ChunkEnd),
        })
    }

    fn trailer_byte(&mut self, byte: u8) -> Result<(), Fault> {
        self.trailer_bytes += 1;
        if self.trailer_bytes > TRAILER_BYTES_MAX || control(&[byte]).is_some() {
            return Err(Fault::Trailer);
        }
        self.line.push(byte);
        Ok(())
    }

    /// Judges a whole line of the trailer section; the empty one is the last.
    fn trailer(&mut self) -> Result<Step, Fault> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return Ok(Step::Over);
        }
        self.trailers += 1;
        let (name, _) = split(&line).map_err(|_| Fault::Trailer)?;
        if self.trailers > TRAILERS_MAX || never_trailer(name) {
            return Err(Fault::Trailer);
        }
        Ok(Step::Trailer)
    }
}

fn never_trailer(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase().replace('_', "-");
    NEVER_TRAILERS.contains(&name.as_str())
        || ["x-forwarded-", "if-", "proxy-", "access-control-"].iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How many bytes belong to the body and whether it is over, fed in pieces of `step`.
    fn run(body: &[u8], step: usize) -> Result<(usize, bool), Fault> {
        let mut chunked = Chunked::default();
        let mut at = 0;
        while at < body.len() && !chunked.is_over() {
            let piece = &body[at..body.len().min(at + step)];
            at += chunked.advance(piece)?;
        }
        Ok((at, chunked.is_over()))
    }

    #[track_caller]
    fn check(body: &str, expected: Result<(usize, bool), Fault>) {
        for step in [1, 2, 3, 7, usize::MAX / 2] {
            assert_eq!(run(body.as_bytes(), step), expected, "{body:?} in pieces of {step}");
        }
    }

    #[test]
    fn bodies_end_after_the_last_chunk_and_its_trailers() {
        check("0\r\n\r\nGET", Ok((5, true)));
        check("3\r\nabc\r\n0\r\n\r\nGET", Ok((13, true)));
        check("00a;x=\"y z\";q\r\n0123456789\r\n000\r\n\r\n", Ok((34, true)));
        check("0\r\nX-Sum: 1\r\nX-More:\r\n\r\n!", Ok((24, true)));
        check("fFf", Ok((3, false)));
        check("5\r\nabc", Ok((6, false)));
    }

    #[test]
    fn malformed_chunks_are_refused() {
        for body in [
            "\r\n",
            "x",
            "-1\r\n",
            "+1\r\n",
            "0x1\r\n",
            " 1\r\n",
            "1 \r\n",
            "1\n",
            "1\r\r\n",
            "\n",
            ";\r\n",
            "1_0\r\n",
            "00000000000000001\r\n",
            "1\t\r\n",
            "\u{a0}1\r\n",
        ] {
            check(body, Err(Fault::ChunkSize));
        }
        for body in ["1;\n", "1;a\nb\r\n", "1;\u{1}\r\n", "1;ä\r\n", "1;\0\r\n"] {
            check(body, Err(Fault::ChunkExtension));
        }
        for body in ["1\r\nab", "1\r\na\n", "1\r\na\rb", "1\r\n\r\n\n"] {
            check(body, Err(Fault::ChunkEnd));
        }
        check(&format!("1;{}\r\n", "a".repeat(EXTENSION_BYTES_MAX + 1)), Err(Fault::ChunkExtension));
    }

    #[test]
    fn trailers_are_bounded_and_say_nothing_about_framing_or_origin() {
        for line in [
            "Content-Length: 5",
            "Transfer-Encoding: chunked",
            "transfer_encoding: x",
            "Host: a",
            "X-Forwarded-For: 1",
            "Authorization: x",
            "Cookie: a",
            " folded: 1",
            "no colon",
            "A : b",
            "A\u{1}: b",
            "A: b\nB: c",
            ": x",
        ] {
            check(&format!("0\r\n{line}\r\n\r\n"), Err(Fault::Trailer));
        }
        check(&format!("0\r\n{}\r\n", "A: b\r\n".repeat(TRAILERS_MAX)), Ok((7 + 6 * TRAILERS_MAX - 2, true)));
        check(&format!("0\r\n{}\r\n", "A: b\r\n".repeat(TRAILERS_MAX + 1)), Err(Fault::Trailer));
        check(&format!("0\r\nA: {}\r\n", "b".repeat(TRAILER_BYTES_MAX)), Err(Fault::Trailer));
    }

    proptest! {
        #[test]
        fn the_answer_does_not_depend_on_how_bytes_are_split(
            body in r"([0-9a-f]{1,2}(;[a-z= ]{0,3})?\r?\n?[a-z\r\n]{0,9}){0,3}(0\r\n(A: b\r\n)?\r\n)?.{0,4}",
            step in 1_usize..9,
        ) {
            prop_assert_eq!(run(body.as_bytes(), step), run(body.as_bytes(), usize::MAX / 2));
        }

        #[test]
        fn well_formed_bodies_pass_whole(chunks in prop::collection::vec("[ -~\r\n]{1,40}", 0..5), rest in ".{0,9}") {
            let mut body = String::new();
            for chunk in &chunks {
                body += &format!("{:x}\r\n{chunk}\r\n", chunk.len());
            }
            body += "0\r\n\r\n";
            let whole = body.len();
            body += &rest;
            prop_assert_eq!(run(body.as_bytes(), 5), Ok((whole, true)));
        }
    }
}
