//! A quarantine in memory.

use std::sync::Mutex;
use std::time::Duration;

use gabion_console::control::BoxFuture;
use gabion_console::uploads::{Kept, Room, UploadId, Uploads, UploadsError};
use gabion_core::{Actor, Clock};
use gabion_edge::upload::{StoppedFile, StoppedFor};
use gabion_store::StoreError;
use gabion_test::{SeededEntropy, TestClock};

/// Stopped files, the newest first, and who deleted which.
pub(crate) struct FakeUploads {
    pub(crate) files: Mutex<Vec<Kept>>,
    pub(crate) deleted: Mutex<Vec<(Actor, UploadId)>>,
    /// Whether nothing can be deleted.
    pub(crate) dead: Mutex<bool>,
    pub(crate) bytes_max: Mutex<u64>,
    clock: TestClock,
    entropy: SeededEntropy,
}

impl FakeUploads {
    pub(crate) fn new(clock: TestClock) -> Self {
        Self {
            files: Mutex::default(),
            deleted: Mutex::default(),
            dead: Mutex::new(false),
            bytes_max: Mutex::new(256_000_000),
            clock,
            entropy: SeededEntropy::new(9),
        }
    }

    /// Has one more file, stopped now.
    pub(crate) fn keep(&self, name: &str) -> UploadId {
        self.clock.advance(Duration::from_millis(1));
        let (at, reason) = (self.clock.now(), "The file contains code that a web server would run. (PHP)");
        let id = UploadId::new(at, &self.entropy);
        let because = |code: &str, what: &str| StoppedFor { code: code.into(), what: what.into() };
        let facts = StoppedFile {
            request: "req_01kb00000000000000000000000".into(),
            site: "tidewater-tea".into(),
            route: "/".into(),
            path: "/account/avatar".into(),
            client: "192.0.2.7".into(),
            name: name.into(),
            declared_type: "image/png".into(),
            kind: Some("PHP script".into()),
            bytes: 12_345,
            sha256: "ab".repeat(32),
            reasons: vec![
                because("server-code", reason),
                because("type-disagrees", "The declared type does not fit."),
            ],
        };
        self.files.lock().unwrap().insert(0, Kept { id, at, facts });
        id
    }
}

impl Uploads for FakeUploads {
    fn room(&self) -> Room {
        let files = self.files.lock().unwrap();
        Room {
            files: files.len(),
            bytes: files.iter().map(|kept| kept.facts.bytes).sum(),
            bytes_max: *self.bytes_max.lock().unwrap(),
            age_max: Duration::from_secs(30 * 86_400),
        }
    }

    fn list(&self, before: Option<UploadId>, limit: usize) -> BoxFuture<'_, Result<Vec<Kept>, UploadsError>> {
        let files = self.files.lock().unwrap();
        let older = files.iter().filter(|kept| before.is_none_or(|before| kept.id < before));
        Box::pin(std::future::ready(Ok(older.take(limit).cloned().collect())))
    }

    fn get(&self, id: UploadId) -> BoxFuture<'_, Result<Option<Kept>, UploadsError>> {
        let found = self.files.lock().unwrap().iter().find(|kept| kept.id == id).cloned();
        Box::pin(std::future::ready(Ok(found)))
    }

    fn delete(&self, by: Actor, id: UploadId) -> BoxFuture<'_, Result<bool, UploadsError>> {
        if *self.dead.lock().unwrap() {
            let error = StoreError::Unavailable { reason: "disk full".into() };
            return Box::pin(std::future::ready(Err(error.into())));
        }
        let mut files = self.files.lock().unwrap();
        let before = files.len();
        files.retain(|kept| kept.id != id);
        let deleted = files.len() < before;
        if deleted {
            self.deleted.lock().unwrap().push((by, id));
        }
        Box::pin(std::future::ready(Ok(deleted)))
    }
}
