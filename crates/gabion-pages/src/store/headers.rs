//! Headers as they are kept.

use std::collections::BTreeMap;

use gabion_core::{Actor, Timestamp};
use gabion_markup::headers::{CookieFlags, PolicySources, SecurityHeaders};
use serde::{Deserialize, Serialize};

/// Headers in a form that is read back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stored {
    policies: Vec<PolicySources>,
    reported_policies: Vec<PolicySources>,
    plain: BTreeMap<String, String>,
    cookies: BTreeMap<String, (bool, bool, u8)>,
}

/// Headers that were approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Baseline {
    pub(crate) headers: Stored,
    pub(crate) by: Actor,
    pub(crate) at: Timestamp,
}

impl Stored {
    pub(crate) fn of(headers: &SecurityHeaders) -> Self {
        let plain = headers.plain.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let flags = |flags: &CookieFlags| (flags.is_secure, flags.is_http_only, flags.same_site);
        Self {
            policies: headers.policies.clone(),
            reported_policies: headers.reported_policies.clone(),
            plain: plain.collect(),
            cookies: headers.cookies.iter().map(|(name, kept)| (name.clone(), flags(kept))).collect(),
        }
    }

    pub(crate) fn read(&self) -> SecurityHeaders {
        let plain = self.plain.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let mut headers = SecurityHeaders::read(plain);
        headers.policies.clone_from(&self.policies);
        headers.reported_policies.clone_from(&self.reported_policies);
        for (name, (is_secure, is_http_only, same_site)) in &self.cookies {
            let flags =
                CookieFlags { is_secure: *is_secure, is_http_only: *is_http_only, same_site: *same_site };
            headers.cookies.insert(name.clone(), flags);
        }
        headers
    }

    /// By name, policies as text.
    pub(crate) fn shown(&self) -> BTreeMap<String, String> {
        let mut shown = self.plain.clone();
        for (name, policies) in [
            ("content-security-policy", &self.policies),
            ("content-security-policy-report-only", &self.reported_policies),
        ] {
            if !policies.is_empty() {
                shown.insert(name.to_owned(), policies.iter().map(text).collect::<Vec<_>>().join(", "));
            }
        }
        for (name, (is_secure, is_http_only, same_site)) in &self.cookies {
            let mut flags = Vec::new();
            flags.extend(is_secure.then_some("Secure"));
            flags.extend(is_http_only.then_some("HttpOnly"));
            flags.extend(["", "SameSite=Lax", "SameSite=Strict"].get(usize::from(*same_site)).copied());
            flags.retain(|flag| !flag.is_empty());
            shown.insert(format!("set-cookie {name}"), flags.join("; "));
        }
        shown
    }
}

fn text(policy: &PolicySources) -> String {
    let directive = |(name, sources): (&String, &std::collections::BTreeSet<String>)| {
        let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
        format!("{name} {}", sources.join(" ")).trim_end().to_owned()
    };
    policy.iter().map(directive).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_the_same_after_they_were_kept() {
        let given: [(&str, &[u8]); 5] = [
            ("Content-Security-Policy", b"default-src 'self'; script-src 'nonce-abc' https://cdn.example"),
            ("Content-Security-Policy-Report-Only", b"img-src *"),
            ("Strict-Transport-Security", b"max-age=1;  includeSubDomains"),
            ("X-Frame-Options", b"DENY"),
            ("Set-Cookie", b"sid=1; Secure; SameSite=Lax"),
        ];
        let headers = SecurityHeaders::read(given);
        let stored = Stored::of(&headers);
        let kept: Stored = serde_json::from_str(&super::super::json(&stored)).expect("it was written here");
        assert_eq!(kept.read(), headers);
        assert!(headers.changes_to(&kept.read()).is_empty());
        assert_eq!(kept.shown()["set-cookie sid"], "Secure; SameSite=Lax");
    }
}
