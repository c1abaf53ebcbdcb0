//! Security headers on the shop's responses. A header of the shop that is as strict or stricter stays.

use http::header::{
    CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY, SERVER,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use serde::Deserialize;

const X_POWERED_BY: HeaderName = HeaderName::from_static("x-powered-by");

/// `[site.headers]`: which headers are added.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HeaderSection {
    /// Seconds of `Strict-Transport-Security` (RFC 6797); 0 adds none. Browsers remember it: start low.
    pub hsts_seconds: u32,
    /// Adds `X-Content-Type-Options: nosniff`.
    pub nosniff: bool,
    /// Adds `X-Frame-Options: SAMEORIGIN`, unless the shop's CSP already says who may frame it.
    pub frame_sameorigin: bool,
    /// Adds this `Referrer-Policy` where the shop says none; empty adds none.
    pub referrer_policy: ReferrerPolicy,
    /// Removes `Server` and `X-Powered-By`, which tell attackers what runs.
    pub hide_software: bool,
}

impl Default for HeaderSection {
    fn default() -> Self {
        Self {
            hsts_seconds: 31_536_000,
            nosniff: true,
            frame_sameorigin: true,
            referrer_policy: ReferrerPolicy::StrictOriginWhenCrossOrigin,
            hide_software: true,
        }
    }
}

/// What the next site learns of where a customer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReferrerPolicy {
    /// Adds no header.
    Unset,
    /// Nothing.
    NoReferrer,
    /// Nothing outside the shop.
    SameOrigin,
    /// The shop's address, not the page.
    StrictOrigin,
    /// The page inside the shop, the shop's address outside.
    StrictOriginWhenCrossOrigin,
}

impl ReferrerPolicy {
    /// All of them, from none to the most telling.
    pub const ALL: [Self; 5] = [
        Self::Unset,
        Self::NoReferrer,
        Self::SameOrigin,
        Self::StrictOrigin,
        Self::StrictOriginWhenCrossOrigin,
    ];

    /// The name in the file, which is the header's value except for `unset`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unset => "unset",
            Self::NoReferrer => "no-referrer",
            Self::SameOrigin => "same-origin",
            Self::StrictOrigin => "strict-origin",
            Self::StrictOriginWhenCrossOrigin => "strict-origin-when-cross-origin",
        }
    }
}

/// The headers of a site, ready to be put on responses.
#[derive(Debug)]
pub struct HeaderPolicy {
    hsts: Option<(u32, HeaderValue)>,
    nosniff: bool,
    frame_sameorigin: bool,
    referrer_policy: Option<HeaderValue>,
    hide_software: bool,
}

impl HeaderPolicy {
    /// Prepares the values of a section.
    pub fn new(section: &HeaderSection) -> Self {
        let hsts = (section.hsts_seconds > 0).then(|| {
            let value = HeaderValue::try_from(format!("max-age={}", section.hsts_seconds));
            (section.hsts_seconds, value.expect("digits are a header value"))
        });
        Self {
            hsts,
            nosniff: section.nosniff,
            frame_sameorigin: section.frame_sameorigin,
            referrer_policy: (section.referrer_policy != ReferrerPolicy::Unset)
                .then(|| HeaderValue::from_static(section.referrer_policy.as_str())),
            hide_software: section.hide_software,
        }
    }

    /// Puts the policy on a response's headers. `https` says whether the client used TLS.
    pub fn apply(&self, headers: &mut HeaderMap, https: bool) {
        if let Some((seconds, value)) = self.hsts.as_ref().filter(|_| https)
            && hsts_seconds(headers).is_none_or(|shop| shop < u64::from(*seconds))
        {
            headers.insert(STRICT_TRANSPORT_SECURITY, value.clone());
        }
        if self.nosniff {
            headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        }
        if self.frame_sameorigin && !headers.contains_key(X_FRAME_OPTIONS) && !csp_frames(headers) {
            headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
        }
        if let Some(value) = self.referrer_policy.as_ref().filter(|_| !headers.contains_key(REFERRER_POLICY))
        {
            headers.insert(REFERRER_POLICY, value.clone());
        }
        if self.hide_software {
            headers.remove(SERVER);
            headers.remove(X_POWERED_BY);
        }
    }
}

/// The shop's own `max-age`. RFC 6797 section 6.1: the first header counts.
fn hsts_seconds(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get(STRICT_TRANSPORT_SECURITY)?.to_str().ok()?;
    value.split(';').filter_map(|directive| directive.trim().split_once('=')).find_map(|(name, seconds)| {
        name.trim().eq_ignore_ascii_case("max-age").then(|| seconds.trim().trim_matches('"').parse().ok())?
    })
}

fn csp_frames(headers: &HeaderMap) -> bool {
    let frames = |value: &HeaderValue| value.to_str().is_ok_and(|csp| csp.contains("frame-ancestors"));
    headers.get_all(CONTENT_SECURITY_POLICY).iter().any(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(shop: &[(&'static str, &'static str)], name: &str, expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        for (name, value) in shop {
            headers.append(*name, HeaderValue::from_static(value));
        }
        HeaderPolicy::new(&HeaderSection::default()).apply(&mut headers, true);
        assert_eq!(headers.get(name).map(|value| value.to_str().expect("text")), expected, "{shop:?}");
        assert!(headers.get_all(name).iter().count() <= 1);
    }

    #[test]
    fn missing_headers_are_added() {
        check(&[], "strict-transport-security", Some("max-age=31536000"));
        check(&[], "x-content-type-options", Some("nosniff"));
        check(&[], "x-frame-options", Some("SAMEORIGIN"));
        check(&[], "referrer-policy", Some("strict-origin-when-cross-origin"));
    }

    #[test]
    fn stricter_headers_of_the_shop_stay() {
        let long = "max-age=63072000; includeSubDomains; preload";
        check(&[("strict-transport-security", long)], "strict-transport-security", Some(long));
        check(&[("x-frame-options", "DENY")], "x-frame-options", Some("DENY"));
        check(&[("content-security-policy", "frame-ancestors 'none'")], "x-frame-options", None);
        check(&[("referrer-policy", "no-referrer")], "referrer-policy", Some("no-referrer"));
    }

    #[test]
    fn weaker_headers_of_the_shop_are_raised() {
        check(
            &[("strict-transport-security", "max-age=60")],
            "strict-transport-security",
            Some("max-age=31536000"),
        );
        check(
            &[("strict-transport-security", "nonsense")],
            "strict-transport-security",
            Some("max-age=31536000"),
        );
        check(&[("x-content-type-options", "maybe")], "x-content-type-options", Some("nosniff"));
    }

    #[test]
    fn software_names_are_removed() {
        check(&[("server", "TideShop/1.4")], "server", None);
        check(&[("x-powered-by", "PHP/5.3")], "x-powered-by", None);
    }

    #[test]
    fn plain_http_gets_no_hsts() {
        let mut headers = HeaderMap::new();
        HeaderPolicy::new(&HeaderSection::default()).apply(&mut headers, false);
        assert!(!headers.contains_key(STRICT_TRANSPORT_SECURITY));
    }
}
