//! Large inputs that are made to be slow. In quadratic time each would take hours, in linear time it takes a moment, so
//! that the bound holds on any machine.

use std::time::{Duration, Instant};

use gabion_upload::Policy;
use gabion_upload::json::JsonLimits;

use crate::files::{gzip, inspect, inspector, tar, zip};

const BYTES: usize = 4 << 20;
const LONGEST: Duration = Duration::from_secs(60);

#[track_caller]
fn check(what: &str, bytes: &[u8]) {
    let start = Instant::now();
    let policy = Policy { bytes_max: usize::MAX, ..Policy::any_harmless() };
    assert_eq!(inspect(&policy, "", "", bytes).facts.bytes, bytes.len());
    let taken = start.elapsed();
    assert!(taken < LONGEST, "{what} took {taken:?}");
}

#[test]
fn repeated_pieces_take_linear_time() {
    for (begin, piece) in [
        ("", "<?"),
        ("", "<?=a("),
        ("", "<?php"),
        ("", "<%"),
        ("", "<"),
        ("", "$_GET["),
        ("", "eval("),
        ("", "chr(1)."),
        ("<svg>", "<a>"),
        ("<svg a='", "&#0;"),
        ("<svg ", "a='' "),
        ("<svg>", "<!---->"),
        ("<svg style='", "url("),
        ("<svg style='", "\\"),
        ("<svg><style>", "@import"),
        ("<!DOCTYPE svg [", "<!ENTITY a 'b'>"),
        ("<svg>", "<![CDATA["),
        ("%PDF-1.4 ", "/"),
        ("%PDF-1.4 ", "/JS"),
        ("%PDF-1.4 ", "/#53 "),
        ("%PDF-1.4 ", "stream"),
        ("%PDF-1.4 ", ">>stream"),
        ("%PDF-1.4 ", "/S %"),
        ("%PDF-1.4 ", "<</Type/ObjStm>>stream endstream "),
        ("{\\rtf1", "{\\bin9 "),
        ("{\\rtf1", "\\objdata"),
        ("GIF89a\0\0\0\0\0\0\0", "!\u{1}\0"),
        ("{", "\"a\":"),
        ("[", "[],"),
        ("PK\u{3}\u{4}", "PK\u{1}\u{2}"),
        ("PK\u{3}\u{4}", "PK\u{5}\u{6}"),
        ("RIFF", "\0"),
        ("II*\0\u{8}\0\0\0", "\u{1}\0"),
    ] {
        let bytes = [begin, &piece.repeat(BYTES / piece.len())].concat();
        check(&format!("{begin:?} and {piece:?}"), bytes.as_bytes());
    }
}

#[test]
fn binary_bombs_take_linear_time() {
    let repeat = |begin: &[u8], piece: &[u8]| [begin, &piece.repeat(BYTES / piece.len())].concat();
    check("JPEG segments", &repeat(b"\xff\xd8", b"\xff\xe1\0\x02"));
    check("JPEG scans", &repeat(b"\xff\xd8", b"\xff\xda\0\x02\xff\0"));
    check(
        "JPEG pictures",
        &repeat(
            b"\xff\xd8\xff\xe2\0\x06MPF\0\xff\xc0\0\x08\x08\0\x01\0\x01\x01\xff\xd9",
            b"\xff\xd8\xff\xd9",
        ),
    );
    check("boxes", &repeat(b"\0\0\0\x08ftyp", b"\0\0\0\x08meta"));
    check("compound file", &repeat(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\0\0\0\0\x09\0\x06\0"));
    check("tar headers", &repeat(&tar(&[("a", b"")])[..512], &tar(&[("a", b"")])[..512]));
}

#[test]
fn fifty_megabytes_of_opening_tags_take_linear_time() {
    check("tags", &b"<?".repeat(25 << 20));
}

#[test]
fn archives_of_archives_take_linear_time() {
    let small = zip(&[("a.txt", &vec![b'a'; 1 << 20])]);
    let names: Vec<String> = (0..900).map(|number| format!("{number}.zip")).collect();
    let entries: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &small[..])).collect();
    check("many archives", &zip(&entries));
    let deep = (0..40).fold(small, |inner, _| zip(&[("a.zip", &inner)]));
    check("deep archives", &deep);
    let layers = (0..3).fold(vec![0; 100 << 20], |inner, _| gzip(&inner));
    check("gzip of gzip", &layers);
}

#[test]
fn bodies_take_linear_time() {
    let limits = JsonLimits { body_bytes_max: usize::MAX, files_max: 1_000 };
    for (begin, piece) in [
        ("[", "{\"name\":\"a\"},"),
        ("[", "\"AAAA\","),
        ("\"", "PD9w"),
        ("{\"base64\":\"", "!"),
        ("[", "\"data:;base64,\","),
    ] {
        let body = [begin, &piece.repeat(BYTES / piece.len())].concat();
        let start = Instant::now();
        let found = inspector().inspect_json(body.as_bytes(), &Policy::pictures(), &limits);
        assert!(found.is_err(), "none of them is whole");
        assert!(start.elapsed() < LONGEST, "{begin:?} and {piece:?} took {:?}", start.elapsed());
    }
    let body = format!("[\"{}\"]", "PD9w".repeat(BYTES / 4));
    let start = Instant::now();
    let found = inspector().inspect_json(body.as_bytes(), &Policy::pictures(), &limits).expect("JSON");
    assert!(found.iter().all(|found| !found.inspection.passes()));
    assert!(start.elapsed() < LONGEST);
}
