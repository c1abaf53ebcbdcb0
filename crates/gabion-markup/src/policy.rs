//! Content security policies: what a shop says, what Gabion would say, and what they would stop.
//!
//! A browser asks every policy of an answer, and what one forbids is forbidden. So Gabion sends its own beside the
//! shop's, never in its place: it can only forbid more. One thing they share: a script has a single nonce, so where the
//! shop's policy has one ([`PolicySet::script_nonce`]), Gabion's names the same
//! ([`Nonce::of_shop`](crate::Nonce::of_shop)) and pages are given none.
//!
//! Source: Content Security Policy Level 3, <https://www.w3.org/TR/CSP3/>.

mod allow;
mod generate;
mod parse;
mod source;
mod weigh;

pub use allow::{Allowed, Allowlist};
pub use generate::{
    Answers, ENDPOINT, Header, Mode, Plan, PlanError, Trust, generate, integrity_policy, reporting_endpoints,
};
pub use parse::{DIRECTIVES_MAX, Directive, POLICIES_MAX, Policy, PolicySet, SOURCES_MAX};
pub use source::{Host, HostSource, Port, Source};
pub use weigh::{Broken, Subject, Verdict, Where, breakage};

/// Whether `text` is the value of a nonce or a hash: base64 in either alphabet. CSP level 3, section 2.3.1.
pub(crate) fn is_base64_value(text: &str) -> bool {
    let value = text.trim_end_matches('=');
    !value.is_empty()
        && text.len() - value.len() <= 2
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte))
}
