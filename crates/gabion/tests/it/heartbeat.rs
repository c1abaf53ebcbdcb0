//! The heartbeat, with a second Gabion in front of a shop as the monitor.

use std::time::Duration;

use gabion_test::product::{self, configuration};
use gabion_test::{Shop, body};
use http::Response;

use crate::binary;

const SOON: Duration = Duration::from_secs(30);
const STORAGE: &str = "url = \"sqlite:data/gabion.db\"";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_monitor_is_asked_while_all_is_well_and_its_absence_is_told() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let shop = Shop::start(|request| async move {
        let path = request.uri().path().to_owned();
        let answer = Response::builder().status(if path == "/ping/key" { 200 } else { 404 });
        Ok(answer.body(body::whole(path)).unwrap())
    })
    .await;
    let text =
        configuration(&[shop.url()], STORAGE, "").replace("https://shop.localhost", "https://localhost");
    let mut monitor = product::start(&binary(), there.path(), &text, &[]);
    let ca = there.path().join("data/ca/root.crt");
    let heartbeat = |path: &str| {
        format!(
            "{}\n[heartbeat]\nurl = \"https://localhost:{}{path}\"\nca = {:?}\nevery_seconds = 10\n",
            configuration(&["http://127.0.0.1:9".to_owned()], STORAGE, ""),
            monitor.https.port(),
            ca.display().to_string()
        )
    };
    let (good, wrong) = (heartbeat("/ping/key"), heartbeat("/other"));
    let product = product::start(&binary(), here.path(), &good, &[]);
    tokio::time::timeout(SOON, async {
        while shop.requests() == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("a heartbeat");
    drop(product);

    let mut product = product::start(&binary(), here.path(), &wrong, &[]);
    product.wait_for("the monitor answered 404", SOON);
    drop(product);
    monitor.signal("TERM");
    monitor.wait();
    let mut product = product::start(&binary(), here.path(), &good, &[]);
    let line = product.wait_for("The monitor could not be told", SOON);
    assert!(!line.contains("/ping/key"), "the address is a secret: {line}");
}
