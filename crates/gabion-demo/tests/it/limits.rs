//! The shop cannot hurt whoever runs it.

use gabion_demo::{Shop, ShopError};

use crate::client::{config, open};

#[tokio::test]
async fn an_address_other_machines_reach_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let mut config = config(&folder);
        config.listen = listen.parse().unwrap();
        assert!(matches!(Shop::bind(config).await, Err(ShopError::NotLoopback(_))), "{listen}");
    }
    assert!(!folder.path().join("shop").exists());
}

#[tokio::test]
async fn a_taken_address_is_named() {
    let shop = open().await;
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&folder);
    config.listen = shop.address;
    let error = Shop::bind(config).await.unwrap_err();
    assert_eq!(error.to_string(), format!("address {} is not available", shop.address));
}

#[tokio::test]
async fn a_foreign_host_is_refused_on_every_path() {
    let shop = open().await;
    let mut browser = shop.browser();
    for path in ["/", "/healthz", "/orders/1007", "/nowhere"] {
        for host in ["evil.example", "naked.localhost.evil.example", "evil.example:8000", ""] {
            let answer = browser.send("GET", path, &format!("host: {host}\r\n"), b"").await;
            assert_eq!(answer.status, 421, "{host} {path}");
        }
        for host in ["naked.localhost:8000", "SHOP.localhost", "127.0.0.1:9", "[::1]:8000"] {
            let answer = browser.send("GET", path, &format!("host: {host}\r\n"), b"").await;
            assert_ne!(answer.status, 421, "{host} {path}");
        }
    }
}

#[tokio::test]
async fn a_large_body_and_a_large_picture_are_refused() {
    let shop = open().await;
    let mut browser = shop.browser();
    let form = vec![b'x'; 9 * 1024 * 1024];
    let large =
        browser.send("POST", "/cart", "content-type: application/x-www-form-urlencoded\r\n", &form).await;
    assert_eq!(large.status, 413);
    let picture = vec![0; 5 * 1024 * 1024 + 1];
    let large = browser.review("iron-goddess", "Look", Some(("big.png", "image/png", &picture))).await;
    assert_eq!(large.status, 413);
    large.shows("up to 5 MB");
}

#[tokio::test]
async fn an_injected_query_without_end_is_stopped() {
    let shop = open().await;
    let endless = "/search?q='%20UNION%20SELECT%20*%20FROM%20(WITH%20RECURSIVE%20n(i)%20AS%20(SELECT%201%20UNION%20ALL%20SELECT%20i%2B1%20FROM%20n)%20SELECT%20count(*),1,1,1%20FROM%20n)%20--";
    let answer = shop.browser().get(endless).await;
    assert_eq!(answer.status, 500);
    answer.shows("interrupted");
    assert_eq!(shop.browser().get("/").await.status, 200);
}

#[tokio::test]
async fn an_injected_query_that_piles_up_memory_is_stopped() {
    let shop = open().await;
    let greedy = "/search?q='%20UNION%20SELECT%20hex(randomblob(400000)),i,1,1%20FROM%20(WITH%20RECURSIVE%20n(i)%20AS%20(SELECT%201%20UNION%20ALL%20SELECT%20i%2B1%20FROM%20n%20LIMIT%202000)%20SELECT%20i%20FROM%20n)%20--";
    let answer = shop.browser().get(greedy).await;
    assert_eq!(answer.status, 500);
    // On a slow machine its time is over before its memory is full.
    let stopped = ["out of memory", "interrupted"].iter().any(|reason| answer.body.contains(reason));
    assert!(stopped, "{}", answer.body);
    assert_eq!(shop.browser().get("/search?q=tea").await.status, 200);
}

#[tokio::test]
async fn an_injected_statement_cannot_write() {
    let shop = open().await;
    let mut browser = shop.browser();
    assert_eq!(browser.get("/search?q=';%20DELETE%20FROM%20order_lines%20--").await.status, 500);
    browser.get("/orders/1007").await.shows("Chamomile Dune");
}
