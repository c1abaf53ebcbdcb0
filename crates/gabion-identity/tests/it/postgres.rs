//! The whole life of accounts, sessions, links and keys on PostgreSQL, so that every statement ran there.

use std::time::Duration;

use gabion_store::StorageConfig;
use gabion_test::postgres::Database;
use gabion_web::Role;
use http::{Method, StatusCode};

use crate::customer;
use crate::harness::{OTHER_PASSWORD, PASSWORD, World};
use crate::shop::{self, EMAIL, Shop};

#[tokio::test]
async fn every_statement_works_on_postgresql() {
    let Some(database) = Database::create() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut config = StorageConfig::new(database.url());
    config.files = Some(folder.path().to_owned());

    let world = World::on(config).await;
    live(&world).await;
    world.identity.settle().await;
    let World { db, identity, .. } = world;
    drop(identity);
    db.close().await;
}

async fn live(world: &World) {
    assert!(world.identity.needs_setup().await.unwrap());
    let mut owner = world.owner().await;
    let mut member = world.member("bo@tidewater.example", Role::Operator).await;
    let id = member.id().await;

    let invited = owner.act("/staff", "/staff/invite", &[("role", "support")]).await;
    assert_eq!(invited.status, StatusCode::OK);
    let links = owner.api(Method::GET, "/api/v1/staff/links", "").await.json();
    let link = format!("/api/v1/staff/links/{}", links["items"][0]["id"].as_str().unwrap());
    assert_eq!(owner.api(Method::DELETE, &link, "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(owner.act("/staff", &format!("/staff/{id}/reset"), &[]).await.status, StatusCode::OK);

    let path = format!("/api/v1/staff/{id}");
    for body in [r#"{"role":"support"}"#, r#"{"disabled":true}"#, r#"{"disabled":false}"#] {
        assert_eq!(owner.api(Method::PATCH, &path, body).await.status, StatusCode::OK, "{body}");
    }
    let wrong = member.sign_in("bo@tidewater.example", OTHER_PASSWORD).await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    assert_eq!(member.sign_in("bo@tidewater.example", PASSWORD).await.status, StatusCode::SEE_OTHER);
    let form = [("current", PASSWORD), ("password", OTHER_PASSWORD)];
    let changed = member.act("/account", "/account/password", &form).await;
    assert_eq!(changed.status, StatusCode::SEE_OTHER);
    member.act("/account", "/account/sessions/end-others", &[]).await;
    assert_eq!(member.act("/account", "/sign-out", &[]).await.status, StatusCode::SEE_OTHER);

    let wish = r#"{"name":"sync","scopes":["read"]}"#;
    let made = owner.api(Method::POST, "/api/v1/api-keys", wish).await;
    assert_eq!(owner.api(Method::POST, "/api/v1/api-keys", wish).await.text, made.text);
    let key = made.json();
    assert_eq!(world.program(key["key"].as_str().unwrap(), "/api/v1/session").await.status, StatusCode::OK);
    let path = format!("/api/v1/api-keys/{}", key["id"].as_str().unwrap());
    assert_eq!(owner.api(Method::DELETE, &path, "").await.status, StatusCode::NO_CONTENT);

    world.pass(Duration::from_secs(13 * 60 * 60));
    assert_eq!(world.identity.sweep().await.unwrap(), 1, "the owner's session");
    world.pass(Duration::from_secs(12 * 60 * 60));
    assert_eq!(world.identity.sweep().await.unwrap(), 0, "links of a disabled account went with it");
}

#[tokio::test]
async fn every_statement_of_customers_works_on_postgresql() {
    let Some(database) = Database::create() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut config = StorageConfig::new(database.url());
    config.files = Some(folder.path().to_owned());
    let shop = Shop::on(config).await;

    let mut browser = shop.customer().await;
    assert!(browser.get("/.gabion/account").await.text.contains(EMAIL));
    let mut other = shop.browser();
    assert_eq!(other.sign_in(EMAIL, customer::NEW).await.status, StatusCode::FORBIDDEN);
    other.sign_in(EMAIL, shop::PASSWORD).await;
    other.sign_in(EMAIL, shop::PASSWORD).await;
    let form = [("current", shop::PASSWORD), ("password", customer::NEW)];
    assert_eq!(browser.post("/.gabion/account/password", &form).await.status, StatusCode::SEE_OTHER);
    assert!(!other.is_in().await);
    other.sign_in(EMAIL, customer::NEW).await;
    assert_eq!(browser.post("/.gabion/account/sessions/end-others", &[]).await.status, StatusCode::SEE_OTHER);

    customer::add_app(&shop, &mut browser).await;
    assert_eq!(browser.post("/.gabion/account/codes", &[]).await.status, StatusCode::OK);
    assert_eq!(browser.post("/.gabion/account/totp/remove", &[]).await.status, StatusCode::SEE_OTHER);
    shop.clock.advance(Duration::from_secs(600));
    browser.get("/.gabion/account").await;
    shop.customers.tend().await.unwrap();

    let mut back = shop.browser();
    back.post("/.gabion/recover", &[("email", EMAIL)]).await;
    let code = shop.code().await;
    assert_eq!(
        back.post("/.gabion/begin/code", &[("code", "1234 5678")]).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    back.post("/.gabion/begin/code", &[("code", &code)]).await;
    let form = [("password", shop::PASSWORD)];
    assert_eq!(back.post("/.gabion/begin", &form).await.status, StatusCode::SEE_OTHER);
    assert_eq!(back.post("/.gabion/sign-out", &[]).await.status, StatusCode::SEE_OTHER);
    shop.db.clone().close().await;
}
