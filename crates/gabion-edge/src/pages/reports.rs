//! What browsers report of pages, taken at a path of Gabion's own on every site.
//!
//! Anybody can send a report. So little is done for each: a body of 64 KiB at most, so many from one address, and what
//! says the same is counted. Nothing of it reaches the shop or the rules of the WAF, and every answer is empty.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use gabion_core::{SiteId, Timestamp};
use gabion_markup::report::{self, BODY_BYTES_MAX, Batch, Key, ReportKind};
use gabion_markup::sighting::{ReportSeen, Seen, Sighting};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};

use super::recent::{Allowance, TOLD_AGAIN as REMEMBERED, lock, nanos};
use super::tell::grouped;
use crate::config::Site;
use crate::layer::{Outcome, Visit};
use crate::path::normalize;
use crate::rate_limit::{HashKey, Quota, Table, block};
use crate::transfer::{Intake, Pace};
use crate::{Body, Module, Refusal, guard};

/// Where browsers send reports, on every site.
pub(crate) const REPORT_PATH: &str = "/.gabion/reports";
/// How often what was counted is told.
pub(super) const TOLD_AGAIN: Duration = Duration::from_secs(10);
/// Bodies with reports from one address in a minute, and at once: an old browser sends one for each thing it stops, and an
/// office has one address. More are answered and not read.
const BODIES_PER_MINUTE: u32 = 600;
const BODIES_AT_ONCE: u32 = 300;
/// Addresses that are counted; who sends least is forgotten.
const SENDERS_MAX: usize = 8_192;
/// Reports that say something different and are counted, about 4 KiB each.
const REPORTS_KEPT_MAX: usize = 1_024;
/// Reports that say something new and are told in a second, and at once.
const NEW_PER_SECOND: u32 = 10;
const NEW_AT_ONCE: u32 = 200;

/// Reports, by what they say.
pub(super) struct Reports {
    key: HashKey,
    senders: Table,
    quota: Quota,
    new: Allowance,
    kept: Mutex<HashMap<(SiteId, Key), Kept>>,
}

struct Kept {
    seen: ReportSeen,
    last: Timestamp,
    /// Since it was told.
    count: u64,
}

/// What becomes of a report.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    Tell(Box<ReportSeen>),
    Counted,
    TooMany,
}

