//! `gabion check` asks the shop past Gabion, and the secret header locks it.

use std::process::Command;
use std::time::Duration;

use gabion_test::product::{self, configuration};
use gabion_test::{Shop, body};
use http::Response;

use crate::binary;

const SECRET: &str = "a-secret-that-nobody-guesses";
const STORAGE: &str = "url = \"sqlite:data/gabion.db\"";

/// What `gabion check` says of a configuration.
fn check(folder: &std::path::Path, text: &str) -> String {
    let config = folder.join("check.toml");
    std::fs::write(&config, text).unwrap();
    let output = Command::new(binary()).args(["check", "--config"]).arg(&config).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_says_whether_the_shop_answers_past_gabion() {
    let folder = tempfile::tempdir().unwrap();
    let shop = Shop::start(|_| async { Ok(Response::new(body::whole("tea"))) }).await;
    let said = check(folder.path(), &configuration(&[shop.url()], STORAGE, ""));
    assert!(said.contains("answers without Gabion (200 OK)"), "{said}");
    assert!(said.contains("listens on loopback only"), "{said}");
    assert!(said.contains("Not seen from here: firewalls in front of this machine"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_that_demands_the_secret_header_answers_only_through_gabion() {
    let folder = tempfile::tempdir().unwrap();
    let shop = Shop::start(|request| async move {
        let told = request.headers().get_all("x-gabion-key").iter().map(|value| value.as_bytes());
        let status = if told.eq([SECRET.as_bytes()]) { 200 } else { 403 };
        Ok(Response::builder().status(status).body(body::whole("tea")).unwrap())
    })
    .await;
    std::fs::write(folder.path().join("shop.secret"), format!("{SECRET}\n")).unwrap();
    let more = "[upstream.secret_header]\nname = \"X-Gabion-Key\"\nvalue_file = \"shop.secret\"\n\
                [upstream.health]\npath = \"/healthz\"\ninterval_seconds = 1\nfailures = 1";
    let text = configuration(&[shop.url()], STORAGE, more);
    let said = check(folder.path(), &text);
    assert!(said.contains("refuses whoever is not Gabion (403 Forbidden)"), "{said}");

    let product = product::start(&binary(), folder.path(), &text, &[]);
    let mut wire = product.shop().await;
    let ask = "GET / HTTP/1.1\r\nHost: shop.localhost\r\nX-Gabion-Key: a-customer-guesses-wrong\r\n\r\n";
    assert_eq!(wire.ask(ask).await.status, 200);
    let mut console = product.console().await;
    let metrics = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    tokio::time::timeout(Duration::from_secs(20), async {
        // Two checks at least, so that a bad one would have counted.
        let asked = shop.requests();
        while shop.requests() < asked + 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("health checks go on");
    let page = console.ask(metrics).await;
    let up = page.text().lines().find(|line| line.starts_with("gabion_endpoint_up{")).unwrap().to_owned();
    assert!(up.ends_with(" 1"), "health checks carry the header too: {up}");
}
