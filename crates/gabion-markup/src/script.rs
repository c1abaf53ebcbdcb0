//! Scripts as people read them: laid out, compared with what they were, what is risky marked.
//!
//! Nothing here runs or understands a script; it reads words. Whoever wants to hide from it can, so what it says is a
//! reason to look, and what it does not say is no promise. That a script has changed at all is known from its hash.

mod compare;
mod layout;
mod risk;
mod skeleton;
mod token;

use serde::Serialize;

pub use compare::{CHANGES_MAX, Change, Comparison, Side, compare};
pub use layout::{Layout, Line, lay_out};
pub use risk::{RISKS_MAX, Risk, RiskKind, new_risks, risks};
pub use skeleton::{SKELETON_BYTES_MAX, skeleton};

/// Bytes of a script that are looked at. Above it only the beginning counts, and that is told.
pub const SCRIPT_BYTES_MAX: usize = 1024 * 1024;

/// The part of a script that is looked at, and whether it is less than all of it.
fn bounded(text: &str) -> (&str, bool) {
    let mut end = text.len().min(SCRIPT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    (&text[..end], end < text.len())
}

/// Where in a script something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Bytes before it in the script as served.
    pub offset: usize,
    /// Its line in the script as laid out, from 1.
    pub line: usize,
}
