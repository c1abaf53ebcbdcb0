//! What people decided holds in the customer's browser.

use gabion_markup::ContentHash;
use gabion_markup::holding::{ClassHolding, ScriptKey, Stage, TrustBy, Undecided};
use gabion_markup::policy::Allowlist;
use gabion_markup::{Address, PageClass};

use super::{PAGE, address, decided, held, hold, packed, page, shop, unpacked};
use crate::front::{Setup, entity, field, get, get2, soon};
use crate::waf::rules;
use http_body_util::BodyExt;

fn enforced(trust: TrustBy) -> ClassHolding {
    ClassHolding { stage: Stage::Enforce, trust, allowed: Allowlist::of_own(), ..decided() }
}

/// The nonce in a policy.
fn nonce(policy: &str) -> &str {
    policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap()
}

#[tokio::test]
async fn scripts_that_are_authorized_get_the_nonce_of_the_policy_and_others_do_not() {
    let with = PAGE.replace("</body>", "<script>steal()</script></body>");
    let headers = &[
        ("etag", "W/\"a\""),
        ("last-modified", "x"),
        ("cache-control", "public, max-age=600"),
        ("expires", "x"),
    ];
    let shop = shop(headers, with.clone()).await;
    let front = held(&shop, enforced(TrustBy::Nonce));
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let answer = front.get("/pay").await;
        let policy = answer.header("content-security-policy");
        let nonce = nonce(policy);
        assert_eq!((nonce.len(), policy.matches(nonce).count()), (24, 2), "{policy}");
        assert_eq!(answer.text().matches(&format!("nonce=\"{nonce}\"")).count(), 3, "{}", answer.text());
        assert!(answer.text().contains("<script>steal()</script>"), "the policy stops it");
        assert_eq!(answer.header("cache-control"), "private, no-cache");
        for name in ["etag", "last-modified", "expires", "content-security-policy-report-only"] {
            assert_eq!(answer.header(name), "", "{name}");
        }
        assert!(seen.insert(nonce.to_owned()), "a nonce is used once");
    }
    assert_eq!(front.sightings.all().iter().filter_map(page).count(), 1);
}

#[tokio::test]
async fn the_nonce_of_the_shop_is_named_and_pages_stay_as_they_are() {
    let own = &[("content-security-policy", "script-src 'nonce-shop123'")];
    let content = PAGE.replace("<script", "<script nonce=shop123");
    let shop = shop(own, content.clone()).await;
    let front = held(&shop, enforced(TrustBy::Nonce));
    let answer = front.get("/pay").await;
    assert_eq!(answer.text(), content);
    let policies: Vec<_> = answer.headers.get_all("content-security-policy").iter().collect();
    assert_eq!(policies[0], own[0].1);
    assert_eq!(nonce(policies[1].to_str().unwrap()), "shop123");
}

#[tokio::test]
async fn a_denied_script_does_not_run_and_compression_stays() {
    let content = PAGE.replace("</body>", "<script>steal()</script></body>");
    let shop = shop(&[("content-encoding", "gzip"), ("etag", "\"a\"")], packed(content.as_bytes())).await;
    let denied = ScriptKey::Inline(ContentHash::of(b"steal()"));
    let stage = Stage::Learn;
    let front = held(&shop, ClassHolding { stage, denied: [denied].into(), ..ClassHolding::default() });
    let answer = soon(async { front.tls().await.ask(get("/pay", "Accept-Encoding: gzip\r\n")).await }).await;
    assert_eq!((answer.header("content-encoding"), answer.header("vary")), ("gzip", "Accept-Encoding"));
    assert_eq!((answer.header("etag"), answer.header("content-length")), ("", ""));
    let text = unpacked(&answer.body);
    assert!(!text.contains("<script>steal()"), "{text}");
    assert_eq!(text.matches("<script").count(), content.matches("<script").count());
    assert!(text.contains("<script>let tea = 1;</script>") && text.contains("steal()"));

    let answer = soon(front.http2().await.send_request(get2("/pay"))).await.unwrap();
    let text = unpacked(&soon(answer.into_body().collect()).await.unwrap().to_bytes());
    assert!(!text.contains("<script>steal()"), "{text}");
}

#[tokio::test]
async fn scripts_of_a_stopped_origin_run_on_no_page() {
    let shop = shop(&[], PAGE).await;
    let front = held(&shop, ClassHolding::default());
    let holding = gabion_markup::holding::SiteHolding {
        stopped_origins: ["https://cdn.example".to_owned()].into(),
        ..Default::default()
    };
    front.edge.hold_pages([(super::site(), holding)].into());
    let text = front.get("/about").await.text().to_owned();
    assert!(text.contains("<script src=/pay.js>") && !text.contains("<script src=\"https://cdn"), "{text}");
}

