//! Heads, whole and in pieces.

use proptest::prelude::*;

use super::*;

/// Feeds a head in pieces of `step` bytes.
fn feed(head: &[u8], step: usize) -> Result<Option<Head>, Fault> {
    let mut scan = Scan::default();
    let mut end = 0_usize;
    loop {
        end = head.len().min(end.saturating_add(step));
        let found = scan.feed(&head[..end])?;
        if found.is_some() || end == head.len() {
            return Ok(found);
        }
    }
}

#[track_caller]
fn outcome(head: &[u8]) -> Result<Option<Head>, Fault> {
    let whole = feed(head, usize::MAX);
    for step in [1, 2, 3, 17] {
        assert_eq!(feed(head, step), whole, "{:?} in pieces of {step}", head.escape_ascii().to_string());
    }
    whole
}

/// Checks a head of GET with these lines between request line and end.
#[track_caller]
fn lines(lines: &str, expected: Result<Framing, Fault>) {
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    let found = outcome(head.as_bytes()).map(|head| head.expect("a whole head").framing);
    assert_eq!(found, expected, "{lines:?}");
}

#[track_caller]
fn refused(head: &str, expected: Fault) {
    assert_eq!(outcome(head.as_bytes()), Err(expected), "{head:?}");
}

#[test]
fn a_whole_head_is_found_and_kept() {
    let bytes =
        b"\r\nPOST /a?b HTTP/1.1\r\nhOST:shop.example:8443\r\nX-a: \xff\t\r\ncontent-LENGTH: 5\r\n\r\n12345";
    let head = outcome(bytes).expect("no fault").expect("a whole head");
    assert_eq!((head.len, head.framing), (bytes.len() - 5, Framing::Length(5)));
    assert_eq!(head.raw.as_bytes(), &bytes[2..bytes.len() - 5]);
    assert_eq!((head.raw.method(), head.raw.target(), head.raw.version()), ("POST", "/a?b", "HTTP/1.1"));
    assert_eq!(head.raw.fields().count(), 3);
    assert_eq!(outcome(&bytes[..bytes.len() - 6]), Ok(None));
}

#[test]
fn framing_is_said_once_and_plainly() {
    lines("", Ok(Framing::Length(0)));
    lines("Content-Length: 0\r\n", Ok(Framing::Length(0)));
    lines("Content-Length:18\r\n", Ok(Framing::Length(18)));
    lines("Transfer-Encoding: Chunked\r\n", Ok(Framing::Chunked));
    for value in [
        "", " ", "x", "-1", "+1", "1 2", "1,1", "1, 1", " 1", "\t1", "1 ", "01", "0x1", "1e1", "1_0",
        "\u{661}",
    ] {
        lines(&format!("Content-Length: {value}\r\n"), Err(Fault::Length));
    }
    lines("Content-Length: 9999999999999999999\r\n", Ok(Framing::Length(9_999_999_999_999_999_999)));
    lines("Content-Length: 10000000000000000000\r\n", Err(Fault::Length));
    for second in ["1", "2"] {
        lines(&format!("Content-Length: 1\r\ncontent-length: {second}\r\n"), Err(Fault::LengthRepeated));
    }
    for value in
        ["gzip", "identity", "gzip, chunked", "chunked, gzip", "chunked, chunked", "xchunked", "chunked,gzip"]
    {
        lines(&format!("Transfer-Encoding: {value}\r\n"), Err(Fault::CodingUnknown));
    }
    for value in [
        "",
        " chunked",
        "chunked ",
        "\tchunked",
        ",chunked",
        "chunked,",
        "chunked;q=1",
        "\"chunked\"",
        "ch unked",
    ] {
        lines(&format!("Transfer-Encoding: {value}\r\n"), Err(Fault::Coding));
    }
    lines("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Err(Fault::CodingRepeated));
    lines("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", Err(Fault::LengthAndCoding));
    lines("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", Err(Fault::LengthAndCoding));
    refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Fault::CodingOld);
}

#[test]
fn other_spellings_of_framing_are_refused() {
    for name in
        ["Content_Length", "Transfer_Encoding", "TRANSFER.ENCODING", "Content_Encoding", "Proxy_Connection"]
    {
        lines(&format!("{name}: 1\r\n"), Err(Fault::FieldShadow));
    }
    lines("X_Forwarded_For: 1\r\nsession_id: 2\r\n", Ok(Framing::Length(0)));
}

