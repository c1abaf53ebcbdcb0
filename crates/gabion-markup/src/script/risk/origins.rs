//! Places on the web that are written in a script, openly or not.

use data_encoding::BASE64;

use crate::address::{Address, Reference};
use crate::script::token::{Kind, Token, value};

/// Bytes of a text in which a place is looked for.
const TEXT_BYTES_MAX: usize = 4096;
/// Numbers of one `String.fromCharCode`.
const NUMBERS_MAX: usize = 512;

/// The origin that a text begins with: `https://…`, `wss://…` or `//host…`.
pub(super) fn origin(text: &str) -> Option<String> {
    let text = text.trim();
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let text = if text.starts_with("//") { format!("https:{text}") } else { text.to_owned() };
    let has_scheme = ["https://", "http://", "wss://", "ws://"]
        .iter()
        .any(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    let short: String = text.chars().take(512).collect();
    let address = Address::parse(&short).filter(|_| has_scheme)?;
    address.host().contains(['.', ':']).then(|| address.origin())
}

/// The origin that a string or template names. Of a path on the same host there is none.
pub(super) fn of_token(token: &Token<'_>) -> Option<String> {
    matches!(token.kind, Kind::Text | Kind::Template).then(|| origin(&value(token.text)))?
}

/// What `atob("…")` or `String.fromCharCode(…)` at `tokens[at]` says, if it is written there.
pub(super) fn decoded(tokens: &[Token<'_>], at: usize) -> Option<String> {
    if !tokens.get(at + 1)?.is_sign("(") {
        return None;
    }
    let first = tokens.get(at + 2)?;
    if first.kind == Kind::Text {
        let bytes = BASE64.decode(value(first.text).as_bytes()).ok()?;
        return String::from_utf8(bytes).ok();
    }
    let mut text = String::new();
    for token in tokens[at + 2..].iter().take(2 * NUMBERS_MAX) {
        match token.kind {
            Kind::Number => text.push(char::from_u32(number(token.text)?)?),
            _ if token.is_sign(",") => {}
            _ => break,
        }
    }
    (!text.is_empty()).then_some(text)
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Whether a reference leads to the page's own host, however it is written.
pub(super) fn is_local(text: &str) -> bool {
    origin(text).is_none() && !matches!(Reference::resolve(text, None), Reference::Other(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_from_the_beginning_of_a_text() {
        assert_eq!(origin("HTTPS://Evil.example/x?").as_deref(), Some("https://evil.example"));
        assert_eq!(origin("//evil.example").as_deref(), Some("https://evil.example"));
        assert_eq!(origin("wss://evil.example:99/").as_deref(), Some("wss://evil.example:99"));
        for text in ["/path", "https://", "// comment", "http://localhost", "text", ""] {
            assert_eq!(origin(text), None, "{text}");
        }
    }
}
