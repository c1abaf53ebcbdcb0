//! What rules found in one request, for its line in the access log.

use gabion_waf::MatchedRule;

/// Rules named in one line of the access log; a request that matches more is told by the first.
const RULES_MAX: usize = 128;
/// A score so many times the threshold is far above what any false alarm seen reaches.
const CERTAIN_TIMES: i64 = 3;
/// Different critical rules that near-certainty needs: one rule alone may be wrong about a value many times.
const CERTAIN_RULES: usize = 2;
/// The least severity of what rule sets call critical. Source: syslog's levels, RFC 5424 section 6.2.1.
const CRITICAL: u8 = 2;

/// What became of an inspected request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// It passed.
    Passed,
    /// It passed, and would have been stopped on `block`.
    Flagged,
    /// It was stopped, or its answer was.
    Stopped,
    /// It was refused because it could not be inspected.
    Refused,
}

impl Action {
    /// The word in the access log.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Flagged => "flagged",
            Self::Stopped => "stopped",
            Self::Refused => "refused",
        }
    }
}

/// What rules found in one request.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) action: Action,
    /// The score of the request.
    pub(crate) score: i64,
    /// The rules that logged, each once, in order.
    pub(crate) rules: Vec<u64>,
}

impl Findings {
    /// Nothing where nothing was found.
    pub(super) fn of(action: Action, score: i64, matches: &[MatchedRule]) -> Option<Self> {
        let mut rules = Vec::new();
        for rule in matches.iter().filter(|rule| rule.log) {
            if rules.len() < RULES_MAX && !rules.contains(&rule.id) {
                rules.push(rule.id);
            }
        }
        (action != Action::Passed || !rules.is_empty()).then_some(Self { action, score, rules })
    }
}

/// Whether a request is an attack beyond reasonable doubt: what `learn` stops.
pub(super) fn near_certain(matches: &[MatchedRule], score: i64, threshold: i64) -> bool {
    let mut critical: Vec<u64> = matches
        .iter()
        .filter(|rule| rule.severity.is_some_and(|severity| severity <= CRITICAL))
        .map(|rule| rule.id)
        .collect();
    critical.sort_unstable();
    critical.dedup();
    score >= threshold.saturating_mul(CERTAIN_TIMES) && critical.len() >= CERTAIN_RULES
}
