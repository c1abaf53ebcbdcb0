//! Stopped uploads: what people and programs learn of them, and how they go.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use gabion_core::Actor;
use gabion_edge::Module;
use http::Method;
use serde_json::json;

use crate::harness::Harness;

const PATH: &str = "/api/v1/uploads";
const NOBODYS: &str = "upl_01kb00000000000000000000000";

#[tokio::test]
async fn an_empty_quarantine_says_what_would_be_in_it_and_in_which_mode_uploads_are() {
    let harness = Harness::new().await;
    let page = harness.page("owner", "/uploads").await;
    for text in
        ["No file was stopped", "Uploads are on certain", "256\u{202f}MB", "each for 30 days", "aria-current"]
    {
        page.shows(text);
    }
    harness.set_upload_mode("detect");
    harness.page("owner", "/uploads").await.shows("Uploads are on detect");
    harness.set_upload_mode("off");
    harness.page("owner", "/uploads").await.shows("Uploads are off");
    harness.set_upload_mode("block");
    harness.page("owner", "/uploads").await.shows("Uploads are on block");
    *harness.uploads.bytes_max.lock().unwrap() = 0;
    harness.page("owner", "/uploads").await.shows("none is kept, because quarantine_bytes_max is 0");
    harness.edge.set_bypass(BTreeSet::from([Module::Uploads]));
    harness.page("owner", "/uploads").await.shows("bypassed for a while");
}

#[tokio::test]
async fn a_silent_scanner_is_told() {
    let harness = Harness::new().await;
    harness.page("owner", "/uploads").await.hides("ClamAV");
    harness.edge.metrics().upload_scanner_down.store(1, Ordering::Relaxed);
    harness.page("owner", "/uploads").await.shows("ClamAV does not answer");
}

#[tokio::test]
async fn a_stopped_file_is_listed_and_told_of_in_full_without_its_content() {
    let harness = Harness::new().await;
    let id = harness.uploads.keep("a.png");
    let page = harness.page("support", "/uploads").await;
    for text in [
        &format!("<a href=\"/uploads/{id}\"><strong>a.png</strong></a>"),
        "PHP script, 12.3\u{202f}kB",
        "The file contains code that a web server would run. (PHP)",
        "and 1 more reason",
        "<code>/account/avatar</code>",
        "Tidewater Tea",
        "<code title=\"abab",
    ] {
        page.shows(text);
    }
    page.hides("Change settings");
    let page = harness.page("operator", &format!("/uploads/{id}")).await;
    for text in [
        "in quarantine",
        "<span class=\"badge\">server-code</span>",
        "The declared type does not fit.",
        "a.png",
        "<code>image/png</code>",
        "PHP script",
        "(12\u{202f}345 bytes)",
        &"ab".repeat(32),
        "192.0.2.7",
        "/events?kind=upload&#38;text=req_01kb00000000000000000000000",
        &format!("gabion upload release {id} --to FILE"),
        &format!("/uploads/delete?id={id}"),
    ] {
        page.shows(text);
    }
    assert!(!page.text.contains(" download"), "content is never handed out");
}

#[tokio::test]
async fn names_that_customers_chose_are_text_and_hidden_from_auditors() {
    let harness = Harness::new().await;
    let id = harness.uploads.keep("<script>alert(1)</script>\"'><img src=x>.png");
    let nameless = harness.uploads.keep("");
    let detail = format!("/uploads/{id}");
    let question = format!("/uploads/delete?id={id}");
    for path in ["/uploads", &detail, &question] {
        let page = harness.page("owner", path).await;
        page.hides("<script>alert");
        page.hides("<img src=x");
        page.shows("&#60;script&#62;alert(1)");
    }
    harness.page("owner", "/uploads").await.shows("<strong>without a name</strong>");
    harness.page("owner", &format!("/uploads/{nameless}")).await.shows("without a name");
    for path in ["/uploads", &detail] {
        let page = harness.page("auditor", path).await;
        page.shows("name hidden");
        page.hides("alert(1)");
        page.hides("192.0.2.7");
        page.hides("/uploads/delete");
    }
}

