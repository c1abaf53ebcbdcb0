//! Lists of leaked passwords, without the passwords.
//!
//! The lists are made of SHA-1 digests. A [`Builder`] makes a small file of one: [`ListForm`] reads its lines, and what is
//! kept of a digest answers "listed" or "not listed" with [`Filter`]. What is listed is always found; of what is not, one
//! in 65,536 is taken for listed. The file has 2.25 bytes for an entry, a look reads three numbers of it, and neither
//! building nor looking holds it in memory. [`LeakDigest`] also asks the public interface of such a list, which is told
//! five digits only, and finds its own in the answer.
//!
//! The file: magic and version; the shards, each the 16-bit slots of a binary fuse filter over the first 64 bits of the
//! digests that begin with a range of prefixes; the index of the shards with source, date and counts; the length of the
//! index and the SHA-256 of head and index. Numbers are little endian. Source of the filter: Graf and Lemire, "Binary Fuse
//! Filters: Fast and Smaller Than Xor Filters" (2022), for three slots.

mod about;
mod build;
mod digest;
mod filter;
mod format;
mod fuse;
mod line;
mod range;

pub use about::{About, AboutError, SOURCE_BYTES_MAX};
pub use build::{BuildError, Builder, Built, RANGE_ENTRIES_MAX, SHARD_ENTRIES};
pub use digest::LeakDigest;
pub use filter::{Filter, FilterError, ReadAt};
pub use format::SHARDS_MAX;
pub use line::{DigestPrefix, LINE_BYTES_MAX, Line, LineError, ListForm, PrefixError};
pub use range::{RANGE_BYTES_MAX, RangeError};
