//! Large inputs that are made to be slow. In quadratic time each would take minutes, in linear time it takes a moment, so
//! that the bound holds on any machine.

use std::time::{Duration, Instant};

use gabion_markup::answer::AnswerGuard;
use gabion_markup::policy::PolicySet;
use gabion_markup::script::{compare, lay_out, risks};
use gabion_markup::{Address, Collector, Rewrite};

const BYTES: usize = 1 << 18;
const PIECE_BYTES: usize = 16 * 1024;
const LONGEST: Duration = Duration::from_secs(20);

/// A beginning and a piece that is repeated behind it.
type Bomb<'a> = (&'a str, &'a str);

#[track_caller]
fn check(bombs: &[Bomb<'_>], run: impl Fn(&str)) {
    for (begin, piece) in bombs {
        let input = [*begin, &piece.repeat(BYTES / piece.len())].concat();
        let start = Instant::now();
        run(&input);
        let taken = start.elapsed();
        assert!(taken < LONGEST, "{begin:?} and {piece:?} took {taken:?}");
    }
}

#[test]
fn pages_take_linear_time_and_leave_as_they_came() {
    let deep = format!("<svg><desc>{}", "<i>".repeat(250));
    let handlers = (0..250).fold("<a".to_owned(), |tag, number| format!("{tag} on{number}"));
    let bombs = [
        ("", "<"),
        ("", "<a "),
        ("<a ", "onclick=x "),
        ("<a href='", "&#"),
        ("", "<div>"),
        ("", "<svg><script>"),
        ("", "<script>"),
        ("<script>", "</scrip"),
        ("<script>", "<!--<script>"),
        ("", "<!--"),
        ("<!--", "--!"),
        ("", "<table><select><script>"),
        ("", "<form><input name=a>"),
        ("", "<img srcset=', , , '>"),
        ("<meta http-equiv=refresh content='", "url="),
        ("<script>", "\r"),
        ("<textarea>", "</textare"),
        ("<script><!--", "<script></script"),
        ("<svg>", "<g>"),
        ("<svg><desc>", "<i>"),
        (&deep, "</x>"),
        ("<svg><![CDATA[", "]"),
        ("<svg><script>", "a<b>&lt;</b>"),
        ("<a", " onx"),
        (&handlers, " on0"),
        ("<", "x"),
    ];
    let address = Address::parse("https://shop.example/").expect("an address");
    check(&bombs, |page| {
        let mut collector = Collector::new(&address, None, Rewrite::default());
        let mut out = Vec::new();
        page.as_bytes().chunks(PIECE_BYTES).for_each(|piece| collector.write(piece, &mut out));
        collector.finish(&mut out);
        assert!(out == page.as_bytes());
    });
}

#[test]
fn scripts_take_linear_time() {
    let bombs = [
        ("", "/["),
        ("", "'\\u{"),
        ("'", "\\u{"),
        ("", "`${"),
        ("", "{"),
        ("", "["),
        ("", "}"),
        ("", "/*"),
        ("", "fetch("),
        ("", "localStorage "),
        ("", "atob('aaaa')"),
        ("", "String.fromCharCode("),
        ("", "cardnumber "),
        ("", "_0x1 "),
        ("", "a;"),
        ("'", "x"),
    ];
    check(&bombs, |script| {
        lay_out(script);
        risks(script);
        compare(script, &script[script.len() / 3..]);
    });
}

#[test]
fn answers_and_policies_take_linear_time() {
    check(
        &[("", "<b>Warning</b>:"), ("", "4"), ("", "4 "), ("", "sk_live_"), ("", "4242424242424242,")],
        |answer| {
            let mut guard = AnswerGuard::default();
            answer.as_bytes().chunks(PIECE_BYTES).for_each(|piece| guard.write(piece));
            guard.finish();
        },
    );
    check(&[("", "a;"), ("", ","), ("script-src ", "a "), ("", "script-src a;")], |policy| {
        PolicySet::parse([policy], []);
    });
}
