//! The certificates served right now, chosen by server name in every handshake.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use gabion_core::Timestamp;
use rustls::SignatureScheme;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::certificate::ServedCertificate;
use super::expiry::Notices;
use super::name::{Name, normalized};
use super::source::CertificateEvent;

/// The certificates served right now. Clones share them; [`replace`](Self::replace) takes effect for all clones
/// with the next handshake, open connections keep theirs. Reading takes no lock.
#[derive(Clone, Debug)]
pub struct CertificateStore {
    table: Arc<ArcSwap<Table>>,
    /// By the SHA-256 of the certificate.
    renewals: Arc<ArcSwap<HashMap<String, Renewal>>>,
    notices: Arc<Mutex<Notices>>,
}

/// What is known about the renewal of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renewal {
    /// When it is renewed, or tried again; none when somebody else renews it.
    pub next: Option<Timestamp>,
    /// Why the last try did not work.
    pub last_error: Option<String>,
}

/// A store needs at least one certificate, or it could not answer a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no certificate to serve")]
pub struct NoCertificate;

impl CertificateStore {
    /// A store that serves `certificates`; the first is the default.
    ///
    /// # Errors
    /// [`NoCertificate`] for an empty list.
    pub fn new(certificates: Vec<ServedCertificate>) -> Result<Self, NoCertificate> {
        Ok(Self {
            table: Arc::new(ArcSwap::from_pointee(Table::new(certificates)?)),
            renewals: Arc::default(),
            notices: Arc::default(),
        })
    }

    /// Serves `certificates` instead, from the next handshake on.
    ///
    /// # Errors
    /// [`NoCertificate`] for an empty list; the old certificates stay.
    pub fn replace(&self, certificates: Vec<ServedCertificate>) -> Result<(), NoCertificate> {
        self.table.store(Arc::new(Table::new(certificates)?));
        Ok(())
    }

    /// What is served now, the default first.
    pub fn certificates(&self) -> Vec<ServedCertificate> {
        self.table.load().certificates.clone()
    }

    /// Says what is known about the renewal of every certificate, by its SHA-256, in place of what was said before.
    pub(super) fn set_renewals(&self, renewals: HashMap<String, Renewal>) {
        self.renewals.store(Arc::new(renewals));
    }

    /// What is known about the renewal of the certificate with this SHA-256.
    pub(super) fn renewal(&self, sha256: &str) -> Renewal {
        self.renewals.load().get(sha256).cloned().unwrap_or_default()
    }

    /// The served certificates whose end has come nearer than at the last call, see [`Notices`].
    pub(super) fn expiring(&self, now: Timestamp) -> Vec<CertificateEvent> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).look(&self.table.load().certificates, now)
    }

    fn choose(&self, host: Option<&str>, schemes: &[SignatureScheme]) -> Arc<CertifiedKey> {
        let table = self.table.load();
        Arc::clone(table.choose(host, schemes).certified_key())
    }
}

impl ResolvesServerCert for CertificateStore {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.choose(hello.server_name(), hello.signature_schemes()))
    }
}

/// Certificates with an index by name; lists hold positions in `certificates`, in the configured order.
#[derive(Debug)]
struct Table {
    certificates: Vec<ServedCertificate>,
    hosts: HashMap<String, Vec<usize>>,
    /// By the domain below which one more label is covered.
    wildcards: HashMap<String, Vec<usize>>,
    /// The first certificate and those with the same names, such as its RSA twin.
    defaults: Vec<usize>,
}

