//! What became of the headers since they were approved, in words.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{CookieFlags, PolicySources, SecurityHeaders};

/// Sources shown in one sentence.
const SHOWN_MAX: usize = 8;

/// A header is not what was approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeaderChange {
    /// The header, in lower case.
    pub header: String,
    /// What became of it.
    pub alteration: Alteration,
    /// The same as a sentence.
    pub sentence: String,
}

/// What became of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alteration {
    /// It is gone.
    Removed,
    /// It forbids less.
    Weakened,
    /// It is different, and neither is plainly stronger.
    Changed,
    /// It is new.
    Added,
    /// It forbids more.
    Tightened,
}

pub(super) fn changes(before: &SecurityHeaders, now: &SecurityHeaders) -> Vec<HeaderChange> {
    let mut changes = Changes(Vec::new());
    changes.policies("content-security-policy", &before.policies, &now.policies);
    changes.policies(
        "content-security-policy-report-only",
        &before.reported_policies,
        &now.reported_policies,
    );
    let names: BTreeSet<&str> = before.plain.keys().chain(now.plain.keys()).copied().collect();
    for name in names {
        changes.plain(name, before.plain.get(name), now.plain.get(name));
    }
    for (name, flags) in &now.cookies {
        changes.cookie(name, before.cookies.get(name), flags);
    }
    changes.0
}

struct Changes(Vec<HeaderChange>);

impl Changes {
    fn say(&mut self, header: &str, alteration: Alteration, sentence: String) {
        self.0.push(HeaderChange { header: header.to_owned(), alteration, sentence });
    }

    fn plain(&mut self, name: &str, before: Option<&String>, now: Option<&String>) {
        // These open what is closed without them.
        let opens = name.starts_with("access-control-");
        match (before, now) {
            (Some(before), Some(now)) if before != now => {
                let (alteration, verb) = match (strength(name, before), strength(name, now)) {
                    (Some(before), Some(now)) if now < before => (Alteration::Weakened, "forbids less"),
                    (Some(before), Some(now)) if now > before => (Alteration::Tightened, "forbids more"),
                    _ => (Alteration::Changed, "is different"),
                };
                self.say(name, alteration, format!("{name} {verb}: it was \"{before}\" and is \"{now}\"."));
            }
            (Some(before), None) => {
                let alteration = if opens { Alteration::Tightened } else { Alteration::Removed };
                self.say(name, alteration, format!("{name} is gone; it was \"{before}\"."));
            }
            (None, Some(now)) => {
                let alteration = if opens { Alteration::Weakened } else { Alteration::Added };
                self.say(name, alteration, format!("{name} is new: \"{now}\"."));
            }
            _ => {}
        }
    }

    fn cookie(&mut self, name: &str, before: Option<&CookieFlags>, now: &CookieFlags) {
        let header = "set-cookie";
        let Some(before) = before else {
            if !(now.is_secure && now.is_http_only) {
                let sentence = format!("The cookie {name} is new and {}.", lacking(now));
                self.say(header, Alteration::Weakened, sentence);
            }
            return;
        };
        let lost = (before.is_secure && !now.is_secure)
            || (before.is_http_only && !now.is_http_only)
            || now.same_site < before.same_site;
        if lost {
            let sentence = format!("The cookie {name} is guarded less than before: {}.", lacking(now));
            self.say(header, Alteration::Weakened, sentence);
        } else if before != now {
            let sentence = format!("The cookie {name} is guarded better than before.");
            self.say(header, Alteration::Tightened, sentence);
        }
    }

    /// Policies that are the same are paired first; the others by their order.
    fn policies(&mut self, header: &str, before: &[PolicySources], now: &[PolicySources]) {
        let mut added: Vec<&PolicySources> = now.iter().collect();
        let mut lost: Vec<&PolicySources> = Vec::new();
        for policy in before {
            match added.iter().position(|other| *other == policy) {
                Some(at) => {
                    added.remove(at);
                }
                None => lost.push(policy),
            }
        }
        let paired = lost.len().min(added.len());
        for (before, now) in lost.iter().zip(&added) {
            self.policy(header, before, now);
        }
        for policy in &lost[paired..] {
            self.say(header, Alteration::Removed, format!("{header} is gone; it had {}.", names(policy)));
        }
        for policy in &added[paired..] {
            self.say(header, Alteration::Added, format!("{header} is new, with {}.", names(policy)));
        }
    }

