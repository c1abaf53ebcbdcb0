//! What the rules found lately, by rule and place, and how many of those visitors then bought something.

use gabion_core::{Event, Timestamp};
use gabion_page::shell::Status;

use crate::alarm::{self, Alarm};
use crate::control::ExclusionEntry;
use crate::words::{Moment, plural};

/// One rule's find in one place, as often as it was made.
pub(super) struct Finding {
    pub(super) rule: u64,
    pub(super) message: String,
    pub(super) path: String,
    pub(super) variable: String,
    pub(super) times: usize,
    /// Visitors who then bought something.
    pub(super) buyers: usize,
    /// When the last of them did.
    pub(super) bought: Option<Timestamp>,
    pub(super) status: Status,
    pub(super) word: &'static str,
    /// Whether the rule does not look there any more.
    pub(super) excluded: bool,
    pub(super) last: Moment,
    pub(super) event: String,
}

impl Finding {
    /// `3 visitors then bought something`; empty where none did.
    pub(super) fn buyers_text(&self) -> String {
        match self.buyers {
            0 => String::new(),
            buyers => plural(buyers, "visitor then bought something", "visitors then bought something"),
        }
    }

    fn new(alarm: &Alarm, event: &Event, now: Timestamp) -> Option<Self> {
        let (rule, variable) = alarm.first()?;
        let stopped = event.kind == "waf.blocked";
        Some(Self {
            rule: *rule,
            message: alarm.message.clone(),
            path: alarm.path.clone(),
            variable: variable.clone(),
            times: 0,
            buyers: 0,
            bought: None,
            status: if stopped { Status::Ok } else { Status::Degraded },
            word: if stopped { "stopped" } else { "passed" },
            excluded: false,
            last: Moment::new(event.at, now),
            event: event.id.to_string(),
        })
    }

    fn is_excluded(&self, exclusions: &[ExclusionEntry]) -> bool {
        let Some(part) = alarm::part(&self.variable) else { return false };
        exclusions.iter().map(|entry| &entry.exclusion).any(|exclusion| {
            exclusion.path == self.path && exclusion.part == part && exclusion.rules.contains(&self.rule)
        })
    }
}

/// Gathers what was found (`alarms`) and what buyers had sent (`bought`), both newest first. First comes what buyers
/// sent, then what is most frequent, then what rules do not look at any more.
pub(super) fn gather<'a>(
    alarms: impl IntoIterator<Item = &'a Event>,
    bought: impl IntoIterator<Item = &'a Event>,
    exclusions: &[ExclusionEntry],
    now: Timestamp,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for event in alarms {
        if let Some(finding) = known(&mut findings, event, now) {
            finding.times += 1;
        }
    }
    for event in bought {
        if let Some(finding) = known(&mut findings, event, now) {
            finding.buyers += 1;
            finding.bought = finding.bought.max(Some(event.at));
            // Each sent it once at least, though that may be too long ago to be listed.
            finding.times = finding.times.max(finding.buyers);
        }
    }
    for finding in &mut findings {
        if finding.is_excluded(exclusions) {
            (finding.excluded, finding.status, finding.word) = (true, Status::Neutral, "left out now");
        }
    }
    let rank = |finding: &Finding| (finding.excluded, std::cmp::Reverse((finding.buyers, finding.times)));
    findings.sort_by_key(rank);
    findings
}

/// The finding that an event tells of, among those that are known or as a new one.
fn known<'a>(findings: &'a mut Vec<Finding>, event: &Event, now: Timestamp) -> Option<&'a mut Finding> {
    let alarm = Alarm::of(event)?;
    let (rule, variable) = alarm.first()?;
    let same =
        |known: &Finding| known.rule == *rule && known.variable == *variable && known.path == alarm.path;
    let index = match findings.iter().position(same) {
        Some(index) => index,
        None => {
            findings.push(Finding::new(&alarm, event, now)?);
            findings.len() - 1
        }
    };
    findings.get_mut(index)
}
