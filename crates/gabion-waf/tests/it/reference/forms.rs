//! Bodies that nobody wrote: pieces of forms, JSON and XML in any order.

use super::random::Random;

#[rustfmt::skip]
const URLENCODED: &[&str] = &[
    "a", "b", "=", "=", "&", "&", "+", "%", "%2", "%20", "%zz", "%00", "%26", "%3d", "%C3%a4", ";", "1", "'", "\0",
];

#[rustfmt::skip]
const JSON: &[&str] = &[
    "{", "}", "[", "]", ":", ",", "\"a\"", "\"\"", "\"b\\n\"", "\"\\u00e4\\u20ac\"", "\"\\ud83d\\ude00\"", "\"\\u0000\"",
    "\"\\x\"", "\"", "\\", "1", "-1", "0", "01", "1.5", "1.", "1e5", "-", "true", "false", "null", "nul", " ", "\n", "\t",
    "\"a\":1", "\"b\":[1,2]", "\"\":{\"c\":null}", "[[]]", "{}", "/**/", "\u{feff}", "ä", "\"ä\"", "\0",
];

#[rustfmt::skip]
const XML: &[&str] = &[
    "<a>", "</a>", "<b>", "</b>", "<a/>", "<b c='1'>", "<b c=\"2\" d='3'/>", "<b c='1' c='2'/>", "<b c=1>", "<b c>",
    "<b c='&lt;&#10;\r\n\tx'/>", "<b c='<'/>", "x", "y z", " ", "\n", "\r\n", "\r", "&lt;", "&amp;", "&#65;", "&#x42;", "&#0;",
    "&", "&x;", "<!-- c -->", "<!-- -- -->", "<![CDATA[<&\r\n]]>", "<![CDATA[", "]]>", "<?p q?>", "<?xml version='1.0'?>",
    "<", ">", "ä", "\u{1}", "<b xmlns='u'>", "</c>", "<1>",
];

const BOUNDARY_LINES: &[&str] = &[
    "--x", "--x", "--x", "--x--", "--x--", "--x ", "--xy", "-- x", "--", "--y", "-x", "a--x", "--\"x\"",
    "--x--y",
];

#[rustfmt::skip]
const PART_LINES: &[&str] = &[
    "Content-Disposition: form-data; name=\"a\"", "Content-Disposition: form-data; name=b; filename=\"c\"",
    "content-disposition:form-data;name='a'", "Content-Disposition: form-data; name=\"a\\\"b\\\\c\\d\"",
    "Content-Disposition: form-data; name=a; filename=b; filename*=UTF-8''c%20d",
    "Content-Disposition: form-data; name=a'b", "Content-Disposition: form-data; name=\"a'b\" ;",
    "Content-Disposition: form-data; name=\"a\"b", "Content-Disposition: form-data; name=a; name=b",
    "Content-Disposition: form-data; name=", "Content-Disposition: form-data", "Content-Disposition: attachment; name=a",
    "Content-Disposition: form-data; filename=b", "Content-Disposition: form-data; name=a; size=1",
    "Content-Disposition: form-data;", "Content-Type: text/plain", "A: 1", "A:", "B", ":", " folded=1", "\tname=a", "\x0bx", "A: \0",
];

const DATA_LINES: &[&str] = &["", "", "v", "w v", "-", "\0", "v\rw"];

const CONTENT_TYPES: &[&str] = &[
    "multipart/form-data; boundary=\"x\"",
    "multipart/form-data;boundary= x",
    "multipart/form-data; boundary =x",
    "multipart/form-data boundary=x",
    "Multipart/Form-Data; boundary=x; charset=utf-8",
    "multipart/form-data; boundary=x; boundary=y",
    "multipart/form-data; charset=utf-8; boundary=x",
    "multipart/form-data; boundary=\"x",
    "multipart/form-data; boundary=x<",
    "multipart/form-data; Boundary=x",
    "multipart/form-data",
];

/// A Content-Type and a body of it.
pub(crate) struct Form {
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
}

pub(crate) fn urlencoded(random: &mut Random) -> Form {
    Form { content_type: "application/x-www-form-urlencoded", body: pieces(random, URLENCODED, 12) }
}

pub(crate) fn json(random: &mut Random) -> Form {
    let body = if random.below(3) == 0 {
        pieces(random, JSON, 8)
    } else {
        let mut body = String::new();
        json_value(random, 4, &mut body);
        broken(random, body.into_bytes())
    };
    Form { content_type: "application/json", body }
}

