use std::time::Duration;

use gabion_core::Actor;
use gabion_web::Role;
use http::StatusCode;

use crate::harness::{OTHER_PASSWORD, PASSWORD, World};

fn joining<'a>(email: &'a str, password: &'a str) -> [(&'static str, &'a str); 3] {
    [("email", email), ("name", "Ann Lee"), ("password", password)]
}

#[tokio::test]
async fn the_first_owner_comes_in_by_a_link_that_works_once() {
    let world = World::new().await;
    assert!(world.identity.needs_setup().await.unwrap());
    let link = world.identity.issue_setup_link(Actor::Shell).await.unwrap();
    let mut browser = world.browser();
    let page = browser.get(link.path.expose()).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("Set up your account") && page.text.contains("owner"), "{}", page.text);

    let done = browser.submit(link.path.expose(), &joining("ann@tidewater.example", PASSWORD)).await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, "/"));
    assert!(done.header("set-cookie").ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"));
    assert_eq!(browser.get("/staff").await.status, StatusCode::OK);
    assert!(!world.identity.needs_setup().await.unwrap());

    let again = world.browser().submit(link.path.expose(), &joining("eve@tidewater.example", PASSWORD)).await;
    assert_eq!(again.status, StatusCode::GONE);
    assert_eq!(world.browser().get(link.path.expose()).await.status, StatusCode::GONE);
    assert_eq!(world.event_kinds().await, ["staff.link_issued", "staff.joined"]);
}

#[tokio::test]
async fn a_link_ends_after_a_day_and_an_unknown_one_never_worked() {
    let world = World::new().await;
    let link = world.identity.issue_setup_link(Actor::Shell).await.unwrap();
    world.pass(Duration::from_secs(24 * 60 * 60 - 1));
    assert_eq!(world.browser().get(link.path.expose()).await.status, StatusCode::OK);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.browser().get(link.path.expose()).await.status, StatusCode::GONE);
    let late = world.browser().submit(link.path.expose(), &joining("a@tidewater.example", PASSWORD)).await;
    assert_eq!(late.status, StatusCode::GONE);
    for unknown in ["/setup/x".to_owned(), format!("/setup/{}", "A".repeat(43))] {
        assert_eq!(world.browser().get(&unknown).await.status, StatusCode::GONE);
    }
}

#[tokio::test]
async fn refused_entries_are_explained_and_leave_the_link_usable() {
    let world = World::new().await;
    world.member("taken@tidewater.example", Role::Support).await;
    let link = world.identity.issue_setup_link(Actor::Shell).await.unwrap();
    let mut browser = world.browser();
    for (email, password, status, reason) in [
        ("ann@tidewater.example", "too short", 422, "at least 15 characters"),
        ("ann@tidewater.example", "passwordpassword", 422, "repeats"),
        ("ann@tidewater.example", "ann.tidewater.2024", 422, "your name, your address"),
        ("no address", PASSWORD, 400, "not an e-mail address"),
        ("Taken@Tidewater.example", PASSWORD, 409, "account with this e-mail"),
    ] {
        let answer = browser.submit(link.path.expose(), &joining(email, password)).await;
        assert_eq!(answer.status.as_u16(), status, "{email} {password}");
        assert!(answer.text.contains(reason), "{}", answer.text);
        assert!(answer.text.contains(&format!("value=\"{email}\"")), "what was typed stays");
        assert!(!answer.text.contains(password), "but not the password");
    }
    let good = browser.submit(link.path.expose(), &joining("ann@tidewater.example", PASSWORD)).await;
    assert_eq!(good.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_owner_invites_by_a_link_shown_once() {
    let world = World::new().await;
    let mut owner = world.owner().await;
    let shown = owner.act("/staff", "/staff/invite", &[("role", "auditor")]).await;
    assert_eq!(shown.status, StatusCode::OK);
    let (_, rest) = shown.text.split_once("https://console.test:9443/setup/").expect("the whole address");
    let token = rest.split(['<', '"']).next().unwrap();

    let list = owner.get("/staff").await;
    assert!(list.text.contains("an account with the role auditor") && !list.text.contains(token));
    let mut auditor = world.browser();
    let form = joining("aud@tidewater.example", PASSWORD);
    assert_eq!(auditor.submit(&format!("/setup/{token}"), &form).await.status, StatusCode::SEE_OTHER);
    assert_eq!(auditor.get("/staff").await.status, StatusCode::FORBIDDEN);
    assert!(owner.get("/staff").await.text.contains("aud@tidewater.example"));
}

#[tokio::test]
async fn a_link_taken_back_is_gone() {
    let world = World::new().await;
    let mut owner = world.owner().await;
    let link = world.identity.invite(Role::Operator, Actor::Shell).await.unwrap();
    let path = format!("/staff/links/{}/revoke", link.view.id);
    assert_eq!(owner.act("/staff", &path, &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(world.browser().get(link.path.expose()).await.status, StatusCode::GONE);
    assert_eq!(owner.act("/staff", &path, &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_reset_link_sets_the_password_and_ends_every_session() {
    let world = World::new().await;
    let mut owner = world.owner().await;
    let mut member = world.member("bo@tidewater.example", Role::Operator).await;
    let id = member.id().await;
    let shown = owner.act("/staff", &format!("/staff/{id}/reset"), &[]).await;
    let (_, rest) = shown.text.split_once("https://console.test:9443").expect("the whole address");
    let path = rest.split(['<', '"']).next().unwrap();

    let mut browser = world.browser();
    assert!(browser.get(path).await.text.contains("Choose a new password"));
    let done = browser.submit(path, &[("password", OTHER_PASSWORD)]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    assert_eq!(browser.get("/account").await.status, StatusCode::OK);
    assert_eq!(member.get("/account").await.status, StatusCode::SEE_OTHER, "the old session has ended");
    let old = world.browser().sign_in("bo@tidewater.example", PASSWORD).await;
    assert_eq!(old.status, StatusCode::FORBIDDEN);
    let new = world.browser().sign_in("bo@tidewater.example", OTHER_PASSWORD).await;
    assert_eq!(new.status, StatusCode::SEE_OTHER);
}