/// Takes a request for [`REPORT_PATH`]. Whatever is in it, the answer is empty and soon there.
pub(crate) async fn take(visit: Box<Visit>, site: Arc<Site>) -> Outcome {
    if visit.request.method() != Method::POST {
        let mut answer = answer(StatusCode::METHOD_NOT_ALLOWED);
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return Ok(answer);
    }
    let watch = Arc::clone(visit.edge.watch());
    let now = visit.edge.now();
    let sender = block(watch.reports.key.hash(), visit.facts.client.address, 32, 64).finish();
    let reports = &watch.reports;
    let unread = visit.state.bypass.contains(&Module::Pages)
        || guard::encoded(visit.request.headers())
        || !reports.senders.count(sender, reports.quota, nanos(now)).allowed;
    if unread {
        watch.metrics.reports_dropped.fetch_add(1, Ordering::Relaxed);
        return Ok(answer(StatusCode::NO_CONTENT));
    }
    let kind = visit.request.headers().get(CONTENT_TYPE).cloned();
    let kind = kind.as_ref().and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let pace = Pace::of(&visit.state.limits, false);
    let body = match read(visit.request.into_body(), pace, &watch.metrics).await {
        Ok(body) => body,
        Err(refusal) => return Ok(answer(refusal.status())),
    };
    match report::parse(kind, &body) {
        Ok(batch) => watch.take_batch(&site, batch, now),
        Err(_) => {
            watch.metrics.reports_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(answer(StatusCode::NO_CONTENT))
}

async fn read(body: Body, pace: Pace, metrics: &Arc<crate::Metrics>) -> Result<BytesMut, Refusal> {
    let mut intake = Intake::new(body, BODY_BYTES_MAX as u64, 0, pace, metrics)?;
    let mut whole = BytesMut::new();
    while let Some(frame) = intake.frame().await? {
        frame.data_ref().into_iter().for_each(|data| whole.extend_from_slice(data));
    }
    Ok(whole)
}

fn answer(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl super::Watch {
    fn take_batch(&self, site: &Site, batch: Batch, now: Timestamp) {
        let Batch { reports, noise, broken, beyond, .. } = batch;
        let held = self.of(&site.id);
        let (mut counted, mut noise, mut dropped) = (0, noise as u64, (broken + beyond) as u64);
        for mut report in reports {
            let own = site.origins.iter().any(|origin| origin.host == report.page.host());
            if matches!(report.kind, ReportKind::Other(_)) {
                noise += 1;
                continue;
            }
            if !own {
                dropped += 1;
                continue;
            }
            let class = held.class_of(&normalize(report.page.path()));
            report.page = grouped(&report.page);
            match self.reports.count(&site.id, ReportSeen { class, report, count: 1 }, now) {
                Turn::Counted => counted += 1,
                Turn::TooMany => dropped += 1,
                Turn::Tell(seen) => {
                    counted += 1;
                    self.offer(Sighting { site: site.id.clone(), at: now, seen: Seen::Report(seen) });
                }
            }
        }
        let metrics = &self.metrics;
        metrics.reports.fetch_add(counted, Ordering::Relaxed);
        metrics.reports_noise.fetch_add(noise, Ordering::Relaxed);
        metrics.reports_dropped.fetch_add(dropped, Ordering::Relaxed);
    }
}

impl Reports {
    pub(super) fn new(key: HashKey) -> Self {
        Self {
            key,
            senders: Table::new(SENDERS_MAX),
            quota: Quota::new(BODIES_PER_MINUTE, Duration::from_secs(60), BODIES_AT_ONCE),
            new: Allowance::new(NEW_PER_SECOND, Duration::from_secs(1), NEW_AT_ONCE),
            kept: Mutex::default(),
        }
    }

    fn count(&self, site: &SiteId, seen: ReportSeen, now: Timestamp) -> Turn {
        let key = (site.clone(), seen.report.key(seen.class.as_str()));
        let mut kept = lock(&self.kept);
        if let Some(known) = kept.get_mut(&key) {
            known.count += 1;
            known.last = now;
            return Turn::Counted;
        }
        if !self.new.take(now) {
            return Turn::TooMany;
        }
        if kept.len() >= REPORTS_KEPT_MAX {
            let oldest = kept.iter().min_by_key(|(_, known)| known.last).map(|(key, _)| key.clone());
            oldest.map(|oldest| kept.remove(&oldest));
        }
        kept.insert(key, Kept { seen: seen.clone(), last: now, count: 0 });
        Turn::Tell(Box::new(seen))
    }

    /// What was counted since it was told. What nobody reports any more is forgotten.
    pub(super) fn due(&self, now: Timestamp, is_end: bool) -> Vec<Sighting> {
        let mut due = Vec::new();
        lock(&self.kept).retain(|(site, _), kept| {
            if kept.count > 0 {
                let seen = ReportSeen { count: kept.count, ..kept.seen.clone() };
                due.push(Sighting { site: site.clone(), at: kept.last, seen: Seen::Report(Box::new(seen)) });
                kept.count = 0;
            }
            !is_end && now.since(kept.last) < REMEMBERED
        });
        due
    }
}

#[cfg(test)]
mod tests {
    use gabion_markup::report::{Blocked, Report, Violation};
    use gabion_markup::{Address, PageClass};

    use super::*;

    fn seen(directive: &str) -> ReportSeen {
        let violation = Violation {
            directive: directive.to_owned(),
            blocked: Blocked::Inline,
            is_enforced: false,
            source: None,
            line: None,
            column: None,
            sample: String::new(),
        };
        let page = Address::parse("https://shop.example/pay").expect("an address");
        let report = Report { page, kind: ReportKind::Violation(violation) };
        ReportSeen { class: PageClass::Payment, report, count: 1 }
    }

    #[test]
    fn a_report_is_told_at_once_and_then_counted() {
        let reports = Reports::new(HashKey::from(&[7; 16]));
        let (site, at) = (SiteId::from_name("Tea").expect("a name"), Timestamp::from_seconds);
        assert!(matches!(reports.count(&site, seen("script-src"), at(1_000)), Turn::Tell(_)));
        for second in 1_000..1_009 {
            assert_eq!(reports.count(&site, seen("script-src"), at(second)), Turn::Counted);
        }
        let due = reports.due(at(1_010), false);
        let [Sighting { seen: Seen::Report(told), .. }] = &due[..] else { panic!("{due:?}") };
        assert_eq!(told.count, 9);
        assert!(reports.due(at(1_020), false).is_empty());
        assert!(reports.due(at(2_000), false).is_empty());
        assert!(lock(&reports.kept).is_empty());
    }

    #[test]
    fn a_flood_of_reports_fills_no_memory_and_tells_little() {
        let reports = Reports::new(HashKey::from(&[7; 16]));
        let site = SiteId::from_name("Tea").expect("a name");
        let mut told = 0;
        for n in 0..100_000_i64 {
            let now = Timestamp::from_seconds(1_000 + n / 1_000);
            let turn = reports.count(&site, seen(&format!("made-up-{n}")), now);
            told += usize::from(matches!(turn, Turn::Tell(_)));
        }
        assert_eq!(told, 200 + 990);
        assert_eq!(lock(&reports.kept).len(), REPORTS_KEPT_MAX);
    }
}
