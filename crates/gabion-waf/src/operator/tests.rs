use std::collections::HashMap;
use std::path::Path;

use super::*;
use crate::error::Fault;
use crate::source::Disk;

fn parse(text: &str) -> Result<Test, Fault> {
    let datasets = HashMap::from([("words".to_owned(), b"one\ntwo\n".to_vec())]);
    Test::parse(
        text.as_bytes(),
        &Context { folder: Path::new("/nowhere"), files: &Disk, datasets: &datasets },
    )
}

/// Asks an operator whose argument has no macros.
#[track_caller]
fn check(text: &str, cases: &[(&[u8], bool)]) {
    let test = parse(text).expect(text);
    let argument = test.operator.argument().and_then(Template::constant).unwrap_or_default();
    for (value, expected) in cases {
        let matched = test.operator.test(value, argument, None) == Outcome::Yes;
        assert_eq!(matched != test.negated, *expected, "{text} of {}", value.escape_ascii());
    }
}

#[test]
fn texts_are_compared_byte_by_byte() {
    check("@streq a", &[(b"a", true), (b"A", false), (b"ab", false)]);
    check("!@streq a", &[(b"a", false), (b"b", true)]);
    check("@beginsWith ab", &[(b"abc", true), (b"cab", false)]);
    check("@endsWith bc", &[(b"abc", true), (b"bca", false)]);
    check("@contains b", &[(b"abc", true), (b"ac", false)]);
    check("@strmatch b", &[(b"abc", true)]);
    check(
        "@containsWord is",
        &[(b"this is it", true), (b"this isnt", false), (b"is", true), (b"x-is!", true)],
    );
    check("@containsWord", &[(b"this", true)]);
    check("@within GET POST", &[(b"GET", true), (b"T P", true), (b"", true), (b"PUT", false)]);
    check("@within a ", &[(b"a ", true)]);
}

#[test]
fn numbers_are_compared_as_c_reads_them() {
    check("@eq 5", &[(b"5", true), (b"05x", true), (b"", false), (b"-5", false)]);
    check("@eq 0", &[(b"", true), (b"x", true)]);
    check("@gt 5", &[(b"6", true), (b"5", false)]);
    check("@ge 5", &[(b"5", true), (b"99999999999999999999", true)]);
    check("@lt 5", &[(b"4", true), (b"-99999999999999999999", true), (b"5", false)]);
    check("@le 5", &[(b"5", true), (b"6", false)]);
}

#[test]
fn patterns_are_the_default() {
    check("^a+$", &[(b"aaa", true), (b"b", false)]);
    check("!^a+$", &[(b"aaa", false), (b"b", true)]);
    check("@rx ^a b$", &[(b"a b", true)]);
    check("@rxGlobal a", &[(b"ba", true)]);
}

#[test]
fn patterns_with_macros_are_compiled_when_asked() {
    let test = parse("@rx ^(?:%{tx.allowed})$").expect("a test");
    let ask = |argument: &[u8]| test.operator.test(b"utf-8", argument, None);
    assert_eq!(ask(b"^(?:utf-8|x)$"), Outcome::Yes);
    assert_eq!(ask(b"^(?:x)$"), Outcome::No);
    assert_eq!(ask(b"^(?:"), Outcome::No);
    assert!(matches!(parse("@rx %{x}").expect("a test").operator, Operator::Rx(_)));
}

#[test]
fn lists_are_searched() {
    check("@pm one  two", &[(b"a TWO", true), (b"on", false)]);
    check("@pmFromDataset words", &[(b"twofold", true), (b"three", false)]);
    check("@ipMatch 192.0.2.0/24,::1", &[(b"192.0.2.9", true), (b"::1", true), (b"10.0.0.1", false)]);
}

#[test]
fn encodings_are_validated() {
    check("@validateByteRange 32-126", &[(b"abc", false), (b"a\nb", true), (b"", false)]);
    check("@validateUrlEncoding", &[(b"%41", false), (b"%4", true), (b"%zz", true), (b"a%", true)]);
    check("@validateUtf8Encoding", &[("é".as_bytes(), false), (b"\xc0\xaf", true), (b"\xff", true)]);
}

#[test]
fn numbers_with_checks_are_verified() {
    check(r"@verifyCC \d{13,16}", &[(b"x 4111111111111111", true), (b"4111111111111112", false)]);
    check(r"@verifySSN \d{3}-?\d{2}-?\d{4}", &[(b"078-05-1120", true), (b"000-05-1120", false)]);
    check(r"@validateNid cl \d+-[\dk]", &[(b"11111111-1", true), (b"11111111-2", false)]);
}

#[test]
fn constants_are_constant() {
    check("@unconditionalMatch", &[(b"", true)]);
    check("@noMatch", &[(b"", false)]);
    check("!@noMatch", &[(b"", true)]);
}

#[test]
fn captures_hold_what_matched() {
    let captured = |text: &str, value: &[u8]| {
        let mut groups = Groups::default();
        let test = parse(text).expect(text);
        test.operator.test(value, b"", Some(&mut groups));
        groups.0
    };
    let some = |text: &str| Some(text.as_bytes().to_vec());
    assert_eq!(captured("@rx (b)(x)?(c)", b"abcd"), [some("bc"), some("b"), None, some("c")]);
    assert_eq!(captured("@pm BC", b"abcd"), [some("bc")]);
    assert_eq!(captured("@rxGlobal [bd]", b"abcd"), [some("b"), some("d")]);
    assert_eq!(captured("@restPath /a/{x}/{y}", b"/a/1/2"), [some("/a/1/2"), some("1"), some("2")]);
}

#[test]
fn mistakes_are_refused() {
    for (text, message) in [
        ("@rxx a", "unknown operator \"@rxx\""),
        ("@inspectFile /bin/x", "@inspectFile is not supported: the engine runs no programs"),
        (
            "@pmFromFile https://example.com/list",
            "https://example.com/list is not supported: lists come from files only",
        ),
        ("@pmFromFile none.data", "cannot read /nowhere/none.data"),
        ("@pmFromDataset none", "unknown dataset \"none\""),
        ("@pm ", "no phrases to look for"),
        ("@ipMatch x", "\"x\" is not an address or a network"),
        ("@streq %{nothing}", "unknown variable \"nothing\""),
    ] {
        assert_eq!(parse(text).expect_err(text).to_string(), message);
    }
    assert!(parse("@rx (").is_err());
}
