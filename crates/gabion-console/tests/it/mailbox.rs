//! Letters that are kept instead of sent, and how mail stands.

use gabion_outbound::mail::{Patience, Security, SmtpConfig, Transport};
use http::Method;

use crate::harness::Harness;

#[tokio::test]
async fn kept_letters_are_listed_and_shown_as_text() {
    let harness = Harness::new().await;
    harness.page("owner", "/mailbox").await.shows("No letters yet");
    let id = harness.write_to("ann@shop.example", "Your <code>", "Code 123456 & more").await;
    let list = harness.page("operator", "/mailbox").await;
    for shown in ["ann@shop.example", "Your &#60;code&#62;", "sign_in.code", &format!("/mailbox/{id}")] {
        list.shows(shown);
    }
    let letter = harness.page("support", &format!("/mailbox/{id}")).await;
    for shown in ["ann@shop.example", "Code 123456 &#38; more", "&#60;p&#62;Hello &#60;b&#62;Ann"] {
        letter.shows(shown);
    }
    letter.hides("<b>Ann");
}

#[tokio::test]
async fn auditors_see_that_there_was_a_letter_and_nothing_of_it() {
    let harness = Harness::new().await;
    let id = harness.write_to("ann@shop.example", "Your code", "Code 123456").await;
    for path in ["/mailbox".to_owned(), format!("/mailbox/{id}")] {
        let page = harness.page("auditor", &path).await;
        page.shows("sign_in.code");
        for hidden in ["ann@shop.example", "Your code", "123456", "Hello"] {
            page.hides(hidden);
        }
    }
    let path = format!("/api/v1/mail/captured/{id}");
    let masked = harness.api("read", Method::GET, &path, "").await.json();
    assert_eq!((&masked["kind"], &masked["language"]), (&"sign_in.code".into(), &"en".into()));
    for part in ["to", "subject", "text", "html"] {
        assert!(masked[part].is_null(), "{masked}");
    }
    let whole = harness.api("read events:read", Method::GET, &path, "").await.json();
    assert_eq!(whole["to"], "ann@shop.example");
    assert_eq!(whole["text"], "Code 123456");
}

#[tokio::test]
async fn the_list_comes_in_pages() {
    let harness = Harness::new().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(harness.write_to("ann@shop.example", &format!("Letter {number}"), "x").await.to_string());
    }
    ids.reverse();
    let mut path = "/api/v1/mail/captured?limit=2".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = harness.api("read", Method::GET, &path, "").await.json();
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/v1/mail/captured?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, ids);
    let wrong = harness.api("read", Method::GET, "/api/v1/mail/captured?cursor=nonsense", "").await;
    assert_eq!(wrong.status(), 400);
    let gone = harness.page("owner", "/mailbox/msg_00000000000000000000000001").await;
    assert_eq!(gone.status(), 404);
}

#[tokio::test]
async fn where_letters_are_not_kept_there_is_no_mailbox() {
    let harness = Harness::with_mail(None).await;
    assert_eq!(harness.page("owner", "/mailbox").await.status(), 404);
    assert_eq!(harness.api("read", Method::GET, "/api/v1/mail/captured", "").await.status(), 404);
    let overview = harness.page("owner", "/").await;
    overview.hides("Mailbox");
    overview.shows("not configured");
    let mail = harness.api("read", Method::GET, "/api/v1/mail", "").await.json();
    assert_eq!((&mail["kind"], &mail["waiting"]), (&"off".into(), &0.into()));
}

#[tokio::test]
async fn a_mail_server_that_is_away_is_told_on_every_page_and_in_the_metrics() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    drop(taken);
    let smtp = SmtpConfig {
        security: Security::Plain,
        host: "127.0.0.1".to_owned(),
        port,
        login: None,
        ca: None,
        patience: Patience::default(),
    };
    let harness = Harness::with_mail(Some(Transport::Smtp(smtp))).await;
    harness.page("owner", "/").await.shows("is sent");
    harness.write_to("ann@shop.example", "Your code", "x").await;
    harness.clock.advance(std::time::Duration::from_secs(1));
    harness.mail.deliver_due().await;
    let page = harness.page("owner", "/settings").await;
    page.shows("Mail cannot be sent");
    page.shows("1 letter waits");
    page.hides("ann@");
    harness.page("owner", "/").await.shows("cannot be sent");
    let mail = harness.api("read", Method::GET, "/api/v1/mail", "").await.json();
    assert_eq!((&mail["waiting"], &mail["retried"]), (&1.into(), &1.into()), "{mail}");
    assert!(mail["failing"]["reason"].as_str().unwrap().contains("refused"), "{mail}");
    let metrics = harness.console.metrics_page();
    for line in
        ["gabion_mail_failing 1", "gabion_mail_waiting 1", "gabion_mail_letters_total{outcome=\"retried\"} 1"]
    {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
}
