use proptest::prelude::*;

use super::*;

fn run(body: &str) -> Document {
    parse(body.as_bytes(), &Limits::default())
}

#[track_caller]
fn check(body: &str, text: &str, attributes: &[&str]) {
    let read = run(body);
    assert_eq!(String::from_utf8_lossy(&read.text), text, "{body}");
    let values: Vec<_> = read.attributes.iter().map(|value| String::from_utf8_lossy(value)).collect();
    assert_eq!(values, attributes, "{body}");
    assert_eq!((read.error, read.partial), (None, false), "{body}");
}

#[track_caller]
fn check_error(body: &str, text: &str, error: Error) {
    let read = run(body);
    assert_eq!(read.error, Some(error), "{body}");
    assert_eq!(String::from_utf8_lossy(&read.text), text, "{body}");
}

#[test]
fn text_is_the_string_value_of_the_root() {
    check("<a/>", "", &[]);
    check("<?xml version=\"1.0\"?><a>x<b>y</b>z</a>", "xyz", &[]);
    check("<a>\n <b>y</b>\n</a>\n", "\n y\n", &[]);
    check("<a>1<!-- no --><?p no?>2<![CDATA[<&]]>]]&gt;</a>", "12<&]]>", &[]);
    check("<a>x\r\ny\rz<![CDATA[\r\n]]></a>", "x\ny\nz\r\n", &[]);
    check("<!-- c --><?p?><a>ä</a><!-- d -->", "ä", &[]);
}

#[test]
fn attributes_are_their_normalized_values() {
    check("<a b='1' c = \"2\"><d e='3'/></a>", "", &["1", "2", "3"]);
    check("<a b='x\r\n\ty&#10;z'/>", "", &["x  y\nz"]);
    check("<a b='&lt;&quot;&apos;&gt;&amp;' c='>'/>", "", &["<\"'>&", ">"]);
    check("<s:a xmlns:s='urn:s' xmlns='urn:d' s:b='1'/>", "", &["1"]);
}

#[test]
fn references_are_resolved() {
    check("<a>&lt;script&gt;&#97;&#x62;&#x1F600;</a>", "<script>ab😀", &[]);
    for reference in [
        "&",
        "&;",
        "&a b;",
        "&nbsp;",
        "&#;",
        "&#x;",
        "&#0;",
        "&#xD800;",
        "&#x110000;",
        "&#+9;",
        "&#xFFFF;",
        "&lt",
    ] {
        check_error(&format!("<a>1{reference}</a>"), "1", Error::Syntax { at: 4 });
    }
}

#[test]
fn document_types_are_noted_and_nothing_is_expanded() {
    let bomb = "<!DOCTYPE a [<!ENTITY b \"]]>&c;&c;'\"><!-- ' --><?p \"?>\n%p;<!ELEMENT a ANY>]><a d='&b;'>1&b;2</a>";
    let read = run(bomb);
    assert!(read.doctype && read.partial);
    assert_eq!(read.error, None);
    assert_eq!(read.text, b"1&b;2");
    assert_eq!(read.attributes, [b"&b;".to_vec()]);
    assert!(run("<!DOCTYPE a><a b='&c;'/>").partial);
    assert!(!run("<!DOCTYPE a><a b='&lt;'>&#65;</a>").partial);
    assert!(run("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>").doctype);
    for malformed in
        ["<!DOCTYPE>", "<!DOCTYPE a [", "<!DOCTYPE a [>]><a/>", "<!DOCTYPE a <a/>", "<!DOCTYPE a [<a>]><a/>"]
    {
        let read = run(malformed);
        assert!(read.doctype && read.error.is_some(), "{malformed}");
    }
    check_error("<!DOCTYPE a><!DOCTYPE a><a/>", "", Error::Syntax { at: 13 });
    check_error("<a><!DOCTYPE a></a>", "", Error::Syntax { at: 4 });
}

