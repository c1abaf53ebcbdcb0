//! SVG and other XML that browsers open: scripts, handlers, references, entities.

use std::borrow::Cow;

use crate::cursor::starts_with_nocase;
use crate::markup::{Attributes, Markup, Token, local, resolved};
use crate::reason::{Code, Reasons};

/// Document types that editors write and nobody loads.
const PUBLIC: &[u8] = b"-//W3C//DTD SVG";
/// Elements that run code, whatever they are a part of.
const SCRIPTS: &[&[u8]] = &[b"script", b"handler", b"listener"];
/// Elements of web pages that load or run something.
const PAGE: &[&[u8]] = &[
    b"foreignObject",
    b"iframe",
    b"embed",
    b"object",
    b"html",
    b"body",
    b"link",
    b"meta",
    b"form",
    b"audio",
    b"video",
    b"applet",
    b"frame",
    b"base",
    b"input",
    b"button",
    b"img",
];
/// Elements that set attributes of others while the drawing is shown.
const ANIMATIONS: &[&[u8]] = &[b"set", b"animate", b"animateTransform", b"animateMotion"];

/// Notes what a drawing does besides being drawn.
pub(crate) fn check_drawing(text: &[u8], reasons: &mut Reasons) {
    let mut in_style = false;
    for token in Markup::new(text) {
        if reasons.is_full() {
            return;
        }
        check_token(&token, reasons);
        match token {
            Token::Start { name, attributes } => {
                in_style = local(name).eq_ignore_ascii_case(b"style");
                check_element(local(name), attributes, reasons);
            }
            Token::End { .. } => in_style = false,
            Token::Text(style) if in_style => {
                check_style(&resolved(style).unwrap_or(style.to_vec()), reasons)
            }
            _ => {}
        }
    }
}

/// Notes what other XML does in a browser: scripts of namespaces that browsers know, style sheets, entities.
pub(crate) fn check_document(text: &[u8], reasons: &mut Reasons) {
    for token in Markup::new(text) {
        check_token(&token, reasons);
        if let Token::Start { name, .. } = token
            && local(name).eq_ignore_ascii_case(b"script")
        {
            reasons.add(Code::Script, "");
        }
    }
}

/// What is wrong in any XML.
fn check_token(token: &Token<'_>, reasons: &mut Reasons) {
    match token {
        Token::Broken => reasons.add(Code::Malformed, "not well-formed"),
        Token::Instruction { target } if target.eq_ignore_ascii_case(b"xml-stylesheet") => {
            reasons.add(Code::ExternalReference, "a style sheet");
        }
        Token::Doctype(doctype) if is_dangerous(doctype) => reasons.add(Code::Entity, "in its document type"),
        _ => {}
    }
}

/// Whether a document type defines something itself or loads something that the W3C does not keep.
fn is_dangerous(doctype: &[u8]) -> bool {
    let known = memchr::memmem::find(doctype, PUBLIC).is_some();
    let plain = !doctype.iter().any(|byte| matches!(byte, b'"' | b'\''));
    doctype.contains(&b'[') || !(known || plain)
}

fn check_element(name: &[u8], attributes: Attributes<'_>, reasons: &mut Reasons) {
    let named = |list: &[&[u8]]| list.iter().any(|candidate| candidate.eq_ignore_ascii_case(name));
    if named(SCRIPTS) {
        reasons.add(Code::Script, "");
    }
    if named(PAGE) {
        reasons.add(Code::ForeignObject, String::from_utf8_lossy(name));
    }
    for (attribute, value) in attributes.iter().flatten() {
        let attribute = local(attribute);
        let Some(value) = resolved(value) else {
            reasons.add(Code::Entity, "in an attribute");
            continue;
        };
        check_attribute(attribute, &value, reasons);
        if named(ANIMATIONS) && attribute.eq_ignore_ascii_case(b"attributeName") && sets_code(&value) {
            reasons.add(Code::Script, "by animation");
        }
    }
}

fn sets_code(attribute: &[u8]) -> bool {
    let attribute = local(attribute.trim_ascii());
    is_handler(attribute) || attribute.eq_ignore_ascii_case(b"href")
}

fn check_attribute(name: &[u8], value: &[u8], reasons: &mut Reasons) {
    if is_handler(name) {
        reasons.add(Code::EventHandler, String::from_utf8_lossy(name).chars().take(40).collect::<String>());
    }
    // Browsers drop white space and controls from addresses.
    let address: Vec<u8> = value.iter().copied().filter(|byte| *byte > b' ').collect();
    if [
        &b"javascript:"[..],
        b"vbscript:",
        b"data:text/html",
        b"data:image/svg",
        b"data:application",
        b"data:text/xml",
    ]
    .iter()
    .any(|scheme| starts_with_nocase(&address, scheme))
    {
        reasons.add(Code::Script, "in an address");
    } else if [&b"href"[..], b"src", b"base", b"data", b"action"]
        .iter()
        .any(|link| link.eq_ignore_ascii_case(name))
        && !stays_inside(&address)
    {
        reasons.add(Code::ExternalReference, "");
    }
    check_style(value, reasons);
}

/// Browsers know no attribute that begins with `on` and is no handler.
fn is_handler(name: &[u8]) -> bool {
    starts_with_nocase(name, b"on") && name.len() > 3 && name.iter().all(u8::is_ascii_alphabetic)
}

