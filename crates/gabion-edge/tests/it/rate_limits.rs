//! Who may ask how often.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use gabion_edge::metrics::prometheus::Exposition;
use gabion_edge::rate_limit::{Counted, Quota, SharedCounter, Sharing};
use gabion_edge::{Cut, Module};
use http::StatusCode;

use crate::front::{Front, Setup, field, get, get2, shop, soon};

const SIGN_IN: &str = r#"
    [[rate_limit]]
    name = "sign-in"
    by = ["address"]
    requests = 2
    per_seconds = 3600
    methods = ["POST"]
    [[route]]
    path = "/login"
    upstream = "shop"
    rate_limits = ["sign-in"]
"#;

fn post(path: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 0\r\n\r\n")
}

#[tokio::test]
async fn above_a_limit_of_its_route_a_request_gets_429_and_when_to_come_back() {
    let shop = shop("tea").await;
    let front = Setup::of(&[&shop]).more(SIGN_IN).start();
    let mut wire = front.tls().await;
    for _ in 0..2 {
        assert_eq!(soon(wire.ask(post("/login"))).await.status, 200);
    }
    let refused = soon(wire.ask(post("/login"))).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.text().contains("Too many requests"), "{}", refused.text());
    assert_eq!(refused.header("ratelimit-policy"), "\"sign-in\";q=2;w=3600");
    assert_eq!(refused.header("ratelimit"), "\"sign-in\";r=0;t=1800");
    assert_eq!(refused.header("retry-after"), "1800");
    assert_eq!(soon(wire.ask(get("/login", ""))).await.status, 200, "only POST is counted");
    assert_eq!(soon(wire.ask(post("/other"))).await.status, 200, "only this route is counted");
    assert_eq!(shop.seen().len(), 4, "the shop never sees what was refused");
}

#[tokio::test]
async fn an_event_names_limit_and_address_once_a_minute() {
    let shop = shop("tea").await;
    let front = Setup::of(&[&shop]).more(SIGN_IN).start();
    let mut wire = front.tls().await;
    for _ in 0..5 {
        soon(wire.ask(post("/login"))).await;
    }
    let event = front.events.first("edge.request_limited").await;
    assert_eq!((field(&event, "by"), field(&event, "address")), ("address".into(), "127.0.0.1".into()));
    assert!(event.fields.iter().any(|field| field.name == "address" && field.personal));
    let all = front.events.all();
    let told: Vec<_> =
        all.iter().map(|event| event.kind.as_ref()).filter(|kind| kind.contains("limited")).collect();
    // A minute may end between two of the three.
    assert!((1..=2).contains(&told.len()), "{told:?}");
    let limited = &front.edge.limited()[0];
    assert_eq!((limited.who.limit.as_str(), limited.who.key.as_str()), ("sign-in", "127.0.0.1"));
    assert_eq!(limited.requests, 3);
}

#[tokio::test]
async fn limits_everywhere_hold_on_http2_and_tell_what_is_left() {
    let shop = shop("tea").await;
    let front = Setup::of(&[&shop])
        .more(
            r#"
            [[rate_limit]]
            name = "all"
            by = ["site", "route"]
            requests = 3
            per_seconds = 3600
            headers = true
            everywhere = true
            "#,
        )
        .start();
    let mut http2 = front.http2().await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        let answer = soon(http2.send_request(get2("/"))).await.unwrap();
        let left = answer.headers()["ratelimit"].to_str().unwrap().to_owned();
        seen.push((answer.status().as_u16(), left));
    }
    let expected = [(200, 2), (200, 1), (200, 0), (429, 0)]
        .map(|(status, left)| (status, format!("\"all\";r={left};t=1200")));
    assert_eq!(seen, expected);
}

/// Everybody is refused from the second request on.
const ONE_AN_HOUR: &str = r#"
    [[rate_limit]]
    name = "all"
    by = ["address"]
    requests = 1
    per_seconds = 3600
    everywhere = true
"#;

#[tokio::test]
async fn who_goes_on_asking_over_http2_after_being_refused_is_cut_off() {
    let shop = shop("tea").await;
    let front = Setup::of(&[&shop]).limits("http2.refusals_max = 5").more(ONE_AN_HOUR).start();
    let mut http2 = front.http2().await;
    let mut refused = 0;
    while let Ok(answer) = soon(http2.send_request(get2("/"))).await {
        refused += u32::from(answer.status() == StatusCode::TOO_MANY_REQUESTS);
        assert!(refused <= 10, "the connection is cut soon");
    }
    assert!(refused >= 5, "{refused}");
    crate::connections::cut(&front, Cut::Http2Refusals, "127.0.0.1").await;
}

