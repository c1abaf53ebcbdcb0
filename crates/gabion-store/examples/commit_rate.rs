//! How fast commits are: the disk's own fsync, bare SQLite with as many rows per commit as we had, the same clients
//! with nothing written, and [`gabion_store::Db::write`] with 1, 16, 256 and 1024 clients. All in one run, medians of
//! five rounds; the ratio is held against the smaller of bare and idle.
//!
//! `cargo run --release -p gabion-store --example commit_rate -- [folder]`; the folder decides which disk.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a report for a terminal; a failure ends it")]

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use gabion_core::SystemClock;
use gabion_crypto::SystemEntropy;
use gabion_store::{Db, Migration, Migrations, StorageConfig, StoreDeps, StoreError, params};

const ROUNDS: usize = 5;
/// How long each measurement of a round lasts.
const LASTS: Duration = Duration::from_secs(2);
const CLIENTS: [usize; 4] = [1, 16, 256, 1024];
/// Bytes of the row every client writes: a small order.
const ROW_BYTES: usize = 200;

const ROWS: Migrations = Migrations {
    domain: "bench",
    steps: &[Migration {
        version: 1,
        name: "bench",
        sqlite: "CREATE TABLE bench (id INTEGER PRIMARY KEY, content TEXT NOT NULL) STRICT;",
        postgres: "CREATE TABLE bench (id BIGINT PRIMARY KEY, content TEXT NOT NULL);",
    }],
};

/// One measurement of our own writes.
#[derive(Clone, Copy)]
struct Own {
    rate: f64,
    group_size: u64,
    p50: Duration,
    p99: Duration,
}

fn main() {
    let folder = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(folder).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut fsyncs = Vec::new();
    let mut own: [Vec<Own>; CLIENTS.len()] = Default::default();
    let mut bare: [Vec<f64>; CLIENTS.len()] = Default::default();
    let mut idle: [Vec<f64>; CLIENTS.len()] = Default::default();
    for round in 0..ROUNDS {
        fsyncs.push(fsync_p50(folder.path()));
        for (place, clients) in CLIENTS.into_iter().enumerate() {
            let path = folder.path().join(format!("{round}-{clients}"));
            let measured = runtime.block_on(own_writes(&path.with_extension("own"), clients));
            bare[place].push(bare_rate(&path.with_extension("bare"), measured.group_size));
            idle[place].push(runtime.block_on(idle_rate(clients)));
            own[place].push(measured);
        }
    }
    report(median(fsyncs, |time| *time), &own, &bare, &idle);
}

fn report(fsync: Duration, own: &[Vec<Own>], bare: &[Vec<f64>], idle: &[Vec<f64>]) {
    let allowed = fsync.mul_f64(1.3) + Duration::from_millis(1);
    println!("fsync of one 4 KiB page: p50 {:.3} ms", fsync.as_secs_f64() * 1e3);
    println!("rows of {ROW_BYTES} bytes, {} s per measurement, medians of {ROUNDS}\n", LASTS.as_secs());
    println!("clients   own/s   rows/commit   bare/s   idle/s   own:smaller   p50 ms   p99 ms");
    for (place, clients) in CLIENTS.into_iter().enumerate() {
        let rate = median(own[place].clone(), |own| own.rate).rate;
        let typical = median(own[place].clone(), |own| own.p50);
        // Both sides of a ratio were measured one after the other, under the same load of the machine.
        let smaller = bare[place].iter().zip(&idle[place]).map(|(bare, idle)| bare.min(*idle));
        let ratios = own[place].iter().zip(smaller).map(|(own, smaller)| own.rate / smaller).collect();
        let ratio = median(ratios, |ratio: &f64| *ratio);
        let bare = median(bare[place].clone(), |rate| *rate);
        let idle = median(idle[place].clone(), |rate| *rate);
        println!(
            "{clients:>7} {rate:>7.0} {:>13} {bare:>8.0} {idle:>8.0} {:>12.0}% {:>8.3} {:>8.3}",
            typical.group_size,
            100.0 * ratio,
            typical.p50.as_secs_f64() * 1e3,
            typical.p99.as_secs_f64() * 1e3,
        );
    }
    let one = median(own[0].clone(), |own| own.p50).p50;
    let met = if one <= allowed { "met" } else { "missed" };
    println!("\none client: p50 {one:.3?}, allowed 1.3 x fsync + 1 ms = {allowed:.3?}: {met}");
}

