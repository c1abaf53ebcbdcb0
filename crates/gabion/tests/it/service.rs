//! What the service manager is told.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use gabion_test::product::{self, configuration};
use gabion_test::{Shop, body};
use http::Response;

use crate::binary;

#[test]
fn the_units_are_ones_that_systemd_understands() {
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging");
    let folder = tempfile::tempdir().unwrap();
    let service = std::fs::read_to_string(packaging.join("gabion.service")).unwrap();
    let service = service.replace("/usr/local/bin/gabion", &binary().display().to_string());
    std::fs::write(folder.path().join("gabion.service"), service).unwrap();
    std::fs::copy(packaging.join("gabion.socket"), folder.path().join("gabion.socket")).unwrap();
    let units = ["gabion.service", "gabion.socket"].map(|unit| folder.path().join(unit));
    match Command::new("systemd-analyze").args(["verify", "--man=no"]).args(units).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.is_empty(), "{said}");
        }
        Err(_) => skipped("skipped: there is no systemd-analyze (Debian package systemd)"),
    }
}

#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn skipped(why: &str) {
    println!("{why}");
}

/// The next thing the service manager is told that contains `text`.
#[track_caller]
fn told(manager: &UnixDatagram, text: &str) -> String {
    let mut bytes = [0; 4096];
    loop {
        let length = manager.recv(&mut bytes).unwrap_or_else(|error| panic!("no {text}: {error}"));
        let said = String::from_utf8_lossy(&bytes[..length]).into_owned();
        if said.contains(text) {
            return said;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_manager_is_told_of_every_step_and_gets_signs_of_life() {
    let folder = tempfile::tempdir().unwrap();
    let shop = Shop::start(|_| async { Ok(Response::new(body::whole("tea"))) }).await;
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut command = Command::new(binary());
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "900000");
    let text = configuration(&[shop.url()], "url = \"sqlite:data/gabion.db\"", "");
    let mut product = product::start_prepared(command, folder.path(), &text);
    assert!(told(&manager, "READY=1").contains("STATUS=serving on 2 public listeners"));
    told(&manager, "WATCHDOG=1");
    told(&manager, "WATCHDOG=1");
    product.signal("HUP");
    assert!(told(&manager, "RELOADING=1").contains("MONOTONIC_USEC="));
    told(&manager, "READY=1");
    product.signal("USR2");
    assert!(told(&manager, "RELOADING=1").contains("restarting in place"));
    told(&manager, "READY=1");
    told(&manager, "WATCHDOG=1");
    product.signal("TERM");
    told(&manager, "STOPPING=1");
    assert_eq!(product.wait().code(), Some(0));
}