impl Table {
    fn new(certificates: Vec<ServedCertificate>) -> Result<Self, NoCertificate> {
        let first = certificates.first().ok_or(NoCertificate)?;
        let twins = certificates.iter().enumerate().filter(|(_, other)| other.names() == first.names());
        let defaults = twins.map(|(index, _)| index).collect();
        let (mut hosts, mut wildcards) = (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
        for (index, certificate) in certificates.iter().enumerate() {
            for name in certificate.names() {
                match name {
                    Name::Host(host) => hosts.entry(host.clone()).or_default().push(index),
                    Name::Wildcard(domain) => wildcards.entry(domain.clone()).or_default().push(index),
                    Name::Address(_) => {} // A server name is never an address: RFC 6066 section 3.
                }
            }
        }
        Ok(Self { certificates, hosts, wildcards, defaults })
    }

    /// The exact name, then the wildcard one label up, then the default. A name whose certificates the client
    /// cannot verify counts as not found, except that a default is always given: the handshake then ends with
    /// the alert that says so.
    fn choose(&self, host: Option<&str>, schemes: &[SignatureScheme]) -> &ServedCertificate {
        host.and_then(|host| self.by_name(&normalized(host), schemes))
            .or_else(|| self.best(&self.defaults, schemes))
            .unwrap_or(&self.certificates[0])
    }

    fn by_name(&self, host: &str, schemes: &[SignatureScheme]) -> Option<&ServedCertificate> {
        let exact = self.hosts.get(host).and_then(|found| self.best(found, schemes));
        exact.or_else(|| {
            let (_, domain) = host.split_once('.')?;
            self.best(self.wildcards.get(domain)?, schemes)
        })
    }

    /// The first usable one, ECDSA and Ed25519 before RSA: their signatures cost the server a tenth.
    fn best(&self, found: &[usize], schemes: &[SignatureScheme]) -> Option<&ServedCertificate> {
        let usable = || found.iter().map(|&index| &self.certificates[index]).filter(|c| c.suits(schemes));
        usable().find(|certificate| !certificate.is_rsa()).or_else(|| usable().next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::testing::Ca;

    const ECDSA: SignatureScheme = SignatureScheme::ECDSA_NISTP256_SHA256;
    const RSA: SignatureScheme = SignatureScheme::RSA_PSS_SHA256;

    #[track_caller]
    fn check(store: &CertificateStore, host: Option<&str>, expected: &ServedCertificate) {
        let chosen = store.choose(host, &[ECDSA, RSA]);
        assert!(Arc::ptr_eq(&chosen, expected.certified_key()), "{host:?}");
    }

    #[test]
    fn names_choose_exactly_then_by_wildcard_then_the_default() {
        let ca = Ca::new();
        let fallback = ca.served(&["default.example"]);
        let exact = ca.served(&["www.shop.example"]);
        let wildcard = ca.served(&["*.shop.example"]);
        let store = CertificateStore::new(vec![fallback.clone(), wildcard.clone(), exact.clone()]).unwrap();
        check(&store, Some("www.shop.example"), &exact);
        check(&store, Some("WWW.Shop.Example."), &exact);
        check(&store, Some("img.shop.example"), &wildcard);
        check(&store, Some("a.img.shop.example"), &fallback);
        check(&store, Some("shop.example"), &fallback);
        check(&store, Some("unknown.example"), &fallback);
        check(&store, None, &fallback);
    }

    #[test]
    fn ecdsa_is_preferred_where_the_client_knows_it() {
        let ca = Ca::new();
        let rsa = ca.served_rsa(&["shop.example"]);
        let ecdsa = ca.served(&["shop.example"]);
        let store = CertificateStore::new(vec![rsa.clone(), ecdsa.clone()]).unwrap();
        for host in [Some("shop.example"), None] {
            check(&store, host, &ecdsa);
            assert!(Arc::ptr_eq(&store.choose(host, &[RSA]), rsa.certified_key()));
        }
    }

    #[test]
    fn replacing_reaches_every_clone_and_an_empty_list_changes_nothing() {
        let ca = Ca::new();
        let (old, new) = (ca.served(&["a.example"]), ca.served(&["a.example"]));
        let store = CertificateStore::new(vec![old]).unwrap();
        let clone = store.clone();
        store.replace(vec![new.clone()]).unwrap();
        check(&clone, Some("a.example"), &new);
        assert_eq!(store.replace(vec![]), Err(NoCertificate));
        check(&clone, Some("a.example"), &new);
    }
}
