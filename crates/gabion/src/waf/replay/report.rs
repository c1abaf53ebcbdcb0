//! What a log says of the rules, in words, and as exclusions to paste.

use std::collections::HashSet;
use std::fmt::Write;
use std::net::IpAddr;

use gabion_edge::config::{WafConfig, WafSection};

use super::tally::{Findings, Place, RuleTally, Tally, VISITORS_EACH_MAX};

/// Rules that are listed.
const RULES_MAX: usize = 20;
/// Exclusions that are proposed.
const PROPOSALS_MAX: usize = 20;

/// What no log shows, said every time: silence would be taken for safety.
const BLIND: &str = "\
What this cannot know: an access log shows addresses, the browser's name and the referring page. It shows no bodies,\n\
so forms, logins, uploads and APIs were not looked at, and of headers and cookies nothing else. Visitors are told apart\n\
by address: people behind one router are one. Gabion's own logs show values of secret parameters and card numbers\n\
masked. `mode = \"learn\"` sees all of it.";

/// The report.
pub(super) fn text(tally: &Tally, waf: &WafConfig) -> String {
    let mut text = String::new();
    write(tally, waf, &mut text).expect("writing to a string cannot fail");
    text
}

fn write(tally: &Tally, waf: &WafConfig, out: &mut String) -> std::fmt::Result {
    let Tally { requests, unreadable, blocked, .. } = tally;
    writeln!(
        out,
        "{requests} requests of {} visitors; {unreadable} lines were no requests",
        tally.visitors.len()
    )?;
    writeln!(
        out,
        "{blocked} requests of {} visitors would have been blocked (paranoia level {}, threshold {})",
        tally.stopped.len(),
        waf.paranoia_level,
        waf.inbound_threshold
    )?;
    writeln!(out, "{} of these visitors then bought something", tally.buyers().count())?;
    if tally.purchases == 0 {
        writeln!(out, "The log shows no purchase at all under {}: name yours with --bought", tally.bought)?;
    }
    write_rules(tally, out)?;
    write_proposals(tally, out)?;
    writeln!(out, "\n{BLIND}")
}

fn write_rules(tally: &Tally, out: &mut String) -> std::fmt::Result {
    if tally.rules.is_empty() {
        return Ok(());
    }
    let mut rules: Vec<(&u64, &RuleTally)> = tally.rules.iter().collect();
    rules.sort_by_key(|(id, rule)| (std::cmp::Reverse(rule.requests), **id));
    writeln!(out, "\nRules that would have decided")?;
    for (id, rule) in rules.iter().take(RULES_MAX) {
        let visitors = number(&rule.visitors);
        writeln!(out, "  {id}  {} requests of {visitors} visitors  {}", rule.requests, rule.message)?;
        rule.examples.iter().try_for_each(|example| writeln!(out, "      {example}"))?;
    }
    match rules.len().saturating_sub(RULES_MAX) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more"),
    }
}

fn write_proposals(tally: &Tally, out: &mut String) -> std::fmt::Result {
    let proposals = proposals(tally);
    if proposals.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\nProposed exclusions: what visitors sent who then bought. Look at the examples above first; then paste into\n\
         gabion.toml what you recognize as your customers' doing, and run `gabion check`.\n"
    )?;
    proposals.iter().try_for_each(|proposal| writeln!(out, "{proposal}"))
}

/// Exclusions for what buyers sent, those of most buyers first. Each is one that the configuration takes.
fn proposals(tally: &Tally) -> Vec<String> {
    let is_buyer = |visitor: &&IpAddr| tally.stopped.get(*visitor) == Some(&true);
    let mut found: Vec<(usize, &Place, &Findings)> = tally
        .places
        .iter()
        .map(|(place, findings)| (findings.visitors.iter().filter(is_buyer).count(), place, findings))
        .filter(|(buyers, ..)| *buyers > 0)
        .collect();
    found.sort_by_key(|(buyers, place, _)| (std::cmp::Reverse(*buyers), *place));
    found
        .into_iter()
        .map(|(buyers, place, findings)| proposal(buyers, place, findings))
        .filter(|text| is_taken(text))
        .take(PROPOSALS_MAX)
        .collect()
}

