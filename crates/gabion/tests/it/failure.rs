//! What goes on when the database does not: the rows of the table in docs/operations/failures.md.

use std::time::Duration;

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
    // Every file of the product ends at 256 KiB: as good as a full disk, and needs no rights.
    let limited = ["bash", "-c", "trap '' XFSZ; ulimit -f 256; exec \"$0\" \"$@\""];
    let product = product::start(&binary(), folder.path(), &text, &limited);
    until_ready_is(&product, 200).await;
    assert!(write_until_refused(&product, 200), "the disk never got full");
    let reasons = until_ready_is(&product, 503).await;
    assert!(reasons.contains("database"), "{reasons}");
    shop_goes_on(&product).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_database_stops_writes_and_not_the_shop() {
    let Some(url) = postgres() else { return };
    let (folder, shop) = (tempfile::tempdir().unwrap(), tea_shop().await);
    let database = Database::new(&url).await;
    let storage = format!("url = {:?}\nfiles = \"data\"", database.url);
    let product = product::start(&binary(), folder.path(), &configuration(&[shop.url()], &storage, ""), &[]);
    until_ready_is(&product, 200).await;
    database.cut();
    until_ready_is(&product, 503).await;
    assert!(write_until_refused(&product, 1));
    shop_goes_on(&product).await;
    database.mend();
    until_ready_is(&product, 200).await;
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn postgres() -> Option<String> {
    let url = std::env::var("GABION_TEST_POSTGRES").ok();
    if url.is_none() {
        eprintln!("skipped: GABION_TEST_POSTGRES is not set; `cargo xtask test` starts a PostgreSQL");
    }
    url
}

/// A PostgreSQL behind a relay that can be cut.
struct Database {
    url: String,
    open: tokio::sync::watch::Sender<bool>,
}

impl Database {
    async fn new(url: &str) -> Self {
        let server: std::net::SocketAddr =
            url.rsplit('@').next().unwrap().split('/').next().unwrap().parse().expect("a server on loopback");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let relay = listener.local_addr().unwrap();
        let name = format!("gabion_it_{}", relay.port());
        create_database(url, &name);
        let (open, is_open) = tokio::sync::watch::channel(true);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut is_open = is_open.clone();
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
        Self { url: format!("postgres://gabion@{relay}/{name}"), open }
    }

    fn cut(&self) {
        self.open.send_replace(false);
    }

    fn mend(&self) {
        self.open.send_replace(true);
    }
}

/// The suite's cluster is thrown away with everything in it, so nobody drops this database.
fn create_database(url: &str, name: &str) {
    let output =
        std::process::Command::new("psql").args([url, "-c", &format!("CREATE DATABASE {name}")]).output();
    let output = output.expect("psql is installed with PostgreSQL");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
