use axum::Router;
use axum::routing::{get as on_get, post as on_post};
use gabion_web::{
    By, CappedForm, ClientAddr, ConfigWrite, CsrfForm, EdgeWrite, Operator, Owner, PathId, Permission, Read,
    ReadEvents, ReadStaff, Role, Scope, SessionId, StaffId, Viewer,
};
use serde::Deserialize;

use crate::harness::{csrf, get, plane, post, send, session};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}

async fn allowed<P: Permission>(by: By<P>) -> String {
    by.principal.actor().to_string()
}

fn router() -> Router {
    let router = Router::new()
        .route("/viewer", on_get(async |Viewer(staff): Viewer| staff.name))
        .route("/operator", on_get(async |_: Operator| ""))
        .route("/owner", on_get(async |_: Owner| ""))
        .route("/api/read", on_get(allowed::<Read>))
        .route("/api/events", on_get(allowed::<ReadEvents>))
        .route("/api/staff", on_get(allowed::<ReadStaff>))
        .route("/api/config", on_get(allowed::<ConfigWrite>))
        .route("/api/edge", on_get(allowed::<EdgeWrite>))
        .route("/api/staff/{id}", on_get(async |_: Owner, PathId(id): PathId<StaffId>| id.to_string()))
        .route("/api/addr", on_get(async |_: ClientAddr| ""))
        .route("/form", on_post(async |CsrfForm(form): CsrfForm<Named>| form.name))
        .route("/open-form", on_post(async |CappedForm(form): CappedForm<Named>| form.name));
    plane(router, csrf())
}

#[tokio::test]
async fn each_role_reaches_what_its_signature_says() {
    let router = router();
    for (path, roles) in [
        ("/viewer", [true, true, true, true]),
        ("/operator", [true, true, false, false]),
        ("/owner", [true, false, false, false]),
        ("/api/read", [true, true, true, true]),
        ("/api/events", [true, true, true, true]),
        ("/api/staff", [true, false, false, true]),
        ("/api/config", [true, true, false, false]),
        ("/api/edge", [true, true, false, false]),
    ] {
        for (role, allowed) in Role::ALL.into_iter().zip(roles) {
            let answer = send(&router, get(path).header("x-role", role.as_str()), "").await;
            assert_eq!(answer.status(), if allowed { 200 } else { 403 }, "{path} as {role}");
        }
    }
}

#[tokio::test]
async fn each_scope_opens_one_door() {
    let router = router();
    let doors = [
        ("/api/read", Scope::Read),
        ("/api/events", Scope::EventsRead),
        ("/api/staff", Scope::StaffRead),
        ("/api/config", Scope::ConfigWrite),
        ("/api/edge", Scope::EdgeWrite),
    ];
    for (path, needed) in doors {
        for scope in Scope::ALL {
            let answer = send(&router, get(path).header("authorization", scope.as_str()), "").await;
            assert_eq!(answer.status(), if scope == needed { 200 } else { 403 }, "{path} with {scope}");
            if scope != needed {
                assert!(answer.json()["detail"].as_str().unwrap().contains(needed.as_str()));
            }
        }
        let nobody = send(&router, get(path), "").await;
        assert_eq!(nobody.status(), 401, "{path}");
        assert!(nobody.header("www-authenticate").starts_with("Bearer"));
    }
}

#[tokio::test]
async fn a_key_is_not_a_person() {
    let answer = send(&router(), get("/owner").header("authorization", "read"), "").await;
    assert_eq!((answer.status(), answer.json()["code"].as_str()), (403, Some("forbidden")));
}

#[tokio::test]
async fn a_bad_key_is_refused_even_where_nothing_is_needed() {
    let answer = send(&router(), get("/api/addr").header("authorization", "revoked"), "").await;
    assert_eq!((answer.status(), answer.json()["code"].as_str()), (401, Some("unauthenticated")));
}

#[tokio::test]
async fn pages_send_strangers_to_sign_in_and_back() {
    let request = get("/viewer?tab=a&x=1").header("accept", "text/html");
    let answer = send(&router(), request, "").await;
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.header("location"), "/sign-in?next=%2Fviewer%3Ftab%3Da%26x%3D1");
}

fn form(path: &str) -> http::request::Builder {
    post(path).header("content-type", "application/x-www-form-urlencoded").header("x-role", "owner")
}

#[tokio::test]
async fn forms_need_the_sessions_own_token() {
    let (router, csrf) = (router(), csrf());
    let own = || form("/form").header("sec-fetch-site", "same-origin");
    let good = format!("name=Ann&csrf={}", csrf.token(session()));
    assert_eq!(send(&router, own(), good.clone()).await.text, "Ann");

    let other = format!("name=Ann&csrf={}", csrf.token(SessionId::from_bits(2)));
    for bad in ["name=Ann".to_owned(), "name=Ann&csrf=".to_owned(), format!("{good}&csrf=x"), other] {
        let answer = send(&router, own(), bad).await;
        assert_eq!((answer.status(), answer.json()["code"].as_str()), (403, Some("stale_form")));
    }
}

#[tokio::test]
async fn changes_from_foreign_pages_are_refused_before_the_handler() {
    let (router, csrf) = (router(), csrf());
    let good = format!("name=Ann&csrf={}", csrf.token(session()));
    for (path, body) in [("/form", good), ("/open-form", "name=Ann".to_owned())] {
        let foreign = form(path).header("sec-fetch-site", "cross-site");
        let answer = send(&router, foreign, body.clone()).await;
        assert_eq!((answer.status(), answer.json()["code"].as_str()), (403, Some("foreign_origin")));
        assert_eq!(send(&router, form(path), body.clone()).await.status(), 403, "no word of its origin");
        let origin = form(path).header("origin", "https://console.test:9443");
        assert_eq!(send(&router, origin, body).await.status(), 200);
    }
}

#[tokio::test]
async fn ids_that_cannot_exist_are_not_found() {
    let router = router();
    let id = StaffId::from_bits(5);
    let known = send(&router, get(&format!("/api/staff/{id}")).header("x-role", "owner"), "").await;
    assert_eq!((known.status(), known.text), (200, id.to_string()));
    for bad in ["1", "ses_00000000000000000000000005", "%ff"] {
        let answer = send(&router, get(&format!("/api/staff/{bad}")).header("x-role", "owner"), "").await;
        assert!(matches!(answer.status(), 400 | 404), "{bad}: {}", answer.status());
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
}

#[tokio::test]
async fn a_listener_that_forgot_the_client_address_is_a_bug() {
    assert_eq!(send(&router(), get("/api/addr"), "").await.status(), 500);
}