#[test]
fn lines_end_in_crlf_and_have_no_controls() {
    for head in [
        "GET / HTTP/1.1\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
        "GET / HTTP/1.1\rHost: a\r\n\r\n",
        "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: b\u{b}\n\r\n".trim_start_matches("\u{b}"),
    ] {
        assert!(matches!(outcome(head.as_bytes()), Err(Fault::LineEnd | Fault::Control)), "{head:?}");
    }
    for byte in (0..0x20).filter(|b| !matches!(b, b'\t' | b'\r' | b'\n')).chain([0x7f]) {
        let mut head = b"GET / HTTP/1.1\r\nHost: a\r\nX: a".to_vec();
        head.push(byte);
        head.extend(b"b\r\n\r\n");
        assert_eq!(outcome(&head), Err(Fault::Control), "{byte:#x}");
    }
}

#[test]
fn request_lines_are_three_words() {
    for line in [
        "GET /",
        "GET",
        "GET  / HTTP/1.1",
        "GET / HTTP/1.1 ",
        " GET / HTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET / http/1.1",
        "GET / HTTP/1.10",
        "GET / HTTP/11",
        "GET / HTTX/1.1",
        "G<T / HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET /\tHTTP/1.1",
        "GÄT / HTTP/1.1",
    ] {
        refused(&format!("{line}\r\nHost: a\r\n\r\n"), Fault::RequestLine);
    }
    refused("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Fault::RequestLine);
    for version in ["HTTP/0.9", "HTTP/2.0", "HTTP/1.2", "HTTP/3.1"] {
        refused(&format!("GET / {version}\r\nHost: a\r\n\r\n"), Fault::Version);
    }
    refused("PRI * HTTP/2.0\r\n\r\n", Fault::Version);
    refused("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", Fault::Method);
    refused("get / HTTP/1.1\r\nHost: a\r\n\r\n", Fault::MethodUnknown);
}

#[test]
fn fields_are_a_name_a_colon_and_a_value() {
    for line in ["X", "X : 1", "X\t: 1", ": 1", "X y: 1", "(X): 1", "Ä: 1", "X\u{a0}: 1"] {
        lines(&format!("{line}\r\n"), Err(Fault::FieldName));
    }
    for line in [" X: 1", "\tX: 1", "X: 1\r\n folded", "X: 1\r\n\tfolded"] {
        lines(&format!("{line}\r\n"), Err(Fault::FieldFold));
    }
    refused("GET / HTTP/1.1\r\n Host: a\r\n\r\n", Fault::FieldFold);
    lines("X:\r\nY: ä, \"\\\"\t\r\nZ: a:b\r\n", Ok(Framing::Length(0)));
    lines("Connection: keep-älive\r\n", Err(Fault::FieldHop));
    lines("Expect: 100-Continue\r\n", Ok(Framing::Length(0)));
    lines("Expect: 100-continue, x\r\n", Err(Fault::Expectation));
}

#[test]
fn there_is_one_host() {
    refused("GET / HTTP/1.1\r\n\r\n", Fault::HostMissing);
    assert!(outcome(b"GET / HTTP/1.0\r\n\r\n").is_ok_and(|head| head.is_some()));
    lines("Host: a\r\n", Err(Fault::HostRepeated));
    for host in ["", "a b", "a,b", "a@b", "a/b", "a:", "a:x", "a:99999", "[::1", "ä", "a\"b"] {
        refused(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), Fault::HostMalformed);
    }
    for (target, expected) in [
        ("http://a/", None),
        ("https://A/x?y", None),
        ("http://b/", Some(Fault::HostDiffers)),
        ("http://a:80/", Some(Fault::HostDiffers)),
        ("http://u@a/", Some(Fault::UserInfo)),
        ("//b/", None),
    ] {
        let head = format!("GET {target} HTTP/1.1\r\nHost:  a \r\n\r\n");
        assert_eq!(outcome(head.as_bytes()).err(), expected, "{target}");
    }
}