#[tokio::test]
async fn what_nobody_decided_about_does_not_run_where_the_owner_says_so() {
    let content = PAGE.replace("</body>", "<script>new()</script></body>");
    let shop = shop(&[], content).await;
    let front = held(&shop, ClassHolding { undecided: Undecided::Stopped, ..decided() });
    let text = front.get("/pay").await.text().to_owned();
    assert!(text.contains("<script>let tea = 1;</script>") && !text.contains("<script>new()"), "{text}");
}

#[tokio::test]
async fn integrity_is_put_in_when_browsers_keep_to_the_policy_and_not_before() {
    let shop = shop(&[], PAGE).await;
    let hash = ContentHash::of(b"tea");
    let pinned = [(address("https://cdn.example/tag.js"), hash)].into();
    let front = held(&shop, ClassHolding { pinned, ..enforced(TrustBy::Places) });
    let integrity = format!("integrity=\"{hash}\"");
    assert!(front.get("/pay").await.text().contains(&integrity));
    let pinned = [(address("https://cdn.example/tag.js"), hash)].into();
    hold(&front, ClassHolding { pinned, ..decided() });
    assert_eq!(front.get("/pay").await.text(), PAGE);
}

#[tokio::test]
async fn a_page_that_is_held_to_a_policy_is_asked_for_anew() {
    let shop = shop(&[], PAGE).await;
    let front = held(&shop, enforced(TrustBy::Places));
    let asked = "If-None-Match: \"a\"\r\nIf-Modified-Since: x\r\nRange: bytes=0-9\r\n";
    soon(async { front.tls().await.ask(get("/pay", asked)).await }).await;
    let seen = shop.only();
    assert_eq!(
        (seen.header("if-none-match"), seen.header("if-modified-since"), seen.header("range")),
        ("", "", "")
    );
    soon(async { front.tls().await.ask(get("/about", asked)).await }).await;
    assert_eq!(shop.seen()[1].header("if-none-match"), "\"a\"");
}

#[tokio::test]
async fn a_policy_that_fits_into_no_header_is_told_once_and_the_page_goes_on() {
    let shop = shop(&[], PAGE).await;
    let mut class = enforced(TrustBy::Places);
    class.allowed.inline.extend((0..200_u32).map(|n| ContentHash::of(&n.to_be_bytes())));
    let front = held(&shop, class.clone());
    hold(&front, class);
    let answer = front.get("/pay").await;
    assert_eq!((answer.text(), answer.header("content-security-policy")), (PAGE, ""));
    assert!(answer.header("content-security-policy-report-only").contains("script-src 'none'"));
    let event = front.events.first("pages.policy_too_long").await;
    assert_eq!(field(&event, "class"), PageClass::Payment.as_str());
    assert_eq!(front.events.all().iter().filter(|event| event.kind == "pages.policy_too_long").count(), 1);
}

#[tokio::test]
async fn answers_that_the_waf_holds_are_pages_too() {
    let content = PAGE.replace("</body>", "<script>steal()</script></body>");
    let shop = shop(&[], content).await;
    let setup =
        Setup::of(&[&shop]).pages("mode = \"on\"").waf("mode = \"block\"\nresponses = true", &rules());
    let front = setup.start();
    let denied = ScriptKey::Inline(ContentHash::of(b"steal()"));
    hold(&front, ClassHolding { denied: [denied].into(), ..ClassHolding::default() });
    let text = front.get("/pay").await.text().to_owned();
    assert!(text.contains("steal()") && !text.contains("<script>steal()"), "{text}");
    assert_eq!(front.sightings.all().iter().filter_map(page).count(), 1);
}

#[tokio::test]
async fn customers_are_led_elsewhere_when_nobody_decided_about_a_script() {
    let content = PAGE.replace("</body>", "<script>new()</script></body>");
    let shop = shop(&[("set-cookie", "cart=1")], content).await;
    let to = Address::parse("https://pay.example/tea").unwrap();
    let front = held(&shop, ClassHolding { undecided: Undecided::Elsewhere(to.clone()), ..decided() });
    let answer = front.get("/pay/1234").await;
    assert_eq!((answer.status, answer.header("location")), (303, "https://pay.example/tea"));
    assert_eq!((answer.header("cache-control"), answer.header("set-cookie")), ("no-store", "cart=1"));
    assert!(answer.body.is_empty());
    let event = front.events.first("pages.diverted").await;
    assert_eq!((field(&event, "path"), field(&event, "to")), ("/pay/*".to_owned(), to.to_string()));
    assert_eq!(field(&event, "undecided"), ScriptKey::Inline(ContentHash::of(b"new()")).to_string());
    assert_eq!(entity(&event, "request"), answer.header("x-request-id"));
    let seen = front.sightings.first(page).await;
    assert_eq!(seen.page.scripts.len(), 4, "people have to see what they decide about");
}
