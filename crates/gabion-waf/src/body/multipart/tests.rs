use proptest::prelude::*;

use super::*;

const TYPE: &[u8] = b"multipart/form-data; boundary=x";

fn form(body: &str) -> String {
    body.replace('\n', "\r\n")
}

fn run(body: &str) -> Multipart<'_> {
    parse(TYPE, body.as_bytes(), &Limits::default())
}

/// Name, file name and content of each part.
fn parts(body: &str) -> Vec<(String, Option<String>, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let read = run(body);
    let part = |part: &Part<'_>| {
        (text(&part.name), part.filename.as_deref().map(text), body[part.content.clone()].to_owned())
    };
    read.parts.iter().map(part).collect()
}

#[track_caller]
fn check_parts(body: &str, expected: &[(&str, Option<&str>, &str)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, file, content)| ((*name).to_owned(), file.map(str::to_owned), (*content).to_owned()))
        .collect();
    assert_eq!(parts(body), expected, "{body:?}");
}

/// What is different from a body that has nothing odd.
#[track_caller]
fn check(content_type: &str, body: &str, expected: Flags, error: Option<Error>) {
    let read = parse(content_type.as_bytes(), body.as_bytes(), &Limits::default());
    assert_eq!(read.error, error, "{content_type:?} {body:?}");
    assert_eq!(read.flags, expected, "{content_type:?} {body:?}");
    assert_eq!(read.strict_error(), error.is_some() || expected.any());
}

const PLAIN: Flags = Flags {
    boundary_quoted: false,
    boundary_whitespace: false,
    data_before: false,
    data_after: false,
    header_folding: false,
    lf_line: false,
    crlf_line: true,
    missing_semicolon: false,
    invalid_quoting: false,
    invalid_part: false,
    invalid_header_folding: false,
    file_limit_exceeded: false,
    unmatched_boundary: 2,
};

fn one(disposition: &str) -> String {
    form(&format!("--x\nContent-Disposition: {disposition}\n\nv\n--x--\n"))
}

#[track_caller]
fn check_disposition(disposition: &str, expected: (&str, Option<&str>)) {
    check_parts(&one(disposition), &[(expected.0, expected.1, "v")]);
}

#[test]
fn parts_are_arguments_and_files() {
    let body = form(
        "--x\nContent-Disposition: form-data; name=\"a\"\n\n1\n2\n--x\ncontent-disposition: form-data; name=f; \
         filename=\"C:\\d\\n.png\"\nContent-Type: image/png\n\n\n--x--\n",
    );
    check_parts(&body, &[("a", None, "1\r\n2"), ("f", Some("C:\\d\\n.png"), "")]);
    check("multipart/form-data; boundary=x", &body, PLAIN, None);
    let headers: Vec<_> = run(&body).parts[1].headers.iter().map(|line| line.to_vec()).collect();
    assert_eq!(
        headers,
        [
            b"content-disposition: form-data; name=f; filename=\"C:\\d\\n.png\"".to_vec(),
            b"Content-Type: image/png".to_vec()
        ]
    );
}

#[test]
fn the_last_boundary_needs_no_line_end() {
    let body = form("--x\nContent-Disposition: form-data; name=a\n\nv\n--x--");
    check_parts(&body, &[("a", None, "v")]);
    // As in ModSecurity, where the boundary at the very end does not count for this flag.
    check("multipart/form-data; boundary=x", &body, Flags { unmatched_boundary: 0, ..PLAIN }, None);
}

#[test]
fn dispositions_are_read_as_modsecurity_does() {
    check_disposition("form-data; name=\"a\"", ("a", None));
    check_disposition("form-data;name=a", ("a", None));
    check_disposition("form-data ; name = \"a b\" ; filename= \"c\" ;", ("a b", Some("c")));
    check_disposition("form-data; name=\"a\\\"b\\\\c\\d\"", ("a\"b\\c\\d", None));
    check_disposition("form-data; name='a'", ("a", None));
    check_disposition("form-data; name=a; filename=\"\"", ("a", None));
    check_disposition(
        "form-data; name=a; filename=\"b\"; filename*=UTF-8'en'%e2%82%ac.png",
        ("a", Some("b")),
    );
    for malformed in [
        "attachment; name=a",
        "Form-Data; name=a",
        "form-datax; name=a",
        "form-data; ",
        "form-data; name",
        "form-data; name=",
        "form-data; name a=b",
        "form-data; name=\"a",
        "form-data; name=\"a\\",
        "form-data; name=a b",
        "form-data; name=a; name=b",
        "form-data; name=a; filename=b; filename=c",
        "form-data; name=a; size=1",
        "form-data; name=a; filename*=UTF-8''b",
        "form-data; name=a; filename=b; filename*=''c",
        "form-data; name=a; filename=b; filename*=UTF-8'c",
        "form-data; name=a; filename=b; filename*=UTF-8''%e",
        "form-data; name=a; filename=b; filename*=UTF-8''(",
        "form-data; name=a; filename=b; filename*=UTF-8''c; filename*=UTF-8''c",
        "form-data; name=a; filename =b",
    ] {
        check("multipart/form-data; boundary=x", &one(malformed), PLAIN, Some(Error::Disposition));
    }
    for unnamed in ["form-data", "form-data;", "form-data; name=\"\"", "form-data; filename=a"] {
        check("multipart/form-data; boundary=x", &one(unnamed), PLAIN, Some(Error::NoName));
    }
}

