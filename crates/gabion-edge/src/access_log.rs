//! The access log: one line for every answered request.
//!
//! A request copies what its line needs into a bounded queue and goes on; one thread writes. When the queue is full,
//! or the disk, lines are lost and counted, and no request waits.

mod file;
mod line;
mod redact;
mod text;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

pub(crate) use line::{End, Line};
pub(crate) use redact::{is_secret, text as masked};
pub use redact::{redacted_address, text as redacted_text};
pub(crate) use text::Texts;

use crate::config::AccessLogConfig;
use crate::metrics::Metrics;
use file::Output;
use line::Lines;

/// Lines that may wait for the writer; one more is dropped and counted. A line keeps at most about 5 KiB.
pub(crate) const LINES_WAITING_MAX: usize = 8192;
/// Pause of the writer between two looks at the queue. Nobody wakes it, so that a request pays for no system call;
/// the queue holds what 160,000 requests a second leave in that time.
const PAUSE: Duration = Duration::from_millis(50);
/// Bytes written at a time.
const BATCH_BYTES: usize = 64 * 1024;

/// An access log at work. It ends, with everything written, when dropped.
pub(crate) struct AccessLog {
    pub(crate) config: AccessLogConfig,
    lines: SyncSender<Line>,
    metrics: Arc<Metrics>,
    asked: Arc<Asked>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// What the writer is asked to do beside writing.
#[derive(Default)]
struct Asked {
    reopen: AtomicBool,
    finish: AtomicBool,
}

impl AccessLog {
    /// Opens the file and starts the writer.
    ///
    /// # Errors
    /// When the file cannot be opened for appending, or is no file.
    pub(crate) fn open(config: AccessLogConfig, metrics: &Arc<Metrics>) -> io::Result<Self> {
        let output = Output::open(config.target.clone())?;
        Self::start(config, output, metrics)
    }

    fn start(config: AccessLogConfig, output: Output, metrics: &Arc<Metrics>) -> io::Result<Self> {
        let (lines, waiting) = sync_channel(LINES_WAITING_MAX);
        let asked = Arc::new(Asked::default());
        let writer = Writer {
            lines: waiting,
            output,
            format: Lines::new(config.format),
            metrics: Arc::clone(metrics),
            asked: Arc::clone(&asked),
            failing: false,
        };
        let thread = std::thread::Builder::new().name("access-log".into()).spawn(move || writer.run())?;
        Ok(Self { config, lines, metrics: Arc::clone(metrics), asked, writer: Mutex::new(Some(thread)) })
    }

    /// Whether a request with this status gets a line; `draw` is evenly spread.
    pub(crate) fn wants(&self, status: u16, draw: u128) -> bool {
        status >= 400 || draw % 100 < u128::from(self.config.sample_percent)
    }

    /// Takes a line, or drops and counts it. Never waits.
    pub(crate) fn offer(&self, line: Line) {
        if self.lines.try_send(line).is_err() {
            self.metrics.access_lines_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Opens the file anew, for whoever has renamed it.
    pub(crate) fn reopen(&self) {
        self.asked.reopen.store(true, Ordering::Release);
    }

    /// Writes what waits and ends the writer. Blocks until that is done; later lines are dropped.
    pub(crate) fn finish(&self) {
        let Some(thread) = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        self.asked.finish.store(true, Ordering::Release);
        thread.thread().unpark();
        if thread.join().is_err() {
            tracing::error!("Writer of the access log panicked");
        }
    }
}

/// The writer's side. Owned by its thread.
struct Writer {
    lines: Receiver<Line>,
    output: Output,
    format: Lines,
    metrics: Arc<Metrics>,
    asked: Arc<Asked>,
    failing: bool,
}

impl Writer {
    fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH_BYTES);
        loop {
            // Read before the queue: what was offered before somebody asked to finish is in it by then.
            let finish = self.asked.finish.load(Ordering::Acquire);
            if self.asked.reopen.swap(false, Ordering::Acquire)
                && let Err(error) = self.output.reopen()
            {
                tracing::error!(%error, "Access log could not be opened anew, the old file is written on");
            }
            let gone = self.drain(&mut batch);
            if finish || gone {
                return;
            }
            std::thread::park_timeout(PAUSE);
        }
    }

    /// Writes everything that waits. Says whether nobody can offer any more.
    fn drain(&mut self, batch: &mut Vec<u8>) -> bool {
        loop {
            let (mut count, mut left) = (0, None);
            while batch.len() < BATCH_BYTES && left.is_none() {
                match self.lines.try_recv() {
                    Ok(line) => {
                        self.format.write(&line, batch);
                        count += 1;
                    }
                    Err(end) => left = Some(end),
                }
            }
            if count > 0 {
                self.put(batch, count);
                batch.clear();
            }
            if let Some(end) = left {
                return end == TryRecvError::Disconnected;
            }
        }
    }

    fn put(&mut self, batch: &[u8], count: u64) {
        let counter = match self.output.write(batch) {
            Ok(()) => {
                if std::mem::take(&mut self.failing) {
                    tracing::info!("Access log is written again");
                }
                &self.metrics.access_lines
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::error!(%error, "Access log cannot be written, lines are lost: {error}");
                }
                &self.metrics.access_lines_lost
            }
        };
        counter.fetch_add(count, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{LogFormat, LogTarget};

    const CONFIG: AccessLogConfig =
        AccessLogConfig { target: LogTarget::Stdout, format: LogFormat::Json, sample_percent: 10 };

    #[test]
    fn a_full_disk_loses_lines_which_are_counted() {
        let metrics = Arc::new(Metrics::default());
        let Ok(full) = std::fs::File::options().append(true).open("/dev/full") else { return };
        let log = AccessLog::start(CONFIG, Output::of("/dev/full".into(), full), &metrics).expect("a thread");
        for _ in 0..3 {
            log.offer(Line::example());
        }
        log.finish();
        let counts = [&metrics.access_lines, &metrics.access_lines_lost, &metrics.access_lines_dropped];
        assert_eq!(counts.map(|count| count.load(Ordering::Relaxed)), [0, 3, 0]);
    }

    #[test]
    fn a_full_queue_drops_lines_and_nobody_waits() {
        let metrics = Arc::new(Metrics::default());
        let (lines, waiting) = sync_channel(2);
        let log = AccessLog {
            config: CONFIG,
            lines,
            metrics: Arc::clone(&metrics),
            asked: Arc::default(),
            writer: Mutex::new(None),
        };
        for _ in 0..5 {
            log.offer(Line::example());
        }
        assert_eq!(metrics.access_lines_dropped.load(Ordering::Relaxed), 3);
        assert_eq!(waiting.try_iter().count(), 2);
    }

    #[test]
    fn dropping_a_log_writes_what_waits() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("access.log");
        let target = LogTarget::File { path: path.clone(), rotate_bytes: 0, keep: 1 };
        let log = AccessLog::open(AccessLogConfig { target, ..CONFIG }, &Arc::default()).expect("a file");
        log.offer(Line::example());
        let thread = log.writer.lock().expect("nobody panicked").take().expect("it runs");
        drop(log);
        thread.join().expect("the writer does not panic");
        assert_eq!(std::fs::read_to_string(&path).expect("a file").lines().count(), 1);
    }

    #[test]
    fn a_share_of_requests_and_every_error_has_a_line() {
        let log = AccessLog::start(CONFIG, Output::Stdout, &Arc::default()).expect("a thread");
        assert_eq!((0..1000).filter(|draw| log.wants(200, *draw)).count(), 100);
        assert_eq!((0..1000).filter(|draw| log.wants(404, *draw)).count(), 1000);
    }
}
