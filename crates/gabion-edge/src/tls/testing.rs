//! Throwaway folders, certificates and handshakes for the tests of this module.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{fs, io};

use gabion_core::{Clock, SystemClock, Timestamp};
use gabion_test::SeededEntropy;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, RsaKeySize,
};
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use x509_parser::der_parser::ber::BerObjectContent;

use super::certificate::{ServedCertificate, Source};
use super::config::CertificateFiles;
use super::{Challenges, SourceDeps};

pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// 2026-01-01T00:00:00Z, inside the validity of every certificate made here unless said otherwise.
pub(super) const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);

/// A folder that is removed with its content at the end of the test.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("gabion-tls-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Replaces a file the way renewal tools do: a new file renamed over the old one.
    pub(super) fn replace(&self, name: &str, text: &str) {
        use std::os::unix::fs::OpenOptionsExt;
        let new = self.path("new");
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).unwrap();
        io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        fs::rename(new, self.path(name)).unwrap();
    }

    pub(super) fn write_pair(&self, pair: &Pair) -> CertificateFiles {
        self.replace("cert.pem", &pair.cert);
        self.replace("key.pem", &pair.key);
        CertificateFiles { cert: self.path("cert.pem"), key: self.path("key.pem") }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("the test folder can be removed");
    }
}

/// A certificate and its key, both PEM.
pub(super) struct Pair {
    pub(super) cert: String,
    pub(super) key: String,
}

/// A certificate authority without name constraints.
pub(super) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    root: rcgen::Certificate,
}

impl Ca {
    pub(super) fn new() -> Self {
        Self::named("Test CA")
    }

