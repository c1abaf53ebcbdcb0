//! Making a filter of a list.

use std::io::{self, Write};

use super::about::About;
use super::format::{self, HEAD, Index, SHARDS_MAX, Shard};
use super::fuse;
use super::line::{DigestPrefix, Line};

/// Entries of a shard: when there are as many, the next range begins another one. Building one takes about 60 MB.
pub const SHARD_ENTRIES: usize = 1 << 20;
/// Entries of a range, which are held together. The lists have about 2,000.
pub const RANGE_ENTRIES_MAX: usize = 1 << 20;

/// Makes a filter of lines in order, holding one shard of it in memory at a time.
#[derive(Debug)]
pub struct Builder<W> {
    out: W,
    about: About,
    shard_entries: usize,
    /// The range that lines come of now, and their keys.
    range: DigestPrefix,
    keys: Vec<u64>,
    /// The first range and the keys of the shard that is being collected.
    shard_first: DigestPrefix,
    shard_keys: Vec<u64>,
    shards: Vec<Shard>,
    bytes: u64,
}

/// A finished filter.
#[derive(Debug)]
pub struct Built<W> {
    /// Where it was written to. Not flushed.
    pub out: W,
    /// Different entries in it.
    pub entries: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// Why there is no filter.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A range came back.
    #[error("the range {range} comes after {after}: the list has to be in order")]
    Disorder {
        /// Whose line came.
        range: DigestPrefix,
        /// Whose lines came before.
        after: DigestPrefix,
    },
    /// More of one range than any list has.
    #[error("the range {0} has more than {RANGE_ENTRIES_MAX} entries")]
    Crowded(DigestPrefix),
    /// More shards than a file has.
    #[error("the list is too long for one file")]
    Full,
    /// No line that was seen often enough.
    #[error("no entry was seen that often")]
    Empty,
    /// Bad luck that nobody will ever have.
    #[error("no filter of range {0} and the next ones was found")]
    Unbuildable(DigestPrefix),
    /// The filter cannot be written.
    #[error("the filter cannot be written")]
    Write(#[from] io::Error),
}

impl<W: Write> Builder<W> {
    /// Begins a filter. Everything is written to `out` in order, in large pieces.
    ///
    /// # Errors
    /// When `out` takes nothing.
    pub fn new(out: W, about: About) -> Result<Self, BuildError> {
        Self::of_shards(out, about, SHARD_ENTRIES)
    }

    fn of_shards(mut out: W, about: About, shard_entries: usize) -> Result<Self, BuildError> {
        out.write_all(HEAD)?;
        let zero = DigestPrefix(0);
        Ok(Self {
            out,
            about,
            shard_entries,
            range: zero,
            keys: Vec::new(),
            shard_first: zero,
            shard_keys: Vec::new(),
            shards: Vec::new(),
            bytes: HEAD.len() as u64,
        })
    }

    /// Adds a line, unless it was seen too rarely. Lines of a range come together in any order; ranges come in order.
    ///
    /// # Errors
    /// When the order is broken, or the filter cannot be written. It is of no use then.
    pub fn add(&mut self, line: Line) -> Result<(), BuildError> {
        let range = DigestPrefix::of_key(line.key);
        if range < self.range {
            return Err(BuildError::Disorder { range, after: self.range });
        }
        if range > self.range {
            self.end_range()?;
            self.range = range;
        }
        // A count of zero is padding.
        if line.count >= self.about.min_count().max(1) {
            if self.keys.len() == RANGE_ENTRIES_MAX {
                return Err(BuildError::Crowded(range));
            }
            self.keys.push(line.key);
        }
        Ok(())
    }

    /// Writes what is left. The caller makes it durable.
    ///
    /// # Errors
    /// When there is nothing in it, or it cannot be written.
    pub fn finish(mut self) -> Result<Built<W>, BuildError> {
        self.end_range()?;
        if !self.shard_keys.is_empty() {
            self.end_shard()?;
        }
        if self.shards.is_empty() {
            return Err(BuildError::Empty);
        }
        let entries = self.shards.iter().map(|shard| u64::from(shard.entries)).sum();
        let index = Index { about: self.about, shards: self.shards }.write();
        self.out.write_all(&index)?;
        Ok(Built { out: self.out, entries, bytes: self.bytes + index.len() as u64 })
    }

