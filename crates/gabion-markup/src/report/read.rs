//! The two forms of reports.

use gabion_core::card;
use serde_json::{Map, Value};

use super::{
    BODY_BYTES_MAX, Batch, Blocked, IntegrityViolation, REPORTS_MAX, Report, ReportError, ReportKind,
    SAMPLE_BYTES_MAX, ScriptHash, Violation, is_noise,
};
use crate::address::{Address, Reference};
use crate::collect::truncate;

/// Bytes of a word of a report: a type, a directive, a destination.
const NAME_BYTES_MAX: usize = 64;
/// Bytes of a hash: SHA-512 in base64 with its name has 95.
const HASH_BYTES_MAX: usize = 100;

type Fields = Map<String, Value>;

pub(super) fn batch(content_type: &str, body: &[u8]) -> Result<Batch, ReportError> {
    if body.len() > BODY_BYTES_MAX {
        return Err(ReportError::TooLong { bytes: body.len() });
    }
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let read = match essence.as_str() {
        "application/reports+json" => modern as fn(&Fields) -> Result<Option<Report>, ReportError>,
        "application/csp-report" => old,
        _ => return Err(ReportError::ContentType),
    };
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| ReportError::NotJson { line: error.line(), column: error.column() })?;
    let values = match value {
        Value::Array(values) => values,
        Value::Object(_) => vec![value],
        _ => return Err(ReportError::NoReports),
    };
    let mut batch = Batch { beyond: values.len().saturating_sub(REPORTS_MAX), ..Batch::default() };
    for value in values.iter().take(REPORTS_MAX) {
        let fields = value.as_object().ok_or(ReportError::Field("body"));
        match fields.and_then(read) {
            Ok(Some(report)) => batch.reports.push(report),
            Ok(None) => batch.noise += 1,
            Err(error) => {
                batch.broken += 1;
                batch.first_broken.get_or_insert(error);
            }
        }
    }
    Ok(batch)
}

/// A report of the Reporting API; `None` is noise.
fn modern(report: &Fields) -> Result<Option<Report>, ReportError> {
    let name = name(report, "type")?;
    let body = report.get("body").and_then(Value::as_object).ok_or(ReportError::Field("body"))?;
    let at = text(body, "documentURL").or_else(|| text(report, "url"));
    let page = page(at.ok_or(ReportError::Field("url"))?)?;
    let kind = match name.as_str() {
        "csp-violation" => {
            let names = Names {
                directive: ["effectiveDirective", "violatedDirective"],
                blocked: "blockedURL",
                source: "sourceFile",
                line: "lineNumber",
                column: "columnNumber",
                sample: "sample",
            };
            violation(body, &names)?.map(ReportKind::Violation)
        }
        "csp-hash" => {
            let address = text(body, "subresourceURL").unwrap_or_default();
            let hash = text(body, "hash").unwrap_or_default();
            let belongs = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte);
            if hash.len() > HASH_BYTES_MAX || !hash.bytes().all(belongs) || card::contains(hash) {
                return Err(ReportError::Field("hash"));
            }
            let script = Address::parse(address).map(|address| address.scrubbed());
            let destination = name_or_empty(body, "destination");
            let script = ScriptHash { script, hash: hash.to_owned(), destination };
            (!is_noise(address)).then_some(ReportKind::Hash(script))
        }
        "integrity-violation" => {
            let address = text(body, "blockedURL").ok_or(ReportError::Field("blockedURL"))?;
            let is_enforced = !body.get("reportOnly").and_then(Value::as_bool).unwrap_or(false);
            let destination = name_or_empty(body, "destination");
            let violation = IntegrityViolation { blocked: blocked(address), destination, is_enforced };
            (!is_noise(address)).then_some(ReportKind::Integrity(violation))
        }
        _ => Some(ReportKind::Other(name)),
    };
    Ok(kind.map(|kind| Report { page, kind }))
}

/// A report as `report-uri` has them; `None` is noise.
fn old(report: &Fields) -> Result<Option<Report>, ReportError> {
    let body = report.get("csp-report").and_then(Value::as_object).ok_or(ReportError::Field("csp-report"))?;
    let page = page(text(body, "document-uri").ok_or(ReportError::Field("document-uri"))?)?;
    let names = Names {
        directive: ["effective-directive", "violated-directive"],
        blocked: "blocked-uri",
        source: "source-file",
        line: "line-number",
        column: "column-number",
        sample: "script-sample",
    };
    Ok(violation(body, &names)?.map(|violation| Report { page, kind: ReportKind::Violation(violation) }))
}

