//! What a browser's report says.

use gabion_markup::holding::ScriptKey;
use gabion_markup::report::{Blocked, ReportKind, ScriptHash, Violation};
use gabion_markup::sighting::ReportSeen;
use gabion_markup::{Address, ContentHash};

use super::page::On;
use super::{Content, OWN, What, shown};
use crate::destination::DestinationKind;
use crate::{Entered, SeenBy};

/// Everything that a report says.
pub(super) fn of(seen: ReportSeen) -> Vec<What> {
    let ReportSeen { class, report, count } = seen;
    let page = shown(&report.page);
    let mut facts = vec![What::Class { class, servings: 0, reports: count, address: page.clone() }];
    let on = |by| On { class, address: &report.page, by, page: page.clone(), entered: Entered::default() };
    match &report.kind {
        ReportKind::Violation(violation) => {
            facts.extend(of_violation(&on(SeenBy::REPORT), violation));
            facts.push(What::Violation {
                class,
                directive: violation.directive.clone(),
                blocked: match &violation.blocked {
                    Blocked::Web(address) => address.without_query().to_string(),
                    other => other.to_string(),
                },
                sample: violation.sample.clone(),
                page,
                count,
            });
        }
        ReportKind::Hash(hash) => facts.extend(of_hash(&on(SeenBy::HASH_REPORT), hash)),
        ReportKind::Integrity(violation) => facts.push(What::Violation {
            class,
            directive: "integrity".to_owned(),
            blocked: violation.blocked.to_string(),
            sample: String::new(),
            page,
            count,
        }),
        ReportKind::Other(_) => {}
    }
    facts
}

/// What a violation says that the page wanted to do.
fn of_violation(on: &On<'_>, violation: &Violation) -> Option<What> {
    let directive = violation.directive.as_str();
    let is_script = matches!(directive, "script-src-elem" | "script-src");
    match &violation.blocked {
        Blocked::Web(address) if is_script => Some(web_script(on, address, None)),
        Blocked::Eval => {
            Some(What::Destination(on.place(DestinationKind::Eval, "eval".to_owned(), Entered::default())))
        }
        Blocked::Web(address) => {
            let place = on.place_of(address);
            let kind = DestinationKind::of_directive(directive)?;
            (place != OWN || kind == DestinationKind::Frame)
                .then(|| What::Destination(on.place(kind, place, Entered::default())))
        }
        Blocked::Scheme(scheme) if matches!(scheme.as_str(), "data" | "blob") && !is_script => {
            let kind = DestinationKind::of_directive(directive)?;
            Some(What::Destination(on.place(kind, format!("{scheme}:"), Entered::default())))
        }
        Blocked::Scheme(_) | Blocked::Inline | Blocked::Wasm | Blocked::Unknown => None,
    }
}

fn of_hash(on: &On<'_>, report: &ScriptHash) -> Option<What> {
    if !matches!(report.destination.as_str(), "script" | "") {
        return None;
    }
    let hash = report.hash.parse::<ContentHash>().ok();
    let content = |hash: ContentHash| Content {
        hash: hash.to_string(),
        bytes: None,
        beginning: None,
        assessment: None,
    };
    match (&report.script, hash) {
        (Some(address), hash) => Some(web_script(on, address, hash.map(content))),
        (None, Some(hash)) => {
            let label = "a script that a script put into the page".to_owned();
            Some(on.fact(ScriptKey::Inline(hash), label, None, true, None, Some(content(hash))))
        }
        (None, None) => None,
    }
}

fn web_script(on: &On<'_>, address: &Address, content: Option<Content>) -> What {
    let address = address.without_query();
    let is_own = address.origin() == on.address.origin();
    let (label, origin) = (address.to_string(), Some(address.origin()));
    on.fact(ScriptKey::Web(address), label, origin, is_own, None, content)
}