pub(crate) fn xml(random: &mut Random) -> Form {
    let body = if random.below(2) == 0 {
        pieces(random, XML, 10)
    } else {
        let mut body =
            if random.below(2) == 0 { "<?xml version=\"1.0\"?>".to_owned() } else { String::new() };
        xml_element(random, 4, &mut body);
        broken(random, body.into_bytes())
    };
    Form { content_type: "text/xml", body }
}

pub(crate) fn multipart(random: &mut Random) -> Form {
    let content_type = match random.below(6) {
        0 => random.pick(CONTENT_TYPES),
        _ => "multipart/form-data; boundary=x",
    };
    // Half of the bodies are as browsers send them, but for their line ends.
    let odd = random.below(2) == 0;
    let chance = |random: &mut Random, of: usize| odd && random.below(of) == 0;
    let mut lines = Vec::new();
    if chance(random, 8) {
        lines.push("before");
    }
    for _ in 0..=random.below(3) {
        lines.push(if chance(random, 6) { random.pick(BOUNDARY_LINES) } else { "--x" });
        if chance(random, 2) {
            lines.push(random.pick(PART_LINES));
        }
        lines.push(random.pick(&PART_LINES[..5]));
        if chance(random, 4) {
            lines.push(random.pick(PART_LINES));
        }
        if !chance(random, 10) {
            lines.push("");
        }
        for _ in 0..=random.below(3) {
            let from = if chance(random, 6) { BOUNDARY_LINES } else { DATA_LINES };
            lines.push(random.pick(from));
        }
    }
    if !chance(random, 8) {
        lines.push("--x--");
    }
    if chance(random, 8) {
        lines.push("after");
    }
    let plain = random.below(3) > 0;
    let mut body = Vec::new();
    for line in lines {
        body.extend_from_slice(line.as_bytes());
        let end = if !plain && random.below(4) == 0 { random.pick(&["\n", "", "\r"]) } else { "\r\n" };
        body.extend_from_slice(end.as_bytes());
    }
    if random.below(3) == 0 {
        body.truncate(body.len().saturating_sub(2));
    }
    Form { content_type, body }
}

fn pieces(random: &mut Random, from: &[&str], max: usize) -> Vec<u8> {
    (0..random.below(max)).flat_map(|_| random.pick(from).as_bytes().to_vec()).collect()
}

/// In one of three, with a byte of it changed, dropped or doubled.
fn broken(random: &mut Random, mut body: Vec<u8>) -> Vec<u8> {
    if !body.is_empty() && random.below(3) == 0 {
        let at = random.below(body.len());
        match random.below(3) {
            0 => body[at] = random.byte(),
            1 => drop(body.remove(at)),
            _ => body.insert(at, body[at]),
        }
    }
    body
}

fn json_value(random: &mut Random, depth: usize, body: &mut String) {
    let values: &[&str] =
        &["1", "-1.5e+3", "true", "false", "null", "\"\"", "\"a\"", "\"\\u00e4\\\"\"", "\"ä\"", " 0 "];
    match random.below(if depth == 0 { 1 } else { 3 }) {
        0 => body.push_str(random.pick(values)),
        1 => {
            body.push('[');
            for index in 0..random.below(4) {
                body.push_str(if index > 0 { "," } else { "" });
                json_value(random, depth - 1, body);
            }
            body.push(']');
        }
        _ => {
            body.push('{');
            for index in 0..random.below(4) {
                body.push_str(if index > 0 { "," } else { "" });
                body.push_str(random.pick(&["\"a\":", "\"\":", "\"b.c\" :", "\"\\n\":\n"]));
                json_value(random, depth - 1, body);
            }
            body.push('}');
        }
    }
}

fn xml_element(random: &mut Random, depth: usize, body: &mut String) {
    let name = random.pick(&["a", "b:c", "ä", "_1"]);
    let attributes = random.pick(&["", "", " x='1'", " x='1'\ny=\"&lt;2\n\"", " xmlns='u' n:z='3'"]);
    body.push_str(&format!("<{name}{attributes}>"));
    for _ in 0..random.below(4) {
        let texts = ["x", " ", "\r\n", "&amp;&#66;", "<![CDATA[<\r\n]]>", "<!-- c -->", "<?p q?>", "ä"];
        if depth > 0 && random.below(2) == 0 {
            xml_element(random, depth - 1, body);
        } else {
            body.push_str(random.pick(&texts));
        }
    }
    body.push_str(&format!("</{name}>"));
}
