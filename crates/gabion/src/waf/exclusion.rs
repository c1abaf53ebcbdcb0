//! `[[waf.exclusion]]` as directives: before the rules run, they lose sight of one part of requests to one path.

use std::fmt::Write;
use std::ops::Range;

use gabion_edge::config::{Exclusion, Part};
use gabion_waf::RuleSet;

/// Ids of the rules that exclusions become. The edge takes no more exclusions.
const OWN_IDS: Range<u64> = 9_001_000..9_002_000;
/// One segment of a decoded path: never a step upwards, and nothing that a shop might decode once more.
const SEGMENT: &str = r"[^/\\;.%]+(?:\.[^/\\;.%]+)*";
/// What means something in patterns.
const SPECIAL: &str = r".+*?()|[]{}^$#&-~";

/// An exclusion of a rule that is not there: it would protect nobody's customers, silently.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("[[waf.exclusion]] path = {path:?}: no rule has the id {id}{}", nearest_text(*nearest))]
pub(crate) struct NoSuchRule {
    path: String,
    id: u64,
    nearest: Option<u64>,
}

fn nearest_text(nearest: Option<u64>) -> String {
    nearest.map(|nearest| format!("; the nearest is {nearest}")).unwrap_or_default()
}

/// The directives of all exclusions.
pub(super) fn directives(exclusions: &[Exclusion]) -> String {
    let mut text = String::new();
    for (id, exclusion) in OWN_IDS.zip(exclusions) {
        directive(id, exclusion, &mut text).expect("writing to a string cannot fail");
    }
    text
}

fn directive(id: u64, exclusion: &Exclusion, out: &mut String) -> std::fmt::Result {
    let test = if exclusion.has_wildcard() {
        format!("@rx ^{}$", exclusion.path.split('/').map(segment).collect::<Vec<_>>().join("/"))
    } else {
        format!("@streq {}", exclusion.path)
    };
    write!(out, "SecRule REQUEST_FILENAME \"{test}\" \"id:{id},phase:1,nolog,pass,t:none")?;
    for rule in &exclusion.rules {
        for target in targets(&exclusion.part) {
            write!(out, ",ctl:ruleRemoveTargetById={rule};{target}")?;
        }
    }
    out.write_str("\"\n")
}

fn segment(text: &str) -> String {
    if text == "*" {
        return SEGMENT.to_owned();
    }
    text.chars().fold(String::new(), |mut out, c| {
        out.extend(SPECIAL.contains(c).then_some('\\'));
        out.push(c);
        out
    })
}

/// What rules lose sight of. Names of headers are fixed, those of parameters and cookies are the shop's own.
fn targets(part: &Part) -> Vec<String> {
    match part {
        Part::Parameter(name) => vec![format!("ARGS:{name}"), format!("ARGS_NAMES:{name}")],
        Part::Cookie(name) => {
            vec![format!("REQUEST_COOKIES:{name}"), format!("REQUEST_COOKIES_NAMES:{name}")]
        }
        Part::Header(name) => vec![format!("REQUEST_HEADERS:{name}")],
    }
}

