//! What single words of a script say, with the few words around them.

use super::origins::{decoded, is_local, of_token, origin};
use super::{Found, RiskKind};
use crate::collect::field_of;
use crate::page::FieldKind;
use crate::script::token::{Kind, Token, value};

/// Tokens of a call's arguments that are looked at for an address.
const ARGUMENTS: usize = 24;
/// Bytes of a text that may name a field; longer ones are sentences or pages.
const NAME_BYTES_MAX: usize = 200;
/// Words of a text that may name a field: selectors have few, sentences have more.
const WORDS_MAX: usize = 3;
/// What people do in forms.
const TYPING: [&str; 11] = [
    "input",
    "change",
    "keydown",
    "keyup",
    "keypress",
    "submit",
    "paste",
    "blur",
    "focusout",
    "beforeinput",
    "formdata",
];
/// Properties that load or send when they are set.
const LOADING: [&str; 4] = ["src", "action", "formAction", "srcset"];

/// Looks at the token at `tokens[at]`.
pub(super) fn look(tokens: &[Token<'_>], at: usize, found: &mut Found) {
    let token = &tokens[at];
    match token.kind {
        Kind::Text | Kind::Template => text(token, found),
        Kind::Word => word(tokens, at, found),
        _ => {}
    }
}

fn text(token: &Token<'_>, found: &mut Found) {
    let said = value(token.text);
    if let Some(origin) = origin(&said) {
        found.add(RiskKind::NamesOrigin, &origin, token.at);
    }
    if said.len() <= NAME_BYTES_MAX && said.split_ascii_whitespace().count() <= WORDS_MAX && is_card(&said) {
        found.add(RiskKind::CardField, &said, token.at);
    }
}

fn word(tokens: &[Token<'_>], at: usize, found: &mut Found) {
    let token = &tokens[at];
    let next = tokens.get(at + 1);
    let calls = next.is_some_and(|next| next.is_sign("("));
    match token.text {
        "fetch" | "sendBeacon" | "WebSocket" | "EventSource" | "importScripts" | "import" if calls => {
            sends(tokens, at, found);
        }
        "open" if calls && opens_request(tokens, at) => sends(tokens, at, found),
        property if LOADING.contains(&property) && is_set(tokens, at) => loads(tokens, at, found),
        "atob" | "fromCharCode" if calls => decodes(tokens, at, found),
        "unescape" if calls => found.add(RiskKind::Decodes, "unescape", token.at),
        "eval" if calls => found.add(RiskKind::MakesCode, "eval", token.at),
        "Function" if calls => found.add(RiskKind::MakesCode, "Function", token.at),
        "setTimeout" | "setInterval" if calls && argument(tokens, at, 0).is_some() => {
            found.add(RiskKind::MakesCode, token.text, token.at);
        }
        "addEventListener" | "on" | "attachEvent" if calls => {
            let event = argument(tokens, at, 0).unwrap_or_default();
            let event = event.strip_prefix("on").unwrap_or(&event);
            if event.split_ascii_whitespace().any(|event| TYPING.contains(&event)) {
                found.add(RiskKind::Listens, event, token.at);
            }
        }
        property
            if is_set(tokens, at) && property.strip_prefix("on").is_some_and(|on| TYPING.contains(&on)) =>
        {
            found.add(RiskKind::Listens, &property[2..], token.at);
        }
        "createElement" if calls => {
            match argument(tokens, at, 0).unwrap_or_default().to_ascii_lowercase().as_str() {
                element @ ("form" | "iframe" | "input") => found.add(RiskKind::BuildsForm, element, token.at),
                "script" => found.add(RiskKind::BuildsScript, "script", token.at),
                _ => {}
            }
        }
        "write" | "writeln" if calls && follows(tokens, at, "document") => {
            found.add(RiskKind::WritesDocument, token.text, token.at);
        }
        "MutationObserver" if calls => found.add(RiskKind::WatchesPage, token.text, token.at),
        "localStorage" | "sessionStorage" | "indexedDB" => keeps(tokens, at, found),
        "cookie" if follows(tokens, at, "document") => found.add(RiskKind::ReadsCookies, "cookie", token.at),
        name if name.len() <= NAME_BYTES_MAX && may_be_card(name) && is_card(name) => {
            found.add(RiskKind::CardField, name, token.at)
        }
        _ => {}
    }
}

/// Whether it is worth asking [`is_card`] of a word. Scripts have many words.
fn may_be_card(word: &str) -> bool {
    let has =
        |part: &&[u8]| word.as_bytes().windows(part.len()).any(|window| window.eq_ignore_ascii_case(part));
    [&b"card"[..], b"cc", b"cv", b"curity", b"karte", b"carte"].iter().any(has)
}

/// A name of a card's number or code. When it expires is no help: cookies do too.
fn is_card(name: &str) -> bool {
    matches!(field_of(name), FieldKind::CardNumber | FieldKind::CardCode)
}

/// `fetch(…)` and its kin: the first address among the arguments.
fn sends(tokens: &[Token<'_>], at: usize, found: &mut Found) {
    for token in arguments(tokens, at) {
        if let Some(origin) = of_token(token) {
            return found.add(RiskKind::SendsTo, &origin, token.at);
        }
    }
    // The address is the first argument, but the second of `open`.
    let number = usize::from(tokens[at].text == "open");
    let is_fixed = argument(tokens, at, number).is_some_and(|said| is_local(&said));
    if !is_fixed {
        found.add(RiskKind::SendsSomewhere, tokens[at].text, tokens[at].at);
    }
}

/// What stands between the parentheses of the call at `tokens[at]`, as far as it is looked at.
fn arguments<'t, 'a>(tokens: &'t [Token<'a>], at: usize) -> impl Iterator<Item = &'t Token<'a>> {
    let mut depth = 1_usize;
    tokens[at + 2..].iter().take(ARGUMENTS).take_while(move |token| {
        match token.text {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        depth > 0
    })
}

/// `x.src = …`: the first address of the statement.
fn loads(tokens: &[Token<'_>], at: usize, found: &mut Found) {
    let value = tokens[at + 2..].iter().take(ARGUMENTS).take_while(|token| !token.is_sign(";"));
    let origin = value.clone().find_map(|token| of_token(token).map(|origin| (origin, token.at)));
    match origin {
        Some((origin, place)) => found.add(RiskKind::SendsTo, &origin, place),
        // An address with something added is how a picture carries data away.
        None if value.clone().any(|token| token.is_sign("+")) => {
            found.add(RiskKind::SendsSomewhere, tokens[at].text, tokens[at].at);
        }
        None => {}
    }
}

fn decodes(tokens: &[Token<'_>], at: usize, found: &mut Found) {
    found.add(RiskKind::Decodes, tokens[at].text, tokens[at].at);
    let Some(said) = decoded(tokens, at) else { return };
    if let Some(origin) = origin(&said) {
        found.add(RiskKind::SendsTo, &origin, tokens[at].at);
    }
    if said.len() <= NAME_BYTES_MAX && is_card(&said) {
        found.add(RiskKind::CardField, &said, tokens[at].at);
    }
}

/// `localStorage.setItem("cc_number", …)`, `localStorage.cardnumber = …`
fn keeps(tokens: &[Token<'_>], at: usize, found: &mut Found) {
    let near = tokens[at + 1..].iter().take(6).take_while(|token| !token.is_sign(";"));
    for token in near {
        let name = match token.kind {
            Kind::Text => value(token.text),
            Kind::Word => token.text.to_owned(),
            _ => continue,
        };
        if name.len() <= NAME_BYTES_MAX && is_card(&name) {
            return found.add(RiskKind::KeepsCard, &name, token.at);
        }
    }
}

/// `.open("POST", …)` of a request, not of a window.
fn opens_request(tokens: &[Token<'_>], at: usize) -> bool {
    let method = argument(tokens, at, 0).unwrap_or_default();
    ["get", "post", "put", "patch", "head", "delete"].iter().any(|known| method.eq_ignore_ascii_case(known))
}

/// The text that is the argument with that number, when the ones before it are one token each.
fn argument(tokens: &[Token<'_>], at: usize, number: usize) -> Option<String> {
    let token = tokens.get(at + 2 + 2 * number)?;
    (token.kind == Kind::Text).then(|| value(token.text))
}

/// `.name = …`, but not `==`.
fn is_set(tokens: &[Token<'_>], at: usize) -> bool {
    at > 0
        && tokens[at - 1].is_sign(".")
        && tokens.get(at + 1).is_some_and(|next| next.is_sign("="))
        && !tokens.get(at + 2).is_some_and(|next| next.is_sign("="))
}

/// `owner.name`
fn follows(tokens: &[Token<'_>], at: usize, owner: &str) -> bool {
    at > 1 && tokens[at - 1].is_sign(".") && tokens[at - 2].is_word(owner)
}