    fn policy(&mut self, header: &str, before: &PolicySources, now: &PolicySources) {
        let directives: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
        for name in directives {
            match (before.get(name), now.get(name)) {
                (Some(before), Some(now)) => self.directive(header, name, before, now),
                (Some(_), None) => {
                    self.say(header, Alteration::Weakened, format!("{name} is gone from {header}."));
                }
                (None, Some(sources)) => {
                    let sentence = format!("{name} is new in {header}: {}.", shown(sources.iter()));
                    // A new directive takes the place of default-src, so it may allow more.
                    let stands_in =
                        name.ends_with("-src") || name.ends_with("-elem") || name.ends_with("-attr");
                    let alteration = if stands_in { Alteration::Changed } else { Alteration::Tightened };
                    self.say(header, alteration, sentence);
                }
                (None, None) => {}
            }
        }
    }

    fn directive(&mut self, header: &str, name: &str, before: &BTreeSet<String>, now: &BTreeSet<String>) {
        let reports = |source: &&String| source.starts_with("'report-") || *source == "'none'";
        let added: Vec<&String> = now.difference(before).filter(|source| !reports(source)).collect();
        let lost: Vec<&String> = before.difference(now).filter(|source| !reports(source)).collect();
        let is_list_of_sources = name.ends_with("-src")
            || name.ends_with("-elem")
            || name.ends_with("-attr")
            || matches!(name, "form-action" | "frame-ancestors" | "base-uri");
        if !is_list_of_sources {
            if before != now {
                let sentence = format!("{name} of {header} is different: {}.", shown(now.iter()));
                self.say(header, Alteration::Changed, sentence);
            }
        } else if !added.is_empty() {
            let sentence = format!("{name} of {header} allows more: {}.", shown(added.into_iter()));
            self.say(header, Alteration::Weakened, sentence);
        } else if !lost.is_empty() {
            let sentence = format!("{name} of {header} allows less: without {}.", shown(lost.into_iter()));
            self.say(header, Alteration::Tightened, sentence);
        }
    }
}

fn names(policy: &PolicySources) -> String {
    shown(policy.keys())
}

fn shown<'a>(words: impl Iterator<Item = &'a String>) -> String {
    let mut words: Vec<&str> = words.map(String::as_str).collect();
    let rest = words.len().saturating_sub(SHOWN_MAX);
    words.truncate(SHOWN_MAX);
    match (words.is_empty(), rest) {
        (true, _) => "nothing".to_owned(),
        (false, 0) => words.join(" "),
        (false, rest) => format!("{} and {rest} more", words.join(" ")),
    }
}

fn lacking(flags: &CookieFlags) -> String {
    let missing: Vec<&str> =
        [(flags.is_secure, "Secure"), (flags.is_http_only, "HttpOnly"), (flags.same_site > 0, "SameSite")]
            .into_iter()
            .filter_map(|(has, name)| (!has).then_some(name))
            .collect();
    if missing.is_empty() {
        "has a weaker SameSite".to_owned()
    } else {
        format!("lacks {}", missing.join(", "))
    }
}