/// Whether an address leads to another place of the same drawing or is a picture made of pixels.
fn stays_inside(address: &[u8]) -> bool {
    let pictures: [&[u8]; 6] = [b"png", b"jpeg", b"jpg", b"gif", b"webp", b"avif"];
    let picture = starts_with_nocase(address, b"data:image/")
        && pictures.iter().any(|kind| starts_with_nocase(&address[11..], kind));
    address.is_empty() || address.starts_with(b"#") || picture
}

/// Notes what a style loads or runs. Any attribute may be a style: `fill`, `filter` and others take addresses too.
fn check_style(style: &[u8], reasons: &mut Reasons) {
    let style = unescaped(style);
    let contains = |word: &[u8]| find_nocase(&style, word).is_some();
    if contains(b"@import") {
        reasons.add(Code::ExternalReference, "a style sheet");
    }
    if [&b"expression("[..], b"-moz-binding", b"behavior:"].iter().any(|word| contains(word)) {
        reasons.add(Code::Script, "in a style");
    }
    let mut rest = &style[..];
    while let Some(at) = find_nocase(rest, b"url(") {
        rest = &rest[at + 4..];
        let address = rest.trim_ascii_start();
        let address = address.strip_prefix(b"\"").or(address.strip_prefix(b"'")).unwrap_or(address);
        let font =
            [&b"data:font/"[..], b"data:application/font", b"data:application/x-font", b"data:;base64"];
        if !stays_inside(&address[..address.len().min(40)])
            && !font.iter().any(|font| starts_with_nocase(address, font))
        {
            reasons.add(Code::ExternalReference, "in a style");
        }
    }
}

/// Style sheets write letters as `\75` too. CSS Syntax level 3, section 4.3.7.
fn unescaped(style: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', style).is_none() {
        return Cow::Borrowed(style);
    }
    let mut out = Vec::with_capacity(style.len());
    let mut rest = style;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        let digits = rest.iter().take(6).take_while(|byte| byte.is_ascii_hexdigit()).count();
        let number =
            std::str::from_utf8(&rest[..digits]).ok().and_then(|hex| u32::from_str_radix(hex, 16).ok());
        if let Some(character) = number.and_then(char::from_u32) {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            rest = &rest[digits..];
            rest = if rest.first().is_some_and(u8::is_ascii_whitespace) { &rest[1..] } else { rest };
        }
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// Where a word of ASCII letters and signs begins, whatever its case. Its first byte is sought in both cases.
pub(crate) fn find_nocase(bytes: &[u8], word: &[u8]) -> Option<usize> {
    let (small, large) = (word[0].to_ascii_lowercase(), word[0].to_ascii_uppercase());
    memchr::memchr2_iter(small, large, bytes).find(|at| starts_with_nocase(&bytes[*at..], word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(drawing: &str, expected: &[Code]) {
        let mut reasons = Reasons::default();
        check_drawing(drawing.as_bytes(), &mut reasons);
        let codes: Vec<Code> = reasons.into_list().iter().map(|reason| reason.code).collect();
        assert_eq!(codes, expected, "{drawing}");
    }

    #[test]
    fn drawings_that_only_draw_pass() {
        for drawing in [
            "<svg xmlns='http://www.w3.org/2000/svg'><path d='M0 0'/></svg>",
            "<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd\"><svg/>",
            "<svg><defs><g id='a'/></defs><use xlink:href='#a' fill='url(#b)' style=\"mask:url('#c')\"/></svg>",
            "<svg><image href='data:image/png;base64,AAAA'/><style>.a{fill:red}</style></svg>",
            "<svg><rdf:RDF><cc:license rdf:resource='http://creativecommons.org/'/></rdf:RDF><set attributeName='x'/></svg>",
        ] {
            check(drawing, &[]);
        }
    }

    #[test]
    fn drawings_that_do_more_are_told() {
        check("<svg><script>1</script></svg>", &[Code::Script]);
        check("<svg><svg:SCRIPT href='#a'/></svg>", &[Code::Script]);
        check("<svg onload='a()'/>", &[Code::EventHandler]);
        check("<svg><foreignObject/></svg>", &[Code::ForeignObject]);
        check("<svg><a xlink:href='java&#10;script:a()'/></svg>", &[Code::Script]);
        check("<svg><a href='https://e.example'/></svg>", &[Code::ExternalReference]);
        check("<svg><use href='//e.example/a.svg#b'/></svg>", &[Code::ExternalReference]);
        check("<svg><image href='data:image/svg+xml;base64,AA'/></svg>", &[Code::Script]);
        check("<svg><style>@import 'a'</style></svg>", &[Code::ExternalReference]);
        check("<svg><style><![CDATA[a{b:\\75 rl(//e.example)}]]></style></svg>", &[Code::ExternalReference]);
        check("<svg fill='URL(http://e.example)'/>", &[Code::ExternalReference]);
        check("<svg><animate attributeName='xlink:href' to='#'/></svg>", &[Code::Script]);
        check("<!DOCTYPE svg [<!ENTITY a 'b'>]><svg/>", &[Code::Entity]);
        check("<!DOCTYPE svg SYSTEM 'file:///etc/passwd'><svg/>", &[Code::Entity]);
        check("<svg a='&b;'/>", &[Code::Entity]);
        check("<?xml-stylesheet href='a'?><svg/>", &[Code::ExternalReference]);
        check("<svg><path", &[Code::Malformed]);
    }
}