#[tokio::test]
async fn connections_of_an_address_are_refused_together() {
    let shop = shop("tea").await;
    let front = Setup::of(&[&shop]).limits("http2.refusals_max = 5").more(ONE_AN_HOUR).start();
    let mut connections = [front.http2().await, front.http2().await];
    let mut answers = 0;
    'asking: loop {
        for http2 in &mut connections {
            if soon(http2.send_request(get2("/"))).await.is_err() {
                break 'asking;
            }
            answers += 1;
        }
        assert!(answers <= 16, "five refusals are enough, whichever connection asked");
    }
    assert!(answers >= 6, "one is answered and five are refused: {answers}");
}

#[tokio::test]
async fn observed_and_exempt_requests_pass_and_a_bypass_lets_everything_pass() {
    let shop = shop("tea").await;
    let limit = |lines: &str| {
        format!(
            "[[rate_limit]]\nname = \"one\"\nby = [\"address\"]\nrequests = 1\nper_seconds = 3600\neverywhere = true\n{lines}"
        )
    };
    for (lines, over) in
        [("action = \"observe\"", 2), ("exempt = [\"127.0.0.0/8\"]", 0), ("methods = [\"POST\"]", 0)]
    {
        let front = Setup::of(&[&shop]).more(&limit(lines)).start();
        let mut wire = front.tls().await;
        for _ in 0..3 {
            assert_eq!(soon(wire.ask(get("/", ""))).await.status, 200, "{lines}");
        }
        assert_eq!(front.edge.rate_limits().last().unwrap().over(), over, "{lines}");
    }
    let front = Setup::of(&[&shop]).more(&limit("")).start();
    let mut wire = front.tls().await;
    front.edge.set_bypass([Module::Limits].into());
    for _ in 0..3 {
        assert_eq!(soon(wire.ask(get("/", ""))).await.status, 200);
    }
}

#[tokio::test]
async fn a_reload_forgets_nobody_unless_the_limit_changed() {
    let shop = shop("tea").await;
    let setup = Setup::of(&[&shop]).more(SIGN_IN);
    let front = setup.start();
    let mut wire = front.tls().await;
    for _ in 0..3 {
        soon(wire.ask(post("/login"))).await;
    }
    front.edge.reload(setup.config()).unwrap();
    assert_eq!(soon(wire.ask(post("/login"))).await.status, 429);
    let mut changed = setup.clone();
    changed.more = changed.more.replace("requests = 2", "requests = 3");
    front.edge.reload(changed.config()).unwrap();
    assert_eq!(soon(wire.ask(post("/login"))).await.status, 200);
    assert_eq!(front.edge.rate_limits().last().unwrap().over(), 2, "counters stay");
}

#[tokio::test]
async fn the_built_in_limit_holds_for_strangers_and_not_for_this_machine() {
    let shop = shop("tea").await;
    let front = Setup::of(&[&shop])
        .listen("trusted_proxies = [\"127.0.0.1\"]")
        .limits("visitor_requests_per_second = 1\nvisitor_burst = 2")
        .start();
    let mut wire = front.tls().await;
    let mut ask = async |headers: &str| soon(wire.ask(get("/", headers))).await.status;
    for _ in 0..5 {
        assert_eq!(ask("").await, 200);
    }
    let one = "X-Forwarded-For: 2001:db8:1:2::3\r\n";
    let neighbor = "X-Forwarded-For: 2001:db8:1:2:ffff::9\r\n";
    let other = "X-Forwarded-For: 2001:db8:1:3::3\r\n";
    let mut answers = Vec::new();
    for client in [one, neighbor, one, other] {
        answers.push(ask(client).await);
    }
    assert_eq!(answers, [200, 200, 429, 200], "an IPv6 /64 is one client");
}

/// A counter that lets so many pass, and does not answer while it is dead.
#[derive(Default)]
struct Counter {
    left: AtomicU64,
    asked: AtomicU64,
    dead: AtomicBool,
}

