//! Policies as answers carry them: written when people decide, filled in with the nonce of each answer.

use gabion_markup::Nonce;
use gabion_markup::holding::TrustBy;
use gabion_markup::policy::{Allowlist, Mode, Plan, PlanError, Trust, generate};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, ETAG, EXPIRES, HeaderMap, HeaderName, HeaderValue,
    LAST_MODIFIED,
};

use super::REPORT_PATH;

/// Where the nonce of an answer goes.
const PLACE: &str = "gabionputsthenoncehere==";

/// Headers that say of a body what is not true once it was changed.
const ABOUT_THE_BODY: [HeaderName; 8] = [
    CONTENT_LENGTH,
    ETAG,
    LAST_MODIFIED,
    ACCEPT_RANGES,
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
];
/// Headers that let others than the customer's browser keep an answer.
const ABOUT_SHARED_CACHES: [HeaderName; 3] =
    [EXPIRES, HeaderName::from_static("cdn-cache-control"), HeaderName::from_static("surrogate-control")];

/// The headers of one policy, but for the nonce.
#[derive(Debug)]
pub(super) struct PolicyText {
    name: HeaderName,
    /// The policy around the places of the nonce.
    pieces: Vec<String>,
    endpoints: (HeaderName, HeaderValue),
}

impl PolicyText {
    /// Writes the policy.
    ///
    /// # Errors
    /// When it does not fit into a header.
    pub(super) fn prepare(allowed: &Allowlist, trust: TrustBy, mode: Mode) -> Result<Self, PlanError> {
        let place = || PLACE.parse::<Nonce>().expect("the place is 24 characters of base64");
        let trust = match trust {
            TrustBy::Places => Trust::Places,
            TrustBy::Nonce => Trust::Nonce(place()),
            TrustBy::StrictDynamic => Trust::StrictDynamic(place()),
        };
        let plan = Plan { mode, trust, report_path: REPORT_PATH.to_owned(), hash_reports: true };
        let answers = generate(allowed, &plan)?;
        let [endpoints, policy] = <[_; 2]>::try_from(answers.headers).expect("a policy and where reports go");
        // Quotes are in no other source, so that nothing else looks like the place.
        let place = format!("'nonce-{PLACE}'");
        let value = HeaderValue::try_from(endpoints.value).expect("the path for reports is a header value");
        Ok(Self {
            name: HeaderName::from_static(policy.name),
            pieces: policy.value.split(&place).map(str::to_owned).collect(),
            endpoints: (HeaderName::from_static(endpoints.name), value),
        })
    }

    /// Whether it needs a nonce.
    pub(super) fn needs_nonce(&self) -> bool {
        self.pieces.len() > 1
    }

    /// Puts the policy on an answer, beside what the shop says.
    pub(super) fn put(&self, headers: &mut HeaderMap, nonce: Option<&Nonce>) {
        let nonce = nonce.map(|nonce| format!("'nonce-{}'", nonce.as_str())).unwrap_or_default();
        let mut value = HeaderValue::try_from(self.pieces.join(&nonce)).expect("a policy is ASCII");
        // HTTP/2 must not remember what comes once. RFC 7541 section 7.1.3.
        value.set_sensitive(self.needs_nonce());
        headers.append(self.name.clone(), value);
        let (name, value) = &self.endpoints;
        headers.append(name.clone(), value.clone());
    }
}

/// Takes away what is not true of a changed page any more. No weak validator stays either: a page that a browser kept
/// was made for other decisions, and must not be called current.
pub(super) fn forget_the_body(headers: &mut HeaderMap) {
    for name in ABOUT_THE_BODY {
        headers.remove(name);
    }
}

/// Keeps an answer with a nonce out of caches that serve it to others: the nonce would be known before it is used. The
/// customer's own browser may keep page and header together, as going back wants it. What the shop forbids stays.
pub(super) fn keep_private(headers: &mut HeaderMap) {
    let forbids = |value: &HeaderValue| {
        value.to_str().is_ok_and(|value| value.to_ascii_lowercase().contains("no-store"))
    };
    if !headers.get_all(CACHE_CONTROL).iter().any(forbids) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
    for name in ABOUT_SHARED_CACHES {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use gabion_markup::policy::Allowed;

    use super::*;

    fn nonce() -> Nonce {
        "MTIzNDU2Nzg5MDEyMzQ1Ng==".parse().expect("a nonce")
    }

    #[test]
    fn a_policy_is_filled_in_with_the_nonce_and_stands_beside_the_shops() {
        let mut allowed = Allowlist::of_own();
        allowed.scripts.insert(Allowed::Own);
        let text = PolicyText::prepare(&allowed, TrustBy::Nonce, Mode::Enforce).expect("fits");
        let mut headers = HeaderMap::new();
        headers.insert("content-security-policy", HeaderValue::from_static("script-src 'self'"));
        headers.insert("reporting-endpoints", HeaderValue::from_static("shop=\"/r\""));
        text.put(&mut headers, Some(&nonce()));
        let values = |name| -> Vec<_> {
            headers.get_all(name).iter().map(|value| value.to_str().expect("text")).collect()
        };
        let policies = values("content-security-policy");
        assert_eq!(policies[0], "script-src 'self'");
        assert_eq!(policies[1].matches("'nonce-MTIzNDU2Nzg5MDEyMzQ1Ng=='").count(), 2, "{}", policies[1]);
        assert!(!policies[1].contains(PLACE));
        assert_eq!(values("reporting-endpoints"), ["shop=\"/r\"", "gabion-page=\"/.gabion/reports\""]);
    }

    #[test]
    fn a_policy_of_places_needs_no_nonce() {
        let text =
            PolicyText::prepare(&Allowlist::of_own(), TrustBy::Places, Mode::ReportOnly).expect("fits");
        assert!(!text.needs_nonce());
        let mut headers = HeaderMap::new();
        text.put(&mut headers, None);
        let policy = headers["content-security-policy-report-only"].to_str().expect("text");
        assert!(policy.starts_with("default-src 'self'; "), "{policy}");
    }

    #[test]
    fn an_answer_with_a_nonce_is_kept_by_nobody_but_its_reader() {
        for (shop, expected) in [
            ("public, max-age=600", "private, no-cache"),
            ("s-maxage=60", "private, no-cache"),
            ("No-Store, must-revalidate", "No-Store, must-revalidate"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CACHE_CONTROL, HeaderValue::from_static(shop));
            headers.insert(EXPIRES, HeaderValue::from_static("0"));
            keep_private(&mut headers);
            assert_eq!(headers[CACHE_CONTROL], expected);
            assert!(!headers.contains_key(EXPIRES));
        }
        let mut headers = HeaderMap::new();
        keep_private(&mut headers);
        assert_eq!(headers[CACHE_CONTROL], "private, no-cache");
    }
}
