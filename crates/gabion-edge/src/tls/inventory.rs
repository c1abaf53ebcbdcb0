//! What the console, the API and the metrics say about the served certificates.

use gabion_core::Timestamp;
use serde::Serialize;

use super::certificate::{KeyType, ServedCertificate, Source};
use super::name::Name;
use super::store::{CertificateStore, Renewal};

/// Whether a certificate can be relied on at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Validity {
    /// Its time has not come: the clock or the file is wrong.
    NotYet,
    /// Within its time.
    Valid,
    /// Its time is over: browsers refuse it.
    Expired,
}

impl Validity {
    pub(super) fn at(now: Timestamp, not_before: Timestamp, not_after: Timestamp) -> Self {
        match now {
            _ if now < not_before => Self::NotYet,
            _ if now > not_after => Self::Expired,
            _ => Self::Valid,
        }
    }
}

/// What the console, the API and the metrics say about one served certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CertificateInfo {
    /// The names it stands for.
    pub names: Vec<Name>,
    /// Who signed it, as a distinguished name.
    pub issuer: String,
    /// Its serial number, lower-case hex.
    pub serial: String,
    /// The first moment of validity.
    pub not_before: Timestamp,
    /// The last moment of validity.
    pub not_after: Timestamp,
    /// SHA-256 of the certificate, lower-case hex.
    pub sha256: String,
    /// The kind of its key.
    pub key_type: KeyType,
    /// Where it came from.
    pub source: Source,
    /// Whether clients that name no server, or an unknown one, get it.
    pub default: bool,
    /// Whether it can be relied on now.
    pub validity: Validity,
    /// When Gabion renews it or tries again; none when somebody else does, as with files.
    pub next_renewal: Option<Timestamp>,
    /// Why the last renewal did not work; none after one that did.
    pub last_error: Option<String>,
}

/// Lists what `store` serves, in the configured order, judged at `now`.
pub fn inventory(store: &CertificateStore, now: Timestamp) -> Vec<CertificateInfo> {
    let info = |(index, certificate): (usize, ServedCertificate)| {
        let facts = certificate.facts();
        let Renewal { next, last_error } = store.renewal(certificate.sha256());
        CertificateInfo {
            names: facts.names.clone(),
            issuer: facts.issuer.clone(),
            serial: facts.serial.clone(),
            not_before: facts.not_before,
            not_after: facts.not_after,
            sha256: facts.sha256.clone(),
            key_type: facts.key_type,
            source: facts.source.clone(),
            default: index == 0,
            validity: Validity::at(now, facts.not_before, facts.not_after),
            next_renewal: next,
            last_error,
        }
    };
    store.certificates().into_iter().enumerate().map(info).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::certificate::sha256_hex;
    use crate::tls::testing::{Ca, DAY, NOW};

    #[test]
    fn the_inventory_says_what_is_served() {
        let ca = Ca::new();
        let valid = ca.served(&["shop.example", "*.shop.example", "127.0.0.1"]);
        let expired = ca.served_until(&["old.example"], NOW.before(DAY));
        let store = CertificateStore::new(vec![valid.clone(), expired]).unwrap();
        let infos = inventory(&store, NOW);
        let names: Vec<String> = infos[0].names.iter().map(Name::to_string).collect();
        assert_eq!(names, ["shop.example", "*.shop.example", "127.0.0.1"]);
        assert_eq!((infos[0].default, infos[0].validity), (true, Validity::Valid));
        assert_eq!((infos[1].default, infos[1].validity), (false, Validity::Expired));
        assert_eq!(infos[0].issuer, "CN=Test CA");
        assert!(!infos[0].serial.is_empty() && infos[0].serial != infos[1].serial, "{infos:?}");
        assert_eq!((infos[0].next_renewal, infos[0].last_error.as_deref()), (None, None));
        assert_eq!(infos[0].key_type.to_string(), "ECDSA P-256");
        assert_eq!(infos[0].sha256, sha256_hex(&valid.chain()[0]));
        let later = inventory(&store, NOW.after(DAY * 40_000));
        assert_eq!(later[0].validity, Validity::Expired);
        assert_eq!(inventory(&store, NOW.before(DAY * 1000))[0].validity, Validity::NotYet);
    }
}
