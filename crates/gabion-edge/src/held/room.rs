//! How much may be held for inspection at a time, over all requests.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gabion_core::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::rate_limit::Quota;

/// Bytes of bodies held in memory, over all requests: a thousand small orders at the same moment. What does not fit goes
/// to a file, or, for answers, passes uninspected with an event.
const MEMORY_BYTES_MAX: u64 = 64 << 20;
/// Bytes of bodies held in files, over all requests: a hundred large uploads at the same moment. Above it, requests
/// count as not inspected as a whole.
const FILE_BYTES_MAX: u64 = 1 << 30;
/// How long a large body waits for its turn to be inspected. A machine that needs longer is overloaded.
const TURN_WAIT_MAX: Duration = Duration::from_secs(10);

/// Refused heads that rules look at in a second, over all connections, and at once. They come before rate limits: a
/// flood of them must not cost much more than its refusals.
const GLANCES_PER_SECOND: u32 = 20;
const GLANCES_AT_ONCE: u32 = 50;

/// The room for held bodies, and turns to inspect large ones. One for the whole edge.
pub(crate) struct Room {
    folder: PathBuf,
    memory: AtomicU64,
    files: AtomicU64,
    turns: Arc<Semaphore>,
    /// Theoretical arrival time of the next glance, in nanoseconds since 1970.
    glances: AtomicU64,
}

impl Room {
    /// Empty; files without a name are made in `folder`. As many large bodies are inspected at a time as there are
    /// processors: each has its whole body in memory, and the values that rules make of it.
    pub(crate) fn new(folder: PathBuf) -> Arc<Self> {
        let turns = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        Arc::new(Self {
            folder,
            memory: AtomicU64::new(0),
            files: AtomicU64::new(0),
            turns: Arc::new(Semaphore::new(turns)),
            glances: AtomicU64::new(0),
        })
    }

    /// Where files are made.
    pub(crate) fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    /// Whether rules may look at one more refused head.
    pub(crate) fn glance(&self, now: Timestamp) -> bool {
        let quota = Quota::new(GLANCES_PER_SECOND, Duration::from_secs(1), GLANCES_AT_ONCE);
        let now = u64::try_from(now.micros()).unwrap_or(0).saturating_mul(1_000);
        let next = |tat| Some(quota.decide(tat, now)).filter(|decision| decision.allowed).map(|one| one.tat);
        self.glances.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }

    /// A turn to inspect something large; none when it did not come in time.
    pub(crate) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        tokio::time::timeout(TURN_WAIT_MAX, turn).await.ok()?.ok()
    }
}

/// What one body takes of the room, until this is dropped.
pub(crate) struct Share {
    room: Arc<Room>,
    memory: u64,
    files: u64,
}

impl Share {
    /// Nothing yet.
    pub(crate) fn of(room: &Arc<Room>) -> Self {
        Self { room: Arc::clone(room), memory: 0, files: 0 }
    }

    /// Where it is a share of.
    pub(crate) fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// Takes memory, if there is any left.
    pub(crate) fn take_memory(&mut self, bytes: usize) -> bool {
        let taken = take(&self.room.memory, bytes as u64, MEMORY_BYTES_MAX);
        self.memory += if taken { bytes as u64 } else { 0 };
        taken
    }

    /// Gives all memory back.
    pub(crate) fn give_memory(&mut self) {
        self.room.memory.fetch_sub(std::mem::take(&mut self.memory), Ordering::Relaxed);
    }

    /// Takes room in files, if there is any left.
    pub(crate) fn take_file(&mut self, bytes: usize) -> bool {
        let taken = take(&self.room.files, bytes as u64, FILE_BYTES_MAX);
        self.files += if taken { bytes as u64 } else { 0 };
        taken
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_memory();
        self.room.files.fetch_sub(self.files, Ordering::Relaxed);
    }
}

fn take(from: &AtomicU64, bytes: u64, most: u64) -> bool {
    let more = |taken: u64| taken.checked_add(bytes).filter(|taken| *taken <= most);
    from.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refused_heads_is_looked_at_only_so_often() {
        let room = Room::new(PathBuf::new());
        let seen = |seconds| (0..1_000).filter(|_| room.glance(Timestamp::from_seconds(seconds))).count();
        assert_eq!((seen(1_000), seen(1_000), seen(1_001), seen(2_000)), (50, 0, 20, 50));
    }

    #[test]
    fn what_is_taken_comes_back() {
        let room = Room::new(PathBuf::new());
        let half = usize::try_from(MEMORY_BYTES_MAX / 2).expect("32 MiB are a usize");
        let (mut one, mut other) = (Share::of(&room), Share::of(&room));
        assert!(one.take_memory(half) && other.take_memory(half) && !other.take_memory(1));
        assert!(other.take_file(half));
        one.give_memory();
        assert!(other.take_memory(half));
        drop((one, other));
        assert_eq!((room.memory.load(Ordering::Relaxed), room.files.load(Ordering::Relaxed)), (0, 0));
    }
}