/// How a form of reports calls its fields.
struct Names {
    directive: [&'static str; 2],
    blocked: &'static str,
    source: &'static str,
    line: &'static str,
    column: &'static str,
    sample: &'static str,
}

fn violation(body: &Fields, names: &Names) -> Result<Option<Violation>, ReportError> {
    let directive = names.directive.iter().find_map(|name| text(body, name));
    // Older browsers send the whole directive.
    let directive = directive.and_then(|text| text.split_ascii_whitespace().next()).unwrap_or_default();
    let directive = directive.to_ascii_lowercase();
    if !is_name(&directive) {
        return Err(ReportError::Field("directive"));
    }
    let address = text(body, names.blocked).unwrap_or_default();
    let source = text(body, names.source).unwrap_or_default();
    if is_noise(address) || is_noise(source) {
        return Ok(None);
    }
    let number = |name| body.get(name).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
    let mut sample = text(body, names.sample).unwrap_or_default().to_owned();
    truncate(&mut sample, SAMPLE_BYTES_MAX);
    Ok(Some(Violation {
        directive,
        blocked: blocked(address),
        // Old reports of old browsers do not say; what is not said to be enforced is taken as reported only.
        is_enforced: text(body, "disposition") == Some("enforce"),
        source: Address::parse(source).map(|address| address.scrubbed()),
        line: number(names.line),
        column: number(names.column),
        sample: card::mask(&sample).into_owned(),
    }))
}

fn blocked(address: &str) -> Blocked {
    match address {
        "inline" | "self" => Blocked::Inline,
        "eval" => Blocked::Eval,
        "wasm-eval" => Blocked::Wasm,
        // Browsers send bare schemes for what is not of the web.
        "data" | "blob" | "filesystem" | "mediastream" => Blocked::Scheme(address.to_owned()),
        _ => match Reference::resolve(address, None) {
            Reference::Web(address) => Blocked::Web(address.scrubbed()),
            Reference::Other(scheme) if is_name(&scheme) => Blocked::Scheme(scheme),
            _ => Blocked::Unknown,
        },
    }
}

fn page(address: &str) -> Result<Address, ReportError> {
    Address::parse(address).map(|address| address.scrubbed()).ok_or(ReportError::Field("url"))
}

fn text<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(Value::as_str)
}

fn name(fields: &Fields, field: &'static str) -> Result<String, ReportError> {
    text(fields, field).filter(|name| is_name(name)).map(str::to_owned).ok_or(ReportError::Field(field))
}

