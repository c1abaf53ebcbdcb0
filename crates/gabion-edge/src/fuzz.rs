//! What the fuzzer holds against this crate's parsers. The seeds in `fuzz/seeds` run as tests.

use std::net::IpAddr;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use crate::client_addr;
use crate::config::Http2Section;
use crate::cut::Cut;
use crate::guard::body::Framing;
use crate::guard::{Chunked, Scan};
use crate::h2_watch::machine::{Machine, Times};
use crate::network::Network;
use crate::origin::Origin;
use crate::path::{below, normalize};
use crate::proxy_protocol::{self, HEADER_BYTES_MAX, Parsed};
use crate::route::host_part;
use crate::tls::client_hello::ClientHello;
use crate::tls::ja4::{Ja4, Transport};
use crate::trace_context::{TraceParent, state_is_good};
use crate::upstream::http1::read_answer;

/// Nothing that a stranger writes changes who the client is; from a believed proxy, anything may be written.
pub fn client_addr(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut headers = HeaderMap::new();
    for line in text.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let header = (name.trim().parse::<HeaderName>(), HeaderValue::from_str(value.trim()));
        if let (Ok(name), Ok(value)) = header {
            headers.append(name, value);
        }
    }
    let peer = IpAddr::from([192, 0, 2, 1]);
    let stranger = client_addr::client(peer, false, &headers, &[]);
    assert_eq!((stranger.address, stranger.https), (peer, false));
    let everything: Vec<Network> =
        ["0.0.0.0/0", "::/0"].map(|text| text.parse().expect("a network")).to_vec();
    client_addr::client(peer, false, &headers, &everything);
}

/// Normal paths start with a slash, have no dot segments, stay as they are, and origins are written as they parse.
pub fn route(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let normal = normalize(&text);
    assert!(normal.starts_with('/') && !normal.contains("//") && !normal.contains('\\'), "{normal}");
    assert!(normal.split('/').all(|segment| segment != ".." && segment != "."), "{normal}");
    assert!(below(&normal, "/"));
    if let Some(host) = host_part(&text) {
        assert!(text.starts_with(host) && !host.is_empty());
    }
    if let Ok(origin) = text.parse::<Origin>() {
        assert_eq!(origin.to_string().parse(), Ok(origin));
    }
}

