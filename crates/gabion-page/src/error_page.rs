//! Calm error pages for the customers of a shop, served on the shop's own origin.
//!
//! A page says what happened, that the customer need not worry, what to do next, and which reference to quote. It is one
//! self-contained file: no script, no picture, one inline style that its own content security policy names by digest.
//! Clients that prefer JSON get the same words as a problem document (RFC 9457).

use crate::text::{Language, fill, text};
use askama::Template;
use serde::Serialize;

/// `Content-Type` of [`problem_json`].
pub const PROBLEM_CONTENT_TYPE: &str = "application/problem+json";

/// The page's style. Its digest is [`STYLE_SHA256`].
const STYLE: &str = include_str!("../assets/error.css");

/// SHA-256 of [`STYLE`] in Base64; a test recomputes it. Source: CSP Level 3 section 2.3.1.
const STYLE_SHA256: &str = "6ynUtINS65HHsM6wEdGPZ7JlLekcHGDMNBSUY1KHgJg=";

/// What went wrong, seen from the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// No site is configured for the host name (404 or 421).
    NotFoundSite,
    /// The site is there and has nothing at this path (404).
    NotFoundPage,
    /// The request is malformed (400, 431).
    BadRequest,
    /// The request's body is over its limit (413).
    TooLarge,
    /// No endpoint of the shop can be reached (502).
    ShopUnreachable,
    /// The shop took the request and did not answer in time (504): an order may have gone through.
    ShopTimeout,
    /// A limit on concurrent work is reached before anything was sent to the shop (503).
    Busy,
    /// The operator took the shop out for work (503).
    Maintenance,
    /// More requests came than a limit allows (429).
    TooMany,
    /// The operator takes no requests from this client (403).
    Blocked,
    /// The request looks like an attack (400, 403).
    Stopped,
    /// A file that came with the request is not one that the shop takes (403).
    File,
    /// Only customers who are signed in may see the page (401).
    SignIn,
    /// Only staff who are signed in may (401).
    StaffSignIn,
    /// The customer is signed in and has to confirm it (403).
    StepUp,
    /// The shop's answer gives away what it should not, and is not shown (502).
    Withheld,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::NotFoundSite,
        Self::NotFoundPage,
        Self::BadRequest,
        Self::TooLarge,
        Self::ShopUnreachable,
        Self::ShopTimeout,
        Self::Busy,
        Self::Maintenance,
        Self::TooMany,
        Self::Blocked,
        Self::Stopped,
        Self::File,
        Self::SignIn,
        Self::StaffSignIn,
        Self::StepUp,
        Self::Withheld,
    ];

    /// Stable name for machines, the `code` of the problem document.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotFoundSite => "unknown_site",
            Self::NotFoundPage => "not_found",
            Self::BadRequest => "bad_request",
            Self::TooLarge => "too_large",
            Self::ShopUnreachable => "shop_unreachable",
            Self::ShopTimeout => "shop_timeout",
            Self::Busy => "busy",
            Self::Maintenance => "maintenance",
            Self::TooMany => "too_many_requests",
            Self::Blocked => "blocked",
            Self::Stopped => "request_stopped",
            Self::File => "file_refused",
            Self::SignIn => "sign_in_required",
            Self::StaffSignIn => "staff_sign_in_required",
            Self::StepUp => "step_up_required",
            Self::Withheld => "answer_withheld",
        }
    }

    /// Keys of title, what happened and what to do next.
    const fn keys(self) -> [&'static str; 3] {
        match self {
            Self::NotFoundSite => ["unknown-site.title", "unknown-site.what", "unknown-site.next"],
            Self::NotFoundPage => ["not-found.title", "not-found.what", "not-found.next"],
            Self::BadRequest => ["bad-request.title", "bad-request.what", "bad-request.next"],
            Self::TooLarge => ["too-large.title", "too-large.what", "too-large.next"],
            Self::ShopUnreachable => {
                ["shop-unreachable.title", "shop-unreachable.what", "shop-unreachable.next"]
            }
            Self::ShopTimeout => ["shop-timeout.title", "shop-timeout.what", "shop-timeout.next"],
            Self::Busy => ["busy.title", "busy.what", "busy.next"],
            Self::Maintenance => ["maintenance.title", "maintenance.what", "maintenance.next"],
            Self::TooMany => ["too-many.title", "too-many.what", "too-many.next"],
            Self::Blocked => ["blocked.title", "blocked.what", "blocked.next"],
            Self::Stopped => ["stopped.title", "stopped.what", "stopped.next"],
            Self::File => ["file.title", "file.what", "file.next"],
            Self::SignIn => ["gate-sign-in.title", "gate-sign-in.what", "gate-sign-in.next"],
            Self::StaffSignIn => ["gate-staff.title", "gate-staff.what", "gate-staff.next"],
            Self::StepUp => ["gate-step-up.title", "gate-step-up.what", "gate-step-up.next"],
            Self::Withheld => ["withheld.title", "withheld.what", "withheld.next"],
        }
    }

    /// Whether waiting helps, so that the page always says for how long.
    const fn passes(self) -> bool {
        matches!(self, Self::ShopUnreachable | Self::Busy | Self::Maintenance | Self::TooMany)
    }

    /// Where the customer can do something about it: one of Gabion's own pages on the site.
    #[must_use]
    pub const fn remedy(self) -> Option<&'static str> {
        match self {
            Self::SignIn => Some("/.gabion/sign-in"),
            Self::StaffSignIn => Some("/.gabion/staff/sign-in"),
            Self::StepUp => Some("/.gabion/step-up"),
            _ => None,
        }
    }

    /// Label key and address of the one button; the empty address is the same page again, as a GET.
    const fn action(self) -> Option<(&'static str, &'static str)> {
        if let Some(address) = self.remedy() {
            return Some(("error.sign-in", address));
        }
        match self {
            Self::NotFoundSite | Self::Blocked | Self::SignIn | Self::StaffSignIn | Self::StepUp => None,
            Self::NotFoundPage | Self::BadRequest | Self::TooLarge | Self::Stopped | Self::File => {
                Some(("error.start", "/"))
            }
            Self::ShopUnreachable
            | Self::ShopTimeout
            | Self::Busy
            | Self::Maintenance
            | Self::TooMany
            | Self::Withheld => Some(("error.again", "")),
        }
    }
}

