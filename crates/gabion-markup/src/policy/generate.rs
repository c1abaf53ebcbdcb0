//! A policy made from what was seen on pages and allowed by people.

use std::collections::BTreeSet;

use super::allow::{Allowed, Allowlist};
use super::parse::Policy;
use crate::rewrite::Nonce;

/// The name under which browsers know where reports go.
pub const ENDPOINT: &str = "gabion-page";
/// Bytes of a policy. Servers and proxies take headers of 8 KiB in sum; the shop needs room too.
const POLICY_BYTES_MAX: usize = 4 * 1024;

/// How scripts are told from each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// By place and hash. Needs no change in pages.
    Places,
    /// Also by a nonce, which the page's scripts must be given.
    Nonce(Nonce),
    /// By nonce and hash only, and what those scripts load is trusted with them. Fits where tag managers load what
    /// nobody can list, and every script in the page is given the nonce. Places then count in old browsers only.
    StrictDynamic(Nonce),
}

/// Whether browsers keep to a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They only report.
    ReportOnly,
    /// They forbid and report.
    Enforce,
}

/// How the policy is to work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Whether browsers keep to it.
    pub mode: Mode,
    /// How scripts are told from each other.
    pub trust: Trust,
    /// Path on the shop's own origin that takes reports, such as `/.gabion/report`.
    pub report_path: String,
    /// Whether browsers that can shall report the hash of every script they run.
    pub hash_reports: bool,
}

/// The plan or what is allowed cannot be said in a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The path would not be one path in a header.
    #[error("the path for reports must begin with / and have no spaces, quotes, commas or semicolons")]
    ReportPath,
    /// Longer than servers and proxies take.
    #[error(
        "the policy has {bytes} bytes, at most 4096 fit into a header: allow whole origins instead of paths"
    )]
    TooLong {
        /// Its length.
        bytes: usize,
    },
}

/// A header to send beside the shop's, never in place of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The name in lower case.
    pub name: &'static str,
    /// The value; ASCII.
    pub value: String,
}

/// What to send with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// The policy, and where reports go.
    pub headers: Vec<Header>,
    /// The policy as browsers read it, to weigh pages and reports with.
    pub policy: Policy,
}

/// The headers that hold pages to `allowed`, by `plan`.
///
/// # Errors
/// When the plan cannot be said in headers.
pub fn generate(allowed: &Allowlist, plan: &Plan) -> Result<Answers, PlanError> {
    let endpoints = reporting_endpoints(&plan.report_path)?;
    let mut text = String::new();
    let mut say = |name: &str, sources: Vec<String>| {
        let sources = if sources.is_empty() { "'none'".to_owned() } else { sources.join(" ") };
        text.push_str(&format!("{name} {sources}; "));
    };
    say("default-src", vec!["'self'".to_owned()]);
    say("script-src-elem", scripts(allowed, plan));
    say("script-src-attr", handlers(allowed));
    say("script-src", whole_scripts(allowed, plan));
    for (name, places) in [
        ("connect-src", &allowed.connect),
        ("form-action", &allowed.forms),
        ("frame-src", &allowed.frames),
        ("frame-ancestors", &allowed.ancestors),
        ("img-src", &allowed.images),
        ("font-src", &allowed.fonts),
        ("media-src", &allowed.media),
        ("worker-src", &allowed.workers),
    ] {
        // Browsers ignore frame-ancestors in a policy that only reports, and complain.
        if name != "frame-ancestors" || plan.mode == Mode::Enforce {
            say(name, sources(places));
        }
    }
    let styles = sources(&allowed.styles).into_iter().chain(["'unsafe-inline'".to_owned()]);
    say("style-src", styles.collect());
    say("object-src", Vec::new());
    say("base-uri", vec!["'self'".to_owned()]);
    say("report-uri", vec![plan.report_path.clone()]);
    text.push_str(&format!("report-to {ENDPOINT}"));
    if text.len() > POLICY_BYTES_MAX {
        return Err(PlanError::TooLong { bytes: text.len() });
    }
    let name = match plan.mode {
        Mode::ReportOnly => "content-security-policy-report-only",
        Mode::Enforce => "content-security-policy",
    };
    let policy = Policy::parse(&text, plan.mode == Mode::ReportOnly);
    Ok(Answers { headers: vec![endpoints, Header { name, value: text }], policy })
}

/// Tells browsers where reports go, beside endpoints of the shop: their names differ. Reporting API, section 3.2.
///
/// # Errors
/// When the path would not be one path in a header.
pub fn reporting_endpoints(path: &str) -> Result<Header, PlanError> {
    let fits = path.starts_with('/')
        && !path.starts_with("//")
        && path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\' | b',' | b';'));
    if !fits {
        return Err(PlanError::ReportPath);
    }
    Ok(Header { name: "reporting-endpoints", value: format!("{ENDPOINT}=\"{path}\"") })
}

