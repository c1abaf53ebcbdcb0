//! Keeps the certificate of the local authority current.

use gabion_core::Timestamp;

use super::{Authority, BACKDATED, LocalError, RENEWED_AFTER, is_due};
use crate::tls::certificate::ServedCertificate;
use crate::tls::name::Name;
use crate::tls::source::CertificateEvent;

/// One certificate for all configured names, kept over restarts and renewed in time.
#[derive(Debug)]
pub struct LocalCertificates {
    authority: Authority,
    names: Vec<Name>,
    certificate: ServedCertificate,
    reported: bool,
}

impl LocalCertificates {
    /// Takes the kept certificate for `names`, or issues the first. Blocks on file access.
    ///
    /// # Errors
    /// As [`Authority::current`].
    pub fn new(authority: Authority, names: &[Name], now: Timestamp) -> Result<Self, LocalError> {
        let certificate = authority.current(names, now)?;
        Ok(Self { authority, names: names.to_vec(), certificate, reported: false })
    }

    /// The current certificate.
    pub fn certificate(&self) -> &ServedCertificate {
        &self.certificate
    }

    /// The authority that issues.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// When the certificate will be renewed.
    pub fn renewal(&self) -> Timestamp {
        self.certificate.not_before().after(BACKDATED).after(RENEWED_AFTER)
    }

    /// Renews the certificate when it is due: old enough, or not valid at `now` because the clock was set. A
    /// renewal that does not work keeps the old certificate, is tried at every look, and is reported once. Blocks on
    /// file access when it is due.
    pub fn look(&mut self, now: Timestamp) -> Option<CertificateEvent> {
        if !is_due(&self.certificate, now) {
            return None;
        }
        match self.authority.current(&self.names, now) {
            Ok(certificate) => {
                self.certificate = certificate.clone();
                self.reported = false;
                Some(CertificateEvent::Loaded { certificate, warnings: Vec::new() })
            }
            Err(error) => {
                let first = !std::mem::replace(&mut self.reported, true);
                first.then(|| CertificateEvent::from(error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::local::{DAY, LEAF_LIFE, ROOT_LIFE};
    use crate::tls::testing::{At, Folder, NOW};

    fn certificates() -> (Folder, LocalCertificates) {
        let folder = Folder::new();
        let names = ["shop.localhost".parse().unwrap()];
        let authority = Authority::open_or_create(&folder.path("ca"), &names, &At(NOW)).unwrap();
        (folder, LocalCertificates::new(authority, &names, NOW).unwrap())
    }

    #[track_caller]
    fn check(local: &mut LocalCertificates, now: Timestamp, renewed: bool) {
        let before = local.certificate().chain().to_vec();
        let event = local.look(now);
        assert_eq!(matches!(event, Some(CertificateEvent::Loaded { .. })), renewed);
        assert_eq!(local.certificate().chain() != before, renewed);
    }

    #[test]
    fn certificates_are_renewed_at_two_thirds_of_their_life() {
        let (_folder, mut local) = certificates();
        check(&mut local, NOW, false);
        check(&mut local, NOW.after(DAY * 59), false);
        check(&mut local, NOW.after(DAY * 60), true);
        check(&mut local, NOW.after(DAY * 61), false);
        assert_eq!(local.certificate().not_after(), NOW.after(DAY * 150));
    }

    #[test]
    fn a_clock_that_was_set_back_gets_a_certificate_it_finds_valid() {
        let (_folder, mut local) = certificates();
        check(&mut local, NOW.after(DAY * 300), true);
        check(&mut local, NOW.after(DAY), true);
        assert!(local.certificate().not_before() <= NOW.after(DAY));
    }

    #[test]
    fn the_certificate_is_kept_over_a_restart_while_it_fits() {
        let (folder, local) = certificates();
        let again = |names: &[Name], now| {
            let authority = Authority::open_or_create(&folder.path("ca"), names, &At(now)).unwrap();
            LocalCertificates::new(authority, names, now).unwrap().certificate().chain().to_vec()
        };
        let names = local.certificate().names().to_vec();
        let first = local.certificate().chain().to_vec();
        assert_eq!(again(&names, NOW.after(DAY * 59)), first);
        let renewed = again(&names, NOW.after(DAY * 60));
        assert_ne!(renewed, first);
        assert_ne!(again(&names, NOW), renewed, "a clock that was set back finds it not valid yet");
        let other = ["shop.localhost".parse().unwrap(), "www.localhost".parse().unwrap()];
        assert_ne!(again(&other, NOW), again(&names, NOW));
    }

    #[test]
    fn a_kept_certificate_of_another_root_or_with_damage_is_replaced() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, local) = certificates();
        let names = local.certificate().names().to_vec();
        let authority = Authority::recreate(&folder.path("ca"), &names, &At(NOW)).unwrap();
        let new = LocalCertificates::new(authority, &names, NOW).unwrap();
        assert_ne!(new.certificate().chain(), local.certificate().chain());
        let leaf = folder.path("ca").join("leaf.pem");
        assert_eq!(std::fs::metadata(&leaf).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&leaf, "-----BEGIN PRIVATE KEY-----\n").unwrap();
        let authority = Authority::open_or_create(&folder.path("ca"), &names, &At(NOW)).unwrap();
        assert!(LocalCertificates::new(authority, &names, NOW).is_ok());
    }

    #[test]
    fn when_the_root_is_over_the_last_certificate_stays_and_it_is_said_once() {
        let (_folder, mut local) = certificates();
        let end = NOW.after(ROOT_LIFE);
        let event = local.look(end).unwrap();
        assert!(event.to_string().contains("expired at"), "{event}");
        assert!(local.look(end.after(DAY)).is_none());
        assert_eq!(local.certificate().not_after(), NOW.after(LEAF_LIFE));
    }
}