#[test]
fn heads_are_bounded() {
    let long = |bytes: usize| {
        let start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
        format!("{start}{}\r\n\r\n", "x".repeat(bytes - start.len() - 4))
    };
    assert!(outcome(long(HEAD_BYTES_MAX).as_bytes()).is_ok_and(|head| head.is_some()));
    refused(&long(HEAD_BYTES_MAX + 1), Fault::HeadLong);
    refused(&long(HEAD_BYTES_MAX)[..HEAD_BYTES_MAX - 2].replace("X: ", "X: xx"), Fault::HeadLong);
    lines(&"X: 1\r\n".repeat(HEADERS_MAX - 1), Ok(Framing::Length(0)));
    lines(&"X: 1\r\n".repeat(HEADERS_MAX), Err(Fault::FieldsMany));
    let target = |bytes: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(bytes - 1));
    assert!(outcome(target(TARGET_BYTES_MAX).as_bytes()).is_ok_and(|head| head.is_some()));
    refused(&target(TARGET_BYTES_MAX + 1), Fault::TargetLong);
    refused(&"G".repeat(HEAD_BYTES_MAX * 2), Fault::TargetLong);
}

/// Text that looks like a head often enough to get far.
fn nearly_a_head() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\r\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"GET / HTTP/1.1\r\n".to_vec()),
        Just(b"Host: a\r\n".to_vec()),
        Just(b"Content-Length: 3\r\n".to_vec()),
        Just(b"Transfer-Encoding: chunked\r\n".to_vec()),
        Just(b" ".to_vec()),
        Just(b"X: y\r\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..9).prop_map(|pieces| {
        let mut head = b"GET / HTTP/1.1\r\nHost: a\r\n".to_vec();
        let tail = pieces.concat();
        if tail.first() == Some(&b' ') {
            head = tail
        } else {
            head.extend(tail)
        }
        head.extend(b"\r\n\r\n");
        head
    })
}

/// What another reader makes of the same bytes: lines, then words; the sum of lengths and codings it believes in.
fn other_reading(head: &[u8]) -> (usize, Vec<u64>, usize) {
    let text: String = head.iter().copied().map(char::from).collect();
    let end = text.find("\r\n\r\n").expect("an end");
    let lines: Vec<_> = text[..end].split("\r\n").skip(1).collect();
    let values = |name: &str| -> Vec<String> {
        let pairs = lines.iter().filter_map(|line| line.split_once(':'));
        pairs
            .filter(|(found, _)| found.trim().replace('_', "-").eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
            .collect()
    };
    let lengths = values("content-length").iter().map(|value| value.parse().expect("a number")).collect();
    (end + 4, lengths, values("transfer-encoding").len())
}

proptest! {
    #[test]
    fn nothing_panics_and_the_answer_does_not_depend_on_splits(
        bytes in prop_oneof![nearly_a_head(), prop::collection::vec(any::<u8>(), 0..60)],
        step in 1_usize..20,
    ) {
        prop_assert_eq!(feed(&bytes, step), feed(&bytes, usize::MAX));
    }

    #[test]
    fn what_passes_is_framed_the_same_way_by_another_reader(bytes in nearly_a_head()) {
        if let Ok(Some(head)) = feed(&bytes, usize::MAX) {
            let (len, lengths, codings) = other_reading(head.raw.as_bytes());
            prop_assert_eq!(len, head.raw.as_bytes().len());
            match head.framing {
                Framing::Chunked => prop_assert!(lengths.is_empty() && codings == 1),
                Framing::Length(length) => {
                    prop_assert_eq!(codings, 0);
                    prop_assert!(lengths == [length] || (lengths.is_empty() && length == 0));
                }
            }
            let mut again = Vec::new();
            for (name, value) in head.raw.fields() {
                again.extend_from_slice(&[name.as_bytes(), b": ", value, b"\r\n"].concat());
            }
            let line = format!("{} {} {}\r\n", head.raw.method(), head.raw.target(), head.raw.version());
            let again = [line.as_bytes(), &again, b"\r\n"].concat();
            let read = feed(&again, usize::MAX).expect("no fault").expect("a whole head");
            prop_assert_eq!(read.framing, head.framing);
        }
    }
}