/// One failure to tell a customer about.
#[derive(Debug, Clone, Copy)]
pub struct ErrorPage<'a> {
    /// Language of the words; see [`Language::negotiate`].
    pub language: Language,
    /// HTTP status of the answer, repeated in the problem document.
    pub status: u16,
    /// What went wrong.
    pub kind: ErrorKind,
    /// Name of the shop; `None` where the site is unknown.
    pub site_name: Option<&'a str>,
    /// What the customer quotes and the operator searches for.
    pub request_id: &'a str,
    /// When another attempt makes sense, in seconds; the caller also sends it as `Retry-After`.
    pub retry_after_seconds: Option<u32>,
}

/// A finished page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The whole document, in UTF-8.
    pub html: String,
    /// Value for `Content-Security-Policy`.
    pub csp: String,
}

/// Draws the page for a browser.
#[must_use]
pub fn error_page(page: ErrorPage<'_>) -> Page {
    let document = Document {
        language: page.language,
        style: STYLE,
        words: Words::of(&page),
        site_name: page.site_name,
        action: page.kind.action().map(|(label, href)| (text(page.language, label), href)),
        request_id: page.request_id,
        reference: text(page.language, "error.reference"),
        reference_hint: text(page.language, "error.reference-hint"),
    };
    let html = document.render().expect("the error page writes only to memory");
    let csp = format!(
        "default-src 'none'; style-src 'sha256-{STYLE_SHA256}'; img-src data:; form-action 'none'; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    Page { html, csp }
}

/// The same words as a problem document, for clients that prefer JSON.
#[must_use]
pub fn problem_json(page: ErrorPage<'_>) -> String {
    let words = Words::of(&page);
    let mut detail = format!("{} {}", words.what, words.next);
    if let Some(retry) = words.retry {
        detail = format!("{detail} {retry}");
    }
    let problem = Problem {
        kind: format!("urn:gabion:problem:{}", page.kind.code()),
        title: words.title,
        status: page.status,
        detail,
        code: page.kind.code(),
        request_id: page.request_id,
        retry_after_seconds: page.retry_after_seconds,
    };
    serde_json::to_string(&problem).expect("a problem has only strings and numbers")
}

#[derive(Template)]
#[template(path = "error.html")]
struct Document<'a> {
    language: Language,
    style: &'static str,
    words: Words,
    site_name: Option<&'a str>,
    action: Option<(&'static str, &'static str)>,
    request_id: &'a str,
    reference: &'static str,
    reference_hint: &'static str,
}

/// RFC 9457 section 3.1, with `code`, `request_id` and `retry_after_seconds` as extensions.
#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    detail: String,
    code: &'static str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u32>,
}