#[test]
fn what_is_not_well_formed_is_an_error_behind_what_was_read() {
    let syntax = |at| Error::Syntax { at };
    check_error("<a>x</b>", "x", syntax(4));
    check_error("<a>x</a></a>", "x", syntax(8));
    check_error("<a>x</a><b/>", "x", syntax(8));
    check_error("<a>x</a>y", "x", syntax(8));
    check_error("x<a/>", "", syntax(0));
    check_error("<a>x<b", "x", Error::Truncated);
    check_error("<a>x", "x", Error::Truncated);
    check_error("", "", Error::Truncated);
    check_error("<!-- -->", "", Error::Truncated);
    check_error("<a b='1'c='2'/>", "", syntax(8));
    check_error("<a b/>", "", syntax(4));
    check_error("<a b=1/>", "", syntax(5));
    check_error("<a b='<'/>", "", syntax(6));
    check_error("<a b='1' b='2'/>", "", syntax(0));
    check_error("<a b='1", "", Error::Truncated);
    check_error("<1/>", "", syntax(1));
    check_error("< a/>", "", syntax(1));
    check_error("<a>]]></a>", "", syntax(3));
    check_error("<a><!-- -- --></a>", "", syntax(10));
    check_error("<a><![CDATA[x</a>", "", Error::Truncated);
    check_error("<![CDATA[x]]><a/>", "", syntax(1));
    check_error("<a><?xml version='1.0'?></a>", "", syntax(5));
    check_error("<a><?p </a>", "", Error::Truncated);
    check_error(" <?xml version='1.0'?><a/>", "", syntax(3));
    check_error("<?xml?><a/>", "", syntax(2));
    check_error("<?xml encoding='utf-8'?><a/>", "", syntax(6));
    check_error("<?xml version='1.0' version='1.0'?><a/>", "", syntax(20));
    check_error("<?xml version='1.0'encoding='utf-8'?><a/>", "", syntax(19));
    check_error("<?xml version='2.0'?><a/>", "", syntax(6));
    check_error("<?xml version='1.x'?><a/>", "", syntax(6));
    check_error("<?xml version='1.0' encoding='-'?><a/>", "", Error::Charset);
    check_error("<?xml version='1.0' standalone='maybe'?><a/>", "", syntax(20));
    check_error("<a>x&amp;]]>y</a>", "x&", syntax(9));
    check_error("<a>1\u{1}2</a>", "1", Error::Character { at: 4 });
    check_error("<a>1</a>\0", "1", Error::Character { at: 8 });
    check_error("<a>\u{ffff}</a>", "", Error::Character { at: 3 });
}

#[test]
fn encodings_are_recognized() {
    let expect = |body: &[u8], text: &str| {
        let read = parse(body, &Limits::default());
        assert_eq!((read.error, String::from_utf8_lossy(&read.text).as_ref()), (None, text), "{body:?}");
    };
    expect(b"\xef\xbb\xbf<a>x</a>", "x");
    let utf_16: Vec<u16> = "<?xml version='1.0' encoding='UTF-16'?><a>ä😀</a>".encode_utf16().collect();
    let be: Vec<u8> = utf_16.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    let le: Vec<u8> = utf_16.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    expect(&be, "ä😀");
    expect(&le, "ä😀");
    expect(&[b"\xfe\xff", &be[..]].concat(), "ä😀");
    expect(&[b"\xff\xfe", &le[..]].concat(), "ä😀");
    expect(b"<?xml version='1.0' encoding = \"ISO-8859-1\"?><a>\xe4</a>", "ä");
    let error = |body: &[u8]| parse(body, &Limits::default()).error;
    assert_eq!(error(b"<?xml version='1.0' encoding='UTF-7'?><a/>"), Some(Error::Charset));
    assert_eq!(error(b"<a>\xe4</a>"), Some(Error::Character { at: 3 }));
    assert_eq!(error(&be[..be.len() - 1]), Some(Error::Character { at: 51 }));
    assert_eq!(error(b"\xfe\xff\xd8\x00\x00\x41"), Some(Error::Character { at: 0 }));
}

#[test]
fn depth_and_attributes_are_limited() {
    let nested = |depth: usize| ["<a>".repeat(depth), "</a>".repeat(depth)].concat();
    assert_eq!(run(&nested(256)).error, None);
    assert_eq!(run(&nested(257)).error, Some(Error::Depth { at: 768 }));
    let limits = Limits { attributes_max: 2, ..Limits::default() };
    let read = parse(b"<a b='1'><c d='2'/><e f='3'/></a>", &limits);
    assert!(read.partial);
    assert_eq!(read.attributes.len(), 2);
    assert!(!parse(b"<a b='1' c='2'/>", &limits).partial);
    assert!(parse(b"<a xmlns:b='1' xmlns:c='2' xmlns:d='3'/>", &limits).partial);
}

proptest! {
    #[test]
    fn well_formed_documents_are_read_whole(pieces in prop::collection::vec("[a-z\n ]{0,5}", 1..6), value in "[^<&\"\\p{C}]{0,9}") {
        let body = format!("<r v=\"{value}\">{}</r>", pieces.join("<!-- c --><i/>"));
        let read = run(&body);
        prop_assert_eq!(read.error, None);
        prop_assert_eq!(read.text, pieces.concat().into_bytes());
        prop_assert_eq!(read.attributes, [value.into_bytes()]);
    }

    #[test]
    fn nothing_is_invented_and_nothing_panics(
        body in prop::collection::vec(
            prop_oneof![
                Just("<a>"), Just("</a>"), Just("<a b='"), Just("'/>"), Just("<!--"), Just("-->"), Just("<![CDATA["),
                Just("]]>"), Just("&lt;"), Just("&#9;"), Just("<!DOCTYPE a ["), Just("]>"), Just("<?"), Just("?>"),
                Just("\r\n"), Just("x"), Just("<?xml version='1.0'?>"), Just("\u{1}"), Just("é"),
            ],
            0..20,
        ),
    ) {
        let body = body.concat();
        let read = run(&body);
        let delivered: usize = read.text.len() + read.attributes.iter().map(Vec::len).sum::<usize>();
        prop_assert!(delivered <= body.len());
    }

    #[test]
    fn no_bytes_make_it_panic(body in any::<Vec<u8>>()) {
        let read = parse(&body, &Limits::default());
        prop_assert!(read.text.len() <= 3 * body.len());
    }
}
