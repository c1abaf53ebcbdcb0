//! What modes make of the same request.

use std::sync::Arc;
use std::time::Duration;

use gabion_core::Timestamp;
use gabion_edge::EdgeConfig;
use gabion_waf::{Collections, Services, Update};

use super::{ESCAPED, FORM, echo, front, post, rules, rules_with};
use crate::front::{Setup, field, soon};

/// Worth five points: an apostrophe too many, perhaps.
const DOUBTFUL: &str = "/search?q=1%27%20or%201%3D1--";

#[tokio::test]
async fn detect_lets_all_pass_and_tells_what_block_would_have_stopped() {
    let shop = echo().await;
    let front = front("detect", &shop);
    assert_eq!(soon(front.tls().await.ask(post(FORM, format!("q={ESCAPED}")))).await.status, 200);
    let event = front.events.first("waf.flagged").await;
    assert_eq!((field(&event, "mode").as_str(), field(&event, "score").as_str()), ("detect", "15"));
    assert_eq!(field(&event, "near_certain"), "true");
    assert_eq!(shop.requests(), 1);
}

#[tokio::test]
async fn learn_stops_the_near_certain_only() {
    let shop = echo().await;
    let front = front("learn", &shop);
    assert_eq!(front.get(DOUBTFUL).await.status, 200);
    let event = front.events.first("waf.flagged").await;
    assert_eq!((field(&event, "score").as_str(), field(&event, "near_certain").as_str()), ("5", "false"));
    assert_eq!(front.get(&format!("/search?q={ESCAPED}")).await.status, 403);
    assert_eq!(field(&front.events.first("waf.blocked").await, "mode"), "learn");
    assert_eq!(shop.requests(), 1);
}

#[tokio::test]
async fn routes_have_modes_of_their_own() {
    let shop = echo().await;
    let route = |path: &str, mode: &str| {
        format!("[[route]]\npath = \"{path}\"\nupstream = \"shop\"\nwaf = \"{mode}\"\n")
    };
    let front = Setup::of(&[&shop])
        .waf("mode = \"block\"", &rules())
        .more(&(route("/off", "off") + &route("/detect", "detect")))
        .start();
    for (path, status) in [("/off", 200), ("/detect", 200), ("/else", 403)] {
        assert_eq!(front.get(&format!("{path}?q={ESCAPED}")).await.status, status, "{path}");
    }
    let told = front.events.all().into_iter().filter(|event| event.kind.starts_with("waf."));
    assert_eq!(told.map(|event| field(&event, "route")).collect::<Vec<_>>(), ["/detect", "/"]);
}

#[tokio::test]
async fn an_edge_that_should_inspect_and_has_no_rules_does_not_start() {
    let shop = echo().await;
    let setup = Setup::of(&[&shop]).waf("mode = \"detect\"", &rules());
    let config = EdgeConfig { rules: None, ..setup.config() };
    assert_eq!(setup.try_start(config).err().unwrap().to_string(), "no rules are loaded");
}

#[tokio::test]
async fn new_rules_hold_for_requests_to_come() {
    let shop = echo().await;
    let setup = Setup::of(&[&shop]).waf("mode = \"block\"", &rules());
    let front = setup.start();
    assert_eq!(front.get("/?q=tea").await.status, 200);
    let stricter = rules_with("SecRule ARGS \"@streq tea\" \"id:100,phase:2,deny\"", Services::default());
    front.edge.reload(EdgeConfig { rules: Some(stricter), ..setup.config() }).unwrap();
    assert_eq!(front.get("/?q=tea").await.status, 403);
    assert!(front.edge.reload(EdgeConfig { rules: None, ..setup.config() }).is_err());
    assert_eq!(front.get("/?q=tea").await.status, 403, "the old ones stay");
}

/// A store of collections with a mistake in it.
struct Mistaken;

impl Collections for Mistaken {
    fn load(&self, _: &str, _: &[u8], _: Timestamp) -> Vec<(Vec<u8>, Vec<u8>)> {
        panic!("on purpose")
    }

    fn update(&self, _: &str, _: &[u8], _: &[Update], _: Timestamp, _: Duration) {}
}

#[tokio::test]
async fn an_engine_that_panics_lets_nothing_pass_on_block_and_all_else_with_an_event() {
    let services = Services { collections: Some(Arc::new(Mistaken)), ..Services::default() };
    let rules = rules_with("SecAction \"id:100,phase:2,pass,nolog,initcol:ip=%{REMOTE_ADDR}\"", services);
    for (mode, status, refused) in [("block", 503, "true"), ("learn", 200, "false"), ("detect", 200, "false")]
    {
        let shop = echo().await;
        let front = Setup::of(&[&shop]).waf(&format!("mode = \"{mode}\""), &rules).start();
        let answer = soon(front.tls().await.ask(post(FORM, "a=b"))).await;
        assert_eq!(answer.status, status, "{mode}");
        let event = front.events.first("waf.failed").await;
        assert_eq!(field(&event, "refused"), refused);
        // A long body is inspected on another thread.
        let long = format!("a={}", "b".repeat(200_000));
        assert_eq!(soon(front.tls().await.ask(post(FORM, long))).await.status, status, "{mode}");
    }
}
