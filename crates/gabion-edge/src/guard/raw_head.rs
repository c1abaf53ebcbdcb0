//! A head as the client sent it.

use std::sync::Arc;

use gabion_core::card;

use super::Fault;
use super::field::trim;

/// Bytes of a refused request that are kept for rules to look at: more than tools and scanners send, and little enough
/// that many refused at once need not be counted.
const REFUSED_BYTES_KEPT: usize = 8 * 1024;
/// Bytes of a refused request line that are told, and of its method that are shown.
const LINE_BYTES_TOLD: usize = 512;
const METHOD_BYTES_SHOWN: usize = 20;

/// The request line and the fields of one HTTP/1 request as they came: order, case, repetition and white space.
///
/// hyper's map of headers forgets all of these; they tell browsers from tools. Kept in one piece and cheap to clone.
/// Every request of HTTP/1 has it in its extensions. There is none for HTTP/2, whose heads are compressed and decoded
/// elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawHead {
    /// From the method to the empty line and with it, all lines ending in CR LF.
    bytes: Arc<[u8]>,
    method_end: u32,
    target_end: u32,
    /// After the request line.
    fields: u32,
}

impl RawHead {
    /// Keeps a head whose parts `scan` has found.
    pub(super) fn new(bytes: &[u8], method_end: usize, target_end: usize, fields: usize) -> Self {
        let offset = |at: usize| u32::try_from(at).expect("a head is shorter than 64 KiB");
        let [method_end, target_end, fields] = [method_end, target_end, fields].map(offset);
        Self { bytes: bytes.into(), method_end, target_end, fields }
    }

    /// The whole head, from the method to the empty line and with it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The method: capital letters and hyphens.
    pub fn method(&self) -> &str {
        text(&self.bytes[..self.method_end as usize])
    }

    /// The target: visible ASCII, escapes as they came.
    pub fn target(&self) -> &str {
        text(&self.bytes[self.method_end as usize + 1..self.target_end as usize])
    }

    /// `HTTP/1.0` or `HTTP/1.1`.
    pub fn version(&self) -> &str {
        text(&self.bytes[self.target_end as usize + 1..self.fields as usize - 2])
    }

    /// The fields in their order, names in their case, values without the white space around them. Values may have
    /// bytes from 0x80 on.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let mut rest = &self.bytes[self.fields as usize..];
        std::iter::from_fn(move || {
            let end = rest.iter().position(|b| *b == b'\r').filter(|end| *end > 0)?;
            let (line, after) = rest.split_at(end);
            rest = &after[2..];
            let colon = line.iter().position(|b| *b == b':')?;
            Some((text(&line[..colon]), trim(&line[colon + 1..])))
        })
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("methods, targets and names are ASCII once scanned")
}

/// A head that was refused, with what is told of it.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) fault: Fault,
    /// What came of the request, from its first line on, cut.
    bytes: Box<[u8]>,
}

impl Refused {
    /// Keeps what came of a request with this fault, or the beginning of it.
    pub(super) fn new(fault: Fault, bytes: &[u8]) -> Self {
        let bytes = bytes.strip_prefix(b"\r\n").unwrap_or(bytes);
        Self { fault, bytes: bytes[..bytes.len().min(REFUSED_BYTES_KEPT)].into() }
    }

    /// What came of the request, from its first line on: at most 8 KiB, and never more than had arrived when the fault
    /// was seen.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn line(&self) -> &[u8] {
        let line = self.bytes.split(|b| matches!(b, b'\r' | b'\n')).next().unwrap_or_default();
        &line[..line.len().min(LINE_BYTES_TOLD)]
    }

    /// The first word of the request line, odd bytes escaped.
    pub(crate) fn method(&self) -> String {
        let word = self.line().split(|b| *b == b' ').next().unwrap_or_default();
        word[..word.len().min(METHOD_BYTES_SHOWN)].escape_ascii().to_string()
    }

    /// The target without its query, odd bytes escaped, card numbers masked.
    pub(crate) fn path(&self) -> String {
        let target = self.line().split(|b| *b == b' ').nth(1).unwrap_or_default();
        let path = target.split(|b| matches!(b, b'?' | b'#')).next().unwrap_or_default();
        card::mask(&path.escape_ascii().to_string()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_kept_as_it_came() {
        let bytes = b"GET /a?b HTTP/1.1\r\nHOST: shop.example\r\nx-B:  \xe4 \r\nX-b:\r\nHost2: : \r\n\r\n";
        let head = RawHead::new(bytes, 3, 8, 19);
        assert_eq!((head.method(), head.target(), head.version()), ("GET", "/a?b", "HTTP/1.1"));
        let fields: Vec<_> = head.fields().collect();
        assert_eq!(fields, [("HOST", &b"shop.example"[..]), ("x-B", b"\xe4"), ("X-b", b""), ("Host2", b":")]);
        assert_eq!(head.as_bytes(), bytes);
        assert_eq!(RawHead::new(b"GET / HTTP/1.0\r\n\r\n", 3, 5, 16).fields().count(), 0);
    }

    #[test]
    fn what_is_told_of_a_refused_head_is_cut_escaped_and_masked() {
        let told = |head: &[u8]| {
            let refused = Refused::new(Fault::RequestLine, head);
            (refused.method(), refused.path())
        };
        assert_eq!(told(b"G\x01T /a\xff?secret HTTP/1.1\r\nX: y"), ("G\\x01T".into(), "/a\\xff".into()));
        assert_eq!(told(b"\r\nGET /4111111111111111 x").1, "/[card …1111]");
        assert_eq!(told(b""), (String::new(), String::new()));
        let (method, path) = told(&[b'A'; 10_000]);
        assert_eq!((method.len(), path.len()), (METHOD_BYTES_SHOWN, 0));
        assert_eq!(Refused::new(Fault::HeadLong, &[b'A'; 10_000]).as_bytes().len(), REFUSED_BYTES_KEPT);
    }
}
