use std::time::Duration;

use gabion_core::Value;
use gabion_web::Role;
use http::{Method, StatusCode};

use crate::harness::{PASSWORD, World};

const EMAIL: &str = "owner@tidewater.example";

#[tokio::test]
async fn the_right_password_begins_a_session_and_leads_back() {
    let world = World::new().await;
    world.owner().await;
    let mut browser = world.browser();
    let stranger = browser.get("/staff").await;
    assert_eq!(
        (stranger.status, stranger.header("location")),
        (StatusCode::SEE_OTHER, "/sign-in?next=%2Fstaff")
    );
    let page = browser.get("/sign-in?next=%2Fstaff").await;
    assert!(page.text.contains(r#"name="next" value="/staff""#), "{}", page.text);

    let answer = browser.sign_in(" Owner@Tidewater.example ", PASSWORD).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/account"));
    assert_eq!(browser.get("/account").await.status, StatusCode::OK);
    assert_eq!(world.event_kinds().await.last().unwrap(), "staff.signed_in");
}

#[tokio::test]
async fn a_foreign_next_does_not_lead_away() {
    let world = World::new().await;
    world.owner().await;
    let form = [("email", EMAIL), ("password", PASSWORD), ("next", "https://evil.test/")];
    assert_eq!(world.browser().submit("/sign-in", &form).await.header("location"), "/");
    let page = world.browser().get("/sign-in?next=//evil.test").await;
    assert!(!page.text.contains("evil.test"));
}

#[tokio::test]
async fn what_was_wrong_is_told_to_the_journal_only() {
    let world = World::new().await;
    let mut owner = world.owner().await;
    let id = world.member("gone@tidewater.example", Role::Support).await.id().await;
    owner.api(Method::PATCH, &format!("/api/v1/staff/{id}"), r#"{"disabled":true}"#).await;

    let mut answers = Vec::new();
    for (email, password) in [
        (EMAIL, "wrong wrong wrong"),
        ("nobody@tidewater.example", PASSWORD),
        ("gone@tidewater.example", PASSWORD),
        ("not an address", PASSWORD),
        (EMAIL, "x".repeat(2000).as_str()),
    ] {
        let answer = world.browser().sign_in(email, password).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(answer.headers.get("set-cookie").is_none());
        answers.push(answer.text.replace(email, "E"));
    }
    assert!(answers.iter().all(|text| *text == answers[0]), "the pages are the same");

    let events = world.events().await;
    let failed = events.iter().filter(|entry| entry.event.kind == "staff.sign_in_failed");
    let reasons = failed.map(|entry| entry.event.fields[0].value.to_string()).collect::<Vec<_>>();
    let expected =
        ["wrong password", "unknown account", "disabled account", "unknown account", "wrong password"];
    assert_eq!(reasons, expected);
}

#[tokio::test]
async fn guessing_is_slowed_down_per_account_and_the_owner_gets_in_after_the_wait() {
    let world = World::new().await;
    world.owner().await;
    for n in 0..5 {
        let mut guesser = world.browser();
        guesser.address = format!("198.51.100.{n}").parse().unwrap();
        assert_eq!(guesser.sign_in(EMAIL, "wrong wrong wrong").await.status, StatusCode::FORBIDDEN);
    }
    let refused = world.browser().sign_in(EMAIL, PASSWORD).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.header("retry-after"), "1");
    world.pass(Duration::from_secs(1));
    assert_eq!(world.browser().sign_in(EMAIL, PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn guessing_is_slowed_down_per_network() {
    let world = World::new().await;
    let mut guesser = world.browser();
    for n in 0..20 {
        guesser.address = format!("2001:db8::{n}").parse().unwrap();
        let answer = guesser.sign_in(&format!("guess{n}@tidewater.example"), PASSWORD).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
    let refused = guesser.sign_in("another@tidewater.example", PASSWORD).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    guesser.address = "2001:db8:0:1::1".parse().unwrap();
    let elsewhere = guesser.sign_in("another@tidewater.example", PASSWORD).await;
    assert_eq!(elsewhere.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_session_ends_after_half_an_hour_of_rest() {
    let world = World::new().await;
    let mut owner = world.owner().await;
    for _ in 0..4 {
        world.pass(Duration::from_secs(20 * 60));
        assert_eq!(owner.get("/account").await.status, StatusCode::OK);
        world.identity.settle().await;
    }
    world.pass(Duration::from_secs(30 * 60));
    assert_eq!(owner.get("/account").await.status, StatusCode::SEE_OTHER);
    assert_eq!(world.identity.sweep().await.unwrap(), 1, "and is deleted");
}

#[tokio::test]
async fn a_session_ends_after_half_a_day_whatever_happens() {
    let world = World::new().await;
    let mut owner = world.owner().await;
    for _ in 0..35 {
        world.pass(Duration::from_secs(20 * 60));
        assert_eq!(owner.get("/account").await.status, StatusCode::OK);
        world.identity.settle().await;
    }
    world.pass(Duration::from_secs(20 * 60));
    assert_eq!(owner.get("/account").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn signing_in_again_ends_the_old_session_of_the_browser() {
    let world = World::new().await;
    let mut browser = world.owner().await;
    let old = browser.cookie.clone();
    browser.sign_in(EMAIL, PASSWORD).await;
    assert_ne!(browser.cookie, old);
    assert_eq!(browser.get("/account").await.status, StatusCode::OK);
    browser.cookie = old;
    assert_eq!(browser.get("/account").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn signing_out_ends_the_session_on_the_server() {
    let world = World::new().await;
    let mut owner = world.owner().await;
    let old = owner.cookie.clone();
    let answer = owner.act("/account", "/sign-out", &[]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/sign-in"));
    assert_eq!(owner.cookie, None);
    owner.cookie = old;
    assert_eq!(owner.get("/account").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_sign_in_posted_from_a_foreign_page_is_refused() {
    let world = World::new().await;
    world.owner().await;
    let request = http::Request::post("/sign-in")
        .header("host", crate::harness::HOST)
        .header("sec-fetch-site", "cross-site")
        .header("content-type", "application/x-www-form-urlencoded");
    let body = format!("email={EMAIL}&password={PASSWORD}");
    let answer = world.send(request.body(body.into()).unwrap(), "192.0.2.1".parse().unwrap()).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "foreign_origin"));
}

#[tokio::test]
async fn a_person_keeps_at_most_twenty_sessions() {
    let world = World::new().await;
    let mut first = world.owner().await;
    for _ in 0..19 {
        world.pass(Duration::from_secs(1));
        assert_eq!(world.browser().sign_in(EMAIL, PASSWORD).await.status, StatusCode::SEE_OTHER);
    }
    assert_eq!(first.get("/account").await.status, StatusCode::OK);
    world.pass(Duration::from_secs(1));
    world.browser().sign_in(EMAIL, PASSWORD).await;
    assert_eq!(first.get("/account").await.status, StatusCode::SEE_OTHER, "the oldest has ended");
}

#[tokio::test]
async fn passwords_tokens_and_keys_reach_no_event() {
    let world = World::new().await;
    let mut owner = world.owner().await;
    let cookie = owner.cookie.clone().unwrap();
    owner.sign_in(EMAIL, "wrong wrong wrong").await;
    owner.sign_in(EMAIL, PASSWORD).await;
    let body = r#"{"name":"shop","scopes":["read"]}"#;
    let made = owner.api(Method::POST, "/api/v1/api-keys", body).await.json();
    let key = made["key"].as_str().unwrap();

    let texts = world.events().await.into_iter().flat_map(|entry| entry.event.fields);
    let texts = texts.filter_map(|field| match field.value {
        Value::Text(text) => Some(text),
        Value::Bool(_) | Value::Int(_) => None,
    });
    let told = texts.collect::<Vec<_>>().join("\n");
    assert!(told.contains("192.0.2.1"), "personal fields are readable to the test: {told}");
    let token = cookie.split_once('=').unwrap().1;
    for secret in [PASSWORD, "wrong wrong wrong", token, key] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}
