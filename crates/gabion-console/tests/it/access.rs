//! Who may call what.

use http::Method;

use crate::harness::Harness;

#[tokio::test]
async fn pages_are_open_to_roles_and_closed_to_everybody_else() {
    let harness = Harness::new().await;
    let everyone = "owner operator support auditor";
    let operating = "owner operator";
    for (path, allowed) in [
        ("/", everyone),
        ("/events", everyone),
        ("/upstreams", everyone),
        ("/edge", everyone),
        ("/settings", everyone),
        ("/settings/history", everyone),
        ("/settings/export", everyone),
        ("/bypass", everyone),
        ("/upstreams/change?upstream=shop&act=maintenance_on", operating),
        ("/settings/edit?group=Upstream+shop", operating),
        ("/settings/rollback?to=0", operating),
        ("/bypass/confirm?module=headers&minutes=30", operating),
    ] {
        for role in ["owner", "operator", "support", "auditor"] {
            let expected = if allowed.contains(role) { 200 } else { 403 };
            assert_eq!(harness.page(role, path).await.status(), expected, "{role} {path}");
        }
        let nobody = harness.send(http::Request::get(path).header("accept", "text/html"), "").await;
        assert_eq!(
            (nobody.status(), nobody.header("location").starts_with("/sign-in")),
            (303, true),
            "{path}"
        );
    }
}

#[tokio::test]
async fn forms_are_taken_from_operators_and_owners_only() {
    let harness = Harness::new().await;
    for (path, form) in [
        ("/upstreams/change", "upstream=shop&act=maintenance_on&reason=x"),
        ("/settings/edit", "group=Upstream+shop&base=0&reason=x&set:upstream.shop.maintenance=true"),
        ("/settings/rollback", "to=0&reason=x"),
        ("/edge/access", "subject=192.0.2.7&verdict=block&minutes=60"),
        ("/edge/access/remove", "subject=192.0.2.7"),
        ("/bypass", "modules=headers&minutes=30"),
        ("/bypass/end", ""),
    ] {
        for role in ["support", "auditor"] {
            assert_eq!(harness.post(role, path, form).await.status(), 403, "{role} {path}");
        }
        let foreign = http::Request::post(path)
            .header("x-role", "owner")
            .header("sec-fetch-site", "cross-site")
            .header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(harness.send(foreign, form).await.status(), 403, "{path}");
        let without_token = http::Request::post(path)
            .header("x-role", "owner")
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(harness.send(without_token, form).await.json()["code"], "stale_form", "{path}");
    }
    assert!(harness.control.state.lock().unwrap().versions.is_empty());
    assert!(harness.control.state.lock().unwrap().bypass.is_none());
}

#[tokio::test]
async fn keys_reach_what_their_scopes_allow() {
    let harness = Harness::new().await;
    let get = Method::GET;
    let post = Method::POST;
    let scopes = ["read", "events:read", "staff:read", "config:write", "edge:write"];
    for (method, path, body, allowed) in [
        (&get, "/api/v1/overview", "", "read"),
        (&get, "/api/v1/health", "", "read"),
        (&get, "/api/v1/sites", "", "read"),
        (&get, "/api/v1/certificates", "", "read"),
        (&get, "/api/v1/events", "", "events:read"),
        (&get, "/api/v1/upstreams", "", "read"),
        (&get, "/api/v1/settings", "", "read"),
        (&get, "/api/v1/settings/history", "", "read"),
        (&get, "/api/v1/bypass", "", "read"),
        (&post, "/api/v1/settings", r#"{"base":0,"values":{},"reason":"x"}"#, "config:write"),
        (&post, "/api/v1/settings/rollback", r#"{"to":7,"reason":"x"}"#, "config:write"),
        (&post, "/api/v1/upstreams/none/maintenance", r#"{"on":true,"reason":"x"}"#, "edge:write"),
        (
            &post,
            "/api/v1/upstreams/none/endpoints",
            r#"{"url":"x","drained":true,"reason":"x"}"#,
            "edge:write",
        ),
        (&post, "/api/v1/bypass", r#"{"modules":[],"minutes":0}"#, "edge:write"),
    ] {
        for scope in scopes {
            let status = harness.api(scope, method.clone(), path, body).await.status();
            assert_eq!(status != 403, scope == allowed, "{scope}: {status} {method} {path}");
        }
        let nobody =
            http::Request::builder().method(method).uri(path).header("sec-fetch-site", "same-origin");
        assert_eq!(harness.send(nobody, body).await.status(), 401, "{method} {path}");
    }
}
