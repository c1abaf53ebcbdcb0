//! Large inputs that are made to be slow. In quadratic time each would take hours, in linear time it takes a moment, so
//! that the bound holds on any machine.

use std::time::{Duration, Instant};

use gabion_waf::body::{json, multipart, urlencoded, xml};
use gabion_waf::injection;

const BYTES: usize = 1 << 20;
const LONGEST: Duration = Duration::from_secs(20);

/// A beginning and a piece that is repeated behind it.
type Bomb = (&'static str, &'static str);

#[track_caller]
fn check(bombs: &[Bomb], run: impl Fn(&[u8])) {
    for (begin, piece) in bombs {
        let input = [*begin, &piece.repeat(BYTES / piece.len())].concat();
        let start = Instant::now();
        run(input.as_bytes());
        let taken = start.elapsed();
        assert!(taken < LONGEST, "{begin:?} and {piece:?} took {taken:?}");
    }
}

#[test]
fn detectors_take_linear_time() {
    let bombs = [
        ("", "'"),
        ("'", "\\'"),
        ("'", "\\"),
        ("\"", "\\\\\\\""),
        ("", "/*"),
        ("", "*/"),
        ("", "/*x*/"),
        ("", "--\n"),
        ("", "#"),
        ("", "$a"),
        ("", "$a$"),
        ("", "b'0"),
        ("", "x'"),
        ("", "q'("),
        ("", "a.b`"),
        ("", "1,"),
        ("", "1+"),
        ("", "("),
        ("", "a b "),
        ("", "; ;"),
        ("", "@@"),
        ("", "select "),
        ("", "sp_password"),
        ("", "<"),
        ("", "<a "),
        ("", "<a b=\""),
        ("<a href='", "&#0;"),
        ("<a href='&#", "0"),
        ("", "<!--"),
        ("<!--", "-\0"),
        ("<!--", "--"),
        ("", "<%%"),
        ("", "<![CDATA[]"),
        ("", "</"),
        ("", "a=b\0"),
    ];
    check(&bombs, |input| {
        injection::sqli(input);
        injection::xss(input);
    });
}

#[test]
fn body_readers_take_linear_time() {
    check(&[("", "&"), ("", "%"), ("", "+"), ("", "a=%41&")], |body| {
        let limits = urlencoded::Limits { arguments_max: usize::MAX, bytes_max: usize::MAX };
        urlencoded::parse(body, b'&', &limits, &mut |_, _| {});
    });
    check(
        &[("", "["), ("", "{\"a\":"), ("[", "1,"), ("\"", "\\u0041"), ("", " "), ("[", "{\"aaaa\":1},")],
        |body| {
            let limits =
                json::Limits { depth_max: usize::MAX, arguments_max: usize::MAX, ..json::Limits::default() };
            json::parse(body, &limits, &mut |_, _| {});
        },
    );
    let header = "--x\r\nContent-Disposition: form-data; name=a\r\n";
    let forms = [
        ("", "\n"),
        ("", "--\n"),
        ("", "--x\n"),
        (header, " \n"),
        (header, "A:\r\n b\r\n c\r\n"),
        ("--x\r\n\r\n", "-"),
        ("--x\r\nContent-Disposition: form-data; name=\"", "\\\""),
        ("", "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n"),
    ];
    check(&forms, |body| {
        let limits = multipart::Limits {
            parts_max: usize::MAX,
            files_max: usize::MAX,
            ..multipart::Limits::default()
        };
        multipart::parse(b"multipart/form-data; boundary=x", body, &limits);
    });
    let documents = [
        ("", "<a>"),
        ("<a>", "&lt;"),
        ("<a>", "<b/>"),
        ("<a ", "b='' "),
        ("<a>", "<!---->"),
        ("<a>", "]]"),
        ("<!DOCTYPE a [", "<!ENTITY b 'c'>"),
        ("<!DOCTYPE a><a>", "&b;"),
    ];
    check(&documents, |body| {
        let limits = xml::Limits { depth_max: usize::MAX, ..xml::Limits::default() };
        xml::parse(body, &limits);
    });
}
