//! The quarantine against full disks of its own, old age, and hands that change its files.

use gabion_console::uploads::Uploads;
use gabion_core::{Actor, Secret};
use gabion_crypto::Seal;
use gabion_store::journal::{Filter, View};
use gabion_store::{Db, StorageConfig, StoreDeps};
use gabion_test::{SeededEntropy, TestClock};
use tempfile::TempDir;

use super::desk::Desk;
use super::*;

const CONTENT: &[u8] = b"a file that nobody should open by mistake";

fn ring() -> Arc<KeyRing> {
    let mut ring = KeyRing::open(Seal::File(Secret::new([7; 32])), []).expect("an empty ring opens");
    for row in ring.new_rows_needed(Timestamp::default(), &SeededEntropy::new(3)) {
        ring.add(&row).expect("a fresh row");
    }
    Arc::new(ring)
}

fn facts(name: &str) -> StoppedFile {
    StoppedFile {
        request: "req_1".into(),
        site: "tea".into(),
        route: "/".into(),
        path: "/upload".into(),
        client: "192.0.2.7".into(),
        name: name.into(),
        declared_type: "image/png".into(),
        kind: None,
        bytes: CONTENT.len() as u64,
        sha256: "00".into(),
        reasons: Vec::new(),
    }
}

struct Bench {
    folder: TempDir,
    clock: TestClock,
    store: Store,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = TestClock::new();
        let store = Self::open(&folder, &clock);
        Self { folder, clock, store }
    }

    fn open(folder: &TempDir, clock: &TestClock) -> Store {
        let ring = ring();
        let entropy = Arc::new(SeededEntropy::new(1));
        let store = Store::open(folder.path(), move || Arc::clone(&ring), Arc::new(clock.clone()), entropy);
        let store = store.expect("a quarantine");
        store.limit(QuarantineLimits { bytes_max: 1 << 20, age_max: Duration::from_secs(86_400) });
        store
    }

    fn keep(&self, name: &str, content: &[u8]) -> bool {
        self.clock.advance(Duration::from_millis(1));
        self.store.keep(&facts(name), content).expect("the disk takes it")
    }

    fn names(&self) -> Vec<String> {
        self.store.list(None, 100).into_iter().map(|kept| kept.facts.name).collect()
    }

    fn files(&self) -> Vec<PathBuf> {
        let found = fs::read_dir(self.folder.path().join("quarantine")).expect("a folder");
        found.map(|found| found.expect("an entry").path()).collect()
    }
}

#[test]
fn facts_are_listed_newest_first_and_content_comes_back_whole() {
    let bench = Bench::new();
    assert!(bench.keep("a.png", CONTENT) && bench.keep("b.png", b"") && bench.keep("c.png", CONTENT));
    assert_eq!(bench.names(), ["c.png", "b.png", "a.png"]);
    let newest = bench.store.list(None, 1).remove(0);
    assert_eq!(newest.at, made_at(newest.id));
    let older: Vec<_> =
        bench.store.list(Some(newest.id), 1).into_iter().map(|kept| kept.facts.name).collect();
    assert_eq!(older, ["b.png"]);
    let to = bench.folder.path().join("out");
    assert_eq!(bench.store.release(newest.id, &to).expect("it opens"), newest);
    assert_eq!(fs::read(&to).expect("written"), CONTENT);
    assert!(matches!(bench.store.release(newest.id, &to), Err(OpenError::Io(_))), "nothing is overwritten");
}