    fn end_range(&mut self) -> Result<(), BuildError> {
        self.keys.sort_unstable();
        self.keys.dedup();
        if self.shard_keys.is_empty() {
            self.shard_first = self.range;
        }
        self.shard_keys.append(&mut self.keys);
        if self.shard_keys.len() >= self.shard_entries { self.end_shard() } else { Ok(()) }
    }

    fn end_shard(&mut self) -> Result<(), BuildError> {
        if self.shards.len() == SHARDS_MAX {
            return Err(BuildError::Full);
        }
        let fuse = fuse::build(&self.shard_keys).ok_or(BuildError::Unbuildable(self.shard_first))?;
        let (bytes, digest) = format::slots(&fuse.slots);
        self.out.write_all(&bytes)?;
        self.bytes += bytes.len() as u64;
        self.shards.push(Shard {
            first: self.shard_first,
            entries: u32::try_from(self.shard_keys.len()).expect("a shard ends soon after a million entries"),
            seed: fuse.seed,
            shape: fuse.shape,
            digest,
        });
        self.shard_keys.clear();
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::breach::fuse::hash;

    pub(crate) fn about() -> About {
        About::new("a test's list", "2026-11-23", 2).unwrap()
    }

    pub(crate) fn keys(count: u64) -> Vec<u64> {
        let mut keys: Vec<_> = (0..count).map(|number| hash(number, 0x5eed)).collect();
        keys.sort_unstable();
        keys
    }

    /// A filter of `keys` in shards of so many entries and a few more.
    pub(crate) fn built(keys: &[u64], shard_entries: usize) -> Vec<u8> {
        let mut builder = Builder::of_shards(Vec::new(), about(), shard_entries).unwrap();
        keys.iter().for_each(|key| builder.add(Line { key: *key, count: 2 }).unwrap());
        let built = builder.finish().unwrap();
        assert_eq!((built.bytes, built.entries), (built.out.len() as u64, keys.len() as u64));
        built.out
    }

    fn line(prefix: u64, rest: u64, count: u64) -> Line {
        Line { key: prefix << 44 | rest, count }
    }

    fn outcome(lines: &[Line]) -> Result<u64, String> {
        let mut builder = Builder::new(Vec::new(), about()).unwrap();
        for line in lines {
            builder.add(*line).map_err(|error| error.to_string())?;
        }
        builder.finish().map(|built| built.entries).map_err(|error| error.to_string())
    }

    #[test]
    fn doubles_and_what_was_seen_rarely_are_left_out() {
        assert_eq!(
            outcome(&[line(1, 5, 2), line(1, 4, 9), line(1, 5, 3), line(2, 1, 1), line(3, 1, 2)]),
            Ok(3)
        );
        assert_eq!(outcome(&[line(1, 5, 1), line(2, 5, 0)]), Err("no entry was seen that often".to_owned()));
        assert_eq!(outcome(&[]), Err("no entry was seen that often".to_owned()));
    }

    #[test]
    fn ranges_out_of_order_are_refused() {
        let wrong = "the range 00001 comes after 00002: the list has to be in order";
        assert_eq!(outcome(&[line(1, 5, 2), line(2, 5, 2), line(1, 6, 2)]), Err(wrong.to_owned()));
    }

    #[test]
    fn a_crowded_range_is_refused() {
        let mut builder = Builder::new(Vec::new(), about()).unwrap();
        for rest in 0..RANGE_ENTRIES_MAX as u64 {
            builder.add(line(7, rest, 2)).unwrap();
        }
        assert!(matches!(builder.add(line(7, 0, 2)), Err(BuildError::Crowded(DigestPrefix(7)))));
    }

    #[test]
    fn what_cannot_be_written_is_told() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        assert!(matches!(Builder::new(Full, about()), Err(BuildError::Write(_))));
    }
}
