//! Attacks end at the edge, wherever in a request they are, and customers pass.

use gabion_edge::Module;
use http::Request;

use super::{ESCAPED, FORM, INJECTION, echo, front, post};
use crate::front::{entity, field, get, soon};

#[tokio::test]
async fn an_injection_is_stopped_wherever_it_is_and_never_reaches_the_shop() {
    let shop = echo().await;
    let front = front("block", &shop);
    let boundary =
        format!("--x\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\n{INJECTION}\r\n--x--\r\n");
    for request in [
        get(&format!("/search?q={ESCAPED}"), "").into_bytes(),
        get("/", &format!("Cookie: cart={INJECTION}\r\n")).into_bytes(),
        post(FORM, format!("name=Anne&note={ESCAPED}")),
        post("application/json", format!(r#"{{"items":[{{"note":"{INJECTION}"}}]}}"#)),
        post("text/xml", format!("<order><note>{INJECTION}</note></order>")),
        post("multipart/form-data; boundary=x", boundary),
    ] {
        let answer = soon(front.tls().await.ask(&request)).await;
        assert_eq!(answer.status, 403, "{}", String::from_utf8_lossy(&request));
        assert_eq!(answer.header("connection"), "close");
    }
    let chunked = format!(
        "POST /buy HTTP/1.1\r\nHost: shop.example\r\nContent-Type: {FORM}\r\nTransfer-Encoding: chunked\r\n\r\n\
         14\r\nnote=1%27%20UNION%20\r\n30\r\nSELECT%20login%2C%20password%20FROM%20users--%20\r\n0\r\n\r\n"
    );
    assert_eq!(soon(front.tls().await.ask(chunked)).await.status, 403);
    assert_eq!(shop.requests(), 0);
}

#[tokio::test]
async fn the_same_is_stopped_over_http2() {
    let shop = echo().await;
    let front = front("block", &shop);
    let mut sender = front.http2().await;
    let query = Request::get(format!("https://shop.example/search?q={ESCAPED}"));
    let query = query.body(gabion_test::body::empty()).unwrap();
    let form = Request::post("https://shop.example/buy").header("content-type", FORM);
    let form = form.body(gabion_test::body::whole(format!("note={ESCAPED}"))).unwrap();
    for request in [query, form] {
        assert_eq!(soon(sender.send_request(request)).await.unwrap().status(), 403);
    }
    assert_eq!(shop.requests(), 0);
    let order = Request::post("https://shop.example/buy").header("content-type", FORM);
    let order = order.body(gabion_test::body::whole("name=O%27Brien")).unwrap();
    assert_eq!(soon(sender.send_request(order)).await.unwrap().status(), 200);
}

#[tokio::test]
async fn customers_pass_unchanged() {
    let shop = echo().await;
    let front = front("block", &shop);
    let mut wire = front.tls().await;
    for (kind, body) in [
        (FORM, "name=Fran%C3%A7oise+O%27Brien&street=Stra%C3%9Fe+1"),
        ("application/json", r#"{"query":"{ products(first: 10) { name } }"}"#),
        ("text/plain", "SELECT a tea from our union of flavours"),
        (FORM, ""),
    ] {
        let answer = soon(wire.ask(post(kind, body))).await;
        assert_eq!((answer.status, answer.text()), (200, body));
    }
    let seen = shop.seen();
    assert!(seen.iter().all(|seen| seen.header("transfer-encoding").is_empty()));
    assert_eq!(seen[0].header("content-length"), "50");
}

#[tokio::test]
async fn a_stopped_request_is_told_with_what_an_operator_needs() {
    let shop = echo().await;
    let front = front("block", &shop);
    let body = format!("password=hunter2&note={ESCAPED}&card=4242424242424242");
    let answer = soon(front.tls().await.ask(post(FORM, body))).await;
    let incident = answer.header("x-request-id");
    assert!(answer.text().contains(incident), "the page names the incident");
    let event = front.events.first("waf.blocked").await;
    assert_eq!((entity(&event, "request").as_str(), entity(&event, "rule").as_str()), (incident, "10"));
    for (name, expected) in [
        ("rules", "10 ARGS:note, 11 ARGS:note, 90 TX:blocking_inbound_anomaly_score"),
        ("score", "15"),
        ("threshold", "5"),
        ("mode", "block"),
        ("route", "/"),
        ("phase", "2"),
        ("message", "SQL injection"),
        ("variable", "ARGS:note"),
        ("matched", INJECTION),
        ("method", "POST"),
        ("path", "/buy"),
        ("address", "127.0.0.1"),
        ("near_certain", "true"),
    ] {
        assert_eq!(field(&event, name), expected, "{name}");
    }
    assert!(field(&event, "ja4").starts_with("t13"));
    assert_eq!(event.site.unwrap().as_str(), "tidewater-tea");
    let personal = event.fields.iter().filter(|field| field.personal).map(|field| field.name.as_ref());
    assert_eq!(personal.collect::<Vec<_>>(), ["matched", "address"]);
}

#[tokio::test]
async fn a_refused_head_is_told_with_what_rules_see_in_it_and_stays_refused() {
    let shop = echo().await;
    let front = front("detect", &shop);
    let script = get("/search?q=<script>alert(1)</script>", "");
    let answer = soon(front.tls().await.ask(&script)).await;
    assert_eq!((answer.status, answer.header("connection")), (400, "close"));
    let event = front.events.first("edge.request_refused").await;
    assert_eq!(field(&event, "rules"), "12 ARGS:q, 90 TX:blocking_inbound_anomaly_score");
    assert_eq!(field(&event, "reason"), "bad request: a byte in the target that must be escaped");
    let dull = soon(front.tls().await.ask(get("/search?q=<", ""))).await;
    assert_eq!(dull.status, 400);
    let told =
        || front.events.all().into_iter().filter(|event| event.fields.iter().any(|f| f.name == "rules"));
    assert_eq!((front.events.all().len(), told().count(), shop.requests()), (2, 1, 0));
}

#[tokio::test]
async fn programs_get_a_problem_document_and_people_a_page_in_their_language() {
    let shop = echo().await;
    let front = front("block", &shop);
    let path = format!("/search?q={ESCAPED}");
    let json = soon(front.tls().await.ask(get(&path, "Accept: application/json\r\n"))).await;
    assert_eq!((json.status, json.header("content-type")), (403, "application/problem+json"));
    assert!(json.text().contains("\"code\":\"request_stopped\""), "{}", json.text());
    let page = soon(front.tls().await.ask(get(&path, "Accept: text/html\r\nAccept-Language: de\r\n"))).await;
    assert!(page.text().contains("Diese Anfrage wurde angehalten"));
}

#[tokio::test]
async fn a_rule_of_the_head_stops_before_the_body_is_read() {
    let shop = echo().await;
    let front = front("block", &shop);
    let mut wire = front.tls().await;
    wire.send("POST / HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: nikto\r\nContent-Length: 9\r\n\r\n")
        .await;
    assert_eq!(soon(wire.response()).await.unwrap().status, 403);
    assert!(soon(wire.rest()).await.is_empty());
    assert_eq!(field(&front.events.first("waf.blocked").await, "phase"), "1");
}

#[tokio::test]
async fn a_status_of_the_rules_is_the_answers() {
    let shop = echo().await;
    let front = front("block", &shop);
    assert_eq!(soon(front.tls().await.ask(post("application/json", "{"))).await.status, 400);
}

#[tokio::test]
async fn a_bypass_turns_it_off() {
    let shop = echo().await;
    let front = front("block", &shop);
    front.edge.set_bypass([Module::Waf].into());
    assert_eq!(front.get(&format!("/?q={ESCAPED}")).await.status, 200);
    front.edge.set_bypass([Module::Limits].into());
    assert_eq!(front.get(&format!("/?q={ESCAPED}")).await.status, 403);
}

#[tokio::test]
async fn the_client_is_the_one_that_a_believed_proxy_names() {
    let shop = echo().await;
    let rules = super::rules_with(
        "SecRule REMOTE_ADDR \"@ipMatch 198.51.100.7\" \"id:100,phase:1,deny\"",
        gabion_waf::Services::default(),
    );
    let front = crate::front::Setup::of(&[&shop])
        .listen("trusted_proxies = [\"127.0.0.1\"]")
        .waf("mode = \"block\"", &rules)
        .start();
    let ask = async |address: &str| {
        let request = get("/", &format!("X-Forwarded-For: {address}\r\n"));
        soon(front.tls().await.ask(request)).await.status
    };
    assert_eq!((ask("198.51.100.7").await, ask("198.51.100.8").await), (403, 200));
}
