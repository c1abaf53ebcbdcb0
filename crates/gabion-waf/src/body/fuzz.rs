//! What the fuzzer holds against the readers. The seeds in `fuzz/seeds` run as tests.

use super::{json, multipart, urlencoded, xml};

/// Arguments are no longer than what they were read from, and nothing is lost silently.
pub fn urlencoded(bytes: &[u8]) {
    let limits = urlencoded::Limits { arguments_max: 9, bytes_max: 99 };
    let (mut count, mut delivered) = (0, 0);
    let outcome = urlencoded::parse(bytes, b'&', &limits, &mut |name, value| {
        count += 1;
        delivered += name.len() + value.len();
    });
    assert!(count <= limits.arguments_max && delivered <= bytes.len().min(limits.bytes_max));
    assert!(outcome.partial || bytes.iter().filter(|byte| **byte == b'&').count() <= count);
}

/// What is accepted is UTF-8, values are no longer than the body, and names keep their limit.
pub fn json(bytes: &[u8]) {
    let limits = json::Limits { depth_max: 9, arguments_max: 9, name_bytes_max: 99 };
    let (mut count, mut delivered) = (0, 0);
    let outcome = json::parse(bytes, &limits, &mut |name, value| {
        assert!(name.starts_with(b"json") && name.len() <= limits.name_bytes_max);
        count += 1;
        delivered += value.len();
    });
    assert!(count <= limits.arguments_max && delivered <= bytes.len());
    assert!(outcome.error.is_some() || outcome.partial || std::str::from_utf8(bytes).is_ok());
}

/// Parts lie in the body, in order and apart; the first line is the Content-Type.
pub fn multipart(bytes: &[u8]) {
    let (content_type, body) = match memchr::memchr(b'\n', bytes) {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &b""[..]),
    };
    let limits = multipart::Limits { parts_max: 9, files_max: 2, headers_max: 3, header_bytes_max: 99 };
    let read = multipart::parse(content_type, body, &limits);
    assert!(read.parts.len() <= limits.parts_max);
    let mut end = 0;
    for part in &read.parts {
        assert!(end <= part.content.start && part.content.start <= part.content.end, "{part:?}");
        assert!(!part.name.is_empty() && (1..=limits.headers_max).contains(&part.headers.len()), "{part:?}");
        end = part.content.end;
    }
    assert!(end <= body.len());
}

/// What is delivered is UTF-8 and bounded by the body.
pub fn xml(bytes: &[u8]) {
    let limits = xml::Limits { depth_max: 9, attributes_max: 9 };
    let read = xml::parse(bytes, &limits);
    assert!(read.attributes.len() <= limits.attributes_max);
    assert!(std::str::from_utf8(&read.text).is_ok());
    let delivered: usize = read.text.len() + read.attributes.iter().map(Vec::len).sum::<usize>();
    // Two bytes of UTF-16 are up to three of UTF-8.
    assert!(delivered <= 2 * bytes.len());
}
