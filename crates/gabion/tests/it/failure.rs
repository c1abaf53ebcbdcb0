//! What goes on when the database does not: the rows of the table in docs/operations/failures.md.

use std::time::Duration;

use gabion_test::postgres::Database;
use gabion_test::product::{self, Product, configuration};
use gabion_test::{Shop, body};
use http::Response;

use crate::{binary, requests};

const READY: &str = "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n";

async fn tea_shop() -> Shop {
    Shop::start(|_| async { Ok(Response::new(body::whole("tea"))) }).await
}

async fn shop_goes_on(product: &Product) {
    let mut wire = product.shop().await;
    for number in 0..requests() {
        let response = wire.ask("GET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n").await;
        assert_eq!((response.status, response.text()), (200, "tea"), "request {number}");
    }
}

/// Asks `/readyz` until it says `expected`: the store notices a dead database when it next writes or probes.
async fn until_ready_is(product: &Product, expected: u16) -> String {
    let mut wire = product.console().await;
    let asking = async {
        loop {
            let response = wire.ask(READY).await;
            if response.status == expected {
                return response.text().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asking).await.expect("readiness changes")
}

/// Writes through the admin socket until one fails or `most` have succeeded.
fn write_until_refused(product: &Product, most: usize) -> bool {
    let write = || {
        let config = product.folder.join("gabion.toml");
        std::process::Command::new(binary()).arg("setup-link").arg("--config").arg(config).output().unwrap()
    };
    (0..most).any(|_| !write().status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_writes_and_not_the_shop() {
    let (folder, shop) = (tempfile::tempdir().unwrap(), tea_shop().await);
    let text = configuration(&[shop.url()], "url = \"sqlite:data/gabion.db\"", "");
    // Every file of the product ends at 768 KiB: as good as a full disk, and needs no rights.
    let limited = ["bash", "-c", "trap '' XFSZ; ulimit -f 768; exec \"$0\" \"$@\""];
    let product = product::start(&binary(), folder.path(), &text, &limited);
    until_ready_is(&product, 200).await;
    assert!(write_until_refused(&product, 400), "the disk never got full");
    let reasons = until_ready_is(&product, 503).await;
    assert!(reasons.contains("database"), "{reasons}");
    shop_goes_on(&product).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_database_stops_writes_and_not_the_shop() {
    let Some(database) = Database::create() else { return };
    let (folder, shop) = (tempfile::tempdir().unwrap(), tea_shop().await);
    let relay = Relay::before(&database).await;
    let storage = format!("url = {:?}\nfiles = \"data\"", relay.url);
    // Every request is counted in the database as long as there is one.
    let text = configuration(&[shop.url()], &storage, &exact_limit(u32::MAX));
    let product = product::start(&binary(), folder.path(), &text, &[]);
    until_ready_is(&product, 200).await;
    relay.cut();
    until_ready_is(&product, 503).await;
    assert!(write_until_refused(&product, 1));
    shop_goes_on(&product).await;
    relay.mend();
    until_ready_is(&product, 200).await;
}

fn exact_limit(requests: u32) -> String {
    format!(
        "[[rate_limit]]\nname = \"all\"\nby = [\"address\"]\nrequests = {requests}\nper_seconds = 86400\n\
         everywhere = true\nexact = true"
    )
}

/// Asks for a page until the answer is 429, with `before` before each.
async fn until_limited(product: &Product, before: impl Fn()) {
    let mut wire = product.shop().await;
    let asking = async {
        loop {
            before();
            if wire.ask("GET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n").await.status == 429 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asking).await.expect("the limit is reached");
}

#[tokio::test(flavor = "multi_thread")]
async fn exact_limits_are_counted_in_the_database_and_outlive_a_restart() {
    let Some(database) = Database::create() else { return };
    let (folder, shop) = (tempfile::tempdir().unwrap(), tea_shop().await);
    let storage = format!("url = {:?}\nfiles = \"data\"", database.url());
    let text = configuration(&[shop.url()], &storage, &exact_limit(1_000));
    let start = || product::start(&binary(), folder.path(), &text, &[]);
    let mut product = start();
    // So many requests are never sent here: only what the database says can refuse one.
    until_limited(&product, || database.run("UPDATE gabion_counter SET due = due + 86400000000000")).await;
    product.signal("TERM");
    assert_eq!(product.wait().code(), Some(0));
    until_limited(&start(), || {}).await;
}

/// A way to a database that can be cut.
struct Relay {
    url: String,
    open: tokio::sync::watch::Sender<bool>,
}

impl Relay {
    async fn before(database: &Database) -> Self {
        let url = database.url();
        let server = url.split(['@', '/']).nth_back(1).unwrap().to_owned();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let relay = listener.local_addr().unwrap();
        let relayed = url.replace(&server, &relay.to_string());
        let (open, is_open) = tokio::sync::watch::channel(true);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (server, mut is_open) = (server.clone(), is_open.clone());
                tokio::spawn(async move {
                    if !*is_open.borrow_and_update() {
                        return;
                    }
                    let mut server = tokio::net::TcpStream::connect(server).await.unwrap();
                    tokio::select! {
                        // Either side may end as it likes.
                        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                        _ = is_open.changed() => {}
                    }
                });
            }
        });
        Self { url: relayed, open }
    }

    fn cut(&self) {
        self.open.send_replace(false);
    }

    fn mend(&self) {
        self.open.send_replace(true);
    }
}