#[test]
fn nothing_of_the_content_is_readable_and_only_the_owner_reads_at_all() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    assert!(bench.keep("a.png", CONTENT));
    for file in bench.files() {
        let bytes = fs::read(&file).expect("it is there");
        assert!(!bytes.windows(8).any(|window| CONTENT.windows(8).any(|part| part == window)));
        assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn who_changes_facts_or_content_gets_nothing_out() {
    let bench = Bench::new();
    assert!(bench.keep("a.png", CONTENT));
    let (id, file) = (bench.store.list(None, 1)[0].id, bench.files().remove(0));
    let bytes = fs::read(&file).expect("it is there");
    let to = bench.folder.path().join("out");
    let line = bytes.iter().position(|byte| *byte == b'\n').expect("a line");
    let at = bytes.windows(5).position(|window| window == b"a.png").expect("the name");
    for place in [at, line + 5, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        fs::write(&file, changed).expect("written");
        assert!(matches!(bench.store.release(id, &to), Err(OpenError::Sealed(_))), "{place}");
        assert!(!to.exists());
    }
}

#[test]
fn the_oldest_go_by_size_and_by_age_and_the_largest_never_come() {
    let bench = Bench::new();
    let large = vec![b'x'; 200 << 10];
    for number in 0..8 {
        assert!(bench.keep(&number.to_string(), &large));
    }
    assert_eq!(bench.names(), ["7", "6", "5", "4", "3"]);
    assert!(!bench.keep("huge", &vec![b'x'; (256 << 10) + 1]));
    bench.clock.advance(Duration::from_secs(86_401));
    assert!(bench.keep("new", CONTENT));
    assert_eq!(bench.names(), ["new"]);
    assert_eq!(bench.files().len(), 1);
}

#[test]
fn what_was_half_written_goes_when_it_is_opened_and_the_rest_stays() {
    let bench = Bench::new();
    assert!(bench.keep("a.png", CONTENT));
    let half = bench.folder.path().join("quarantine/upl_00000000000000000000000000.part");
    fs::write(&half, "half").expect("written");
    let again = Bench::open(&bench.folder, &bench.clock);
    assert!(!half.exists());
    let kept = again.list(None, 10);
    assert_eq!(kept.len(), 1);
    assert!(again.delete(kept[0].id).expect("removed") && !again.delete(kept[0].id).expect("gone"));
    assert!(again.list(None, 10).is_empty() && bench.files().is_empty());
}

#[test]
fn without_room_nothing_is_kept() {
    let bench = Bench::new();
    bench.store.limit(QuarantineLimits { bytes_max: 0, age_max: Duration::from_secs(60) });
    assert!(!bench.keep("a.png", b""));
    assert!(bench.files().is_empty());
}

/// What the console asks, with a database behind it.
async fn desk(bench: &Bench) -> Desk {
    let clock = Arc::new(bench.clock.clone());
    let entropy = Arc::new(SeededEntropy::new(2));
    let deps = StoreDeps { clock: clock.clone(), entropy: entropy.clone() };
    let config = StorageConfig { files: None, ..StorageConfig::new("sqlite::memory:".to_owned()) };
    let db = Db::open(config, deps).await.expect("a database");
    db.migrate(&[]).await.expect("tables");
    Desk { store: bench.store.clone(), db, clock, entropy }
}

#[tokio::test]
async fn the_console_is_shown_facts_in_pages_and_whoever_deletes_is_told_of() {
    let bench = Bench::new();
    for name in ["a", "b", "c", "d"] {
        assert!(bench.keep(name, CONTENT));
    }
    let desk = desk(&bench).await;
    let uploads: &dyn Uploads = &desk;
    let room = uploads.room();
    assert_eq!((room.files, room.bytes_max, room.age_max.as_secs()), (4, 1 << 20, 86_400));
    assert!(room.bytes > 4 * CONTENT.len() as u64, "facts count too");

    let newest = uploads.list(None, 1).await.expect("a list").remove(0);
    assert_eq!((newest.facts.name.as_str(), newest.at), ("d", made_at(newest.id)));
    assert_eq!(uploads.get(newest.id).await.expect("read"), Some(newest.clone()));
    let older = uploads.list(Some(newest.id), 2).await.expect("a list");
    fs::write(bench.store.path(older[0].id), "no facts").expect("written");
    let again = uploads.list(Some(newest.id), 2).await.expect("a list");
    let names: Vec<_> = again.iter().map(|kept| kept.facts.name.as_str()).collect();
    assert_eq!(names, ["b", "a"], "a damaged file does not end a page");

    let by = Actor::Staff("stf_1".into());
    assert!(uploads.delete(by.clone(), newest.id).await.expect("deleted"));
    assert!(!uploads.delete(by.clone(), newest.id).await.expect("gone"));
    assert_eq!(uploads.get(newest.id).await.expect("read"), None);
    let told = desk.db.journal().read(0, 10, Filter::default(), View::Full).await.expect("a journal");
    let [event] = &told[..] else { panic!("one event, not {told:?}") };
    assert_eq!((&*event.event.kind, &event.event.actor), ("upload.deleted", &by));
    assert!(event.event.entities.iter().any(|entity| entity.id == newest.id.to_string()));
}

#[tokio::test]
async fn what_nobody_can_be_told_of_is_not_deleted() {
    let bench = Bench::new();
    assert!(bench.keep("a", CONTENT));
    let desk = desk(&bench).await;
    desk.db.clone().close().await;
    let id = desk.store.list(None, 1)[0].id;
    assert!(Uploads::delete(&desk, Actor::Shell, id).await.is_err());
    assert_eq!(bench.names(), ["a"]);
}