fn name_or_empty(fields: &Fields, field: &'static str) -> String {
    name(fields, field).unwrap_or_default()
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= NAME_BYTES_MAX
        && !card::contains(text)
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Policy, Verdict};
    use crate::report::parse;

    const MODERN: &str = "application/reports+json";

    fn one(content_type: &str, body: &str) -> Report {
        let batch = parse(content_type, body.as_bytes()).expect("reports");
        assert_eq!((batch.reports.len(), batch.noise, batch.broken), (1, 0, 0), "{batch:?}");
        batch.reports.into_iter().next().expect("one")
    }

    #[test]
    fn violations_of_both_forms_say_the_same() {
        let modern = one(
            "application/reports+json; charset=utf-8",
            r#"[{"type":"csp-violation","url":"https://shop.example/pay?card=1","body":{
            "documentURL":"https://shop.example/pay/4242424242424242?x=1","blockedURL":"https://evil.example/c?n=4242",
            "effectiveDirective":"connect-src","disposition":"enforce","sourceFile":"https://shop.example/a.js?t=1",
            "lineNumber":3,"columnNumber":9,"sample":"send('4242424242424242')"}}]"#,
        );
        let old = one(
            "application/csp-report",
            r#"{"csp-report":{"document-uri":"https://shop.example/pay/4242424242424242?x=1",
            "blocked-uri":"https://evil.example/c?n=4242","violated-directive":"connect-src 'self'",
            "disposition":"enforce","source-file":"https://shop.example/a.js?t=1","line-number":3,"column-number":9,
            "script-sample":"send('4242424242424242')"}}"#,
        );
        assert_eq!(modern, old);
        let everything = format!("{modern:?}");
        assert!(!everything.contains("4242424242") && !everything.contains("x=1"), "{everything}");
        let key = modern.key("payment");
        assert_eq!((key.about.as_str(), key.what.as_str()), ("connect-src", "https://evil.example/c"));
    }

    #[test]
    fn hashes_and_integrity_are_read() {
        let hash = one(
            MODERN,
            r#"{"type":"csp-hash","url":"https://shop.example/","body":{"documentURL":"https://shop.example/",
            "subresourceURL":"https://cdn.example/a.js?x","hash":"sha256-abc=","destination":"script"}}"#,
        );
        let ReportKind::Hash(script) = &hash.kind else { panic!("{hash:?}") };
        assert_eq!(
            script.script.as_ref().map(Address::to_string).as_deref(),
            Some("https://cdn.example/a.js")
        );
        assert_eq!(hash.key("payment").what, "https://cdn.example/a.js sha256-abc=");
        let integrity = one(
            MODERN,
            r#"{"type":"integrity-violation","url":"https://shop.example/","body":{
            "blockedURL":"https://cdn.example/a.js","destination":"script","reportOnly":true}}"#,
        );
        assert!(matches!(
            integrity.kind,
            ReportKind::Integrity(IntegrityViolation { is_enforced: false, .. })
        ));
        let other = one(MODERN, r#"{"type":"deprecation","url":"https://shop.example/","body":{}}"#);
        assert_eq!(other.kind, ReportKind::Other("deprecation".to_owned()));
    }

    #[test]
    fn noise_and_broken_reports_are_counted() {
        let violation = |blocked: &str| {
            format!(
                r#"{{"type":"csp-violation","url":"https://shop.example/","body":{{"blockedURL":"{blocked}",
                "effectiveDirective":"img-src"}}}}"#
            )
        };
        let body = format!("[{},{},{{}},7]", violation("moz-extension"), violation("chrome-extension://a/b"));
        let batch = parse(MODERN, body.as_bytes()).expect("reports");
        assert_eq!((batch.reports.len(), batch.noise, batch.broken), (0, 2, 2));
        assert_eq!(batch.first_broken, Some(ReportError::Field("type")));
        let many = format!("[{}]", vec![violation("data"); REPORTS_MAX + 3].join(","));
        let batch = parse(MODERN, many.as_bytes()).expect("reports");
        assert_eq!((batch.reports.len(), batch.beyond), (REPORTS_MAX, 3));
    }

    #[test]
    fn bodies_that_are_no_reports_are_refused() {
        for (content_type, body, expected) in [
            ("text/plain", "[]".to_owned(), ReportError::ContentType),
            (MODERN, " ".repeat(BODY_BYTES_MAX + 1), ReportError::TooLong { bytes: BODY_BYTES_MAX + 1 }),
            (MODERN, "[\n{]".to_owned(), ReportError::NotJson { line: 2, column: 2 }),
            (MODERN, "7".to_owned(), ReportError::NoReports),
            (MODERN, "[".repeat(10_000), ReportError::NotJson { line: 1, column: 128 }),
        ] {
            assert_eq!(parse(content_type, body.as_bytes()), Err(expected));
        }
    }

    #[test]
    fn a_report_is_held_against_a_policy() {
        let page = Address::parse("https://shop.example/").expect("an address");
        let under = |directive: &str, blocked: &str, policy: &str| {
            let violation = Violation {
                directive: directive.to_owned(),
                blocked: super::blocked(blocked),
                is_enforced: false,
                source: None,
                line: None,
                column: None,
                sample: String::new(),
            };
            violation.under(&Policy::parse(policy, false), &page)
        };
        let forbidden = |name: &str| Some(Verdict::Forbidden(name.to_owned()));
        assert_eq!(
            under("connect-src", "https://a.example/x", "connect-src a.example"),
            Some(Verdict::Allowed)
        );
        assert_eq!(
            under("connect-src", "https://b.example/x", "default-src 'self'"),
            forbidden("default-src")
        );
        assert_eq!(under("script-src-elem", "inline", "img-src *"), Some(Verdict::Ungoverned));
        assert_eq!(under("script-src-elem", "inline", "script-src 'self'"), forbidden("script-src"));
        assert_eq!(under("script-src-elem", "inline", "script-src 'nonce-abc'"), None);
        assert_eq!(under("script-src", "eval", "script-src 'self'"), forbidden("script-src"));
        assert_eq!(under("img-src", "data", "img-src data:"), Some(Verdict::Allowed));
    }
}
