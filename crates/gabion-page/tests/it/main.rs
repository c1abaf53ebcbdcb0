//! Draws the sample pages as another crate would and checks what a page must keep.
#![allow(clippy::unwrap_used)]

use gabion_page::asset;

#[path = "../../examples/showcase/pages.rs"]
mod pages;

#[test]
fn pages_keep_the_content_security_policy() {
    for (name, html) in pages::pages() {
        for forbidden in [" style=", "<style", " onclick=", "javascript:", "http:", "<iframe"] {
            assert!(!html.contains(forbidden), "{name} holds {forbidden}");
        }
        for script in html.split("<script").skip(1) {
            assert!(script.starts_with(" type=\"module\" src=\"/assets/"), "{name}: inline script");
        }
    }
}

#[test]
fn every_asset_a_page_names_is_served() {
    for (name, html) in pages::pages() {
        let named: Vec<&str> =
            html.split("\"/assets/").skip(1).map(|part| part.split_once('"').unwrap().0).collect();
        assert!(named.len() >= 5, "{name}");
        for path in named {
            assert!(asset::find(&format!("/assets/{path}")).is_some(), "{name} names {path}");
        }
    }
}

#[test]
fn pages_have_landmarks_a_skip_link_and_one_first_heading() {
    for (name, html) in pages::pages() {
        for needed in
            ["<html lang=\"en\">", "href=\"#main\"", "<main id=\"main\"", "<header", "name=\"viewport\""]
        {
            assert_eq!(html.matches(needed).count(), 1, "{name}: {needed}");
        }
        assert_eq!(html.matches("<h1>").count(), 1, "{name}");
    }
}

#[test]
fn ids_are_unique_and_labels_point_at_them() {
    for (name, html) in pages::pages() {
        let values = |attribute: &str| -> Vec<String> {
            html.split(attribute).skip(1).map(|part| part.split_once('"').unwrap().0.to_owned()).collect()
        };
        let ids = values(" id=\"");
        for id in &ids {
            assert_eq!(ids.iter().filter(|other| *other == id).count(), 1, "{name}: {id}");
        }
        for target in values(" for=\"").iter().chain(&values(" data-copy=\"")) {
            assert!(ids.contains(target), "{name}: nothing has the id {target}");
        }
        for described in values(" aria-describedby=\"").iter().flat_map(|ids| ids.split_whitespace()) {
            assert!(ids.iter().any(|id| id == described), "{name}: {described}");
        }
    }
}

#[test]
fn refresh_is_offered_only_where_it_is_asked_for() {
    let pages = pages::pages();
    let refreshes = |name: &str| {
        let (_, html) = pages.iter().find(|(other, _)| *other == name).unwrap();
        (html.contains("data-refresh-seconds=\"5\""), html.contains("refresh."))
    };
    assert_eq!(refreshes("overview.html"), (true, true));
    assert_eq!(refreshes("settings.html"), (false, false));
}

#[test]
fn charts_and_icons_are_not_escaped() {
    let (_, html) = &pages::pages()[0];
    assert!(
        html.contains("<svg class=\"chart-axis\" role=\"img\" aria-label=\"Time for an answer: Shop: latest")
    );
    assert!(html.contains("<svg class=\"icon\""));
    assert!(!html.contains("&#60;svg"));
}
