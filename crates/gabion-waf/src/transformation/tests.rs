use proptest::prelude::*;

use super::*;

/// Runs a transformation by its name.
fn run(name: &str, input: &[u8]) -> Vec<u8> {
    let transformation = Transformation::find(name).expect(name).expect("not none");
    let mut out = Vec::new();
    if transformation.apply(input, &mut out, None) { out } else { input.to_vec() }
}

#[track_caller]
fn check(name: &str, cases: &[(&str, &str)]) {
    for (input, expected) in cases {
        let unescape = |text: &str| unescape(text);
        let (input, expected) = (unescape(input), unescape(expected));
        assert_eq!(
            run(name, &input).escape_ascii().to_string(),
            expected.escape_ascii().to_string(),
            "{name} of {}",
            input.escape_ascii()
        );
    }
}

/// Reads `\xHH` in cases, where Rust's own text cannot hold the byte.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if let [b'\\', b'=', high, low, ..] = rest {
            bytes.push(hex_pair(*high, *low).expect("a byte"));
            rest = &rest[4..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    bytes
}

#[test]
fn names_are_found_in_any_case_and_spelling() {
    assert_eq!(Transformation::find("NORMALISEPATH").expect("known"), Some(Transformation::NormalizePath));
    assert_eq!(Transformation::find("none").expect("known"), None);
    assert!(Transformation::find("rot13").is_err());
}

#[test]
fn base64() {
    check(
        "base64Decode",
        &[("VGVzdENhc2U=", "TestCase"), ("VGVz\r\ndA", "Test"), ("VGV*zdA==", "Te"), ("", "")],
    );
    check("base64DecodeExt", &[("P.HNjcmlwdD 5hbGVydCgxKTwvc2NyaXB0Pg==", "<script>alert(1)</script>")]);
    check("base64DecodeExt", &[("_-8", "\\=ff\\=ef")]);
    check("base64Encode", &[("TestCase", "VGVzdENhc2U="), ("Test", "VGVzdA=="), ("Tes", "VGVz"), ("", "")]);
}

#[test]
fn command_lines() {
    check(
        "cmdLine",
        &[
            ("C^OMMAND /C \"s'h'utdown\"", "command/c shutdown"),
            ("a,;\t b", "a b"),
            ("cat  (x) /etc", "cat(x)/etc"),
            ("n\\et;user", "net user"),
        ],
    );
}

#[test]
fn white_space() {
    check("compressWhitespace", &[("a \t\r\n b\\=a0c", "a b c"), (" ", " "), ("ab", "ab")]);
    check("removeWhitespace", &[(" a\u{b}b\\=a0c ", "abc")]);
    check("trim", &[(" a b \n", "a b"), ("  ", "")]);
    check("trimLeft", &[(" a ", "a ")]);
    check("trimRight", &[(" a ", " a")]);
}

#[test]
fn css_escapes() {
    check(
        "cssDecode",
        &[
            ("ja\\\\76 script", "ja\\76 script"),
            ("j\\61 v\\000061script", "javascript"),
            ("\\ff21\\FF41", "Aa"),
            ("\\00ff21", "A"),
            ("\\1ff21", "!"),
            ("a\\\nb", "ab"),
            ("a\\", "a"),
            ("\\z", "z"),
        ],
    );
}

#[test]
fn javascript_escapes() {
    check(
        "jsDecode",
        &[
            ("\\u0061\\uff41\\uFF21", "aaA"),
            ("\\x41\\101\\477", "AA'7"),
            ("\\a\\b\\f\\n\\r\\t\\v\\q", "\u{7}\u{8}\u{c}\n\r\t\u{b}q"),
            ("\\u00", "u00"),
            ("a\\", "a\\"),
        ],
    );
}

#[test]
fn ansi_c_escapes() {
    check(
        "escapeSeqDecode",
        &[("\\x41\\101\\n\\?\\q\\x4", "AA\n?qx4"), ("\\0", "\\=00"), ("\\666", "\\=b6"), ("a\\", "a\\")],
    );
}

#[test]
fn html_entities() {
    check(
        "htmlEntityDecode",
        &[
            ("&lt;&GT&quot;&amp;&nbsp;", "<>\"&\\=a0"),
            ("&#60;&#x3c;&#X0000003C&#0000060", "<<<<"),
            ("&#;&#x;&copy;&", "&#;&#x;&copy;&"),
            ("&ltx;", "&ltx;"),
        ],
    );
}