/// The sentences of a page, with the shop's name in them.
struct Words {
    title: String,
    what: String,
    next: String,
    retry: Option<String>,
}

impl Words {
    fn of(page: &ErrorPage<'_>) -> Self {
        let site = page.site_name.unwrap_or_else(|| text(page.language, "error.site-unnamed"));
        let [title, what, next] =
            page.kind.keys().map(|key| fill(text(page.language, key), &[("site", site)]));
        let soon = page.kind.passes().then(|| text(page.language, "error.retry-soon").to_owned());
        let retry = page.retry_after_seconds.map(|seconds| retry(page.language, seconds)).or(soon);
        Self { title, what, next, retry }
    }
}

/// Rounded up to whole minutes above 45 seconds, so that nobody returns too early.
fn retry(language: Language, seconds: u32) -> String {
    let (key, count) = match seconds {
        0..=45 => ("error.retry-seconds", seconds.max(2)),
        46..=60 => ("error.retry-minute", 1),
        _ => ("error.retry-minutes", seconds.div_ceil(60)),
    };
    fill(text(language, key), &[("count", &count.to_string())])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sample(language: Language, kind: ErrorKind) -> ErrorPage<'static> {
        let site_name = (kind != ErrorKind::NotFoundSite).then_some("Tea & <b>Tide</b>");
        let retry_after_seconds = Some(30);
        ErrorPage { language, status: 503, kind, site_name, request_id: "req_01<2", retry_after_seconds }
    }

    #[test]
    fn the_policy_names_the_digest_of_the_style() {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, STYLE.as_bytes());
        assert_eq!(STYLE_SHA256, data_encoding::BASE64.encode(digest.as_ref()));
        let page = error_page(sample(Language::En, ErrorKind::Busy));
        let (_, rest) = page.html.split_once("<style>").unwrap();
        assert_eq!(rest.split_once("</style>").unwrap().0, STYLE);
        assert!(page.csp.contains(&format!("style-src 'sha256-{STYLE_SHA256}';")));
    }

    #[test]
    fn every_page_in_every_language_stands_alone_and_quotes_the_reference() {
        for language in Language::ALL {
            for kind in ErrorKind::ALL {
                let html = error_page(sample(language, kind)).html;
                assert!(html.contains(&format!("<html lang=\"{language}\">")));
                assert!(html.contains("req_01&#60;2"), "{language} {kind:?}");
                for foreign in ["<script", "http", "<b>", "{site}", "{count}", " style="] {
                    assert!(!html.contains(foreign), "{language} {kind:?} holds {foreign}");
                }
            }
        }
    }

    #[test]
    fn a_timeout_warns_before_a_second_order() {
        let html = error_page(sample(Language::En, ErrorKind::ShopTimeout)).html;
        assert!(html.contains("it may have gone through"));
        assert!(html.contains("not your fault"));
    }

    #[test]
    fn waiting_is_asked_for_only_where_it_helps() {
        let asks = |kind| {
            let page = ErrorPage { retry_after_seconds: None, ..sample(Language::En, kind) };
            error_page(page).html.contains("try again in a few minutes")
        };
        let asked: Vec<ErrorKind> = ErrorKind::ALL.into_iter().filter(|kind| asks(*kind)).collect();
        assert_eq!(
            asked,
            [ErrorKind::ShopUnreachable, ErrorKind::Busy, ErrorKind::Maintenance, ErrorKind::TooMany]
        );
    }

    #[test]
    fn the_wait_is_told_in_a_unit_that_reads_well() {
        for (seconds, expected) in
            [(0, "2 seconds"), (30, "30 seconds"), (60, "a minute"), (61, "2 minutes"), (600, "10 minutes")]
        {
            assert!(retry(Language::En, seconds).contains(&format!("about {expected}.")), "{seconds}");
        }
    }

    #[test]
    fn machines_get_the_same_words_as_a_problem_document() {
        let problem = problem_json(sample(Language::De, ErrorKind::Maintenance));
        let problem: serde_json::Value = serde_json::from_str(&problem).unwrap();
        assert_eq!(problem["type"], "urn:gabion:problem:maintenance");
        assert_eq!(problem["title"], "Tea & <b>Tide</b> ist bald wieder da");
        assert_eq!(problem["status"], 503);
        assert_eq!(problem["code"], "maintenance");
        assert_eq!(problem["request_id"], "req_01<2");
        assert_eq!(problem["retry_after_seconds"], 30);
    }
}
