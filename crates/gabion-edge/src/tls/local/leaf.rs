//! Keeps the certificate of the local authority current.

use std::time::Duration;

use gabion_core::Timestamp;

use super::{Authority, LEAF_LIFE, LocalError};
use crate::tls::certificate::ServedCertificate;
use crate::tls::name::Name;
use crate::tls::source::CertificateEvent;

/// Age at which a certificate is renewed: two thirds of its life, so that a month is left to notice trouble.
pub const RENEWED_AFTER: Duration = Duration::from_secs(LEAF_LIFE.as_secs() / 3 * 2);

/// One certificate for all configured names, issued at start and renewed in time. Its key is never written down.
#[derive(Debug)]
pub struct LocalCertificates {
    authority: Authority,
    names: Vec<Name>,
    certificate: ServedCertificate,
    issued_at: Timestamp,
    reported: bool,
}

impl LocalCertificates {
    /// Issues the first certificate for `names`.
    ///
    /// # Errors
    /// As [`Authority::issue`].
    pub fn new(authority: Authority, names: &[Name], now: Timestamp) -> Result<Self, LocalError> {
        let certificate = authority.issue(names, now)?;
        Ok(Self { authority, names: names.to_vec(), certificate, issued_at: now, reported: false })
    }

    /// The current certificate.
    pub fn certificate(&self) -> &ServedCertificate {
        &self.certificate
    }

    /// The authority that issues.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Renews the certificate when it is due: old enough, or not valid at `now` because the clock was set. A
    /// renewal that does not work keeps the old certificate, is tried at every look, and is reported once.
    pub fn look(&mut self, now: Timestamp) -> Option<CertificateEvent> {
        let clock_went_back = now < self.certificate.not_before();
        if now.since(self.issued_at) < RENEWED_AFTER && !clock_went_back {
            return None;
        }
        match self.authority.issue(&self.names, now) {
            Ok(certificate) => {
                self.certificate = certificate.clone();
                (self.issued_at, self.reported) = (now, false);
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
    use crate::tls::local::{DAY, ROOT_LIFE};
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
    fn when_the_root_is_over_the_last_certificate_stays_and_it_is_said_once() {
        let (_folder, mut local) = certificates();
        let end = NOW.after(ROOT_LIFE);
        let event = local.look(end).unwrap();
        assert!(event.to_string().contains("expired at"), "{event}");
        assert!(local.look(end.after(DAY)).is_none());
        assert_eq!(local.certificate().not_after(), NOW.after(LEAF_LIFE));
    }
}
