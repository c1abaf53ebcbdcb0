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
        ("/pages", everyone),
        ("/uploads", everyone),
        ("/mailbox", everyone),
        ("/pages/classes", everyone),
        ("/pages/desk", everyone),
        ("/pages/changes", everyone),
        ("/pages/third-parties", everyone),
        ("/pages/third-parties/list.txt", everyone),
        ("/pages/policy", everyone),
        ("/pages/evidence", everyone),
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
        ("/uploads/delete", "id=upl_00000000000000000000000001"),
        ("/pages/classes", "site=tidewater-tea&path=/checkout&class=payment"),
        ("/pages/desk", "site=tidewater-tea&verdict=approve&justification=x"),
        ("/pages/desk/destinations", "site=tidewater-tea&verdict=approve&justification=x"),
        ("/pages/desk/class", "site=tidewater-tea&class=payment&justification=x"),
        ("/pages/desk/headers", "site=tidewater-tea&class=payment"),
        ("/pages/scripts/scr_00000000000000000000000001", "verdict=deny&justification=x"),
        ("/pages/scripts/scr_00000000000000000000000001/pin", "pinned=yes"),
        ("/pages/changes/chg_00000000000000000000000001", "state=accepted&note="),
        ("/pages/third-parties/decide", "site=tidewater-tea&origin=https://a.example&act=stop&reason=x"),
        ("/pages/policy", "site=tidewater-tea&class=payment&stage=enforce&undecided=told&trust=auto"),
        ("/pages/undo", "decision=dec_00000000000000000000000001&back=/pages"),
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
        (&get, "/api/v1/uploads", "", "read"),
        (&get, "/api/v1/uploads/upl_00000000000000000000000001", "", "read"),
        (&Method::DELETE, "/api/v1/uploads/upl_00000000000000000000000001", "", "edge:write"),
        (&get, "/api/v1/mail", "", "read"),
        (&get, "/api/v1/mail/captured", "", "read"),
        (&get, "/api/v1/mail/captured/msg_00000000000000000000000001", "", "read"),
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
        (&get, "/api/v1/pages/overview?site=none", "", "read"),
        (&get, "/api/v1/pages/paths?site=none", "", "read"),
        (&get, "/api/v1/pages/classes?site=none", "", "read"),
        (&get, "/api/v1/pages/scripts?site=none", "", "read"),
        (&get, "/api/v1/pages/scripts/scr_00000000000000000000000001", "", "read"),
        (&get, "/api/v1/pages/destinations?site=none", "", "read"),
        (&get, "/api/v1/pages/changes?site=none", "", "read"),
        (&get, "/api/v1/pages/changes/chg_00000000000000000000000001", "", "read"),
        (&get, "/api/v1/pages/third-parties?site=none", "", "read"),
        (&get, "/api/v1/pages/third-parties/list?site=none", "", "read"),
        (&get, "/api/v1/pages/policy?site=none&class=payment", "", "read"),
        (&get, "/api/v1/pages/headers?site=none", "", "read"),
        (&get, "/api/v1/pages/decisions?site=none", "", "read"),
        (&get, "/api/v1/pages/evidence?site=none", "", "read"),
        (&get, "/api/v1/pages/statement?site=none", "", "read"),
        (&post, "/api/v1/pages/classes", r#"{"site":"none","rules":[]}"#, "config:write"),
        (&post, "/api/v1/pages/authorize", r#"{"scripts":[]}"#, "config:write"),
        (&post, "/api/v1/pages/deny", r#"{"scripts":[],"reason":"x"}"#, "config:write"),
        (&post, "/api/v1/pages/approve", r#"{"site":"none","class":"payment"}"#, "config:write"),
        (
            &post,
            "/api/v1/pages/scripts/scr_00000000000000000000000001/pin",
            r#"{"pinned":true}"#,
            "config:write",
        ),
        (
            &post,
            "/api/v1/pages/destinations",
            r#"{"destinations":[],"status":"denied","reason":"x"}"#,
            "config:write",
        ),
        (
            &post,
            "/api/v1/pages/changes/chg_00000000000000000000000001/settle",
            r#"{"state":"accepted"}"#,
            "config:write",
        ),
        (
            &post,
            "/api/v1/pages/third-parties/stop",
            r#"{"site":"none","origin":"https://a.example","reason":"x"}"#,
            "config:write",
        ),
        (
            &post,
            "/api/v1/pages/third-parties/allow",
            r#"{"site":"none","origin":"https://a.example"}"#,
            "config:write",
        ),
        (
            &post,
            "/api/v1/pages/policy",
            r#"{"site":"none","class":"payment","stage":"learn"}"#,
            "config:write",
        ),
        (&post, "/api/v1/pages/headers", r#"{"site":"none","class":"payment"}"#, "config:write"),
        (&post, "/api/v1/pages/decisions/dec_00000000000000000000000001/undo", "{}", "config:write"),
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
