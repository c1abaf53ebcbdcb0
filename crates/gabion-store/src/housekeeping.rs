//! What has to be done now and then on either database: the high-water mark, expired rows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gabion_core::Secret;
use gabion_core::entropy::draw;

use crate::db::Shared;
use crate::idempotency;
use crate::job::{Access, Call};
use crate::mark::{Mark, MarkFile};

/// How often the high-water mark is written, at most: a rollback of less may go unnoticed after a crash.
pub(crate) const MARK_EVERY: Duration = Duration::from_secs(1);

/// How often expired rows are looked for.
const TRIM_EVERY: Duration = Duration::from_secs(10);

/// Owned by the keeper thread.
pub(crate) struct Housekeeping {
    mark: MarkFile,
    shared: Arc<Shared>,
    marked: Option<Instant>,
    mark_failing: bool,
    trimmed: Instant,
}

impl Housekeeping {
    pub(crate) fn new(mark: MarkFile, shared: Arc<Shared>) -> Self {
        Self { mark, shared, marked: None, mark_failing: false, trimmed: Instant::now() }
    }

    /// Does what is due.
    pub(crate) fn turn(&mut self) {
        if self.marked.is_none_or(|at| at.elapsed() >= MARK_EVERY) {
            self.write_mark();
        }
        if self.trimmed.elapsed() >= TRIM_EVERY {
            self.trim();
        }
    }

    /// Writes the mark a last time.
    pub(crate) fn finish(&mut self) {
        self.write_mark();
    }

    fn write_mark(&mut self) {
        self.marked = Some(Instant::now());
        let position = *self.shared.newest.borrow();
        let written = self.mark.write(Mark { epoch: self.shared.epoch, position });
        if let Err(error) = &written
            && !self.mark_failing
        {
            tracing::warn!(%error, "The high-water mark cannot be written: a rollback would go unnoticed");
        }
        self.mark_failing = written.is_err();
    }

    fn trim(&mut self) {
        self.trimmed = Instant::now();
        let now = self.shared.clock.now();
        let trim = move |tx: &mut crate::Tx<'_>| idempotency::trim(tx, now);
        let (job, _answer) = Call::new(trim, Access::Write, Secret::new(draw(&*self.shared.entropy)));
        if self.shared.writes.push(Box::new(job)).is_err() {
            tracing::debug!("Expired rows are kept a little longer: the database is busy or closing");
        }
    }
}