impl SharedCounter for Counter {
    fn count(&self, _: u64, quota: Quota) -> Pin<Box<dyn Future<Output = Option<Counted>> + Send + '_>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = (!self.dead.load(Ordering::SeqCst)).then(|| {
            let take = |left: u64| left.checked_sub(1);
            let allowed = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok();
            let free = self.left.load(Ordering::SeqCst) * quota.interval;
            Counted { allowed, ahead: quota.tolerance.saturating_sub(free) }
        });
        Box::pin(std::future::ready(answer))
    }
}

/// Two nodes with one counter, under a limit of three requests an hour.
async fn two_nodes(shop: &gabion_test::Shop, left: u64) -> (Arc<Counter>, [Front; 2]) {
    let counter = Arc::new(Counter { left: left.into(), ..Counter::default() });
    let limit = "[[rate_limit]]\nname = \"one\"\nby = [\"address\"]\nrequests = 3\nper_seconds = 3600\n\
                 everywhere = true\nexact = true";
    let mut setup = Setup::of(&[shop]).more(limit);
    let sharing = Sharing { counter: Arc::clone(&counter) as _, key: gabion_core::Secret::new([7; 16]) };
    setup.sharing = Some(sharing);
    (counter, [setup.start(), setup.start()])
}

#[tokio::test]
async fn an_exact_limit_is_one_for_all_nodes_and_a_flood_asks_the_counter_once() {
    let shop = shop("tea").await;
    let (counter, [one, other]) = two_nodes(&shop, 3).await;
    assert_eq!([one.get("/").await.status, other.get("/").await.status], [200, 200]);
    assert_eq!([one.get("/").await.status, other.get("/").await.status], [200, 429]);
    assert_eq!(counter.asked.load(Ordering::SeqCst), 4);
    for _ in 0..5 {
        let refused = other.get("/").await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, "1200"));
        assert_eq!(one.get("/").await.status, 429);
    }
    assert_eq!(
        counter.asked.load(Ordering::SeqCst),
        4,
        "who is known to be above the limit is not asked for"
    );
}

#[tokio::test]
async fn while_the_counter_is_dead_a_node_goes_on_alone_from_what_it_knows() {
    let shop = shop("tea").await;
    let (counter, [node, _]) = two_nodes(&shop, 3).await;
    assert_eq!(node.get("/").await.status, 200);
    counter.dead.store(true, Ordering::SeqCst);
    assert_eq!([node.get("/").await.status, node.get("/").await.status], [200, 200]);
    assert_eq!(node.get("/").await.status, 429);
    node.events.first("edge.counted_alone").await;
    let told = node.events.all().iter().filter(|event| event.kind == "edge.counted_alone").count();
    // A minute may end between the two.
    assert!((1..=2).contains(&told), "{told}");
    let mut page = Exposition::default();
    node.edge.expose(&mut page);
    let page = page.finish();
    assert!(page.contains("\ngabion_rate_limit_alone_total 2\n"), "{page}");
}

#[test]
fn limits_that_cannot_work_are_refused_with_the_reason() {
    let setup = Setup { endpoints: vec!["http://127.0.0.1:1".into()], ..Setup::default() };
    let check = |from: &str, to: &str, expected: &str| {
        let sections = SIGN_IN.replace(from, to);
        assert_ne!(sections, SIGN_IN, "{from}");
        let message = setup.clone().more(&sections).check().unwrap_err().message;
        assert!(message.contains(expected), "{message}");
    };
    check("rate_limits = [\"sign-in\"]", "", "no route uses sign-in");
    check(
        "rate_limits = [\"sign-in\"]",
        "rate_limits = [\"sign-in\", \"x\"]",
        "no rate limit is named x; there is",
    );
    check("[\"address\"]", "[]", "at least one key");
    check("[\"address\"]", "[\"address\", \"address\"]", "each once");
    check("requests = 2", "requests = 0", "requests is at least 1");
    check("requests = 2", "requests = 2\nburst = 0", "burst is at least 1");
    check("per_seconds = 3600", "per_seconds = 86401", "1 to 86400");
    check("\"POST\"", "\"PO ST\"", "is no method");
    check("sign-in", "visitor", "the built-in limit");
    check("sign-in", "Sign In", "lower-case letters");
    let many = SIGN_IN.split("[[route]]").next().unwrap().repeat(33);
    let message = setup
        .clone()
        .more(&format!(
            "{many}[[route]]\npath = \"/login\"\nupstream = \"shop\"\nrate_limits = [\"sign-in\"]"
        ))
        .check()
        .unwrap_err()
        .message;
    assert!(message.contains("more than 32"), "{message}");
}
