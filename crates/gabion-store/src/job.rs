//! A closure on its way through a queue to a database thread and back.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use gabion_core::Secret;
use gabion_crypto::KeyRing;
use tokio::sync::oneshot;
use tracing::error;

use crate::tx::{Conn, Progress};
use crate::{StoreError, Tx};

/// 32 bytes drawn before the closure runs: whatever it derives from them is the same when it runs again.
pub(crate) type Seed = Secret<[u8; 32]>;

/// Whether the writes of a run are to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    Keep,
    RollBack,
}

/// What became of the transaction a job ran in.
pub(crate) enum Outcome {
    /// It ended as the run asked: the kept result goes out.
    AsRun,
    /// It did not: this error goes out in its place.
    Lost(StoreError),
}

/// A closure with its caller's address. It may run several times; only the last result counts.
pub(crate) trait Job: Send {
    fn run(&mut self, conn: Conn<'_>, keys: Option<&Arc<KeyRing>>) -> (Ran, Progress);
    fn answer(self: Box<Self>, outcome: Outcome);
    fn seed(&self) -> &Seed;
}

/// What a call may leave behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

pub(crate) struct Call<F, T, E> {
    closure: F,
    access: Access,
    seed: Seed,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Call<F, T, E> {
    pub(crate) fn new(closure: F, access: Access, seed: Seed) -> (Self, oneshot::Receiver<Result<T, E>>) {
        let (reply, answer) = oneshot::channel();
        (Self { closure, access, seed, result: None, reply }, answer)
    }
}

impl<F, T, E> Job for Call<F, T, E>
where
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run(&mut self, conn: Conn<'_>, keys: Option<&Arc<KeyRing>>) -> (Ran, Progress) {
        let closure = &mut self.closure;
        let mut tx = Tx::new(conn, &self.seed, keys);
        // The transaction is rolled back after a panic, whatever state the closure left itself in.
        let result = match catch_unwind(AssertUnwindSafe(|| closure(&mut tx))) {
            Ok(Ok(_)) if tx.has_failed() => Err(StoreError::Aborted.into()),
            Ok(result) => result,
            Err(panic) => Err(panicked(&*panic).into()),
        };
        let ran = if result.is_ok() && self.access == Access::Write { Ran::Keep } else { Ran::RollBack };
        self.result = Some(result);
        (ran, tx.progress())
    }

    fn answer(self: Box<Self>, outcome: Outcome) {
        let result = match (outcome, self.result) {
            (Outcome::Lost(error), _) => Err(error.into()),
            (Outcome::AsRun, Some(result)) => result,
            (Outcome::AsRun, None) => Err(StoreError::Closed.into()),
        };
        // The caller may have stopped waiting; the commit stands all the same.
        drop(self.reply.send(result));
    }

    fn seed(&self) -> &Seed {
        &self.seed
    }
}

fn panicked(panic: &(dyn Any + Send)) -> StoreError {
    let message = panic
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    error!(panic.message = %message, "A database closure panicked and was rolled back: {message}");
    StoreError::Panicked { message }
}
