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
use crate::error::ReloadError;
use crate::metrics::Metrics;
use file::Output;

/// Pause of the writer between two looks at the queue. Nobody wakes it, so that a request pays for no system call.
const PAUSE: Duration = Duration::from_millis(50);
/// Bytes written at a time.
const BATCH_BYTES: usize = 64 * 1024;

/// What a log is made of.
pub(crate) trait Format: Send + 'static {
    /// What the log was opened with.
    type Config: PartialEq;
    /// What is offered.
    type Line: Send;
    /// What the log is called, in messages and as the name of its thread.
    const NAME: &'static str;
    /// Lines that may wait for the writer; one more is dropped and counted.
    const WAITING_MAX: usize;

    /// Where lines go.
    fn target(config: &Self::Config) -> LogTarget;

    /// How they are written.
    fn new(config: &Self::Config) -> Self;

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
    pub(crate) config: F::Config,
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
    pub(crate) fn open(config: F::Config, metrics: &Arc<Metrics>) -> io::Result<Self> {
        let output = Output::open(F::target(&config))?;
        Self::start(config, output, metrics)
    }

    /// The log there is, with its file opened anew, when it stays as configured; otherwise one that is opened now.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub(crate) fn kept(
        config: Option<F::Config>,
        before: Option<&Arc<Self>>,
        metrics: &Arc<Metrics>,
    ) -> Result<Option<Arc<Self>>, ReloadError> {
        let Some(config) = config else { return Ok(None) };
        if let Some(log) = before.filter(|log| log.config == config) {
            log.reopen();
            return Ok(Some(Arc::clone(log)));
        }
        let log = Self::open(config, metrics).map_err(|source| ReloadError::Log { name: F::NAME, source })?;
        Ok(Some(Arc::new(log)))
    }

    fn start(config: F::Config, output: Output, metrics: &Arc<Metrics>) -> io::Result<Self> {
        let format = F::new(&config);
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
        let writer = Mutex::new(Some(thread));
        Ok(Self { config, lines, metrics: Arc::clone(metrics), asked, writer })
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
        type Config = LogTarget;
        type Line = &'static str;
        const NAME: &'static str = "log of words";
        const WAITING_MAX: usize = 2;

        fn target(config: &LogTarget) -> LogTarget {
            config.clone()
        }

        fn new(_: &LogTarget) -> Self {
            Self
        }

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
        let log = Log::<Words>::start(LogTarget::Stdout, Output::of("/dev/full".into(), full), &metrics)
            .expect("a thread");
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
            config: LogTarget::Stdout,
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
        let log = Log::<Words>::open(target, &Arc::default()).expect("a file");
        log.offer("tea");
        let thread = log.writer.lock().expect("nobody panicked").take().expect("it runs");
        drop(log);
        thread.join().expect("the writer does not panic");
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), "tea\n");
    }
}
