//! Looking at settings and changing them.

use crate::harness::Harness;

const GROUP: &str = "group=Upstream+shop";
const AS_IT_IS: &str = "set:upstream.shop.maintenance=false&set:upstream.shop.balance=least-load";

fn form(base: i64, requests: &str, reason: &str) -> String {
    format!("{GROUP}&base={base}&{AS_IT_IS}&set:upstream.shop.requests_max={requests}&reason={reason}")
}

#[tokio::test]
async fn a_change_is_laid_over_the_file_and_can_be_taken_back() {
    let harness = Harness::new().await;
    harness.page("operator", "/settings").await.shows("Only what gabion.toml says is in force");
    let saved = harness.post("operator", "/settings/edit", &form(0, "2048", "sale")).await;
    assert_eq!((saved.status(), saved.header("location")), (303, "/settings"));
    let list = harness.page("operator", "/settings").await;
    list.shows("changed here");
    list.shows("2048");
    let history = harness.page("auditor", "/settings/history").await;
    history.shows("Version 1");
    history.shows("sale");
    history.shows("Mara Lindqvist");
    harness.page("operator", "/settings/rollback?to=0").await.shows("Go back to the file alone?");
    harness.post("operator", "/settings/rollback", "to=0&reason=").await.shows("say why");
    assert_eq!(harness.post("operator", "/settings/rollback", "to=0&reason=over").await.status(), 303);
    harness.page("operator", "/settings").await.hides("changed here");
    assert_eq!(harness.post("operator", "/settings/rollback", "to=9&reason=x").await.status(), 404);
    assert_eq!(harness.post("operator", "/settings/rollback", "to=-1&reason=x").await.status(), 400);
}

#[tokio::test]
async fn the_files_value_can_be_taken_again() {
    let harness = Harness::new().await;
    harness.post("operator", "/settings/edit", &form(0, "2048", "sale")).await;
    harness
        .page("operator", &format!("/settings/edit?{GROUP}"))
        .await
        .shows("Take the value of gabion.toml again");
    let back = format!("{}&file:upstream.shop.requests_max=on", form(1, "2048", "over"));
    assert_eq!(harness.post("operator", "/settings/edit", &back).await.status(), 303);
    harness.page("operator", "/settings").await.hides("changed here");
}

#[tokio::test]
async fn mistakes_are_told_beside_the_field_and_nothing_changes() {
    let harness = Harness::new().await;
    for (requests, reason, told) in [
        ("many", "x", "write a whole number from 1 to 65536"),
        ("0", "x", "0 is outside 1 to 65536"),
        ("13", "x", "13 brings bad luck; take 14"),
        ("2048", "", "say why"),
        ("1024", "x", "Nothing is different"),
    ] {
        let answer = harness.post("operator", "/settings/edit", &form(0, requests, reason)).await;
        assert_eq!(answer.status(), 422, "{requests}");
        answer.shows(told);
        answer.shows(&format!("value=\"{requests}\""));
    }
    assert!(harness.control.state.lock().unwrap().versions.is_empty());
}

#[tokio::test]
async fn a_stale_form_shows_what_others_changed_and_keeps_what_was_typed() {
    let harness = Harness::new().await;
    harness.post("operator", "/settings/edit", &form(0, "2048", "sale")).await;
    let stale = harness.post("owner", "/settings/edit", &form(0, "4096", "bigger+sale")).await;
    assert_eq!(stale.status(), 422);
    stale.shows("Somebody changed settings since you opened this form");
    stale.shows("upstream.shop.requests_max");
    stale.shows("value=\"4096\"");
    stale.shows("name=\"base\" value=\"1\"");
    assert_eq!(harness.post("owner", "/settings/edit", &form(1, "4096", "bigger+sale")).await.status(), 303);
}

#[tokio::test]
async fn a_dead_database_is_told_as_such() {
    let harness = Harness::new().await;
    harness.control.state.lock().unwrap().dead = true;
    let answer = harness.post("operator", "/settings/edit", &form(0, "2048", "sale")).await;
    assert_eq!(answer.status(), 503);
    answer.shows("disk full");
}

#[tokio::test]
async fn the_configuration_can_be_taken_away_as_a_file() {
    let harness = Harness::new().await;
    let file = harness.page("auditor", "/settings/export").await;
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"gabion.toml\"");
    file.shows("[[upstream]]");
    assert_eq!(harness.page("owner", "/settings/edit?group=None").await.status(), 404);
}
