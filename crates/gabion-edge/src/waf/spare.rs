//! Memory of finished transactions, for the next ones. Each thread has its own, so that nobody waits.

use std::cell::RefCell;

use gabion_waf::Scratch;

/// Memories one thread keeps. The engine gives a large one back itself.
const KEPT_MAX: usize = 8;

thread_local! {
    static KEPT: RefCell<Vec<Scratch>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn take() -> Option<Scratch> {
    KEPT.with_borrow_mut(Vec::pop)
}

pub(super) fn keep(scratch: Scratch) {
    KEPT.with_borrow_mut(|kept| {
        if kept.len() < KEPT_MAX {
            kept.push(scratch);
        }
    });
}
