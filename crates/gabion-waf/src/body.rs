//! Readers of request bodies: what a rule set sees as arguments, files and text.
//!
//! Every reader is linear in the body, bounded by its `Limits`, and never panics. Where ModSecurity 3 and the
//! specifications differ the readers do what ModSecurity does, because rule sets are written against it; each module
//! names the exceptions. A malformed body is never silent: what was read before the fault is delivered, and the fault
//! with it.

#[doc(hidden)]
pub mod fuzz;
pub mod json;
pub mod multipart;
pub mod urlencoded;
pub mod xml;