fn proposal(buyers: usize, place: &Place, findings: &Findings) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned());
    let rules: Vec<String> = findings.rules.iter().map(u64::to_string).collect();
    let visitors = number(&findings.visitors);
    let reason = format!("replay: {visitors} visitors sent it, {buyers} of them bought");
    format!(
        "[[waf.exclusion]]\npath = {}\nrules = [{}]\nparameter = {}\nreason = {}\n",
        quoted(&place.path),
        rules.join(", "),
        quoted(&place.parameter),
        quoted(&reason)
    )
}

/// How many visitors; they are told apart up to a limit.
fn number(visitors: &HashSet<IpAddr>) -> String {
    let least = if visitors.len() == VISITORS_EACH_MAX { "at least " } else { "" };
    format!("{least}{}", visitors.len())
}

fn is_taken(text: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct File {
        waf: WafSection,
    }
    toml::from_str::<File>(text).is_ok_and(|file| file.waf.check().is_ok())
}

#[cfg(test)]
mod tests {
    use gabion_core::Timestamp;
    use gabion_edge::config::BoughtPages;

    use super::super::line::Logged;
    use super::super::{Trial, judge};
    use super::*;
    use crate::waf::trial::tests::builtin;

    fn replay(lines: &[&str]) -> String {
        let (waf, rules) = builtin();
        let mut trial = Trial::new(&rules, &waf);
        let mut tally = Tally::new(BoughtPages::default());
        for line in lines {
            let line = format!("192.0.2.{line}");
            let logged = Logged::read(line.as_bytes()).expect("a request");
            let judgment = judge(&mut trial, &logged, Timestamp::from_seconds(1_800_000_000));
            tally.count(&logged, &judgment);
        }
        text(&tally, &waf)
    }

    const ATTACK: &str =
        "[x] \"GET /search?q=1%27%20UNION%20SELECT%20a%20FROM%20users--&token=abc HTTP/1.1\" 200 1";

    #[test]
    fn who_was_stopped_and_then_bought_is_counted_and_excluded() {
        let bought = "[x] \"GET /checkout/order-received/7 HTTP/1.1\" 200 1";
        let said = replay(&[
            &format!("1 - - {bought}"),
            &format!("1 - - {ATTACK}"),
            &format!("2 - - {ATTACK}"),
            &format!("2 - - {bought}"),
            "3 - - [x] \"GET / HTTP/1.1\" 200 1",
        ]);
        assert!(said.contains("5 requests of 3 visitors; 0 lines were no requests\n"), "{said}");
        assert!(said.contains("2 requests of 2 visitors would have been blocked"), "{said}");
        assert!(
            said.contains("\n1 of these visitors then bought something\n"),
            "who bought before does not count: {said}"
        );
        assert!(
            said.contains("parameter = \"q\"\nreason = \"replay: 2 visitors sent it, 1 of them bought\""),
            "{said}"
        );
        assert!(said.contains("token=[masked]") && !said.contains("abc"), "{said}");
        assert!(said.contains("What this cannot know"), "{said}");
    }

    #[test]
    fn attacks_of_those_who_never_bought_are_not_excluded() {
        let said = replay(&[&format!("1 - - {ATTACK}")]);
        assert!(
            said.contains("0 of these visitors then bought something\nThe log shows no purchase at all"),
            "{said}"
        );
        assert!(!said.contains("[[waf.exclusion]]"), "{said}");
    }

    #[test]
    fn what_the_configuration_would_refuse_is_not_proposed() {
        let findings = Findings { rules: [1].into(), ..Findings::default() };
        let taken = |path: &str| {
            is_taken(&proposal(1, &Place { path: path.into(), parameter: "q".into() }, &findings))
        };
        assert!(taken("/search"));
        assert!(!taken("/a\"b") && !taken("/a*"));
    }
}