/// Writes to a preallocated file, as the log of a database does.
fn fsync_p50(folder: &Path) -> Duration {
    let mut file = File::create(folder.join("fsync")).unwrap();
    file.write_all(&vec![0; 4 << 20]).unwrap();
    file.sync_all().unwrap();
    let mut times = Vec::new();
    let until = Instant::now() + LASTS;
    for page in 0.. {
        let started = Instant::now();
        if started > until {
            break;
        }
        file.seek(SeekFrom::Start(page % 1024 * 4096)).unwrap();
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
        times.push(started.elapsed());
    }
    median(times, |time| *time)
}

/// The fastest this SQLite can be asked to be at this group size: one thread, prepared statements, no answers.
fn bare_rate(path: &Path, group_size: u64) -> f64 {
    let conn = rusqlite::Connection::open(path).unwrap();
    conn.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-8192;").unwrap();
    conn.execute_batch(ROWS.steps[0].sqlite).unwrap();
    let content = "x".repeat(ROW_BYTES);
    let started = Instant::now();
    let mut id = 0_i64;
    while started.elapsed() < LASTS {
        conn.prepare_cached("BEGIN IMMEDIATE").unwrap().execute([]).unwrap();
        let mut insert = conn.prepare_cached("INSERT INTO bench (id, content) VALUES (?1, ?2)").unwrap();
        for _ in 0..group_size.max(1) {
            insert.execute(rusqlite::params![id, content]).unwrap();
            id += 1;
        }
        conn.prepare_cached("COMMIT").unwrap().execute([]).unwrap();
    }
    id as f64 / started.elapsed().as_secs_f64()
}

/// The fastest the same clients can be asked and answered: their closures reach a thread that answers at once, and
/// nothing is written.
async fn idle_rate(clients: usize) -> f64 {
    type Call = (Box<dyn FnOnce() -> u64 + Send>, tokio::sync::oneshot::Sender<u64>);
    let (calls, waiting) = std::sync::mpsc::channel::<Call>();
    let answering = std::thread::spawn(move || {
        for (closure, reply) in waiting {
            // Every client waits for its answer.
            reply.send(closure()).unwrap();
        }
    });
    let started = Instant::now();
    let client = |_| {
        let calls = calls.clone();
        tokio::spawn(async move {
            let mut count = 0_u64;
            let content: Arc<str> = "x".repeat(ROW_BYTES).into();
            while started.elapsed() < LASTS {
                let (content, asked) = (Arc::clone(&content), Instant::now());
                let (reply, answer) = tokio::sync::oneshot::channel();
                calls.send((Box::new(move || content.len() as u64), reply)).unwrap();
                count += u64::from(answer.await.unwrap() > 0 && asked <= Instant::now());
            }
            count
        })
    };
    let tasks: Vec<_> = (0..clients).map(client).collect();
    let mut count = 0;
    for task in tasks {
        count += task.await.unwrap();
    }
    let rate = count as f64 / started.elapsed().as_secs_f64();
    drop(calls);
    answering.join().unwrap();
    rate
}

async fn own_writes(path: &Path, clients: usize) -> Own {
    let deps = StoreDeps { clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy::new()) };
    let db = Db::open(StorageConfig::new(format!("sqlite:{}", path.display())), deps).await.unwrap();
    db.migrate(&[ROWS]).await.unwrap();
    let before = db.metrics();
    let started = Instant::now();
    let ids = Arc::new(AtomicI64::new(0));
    let client = |_| tokio::spawn(client_writes(db.clone(), Arc::clone(&ids), started));
    let tasks: Vec<_> = (0..clients).map(client).collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    let elapsed = started.elapsed().as_secs_f64();
    let metrics = db.metrics();
    db.close().await;
    times.sort_unstable();
    Own {
        rate: times.len() as f64 / elapsed,
        group_size: (metrics.writes - before.writes).div_ceil(metrics.groups - before.groups),
        p50: times[times.len() / 2],
        p99: times[times.len() * 99 / 100],
    }
}

async fn client_writes(db: Db, ids: Arc<AtomicI64>, started: Instant) -> Vec<Duration> {
    let mut times = Vec::new();
    let content: Arc<str> = "x".repeat(ROW_BYTES).into();
    while started.elapsed() < LASTS {
        let id = ids.fetch_add(1, Ordering::Relaxed);
        let (content, asked) = (Arc::clone(&content), Instant::now());
        let written: Result<u64, StoreError> = db
            .write(move |tx| {
                tx.execute("INSERT INTO bench (id, content) VALUES ($1, $2)", params![id, &*content])
            })
            .await;
        written.unwrap();
        times.push(asked.elapsed());
    }
    times
}

/// The middle one, ordered by `key`.
fn median<T: Clone, K: PartialOrd>(mut all: Vec<T>, key: impl Fn(&T) -> K) -> T {
    all.sort_by(|a, b| key(a).partial_cmp(&key(b)).unwrap());
    all[all.len() / 2].clone()
}
