//! A bounded queue between asynchronous callers and the store's own threads.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Why a job was not taken. The job comes back unharmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Full,
    Closed,
}

/// What a wait for work ended with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    Jobs,
    Nothing,
    Closed,
}

/// Many callers push without ever blocking; threads pop and block. After `close`, what is queued is still
/// handed out, then every popper learns that the end is reached.
pub(crate) struct Queue<J> {
    inner: Mutex<Inner<J>>,
    ready: Condvar,
    closing: Condvar,
    capacity: usize,
}

struct Inner<J> {
    jobs: VecDeque<(Instant, J)>,
    closed: bool,
}

impl<J> Queue<J> {
    pub(crate) fn new(capacity: usize) -> Self {
        let inner = Inner { jobs: VecDeque::new(), closed: false };
        Self { inner: Mutex::new(inner), ready: Condvar::new(), closing: Condvar::new(), capacity }
    }

    /// Appends a job, or gives it back with the reason. Never blocks longer than a push or pop takes.
    pub(crate) fn push(&self, job: J) -> Result<(), (J, Refused)> {
        let mut inner = self.lock();
        if inner.closed {
            return Err((job, Refused::Closed));
        }
        if inner.jobs.len() >= self.capacity {
            return Err((job, Refused::Full));
        }
        inner.jobs.push_back((Instant::now(), job));
        drop(inner);
        self.ready.notify_one();
        Ok(())
    }

    /// Waits for a job; `None` when the queue is closed and empty.
    pub(crate) fn pop(&self) -> Option<J> {
        let mut group = Vec::with_capacity(1);
        self.pop_group(1, None, &mut group);
        group.pop()
    }

    /// Waits for work, at most `patience`, and moves up to `max` jobs to the end of `group`.
    pub(crate) fn pop_group(&self, max: usize, patience: Option<Duration>, group: &mut Vec<J>) -> Waited {
        let deadline = patience.map(|patience| Instant::now() + patience);
        let mut inner = self.lock();
        while inner.jobs.is_empty() {
            if inner.closed {
                return Waited::Closed;
            }
            inner = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => self.ready.wait(inner).expect("no thread panics while it holds the queue"),
                Some(Duration::ZERO) => return Waited::Nothing,
                Some(left) => {
                    self.ready.wait_timeout(inner, left).expect("no thread panics while it holds the queue").0
                }
            };
        }
        let count = inner.jobs.len().min(max);
        group.extend(inner.jobs.drain(..count).map(|(_, job)| job));
        Waited::Jobs
    }

    /// Waits for `pause`, or less when the queue is closed meanwhile.
    pub(crate) fn rest(&self, pause: Duration) {
        let inner = self.lock();
        drop(
            self.closing
                .wait_timeout_while(inner, pause, |inner| !inner.closed)
                .expect("no thread panics while it holds the queue"),
        );
    }

    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
        self.closing.notify_all();
    }

    pub(crate) fn depth(&self) -> usize {
        self.lock().jobs.len()
    }

    /// How long the oldest job has waited; zero when there is none.
    pub(crate) fn lag(&self) -> Duration {
        self.lock().jobs.front().map_or(Duration::ZERO, |(since, _)| since.elapsed())
    }

    fn lock(&self) -> MutexGuard<'_, Inner<J>> {
        self.inner.lock().expect("no thread panics while it holds the queue")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_gives_the_job_back() {
        let queue = Queue::new(1);
        assert_eq!(queue.push(1), Ok(()));
        assert_eq!(queue.push(2), Err((2, Refused::Full)));
        assert_eq!(queue.depth(), 1);
    }

    #[test]
    fn groups_keep_the_order_and_the_bound() {
        let queue = Queue::new(10);
        for job in 0..5 {
            queue.push(job).expect("there is room");
        }
        let mut group = Vec::new();
        assert_eq!(queue.pop_group(3, None, &mut group), Waited::Jobs);
        assert_eq!(group, [0, 1, 2]);
    }

    #[test]
    fn a_closed_queue_is_drained_first() {
        let queue = Queue::new(2);
        queue.push(1).expect("there is room");
        queue.close();
        assert_eq!(queue.push(2), Err((2, Refused::Closed)));
        assert_eq!((queue.pop(), queue.pop()), (Some(1), None));
        queue.rest(Duration::from_secs(60));
    }

    #[test]
    fn patience_ends() {
        let queue = Queue::<u8>::new(1);
        assert_eq!(queue.pop_group(1, Some(Duration::ZERO), &mut Vec::new()), Waited::Nothing);
    }
}
