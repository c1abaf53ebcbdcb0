//! One request before the rules, as if the WAF were on `block`.

use std::net::{IpAddr, Ipv4Addr};

use gabion_core::Timestamp;
use gabion_edge::config::WafConfig;
use gabion_waf::{
    Connection, Engine, Interruption, Partial, RequestHead, RuleSet, Scratch, Traced, Transaction,
};

/// Entries in which rule sets add up a request before they decide. Source: CRS 4 and Gabion's own rules, CRS 3.
const TOTALS: [&str; 2] = ["blocking_inbound_anomaly_score", "anomaly_score"];
/// Entries in which they count by paranoia level until then, from level 1 on.
const LEVELS: [[&str; 2]; 4] = [
    ["inbound_anomaly_score_pl1", "anomaly_score_pl1"],
    ["inbound_anomaly_score_pl2", "anomaly_score_pl2"],
    ["inbound_anomaly_score_pl3", "anomaly_score_pl3"],
    ["inbound_anomaly_score_pl4", "anomaly_score_pl4"],
];

/// A request to be judged.
pub(super) struct Request<'a> {
    pub(super) client: IpAddr,
    pub(super) head: RequestHead<'a>,
    pub(super) body: &'a [u8],
}

/// What the rules made of it.
pub(super) struct Judgment {
    /// The rules that matched, in the order they ran.
    pub(super) steps: Vec<Step>,
    /// How they would stop it.
    pub(super) stopped: Option<Interruption>,
    /// The score at the end.
    pub(super) score: i64,
    /// What was not inspected as a whole.
    pub(super) partial: Vec<Partial>,
}

/// A rule that matched.
pub(super) struct Step {
    pub(super) rule: Traced,
    /// The score before and after it.
    pub(super) before: i64,
    pub(super) after: i64,
}

impl Step {
    /// Whether the rule asked for the score, and not for anything of the request.
    pub(super) fn asks_for_the_score(&self) -> bool {
        let is_score = |(name, _): &(Vec<u8>, Vec<u8>)| {
            name.starts_with(b"TX:") && String::from_utf8_lossy(name).to_lowercase().contains("anomaly_score")
        };
        !self.rule.values.is_empty() && self.rule.values.iter().all(is_score)
    }
}

/// Rules that requests are held against, one after the other.
pub(super) struct Trial<'a> {
    rules: &'a RuleSet,
    levels: usize,
    scratch: Option<Scratch>,
}

impl<'a> Trial<'a> {
    pub(super) fn new(rules: &'a RuleSet, waf: &WafConfig) -> Self {
        Self { rules, levels: usize::from(waf.paranoia_level), scratch: None }
    }

    /// Judges a request.
    pub(super) fn judge(&mut self, request: &Request<'_>, now: Timestamp) -> Judgment {
        let connection = Connection {
            client: (request.client, 0),
            server: (IpAddr::V4(Ipv4Addr::LOCALHOST), 443),
            id: "trial",
        };
        let mut transaction = self.rules.transaction(&connection, now, self.scratch.take());
        let counted = &LEVELS[..self.levels];
        let entries: Vec<&str> = TOTALS.iter().chain(counted.as_flattened()).copied().collect();
        transaction.trace(&entries);
        transaction.set_engine(Engine::On);
        let _ = transaction.request_head(&request.head);
        if transaction.interruption().is_none() {
            let _ = transaction.request_body(request.body);
        }
        let judgment = judgment(&transaction);
        let (report, scratch) = transaction.finish();
        self.scratch = Some(scratch);
        Judgment { partial: report.partial, ..judgment }
    }
}

fn judgment(transaction: &Transaction) -> Judgment {
    let mut score = 0;
    let step = |rule: &Traced| {
        let before = score;
        // What is added up does not count again where it was counted first.
        let (totals, levels) = rule.entries.split_at(TOTALS.len());
        let total = totals.iter().flatten().copied().max().unwrap_or(0);
        score = total.max(levels.iter().flatten().sum());
        Step { rule: rule.clone(), before, after: score }
    };
    let steps: Vec<Step> = transaction.traced().iter().map(step).collect();
    let stopped = transaction.interruption().cloned();
    Judgment { score: steps.last().map_or(0, |step| step.after), steps, stopped, partial: Vec::new() }
}

#[cfg(test)]
pub(super) mod tests {
    use gabion_core::Timestamp;
    use gabion_edge::config::WafSection;

    use super::*;

    /// Gabion's own rules with what a configuration sets when it says nothing.
    pub(in crate::waf) fn builtin() -> (WafConfig, RuleSet) {
        let waf = WafSection::default().check().expect("the defaults are good");
        let rules = crate::waf::load(&waf).expect("they load");
        (waf, rules)
    }

    #[test]
    fn the_score_grows_rule_by_rule_until_the_request_is_stopped() {
        let (waf, rules) = builtin();
        let mut trial = Trial::new(&rules, &waf);
        let mut judge = |target: &str| {
            let headers: [(&[u8], &[u8]); 3] =
                [(b"Host", b"shop.example"), (b"User-Agent", b"Mozilla/5.0"), (b"Accept", b"*/*")];
            let (target, version) = (target.as_bytes(), b"HTTP/1.1");
            let head = RequestHead { method: b"GET", target, version, headers: &headers };
            let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
            trial.judge(&Request { client, head, body: b"" }, Timestamp::from_seconds(1_800_000_000))
        };
        let judgment = judge("/?q=1%27%20UNION%20SELECT%20a%20FROM%20users--%20-");
        let told: Vec<&Step> = judgment.steps.iter().filter(|step| step.rule.log).collect();
        assert!(told.len() > 1, "one sees it, one decides");
        assert!(told.iter().all(|step| step.after >= step.before));
        assert!(told.last().expect("one").asks_for_the_score() && !told[0].asks_for_the_score());
        assert!(judgment.score >= 5 && judgment.stopped.is_some());
        let calm = judge("/?q=tea");
        assert_eq!((calm.score, calm.stopped), (0, None));
    }
}
