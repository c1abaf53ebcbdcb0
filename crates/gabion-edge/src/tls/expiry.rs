//! Tells in time that a certificate comes to its end, in every mode, once for each step.

use std::collections::HashMap;
use std::time::Duration;

use gabion_core::Timestamp;

use super::certificate::{ServedCertificate, Source};
use super::source::CertificateEvent;

/// Days before the end at which it is told; 0 is the end itself.
pub const NOTICE_DAYS: [u32; 6] = [21, 14, 7, 3, 1, 0];

/// A step is told only within the last third of a certificate's life: one that lives six days is not worth a notice
/// on its first. Gabion renews its own at the beginning of that third.
const LAST_PART: u32 = 3;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What was told already, by the SHA-256 of the certificate. Forgets certificates that are no longer served.
#[derive(Debug, Default)]
pub(super) struct Notices {
    told: HashMap<String, u32>,
}

impl Notices {
    /// The steps that were reached since the last look. Of several at once only the nearest to the end is told.
    pub(super) fn look(&mut self, served: &[ServedCertificate], now: Timestamp) -> Vec<CertificateEvent> {
        self.told.retain(|sha256, _| served.iter().any(|certificate| certificate.sha256() == sha256));
        served.iter().filter_map(|certificate| self.notice(certificate, now)).collect()
    }

    fn notice(&mut self, certificate: &ServedCertificate, now: Timestamp) -> Option<CertificateEvent> {
        let days = step(certificate, now)?;
        let sha256 = certificate.sha256();
        if self.told.get(sha256).is_some_and(|told| *told <= days) {
            return None;
        }
        self.told.insert(sha256.to_owned(), days);
        Some(CertificateEvent::Expiring { certificate: certificate.clone(), days })
    }
}

/// The nearest step that a certificate has reached. None for the self-signed stand-in: it is no one's to renew.
fn step(certificate: &ServedCertificate, now: Timestamp) -> Option<u32> {
    if *certificate.source() == Source::SelfSigned {
        return None;
    }
    let left = certificate.not_after().since(now);
    let reached = |days: &u32| left <= DAY * *days && DAY * *days * LAST_PART <= certificate.life();
    NOTICE_DAYS.into_iter().rev().find(reached)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::testing::{Ca, NOW};

    fn days(events: &[CertificateEvent]) -> Vec<u32> {
        let days = |event: &CertificateEvent| match event {
            CertificateEvent::Expiring { days, .. } => *days,
            other => panic!("{other}"),
        };
        events.iter().map(days).collect()
    }

    #[test]
    fn every_step_is_told_once() {
        let served = [Ca::new().served_until(&["shop.example"], NOW)];
        let mut notices = Notices::default();
        let mut told = Vec::new();
        for hours_left in (0..30 * 24).rev() {
            told.extend(days(&notices.look(&served, NOW.before(Duration::from_secs(hours_left * 3600)))));
        }
        assert_eq!(told, NOTICE_DAYS);
        assert_eq!(days(&notices.look(&served, NOW.after(DAY * 400))), [0; 0]);
    }

    #[test]
    fn a_start_near_the_end_tells_the_nearest_step_only() {
        let served = [Ca::new().served_until(&["shop.example"], NOW)];
        let mut notices = Notices::default();
        assert_eq!(days(&notices.look(&served, NOW.before(DAY * 5))), [7]);
        assert_eq!(days(&notices.look(&[], NOW)), [0; 0]);
        assert_eq!(days(&notices.look(&served, NOW.after(DAY))), [0], "what is served again is told again");
    }

    #[test]
    fn short_lives_are_told_in_their_last_third() {
        let served = [Ca::new().served_for(&["shop.example"], NOW, DAY * 6)];
        let mut notices = Notices::default();
        assert_eq!(days(&notices.look(&served, NOW.after(DAY * 3))), [0; 0]);
        assert_eq!(days(&notices.look(&served, NOW.after(DAY * 5))), [1]);
    }
}
