//! How far long work is, for whoever sits in front of it. Nothing where nobody does.

use std::io::{IsTerminal, Write};

/// A line on standard error that is written over as the work goes on.
pub(crate) struct Progress {
    what: &'static str,
    total: u64,
    shown: Option<u64>,
    visible: bool,
}

impl Progress {
    /// Of work with so many steps; nothing is shown where nobody knows how many.
    pub(crate) fn new(what: &'static str, total: Option<u64>) -> Self {
        let visible = total.is_some() && std::io::stderr().is_terminal();
        Self { what, total: total.unwrap_or(0).max(1), shown: None, visible }
    }

    /// So many steps are done.
    pub(crate) fn tell(&mut self, done: u64) {
        let percent = done.min(self.total).saturating_mul(100) / self.total;
        if self.visible && self.shown != Some(percent) {
            self.shown = Some(percent);
            self.write(&format!("\r{}: {percent} %", self.what));
        }
    }

    fn write(&self, text: &str) {
        // A terminal that is gone wants to know nothing: the work goes on.
        let mut out = std::io::stderr().lock();
        drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    }
}

impl Drop for Progress {
    /// Takes the line back.
    fn drop(&mut self) {
        if self.shown.is_some() {
            self.write("\r\x1b[K");
        }
    }
}
