//! `gabion waf install-crs` against a release server with a certificate of an authority of ours.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use flate2::Compression;
use flate2::write::GzEncoder;
use gabion_core::{Clock, SystemClock};
use gabion_crypto::digest::sha256;
use gabion_edge::tls::local::Authority;
use gabion_edge::tls::{CertificateStore, TlsSettings, server_config};
use tar::{Builder, EntryType, Header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

use crate::binary;

/// Rules that stop attacks, as a release holds them.
const RULES: &[u8] = b"SecRule ARGS \"@detectSQLi\" \"id:1,phase:2,deny\"\n\
                       SecRule ARGS \"@detectXSS\" \"id:2,phase:2,deny\"\n";

/// A release with these rules and one more entry.
fn release(rules: &[u8], more: Option<(&str, EntryType)>) -> Vec<u8> {
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut add = |name: &str, kind, content: &[u8]| {
        let mut header = Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, content).unwrap();
    };
    add("coreruleset-4.0.0/crs-setup.conf.example", EntryType::Regular, b"# nothing\n");
    add("coreruleset-4.0.0/rules/a.conf", EntryType::Regular, rules);
    if let Some((name, kind)) = more {
        add(name, kind, b"");
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

fn whole(body: &[u8]) -> Vec<u8> {
    answer("200 OK", &format!("Content-Length: {}\r\n", body.len()), body)
}

/// A server that gives fixed bytes for each path. Ends when dropped.
struct Server {
    port: u16,
    ca: PathBuf,
    _task: AbortOnDropHandle<()>,
}

impl Server {
    async fn start(folder: &Path, answers: HashMap<&'static str, Vec<u8>>) -> Self {
        let names = ["localhost".parse().unwrap()];
        let authority = Authority::open_or_create(&folder.join("ca"), &names, &SystemClock).unwrap();
        let served = authority.issue(&names, SystemClock.now()).unwrap();
        let store = CertificateStore::new(vec![served]).unwrap();
        let tls = TlsAcceptor::from(server_config(&store, &TlsSettings::default()).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answers = Arc::new(answers);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that does not believe us leaves during the handshake.
                let Ok(mut stream) = tls.accept(stream).await else { continue };
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                let path = String::from_utf8(head).unwrap().split(' ').nth(1).unwrap().to_owned();
                let sent = stream.write_all(&answers[path.as_str()]).await;
                // One that heard enough leaves, too.
                if sent.is_ok() {
                    stream.shutdown().await.ok();
                }
            }
        });
        Self { port, ca: authority.root_path().to_owned(), _task: AbortOnDropHandle::new(task) }
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    /// Installs what the server gives for a path into `folder`/crs.
    async fn install(&self, folder: &Path, path: &str, digest: &str) -> (Option<i32>, String) {
        let (url, ca) = (self.url(path), self.ca.display().to_string());
        install(folder, &["--from", &url, "--sha256", digest, "--ca", &ca]).await
    }
}

async fn install(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output: Output = tokio::process::Command::new(binary())
        .args(["waf", "install-crs", "--version", "4.0.0", "--to"])
        .arg(folder.join("crs"))
        .args(arguments)
        .output()
        .await
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

fn digest(bytes: &[u8]) -> String {
    HEXLOWER.encode(&sha256(bytes))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_is_installed_and_tried_or_nothing_changes() {
    let home = tempfile::tempdir().unwrap();
    let good = release(RULES, None);
    let upwards = release(RULES, Some(("coreruleset-4.0.0/../../evil.conf", EntryType::Regular)));
    let link = release(RULES, Some(("coreruleset-4.0.0/rules/b.conf", EntryType::Symlink)));
    let broken = release(b"SecRull x\n", None);
    let toothless = release(b"SecAction \"id:1,phase:1,pass\"\n", None);
    let truncated = answer("200 OK", &format!("Content-Length: {}\r\n", good.len()), &good[..good.len() / 2]);
    let redirect = |to: &str| answer("302 Found", &format!("Location: {to}\r\nContent-Length: 0\r\n"), b"");
    let server = Server::start(
        home.path(),
        HashMap::from([
            ("/good", whole(&good)),
            ("/upwards", whole(&upwards)),
            ("/link", whole(&link)),
            ("/broken", whole(&broken)),
            ("/toothless", whole(&toothless)),
            ("/truncated", truncated),
            ("/oversized", answer("200 OK", "Content-Length: 99999999\r\n", b"x")),
            ("/endless", answer("200 OK", "", &vec![0; 33 << 20])),
            ("/missing", answer("404 Not Found", "Content-Length: 0\r\n", b"")),
            ("/to-http", redirect("http://localhost/good")),
            ("/circle", redirect("https://localhost:1/")),
        ]),
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    for (path, archive, code, said) in [
        ("/good", &b"other"[..], 69, "the archive is not the one expected"),
        ("/upwards", &upwards, 69, "a path that leads out of the folder"),
        ("/link", &link, 69, "a link"),
        ("/broken", &broken, 69, "unknown directive \"SecRull\""),
        ("/toothless", &toothless, 69, "the rules let an SQL injection pass"),
        ("/truncated", &good, 69, "/truncated: "),
        ("/oversized", &good, 69, "the answer is longer than 33554432 bytes"),
        ("/endless", &good, 69, "the answer is longer than 33554432 bytes"),
        ("/missing", &good, 69, "the server answered 404 Not Found"),
        ("/to-http", &good, 64, "\"http://localhost/good\" is no https:// address"),
        ("/circle", &good, 69, "https://localhost:1/: "),
    ] {
        let (found, text) = server.install(here, path, &digest(archive)).await;
        assert_eq!(found, Some(code), "{path}: {text}");
        assert!(text.contains(said), "{path}: {text}");
        assert_eq!(std::fs::read_dir(here).unwrap().count(), 0, "{path} left something");
    }
    let url = server.url("/good");
    let (code, text) = install(here, &["--from", &url, "--sha256", &digest(&good)]).await;
    assert!(code == Some(69) && text.contains("UnknownIssuer"), "who is not believed: {text}");

    let (code, text) = server.install(here, "/good", &digest(&good)).await;
    assert_eq!(code, Some(0), "{text}");
    let crs = here.join("crs");
    assert!(text.contains(&format!("[waf]\nrules = [\"{}\"]", crs.display())), "{text}");
    assert_eq!(std::fs::read(crs.join("rules/a.conf")).unwrap(), RULES);
    assert_eq!(std::fs::read_dir(here).unwrap().count(), 1);
    let (code, text) = server.install(here, "/good", &digest(&good)).await;
    assert!(code == Some(73) && text.contains("exists"), "{text}");

    let empty = tempfile::tempdir().unwrap();
    let gone = server.url("/good");
    drop(server);
    let (code, text) = install(empty.path(), &["--from", &gone, "--sha256", &digest(&good)]).await;
    assert!(code == Some(69) && text.contains("refused"), "{text}");
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn without_a_digest_nothing_is_downloaded() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = install(folder.path(), &[]).await;
    assert_eq!(code, Some(64));
    assert!(text.contains("--sha256 is needed"), "{text}");
    assert!(text.contains("releases/download/v4.0.0/coreruleset-4.0.0-minimal.tar.gz"), "{text}");
}
