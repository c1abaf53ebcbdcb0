//! A bounded place for costly work: password hashing.
//!
//! One hash takes tens of milliseconds of a core and 19 MiB. Without a bound, a flood of sign-ins would take all
//! cores and all memory from the shop. So: a few threads, a bounded queue, a bounded wait, then "busy".

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// Waiting calls per thread; the last of them would wait about as long as [`WAIT_MAX`].
pub const QUEUE_PER_THREAD: usize = 50;

/// Longest wait before the work begins. Whoever waited longer is answered "busy" and may try again.
pub const WAIT_MAX: Duration = Duration::from_secs(2);

/// The pool is full, or the wait was too long. Nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

/// Threads of their own for work that would hold up the async ones. They end when the pool is dropped.
#[derive(Debug)]
pub struct HashPool {
    queue: SyncSender<Job>,
    wait_max: Duration,
}

struct Job {
    work: Box<dyn FnOnce() + Send>,
    begin_before: Instant,
}

impl HashPool {
    /// Starts the threads.
    ///
    /// # Panics
    /// When the operating system starts no more threads.
    pub fn new(threads: usize) -> Self {
        Self::with_limits(threads, QUEUE_PER_THREAD * threads, WAIT_MAX)
    }

    fn with_limits(threads: usize, queue_max: usize, wait_max: Duration) -> Self {
        let (queue, jobs) = sync_channel(queue_max);
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..threads {
            let jobs = Arc::clone(&jobs);
            std::thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || work_until_closed(&jobs))
                .expect("the operating system starts threads at start");
        }
        Self { queue, wait_max }
    }

    /// Runs `work` on a thread of the pool.
    ///
    /// # Errors
    /// [`Busy`] at once when the queue is full, or after the longest wait.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let (reply, answer) = oneshot::channel();
        let work = Box::new(move || {
            // Whoever asked may have gone; then nobody needs the answer.
            if !reply.is_closed() {
                drop(reply.send(work()));
            }
        });
        let begin_before = Instant::now() + self.wait_max;
        match self.queue.try_send(Job { work, begin_before }) {
            Ok(()) => answer.await.map_err(|_| Busy),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(Busy),
        }
    }
}

fn work_until_closed(jobs: &Mutex<Receiver<Job>>) {
    loop {
        // The receiver is whole whatever happened while it was locked.
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        if Instant::now() > job.begin_before {
            continue; // dropping the job answers "busy"
        }
        if catch_unwind(AssertUnwindSafe(job.work)).is_err() {
            tracing::error!("A hashing thread met a broken invariant and goes on");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[tokio::test]
    async fn work_is_done_on_a_thread_of_the_pool() {
        let pool = HashPool::new(1);
        let name = pool.run(|| std::thread::current().name().map(str::to_owned)).await;
        assert_eq!(name, Ok(Some("hash-0".to_owned())));
    }

    #[tokio::test]
    async fn a_full_queue_is_busy_at_once() {
        let pool = Arc::new(HashPool::with_limits(1, 1, WAIT_MAX));
        let (release, gate) = channel::<()>();
        let (began, begun) = oneshot::channel();
        let first = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move {
                let work = move || {
                    began.send(()).expect("the test waits");
                    gate.recv().expect("the test opens the gate");
                };
                pool.run(work).await
            }
        });
        begun.await.expect("the thread is taken");
        pool.queue
            .try_send(Job { work: Box::new(|| {}), begin_before: Instant::now() + WAIT_MAX })
            .unwrap_or_else(|_| panic!("there is room for one"));
        assert_eq!(pool.run(|| ()).await, Err(Busy));
        release.send(()).expect("the thread waits");
        assert_eq!(first.await.expect("no panic"), Ok(()));
    }

    #[tokio::test]
    async fn whoever_waited_too_long_is_told_busy() {
        let pool = HashPool::with_limits(1, 1, Duration::ZERO);
        assert_eq!(pool.run(|| ()).await, Err(Busy));
    }

    #[tokio::test]
    async fn a_panic_does_not_end_the_thread() {
        let pool = HashPool::new(1);
        assert_eq!(pool.run(|| panic!("a broken invariant")).await, Err::<(), _>(Busy));
        assert_eq!(pool.run(|| 7).await, Ok(7));
    }
}
