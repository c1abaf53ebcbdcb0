//! Stopped uploads: what is kept of them, and how an operator gets one back.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gabion_crypto::digest::sha256;
use gabion_test::product::{self, Product, configuration};
use gabion_test::{Shop, body};
use http::Response;

use crate::binary;

const STORAGE: &str = "url = \"sqlite:data/gabion.db\"";

async fn shop() -> Shop {
    Shop::start(|_| async { Ok(Response::new(body::whole("tea"))) }).await
}

fn start(folder: &Path, shop: &Shop, more: &str) -> Product {
    let text = configuration(&[shop.url()], STORAGE, "") + more;
    product::start(&binary(), folder, &text, &[])
}

fn gabion(folder: &Path, arguments: &[&str]) -> Output {
    let config = folder.join("gabion.toml");
    Command::new(binary()).args(arguments).arg("--config").arg(config).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// A text with code of a server at its end, different for each number.
fn bad(number: usize) -> Vec<u8> {
    let text = format!("line {number}\n").repeat(20_000);
    [text.as_bytes(), ["<", "?php sys", "tem($_GET['c']); ?>"].concat().as_bytes()].concat()
}

fn put(number: usize) -> Vec<u8> {
    let content = bad(number);
    let head = format!(
        "PUT /files/{number}.csv HTTP/1.1\r\nHost: shop.localhost\r\nContent-Type: text/csv\r\nContent-Length: {}\r\n\r\n",
        content.len()
    );
    [head.as_bytes(), &content].concat()
}

/// Ids and digests of the files in quarantine.
fn listed(folder: &Path) -> Vec<(String, String)> {
    let output = gabion(folder, &["upload", "list"]);
    assert!(output.status.success(), "{}", said(&output));
    let text = said(&output);
    let files = text.lines().filter(|line| line.starts_with("upl_"));
    files
        .map(|line| {
            let id = line.split(' ').next().unwrap();
            (id.to_owned(), line.rsplit(' ').next().unwrap().to_owned())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_every_stopped_file_is_whole_or_not_there() {
    let (folder, shop) = (tempfile::tempdir().unwrap(), shop().await);
    let mut acknowledged = 0;
    for round in 0..3 {
        let product = start(folder.path(), &shop, "");
        let refused = Arc::new(AtomicUsize::new(0));
        let senders: Vec<_> = (0..4)
            .map(|sender| {
                let (refused, address, root) = (Arc::clone(&refused), product.https, product.root());
                tokio::spawn(async move {
                    for number in 0.. {
                        let mut wire = gabion_test::client::Wire::tls(address, "shop.localhost", &root).await;
                        let sent = wire.try_send(put(round * 1_000 + sender * 100 + number)).await;
                        // The product is killed in the middle of this.
                        let Ok(answer) = wire.response().await else { return };
                        assert!(answer.status == 403, "{sent:?}, {}", answer.status);
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        let enough = async {
            while refused.load(Ordering::Relaxed) < 8 {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), enough).await.expect("files are refused");
        product.signal("KILL");
        for sender in senders {
            // Whoever connects to a dead product panics in the connection; what was answered counts.
            drop(sender.await);
        }
        acknowledged += refused.load(Ordering::Relaxed);
        drop(product);
    }
    assert_eq!(shop.requests(), 0);
    let _product = start(folder.path(), &shop, "");
    let files = listed(folder.path());
    assert!(files.len() >= acknowledged.min(100), "{} of {acknowledged}", files.len());
    for (id, digest) in &files {
        let to = folder.path().join(id);
        let output = gabion(folder.path(), &["upload", "release", id, "--to", to.to_str().unwrap()]);
        assert!(output.status.success(), "{}", said(&output));
        let content = std::fs::read(&to).unwrap();
        assert_eq!(data_encoding::HEXLOWER.encode(&sha256(&content)), *digest);
    }
    let left = std::fs::read_dir(folder.path().join("data/quarantine")).unwrap();
    assert!(left.map(|file| file.unwrap().path()).all(|path| path.extension().unwrap() == "upl"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_takes_a_stopped_file_out_and_deletes_it() {
    let (folder, shop) = (tempfile::tempdir().unwrap(), shop().await);
    let mut product = start(folder.path(), &shop, "");
    assert_eq!(product.shop().await.ask(put(7)).await.status, 403);
    let text = said(&gabion(folder.path(), &["upload", "list"]));
    assert!(text.contains("\"7.csv\"") && text.contains("server-code: "), "{text}");
    let (id, _) = listed(folder.path()).remove(0);
    let to = folder.path().join("out.csv");
    let release = ["upload", "release", &id, "--to", to.to_str().unwrap()];
    assert!(gabion(folder.path(), &release).status.success());
    assert_eq!(std::fs::read(&to).unwrap(), bad(7));
    assert_eq!(std::fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(gabion(folder.path(), &release).status.code(), Some(69), "nothing is overwritten");
    assert!(gabion(folder.path(), &["upload", "delete", &id]).status.success());
    assert!(listed(folder.path()).is_empty());
    let gone = gabion(folder.path(), &["upload", "delete", &id]);
    assert!(said(&gone).contains("no stopped file has the id"), "{}", said(&gone));
    assert_eq!(gabion(folder.path(), &["upload", "delete", "7"]).status.code(), Some(64));
    product.signal("TERM");
    product.wait();
    let output = gabion(folder.path(), &["upload", "list"]);
    assert!(output.status.code() == Some(69) && said(&output).contains("not running"), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn own_rules_are_read_again_and_a_mistake_in_them_changes_nothing() {
    let (folder, shop) = (tempfile::tempdir().unwrap(), shop().await);
    let rules = folder.path().join("own.yar");
    let rule = |text: &str| {
        let text = format!("rule tea {{\n    strings:\n        $a = \"{text}\"\n    condition: $a\n}}\n");
        std::fs::write(&rules, text).unwrap();
    };
    rule("oolong");
    let mut product = start(folder.path(), &shop, "[upload]\nrules = [\"own.yar\"]\n");
    let ask = async |product: &Product, text: &str| {
        let request = format!(
            "PUT /a.csv HTTP/1.1\r\nHost: shop.localhost\r\nContent-Type: text/csv\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        );
        product.shop().await.ask(request).await.status
    };
    let patience = std::time::Duration::from_secs(30);
    assert_eq!((ask(&product, "oolong").await, ask(&product, "assam").await), (403, 200));
    rule("assam");
    product.signal("HUP");
    product.wait_for("Configuration reloaded", patience);
    assert_eq!((ask(&product, "oolong").await, ask(&product, "assam").await), (200, 403));
    std::fs::write(&rules, "rule tea {\n    condition: nonsense\n}\n").unwrap();
    product.signal("HUP");
    let line = product.wait_for("Configuration not reloaded", patience);
    assert!(line.contains("own.yar:2: "), "{line}");
    assert_eq!((ask(&product, "oolong").await, ask(&product, "assam").await), (200, 403));
    let output = gabion(folder.path(), &["check"]);
    assert!(output.status.code() == Some(64) && said(&output).contains("own.yar:2: "), "{}", said(&output));
}
