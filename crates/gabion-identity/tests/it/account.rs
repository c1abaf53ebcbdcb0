use gabion_web::Role;
use http::StatusCode;

use crate::harness::{OTHER_PASSWORD, PASSWORD, World};

const EMAIL: &str = "owner@tidewater.example";

#[tokio::test]
async fn changing_the_password_ends_all_other_sessions_and_renews_the_own_one() {
    let world = World::new().await;
    let mut here = world.owner().await;
    let mut there = world.browser();
    there.sign_in(EMAIL, PASSWORD).await;
    let old = here.cookie.clone();
    let form = [("current", PASSWORD), ("password", OTHER_PASSWORD)];
    let done = here.act("/account", "/account/password", &form).await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, "/account?done=password"));
    assert!(here.get("/account?done=password").await.text.contains("Your password is changed"));
    assert_ne!(here.cookie, old);
    assert_eq!(there.get("/account").await.status, StatusCode::SEE_OTHER);
    assert_eq!(world.browser().sign_in(EMAIL, PASSWORD).await.status, StatusCode::FORBIDDEN);
    assert_eq!(world.browser().sign_in(EMAIL, OTHER_PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_password_change_needs_the_current_one_and_an_acceptable_new_one() {
    let world = World::new().await;
    let mut owner = world.owner().await;
    let wrong = [("current", OTHER_PASSWORD), ("password", OTHER_PASSWORD)];
    let answer = owner.act("/account", "/account/password", &wrong).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.text.contains("the current password is wrong"), "{}", answer.text);
    let weak = [("current", PASSWORD), ("password", "short")];
    let answer = owner.act("/account", "/account/password", &weak).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(world.browser().sign_in(EMAIL, PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn guessing_the_current_password_is_slowed_down_too() {
    let world = World::new().await;
    let mut owner = world.owner().await;
    let wrong = [("current", OTHER_PASSWORD), ("password", OTHER_PASSWORD)];
    for _ in 0..5 {
        assert_eq!(owner.act("/account", "/account/password", &wrong).await.status, StatusCode::FORBIDDEN);
    }
    let answer = owner.act("/account", "/account/password", &wrong).await;
    assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "1"));
}

#[tokio::test]
async fn people_see_and_end_their_own_sessions_only() {
    let world = World::new().await;
    let mut owner = world.owner().await;
    let mut other = world.member("bo@tidewater.example", Role::Operator).await;
    let mut second = world.browser();
    second.sign_in(EMAIL, PASSWORD).await;
    let page = owner.get("/account").await;
    assert_eq!(page.text.matches("Testfox/1.0").count(), 2);
    assert!(page.text.contains("this one"));

    let theirs = session_of(&other.get("/account").await.text);
    let refused = owner.act("/account", &format!("/account/sessions/{theirs}/end"), &[]).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    assert_eq!(other.get("/account").await.status, StatusCode::OK);

    let ended = owner.act("/account", "/account/sessions/end-others", &[]).await;
    assert_eq!(ended.status, StatusCode::SEE_OTHER);
    assert_eq!(second.get("/account").await.status, StatusCode::SEE_OTHER);
    assert_eq!(owner.get("/account").await.status, StatusCode::OK);

    let own = session_of(&owner.get("/account").await.text);
    owner.act("/account", &format!("/account/sessions/{own}/end"), &[]).await;
    assert_eq!(owner.cookie, None);
}

fn session_of(page: &str) -> String {
    let (_, rest) = page.split_once("/account/sessions/ses_").expect("a session in the list");
    format!("ses_{}", rest.split('/').next().unwrap())
}

#[tokio::test]
async fn forms_without_the_sessions_own_token_are_refused() {
    let world = World::new().await;
    let mut owner = world.owner().await;
    let foreign = world.member("bo@tidewater.example", Role::Operator).await.token("/account").await;
    for form in [vec![], vec![("csrf", "")], vec![("csrf", foreign.as_str())]] {
        for path in ["/sign-out", "/account/sessions/end-others", "/staff/invite", "/api-keys"] {
            let answer = owner.submit(path, &form).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
            assert!(answer.text.contains("this form is too old"), "{path}: {}", answer.text);
        }
    }
    assert_eq!(owner.get("/account").await.status, StatusCode::OK);
}
