//! When a certificate is renewed, when the server is asked about it, and when a failed try is repeated. Pure.

use std::time::Duration;

use gabion_core::entropy::draw;
use gabion_core::{Entropy, Timestamp};

use crate::tls::certificate::ServedCertificate;

/// Time between two questions about the renewal window, when the server does not say, or says less or more.
/// RFC 9773 section 4.3.
const ASK_EVERY: Duration = Duration::from_secs(6 * HOUR);
const ASK_EVERY_MIN: Duration = Duration::from_secs(60);
const ASK_EVERY_MAX: Duration = Duration::from_secs(24 * HOUR);

/// Longest that a server's `Retry-After` is obeyed: rate limits of a week exist, nothing longer does.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(8 * 24 * HOUR);

const HOUR: u64 = 3600;

/// How soon a failed try is repeated: doubled from the first to the longest pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// The server was not reached or did not answer properly: that passes.
    Short,
    /// The server refused: a person has to change something, and refusals count against limits. Let's Encrypt
    /// takes five failed validations of a name in an hour; these pauses stay within that.
    Long,
}

impl Pause {
    const fn first_and_longest(self) -> (Duration, Duration) {
        match self {
            Self::Short => (Duration::from_secs(15), Duration::from_secs(HOUR)),
            Self::Long => (Duration::from_secs(300), Duration::from_secs(6 * HOUR)),
        }
    }
}

/// What is to be done for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Ask the server when to renew.
    Ask,
    /// Order a new one.
    Order,
}

/// The next steps for one certificate.
#[derive(Debug)]
pub(super) struct Plan {
    renew_at: Timestamp,
    /// Whatever the server suggests: an eighth of the life is left for trouble.
    renew_at_latest: Timestamp,
    /// None for a certificate that is no server's.
    ask_at: Option<Timestamp>,
    window: Option<(Timestamp, Timestamp)>,
    failures: u32,
    retry_at: Option<Timestamp>,
}

impl Plan {
    /// Order now: there is no certificate yet, or it stands for other names.
    pub(super) fn at_once(now: Timestamp) -> Self {
        Self { renew_at: now, renew_at_latest: now, ask_at: None, window: None, failures: 0, retry_at: None }
    }

    /// For a certificate of the server: renew it after two thirds of its life, and ask now for something better.
    pub(super) fn of(certificate: &ServedCertificate, now: Timestamp) -> Self {
        Self {
            renew_at: certificate.not_before().after(certificate.life() / 3 * 2),
            renew_at_latest: certificate.not_before().after(certificate.life() / 8 * 7),
            ask_at: Some(now),
            ..Self::at_once(now)
        }
    }

    /// What is to be done at `now`.
    pub(super) fn due(&self, now: Timestamp) -> Option<Due> {
        if now >= self.next() {
            return Some(Due::Order);
        }
        let ask = self.retry_at.is_none() && self.ask_at.is_some_and(|at| now >= at);
        ask.then_some(Due::Ask)
    }

    /// When a certificate is ordered next.
    pub(super) fn next(&self) -> Timestamp {
        self.retry_at.unwrap_or(self.renew_at)
    }

    /// Whether the server takes part in planning, and wants to know what an order replaces.
    pub(super) fn is_suggested(&self) -> bool {
        self.window.is_some()
    }

    /// The server suggests to renew between `start` and `end`, and to be asked again after `again`. A random moment of
    /// the window is taken, and kept as long as the window is the same. RFC 9773 section 4.2.
    pub(super) fn suggest(
        &mut self,
        (start, end): (Timestamp, Timestamp),
        again: Duration,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) {
        self.ask_at = Some(now.after(again.clamp(ASK_EVERY_MIN, ASK_EVERY_MAX)));
        if self.window == Some((start, end)) || end < start {
            return;
        }
        self.window = Some((start, end));
        self.renew_at = start.after(end.since(start).mul_f64(fraction(entropy))).min(self.renew_at_latest);
    }

    /// The server did not answer the question.
    pub(super) fn not_suggested(&mut self, now: Timestamp) {
        self.ask_at = Some(now.after(ASK_EVERY));
    }

    /// The server does not want to hear what is replaced.
    pub(super) fn forget_suggestion(&mut self) {
        self.window = None;
    }

    /// An order failed. It is repeated after a pause that doubles with every failure, spread by a quarter in both
    /// directions, and not before `retry_at`.
    pub(super) fn fail(
        &mut self,
        pause: Pause,
        retry_at: Option<Timestamp>,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) {
        let (first, longest) = pause.first_and_longest();
        let doubled = first.saturating_mul(1 << self.failures.min(20)).min(longest);
        let own = now.after(doubled.mul_f64(0.75 + fraction(entropy) / 2.0));
        let asked = retry_at.map(|at| at.min(now.after(RETRY_AFTER_MAX)));
        self.retry_at = Some(asked.map_or(own, |asked| asked.max(own)));
        self.failures += 1;
    }
}

