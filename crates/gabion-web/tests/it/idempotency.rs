use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use axum::routing::post as on_post;
use gabion_core::Clock;
use gabion_store::{Db, StorageConfig, StoreDeps, params};
use gabion_test::{SeededEntropy, TestClock};
use gabion_web::{Answer, OnceJson, Problem};
use http::StatusCode;
use http::request::Builder;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::harness::{csrf, plane, post, send};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    name: String,
}

struct World {
    router: Router,
    db: Db,
    clock: TestClock,
    acts: Arc<AtomicU32>,
    /// Acts wait for a permit before they answer.
    gate: Arc<Semaphore>,
}

async fn world() -> World {
    let clock = TestClock::new();
    let entropy = Arc::new(SeededEntropy::new(1));
    let deps = StoreDeps { clock: Arc::new(clock.clone()), entropy: entropy.clone() };
    let db = Db::open(StorageConfig::new("sqlite::memory:"), deps).await.unwrap();
    let (acts, gate) = (Arc::new(AtomicU32::new(0)), Arc::new(Semaphore::new(1000)));
    let handler = {
        let (db, clock, acts, gate) = (db.clone(), clock.clone(), acts.clone(), gate.clone());
        async move |OnceJson(wish, once): OnceJson<Wish>| -> Response {
            let write = db.clone();
            let act = async move |keeper: gabion_web::idempotency::Keeper| {
                let number = acts.fetch_add(1, Ordering::SeqCst);
                gate.acquire().await.unwrap().forget();
                if wish.name == "refused" {
                    return Err(Problem::conflict("refused", "not that one"));
                }
                let answer =
                    Answer::json(StatusCode::CREATED, &json!({ "name": wish.name, "secret": number }));
                Ok(write.write(move |tx| keeper.keep(tx, &answer)).await?)
            };
            once.run(&db, clock.now(), &*entropy, act).await
        }
    };
    let router = plane(Router::new().route("/api/v1/things", on_post(handler)), csrf());
    World { router, db, clock, acts, gate }
}

fn create(key: &str, scope: &str) -> Builder {
    post("/api/v1/things")
        .header("authorization", scope)
        .header("content-type", "application/json")
        .header("idempotency-key", key)
}

#[tokio::test]
async fn the_same_request_acts_once_and_is_answered_with_the_same_bytes() {
    let world = world().await;
    let first = send(&world.router, create("k1", "read"), r#"{"name":"a"}"#).await;
    assert_eq!((first.status(), &*first.text), (201, r#"{"name":"a","secret":0}"#));
    let second = send(&world.router, create("k1", "read"), r#"{"name":"a"}"#).await;
    assert_eq!((second.status(), &second.text), (201, &first.text));
    assert_eq!(second.header("content-type"), "application/json");
    assert_eq!(world.acts.load(Ordering::SeqCst), 1);

    send(&world.router, create("k2", "read"), r#"{"name":"a"}"#).await;
    assert_eq!(world.acts.load(Ordering::SeqCst), 2, "another key is another act");
}

#[tokio::test]
async fn a_key_with_another_body_is_refused() {
    let world = world().await;
    send(&world.router, create("k1", "read"), r#"{"name":"a"}"#).await;
    let other = send(&world.router, create("k1", "read"), r#"{"name":"b"}"#).await;
    assert_eq!((other.status(), other.json()["code"].as_str()), (422, Some("idempotency_key_reused")));
    assert_eq!(world.acts.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_request_without_a_key_does_not_act() {
    let world = world().await;
    let request = post("/api/v1/things").header("authorization", "read");
    let answer = send(&world.router, request.header("content-type", "application/json"), "{}").await;
    assert_eq!((answer.status(), answer.json()["code"].as_str()), (400, Some("idempotency_key_missing")));
    assert_eq!(world.acts.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn while_the_first_is_worked_on_the_second_is_told_so_even_if_the_first_hung_up() {
    let world = world().await;
    world.gate.forget_permits(1000);
    let first = tokio::spawn({
        let router = world.router.clone();
        async move { send(&router, create("k1", "read"), r#"{"name":"a"}"#).await.text }
    });
    while world.acts.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let second = send(&world.router, create("k1", "read"), r#"{"name":"a"}"#).await;
    assert_eq!((second.status(), second.json()["code"].as_str()), (409, Some("in_flight")));
    assert_eq!(second.header("retry-after"), "1");

    first.abort();
    world.gate.add_permits(1);
    let answered = loop {
        let again = send(&world.router, create("k1", "read"), r#"{"name":"a"}"#).await;
        if again.status() != 409 {
            break again;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((answered.status(), world.acts.load(Ordering::SeqCst)), (201, 1));
}

#[tokio::test]
async fn a_refused_act_gives_its_key_back() {
    let world = world().await;
    for acts in 1..=2 {
        let answer = send(&world.router, create("k1", "read"), r#"{"name":"refused"}"#).await;
        assert_eq!((answer.status(), answer.json()["code"].as_str()), (409, Some("refused")));
        assert_eq!(world.acts.load(Ordering::SeqCst), acts);
    }
}

#[tokio::test]
async fn a_key_may_be_used_anew_after_a_day() {
    let world = world().await;
    send(&world.router, create("k1", "read"), r#"{"name":"a"}"#).await;
    world.clock.advance(Duration::from_secs(24 * 60 * 60));
    let answer = send(&world.router, create("k1", "read"), r#"{"name":"b"}"#).await;
    assert_eq!((answer.status(), world.acts.load(Ordering::SeqCst)), (201, 2));
}

#[tokio::test]
async fn kept_answers_are_not_readable_in_the_database() {
    let world = world().await;
    send(&world.router, create("k1", "read"), r#"{"name":"visible-if-plain"}"#).await;
    let row: Result<_, gabion_store::StoreError> =
        world.db.read(|tx| tx.query_one("SELECT body FROM gabion_idempotency", params![])).await;
    let body: Vec<u8> = row.unwrap().unwrap().get("body").unwrap();
    assert!(!String::from_utf8_lossy(&body).contains("visible"));
}
