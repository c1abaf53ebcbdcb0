//! What is said while Gabion learns: what would have been stopped, who of them bought, and when to switch to `block`.

use std::time::Duration;

use gabion_core::Timestamp;

use super::findings::Finding;
use crate::words::plural;

/// Days without a false alarm after which blocking is proposed: every weekday's customers were seen once.
const QUIET_DAYS: u64 = 7;
const QUIET: Duration = Duration::from_secs(QUIET_DAYS * 24 * 60 * 60);

/// What was counted.
pub(super) struct Learned {
    /// Requests that would have been stopped, since the start.
    pub(super) flagged: u64,
    /// Visitors who sent them and then bought something, since the start.
    pub(super) buyers: u64,
    /// Purchases that were seen, since the start.
    pub(super) purchases: u64,
    /// When the rules in force were loaded.
    pub(super) loaded_at: Timestamp,
}

impl Learned {
    /// The sentences of the page.
    pub(super) fn sentences(&self, findings: &[Finding], now: Timestamp) -> [String; 2] {
        let requests = plural(count(self.flagged), "request", "requests");
        let buyers = plural(count(self.buyers), "visitor who sent one", "visitors who sent them");
        let learned = format!(
            "Gabion is learning: it stops what is near-certain and lets the rest pass. Since the start {requests} \
             would have been stopped, and {buyers} then bought something."
        );
        [learned, self.advice(findings, now)]
    }

    fn advice(&self, findings: &[Finding], now: Timestamp) -> String {
        let bought = findings.iter().filter(|finding| !finding.excluded).filter_map(|finding| finding.bought);
        if bought.max().is_some_and(|last| now.since(last) < QUIET) {
            return "What buyers sent was hardly an attack. It comes first in the list below: look at it, and say \
                    where it was a false alarm."
                .to_owned();
        }
        if self.purchases == 0 {
            return "No purchase was seen yet. If your shop thanks for one on a page of its own kind, name that page in \
                    [waf] bought of gabion.toml: who buys cannot be told from who attacks otherwise."
                .to_owned();
        }
        if now.since(self.loaded_at) < QUIET {
            return format!(
                "Nothing that a buyer sent would have been stopped so far. When that holds for {QUIET_DAYS} days with \
                 the same rules, it is time to set the mode to block."
            );
        }
        format!(
            "In the last {QUIET_DAYS} days nothing that a buyer sent would have been stopped. It is time to set the mode \
             to block."
        )
    }
}

fn count(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use gabion_core::{Actor, Event, EventId, EventKind, Severity};
    use gabion_edge::config::{Exclusion, Part};

    use super::super::findings::gather;
    use super::*;
    use crate::control::ExclusionEntry;

    const FLAGGED: EventKind = EventKind::new("waf.flagged", 1, Severity::Info);
    const BOUGHT: EventKind = EventKind::new("waf.flagged_visitor_bought", 1, Severity::Info);

    fn now() -> Timestamp {
        Timestamp::from_seconds(1_800_000_000)
    }

    fn days(days: u64) -> Duration {
        Duration::from_secs(days * 86_400)
    }

    fn event(kind: &EventKind, path: &str, days_ago: u64) -> Event {
        Event::new(kind, EventId::from_bits(7), now().before(days(days_ago)), Actor::Visitor)
            .field("rules", "942100 ARGS:q, 949110 TX:score")
            .field("message", "SQL injection")
            .field("path", path)
    }

    fn advice(purchases: u64, loaded_days_ago: u64, findings: &[Finding]) -> String {
        let loaded_at = now().before(days(loaded_days_ago));
        Learned { flagged: 12, buyers: 1, purchases, loaded_at }.advice(findings, now())
    }

    #[test]
    fn what_buyers_sent_comes_first_until_it_is_left_out() {
        let flagged = ["/a", "/a", "/b"].map(|path| event(&FLAGGED, path, 0));
        let bought = ["/b", "/old", "/old"].map(|path| event(&BOUGHT, path, 1));
        let paths = |exclusions: &[ExclusionEntry]| {
            let findings = gather(&flagged, &bought, exclusions, now());
            let shown = |finding: &Finding| (finding.path.clone(), finding.times, finding.buyers);
            findings.iter().map(shown).collect::<Vec<_>>()
        };
        let [old, b, a] = [("/old".into(), 2, 2), ("/b".into(), 1, 1), ("/a".into(), 2, 0)];
        assert_eq!(paths(&[]), [old.clone(), b.clone(), a.clone()]);
        let exclusion =
            Exclusion { path: "/old".into(), rules: vec![942_100], part: Part::Parameter("q".into()) };
        let left_out = ExclusionEntry { key: None, exclusion, reason: String::new() };
        assert_eq!(paths(&[left_out]), [b, a, old]);
    }

    #[test]
    fn blocking_is_proposed_after_a_week_of_purchases_without_a_false_alarm() {
        let bought = |days_ago| gather(&[], &[event(&BOUGHT, "/a", days_ago)], &[], now());
        assert!(advice(9, 8, &[]).starts_with("In the last 7 days nothing"));
        assert!(advice(9, 8, &bought(8)).starts_with("In the last 7 days nothing"));
        assert!(advice(9, 6, &[]).starts_with("Nothing that a buyer sent would have been stopped so far."));
        assert!(advice(9, 8, &bought(6)).starts_with("What buyers sent was hardly an attack."));
        assert!(advice(0, 8, &[]).starts_with("No purchase was seen yet."));
    }

    #[test]
    fn counts_are_said_in_words() {
        let learned = Learned { flagged: 12, buyers: 1, purchases: 9, loaded_at: now() };
        let [first, _] = learned.sentences(&[], now());
        let expected =
            "Since the start 12 requests would have been stopped, and 1 visitor who sent one then bought";
        assert!(first.contains(expected), "{first}");
    }
}
