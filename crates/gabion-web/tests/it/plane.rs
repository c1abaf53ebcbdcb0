use axum::Router;
use axum::routing::get as on_get;

use crate::harness::{csrf, get, plane, post, send};

fn router() -> Router {
    let router = Router::new()
        .route("/", on_get(async || "home"))
        .route("/api/v1/thing", on_get(async || "thing"))
        .route("/asset", on_get(async || ([("cache-control", "max-age=60")], "asset")))
        .route("/broken", on_get(broken));
    plane(router, csrf())
}

async fn broken() -> &'static str {
    panic!("a broken invariant");
}

#[tokio::test]
async fn every_answer_has_an_id_and_the_headers() {
    let answer = send(&router(), get("/"), "").await;
    assert_eq!((answer.status(), &*answer.text), (200, "home"));
    assert!(answer.header("x-request-id").starts_with("req_"));
    assert_eq!(answer.header("content-security-policy"), "default-src 'self'");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("referrer-policy"), "same-origin");
}

#[tokio::test]
async fn a_handlers_own_cache_control_stays() {
    assert_eq!(send(&router(), get("/asset"), "").await.header("cache-control"), "max-age=60");
}

#[tokio::test]
async fn foreign_host_names_are_misdirected() {
    for host in ["evil.test", "console.test.evil.test", ""] {
        let answer = send(&router(), http::Request::get("/").header("host", host), "").await;
        assert_eq!((answer.status(), answer.json()["code"].as_str()), (421, Some("unknown_host")), "{host}");
        assert!(answer.header("x-request-id").starts_with("req_"));
    }
    assert_eq!(send(&router(), http::Request::get("/"), "").await.status(), 421);
}

#[tokio::test]
async fn unknown_routes_are_problems_with_the_request_id() {
    let answer = send(&router(), get("/api/v1/nothing"), "").await;
    assert_eq!(answer.status(), 404);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.json()["code"], "not_found");
    assert_eq!(answer.json()["request_id"], answer.header("x-request-id"));
}

#[tokio::test]
async fn browsers_see_problems_as_pages_outside_the_api() {
    let page = send(&router(), get("/nothing").header("accept", "text/html,*/*"), "").await;
    assert_eq!(page.status(), 404);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.text.contains(page.header("x-request-id")), "{}", page.text);

    let api = send(&router(), get("/api/nothing").header("accept", "text/html"), "").await;
    assert_eq!(api.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn wrong_methods_are_told_the_right_ones() {
    let request = post("/api/v1/thing").header("sec-fetch-site", "same-origin");
    let answer = send(&router(), request, "").await;
    assert_eq!((answer.status(), answer.header("allow")), (405, "GET,HEAD"));
    assert_eq!(answer.json()["code"], "method_not_allowed");
}

#[tokio::test]
async fn a_panic_is_an_internal_problem_without_details() {
    let answer = send(&router(), get("/broken"), "").await;
    assert_eq!((answer.status(), answer.json()["code"].as_str()), (500, Some("internal")));
    assert!(!answer.text.contains("invariant"), "{}", answer.text);
}