#[test]
fn odd_quotes_are_flagged() {
    let odd = Flags { invalid_quoting: true, ..PLAIN };
    check("multipart/form-data; boundary=x", &one("form-data; name='a'"), odd, None);
    check("multipart/form-data; boundary=x", &one("form-data; name=a'b"), odd, None);
    check("multipart/form-data; boundary=x", &one("form-data; name=\"a'b\""), PLAIN, None);
    check("multipart/form-data; boundary=x", &one("form-data; name=\"a\"b\""), odd, Some(Error::Disposition));
}

#[test]
fn content_types_are_read_strictly() {
    let body = one("form-data; name=a");
    let none = Flags::default();
    check("multipart/form-data;boundary=x", &body, PLAIN, None);
    check("Multipart/Form-Data; boundary=\"x\"", &body, Flags { boundary_quoted: true, ..PLAIN }, None);
    check("multipart/form-data boundary=x", &body, Flags { missing_semicolon: true, ..PLAIN }, None);
    check("multipart/form-data; boundary =x", &body, Flags { boundary_whitespace: true, ..PLAIN }, None);
    check("multipart/form-data; boundary=x; charset=utf-8", &body, PLAIN, None);
    for (content_type, error) in [
        ("", Error::MediaType),
        ("multipart/mixed; boundary=x", Error::MediaType),
        ("multipart/form-data", Error::NoBoundary),
        ("multipart/form-data; Boundary=x", Error::NoBoundary),
        ("multipart/form-data; boundary=x; boundary=x", Error::BoundaryRepeated),
        ("multipart/form-data; boundary=x; BOUNDARY=x", Error::BoundaryRepeated),
        ("multipart/form-data; charset=utf-8; boundary=x", Error::BoundaryParameter),
        ("multipart/form-data;; boundary=x", Error::BoundaryParameter),
        ("multipart/form-data; boundary", Error::BoundaryParameter),
        ("multipart/form-data; boundary2=x", Error::BoundaryParameter),
        ("multipart/form-data; boundary=", Error::BoundaryValue),
        ("multipart/form-data; boundary=\"x", Error::BoundaryValue),
        ("multipart/form-data; boundary=x\"", Error::BoundaryValue),
        ("multipart/form-data; boundary=\"", Error::BoundaryValue),
    ] {
        check(content_type, &body, none, Some(error));
    }
    let quoted = Flags { boundary_quoted: true, ..none };
    check("multipart/form-data; boundary=\"\"", &body, quoted, Some(Error::BoundaryValue));
    check("multipart/form-data; boundary=\"x \"", &body, quoted, Some(Error::BoundaryValue));
    check("multipart/form-data; boundary=x<", &body, none, Some(Error::BoundaryValue));
    let long = format!("multipart/form-data; boundary={}", "x".repeat(1_000));
    check(&long, &body, none, Some(Error::ContentTypeLong));
}

#[test]
fn data_around_the_parts_is_flagged() {
    let body = form("hello\n--x\nContent-Disposition: form-data; name=a\n\nv\n--x--\nbye");
    check(
        "multipart/form-data; boundary=x",
        &body,
        Flags { data_before: true, data_after: true, ..PLAIN },
        None,
    );
    check_parts(&body, &[("a", None, "v")]);
}

