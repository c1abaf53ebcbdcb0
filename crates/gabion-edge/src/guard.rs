//! The head guard: reads HTTP/1 before anybody else does, so that nobody behind it can read it differently.
//!
//! `io` wraps the connection under hyper. It lets a head through only after `scan` has read all of it, follows the
//! body's framing (`body`, `chunked`) to the first byte of the next head, and keeps each head as it came
//! ([`RawHead`]). A head that is refused never reaches hyper: hyper gets a plain stand-in, and the service finds the
//! [`Fault`] at the `gate`, so that refusals are answered in their turn like everything else. One request has its
//! turn at a time; nothing of the next one is let through before.
//!
//! HTTP/2 has frames of its own and no such gate; `policy` holds the same rules against its requests.

pub(crate) mod body;
mod chunked;
mod fault;
mod field;
mod gate;
mod io;
mod policy;
mod raw_head;
mod scan;
mod target;

pub use fault::Fault;
pub use raw_head::RawHead;

pub(crate) use chunked::Chunked;
pub(crate) use gate::{Arrival, Gate, Turn};
pub(crate) use io::{Guarded, Patience};
pub(crate) use policy::{encoded, http2, is_grpc};
pub(crate) use raw_head::Refused;
pub(crate) use scan::Scan;

/// Bytes of one HTTP/1 head with its empty line; above them 431, because larger heads are attacks or mistakes.
/// RFC 6585 section 5.
pub(crate) const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Fields of one HTTP/1 head; above them 431, for the same reason.
pub(crate) const HEADERS_MAX: usize = 100;
