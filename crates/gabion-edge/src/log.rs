//! Logs: files of lines that a thread of their own writes.
//!
//! Whoever has a line puts it into a bounded queue and goes on. When the queue is full, or the disk, lines are lost and
//! counted, and nobody waits.

mod file;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::config::LogTarget;
use crate::metrics::Metrics;
pub(crate) use file::Output;

/// Pause of the writer between two looks at the queue. Nobody wakes it, so that a request pays for no system call.
const PAUSE: Duration = Duration::from_millis(50);
/// Bytes written at a time.
const BATCH_BYTES: usize = 64 * 1024;

/// What a log is made of.
pub(crate) trait Format: Send + 'static {
    /// What is offered.
    type Line: Send;
    /// What the log is called, in messages and as the name of its thread.
    const NAME: &'static str;
    /// Lines that may wait for the writer; one more is dropped and counted.
    const WAITING_MAX: usize;

    /// Appends a line and its end.
    fn write(&mut self, line: &Self::Line, out: &mut Vec<u8>);

    /// Where it is counted what becomes of lines.
    fn count(metrics: &Metrics, fate: Fate) -> &AtomicU64;
}

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Written,
    /// Too many waited.
    Dropped,
    /// It could not be written.
    Lost,
}

/// A log at work. It ends, with everything written, when dropped.
pub(crate) struct Log<F: Format> {
    lines: SyncSender<F::Line>,
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

impl<F: Format> Log<F> {
    /// Opens the file and starts the writer.
    ///
    /// # Errors
    /// When the file cannot be opened for appending, or is no file.
    pub(crate) fn open(target: LogTarget, format: F, metrics: &Arc<Metrics>) -> io::Result<Self> {
        Self::start(Output::open(target)?, format, metrics)
    }

    pub(crate) fn start(output: Output, format: F, metrics: &Arc<Metrics>) -> io::Result<Self> {
        let (lines, waiting) = sync_channel(F::WAITING_MAX);
        let asked = Arc::new(Asked::default());
        let writer = Writer {
            lines: waiting,
            output,
            format,
            metrics: Arc::clone(metrics),
            asked: Arc::clone(&asked),
            failing: false,
        };
        let thread =
            std::thread::Builder::new().name(F::NAME.replace(' ', "-")).spawn(move || writer.run())?;
        Ok(Self { lines, metrics: Arc::clone(metrics), asked, writer: Mutex::new(Some(thread)) })
    }

    /// Takes a line, or drops and counts it. Never waits.
    pub(crate) fn offer(&self, line: F::Line) {
        if self.lines.try_send(line).is_err() {
            F::count(&self.metrics, Fate::Dropped).fetch_add(1, Ordering::Relaxed);
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
            tracing::error!("Writer of the {} panicked", F::NAME);
        }
    }
}

/// The writer's side. Owned by its thread.
struct Writer<F: Format> {
    lines: Receiver<F::Line>,
    output: Output,
    format: F,
    metrics: Arc<Metrics>,
    asked: Arc<Asked>,
    failing: bool,
}

impl<F: Format> Writer<F> {
    fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH_BYTES);
        loop {
            // Read before the queue: what was offered before somebody asked to finish is in it by then.
            let finish = self.asked.finish.load(Ordering::Acquire);
            if self.asked.reopen.swap(false, Ordering::Acquire)
                && let Err(error) = self.output.reopen()
            {
                tracing::error!(%error, "The {} could not be opened anew, the old file is written on", F::NAME);
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
        let fate = match self.output.write(batch) {
            Ok(()) => {
                if std::mem::take(&mut self.failing) {
                    tracing::info!("The {} is written again", F::NAME);
                }
                Fate::Written
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::error!(%error, "The {} cannot be written, lines are lost: {error}", F::NAME);
                }
                Fate::Lost
            }
        };
        F::count(&self.metrics, fate).fetch_add(count, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log of words.
    struct Words;

    impl Format for Words {
        type Line = &'static str;
        const NAME: &'static str = "log of words";
        const WAITING_MAX: usize = 2;

        fn write(&mut self, line: &Self::Line, out: &mut Vec<u8>) {
            out.extend_from_slice(line.as_bytes());
            out.push(b'\n');
        }

        fn count(metrics: &Metrics, fate: Fate) -> &AtomicU64 {
            match fate {
                Fate::Written => &metrics.access_lines,
                Fate::Dropped => &metrics.access_lines_dropped,
                Fate::Lost => &metrics.access_lines_lost,
            }
        }
    }

    #[test]
    fn a_full_disk_loses_lines_which_are_counted() {
        let metrics = Arc::new(Metrics::default());
        let Ok(full) = std::fs::File::options().append(true).open("/dev/full") else { return };
        let log = Log::start(Output::of("/dev/full".into(), full), Words, &metrics).expect("a thread");
        log.offer("tea");
        log.offer("cup");
        log.finish();
        let counts = [Fate::Written, Fate::Lost, Fate::Dropped];
        let counts = counts.map(|fate| Words::count(&metrics, fate).load(Ordering::Relaxed));
        assert_eq!(counts, [0, 2, 0]);
    }

    #[test]
    fn a_full_queue_drops_lines_and_nobody_waits() {
        let metrics = Arc::new(Metrics::default());
        let (lines, waiting) = sync_channel(2);
        let log = Log::<Words> {
            lines,
            metrics: Arc::clone(&metrics),
            asked: Arc::default(),
            writer: Mutex::new(None),
        };
        for _ in 0..5 {
            log.offer("tea");
        }
        assert_eq!(metrics.access_lines_dropped.load(Ordering::Relaxed), 3);
        assert_eq!(waiting.try_iter().count(), 2);
    }

    #[test]
    fn dropping_a_log_writes_what_waits() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("words.log");
        let target = LogTarget::File { path: path.clone(), rotate_bytes: 0, keep: 1 };
        let log = Log::open(target, Words, &Arc::default()).expect("a file");
        log.offer("tea");
        let thread = log.writer.lock().expect("nobody panicked").take().expect("it runs");
        drop(log);
        thread.join().expect("the writer does not panic");
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), "tea\n");
    }
}