#[test]
fn hexadecimal() {
    check("hexDecode", &[("54657374", "Test"), ("546", "T"), ("", "")]);
    check("hexEncode", &[("Te\\=ff", "5465ff")]);
    check("sqlHexDecode", &[("0x414243+0X4", "ABC+0X4"), ("10x41", "1A"), ("0x", "0x")]);
}

#[test]
fn lengths_and_cases() {
    check("length", &[("", "0"), ("0123456789abcdef", "16")]);
    check("lowercase", &[("TestCASE\\=c3\\=84", "testcase\\=c3\\=84")]);
    check("uppercase", &[("testCase", "TESTCASE")]);
}

#[test]
fn digests() {
    check("md5", &[("", "\\=d4\\=1d\\=8c\\=d9\\=8f\\=00\\=b2\\=04\\=e9\\=80\\=09\\=98\\=ec\\=f8\\=42\\=7e")]);
    let hex = |name, input: &[u8]| String::from_utf8(run("hexEncode", &run(name, input))).expect("hex");
    assert_eq!(hex("md5", b"message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
    assert_eq!(hex("md5", &[b'1'; 60]).len(), 32);
    assert_eq!(hex("sha1", b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_eq!(
        hex("sha1", b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
    );
    assert_eq!(hex("sha1", &[b'a'; 1_000_000]), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

#[test]
fn paths() {
    check(
        "normalizePath",
        &[
            ("/foo/bar/baz", "/foo/bar/baz"),
            ("/foo/./bar//baz/", "/foo/bar/baz/"),
            ("/foo/../bar", "/bar"),
            ("/../../etc/passwd", "/etc/passwd"),
            ("../../etc", "../../etc"),
            ("a/../../b", "../b"),
            ("./a", "a"),
            ("dir/foo/..", "dir"),
            ("", ""),
        ],
    );
    check("normalizePathWin", &[("\\foo\\.\\..\\bar", "/bar"), ("..\\x", "../x")]);
}

#[test]
fn parity() {
    check("parityZero7bit", &[("a\\=e1", "aa")]);
    check("parityEven7bit", &[("ac", "\\=e1c")]);
    check("parityOdd7bit", &[("ac", "a\\=e3")]);
}

#[test]
fn comments() {
    check(
        "removeComments",
        &[("a/* b */c", "ac"), ("a<!-- b -->c", "ac"), ("a--b", "a "), ("a#b", "a "), ("a/*b", "a ")],
    );
    check("removeCommentsChar", &[("a/*b*/<!--c-->--#d", "abcd")]);
    check("replaceComments", &[("a/*b*/c/*", "a c "), ("/*/x", " "), ("a*/b", "a*/b")]);
}

#[test]
fn nulls() {
    check("removeNulls", &[("a\\=00b", "ab")]);
    check("replaceNulls", &[("a\\=00b", "a b")]);
}

#[test]
fn percent_encoding() {
    check("urlDecode", &[("a+b%20c%zz%4", "a b c%zz%4"), ("%u0041", "%u0041")]);
    check("urlDecodeUni", &[("%u0041%uff21%U0062+%41", "AAb A"), ("%u00", "%u00"), ("%uzzzz%41", "%uzzzzA")]);
    check("urlEncode", &[("a b*-é", "a+b*%2d%c3%a9")]);
}

#[test]
fn unicode_maps_say_what_looks_alike() {
    let map = UnicodeMap::parse("(MAC)\n\n20127 (US-ASCII)\n00a0:20 2215:2f \n\n20261 (T.61)\n", 20127)
        .expect("map");
    let mut out = Vec::new();
    assert!(Transformation::UrlDecodeUni.apply(b"a%u2215b%u0141", &mut out, Some(&map)));
    assert_eq!(out, b"a/bA");
    assert!(UnicodeMap::parse("20127\n00a0:20", 1).is_err());
}

#[test]
fn characters_become_escapes() {
    check(
        "utf8toUnicode",
        &[("aé€😀", "a%u00e9%u20ac%u1f600"), ("\\=c0\\=af\\=ff", "%u002f\\=ff"), ("abc", "abc")],
    );
}

proptest! {
    #[test]
    fn no_value_breaks_a_transformation(input in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"%\\&#/*-<!u0x;. ".to_vec())], 0..60)) {
        let mut out = Vec::new();
        for (transformation, name) in Transformation::NAMES {
            if transformation.apply(&input, &mut out, None) {
                prop_assert!(out.len() <= 40 + 6 * input.len(), "{}", name);
            } else {
                let mut again = Vec::new();
                transformation.apply(&input, &mut again, None);
                prop_assert!(again.is_empty() || again == input, "{} says unchanged but is not", name);
            }
        }
    }
}