/// A ClientHello that can be read has a fingerprint of the right shape, whatever follows it.
pub fn client_hello(bytes: &[u8]) {
    let Some(hello) = ClientHello::parse(bytes) else { return };
    let ja4 = Ja4::new(Transport::Tcp, &hello);
    assert!(ja4.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'), "{ja4}");
    assert_eq!(ClientHello::parse(&[bytes, b"more"].concat()), Some(hello));
}

/// A header ends within its bytes, whatever follows it, and is none without its last byte.
pub fn proxy_protocol(bytes: &[u8]) {
    let Ok(whole @ Parsed::Header { length, .. }) = proxy_protocol::parse(bytes) else { return };
    assert!(length <= bytes.len().min(HEADER_BYTES_MAX));
    assert_eq!(proxy_protocol::parse(&bytes[..length]).ok(), Some(whole));
    assert_eq!(proxy_protocol::parse(&bytes[..length - 1]).ok(), Some(Parsed::Incomplete));
}

/// However a stream of frames is cut into pieces, the verdict on it is the same.
pub fn h2_frames(bytes: &[u8]) {
    let second = Duration::from_secs(1);
    let times = Times { head: second, idle: second, write: second };
    let now = Instant::now();
    let machine = || Machine::new(Http2Section::default(), times, now);
    let (mut whole, mut cut) = (machine(), machine());
    let sent = whole.sent(bytes, now).and_then(|()| whole.received(bytes, now));
    let mut bytewise = |take: fn(&mut Machine, &[u8], Instant) -> Result<(), Cut>| {
        bytes.chunks(1).try_for_each(|byte| take(&mut cut, byte, now))
    };
    let pieces = bytewise(Machine::sent).and_then(|()| bytewise(Machine::received));
    assert_eq!((sent, whole.deadline(), whole.last_stream()), (pieces, cut.deadline(), cut.last_stream()));
}

/// A trace's parent is written as it is read, but for flags nobody knows; states are judged without a panic.
pub fn traceparent(bytes: &[u8]) {
    state_is_good(bytes);
    if let Some(parent) = TraceParent::parse(bytes) {
        let written = parent.header();
        assert_eq!(TraceParent::parse(written.as_bytes()), Some(parent));
        assert_eq!(written.as_bytes()[2..53], bytes[2..53]);
    }
}

/// Whatever a head is made of, the guard's answer does not depend on how it was split, and a head that passes says
/// once at most where its body ends.
pub fn head(bytes: &[u8]) {
    let whole = Scan::default().feed(bytes);
    let mut scan = Scan::default();
    let pieces =
        (1..=bytes.len()).map(|end| scan.feed(&bytes[..end])).find(|found| !matches!(found, Ok(None)));
    assert_eq!(pieces.unwrap_or(Ok(None)), whole);
    let Ok(Some(head)) = whole else { return };
    let named = |known: &'static str| move |(name, _): &(&str, &[u8])| name.eq_ignore_ascii_case(known);
    let (lengths, codings) = (
        head.raw.fields().filter(named("content-length")).count(),
        head.raw.fields().filter(named("transfer-encoding")).count(),
    );
    assert!(head.raw.fields().filter(named("host")).count() <= 1);
    assert_eq!((codings, lengths <= 1 - codings), (usize::from(head.framing == Framing::Chunked), true));
}

/// Whatever a chunked body is made of, its end does not depend on how it was split, and a body that ends can be read
/// again, chunk by chunk, to the same end.
pub fn chunked(bytes: &[u8]) {
    let mut whole = Chunked::default();
    let end = whole.advance(bytes);
    let mut pieces = Chunked::default();
    let each = bytes.iter().try_fold(0, |sum, byte| Ok(sum + pieces.advance(&[*byte])?));
    assert_eq!((each, pieces.is_over()), (end, whole.is_over()));
    let (Ok(end), true) = (end, whole.is_over()) else { return };
    let mut rest = &bytes[..end];
    loop {
        let line = rest.iter().position(|b| *b == b'\n').expect("a chunk size ends in a line");
        let digits = rest.iter().position(|b| !b.is_ascii_hexdigit()).expect("a chunk size ends");
        let digits = std::str::from_utf8(&rest[..digits]).expect("digits are text");
        let size = usize::from_str_radix(digits, 16).expect("it fits what was read");
        rest = &rest[line + 1..];
        if size == 0 {
            break;
        }
        assert_eq!(&rest[size..size + 2], b"\r\n");
        rest = &rest[size + 2..];
    }
    assert!(rest == b"\r\n" || rest.ends_with(b"\r\n\r\n"));
}

/// Whatever a shop answers over HTTP/1.1, what is read of it does not depend on how it was split.
pub fn answer(bytes: &[u8]) {
    let read = |step| read_answer(bytes, step).map_err(|error| error.to_string());
    let whole = read(bytes.len());
    for step in [1, 7] {
        match (&whole, read(step)) {
            // A fault behind the end of a head can hide what an error in a later piece would have said first.
            (Err(_), Err(_)) => {}
            (whole, pieces) => assert_eq!(*whole, pieces),
        }
    }
}

#[cfg(test)]
mod tests {
    use gabion_test::seeds;

    #[test]
    fn client_hello_seeds_hold() {
        seeds::each("client_hello", super::client_hello);
    }

    #[test]
    fn h2_frames_seeds_hold() {
        seeds::each("h2_frames", super::h2_frames);
    }

    #[test]
    fn proxy_protocol_seeds_hold() {
        seeds::each("proxy_protocol", super::proxy_protocol);
    }

    #[test]
    fn client_addr_seeds_hold() {
        seeds::each("client_addr", super::client_addr);
    }

    #[test]
    fn traceparent_seeds_hold() {
        seeds::each("traceparent", super::traceparent);
    }

    #[test]
    fn head_seeds_hold() {
        seeds::each("head", super::head);
    }

    #[test]
    fn chunked_seeds_hold() {
        seeds::each("chunked", super::chunked);
    }

    #[test]
    fn answer_seeds_hold() {
        seeds::each("answer", super::answer);
    }

    #[test]
    fn route_seeds_hold() {
        seeds::each("route", super::route);
    }
}
