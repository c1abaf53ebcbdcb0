//! Code of servers and pages, wherever in a file it stands. A server that runs a file skips everything before the first
//! opening tag, so that a picture with one is a program.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, FindIter};

use crate::cursor::starts_with_nocase;
use crate::reason::{Code, Reasons};
use crate::svg::find_nocase;

/// Bytes behind a short opening tag within which something has to be called.
const WINDOW_BYTES: usize = 96;

/// What code behind a short opening tag says sooner or later. Dark pixels look like `<?=` and `<%` often and may be
/// readable for long, but do not spell.
static PHP_WORDS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    words(
        "$_get $_post $_request $_cookie $_server $_files globals eval( assert( system( exec( passthru( popen( \
         proc_open include require file_get file_put fopen( base64_ gzinflate gzuncompress str_rot13 create_function \
         call_user_func array_map array_filter unserialize getallheaders get_defined phpinfo move_uploaded \
         preg_replace php:// print_r printf header( getenv function",
    )
});
static PAGE_WORDS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    words(
        "request response execute eval( createobject runtime process server. out.print import getparameter java. \
         javax. system. string class",
    )
});

fn words(list: &str) -> AhoCorasick {
    let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(list.split_ascii_whitespace());
    automaton.expect("a few short words make an automaton")
}

/// Parts of pages that no picture, sound or plain text has a use for.
const PAGE: &[&[u8]] =
    &[b"<script", b"<iframe", b"<html", b"<!doctype html", b"<object", b"<embed", b"<meta http-equiv"];

/// Notes the first opening tag of PHP, ASP or JSP. In a text a short tag needs a sign of code behind it, in other bytes
/// a word.
pub(crate) fn check_server_code(bytes: &[u8], is_text: bool, reasons: &mut Reasons) {
    let mut php = Words::new(&PHP_WORDS, bytes);
    let mut page = Words::new(&PAGE_WORDS, bytes);
    for at in memchr::memchr_iter(b'<', bytes) {
        let language = match opening(&bytes[at + 1..]) {
            Opening::None => None,
            Opening::Code(language) => Some(language),
            Opening::Php if is_text => is_code(&bytes[at + 3..], b"?>", b"$(`").then_some("PHP"),
            Opening::Page if is_text => is_code(&bytes[at + 2..], b"%>", b"(").then_some("ASP or JSP"),
            Opening::Php => php.follow(bytes, at + 2).then_some("PHP"),
            Opening::Page => page.follow(bytes, at + 2).then_some("ASP or JSP"),
        };
        if let Some(language) = language {
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

/// What a `<` begins.
enum Opening {
    None,
    /// Code of this language, for certain.
    Code(&'static str),
    /// Perhaps PHP by a short tag, perhaps ASP or JSP.
    Php,
    Page,
}

fn opening(rest: &[u8]) -> Opening {
    let certain = |is: bool, language: &'static str| if is { Opening::Code(language) } else { Opening::None };
    match rest {
        [b'?', tag @ ..] if starts_with_nocase(tag, b"php") => {
            certain(tag.get(3).is_none_or(|byte| byte.is_ascii_whitespace() || *byte == b'/'), "PHP")
        }
        [b'?', b'=' | b' ' | b'\t' | b'\r' | b'\n', ..] => Opening::Php,
        [b'%', b'@', code @ ..] => {
            let word = code.trim_ascii_start();
            let known =
                [&b"page"[..], b"import", b"include", b"language", b"taglib", b"control", b"webservice"];
            certain(known.iter().any(|known| starts_with_nocase(word, known)), "ASP or JSP")
        }
        [b'%', ..] => Opening::Page,
        [b's' | b'S', ..] if starts_with_nocase(rest, b"script") => {
            let tag = &rest[..rest.len().min(WINDOW_BYTES)];
            let tag = &tag[..memchr::memchr(b'>', tag).unwrap_or(tag.len())];
            let has = |word: &[u8]| find_nocase(tag, word).is_some();
            certain(has(b"runat") || has(b"language") && has(b"php"), "a server's script")
        }
        [b'j' | b'J', ..] => certain(starts_with_nocase(rest, b"jsp:"), "JSP"),
        _ => Opening::None,
    }
}

/// Whether one of `signs` stands before the end of the tag or of the window.
fn is_code(rest: &[u8], end: &[u8], signs: &[u8]) -> bool {
    let window = &rest[..rest.len().min(WINDOW_BYTES)];
    let code = &window[..memchr::memmem::find(window, end).unwrap_or(window.len())];
    code.iter().any(|byte| signs.contains(byte))
}

/// Words in the order in which they stand in bytes. Asked for growing places, all bytes are searched once.
struct Words<'w> {
    rest: FindIter<'static, 'w>,
    next: Option<usize>,
}

impl<'w> Words<'w> {
    fn new(words: &'static AhoCorasick, bytes: &'w [u8]) -> Self {
        Self { rest: words.find_iter(bytes), next: Some(0) }
    }

    /// Whether a word begins soon behind `at` and only readable bytes stand before it.
    fn follow(&mut self, bytes: &[u8], at: usize) -> bool {
        while self.next.is_some_and(|word| word < at) {
            self.next = self.rest.next().map(|found| found.start());
        }
        let readable = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
        self.next.is_some_and(|word| word - at <= WINDOW_BYTES && bytes[at..word].iter().all(readable))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], in_text: bool, in_other_bytes: bool) {
        for (is_text, expected) in [(true, in_text), (false, in_other_bytes)] {
            let mut reasons = Reasons::default();
            check_server_code(bytes, is_text, &mut reasons);
            assert_eq!(
                !reasons.into_list().is_empty(),
                expected,
                "{is_text}: {}",
                String::from_utf8_lossy(bytes)
            );
        }
    }

    #[test]
    fn opening_tags_with_code_are_told() {
        for code in [
            &b"\xff<?php echo 1;"[..],
            b"<?PHP\n",
            b"<?php",
            b"<?php/**/",
            b"<?=`$_GET[0]`?>\xff\xff",
            b"<? system($_GET['c']); ?>",
            b"<?= <?= <?=SYSTEM('id')",
            b"<%eval request(\"a\")%>",
            b"<%execute(a)%>",
            b"<%@ Page Language=\"C#\" %>",
            b"<% Runtime.getRuntime().exec(a) %>",
            b"<%@page import=\"java.io.*\"%>",
            b"<script runat=\"server\">",
            b"<SCRIPT language = PHP>",
            b"<jsp:scriptlet>",
            b"x __HALT_COMPILER(); ?>",
        ] {
            check(code, true, true);
        }
        check(b"<?=$a($b)?>", true, false);
        check(b"<% a(b) %>", true, false);
    }

    #[test]
    fn bytes_that_only_look_like_tags_pass() {
        for bytes in [
            &b"<?xml version=\"1.0\"?>"[..],
            b"<?xpacket begin=\"\"?>",
            b"<?phpx",
            b"<%=\x00",
            b"less than <% 5",
            b"<?= ok ?>",
            b"<script>",
            b"<script src='a.php'>",
            b"<",
            b"<?",
        ] {
            check(bytes, false, false);
        }
        check(b"<?=\x80$_GET", true, false);
    }
}
