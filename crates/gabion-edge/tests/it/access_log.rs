//! The access log, and the trace a request belongs to.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use gabion_test::{Shop, body};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::front::{Front, Setup, get, get2, shop, soon};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A folder for a log, and the section that writes it there.
fn log(more: &str) -> (TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let section = format!("[access_log]\npath = {path:?}\n{more}");
    (folder, path, section)
}

/// The lines of a file, once there are so many.
async fn lines(path: &Path, count: usize) -> Vec<String> {
    soon(async {
        loop {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            if text.lines().count() >= count && text.ends_with('\n') {
                return text.lines().map(str::to_owned).collect();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}

pub(crate) async fn objects(path: &Path, count: usize) -> Vec<Value> {
    lines(path, count).await.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_line_tells_what_was_asked_and_how_long_each_part_took() {
    let shop = Shop::start(|request: Request<Incoming>| async {
        request.into_body().collect().await.unwrap();
        Ok(Response::new(body::whole("six teas")))
    })
    .await;
    let (_folder, path, section) = log("");
    let front = Setup::of(&[&shop]).more(&section).start();
    let mut wire = front.tls().await;
    let ask = "POST /cart?token=hush&pan=4242424242424242&q=tea HTTP/1.1\r\nHost: shop.example\r\n\
        User-Agent: kettle/1\r\nReferer: https://shop.example/?password=x\r\nContent-Length: 4\r\n\r\nteas";
    let answer = soon(wire.ask(ask)).await;
    let line = objects(&path, 1).await.remove(0);
    for (name, value) in [
        ("request_id", answer.header("x-request-id")),
        ("client", "127.0.0.1"),
        ("method", "POST"),
        ("host", "shop.example"),
        ("path", "/cart"),
        ("query", "token=[masked]&pan=[masked]&q=tea"),
        ("protocol", "HTTP/1.1"),
        ("tls", "TLSv1.3"),
        ("alpn", "http/1.1"),
        ("user_agent", "kettle/1"),
        ("referer", "https://shop.example/?password=[masked]"),
        ("site", "tidewater-tea"),
        ("upstream", "shop"),
        ("endpoint", shop.url().as_str()),
        ("end", "whole"),
    ] {
        assert_eq!(line[name], value, "{name} in {line}");
    }
    assert_eq!((&line["status"], &line["bytes_in"], &line["bytes_out"]), (&200.into(), &4.into(), &8.into()));
    let us = |name: &str| line[name].as_u64().unwrap_or_else(|| panic!("{name} in {line}"));
    assert!(us("connect_us") <= us("shop_us") && us("shop_us") <= us("head_us"), "{line}");
    assert!(us("head_us") <= us("total_us") && us("first_byte_us") <= us("shop_us"), "{line}");
    assert_eq!(line.get("queue_us"), None, "nothing was waited for");
    assert!(line["time"].as_str().unwrap().parse::<gabion_core::Timestamp>().is_ok(), "{line}");
}

#[tokio::test]
async fn refusals_and_http2_have_lines_too() {
    let shop = shop("tea").await;
    let (_folder, path, section) = log("sample_percent = 0");
    let front = Setup::of(&[&shop]).more(&section).start();
    let mut sender = front.http2().await;
    let answer = soon(sender.send_request(get2("/unseen"))).await.unwrap();
    soon(answer.into_body().collect()).await.unwrap();
    let mut foreign = get2("/");
    *foreign.uri_mut() = "https://foreign.example/x".parse().unwrap();
    soon(sender.send_request(foreign)).await.unwrap();
    let lines = objects(&path, 1).await;
    assert_eq!(lines.len(), 1, "only errors, with a share of 0: {lines:?}");
    assert_eq!((&lines[0]["status"], &lines[0]["protocol"]), (&421.into(), &"HTTP/2.0".into()));
    assert_eq!(lines[0]["refused"], "no site is configured for host foreign.example");
    assert_eq!(lines[0].get("upstream"), None);
}

#[tokio::test]
async fn answers_that_do_not_end_say_so() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
    let address = gabion_test::shop::raw(move |mut stream: TcpStream, _| async move {
        let head = gabion_test::shop::read_head(&mut stream).await;
        if !head.contains("/silent") {
            stream.write_all(half.as_bytes()).await.unwrap();
        }
        if !head.contains("/breaks") {
            std::future::pending::<()>().await;
        }
    })
    .await;
    let (_folder, path, section) = log("");
    let front = Setup::at(address).more(&section).start();
    let mut wire = front.tls().await;
    wire.send(get("/breaks", "")).await;
    soon(wire.rest()).await;
    for leaves in ["/leaves", "/silent"] {
        let mut wire = front.tls().await;
        wire.send(get(leaves, "")).await;
        if leaves == "/leaves" {
            soon(wire.head()).await.unwrap();
        } else {
            soon(in_flight(&front)).await;
        }
    }
    let mut ends: Vec<_> = objects(&path, 3)
        .await
        .iter()
        .map(|line| format!("{} {} {}", line["path"], line["status"], line["end"]))
        .collect();
    ends.sort();
    let expected = ["\"/breaks\" 200 \"broken\"", "\"/leaves\" 200 \"left\"", "\"/silent\" 499 \"left\""];
    assert_eq!(ends, expected);
    assert_eq!(front.edge.metrics().abandoned.load(Ordering::Relaxed), 1);
}

async fn in_flight(front: &Front) {
    while front.edge.metrics().in_flight.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_renamed_log_is_written_anew_after_a_reload_and_whole_after_a_stop() {
    let shop = shop("tea").await;
    let (_folder, path, section) = log("format = \"combined\"");
    let setup = Setup::of(&[&shop]).more(&section);
    let front = setup.start();
    front.get("/first").await;
    lines(&path, 1).await;
    let aside = path.with_extension("aside");
    std::fs::rename(&path, &aside).unwrap();
    front.edge.reload(setup.config()).unwrap();
    soon(async {
        while !path.exists() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    front.get("/second").await;
    soon(front.edge.stop_and_drain()).await;
    let (before, after) = (std::fs::read_to_string(&aside).unwrap(), std::fs::read_to_string(&path).unwrap());
    assert!(
        before.contains("\"GET /first HTTP/1.1\" 200 3 \"-\" \"-\"") && before.lines().count() == 1,
        "{before}"
    );
    assert!(
        after.contains("\"GET /second HTTP/1.1\" 200 3 \"-\" \"-\"") && after.lines().count() == 1,
        "{after}"
    );
}

#[tokio::test]
async fn a_log_that_cannot_be_opened_is_told_at_once() {
    let shop = shop("tea").await;
    let setup = Setup::of(&[&shop]).more("[access_log]\npath = \"/nowhere/access.log\"");
    assert!(setup.try_start(setup.config()).is_err());
}

#[tokio::test]
async fn only_a_believed_proxy_continues_a_trace() {
    let shop = shop("tea").await;
    let (_folder, path, section) = log("");
    let ask = get("/", &format!("traceparent: {PARENT}\r\ntracestate: a=1\r\n"));

    let front = Setup::of(&[&shop]).start();
    soon(front.tls().await.ask(&ask)).await;
    let seen = shop.only();
    assert_eq!((seen.header("traceparent"), seen.header("tracestate")), ("", ""));

    let front = Setup::of(&[&shop]).listen("trusted_proxies = [\"127.0.0.1\"]").more(&section).start();
    soon(front.tls().await.ask(&ask)).await;
    let seen = shop.seen().pop().unwrap();
    let (parent, state) = (seen.header("traceparent").to_owned(), seen.header("tracestate").to_owned());
    assert_eq!((&parent[..36], &parent[52..], state.as_str()), (&PARENT[..36], "-01", "a=1"));
    assert_ne!(parent[36..52], PARENT[36..52], "the shop's parent is Gabion");
    assert_eq!(objects(&path, 1).await[0]["trace_id"], &PARENT[3..35]);
}