/// How much a value forbids; `None` when that cannot be ordered.
fn strength(name: &str, value: &str) -> Option<u64> {
    let rank = |order: &[&str]| {
        let word = value.split([',', ';']).map(str::trim).rev().find(|word| order.contains(word));
        word.and_then(|word| order.iter().position(|known| *known == word))
            .map_or(Some(0), |at| u64::try_from(at).ok())
    };
    match name {
        "strict-transport-security" => {
            let seconds = value.split(';').find_map(|part| part.trim().strip_prefix("max-age="))?;
            let seconds: u64 = seconds.trim_matches('"').parse().ok()?;
            let covers_all = value.contains("includesubdomains") && seconds > 0;
            Some(seconds.saturating_mul(2) + u64::from(covers_all))
        }
        "x-frame-options" => rank(&["", "sameorigin", "deny"]),
        "x-content-type-options" => rank(&["", "nosniff"]),
        "referrer-policy" => rank(&[
            "unsafe-url",
            "no-referrer-when-downgrade",
            "origin-when-cross-origin",
            "origin",
            "strict-origin-when-cross-origin",
            "strict-origin",
            "same-origin",
            "no-referrer",
        ]),
        "cross-origin-opener-policy" => rank(&["unsafe-none", "same-origin-allow-popups", "same-origin"]),
        "cross-origin-embedder-policy" => rank(&["unsafe-none", "credentialless", "require-corp"]),
        "cross-origin-resource-policy" => rank(&["cross-origin", "same-site", "same-origin"]),
        "access-control-allow-origin" => Some(u64::from(!matches!(value, "*" | "null"))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&str, &str)]) -> SecurityHeaders {
        SecurityHeaders::read(headers.iter().map(|(name, value)| (*name, value.as_bytes())))
    }

    #[track_caller]
    fn check(before: &[(&str, &str)], now: &[(&str, &str)], expected: &[(&str, Alteration)]) {
        let changes = read(before).changes_to(&read(now));
        let found: Vec<_> =
            changes.iter().map(|change| (change.header.as_str(), change.alteration)).collect();
        assert_eq!(found, expected, "{changes:#?}");
        assert!(changes.iter().all(|change| change.sentence.ends_with('.')));
    }

    #[test]
    fn headers_are_weakened_tightened_removed_and_added() {
        use Alteration::{Added, Changed, Removed, Tightened, Weakened};
        for (name, before, now, expected) in [
            ("strict-transport-security", "max-age=63072000", "max-age=300", Weakened),
            ("strict-transport-security", "max-age=300; includeSubDomains", "max-age=300", Weakened),
            ("x-frame-options", "DENY", "SAMEORIGIN", Weakened),
            ("x-frame-options", "ALLOWALL", "DENY", Tightened),
            ("referrer-policy", "no-referrer, strict-origin", "unsafe-url", Weakened),
            ("cross-origin-opener-policy", "unsafe-none", "same-origin", Tightened),
            ("access-control-allow-origin", "https://a.example", "*", Weakened),
            ("permissions-policy", "camera=()", "camera=*", Changed),
        ] {
            check(&[(name, before)], &[(name, now)], &[(name, expected)]);
        }
        check(&[("X-Content-Type-Options", "nosniff")], &[], &[("x-content-type-options", Removed)]);
        check(&[], &[("Referrer-Policy", "origin")], &[("referrer-policy", Added)]);
        check(&[], &[("Access-Control-Allow-Origin", "*")], &[("access-control-allow-origin", Weakened)]);
        check(&[("server", "a")], &[("server", "b")], &[]);
    }

    #[test]
    fn policies_are_compared_by_directive_and_nonces_do_not_count() {
        use Alteration::{Added, Removed, Tightened, Weakened};
        let csp = "content-security-policy";
        check(
            &[(csp, "script-src 'nonce-abc' 'self'; img-src *")],
            &[(csp, "img-src *; script-src 'self' 'nonce-def'")],
            &[],
        );
        check(&[(csp, "script-src 'self'")], &[(csp, "script-src 'self' evil.example")], &[(csp, Weakened)]);
        check(&[(csp, "script-src 'self' a.example")], &[(csp, "script-src 'self'")], &[(csp, Tightened)]);
        check(&[(csp, "script-src 'none'")], &[(csp, "script-src a.example")], &[(csp, Weakened)]);
        check(
            &[(csp, "script-src 'self'; base-uri 'none'")],
            &[(csp, "script-src 'self'")],
            &[(csp, Weakened)],
        );
        check(&[(csp, "img-src *, script-src a")], &[(csp, "script-src a")], &[(csp, Removed)]);
        check(&[], &[(csp, "img-src *")], &[(csp, Added)]);
    }

    #[test]
    fn cookies_of_sessions_are_compared_by_their_flags() {
        let cookie = |value| [("Set-Cookie", value)];
        let strict = "PHPSESSID=a; Secure; HttpOnly; SameSite=Lax";
        check(&cookie(strict), &cookie("PHPSESSID=b; Secure; HttpOnly; SameSite=Lax"), &[]);
        check(&cookie(strict), &cookie("PHPSESSID=b; HttpOnly"), &[("set-cookie", Alteration::Weakened)]);
        check(&cookie(strict), &[], &[]);
        check(&[], &cookie("auth_token=b"), &[("set-cookie", Alteration::Weakened)]);
        check(&cookie("sid=b"), &cookie(strict), &[]);
    }
}
