use gabion_web::{Role, StaffId};
use http::{Method, StatusCode};

use crate::harness::World;

const EVERYBODY: [Role; 4] = Role::ALL;
const OWNER: [Role; 1] = [Role::Owner];
const STAFF_READERS: [Role; 2] = [Role::Owner, Role::Auditor];

/// Every route that needs somebody: method, path, who may.
fn routes() -> Vec<(Method, String, &'static [Role])> {
    let id = StaffId::from_bits(1);
    let (key, link) = ("key_00000000000000000000000001", "lnk_00000000000000000000000001");
    let session = "ses_00000000000000000000000001";
    let get = |path: &str, roles: &'static [Role]| (Method::GET, path.to_owned(), roles);
    let post = |path: String, roles: &'static [Role]| (Method::POST, path, roles);
    vec![
        get("/account", &EVERYBODY),
        post("/account/password".into(), &EVERYBODY),
        post("/account/sessions/end-others".into(), &EVERYBODY),
        post(format!("/account/sessions/{session}/end"), &EVERYBODY),
        get("/staff", &OWNER),
        post("/staff/invite".into(), &OWNER),
        post(format!("/staff/links/{link}/revoke"), &OWNER),
        post(format!("/staff/{id}/role"), &OWNER),
        post(format!("/staff/{id}/disable"), &OWNER),
        post(format!("/staff/{id}/enable"), &OWNER),
        post(format!("/staff/{id}/reset"), &OWNER),
        get("/api-keys", &OWNER),
        post("/api-keys".into(), &OWNER),
        post(format!("/api-keys/{key}/revoke"), &OWNER),
        get("/api/v1/session", &EVERYBODY),
        get("/api/v1/staff", &STAFF_READERS),
        (Method::GET, format!("/api/v1/staff/{id}"), &STAFF_READERS),
        (Method::PATCH, format!("/api/v1/staff/{id}"), &OWNER),
        get("/api/v1/staff/links", &OWNER),
        post("/api/v1/staff/links".into(), &OWNER),
        (Method::DELETE, format!("/api/v1/staff/links/{link}"), &OWNER),
        get("/api/v1/api-keys", &OWNER),
        post("/api/v1/api-keys".into(), &OWNER),
        (Method::DELETE, format!("/api/v1/api-keys/{key}"), &OWNER),
        post("/sign-out".into(), &EVERYBODY),
        (Method::DELETE, "/api/v1/session".into(), &EVERYBODY),
    ]
}

/// Whether the role was let in: bodies are empty, so allowed changes are refused for another reason.
fn was_let_in(status: StatusCode, text: &str) -> bool {
    let refused_role = status == StatusCode::FORBIDDEN && text.contains("may not do this");
    !refused_role && status != StatusCode::UNAUTHORIZED
}

#[tokio::test]
async fn every_route_lets_in_exactly_the_roles_it_names() {
    let world = World::new().await;
    for role in Role::ALL {
        let mut browser = world.member(&format!("{role}@tidewater.example"), role).await;
        let cookie = browser.cookie.clone();
        for (method, path, roles) in routes() {
            browser.cookie.clone_from(&cookie);
            let answer = browser.request(method.clone(), &path, &[], String::new()).await;
            let let_in = was_let_in(answer.status, &answer.text);
            assert_eq!(let_in, roles.contains(&role), "{method} {path} as {role}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn no_route_lets_a_stranger_in() {
    let world = World::new().await;
    for (method, path, _) in routes() {
        let answer = world.browser().request(method.clone(), &path, &[], String::new()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}: {}", answer.text);
    }
}

#[tokio::test]
async fn the_last_owner_cannot_be_disabled_or_demoted() {
    let world = World::new().await;
    let mut owner = world.owner().await;
    let id = owner.id().await;
    let page = owner.act("/staff", &format!("/staff/{id}/disable"), &[]).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    assert!(page.text.contains("the last owner keeps the role"), "{}", page.text);
    for body in [r#"{"role":"support"}"#, r#"{"disabled":true}"#] {
        let answer = owner.api(Method::PATCH, &format!("/api/v1/staff/{id}"), body).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::CONFLICT, "last_owner"));
    }
    world.member("second@tidewater.example", Role::Owner).await;
    let answer = owner.api(Method::PATCH, &format!("/api/v1/staff/{id}"), r#"{"role":"support"}"#).await;
    assert_eq!((answer.status, answer.json()["role"].as_str()), (StatusCode::OK, Some("support")));
}

#[tokio::test]
async fn another_role_or_a_disabled_account_ends_its_sessions_at_once() {
    let world = World::new().await;
    let mut owner = world.owner().await;
    let mut member = world.member("bo@tidewater.example", Role::Operator).await;
    let id = member.id().await;
    let path = format!("/staff/{id}/role");
    assert_eq!(owner.act("/staff", &path, &[("role", "support")]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(member.get("/account").await.status, StatusCode::SEE_OTHER);

    member.sign_in("bo@tidewater.example", crate::harness::PASSWORD).await;
    assert_eq!(member.get("/account").await.status, StatusCode::OK);
    owner.act("/staff", &format!("/staff/{id}/disable"), &[]).await;
    assert_eq!(member.get("/account").await.status, StatusCode::SEE_OTHER);
    owner.act("/staff", &format!("/staff/{id}/enable"), &[]).await;
    let back = member.sign_in("bo@tidewater.example", crate::harness::PASSWORD).await;
    assert_eq!(back.status, StatusCode::SEE_OTHER);
    let kinds = world.event_kinds().await;
    for kind in ["staff.role_changed", "staff.disabled", "staff.enabled"] {
        assert_eq!(kinds.iter().filter(|told| *told == kind).count(), 1, "{kind}");
    }
}

#[tokio::test]
async fn auditors_see_accounts_without_names() {
    let world = World::new().await;
    world.owner().await;
    let mut auditor = world.member("aud@tidewater.example", Role::Auditor).await;
    let listing = auditor.api(Method::GET, "/api/v1/staff", "").await;
    assert_eq!(listing.json()["items"][0]["email"], "[hidden]");
    assert!(!listing.text.contains("tidewater"), "{}", listing.text);
}
