//! Code of servers and pages, wherever in a file it stands. A server that runs a file skips everything before the first
//! opening tag, so that a picture with one is a program.

use crate::cursor::starts_with_nocase;
use crate::reason::{Code, Reasons};
use crate::svg::find_nocase;

/// Bytes behind a short opening tag that have to be readable, unless the tag is closed before. Pixels look like `<?=`
/// once in sixteen million bytes and like `<%` once in 65,000; with so many readable bytes behind, that happens in one
/// photograph of some hundred thousand. No useful code is shorter.
const READABLE_BYTES_PHP: usize = 12;
const READABLE_BYTES_ASP: usize = 14;
/// Bytes behind it within which something has to be called.
const WINDOW_BYTES: usize = 96;

/// Parts of pages that no picture, sound or plain text has a use for.
const PAGE: &[&[u8]] =
    &[b"<script", b"<iframe", b"<html", b"<!doctype html", b"<object", b"<embed", b"<meta http-equiv"];

/// Notes the first opening tag of PHP, ASP or JSP.
pub(crate) fn check_server_code(bytes: &[u8], reasons: &mut Reasons) {
    for at in memchr::memchr_iter(b'<', bytes) {
        if let Some(language) = opening(&bytes[at + 1..]) {
            reasons.add(Code::ServerCode, format!("{language} at byte {at}"));
            return;
        }
    }
    if memchr::memmem::find(bytes, b"__HALT_COMPILER();").is_some() {
        reasons.add(Code::ServerCode, "a PHP archive");
    }
}

/// Notes the first part of a web page.
pub(crate) fn check_page(bytes: &[u8], reasons: &mut Reasons) {
    for at in memchr::memchr_iter(b'<', bytes) {
        let rest = &bytes[at..];
        // A tag ends there or has attributes; without that, the shortest would be found in pixels.
        let ends = |tag: &[u8]| rest.get(tag.len()).is_none_or(|byte| b"> \t\r\n/=".contains(byte));
        if let Some(tag) = PAGE.iter().find(|tag| starts_with_nocase(rest, tag) && ends(tag)) {
            reasons.add(Code::MarkupInside, format!("{} at byte {at}", String::from_utf8_lossy(&tag[1..])));
            return;
        }
    }
}

/// The language that begins behind this `<`.
fn opening(rest: &[u8]) -> Option<&'static str> {
    match rest {
        [b'?', tag @ ..] if starts_with_nocase(tag, b"php") => {
            let fine = tag.get(3).is_none_or(|byte| byte.is_ascii_whitespace() || *byte == b'/');
            fine.then_some("PHP")
        }
        [b'?', b'=' | b' ' | b'\t' | b'\r' | b'\n', code @ ..] => {
            is_code(code, b"?>", READABLE_BYTES_PHP, b"$(`").then_some("PHP")
        }
        [b'%', b'@', code @ ..] => {
            let word = code.trim_ascii_start();
            let known =
                [&b"page"[..], b"import", b"include", b"language", b"taglib", b"control", b"webservice"];
            known.iter().any(|known| starts_with_nocase(word, known)).then_some("ASP or JSP")
        }
        [b'%', code @ ..] => is_code(code, b"%>", READABLE_BYTES_ASP, b"(").then_some("ASP or JSP"),
        [b's' | b'S', ..] if starts_with_nocase(rest, b"script") => {
            let tag = &rest[..rest.len().min(WINDOW_BYTES)];
            let tag = &tag[..memchr::memchr(b'>', tag)?];
            let has = |word: &[u8]| find_nocase(tag, word).is_some();
            (has(b"runat") || has(b"language") && has(b"php")).then_some("a server's script")
        }
        [b'j' | b'J', ..] => starts_with_nocase(rest, b"jsp:").then_some("JSP"),
        _ => None,
    }
}

/// Whether enough readable bytes follow, or the end of the tag, and one of `signs` among them: code calls something.
fn is_code(rest: &[u8], end: &[u8], readable_bytes: usize, signs: &[u8]) -> bool {
    let readable = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    let window = &rest[..rest.len().min(WINDOW_BYTES)];
    let length = window.iter().position(|byte| !readable(byte)).unwrap_or(window.len());
    let closed = memchr::memmem::find(&window[..length], end);
    let code = &window[..closed.unwrap_or(length)];
    (code.len() >= readable_bytes || closed.is_some()) && code.iter().any(|byte| signs.contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: bool) {
        let mut reasons = Reasons::default();
        check_server_code(bytes, &mut reasons);
        assert_eq!(!reasons.into_list().is_empty(), expected, "{}", String::from_utf8_lossy(bytes));
    }

    #[test]
    fn opening_tags_with_code_are_told() {
        for code in [
            &b"\xff<?php echo 1;"[..],
            b"<?PHP\n",
            b"<?php",
            b"<?php/**/",
            b"<?=`$_GET[0]`?>\xff\xff",
            b"<?=$a($b)?>",
            b"<? system($_GET['c']); ?>",
            b"<%eval request(\"a\")%>",
            b"<%@ Page Language=\"C#\" %>",
            b"<% Runtime.getRuntime().exec(a) %>",
            b"<%@page import=\"java.io.*\"%>",
            b"<script runat=\"server\">",
            b"<SCRIPT language = PHP>",
            b"<jsp:scriptlet>",
            b"x __HALT_COMPILER(); ?>",
        ] {
            check(code, true);
        }
    }

    #[test]
    fn bytes_that_only_look_like_tags_pass() {
        for bytes in [
            &b"<?xml version=\"1.0\"?>"[..],
            b"<?xpacket begin=\"\"?>",
            b"<?phpx",
            b"<?=\x80$$$$((((((((",
            b"<%=\x00",
            b"less than <% 5",
            b"<?= ok ?>",
            b"<%(b)",
            b"<?=a(\x80",
            b"<script>",
            b"<",
            b"<?",
        ] {
            check(bytes, false);
        }
    }
}
