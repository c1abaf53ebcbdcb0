//! Where the guard hands a request to the service, and learns when its answer is over.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::{Fault, RawHead, Refused};

/// One gate per connection; clones are the same gate. Both sides run in the connection's task, so that the lock is
/// never waited for.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    /// Let through by the guard, not yet taken by the service.
    arrived: Option<Result<RawHead, Refused>>,
    turn: State,
    /// The guard, when bytes wait for the next turn.
    waiting: Option<Waker>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Free,
    Taken,
    Switched,
}

/// What comes on a connection after a request was answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum After {
    /// The next head.
    Head,
    /// Another protocol.
    Pipe,
}

/// A request as the guard saw it.
pub(crate) struct Arrival {
    /// Its head, or why it is refused.
    pub(crate) head: Result<RawHead, Refused>,
    pub(crate) turn: Turn,
}

/// The turn of one request on its connection, until this is dropped: with the end of the response's body.
pub(crate) struct Turn(Gate);

impl Gate {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Announces the request whose head hyper gets next.
    pub(super) fn admit(&self, arrived: Result<RawHead, Refused>) {
        let mut inner = self.inner();
        inner.arrived = Some(arrived);
        inner.turn = State::Taken;
    }

    /// Takes the request that hyper tells of. One that was not announced is refused: hyper and the guard would have
    /// read the connection differently.
    pub(crate) fn arrive(&self) -> Arrival {
        let arrived = self.inner().arrived.take();
        Arrival {
            head: arrived.unwrap_or_else(|| Err(Refused::new(Fault::Unmatched, b""))),
            turn: Turn(self.clone()),
        }
    }

    /// What comes next, once the turn is over. Wakes the task only where `wake` says that bytes wait.
    pub(super) fn poll_after(&self, cx: &Context<'_>, wake: bool) -> Poll<After> {
        let mut inner = self.inner();
        match inner.turn {
            State::Free => Poll::Ready(After::Head),
            State::Switched => Poll::Ready(After::Pipe),
            State::Taken => {
                inner.waiting = wake.then(|| cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Turn {
    /// The connection speaks another protocol from here on.
    pub(crate) fn switch(&self) {
        self.0.inner().turn = State::Switched;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let waiting = {
            let mut inner = self.0.inner();
            if inner.turn == State::Taken {
                inner.turn = State::Free;
            }
            inner.waiting.take()
        };
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_has_its_turn_at_a_time() {
        let cx = Context::from_waker(Waker::noop());
        let gate = Gate::default();
        assert_eq!(gate.poll_after(&cx, true), Poll::Ready(After::Head));
        gate.admit(Err(Refused::new(Fault::Length, b"")));
        assert!(gate.poll_after(&cx, true).is_pending());
        let arrival = gate.arrive();
        assert_eq!(arrival.head.map_err(|refused| refused.fault), Err(Fault::Length));
        drop(arrival.turn);
        assert_eq!(gate.poll_after(&cx, true), Poll::Ready(After::Head));
        assert_eq!(gate.arrive().head.map_err(|refused| refused.fault), Err(Fault::Unmatched));
    }

    #[test]
    fn after_a_switch_there_are_no_more_heads() {
        let cx = Context::from_waker(Waker::noop());
        let gate = Gate::default();
        gate.admit(Err(Refused::new(Fault::Length, b"")));
        let arrival = gate.arrive();
        arrival.turn.switch();
        drop(arrival);
        assert_eq!(gate.poll_after(&cx, false), Poll::Ready(After::Pipe));
    }
}