#[test]
fn line_ends_are_flagged() {
    let body = form("--x\nContent-Disposition: form-data; name=a\n\nv\n--x--\n");
    let both = Flags { lf_line: true, ..PLAIN };
    assert!(both.crlf_lf_lines() && !PLAIN.crlf_lf_lines());
    let all_lf = body.replace("\r\n", "\n");
    check(
        "multipart/form-data; boundary=x",
        &all_lf,
        Flags { lf_line: true, crlf_line: false, ..PLAIN },
        None,
    );
    check_parts(&all_lf, &[("a", None, "v")]);
    for (from, to) in
        [("--x\r\n", "--x\n"), ("a\r\n", "a\n"), ("\r\n\r\n", "\r\n\n"), ("v\r\n", "v\n"), ("--\r\n", "--\n")]
    {
        check("multipart/form-data; boundary=x", &body.replacen(from, to, 1), both, None);
    }
    check_parts(&body.replace("v\r\n", "v\n"), &[("a", None, "v")]);
    // The line ends of contents are nobody's business.
    check("multipart/form-data; boundary=x", &body.replace("v\r\n", "v\nw\r\n"), PLAIN, None);
}

#[test]
fn folded_headers_are_joined_and_flagged() {
    let folded = Flags { header_folding: true, ..PLAIN };
    let body = one("form-data;\n \tname=a");
    check("multipart/form-data; boundary=x", &body, folded, None);
    check_parts(&body, &[("a", None, "v")]);
    assert_eq!(&run(&body).parts[0].headers[0][..], b"Content-Disposition: form-data; name=a");
    let odd = Flags { invalid_header_folding: true, ..folded };
    check("multipart/form-data; boundary=x", &one("form-data;\n\x0bname=a"), odd, None);
    let first = form("--x\n folded\n\nv\n--x--\n");
    check("multipart/form-data; boundary=x", &first, folded, Some(Error::FoldingFirst));
}

#[test]
fn malformed_part_headers_are_errors_and_later_parts_are_still_read() {
    let good = "--x\nContent-Disposition: form-data; name=b\n\nw\n--x--\n";
    for (header, error) in [
        ("no colon", Error::HeaderMalformed),
        (": no name", Error::HeaderMalformed),
        ("A: 1\na: 2", Error::HeaderRepeated),
        ("A: 1\0", Error::HeaderNul),
        ("A: 1", Error::NoDisposition),
    ] {
        let body = form(&format!("--x\n{header}\n\nv\n{good}"));
        check("multipart/form-data; boundary=x", &body, PLAIN, Some(error));
        check_parts(&body, &[("b", None, "w")]);
    }
    let cut = form(&format!("--x\nContent-Disposition: form-data; name=a\n{good}"));
    check(
        "multipart/form-data; boundary=x",
        &cut,
        Flags { invalid_part: true, ..PLAIN },
        Some(Error::HeaderCut),
    );
    check_parts(&cut, &[("b", None, "w")]);
    let long = form(&format!("--x\nA: {}\n\nv\n{good}", "1".repeat(4_096)));
    check("multipart/form-data; boundary=x", &long, PLAIN, Some(Error::HeaderLong));
    let folded = form(&format!("--x\nA: 1\n {}\n\nv\n{good}", "1".repeat(4_093)));
    check(
        "multipart/form-data; boundary=x",
        &folded,
        Flags { header_folding: true, ..PLAIN },
        Some(Error::HeaderLong),
    );
    let headers: String = (0..33).map(|n| format!("A{n}: 1\n")).collect();
    let many = form(&format!("--x\n{headers}\nv\n{good}"));
    check("multipart/form-data; boundary=x", &many, PLAIN, Some(Error::HeadersMany));
}

#[test]
fn lines_that_look_like_boundaries_are_flagged_or_errors() {
    let with = |line: &str| form(&format!("--x\nContent-Disposition: form-data; name=a\n\nv\n{line}\n--x--"));
    let unmatched = Flags { unmatched_boundary: 1, ..PLAIN };
    for line in ["--", "--y", "-----", "a--x", "--y--x"] {
        check("multipart/form-data; boundary=x", &with(line), unmatched, None);
    }
    check("multipart/form-data; boundary=x", &with("--x\0"), Flags { unmatched_boundary: 1, ..PLAIN }, None);
    check("multipart/form-data; boundary=x", &with("--\0x"), Flags { unmatched_boundary: 0, ..PLAIN }, None);
    check("multipart/form-data; boundary=x", &with("-x"), Flags { unmatched_boundary: 0, ..PLAIN }, None);
    for line in ["--x ", "--xy", "--x--y", "-- x", "--\tx--"] {
        let read = run(&with(line)).error;
        assert_eq!(read, Some(Error::BoundaryLine), "{line:?}");
    }
    let quoted = Flags { boundary_quoted: true, unmatched_boundary: 0, ..PLAIN };
    check("multipart/form-data; boundary=\"x\"", &with("--\"x\""), quoted, Some(Error::BoundaryLine));
}

