//! Pebble, the small ACME server of the makers of Let's Encrypt, as Debian packages it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use gabion_core::SystemClock;
use gabion_edge::tls::certificate::Source;
use gabion_edge::tls::local::Authority;
use gabion_test::client::Wire;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tempfile::TempDir;
use tokio::net::TcpStream;

use super::dns::Dns;
use crate::front::{names, soon};

const BINARY: &str = "/usr/bin/pebble";
const PORT: u16 = 14_000;
const MANAGEMENT_PORT: u16 = 15_000;

/// The id and HMAC key of the one external account that is known.
pub(crate) const EAB: (&str, &str) =
    ("kid-1", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W");

/// What a test asks of Pebble.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    /// Where it looks for http-01 answers.
    pub(crate) http_port: u16,
    /// Where it looks for tls-alpn-01 answers.
    pub(crate) tls_port: u16,
    /// Whether it wants a binding to an external account.
    pub(crate) eab: bool,
    /// Good nonces it refuses, of a hundred.
    pub(crate) nonces_refused: u8,
}

/// A place for Pebble: its port, its own certificate, and a name server. Pebble itself runs between `start` and
/// `stop`.
pub(crate) struct Pebble {
    folder: TempDir,
    root: CertificateDer<'static>,
    host: Ipv4Addr,
    dns: Dns,
    child: Option<Child>,
}

impl Pebble {
    /// Prepares it; none, with a message, where it is not installed.
    #[expect(clippy::print_stderr, reason = "whoever runs the tests should know what was skipped")]
    pub(crate) async fn prepare() -> Option<Self> {
        if !Path::new(BINARY).exists() {
            eprintln!("skipped: {BINARY} is not installed (Debian: apt install pebble)");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let host = own_address();
        let names = names(&[&host.to_string()]);
        let authority = Authority::open_or_create(&folder.path().join("ca"), &names, &SystemClock).unwrap();
        authority.current(&names, gabion_core::Clock::now(&SystemClock)).unwrap();
        let root = authority.root_der().clone();
        Some(Self { folder, root, host, dns: Dns::start().await, child: None })
    }

    pub(crate) fn directory(&self) -> String {
        format!("https://{}:{PORT}/dir", self.host)
    }

    /// The PEM file of the root that Pebble's own TLS leads to.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca/root.crt")
    }

    /// Starts it with nothing remembered, and waits until it answers.
    pub(crate) async fn start(&mut self, asked: Asked) {
        let Asked { http_port, tls_port, eab, nonces_refused } = asked;
        let leaf = self.folder.path().join("ca/leaf.pem");
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("{}:{PORT}", self.host),
            "managementListenAddress": format!("{}:{MANAGEMENT_PORT}", self.host),
            "certificate": leaf, "privateKey": leaf,
            "httpPort": http_port, "tlsPort": tls_port,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": eab,
            "externalAccountMACKeys": { EAB.0: EAB.1 },
        }});
        let file = self.folder.path().join("pebble.json");
        std::fs::write(&file, config.to_string()).unwrap();
        let child = Command::new(BINARY)
            .args(["-strict", "-dnsserver", &self.dns.address.to_string(), "-config"])
            .arg(file)
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_WFE_NONCEREJECT", nonces_refused.to_string())
            .env("PEBBLE_AUTHZREUSE", "0")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.child = Some(child.unwrap());
        for port in [PORT, MANAGEMENT_PORT] {
            soon(answers(SocketAddr::from((self.host, port)))).await;
        }
    }

    /// Ends it.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// What certificates from it are called.
    pub(crate) fn source(&self) -> Source {
        Source::Acme(self.host.to_string())
    }

    /// The root of the certificates it issues.
    pub(crate) async fn root(&self) -> CertificateDer<'static> {
        let management = SocketAddr::from((self.host, MANAGEMENT_PORT));
        let mut wire = Wire::tls(management, &self.host.to_string(), &self.root).await;
        let answer = soon(wire.ask("GET /roots/0 HTTP/1.1\r\nHost: pebble\r\n\r\n")).await;
        CertificateDer::from_pem_slice(answer.text().as_bytes()).unwrap()
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Pebble cannot be told to take a free port and say which; so each has a loopback address of its own.
fn own_address() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 + NEXT.fetch_add(1, Ordering::Relaxed) % 64, high, low)
}

async fn answers(address: SocketAddr) {
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    while TcpStream::connect(address).await.is_err() {
        ticks.tick().await;
    }
}
