//! Restarts under a customer who opens a connection every few milliseconds: none is refused, no request fails.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt, FdMapping};
use gabion_test::client::{Wire, connect_tls, tls};
use gabion_test::product::{self, Product, configuration};
use gabion_test::{Shop, body};
use http::Response;
use rustls_pki_types::CertificateDer;
use tokio::task::JoinHandle;

use crate::binary;

const GET: &str = "GET /tea HTTP/1.1\r\nHost: shop.localhost\r\n\r\n";
/// Between two connections of the customer.
const PAUSE: Duration = Duration::from_millis(5);
/// Longer than any restart here may take.
const PATIENCE: Duration = Duration::from_secs(30);

async fn tea_shop() -> Shop {
    Shop::start(|_| async { Ok(Response::new(body::whole("tea"))) }).await
}

fn text(shop: &Shop) -> String {
    configuration(&[shop.url()], "url = \"sqlite:data/gabion.db\"", "")
}

/// A customer who never rests, and what went wrong.
struct Customer {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    task: JoinHandle<Seen>,
}

#[derive(Default)]
struct Seen {
    answered: usize,
    slowest: Duration,
    failures: Vec<String>,
}

impl Customer {
    fn start(address: SocketAddr, root: CertificateDer<'static>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::new(AtomicUsize::new(0));
        let (stopped, counter) = (Arc::clone(&stop), Arc::clone(&asked));
        let task = tokio::spawn(async move {
            let mut seen = Seen::default();
            while !stopped.load(Ordering::Relaxed) {
                let begun = Instant::now();
                match tokio::time::timeout(PATIENCE, ask(address, &root)).await {
                    Ok(Ok(200)) => seen.answered += 1,
                    Ok(Ok(status)) => seen.failures.push(format!("status {status}")),
                    Ok(Err(error)) => seen.failures.push(error.to_string()),
                    Err(_) => seen.failures.push("no answer".into()),
                }
                counter.fetch_add(1, Ordering::Relaxed);
                seen.slowest = seen.slowest.max(begun.elapsed());
                tokio::time::sleep(PAUSE).await;
            }
            seen
        });
        Self { stop, asked, task }
    }