#[test]
fn a_boundary_where_content_should_begin_is_content() {
    let body = form("--x\nContent-Disposition: form-data; name=a\n\n--x\nw\n--x--\n");
    check("multipart/form-data; boundary=x", &body, Flags { invalid_part: true, ..PLAIN }, None);
    check_parts(&body, &[("a", None, "--x\r\nw")]);
    let last = form("--x\nContent-Disposition: form-data; name=a\n\n--x--");
    check(
        "multipart/form-data; boundary=x",
        &last,
        Flags { invalid_part: true, unmatched_boundary: 0, ..PLAIN },
        None,
    );
    check_parts(&last, &[("a", None, "")]);
}

#[test]
fn bodies_that_end_early_are_errors_and_their_last_part_is_read() {
    let body = form("--x\nContent-Disposition: form-data; name=a\n\nv\nw");
    check(
        "multipart/form-data; boundary=x",
        &body,
        Flags { unmatched_boundary: 0, ..PLAIN },
        Some(Error::LastBoundaryMissing),
    );
    check_parts(&body, &[("a", None, "v\r\nw")]);
    check("multipart/form-data; boundary=x", "", Flags::default(), None);
    check("multipart/form-data; boundary=x", "hello", Flags::default(), Some(Error::BoundaryMissing));
    let before = Flags { data_before: true, ..Flags::default() };
    check("multipart/form-data; boundary=x", "hello\n", before, Some(Error::BoundaryMissing));
}

#[test]
fn limits_of_parts_and_files_are_told() {
    let part = "--x\nContent-Disposition: form-data; name=a; filename=b\n\nv\n";
    let body = form(&format!("{}--x--\n", part.repeat(3)));
    let limits = Limits { parts_max: 3, files_max: 2, ..Limits::default() };
    let read = parse(TYPE, body.as_bytes(), &limits);
    assert!(read.flags.file_limit_exceeded && read.strict_error() && !read.partial);
    assert_eq!(read.parts.len(), 3);
    let read = parse(TYPE, body.as_bytes(), &Limits { parts_max: 2, ..limits });
    assert!(read.partial);
    assert_eq!(read.parts.len(), 2);
}

proptest! {
    #[test]
    fn contents_come_back(contents in prop::collection::vec("[a-z\r\n -]{0,20}", 1..5)) {
        // A boundary that cannot be in the contents.
        let mut body = String::new();
        for (index, content) in contents.iter().enumerate() {
            body += &format!("--Xy\r\nContent-Disposition: form-data; name=\"n{index}\"\r\n\r\n{content}\r\n");
        }
        body += "--Xy--\r\n";
        let read = parse(b"multipart/form-data; boundary=Xy", body.as_bytes(), &Limits::default());
        prop_assert_eq!(read.error, None);
        let back: Vec<&str> = read.parts.iter().map(|part| &body[part.content.clone()]).collect();
        prop_assert_eq!(back, contents);
    }

    #[test]
    fn ranges_are_in_bounds_and_in_order(
        lines in prop::collection::vec(
            prop_oneof![
                Just("--x"), Just("--x--"), Just("Content-Disposition: form-data; name=a"), Just(""), Just(" x=\"a"),
                Just("--"), Just("A: 1"), Just("v"), Just("Content-Disposition: form-data; name=\"a\\\"; filename='b'"),
            ],
            0..20,
        ),
        ends in prop::collection::vec(prop_oneof![Just("\r\n"), Just("\n"), Just("\r"), Just("")], 20),
    ) {
        let body: String = lines.iter().zip(&ends).flat_map(|(line, end)| [*line, *end]).collect();
        let read = run(&body);
        let mut last = 0;
        for part in &read.parts {
            prop_assert!(last <= part.content.start && part.content.start <= part.content.end);
            prop_assert!(!part.name.is_empty() && !part.headers.is_empty());
            last = part.content.end;
        }
        prop_assert!(last <= body.len());
    }

    #[test]
    fn no_bytes_make_it_panic(content_type in any::<Vec<u8>>(), body in any::<Vec<u8>>()) {
        let read = parse(&[b"multipart/form-data; boundary=", &content_type[..]].concat(), &body, &Limits::default());
        prop_assert!(read.parts.len() <= body.len());
    }
}
