//! Cross-site scripting by tokens of HTML.
//!
//! An input is read as HTML might be read by a browser behind a sloppy program: as it is, as attributes of a tag, and
//! behind an opening quote of each kind. Tags, attributes and values that can run script are attacks; the lists are
//! those of libinjection.

mod html;
mod lists;

use html::{Begin, Html, Kind};
use lists::Attribute;

/// Whether an input would run script in a page.
pub fn xss(input: &[u8]) -> bool {
    let has = |byte| memchr::memchr(byte, input).is_some();
    let has_tag = has(b'<');
    // Script is in a tag, or in a value behind the name of its attribute.
    if !has_tag && !has(b'=') {
        return false;
    }
    has_tag && runs_script(input, Begin::Data)
        || runs_script(input, Begin::Attributes)
        || [b'\'', b'"', b'`'].into_iter().any(|quote| has(quote) && runs_script(input, Begin::Quoted(quote)))
}

fn runs_script(input: &[u8], begin: Begin) -> bool {
    let mut attribute = Attribute::Harmless;
    let mut html = Html::new(input, begin);
    while let Some(token) = html.next() {
        let of_value = std::mem::replace(&mut attribute, Attribute::Harmless);
        let is_attack = match token.kind {
            Kind::Doctype => true,
            Kind::Tag => lists::is_dangerous_tag(token.text(input)),
            Kind::Comment => is_dangerous_comment(token.text(input)),
            Kind::Value => is_dangerous_value(of_value, token.text(input)),
            Kind::Attribute => {
                attribute = Attribute::of(token.text(input));
                false
            }
            Kind::Other => false,
        };
        if is_attack {
            return true;
        }
    }
    false
}

fn is_dangerous_value(of: Attribute, value: &[u8]) -> bool {
    match of {
        Attribute::Harmless => false,
        Attribute::Dangerous | Attribute::Style => true,
        Attribute::Url => lists::is_dangerous_url(value),
        // The value is the name of another attribute, which SVG sets.
        Attribute::Name => Attribute::of(value) != Attribute::Harmless,
    }
}

/// Comments that old browsers read as something else.
fn is_dangerous_comment(text: &[u8]) -> bool {
    let begins = |word: &[u8]| text.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
    memchr::memchr(b'`', text).is_some()
        || text.len() > 3 && (begins(b"[if") || begins(b"xml"))
        || begins(b"import")
        || begins(b"entity")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_is_found_in_every_context() {
        for attack in [
            "<script>alert(1)</script>",
            "<SCR\0IPT>",
            "<svg/onload=x>",
            "<a href='javascript:x'>",
            "<a href=\" &#x6a;&#97;va\tscript:x\">",
            "\" onclick=x",
            "' style='x",
            "x onerror=y",
            "` onfocus=y",
            "<!doctype html>",
            "<!--[if IE]>",
            "<?import>",
            "<% ` %>",
            "<x xmlns:y=1>",
            "<set attributename=onload>",
        ] {
            assert!(xss(attack.as_bytes()), "{attack}");
        }
    }

    #[test]
    fn what_people_write_passes() {
        for input in [
            "",
            "a < b > c",
            "I <3 it",
            "<b>bold</b>",
            "<a href=\"https://example.com\">",
            "5\" wide",
            "rock'n'roll",
            "<!-- x -->",
        ] {
            assert!(!xss(input.as_bytes()), "{input}");
        }
    }
}
