//! Pages in, pages out, and what was found.

use std::sync::Arc;

use gabion_markup::page::{
    FieldKind, FrameSource, LinkKind, Meta, Outcome, SCRIPTS_MAX, Script, ScriptKind, ScriptSource,
};
use gabion_markup::{
    Address, Collector, ContentHash, HELD_BYTES_MAX, Judge, Judgement, Page, Partial, Rewrite,
};
use proptest::prelude::*;

fn collect(page: &[u8], cut: usize, charset: Option<&str>, rewrite: Rewrite) -> (Vec<u8>, Page) {
    let address = Address::parse("https://shop.example/checkout/pay").expect("an address");
    let mut collector = Collector::new(&address, charset, rewrite);
    let mut out = Vec::new();
    page.chunks(cut).for_each(|piece| collector.write(piece, &mut out));
    let found = collector.finish(&mut out);
    (out, found)
}

/// What is in a page that is only read.
#[track_caller]
fn read(page: impl AsRef<[u8]>) -> Page {
    let page = page.as_ref();
    let (out, found) = collect(page, 7, None, Rewrite::default());
    assert!(out == page, "the page was changed");
    found
}

fn inline(script: &Script) -> &gabion_markup::page::Inline {
    match &script.source {
        ScriptSource::Inline(inline) => inline,
        other => panic!("not inline: {other:?}"),
    }
}

fn address(script: &Script) -> String {
    match &script.source {
        ScriptSource::Web(address) => address.to_string(),
        other => format!("{other:?}"),
    }
}

#[test]
fn scripts_are_found_wherever_they_are() {
    let page = read(
        "<!doctype html><base href=/shop/><script src=a.js></script><SCRIPT SRC='//cdn.example/b.js?x=1&amp;y=2'>\
         </SCRIPT><script>one()</script><script type=module src=m.js integrity=sha256-x nonce=n></script>\
         <script type=importmap>{}</script><script type='application/ld+json'>{}</script>\
         <svg><script href=s.js /></svg><script src='data:text/javascript,1'></script><!-- <script src=no> -->\
         <textarea><script src=no></textarea>",
    );
    let scripts = &page.scripts;
    assert_eq!(scripts.len(), 8, "{scripts:#?}");
    assert_eq!(address(&scripts[0]), "https://shop.example/shop/a.js");
    assert_eq!(address(&scripts[1]), "https://cdn.example/b.js?x=1&y=2");
    assert_eq!(inline(&scripts[2]).hash, ContentHash::of(b"one()"));
    assert_eq!(inline(&scripts[2]).beginning, "one()");
    assert_eq!((&scripts[3].kind, scripts[3].has_nonce), (&ScriptKind::Module, true));
    assert_eq!(scripts[3].integrity.as_deref(), Some("sha256-x"));
    assert_eq!(scripts[4].kind, ScriptKind::ImportMap);
    assert_eq!(scripts[5].kind, ScriptKind::Data("application/ld+json".to_owned()));
    assert_eq!(address(&scripts[6]), "https://shop.example/shop/s.js");
    assert!(matches!(&scripts[7].source, ScriptSource::Opaque { scheme, .. } if scheme == "data"));
    assert!(page.partial.is_empty());
}

#[test]
fn scripts_are_hashed_as_browsers_do_in_the_encoding_of_the_page() {
    let hash = |page: &[u8], charset| {
        let (out, found) = collect(page, 3, charset, Rewrite::default());
        assert!(out == page, "the page was changed");
        inline(&found.scripts[0]).hash
    };
    let expected = ContentHash::of("a='é'\nb".as_bytes());
    assert_eq!(hash("<script>a='é'\r\nb</script>".as_bytes(), None), expected);
    assert_eq!(hash(b"<script>a='\xe9'\rb</script>", Some("iso-8859-1")), expected);
    assert_eq!(hash(b"<meta charset=latin1><script>a='\xe9'\nb</script>", None), expected);
    let meta = b"<meta http-equiv=content-type content='text/html; charset=windows-1252'><script>a='\xe9'\nb</script>";
    assert_eq!(hash(meta, None), expected);
    assert_eq!(hash("\u{feff}<meta charset=latin1><script>a='é'\nb</script>".as_bytes(), None), expected);
}

#[test]
fn handlers_and_script_addresses_are_found() {
    let page = read(
        "<body onload=go()><img src=x OnError='steal(&quot;x&quot;)'><a href=' java\nscript&colon;go()'>\
         <p class=button one=1 data-on=2></p>",
    );
    let found: Vec<(&str, &str)> = page
        .handlers
        .iter()
        .map(|handler| (handler.attribute.as_str(), handler.beginning.as_str()))
        .collect();
    assert_eq!(
        found,
        [("onload", "go()"), ("onerror", "steal(\"x\")"), ("href", " java\nscript:go()")],
        "{:?}",
        page.handlers
    );
    assert_eq!(page.handlers[0].hash, ContentHash::of(b"go()"));
}