/// Asks browsers to run only scripts with an `integrity`; fits pages whose scripts all have one. Integrity-Policy is
/// in Subresource Integrity, section 3.7.
pub fn integrity_policy(mode: Mode) -> Header {
    let name = match mode {
        Mode::ReportOnly => "integrity-policy-report-only",
        Mode::Enforce => "integrity-policy",
    };
    Header { name, value: format!("blocked-destinations=(script), endpoints=({ENDPOINT})") }
}

fn sources(places: &BTreeSet<Allowed>) -> Vec<String> {
    places.iter().map(Allowed::source).collect()
}

fn scripts(allowed: &Allowlist, plan: &Plan) -> Vec<String> {
    let mut words = match &plan.trust {
        Trust::Places => Vec::new(),
        Trust::Nonce(nonce) => vec![format!("'nonce-{}'", nonce.as_str())],
        Trust::StrictDynamic(nonce) => {
            vec![format!("'nonce-{}'", nonce.as_str()), "'strict-dynamic'".to_owned()]
        }
    };
    words.extend(allowed.inline.iter().map(|hash| format!("'{hash}'")));
    words.extend(sources(&allowed.scripts));
    if words.is_empty() {
        return words;
    }
    words.push("'report-sample'".to_owned());
    if plan.hash_reports {
        words.push("'report-sha256'".to_owned());
    }
    words
}

fn handlers(allowed: &Allowlist) -> Vec<String> {
    let mut words: Vec<String> = allowed.handlers.iter().map(|hash| format!("'{hash}'")).collect();
    if !words.is_empty() {
        words.extend(["'unsafe-hashes'".to_owned(), "'report-sample'".to_owned()]);
    }
    words
}

/// For what neither of the two others governs (`eval`), and for browsers that know only this one.
fn whole_scripts(allowed: &Allowlist, plan: &Plan) -> Vec<String> {
    let mut words = scripts(allowed, plan);
    words.extend(allowed.handlers.iter().map(|hash| format!("'{hash}'")));
    if !allowed.handlers.is_empty() {
        words.push("'unsafe-hashes'".to_owned());
    }
    if allowed.may_eval {
        words.push("'unsafe-eval'".to_owned());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;
    use crate::hash::ContentHash;

    fn plan(trust: Trust, mode: Mode) -> Plan {
        Plan { mode, trust, report_path: "/.gabion/report".to_owned(), hash_reports: true }
    }

    fn nonce() -> Nonce {
        "MTIzNDU2Nzg5MDEyMzQ1Ng==".parse().expect("a nonce")
    }

    #[test]
    fn an_empty_list_forbids_everything_but_the_page() {
        let answers = generate(&Allowlist::default(), &plan(Trust::Places, Mode::Enforce)).expect("fits");
        assert_eq!(
            answers.headers[1].value,
            "default-src 'self'; script-src-elem 'none'; script-src-attr 'none'; script-src 'none'; \
             connect-src 'none'; form-action 'none'; frame-src 'none'; frame-ancestors 'none'; img-src 'none'; \
             font-src 'none'; media-src 'none'; worker-src 'none'; style-src 'unsafe-inline'; object-src 'none'; \
             base-uri 'self'; report-uri /.gabion/report; report-to gabion-page"
        );
        assert_eq!(answers.headers[0].value, "gabion-page=\"/.gabion/report\"");
        assert_eq!(answers.headers[1].name, "content-security-policy");
    }

    #[test]
    fn trust_is_carried_by_the_nonce() {
        let mut allowed = Allowlist { may_eval: true, ..Allowlist::default() };
        allowed.scripts.insert(Allowed::Own);
        allowed
            .scripts
            .insert(Allowed::Path(Address::parse("https://cdn.example/a;b,c.js?v=1").expect("an address")));
        let answers =
            generate(&allowed, &plan(Trust::StrictDynamic(nonce()), Mode::ReportOnly)).expect("fits");
        let value = &answers.headers[1].value;
        assert!(
            value.contains(
                "script-src 'nonce-MTIzNDU2Nzg5MDEyMzQ1Ng==' 'strict-dynamic' 'self' \
                 https://cdn.example/a%3Bb%2Cc.js 'report-sample' 'report-sha256' 'unsafe-eval'; "
            ),
            "{value}"
        );
        assert!(!value.contains("frame-ancestors"));
        assert_eq!(answers.headers[1].name, "content-security-policy-report-only");
        assert!(answers.policy.is_report_only);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for path in ["report", "//evil.example", "/a b", "/a;b", "/a\"", "/ä"] {
            assert_eq!(reporting_endpoints(path), Err(PlanError::ReportPath), "{path}");
        }
        let mut allowed = Allowlist::default();
        allowed.inline.extend((0..200_u32).map(|n| ContentHash::of(&n.to_be_bytes())));
        let refused = generate(&allowed, &plan(Trust::Places, Mode::Enforce));
        assert!(matches!(refused, Err(PlanError::TooLong { .. })));
    }
}