/// Holds exclusions against the rules that they are for.
///
/// # Errors
/// The first id that no rule has.
pub(super) fn check(exclusions: &[Exclusion], rules: &RuleSet) -> Result<(), NoSuchRule> {
    let ids = || rules.iter().map(|rule| rule.id()).filter(|id| !OWN_IDS.contains(id));
    for Exclusion { path, rules: wanted, .. } in exclusions {
        for id in wanted {
            let nearest = ids().min_by_key(|known| known.abs_diff(*id));
            if nearest != Some(*id) {
                return Err(NoSuchRule { path: path.clone(), id: *id, nearest });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use gabion_core::Timestamp;
    use gabion_waf::{Connection, Disk, RequestHead, Source};

    use super::*;

    const RULES: &str = "SecRequestBodyAccess On\n\
        SecRule ARGS|ARGS_NAMES|REQUEST_COOKIES|REQUEST_HEADERS \"@contains bad\" \"id:10,phase:2,pass,log\"\n\
        SecRule ARGS|REQUEST_COOKIES|REQUEST_HEADERS \"@contains bad\" \"id:11,phase:2,pass,log\"\n";

    fn exclude(path: &str, part: Part) -> RuleSet {
        let exclusions = [Exclusion { path: path.into(), rules: vec![10], part }];
        let text = directives(&exclusions);
        let sources = [Source::text("exclusions.conf", text), Source::text("rules.conf", RULES)];
        RuleSet::load(&sources, &Disk).expect("they load")
    }

    /// The rules that log a request to `target` with a header.
    #[track_caller]
    fn check_logged(rules: &RuleSet, target: &str, header: (&str, &str), expected: &[u64]) {
        let here = (IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
        let connection = Connection { client: here, server: here, id: "t" };
        let mut transaction = rules.transaction(&connection, Timestamp::from_seconds(1_800_000_000), None);
        let headers = [(header.0.as_bytes(), header.1.as_bytes())];
        let head = RequestHead {
            method: b"GET",
            target: target.as_bytes(),
            version: b"HTTP/1.1",
            headers: &headers,
        };
        let _ = transaction.request_head(&head);
        let _ = transaction.request_body(b"");
        let logged: Vec<u64> = transaction.matches().iter().map(|rule| rule.id).collect();
        assert_eq!(logged, expected, "{target} {header:?}");
    }

    #[test]
    fn exactly_that_parameter_of_that_path_passes_that_rule() {
        let rules = exclude("/search", Part::Parameter("q".into()));
        let none = ("A", "b");
        check_logged(&rules, "/search?q=bad", none, &[11]);
        check_logged(&rules, "/search?Q=bad", none, &[11]);
        check_logged(&rules, "/search?q=bad&q2=bad", none, &[10, 11]);
        check_logged(&rules, "/search?qbad=1", none, &[10]);
        check_logged(&rules, "/other?q=bad", none, &[10, 11]);
        check_logged(&rules, "/search/?q=bad", none, &[10, 11]);
        check_logged(&rules, "/searchx?q=bad", none, &[10, 11]);
        check_logged(&rules, "/search?q=1", ("Cookie", "q=bad"), &[10, 11]);
        check_logged(&rules, "/search?q=1", ("q", "bad"), &[10, 11]);
    }

    #[test]
    fn cookies_and_headers_are_excluded_by_name() {
        // A cookie is a part of the header that carries it.
        let rules = exclude("/", Part::Cookie("c".into()));
        check_logged(&rules, "/?c=bad", ("A", "b"), &[10, 11]);
        let rules = exclude("/", Part::Header("Referer".into()));
        check_logged(&rules, "/", ("referer", "bad"), &[11]);
        check_logged(&rules, "/", ("user-agent", "bad"), &[10, 11]);
        check_logged(&rules, "/?Referer=bad", ("A", "b"), &[10, 11]);
    }

    #[test]
    fn a_star_is_one_segment_and_no_way_upwards() {
        let rules = exclude("/p/*/review.html", Part::Parameter("q".into()));
        let none = ("A", "b");
        check_logged(&rules, "/p/green-tea.1/review.html?q=bad", none, &[11]);
        check_logged(&rules, "/p/gr%C3%BCner%20tee/review.html?q=bad", none, &[11]);
        for other in [
            "/p/a/b/review.html",
            "/p//review.html",
            "/p/../review.html",
            "/p/%2e%2e/review.html",
            "/p/a/reviewxhtml",
        ] {
            check_logged(&rules, &format!("{other}?q=bad"), none, &[10, 11]);
        }
        check_logged(&rules, "/p/%252e%252e/review.html?q=bad", none, &[10, 11]);
    }

    #[test]
    fn a_rule_that_is_not_there_is_told_with_the_nearest() {
        let rules = exclude("/", Part::Parameter("q".into()));
        let wrong = [Exclusion { path: "/a".into(), rules: vec![10, 13], part: Part::Parameter("q".into()) }];
        let said = check(&wrong, &rules).expect_err("refused").to_string();
        assert_eq!(said, "[[waf.exclusion]] path = \"/a\": no rule has the id 13; the nearest is 11");
    }
}