#[test]
fn forms_say_where_they_go_and_what_is_entered() {
    let page = read(
        "<input name=coupon><form action=/pay method=POST name=f><input autocomplete=cc-number name=a>\
         <input name=cvv><input type=password name=p><input type=submit formaction=//evil.example/x>\
         <select name=expiry_month></select><button formaction='mailto:a'></button></form><textarea name=t></textarea>",
    );
    assert_eq!(page.forms.len(), 2);
    let kinds = |index: usize| page.forms[index].fields.iter().map(|field| field.kind).collect::<Vec<_>>();
    assert_eq!(kinds(0), [FieldKind::Other, FieldKind::Other]);
    assert_eq!(
        kinds(1),
        [FieldKind::CardNumber, FieldKind::CardCode, FieldKind::Password, FieldKind::CardOther]
    );
    let actions: Vec<_> = page.forms[1].actions.iter().map(ToString::to_string).collect();
    assert_eq!(actions, ["https://shop.example/pay", "https://evil.example/x"]);
    assert_eq!(page.forms[1].other_schemes, ["mailto"]);
    assert_eq!(page.forms[1].method, "post");
}

#[test]
fn frames_links_pictures_and_metas_are_found() {
    let page = read(
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'self'\">\
         <meta http-equiv=refresh content='0; URL=//evil.example/'><link rel='preload' as=script href=a.js>\
         <link rel=stylesheet href=//cdn.example/a.css integrity=sha256-y><iframe src=//pay.example/card sandbox></iframe>\
         <iframe srcdoc='<script>x</script>'></iframe><img src=/own.png srcset='//pix.example/1 1x, //pix2.example/2 2x'>",
    );
    assert_eq!(page.metas[0], Meta::Policy("default-src 'self'".to_owned()));
    assert!(matches!(&page.metas[1], Meta::Refresh(address) if address.host() == "evil.example"));
    assert_eq!((page.links[0].kind, page.links[0].destination.as_str()), (LinkKind::Preload, "script"));
    assert_eq!(page.links[1].integrity.as_deref(), Some("sha256-y"));
    assert!(matches!(&page.frames[0].source, FrameSource::Web(address) if address.host() == "pay.example"));
    assert_eq!(page.frames[0].sandbox.as_deref(), Some(""));
    assert_eq!(page.frames[1].source, FrameSource::Document(ContentHash::of(b"<script>x</script>")));
    let origins: Vec<_> = page.media_origins.iter().map(String::as_str).collect();
    assert_eq!(origins, ["https://pix.example", "https://pix2.example"]);
}

/// Authorizes `good`, pins what is loaded, denies `evil`.
struct ByText;

impl Judge for ByText {
    fn judge(&self, script: &Script, _: bool) -> Judgement {
        match &script.source {
            ScriptSource::Inline(inline) if inline.hash == ContentHash::of(b"good") => {
                Judgement::Authorize { integrity: None }
            }
            ScriptSource::Inline(inline) if inline.hash == ContentHash::of(b"evil") => Judgement::Deny,
            ScriptSource::Web(address) if address.host() == "evil.example" => Judgement::Deny,
            ScriptSource::Web(_) => Judgement::Authorize { integrity: Some(ContentHash::of(b"x")) },
            _ => Judgement::Pass,
        }
    }
}

#[track_caller]
fn check_rewrite(page: &str, expected: &str) -> Page {
    let mut last = None;
    for cut in [1, 5, 4096] {
        let rewrite = Rewrite {
            judge: Some(Arc::new(ByText)),
            nonce: Some("MTIzNDU2Nzg5MDEyMzQ1Ng==".parse().expect("a nonce")),
            head: Some("<i>".parse().expect("a tag")),
        };
        let (out, found) = collect(page.as_bytes(), cut, None, rewrite);
        assert_eq!(String::from_utf8_lossy(&out), expected, "cut {cut}");
        last = Some(found);
    }
    last.expect("three cuts")
}

