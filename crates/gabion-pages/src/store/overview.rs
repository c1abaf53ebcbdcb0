//! Counts for a site at a glance.

use gabion_core::{SiteId, Timestamp};
use gabion_markup::PageClass;
use gabion_store::{StoreError, Tx, params};

use super::{class, count, page};
use crate::Status;
use crate::look::LOOK_OVERDUE_AFTER;
use crate::overview::{ByStatus, ClassOverview};

pub(crate) fn classes(
    tx: &mut Tx<'_>,
    site: &SiteId,
    now: Timestamp,
) -> Result<Vec<ClassOverview>, StoreError> {
    let pages = page::all(tx, site)?;
    let mut classes = Vec::new();
    for row in class::all(tx, site)? {
        let own = || pages.iter().filter(|page| page.view.class == row.class);
        let baseline = own().filter_map(|page| page.baseline.as_ref()).max_by_key(|baseline| baseline.at);
        let overdue = now.before(LOOK_OVERDUE_AFTER);
        let is_overdue = |page: &&page::Row| page.view.look_ok_at.unwrap_or(page.view.first_seen) < overdue;
        let looks_overdue = match row.class {
            PageClass::Payment => own().filter(is_overdue).count() as u64,
            _ => 0,
        };
        classes.push(ClassOverview {
            class: row.class,
            scripts: by_status(tx, "pages_script", site, row.class)?,
            destinations: by_status(tx, "pages_destination", site, row.class)?,
            changes_open: open(tx, site, row.class, 0)?,
            changes_critical: open(tx, site, row.class, 2)?,
            page_views: row.servings,
            reports: row.reports,
            learning_since: row.first_seen,
            last_seen: row.last_seen,
            baseline_at: baseline.map(|baseline| baseline.at),
            baseline_by: baseline.map(|baseline| baseline.by.clone()),
            last_look: own().filter_map(|page| page.view.look_ok_at).max(),
            looks_overdue,
            stage: row.hold.stage,
            undecided: row.hold.undecided,
            elsewhere: row.hold.elsewhere,
            trust: row.hold.trust,
        });
    }
    Ok(classes)
}

fn by_status(
    tx: &mut Tx<'_>,
    table: &'static str,
    site: &SiteId,
    class: PageClass,
) -> Result<ByStatus, StoreError> {
    let sql =
        format!("SELECT status, COUNT(*) AS n FROM {table} WHERE site = $1 AND class = $2 GROUP BY status");
    let mut counts = ByStatus::default();
    for row in tx.query(&sql, params![site, class.as_str()])? {
        let n = row.get("n")?;
        match row.parse("status")? {
            Status::New => counts.new = n,
            Status::Authorized => counts.authorized = n,
            Status::Denied => counts.denied = n,
        }
    }
    Ok(counts)
}

fn open(tx: &mut Tx<'_>, site: &SiteId, class: PageClass, severity_min: i64) -> Result<u64, StoreError> {
    let sql = "SELECT COUNT(*) AS n FROM pages_change
        WHERE site = $1 AND class = $2 AND state = 'open' AND severity >= $3";
    count(tx, sql, params![site, class.as_str(), severity_min])
}
