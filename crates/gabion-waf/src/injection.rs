//! Detection of SQL injection and cross-site scripting, equal to libinjection's.
//!
//! The verdicts are those of libinjection 3.9.2 as ModSecurity 3.0.9 has it, which rule sets are written against; the
//! code is Gabion's own. Both detectors are linear in their input, allocate nothing, and never panic.

#[doc(hidden)]
pub mod fuzz;
mod sqli;
mod xss;

pub use sqli::{Fingerprint, sqli};
pub use xss::xss;
