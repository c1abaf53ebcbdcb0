use std::time::Duration;

use gabion_web::{Role, Scope};
use http::{Method, StatusCode};
use serde_json::json;

use crate::harness::World;

#[tokio::test]
async fn a_key_is_shown_once_and_made_once() {
    let world = World::new().await;
    let mut owner = world.owner().await;
    let body = r#"{"name":"Order export","scopes":["read","staff:read"]}"#;
    let made = owner.api_once(Method::POST, "/api/v1/api-keys", body, "k1").await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let key = made.json()["key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("gbk_") && key.len() == 36);

    let again = owner.api_once(Method::POST, "/api/v1/api-keys", body, "k1").await;
    assert_eq!((again.status, again.text), (StatusCode::CREATED, made.text), "byte for byte");
    let other = r#"{"name":"Other","scopes":["read"]}"#;
    let reused = owner.api_once(Method::POST, "/api/v1/api-keys", other, "k1").await;
    assert_eq!((reused.status.as_u16(), reused.code().as_str()), (422, "idempotency_key_reused"));

    let listing = owner.api(Method::GET, "/api/v1/api-keys", "").await;
    assert_eq!(listing.json()["items"].as_array().unwrap().len(), 1);
    assert!(!listing.text.contains(&key));
    assert_eq!(listing.json()["items"][0]["scopes"], json!(["read", "staff:read"]));
}

#[tokio::test]
async fn a_key_opens_what_its_scopes_say_and_never_staff_changes() {
    let world = World::new().await;
    let mut owner = world.owner().await;
    let mut keys = Vec::new();
    for scope in Scope::ALL {
        let body = json!({ "name": scope.as_str(), "scopes": [scope] }).to_string();
        let made = owner.api_once(Method::POST, "/api/v1/api-keys", &body, scope.as_str()).await;
        keys.push((scope, made.json()["key"].as_str().unwrap().to_owned()));
    }
    for (scope, key) in &keys {
        for (path, allowed) in [
            ("/api/v1/session", *scope == Scope::Read),
            ("/api/v1/staff", *scope == Scope::StaffRead),
            ("/api/v1/api-keys", false),
            ("/api/v1/staff/links", false),
            ("/account", false),
        ] {
            let status = world.program(key, path).await.status;
            let expected = if allowed { StatusCode::OK } else { StatusCode::FORBIDDEN };
            assert_eq!(status, expected, "{path} with {scope}");
        }
    }
}

#[tokio::test]
async fn unknown_revoked_and_expired_keys_are_refused() {
    let world = World::new().await;
    let mut owner = world.owner().await;
    let end = "2023-11-15T00:00:00Z";
    let body = json!({ "name": "short", "scopes": ["read"], "expires_at": end }).to_string();
    let expiring = owner.api_once(Method::POST, "/api/v1/api-keys", &body, "a").await.json();
    let body = r#"{"name":"long","scopes":["read"]}"#;
    let revoked = owner.api_once(Method::POST, "/api/v1/api-keys", body, "b").await.json();
    let key = |made: &serde_json::Value| made["key"].as_str().unwrap().to_owned();
    for made in [&expiring, &revoked] {
        assert_eq!(world.program(&key(made), "/api/v1/session").await.status, StatusCode::OK);
    }
    let path = format!("/api/v1/api-keys/{}", revoked["id"].as_str().unwrap());
    assert_eq!(owner.api(Method::DELETE, &path, "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(owner.api(Method::DELETE, &path, "").await.status, StatusCode::NOT_FOUND);
    world.clock.set(end.parse().unwrap());
    for refused in [key(&expiring), key(&revoked), "gbk_x".into(), format!("gbk_{}", "a".repeat(32))] {
        let answer = world.program(&refused, "/api/v1/session").await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNAUTHORIZED, "invalid_api_key"));
    }
}

#[tokio::test]
async fn the_last_use_is_written_at_most_once_a_minute() {
    let world = World::new().await;
    let mut owner = world.owner().await;
    let made = owner.api(Method::POST, "/api/v1/api-keys", r#"{"name":"x","scopes":["read"]}"#).await.json();
    let key = made["key"].as_str().unwrap();
    let mut last_use = async || {
        world.identity.settle().await;
        let listing = owner.api(Method::GET, "/api/v1/api-keys", "").await.json();
        listing["items"][0]["last_used_at"].as_str().map(str::to_owned)
    };
    assert_eq!(last_use().await, None);
    world.program(key, "/api/v1/session").await;
    assert_eq!(last_use().await.as_deref(), Some("2023-11-14T22:13:20Z"));
    world.pass(Duration::from_secs(59));
    world.program(key, "/api/v1/session").await;
    assert_eq!(last_use().await.as_deref(), Some("2023-11-14T22:13:20Z"));
    world.pass(Duration::from_secs(1));
    world.program(key, "/api/v1/session").await;
    assert_eq!(last_use().await.as_deref(), Some("2023-11-14T22:14:20Z"));
}

#[tokio::test]
async fn wishes_that_cannot_be_granted_are_refused_with_the_place() {
    let world = World::new().await;
    let mut owner = world.owner().await;
    for (body, place) in [
        (json!({ "name": "", "scopes": ["read"] }), "/name"),
        (json!({ "name": "x", "scopes": [] }), "/scopes"),
        (json!({ "name": "x", "scopes": ["root"] }), "/scopes/0"),
        (json!({ "name": "x", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z" }), "/expires_at"),
        (json!({ "name": "x", "scopes": ["read"], "expires": "2030-01-01T00:00:00Z" }), "/expires"),
    ] {
        let answer = owner.api(Method::POST, "/api/v1/api-keys", &body.to_string()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer.json()["errors"][0]["pointer"], place, "{}", answer.text);
    }
    assert_eq!(owner.api(Method::GET, "/api/v1/api-keys", "").await.json()["items"], json!([]));
}

#[tokio::test]
async fn owners_make_and_revoke_keys_on_the_page() {
    let world = World::new().await;
    let mut owner = world.owner().await;
    let nothing = owner.act("/api-keys", "/api-keys", &[("name", "Shop sync"), ("days", "30")]).await;
    assert_eq!(nothing.status, StatusCode::BAD_REQUEST);
    assert!(
        nothing.text.contains("choose at least one scope") && nothing.text.contains("value=\"Shop sync\"")
    );

    let form = [("name", "Shop sync"), ("days", "30"), ("read", "on"), ("edge:write", "on")];
    let shown = owner.act("/api-keys", "/api-keys", &form).await;
    let (_, rest) = shown.text.split_once(">gbk_").expect("the key");
    let key = format!("gbk_{}", &rest[..32]);
    assert_eq!(world.program(&key, "/api/v1/session").await.status, StatusCode::OK);
    world.pass(Duration::from_secs(20 * 60));
    let page = owner.get("/api-keys").await;
    assert!(page.text.contains("Shop sync") && page.text.contains("live") && !page.text.contains(&key));

    let (_, rest) = page.text.split_once("/api-keys/key_").expect("a key in the list");
    let id = rest.split('/').next().unwrap();
    owner.act("/api-keys", &format!("/api-keys/key_{id}/revoke"), &[]).await;
    assert_eq!(world.program(&key, "/api/v1/session").await.status, StatusCode::UNAUTHORIZED);
    assert!(owner.get("/api-keys").await.text.contains("revoked"));
}

#[tokio::test]
async fn lists_come_in_pages() {
    let world = World::new().await;
    let mut owner = world.owner().await;
    for n in 0..4 {
        world.pass(Duration::from_secs(1));
        world.member(&format!("m{n}@tidewater.example"), Role::Support).await;
    }
    let mut seen = Vec::new();
    let mut path = "/api/v1/staff?limit=2".to_owned();
    loop {
        let page = owner.api(Method::GET, &path, "").await.json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|staff| staff["email"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/v1/staff?limit=2&cursor={cursor}");
    }
    let emails = ["owner", "m0", "m1", "m2", "m3"].map(|name| json!(format!("{name}@tidewater.example")));
    assert_eq!(seen, emails);
    let wrong = owner.api(Method::GET, "/api/v1/staff?limit=500", "").await;
    assert_eq!(wrong.json()["errors"][0]["parameter"], "limit");
}

#[tokio::test]
async fn links_are_made_by_api_and_sessions_ended_by_it() {
    let world = World::new().await;
    let mut owner = world.owner().await;
    let made = owner.api(Method::POST, "/api/v1/staff/links", r#"{"join":"support"}"#).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let path = made.json()["path"].as_str().unwrap().to_owned();
    assert_eq!(world.browser().get(&path).await.status, StatusCode::OK);
    let listing = owner.api(Method::GET, "/api/v1/staff/links", "").await;
    assert_eq!(listing.json()["items"][0]["join"], "support");
    assert!(!listing.text.contains(&path));

    let ended = owner.api(Method::DELETE, "/api/v1/session", "").await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
    assert_eq!(owner.cookie, None);
}
