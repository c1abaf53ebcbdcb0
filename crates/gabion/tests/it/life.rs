//! Starting, serving, reloading, stopping, bypassing.

use std::time::Duration;

use gabion_test::product::{self, Product, configuration};
use gabion_test::{Shop, body};
use http::Response;

use crate::binary;

const SOON: Duration = Duration::from_secs(10);

async fn tea_shop() -> Shop {
    Shop::start(|request| async move {
        let host = request.headers()["host"].to_str().unwrap().to_owned();
        Ok(Response::new(body::whole(format!("{} {host}", request.uri().path()))))
    })
    .await
}

fn start(folder: &tempfile::TempDir, shop: &Shop, more: &str) -> Product {
    let text = configuration(&[shop.url()], "url = \"sqlite:data/gabion.db\"", more);
    product::start(&binary(), folder.path(), &text, &[])
}

const GET: &str = "GET /tea HTTP/1.1\r\nHost: shop.localhost\r\n\r\n";

#[tokio::test]
async fn a_shop_is_served_over_https_and_stops_when_told() {
    let (folder, shop) = (tempfile::tempdir().unwrap(), tea_shop().await);
    let mut product = start(&folder, &shop, "");
    let response = product.shop().await.ask(GET).await;
    assert_eq!((response.status, response.text()), (200, "/tea shop.localhost"));
    assert!(response.header("x-request-id").starts_with("req_"));
    product.signal("TERM");
    assert_eq!(product.wait().code(), Some(0));
}

#[tokio::test]
async fn hangup_takes_a_new_configuration_and_keeps_the_old_when_it_is_wrong() {
    let (folder, shop) = (tempfile::tempdir().unwrap(), tea_shop().await);
    let mut product = start(&folder, &shop, "");
    let mut wire = product.shop().await;
    assert_eq!(wire.ask(GET).await.status, 200);

    let path = folder.path().join("gabion.toml");
    let good = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, good.replace("[[route]]", "[[rout]]")).unwrap();
    product.signal("HUP");
    product.wait_for("did you mean `route`", SOON);
    assert_eq!(wire.ask(GET).await.status, 200, "the old configuration stays, and so does the connection");

    std::fs::write(&path, good.replace("name = \"shop\"", "name = \"shop\"\nmaintenance = true")).unwrap();
    product.signal("HUP");
    product.wait_for("Configuration reloaded", SOON);
    assert_eq!(wire.ask(GET).await.status, 503, "the new configuration, on the same connection");
}

#[tokio::test]
async fn broken_rules_are_refused_and_the_old_ones_go_on_stopping_attacks() {
    const ATTACK: &str =
        "GET /?q=1%27%20UNION%20SELECT%20login%20FROM%20users-- HTTP/1.1\r\nHost: shop.localhost\r\n\r\n";
    let (folder, shop) = (tempfile::tempdir().unwrap(), tea_shop().await);
    let rules = folder.path().join("own.conf");
    std::fs::write(&rules, "SecRule ARGS:tea \"@streq cold\" \"id:1,phase:2,deny\"\n").unwrap();
    let waf = "[waf]\nmode = \"block\"\nrules = [\"builtin\", \"own.conf\"]\n";
    let mut product = start(&folder, &shop, waf);
    assert_eq!(product.shop().await.ask(ATTACK).await.status, 403);
    std::fs::write(&rules, "\nSecRull ARGS \"@streq cold\"\n").unwrap();
    product.signal("HUP");
    let said = product.wait_for("not reloaded", SOON);
    assert!(said.contains("own.conf:2: SecRull: unknown directive"), "{said}");
    let cold = "GET /?tea=cold HTTP/1.1\r\nHost: shop.localhost\r\n\r\n";
    for request in [ATTACK, cold] {
        assert_eq!(product.shop().await.ask(request).await.status, 403, "the old rules stay");
    }
    let config = folder.path().join("gabion.toml");
    let check =
        std::process::Command::new(binary()).arg("check").arg("--config").arg(config).output().unwrap();
    assert_eq!(check.status.code(), Some(64));
}

#[tokio::test]
async fn a_bypass_takes_effect_by_file_and_ends() {
    let (folder, shop) = (tempfile::tempdir().unwrap(), tea_shop().await);
    let mut product = start(&folder, &shop, "");
    let mut wire = product.shop().await;
    assert_eq!(wire.ask(GET).await.header("x-content-type-options"), "nosniff");
    let bypass = |arguments: &[&str]| {
        let config = folder.path().join("gabion.toml");
        let mut command = std::process::Command::new(binary());
        assert!(
            command.arg("bypass").args(arguments).arg("--config").arg(config).status().unwrap().success()
        );
    };
    bypass(&["--module", "headers", "--for", "5m"]);
    product.wait_for("Bypassed until", SOON);
    assert_eq!(wire.ask(GET).await.header("x-content-type-options"), "");
    bypass(&["--end"]);
    product.wait_for("Nothing is bypassed any more", SOON);
    assert_eq!(wire.ask(GET).await.header("x-content-type-options"), "nosniff");
}

/// The promise is for the release build. The code of a debug build alone, as much of it as is touched, has over 44 MiB.
#[tokio::test]
async fn it_starts_soon_and_stays_small() {
    const IDLE_BYTES_MAX: u64 = if cfg!(debug_assertions) { 80 << 20 } else { 60 << 20 };
    let (folder, shop) = (tempfile::tempdir().unwrap(), tea_shop().await);
    let product = start(&folder, &shop, "");
    assert_eq!(product.shop().await.ask(GET).await.status, 200);
    let bytes = product.resident_bytes();
    assert!(bytes < IDLE_BYTES_MAX, "{} MiB resident", bytes >> 20);
    measured(&format!(
        "served {:?} after its start, {:.1} MiB resident",
        product.started_in,
        mebibytes(bytes)
    ));
}

#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[expect(clippy::print_stdout, reason = "`cargo xtask soak` shows what was measured")]
fn measured(what: &str) {
    println!("measured: {what}");
}

#[tokio::test]
async fn a_second_product_on_the_same_data_is_refused() {
    let (folder, shop) = (tempfile::tempdir().unwrap(), tea_shop().await);
    let _product = start(&folder, &shop, "");
    let config = folder.path().join("gabion.toml");
    let second =
        std::process::Command::new(binary()).arg("run").arg("--config").arg(config).output().unwrap();
    assert_eq!(second.status.code(), Some(69));
    let error = String::from_utf8(second.stderr).unwrap();
    assert!(error.contains("another process uses this database"), "{error}");
}

#[tokio::test]
async fn a_backup_taken_while_running_can_be_restored_elsewhere() {
    let (folder, shop) = (tempfile::tempdir().unwrap(), tea_shop().await);
    let product = start(&folder, &shop, "");
    let gabion = |arguments: &[&str]| {
        let output =
            std::process::Command::new(binary()).args(arguments).current_dir(&folder).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, text) = gabion(&["setup-link"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with(&format!("https://127.0.0.1:{}/setup/", product.control.port())), "{text}");
    let (code, text) = gabion(&["backup", "copy.gabion"]);
    assert_eq!(code, Some(0), "{text}");
    assert_ne!(gabion(&["restore", "copy.gabion"]).0, Some(0), "not under a running product");
    drop(product);
    assert_ne!(gabion(&["restore", "copy.gabion"]).0, Some(0), "not over data, unless forced");
    let (code, text) = gabion(&["restore", "copy.gabion", "--force"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(gabion(&["config", "export"]).0, Some(0), "the restored database opens");
}