#[tokio::test]
async fn long_lists_come_in_pages() {
    let harness = Harness::new().await;
    for number in 0..53 {
        harness.uploads.keep(&format!("{number}.png"));
    }
    let page = harness.page("owner", "/uploads").await;
    page.shows("<strong>52.png</strong>");
    page.shows("<strong>3.png</strong>");
    page.hides("<strong>2.png</strong>");
    let older = page.text.split("href=\"/uploads?cursor=").nth(1).expect("a link to older ones");
    let older = older.split('"').next().unwrap();
    let page = harness.page("owner", &format!("/uploads?cursor={older}")).await;
    for text in ["<strong>2.png</strong>", "<strong>0.png</strong>", "href=\"/uploads\" rel=\"prev\""] {
        page.shows(text);
    }
    page.hides("rel=\"next\"");

    let first = harness.api("read", Method::GET, &format!("{PATH}?limit=50"), "").await.json();
    assert_eq!((first["items"].as_array().unwrap().len(), &first["next_cursor"]), (50, &json!(older)));
    let rest = harness.api("read", Method::GET, &format!("{PATH}?limit=50&cursor={older}"), "").await.json();
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next_cursor"]), (3, &json!(null)));
    for wrong in ["cursor=AAAA", "cursor=!", "limit=0"] {
        assert_eq!(harness.page("owner", &format!("/uploads?{wrong}")).await.status(), 400, "{wrong}");
        let problem = harness.api("read", Method::GET, &format!("{PATH}?{wrong}"), "").await;
        assert_eq!((problem.status(), &problem.json()["code"]), (400, &json!("invalid_request")), "{wrong}");
    }
}

#[tokio::test]
async fn an_operator_is_asked_and_the_file_is_gone() {
    let harness = Harness::new().await;
    let id = harness.uploads.keep("a.png");
    let form = format!("id={id}");
    let question = harness.page("operator", &format!("/uploads/delete?{form}")).await;
    question.shows("a.png, PHP script, 12.3\u{202f}kB, sent to /account/avatar on Tidewater Tea.");
    question.shows("cannot be brought back");
    *harness.uploads.dead.lock().unwrap() = true;
    assert_eq!(harness.post("operator", "/uploads/delete", &form).await.status(), 503);
    *harness.uploads.dead.lock().unwrap() = false;
    harness.page("operator", "/uploads").await.shows("a.png");
    let done = harness.post("operator", "/uploads/delete", &form).await;
    assert_eq!((done.status(), done.header("location")), (303, "/uploads"));
    harness.page("operator", "/uploads").await.shows("No file was stopped");
    let again = harness.post("operator", "/uploads/delete", &form).await;
    assert_eq!(again.status(), 303, "it is gone, as was wanted");
    let deleted = harness.uploads.deleted.lock().unwrap().clone();
    assert!(matches!(deleted[..], [(Actor::Staff(_), gone)] if gone == id), "{deleted:?}");
    for path in
        [&format!("/uploads/{id}"), &format!("/uploads/delete?{form}"), "/uploads/7", "/uploads/delete"]
    {
        assert_eq!(harness.page("operator", path).await.status(), 404, "{path}");
    }
    assert_eq!(harness.post("operator", "/uploads/delete", "id=7").await.status(), 404);
}

#[tokio::test]
async fn programs_read_and_delete_too() {
    let harness = Harness::new().await;
    let id = harness.uploads.keep("a.png");
    let path = format!("{PATH}/{id}");
    let shown = harness.api("read events:read", Method::GET, &path, "").await.json();
    let expected = json!({
        "id": id.to_string(), "at": shown["at"], "site": "tidewater-tea", "route": "/",
        "path": "/account/avatar", "request": "req_01kb00000000000000000000000", "client": "192.0.2.7",
        "name": "a.png", "declared_type": "image/png", "kind": "PHP script", "bytes": 12_345,
        "sha256": "ab".repeat(32),
        "reasons": [
            {
                "code": "server-code",
                "what": "The file contains code that a web server would run. (PHP)",
            },
            {"code": "type-disagrees", "what": "The declared type does not fit."},
        ],
    });
    assert_eq!(shown, expected);
    assert!(shown["at"].as_str().unwrap().ends_with('Z'));
    let listed = harness.api("read events:read", Method::GET, PATH, "").await.json();
    assert_eq!(listed, json!({"items": [expected], "next_cursor": null}));
    let masked = harness.api("read", Method::GET, &path, "").await.json();
    assert_eq!((&masked["name"], &masked["client"]), (&json!(null), &json!(null)));

    let delete = async |scope: &str, path: &str| harness.api(scope, Method::DELETE, path, "").await.status();
    assert_eq!(delete("read events:read", &path).await, 403);
    *harness.uploads.dead.lock().unwrap() = true;
    assert_eq!(delete("edge:write", &path).await, 503);
    *harness.uploads.dead.lock().unwrap() = false;
    assert_eq!(delete("edge:write", &path).await, 204);
    assert_eq!(delete("edge:write", &path).await, 404);
    let deleted = harness.uploads.deleted.lock().unwrap().clone();
    assert!(matches!(deleted[..], [(Actor::ApiKey(_), gone)] if gone == id), "{deleted:?}");
    for wrong in [&path, &format!("{PATH}/{NOBODYS}"), &format!("{PATH}/evt_7")] {
        let answer = harness.api("read", Method::GET, wrong, "").await;
        assert_eq!((answer.status(), &answer.json()["code"]), (404, &json!("not_found")), "{wrong}");
    }
}