    /// Waits until so many more requests have ended, well or not.
    async fn asks(&self, more: usize) {
        let wanted = self.asked.load(Ordering::Relaxed) + more;
        while self.asked.load(Ordering::Relaxed) < wanted {
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn leave(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

async fn ask(address: SocketAddr, root: &CertificateDer<'static>) -> std::io::Result<u16> {
    let mut wire = Wire::over(connect_tls(address, "shop.localhost", tls(root, &["http/1.1"])).await?);
    wire.try_send(GET).await?;
    Ok(wire.response().await?.status)
}

#[track_caller]
fn nothing_failed(seen: &Seen) {
    assert_eq!(seen.failures, Vec::<String>::new(), "{} answered", seen.answered);
    assert!(seen.answered >= 20, "only {} answered", seen.answered);
    measured(&format!("{} requests during restarts, the slowest took {:?}", seen.answered, seen.slowest));
}

#[expect(clippy::print_stdout, reason = "shown by `--no-capture`")]
fn measured(what: &str) {
    println!("{what}");
}

/// `gabion restart`, which returns when the new program answers.
async fn restart(folder: &Path) -> Output {
    let config = folder.join("gabion.toml");
    tokio::process::Command::new(binary()).arg("restart").arg("--config").arg(config).output().await.unwrap()
}

async fn restarted(folder: &Path) {
    let output = restart(folder).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Puts another program in the place of the one that runs.
fn install(folder: &Path, script: &str) {
    let new = folder.join("gabion.new");
    std::fs::write(&new, format!("#!/bin/bash\n{script}\n")).unwrap();
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(&new, folder.join("gabion")).unwrap();
}

/// The product, started through a link that can be pointed elsewhere.
fn start(folder: &Path, shop: &Shop) -> Product {
    symlink(binary(), folder.join("gabion")).unwrap();
    product::start(&folder.join("gabion"), folder, &text(shop), &[])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarts_in_place_refuse_no_connection_and_fail_no_request() {
    let (folder, shop) = (tempfile::tempdir().unwrap(), tea_shop().await);
    let mut product = start(folder.path(), &shop);
    let customer = Customer::start(product.https, product.root());
    for by_signal in [false, true, false] {
        customer.asks(10).await;
        if by_signal {
            product.signal("USR2");
        } else {
            restarted(folder.path()).await;
        }
        product.wait_for("Restarting in place", PATIENCE);
        product.wait_for("Serving http://", PATIENCE);
    }
    customer.asks(10).await;
    nothing_failed(&customer.leave().await);
    product.signal("TERM");
    assert_eq!(product.wait().code(), Some(0), "the same process, still");
}

/// The new program finds a database from before the last migration: its wrapper undoes that step while nobody has the
/// database open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_with_a_migration_refuses_no_connection() {
    if Command::new("sqlite3").arg("--version").output().is_err() {
        measured("skipped: there is no sqlite3 (Debian package sqlite3)");
        return;
    }
    let (folder, shop) = (tempfile::tempdir().unwrap(), tea_shop().await);
    let mut product = start(folder.path(), &shop);
    let customer = Customer::start(product.https, product.root());
    let undo = "DROP TABLE settings_version; DELETE FROM gabion_migration WHERE domain = 'settings';";
    let steps = "SELECT count(*) FROM gabion_migration WHERE domain = 'settings';";
    let (data, real) = (folder.path().join("data"), binary());
    let (database, real) = (data.join("gabion.db").display().to_string(), real.display().to_string());
    install(
        folder.path(),
        &format!(
            "if [ \"$1\" = run ]; then sqlite3 {database} \"{undo}\" \"{steps}\" > {}/steps || exit 1; fi\n\
             exec -a \"$0\" {real} \"$@\"",
            data.display()
        ),
    );
    customer.asks(10).await;
    restarted(folder.path()).await;
    customer.asks(10).await;
    nothing_failed(&customer.leave().await);
    assert_eq!(std::fs::read_to_string(data.join("steps")).unwrap(), "0\n", "a step was pending");
    product.signal("TERM");
    assert_eq!(product.wait().code(), Some(0));
    let after = Command::new("sqlite3").args([&database, steps]).output().unwrap();
    assert_eq!(String::from_utf8(after.stdout).unwrap(), "1\n", "and was taken");
}

#[tokio::test]
async fn a_program_that_cannot_take_over_changes_nothing() {
    let (folder, shop) = (tempfile::tempdir().unwrap(), tea_shop().await);
    let mut product = start(folder.path(), &shop);
    install(folder.path(), "echo 'gabion: this is not the program you want' >&2; exit 1");
    let output = restart(folder.path()).await;
    assert_eq!(output.status.code(), Some(69));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("cannot take over: this is not the program you want"), "{error}");
    product.wait_for("Not restarted", PATIENCE);

    std::fs::remove_file(folder.path().join("gabion")).unwrap();
    symlink(binary(), folder.path().join("gabion")).unwrap();
    let path = folder.path().join("gabion.toml");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addresses = format!("http = [\"127.0.0.1:0\", \"{}\"]", taken.local_addr().unwrap());
    std::fs::write(&path, text(&shop).replace("http = [\"127.0.0.1:0\"]", &addresses)).unwrap();
    let output = restart(folder.path()).await;
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("cannot listen on 127.0.0.1:"), "{error}");
    assert_eq!(product.shop().await.ask(GET).await.status, 200, "the old program goes on");
}

/// The product with sockets that this process holds, as systemd does.
fn activated(folder: &Path, shop: &Shop, sockets: &[TcpListener]) -> Product {
    product::start_prepared(command(sockets), folder, &activated_text(shop, sockets))
}

fn command(sockets: &[TcpListener]) -> Command {
    let mut command = Command::new(binary());
    command.env("LISTEN_FDS", sockets.len().to_string());
    let mapping = |(child_fd, socket): (i32, &TcpListener)| FdMapping {
        parent_fd: socket.try_clone().unwrap().into(),
        child_fd,
    };
    command.fd_mappings((3..).zip(sockets).map(mapping).collect()).unwrap();
    command
}

fn activated_text(shop: &Shop, sockets: &[TcpListener]) -> String {
    let mut text = text(shop);
    for socket in sockets {
        text = text.replacen("127.0.0.1:0", &socket.local_addr().unwrap().to_string(), 1);
    }
    text
}

fn sockets() -> Vec<TcpListener> {
    (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_that_were_handed_in_stay_open_between_two_processes() {
    let (folder, shop, sockets) = (tempfile::tempdir().unwrap(), tea_shop().await, sockets());
    let mut product = activated(folder.path(), &shop, &sockets);
    let addresses: Vec<_> = sockets.iter().map(|socket| socket.local_addr().unwrap()).collect();
    assert_eq!(addresses, [product.https, product.http, product.control]);
    let customer = Customer::start(product.https, product.root());
    for _ in 0..2 {
        customer.asks(10).await;
        product.signal("TERM");
        assert_eq!(product.wait().code(), Some(0));
        product = activated(folder.path(), &shop, &sockets);
    }
    customer.asks(10).await;
    nothing_failed(&customer.leave().await);
}

#[tokio::test]
async fn a_socket_that_no_setting_names_is_refused_with_what_to_do() {
    let (folder, shop, sockets) = (tempfile::tempdir().unwrap(), tea_shop().await, sockets());
    let config = folder.path().join("gabion.toml");
    std::fs::write(&config, activated_text(&shop, &sockets[..2])).unwrap();
    let stranger = [sockets[2].try_clone().unwrap()];
    let unnamed = stranger[0].local_addr().unwrap();
    let text = activated_text(&shop, &sockets[..2]).replace("127.0.0.1:0", "127.0.0.1:1");
    std::fs::write(&config, text).unwrap();
    let output = command(&stranger).arg("run").arg("--config").arg(&config).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains(&format!("a socket for {unnamed} was handed in")), "{error}");
    assert!(error.contains("add it to listen.https"), "{error}");
}