    pub(super) fn named(name: &str) -> Self {
        let mut params = base(&[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap();
        Self { root, issuer: Issuer::new(params, key) }
    }

    pub(super) fn pem(&self) -> String {
        self.root.pem()
    }

    pub(super) fn der(&self) -> CertificateDer<'static> {
        self.root.der().clone()
    }

    pub(super) fn pair(&self, names: &[&str]) -> Pair {
        self.pair_of(&base(names), &KeyPair::generate().unwrap())
    }

    pub(super) fn pair_until(&self, names: &[&str], end: Timestamp) -> Pair {
        let params = until(names, end);
        self.pair_of(&params, &KeyPair::generate().unwrap())
    }

    fn pair_of(&self, params: &CertificateParams, key: &KeyPair) -> Pair {
        Pair { cert: params.signed_by(key, &self.issuer).unwrap().pem(), key: key.serialize_pem() }
    }

    pub(super) fn served(&self, names: &[&str]) -> ServedCertificate {
        self.served_of(&base(names), KeyPair::generate().unwrap())
    }

    pub(super) fn served_rsa(&self, names: &[&str]) -> ServedCertificate {
        self.served_of(&base(names), rsa())
    }

    pub(super) fn served_until(&self, names: &[&str], end: Timestamp) -> ServedCertificate {
        let params = until(names, end);
        self.served_of(&params, KeyPair::generate().unwrap())
    }

    pub(super) fn served_for(&self, names: &[&str], start: Timestamp, life: Duration) -> ServedCertificate {
        let mut params = base(names);
        super::local::set_validity(&mut params, start, start.after(life));
        self.served_of(&params, KeyPair::generate().unwrap())
    }

    fn served_of(&self, params: &CertificateParams, key: KeyPair) -> ServedCertificate {
        let chain = vec![params.signed_by(&key, &self.issuer).unwrap().der().clone()];
        ServedCertificate::new(chain, PrivateKeyDer::from(key), Source::Local).unwrap()
    }
}

/// Valid from a year before [`NOW`] until a hundred years after.
fn base(names: &[&str]) -> CertificateParams {
    until(names, NOW.after(DAY * 36_500))
}

fn until(names: &[&str], end: Timestamp) -> CertificateParams {
    let mut params =
        CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name = DistinguishedName::new();
    super::local::set_validity(&mut params, NOW.before(DAY * 365), end);
    params
}

fn rsa() -> KeyPair {
    KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap()
}

pub(super) fn ecdsa_sec1(ca: &Ca) -> Pair {
    in_older_form(ca, &KeyPair::generate().unwrap(), "EC PRIVATE KEY")
}

pub(super) fn rsa_pair_pkcs1(ca: &Ca) -> Pair {
    in_older_form(ca, &rsa(), "RSA PRIVATE KEY")
}

/// The key as it stands inside PKCS#8: SEC1 for elliptic curves, PKCS#1 for RSA.
fn in_older_form(ca: &Ca, key: &KeyPair, label: &str) -> Pair {
    let cert = ca.pair_of(&base(&["a.example"]), key).cert;
    let (_, pkcs8) = x509_parser::der_parser::parse_der(key.serialized_der()).unwrap();
    let BerObjectContent::OctetString(inner) = pkcs8.as_sequence().unwrap()[2].content else {
        panic!("PKCS#8 keeps the key in an octet string")
    };
    Pair { cert, key: format!("-----BEGIN {label}-----\n{}-----END {label}-----\n", base64_lines(inner)) }
}

fn base64_lines(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for (index, chunk) in bytes.chunks(3).enumerate() {
        let bits =
            chunk.iter().fold(0, |bits, &byte| bits << 8 | usize::from(byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = char::from(LETTERS[bits >> (18 - 6 * place) & 63]);
            text.push(if place > chunk.len() { '=' } else { letter });
        }
        text.push_str(if index % 16 == 15 { "\n" } else { "" });
    }
    text + "\n"
}

/// A clock that stands where it is put.
pub(super) struct At(pub(super) Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// What a certificate source needs, with its data in `folder` and a clock that stands at [`NOW`].
pub(super) fn deps(folder: &Folder) -> SourceDeps {
    deps_at(folder, NOW)
}

/// The same at another time.
pub(super) fn deps_at(folder: &Folder, now: Timestamp) -> SourceDeps {
    SourceDeps {
        data: folder.0.clone(),
        clock: Arc::new(At(now)),
        entropy: Arc::new(SeededEntropy::new(1)),
        challenges: Challenges::default(),
    }
}

/// The real time: the verifier of a test handshake reads the machine's clock.
pub(super) fn real_now() -> Timestamp {
    SystemClock.now()
}

/// A client that trusts `root` only.
pub(super) fn client(
    root: CertificateDer<'static>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ClientConfig {
    client_with(super::provider().as_ref().clone(), root, versions)
}

/// The same with other ciphers or groups.
pub(super) fn client_with(
    provider: CryptoProvider,
    root: CertificateDer<'static>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(root).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = super::ALPN.map(<[u8]>::to_vec).to_vec();
    config
}

/// Runs a handshake in memory until both sides are done or one refuses.
pub(super) fn handshake(
    client: ClientConfig,
    server: &Arc<ServerConfig>,
    name: &str,
) -> Result<(ClientConnection, ServerConnection), rustls::Error> {
    handshake_again(&Arc::new(client), server, name)
}

/// The same with a client that may remember earlier handshakes.
pub(super) fn handshake_again(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
    name: &str,
) -> Result<(ClientConnection, ServerConnection), rustls::Error> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), name)?;
    let mut server = ServerConnection::new(Arc::clone(server))?;
    while client.wants_write() || server.wants_write() {
        let mut flight = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut flight).unwrap();
        }
        feed(&flight, |wire| server.read_tls(wire));
        server.process_new_packets()?;
        flight.clear();
        while server.wants_write() {
            server.write_tls(&mut flight).unwrap();
        }
        feed(&flight, |wire| client.read_tls(wire));
        client.process_new_packets()?;
    }
    Ok((client, server))
}

fn feed(flight: &[u8], mut read: impl FnMut(&mut dyn io::Read) -> io::Result<usize>) {
    let mut wire = flight;
    while !wire.is_empty() {
        read(&mut wire).unwrap();
    }
}