#[test]
fn scripts_are_authorized_denied_or_left_alone() {
    let nonce = "nonce=\"MTIzNDU2Nzg5MDEyMzQ1Ng==\"";
    let pin = format!("integrity=\"{}\" crossorigin=\"anonymous\"", ContentHash::of(b"x"));
    let denied = "type=\"text/plain\" data-gabion=\"denied\"";
    let page = check_rewrite(
        "<html><head lang=en><script>good</script><script async>evil</script><script>new</script>\
         <script/src=a.js></script><script nonce=theirs integrity=sha256-a src=b.js></script>\
         <script type=module src=//evil.example></script><script type=text/json>good</script><p>end",
        &format!(
            "<html><head lang=en><i><script {nonce}>good</script><script {denied} async>evil</script>\
             <script>new</script><script {nonce} {pin}/src=a.js></script>\
             <script nonce=theirs integrity=sha256-a src=b.js></script>\
             <script {denied} type=module src=//evil.example></script><script type=text/json>good</script><p>end"
        ),
    );
    let outcomes: Vec<_> = page.scripts.iter().map(|script| script.outcome).collect();
    use Outcome::{Authorized, Denied, Passed};
    assert_eq!(outcomes, [Authorized, Denied, Passed, Authorized, Passed, Denied, Passed]);
}

#[test]
fn the_tag_is_put_where_browsers_begin_a_head() {
    check_rewrite("<!doctype html><html><body>", "<!doctype html><html><i><body>");
    check_rewrite("\u{feff}<p>x", "\u{feff}<i><p>x");
    check_rewrite("<head><head>", "<head><i><head>");
    check_rewrite("no tag", "no tag");
}

#[test]
fn a_script_too_long_to_hold_is_judged_before_its_end() {
    struct DenyParts;
    impl Judge for DenyParts {
        fn judge(&self, _: &Script, is_whole: bool) -> Judgement {
            if is_whole { Judgement::Pass } else { Judgement::Deny }
        }
    }
    let length = usize::try_from(HELD_BYTES_MAX).expect("fits") * 3;
    let page = format!("<script>{}</script><script>x</script>", "x".repeat(length));
    let rewrite = Rewrite { judge: Some(Arc::new(DenyParts)), ..Rewrite::default() };
    let (out, found) = collect(page.as_bytes(), 10_000, None, rewrite);
    assert!(out.starts_with(b"<script type=\"text/plain\""));
    assert_eq!(found.scripts[0].outcome, Outcome::Denied);
    assert_eq!(inline(&found.scripts[0]).hash, ContentHash::of("x".repeat(length).as_bytes()));
    assert_eq!(found.scripts[1].outcome, Outcome::Passed);
    assert!(found.partial.contains(&Partial::Judged));
}

#[test]
fn what_is_not_understood_passes_and_is_told() {
    for (page, charset, expected) in [
        (format!("<a {}", "x".repeat(2_000_000)), None, Partial::Memory),
        ("<script>endless".to_owned(), None, Partial::Unfinished),
        ("<script>x</script>".to_owned(), Some("utf-16"), Partial::Encoding),
        ("<script>x</script>".repeat(SCRIPTS_MAX + 1), None, Partial::Scripts),
    ] {
        let (out, found) = collect(page.as_bytes(), 4096, charset, Rewrite::default());
        assert!(out == page.as_bytes(), "{expected:?}");
        assert!(found.partial.contains(&expected), "{expected:?}: {:?}", found.partial);
        assert!(!expected.sentence().is_empty());
    }
    let utf_16 = b"\xff\xfe<\0s\0";
    let (out, found) = collect(utf_16, 1, None, Rewrite::default());
    assert!(out == utf_16 && found.partial.contains(&Partial::Encoding));
}

#[test]
fn nothing_waits_for_long_when_nothing_is_judged() {
    let address = Address::parse("https://shop.example/").expect("an address");
    let mut collector = Collector::new(&address, None, Rewrite::default());
    let (mut out, mut sent) = (Vec::new(), 0);
    for piece in std::iter::once(&b"<script>"[..]).chain(std::iter::repeat_n(&[b'x'; 1024][..], 1000)) {
        collector.write(piece, &mut out);
        sent += piece.len();
        assert!(sent - out.len() < 4096, "{sent} came in, {} went out", out.len());
    }
}

proptest! {
    #[test]
    fn any_page_leaves_as_it_came_and_is_read_the_same_in_pieces(
        parts in prop::collection::vec(
            prop_oneof![
                Just("<script>".to_owned()), Just("</script>".to_owned()), Just("<form>".to_owned()),
                Just("<svg>".to_owned()), Just("<!--".to_owned()), Just("-->".to_owned()),
                Just("<script src=a>".to_owned()), Just("<a onclick='x'".to_owned()), Just(">".to_owned()),
                Just("<select>".to_owned()), Just("<template>".to_owned()), Just("</svg>".to_owned()),
                "[ -~é\r\n]{0,12}",
            ],
            0..40,
        ),
        cut in 1_u8..,
    ) {
        let mut bytes = vec![cut];
        bytes.extend(parts.concat().bytes());
        gabion_markup::fuzz::page(&bytes);
    }
}
