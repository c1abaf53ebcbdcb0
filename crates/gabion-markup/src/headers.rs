//! The headers of an answer that protect whoever reads it, and what became of them since a baseline.
//!
//! PCI DSS 4.0.1 requirement 11.6.1 asks to notice changes to the security-impacting headers of payment pages. Nonces
//! and values that change with every answer are left out, so that two answers of the same page are the same.

mod compare;
mod cookie;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::policy::{PolicySet, Source};

pub use compare::{Alteration, HeaderChange};
pub use cookie::CookieFlags;

/// Bytes of one header that are kept.
pub const VALUE_BYTES_MAX: usize = 4 * 1024;
/// Cookies of one answer that are looked at.
pub const COOKIES_MAX: usize = 50;

/// Headers with a single value. Policies and cookies are read apart.
const PLAIN: [&str; 13] = [
    "strict-transport-security",
    "x-frame-options",
    "x-content-type-options",
    "referrer-policy",
    "permissions-policy",
    "cross-origin-opener-policy",
    "cross-origin-embedder-policy",
    "cross-origin-resource-policy",
    "integrity-policy",
    "integrity-policy-report-only",
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "clear-site-data",
];

/// The headers of one answer that protect whoever reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SecurityHeaders {
    /// Policies that browsers keep to: sources by directive.
    pub policies: Vec<PolicySources>,
    /// Policies that browsers only report on.
    pub reported_policies: Vec<PolicySources>,
    /// The others by name, in lower case with single spaces; several with one name are joined by commas.
    pub plain: BTreeMap<&'static str, String>,
    /// Flags of cookies that look like those of a session, by name.
    pub cookies: BTreeMap<String, CookieFlags>,
}

/// The sources of one policy, by directive. A nonce is `'nonce'` here, whatever it is.
pub type PolicySources = BTreeMap<String, BTreeSet<String>>;

impl SecurityHeaders {
    /// Reads the headers of an answer; names in any case, values as bytes. Those that do not matter are left out.
    pub fn read<'a>(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut found = Self::default();
        for (name, value) in headers {
            let name = name.to_ascii_lowercase();
            let value = String::from_utf8_lossy(&value[..value.len().min(VALUE_BYTES_MAX)]);
            match name.as_str() {
                "content-security-policy" => found.policies.extend(policies(&value)),
                "content-security-policy-report-only" => found.reported_policies.extend(policies(&value)),
                "set-cookie" if found.cookies.len() < COOKIES_MAX => {
                    found.cookies.extend(cookie::session_like(&value));
                }
                _ => found.plain(&name, &value),
            }
        }
        found
    }

    fn plain(&mut self, name: &str, value: &str) {
        let Some(name) = PLAIN.iter().find(|known| **known == name) else { return };
        let value = value.split_ascii_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
        let kept = self.plain.entry(name).or_default();
        if !kept.is_empty() {
            kept.push_str(", ");
        }
        kept.push_str(&value);
    }

    /// What became of a baseline: `self` is what was approved, `now` what was served. Empty when all is the same.
    pub fn changes_to(&self, now: &Self) -> Vec<HeaderChange> {
        compare::changes(self, now)
    }
}

fn policies(value: &str) -> Vec<PolicySources> {
    let set = PolicySet::parse([value], []);
    let sources = |policy: &crate::policy::Policy| {
        let directives = policy.directives.iter();
        directives.map(|found| (found.name.clone(), found.sources.iter().map(source).collect())).collect()
    };
    set.policies.iter().map(sources).collect()
}

/// A source as it is shown and compared.
fn source(source: &Source) -> String {
    match source {
        Source::None => "'none'".to_owned(),
        Source::Own => "'self'".to_owned(),
        Source::UnsafeInline => "'unsafe-inline'".to_owned(),
        Source::UnsafeEval => "'unsafe-eval'".to_owned(),
        Source::WasmUnsafeEval => "'wasm-unsafe-eval'".to_owned(),
        Source::UnsafeHashes => "'unsafe-hashes'".to_owned(),
        Source::StrictDynamic => "'strict-dynamic'".to_owned(),
        Source::ReportSample => "'report-sample'".to_owned(),
        Source::ReportHash => "'report-sha256'".to_owned(),
        Source::Nonce(_) => "'nonce'".to_owned(),
        Source::Hash(hash) => format!("'{hash}'"),
        Source::Scheme(scheme) => format!("{scheme}:"),
        Source::Host(host) => host.to_string(),
        Source::Unknown(word) => word.clone(),
    }
}