/// A random number from 0 to below 1.
fn fraction(entropy: &dyn Entropy) -> f64 {
    f64::from(u32::from_le_bytes(draw(entropy))) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::testing::{Ca, DAY, NOW};
    use gabion_test::SeededEntropy;

    fn plan() -> Plan {
        Plan::of(&Ca::new().served_for(&["shop.example"], NOW, DAY * 90), NOW)
    }

    #[test]
    fn without_a_suggestion_renewal_is_at_two_thirds_of_the_life() {
        let mut plan = plan();
        assert_eq!(plan.due(NOW), Some(Due::Ask));
        plan.not_suggested(NOW);
        assert_eq!(plan.due(NOW), None);
        assert_eq!(plan.due(NOW.after(ASK_EVERY)), Some(Due::Ask));
        assert_eq!(plan.next(), NOW.after(DAY * 60));
        assert_eq!(plan.due(NOW.after(DAY * 60)), Some(Due::Order));
    }

    #[test]
    fn a_moment_of_the_window_is_taken_and_kept() {
        let (mut plan, entropy) = (plan(), SeededEntropy::new(1));
        let window = (NOW.after(DAY * 50), NOW.after(DAY * 52));
        plan.suggest(window, DAY, NOW, &entropy);
        let chosen = plan.next();
        assert!(window.0 <= chosen && chosen < window.1, "{chosen}");
        plan.suggest(window, DAY, NOW, &entropy);
        assert_eq!(plan.next(), chosen);
        assert_eq!(plan.due(NOW.after(DAY)), Some(Due::Ask));
        let revoked = (NOW.before(DAY * 2), NOW.before(DAY));
        plan.suggest(revoked, DAY, NOW, &entropy);
        assert_eq!(plan.due(NOW), Some(Due::Order));
    }

    #[test]
    fn suggestions_that_make_no_sense_are_not_followed() {
        let (mut plan, entropy) = (plan(), SeededEntropy::new(1));
        plan.suggest((NOW.after(DAY * 2), NOW.after(DAY)), Duration::ZERO, NOW, &entropy);
        assert_eq!(plan.next(), NOW.after(DAY * 60));
        assert_eq!(plan.due(NOW.after(Duration::from_secs(59))), None);
        assert_eq!(plan.due(NOW.after(ASK_EVERY_MIN)), Some(Due::Ask));
        plan.suggest((NOW.after(DAY * 400), NOW.after(DAY * 401)), DAY * 400, NOW, &entropy);
        assert_eq!(plan.next(), NOW.after(DAY * 90 / 8 * 7));
        assert_eq!(plan.due(NOW.after(ASK_EVERY_MAX)), Some(Due::Ask));
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_are_spread() {
        let entropy = SeededEntropy::new(1);
        for (pause, first, longest) in [(Pause::Short, 15, HOUR), (Pause::Long, 300, 6 * HOUR)] {
            let mut plan = Plan::at_once(NOW);
            let mut pauses = Vec::new();
            for _ in 0..40 {
                plan.fail(pause, None, NOW, &entropy);
                pauses.push(plan.next().since(NOW).as_secs_f64());
            }
            let mut expected = f64::from(first);
            for found in &pauses {
                assert!(*found >= expected * 0.75 && *found < expected * 1.25, "{found} {expected}");
                expected = (expected * 2.0).min(Duration::from_secs(longest).as_secs_f64());
            }
            assert_ne!(pauses[38], pauses[39]);
        }
    }

    #[test]
    fn refusals_stay_below_five_in_an_hour() {
        let entropy = SeededEntropy::new(1);
        let (mut plan, mut now, mut tries) = (Plan::at_once(NOW), NOW, 0);
        while now.since(NOW) < Duration::from_secs(HOUR) {
            tries += 1;
            plan.fail(Pause::Long, None, now, &entropy);
            now = plan.next();
        }
        assert!(tries <= 5, "{tries}");
    }

    #[test]
    fn the_server_may_ask_for_a_longer_pause_but_not_for_ever() {
        let (mut plan, entropy) = (plan(), SeededEntropy::new(1));
        plan.fail(Pause::Short, Some(NOW.after(DAY)), NOW, &entropy);
        assert_eq!((plan.next(), plan.due(NOW.after(DAY / 2))), (NOW.after(DAY), None));
        plan.fail(Pause::Short, Some(NOW), NOW, &entropy);
        assert!(plan.next() > NOW);
        plan.fail(Pause::Short, Some(NOW.after(DAY * 4000)), NOW, &entropy);
        assert_eq!(plan.next(), NOW.after(RETRY_AFTER_MAX));
    }
}
