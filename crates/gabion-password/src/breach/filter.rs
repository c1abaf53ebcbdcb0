//! Looking into a filter.

use std::io;

use gabion_crypto::digest::{SHA256_BYTES, Sha256};

use super::about::About;
use super::digest::LeakDigest;
use super::format::{FOOT_BYTES, HEAD, INDEX_BYTES_MAX, Index, Shard};
use super::fuse;
use super::line::DigestPrefix;
use crate::policy::Exposure;

/// Bytes that are read at a time while a filter is verified.
const BLOCK_BYTES: usize = 64 * 1024;

/// A file, as the caller reads it. Several threads may read at once.
pub trait ReadAt {
    /// Bytes of the file. They do not change.
    fn bytes(&self) -> u64;

    /// Fills `out` with what stands at `offset`.
    ///
    /// # Errors
    /// When it cannot be read, or the file ends before.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
}

impl ReadAt for Vec<u8> {
    fn bytes(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(offset).ok().and_then(|from| self.get(from..)?.get(..out.len()));
        out.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// A filter of leaked passwords.
#[derive(Debug)]
pub struct Filter<R> {
    file: R,
    about: About,
    shards: Vec<Placed>,
}

/// A shard and where its slots begin.
#[derive(Debug)]
struct Placed {
    offset: u64,
    shard: Shard,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// Another kind of file, or of another version of Gabion.
    #[error("this is no filter of leaked passwords that this version reads")]
    Foreign,
    /// The index or a shard is not what it was.
    #[error("the filter is damaged; build it again")]
    Damaged,
    /// The file cannot be read.
    #[error("the filter cannot be read")]
    Read(#[from] io::Error),
}

impl<R: ReadAt> Filter<R> {
    /// Opens a filter: reads its index and checks that it is whole and fits the file. Takes 900 KiB of memory at most.
    /// The shards are checked by [`verify`](Self::verify).
    ///
    /// # Errors
    /// When the file is no filter, is damaged, or cannot be read.
    pub fn open(file: R) -> Result<Self, FilterError> {
        let bytes = file.bytes();
        let least = HEAD.len() + FOOT_BYTES;
        let room = bytes.checked_sub(least as u64).ok_or(FilterError::Foreign)?;
        let mut head = [0; HEAD.len()];
        file.read_at(0, &mut head)?;
        if head != *HEAD {
            return Err(FilterError::Foreign);
        }
        let mut foot = [0; FOOT_BYTES];
        file.read_at(bytes - FOOT_BYTES as u64, &mut foot)?;
        let (length, digest) = foot.split_first_chunk::<4>().expect("the foot is longer");
        let length = u32::from_le_bytes(*length);
        let shards_bytes = room.checked_sub(length.into()).ok_or(FilterError::Damaged)?;
        let length = usize::try_from(length).ok().filter(|length| *length <= INDEX_BYTES_MAX);
        let mut index = vec![0; length.ok_or(FilterError::Damaged)?];
        file.read_at(HEAD.len() as u64 + shards_bytes, &mut index)?;
        let digest: [u8; SHA256_BYTES] = digest.try_into().expect("the foot has a digest");
        let Index { about, shards } = Index::read(&index, digest).ok_or(FilterError::Damaged)?;
        let shards = placed(shards);
        let end = shards.last().map_or(0, |last| last.offset + last.shard.bytes());
        if end != HEAD.len() as u64 + shards_bytes {
            return Err(FilterError::Damaged);
        }
        Ok(Self { file, about, shards })
    }

    /// What it was made of.
    pub const fn about(&self) -> &About {
        &self.about
    }

    /// Entries in it.
    pub fn entries(&self) -> u64 {
        self.shards.iter().map(|placed| u64::from(placed.shard.entries)).sum()
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.file.bytes()
    }

    /// Whether a password is listed, by three reads of two bytes. What is listed is always found; of others, one in 65,536
    /// is taken for listed.
    ///
    /// # Errors
    /// When the file cannot be read: then nothing is known.
    pub fn look_up(&self, password: &LeakDigest) -> io::Result<Exposure> {
        let listed = self.has(password.key())?;
        Ok(if listed { Exposure::Listed } else { Exposure::NotListed })
    }

    fn has(&self, key: u64) -> io::Result<bool> {
        let range = DigestPrefix::of_key(key);
        let after = self.shards.partition_point(|placed| placed.shard.first <= range);
        let Some(Placed { offset, shard }) = after.checked_sub(1).map(|at| &self.shards[at]) else {
            return Ok(false);
        };
        let hash = fuse::hash(key, shard.seed);
        let mut rest = fuse::mark(hash);
        for place in shard.shape.places(hash) {
            let mut slot = [0; 2];
            self.file.read_at(offset + 2 * place, &mut slot)?;
            rest ^= u16::from_le_bytes(slot);
        }
        Ok(rest == 0)
    }

    /// Reads the whole file and checks every shard. `progress` hears how many bytes were read so far.
    ///
    /// # Errors
    /// When a shard is damaged or cannot be read.
    pub fn verify(&self, mut progress: impl FnMut(u64)) -> Result<(), FilterError> {
        let mut block = vec![0; BLOCK_BYTES];
        for Placed { offset, shard } in &self.shards {
            let (mut digest, mut at, end) = (Sha256::new(), *offset, offset + shard.bytes());
            while at < end {
                let bytes = usize::try_from(end - at).unwrap_or(BLOCK_BYTES).min(BLOCK_BYTES);
                self.file.read_at(at, &mut block[..bytes])?;
                digest.update(&block[..bytes]);
                at += bytes as u64;
            }
            if digest.finish() != shard.digest {
                return Err(FilterError::Damaged);
            }
            progress(end);
        }
        Ok(())
    }
}

/// The shards one behind the other. None is longer than 2^36 bytes and there are at most 2^14, so that nothing overflows.
fn placed(shards: Vec<Shard>) -> Vec<Placed> {
    let mut offset = HEAD.len() as u64;
    let place = |shard: Shard| {
        let placed = Placed { offset, shard };
        offset += placed.shard.bytes();
        placed
    };
    shards.into_iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::breach::build::tests::{about, built, keys};
    use crate::breach::fuse::hash;

    #[test]
    fn everything_listed_is_found_in_every_shard() {
        let keys = keys(20_000);
        let filter = Filter::open(built(&keys, 3_000)).unwrap();
        assert_eq!((filter.shards.len(), filter.entries()), (7, 20_000));
        assert_eq!(filter.about(), &about());
        assert!(keys.iter().all(|key| filter.has(*key).unwrap()));
        let mut read = 0;
        filter.verify(|bytes| read = bytes).unwrap();
        assert!(read > 40_000 && read < filter.bytes());
    }

    #[test]
    fn an_entry_takes_two_and_a_quarter_bytes_and_one_stranger_in_65536_is_taken_for_listed() {
        const PROBES: u64 = 4_000_000;
        let keys = keys(1 << 20);
        let file = built(&keys, 1 << 20);
        let bytes = file.len() as f64 / keys.len() as f64;
        assert!((2.25..2.26).contains(&bytes), "{bytes} bytes an entry");
        let filter = Filter::open(file).unwrap();
        let wrong = (0..PROBES).filter(|number| filter.has(hash(*number, 1 << 40)).unwrap()).count();
        // 61 are expected, and there are 58; four standard deviations are 31.
        assert!((30..=92).contains(&wrong), "{wrong}");
    }

    #[test]
    fn passwords_are_looked_up_by_their_digest() {
        let digest = |text: &str| LeakDigest::of(&gabion_core::Secret::new(text.to_owned()));
        let mut keys: Vec<_> = ["password", "letmein"].iter().map(|text| digest(text).key()).collect();
        keys.sort_unstable();
        let filter = Filter::open(built(&keys, 10)).unwrap();
        assert_eq!(filter.look_up(&digest("letmein")).unwrap(), Exposure::Listed);
        assert_eq!(filter.look_up(&digest("kettle harbor mirror")).unwrap(), Exposure::NotListed);
    }

    #[test]
    fn ranges_before_the_first_shard_are_not_listed() {
        let filter = Filter::open(built(&[0x8000 << 44], 10)).unwrap();
        assert!(filter.has(0x8000 << 44).unwrap());
        assert!(!filter.has(0x7fff << 44).unwrap());
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let file = built(&keys(300), 100);
        for at in 0..file.len() {
            let mut changed = file.clone();
            changed[at] ^= 0x40;
            let noticed = Filter::open(changed).and_then(|filter| filter.verify(|_| ()));
            assert!(matches!(noticed, Err(FilterError::Foreign | FilterError::Damaged)), "byte {at}");
        }
    }

    #[test]
    fn a_file_that_is_cut_or_grown_is_refused() {
        let file = built(&keys(300), 100);
        for end in 0..file.len() {
            assert!(Filter::open(file[..end].to_vec()).is_err(), "{end}");
        }
        assert!(Filter::open([&file[..], b"\0"].concat()).is_err());
    }

    #[test]
    fn an_index_that_lies_is_refused_even_with_the_right_digest() {
        let file = built(&keys(300), 100);
        let sound = Filter::open(file.clone()).unwrap();
        let shards: Vec<_> = sound.shards.iter().map(|placed| placed.shard.clone()).collect();
        let slots =
            usize::try_from(sound.shards.iter().map(|placed| placed.shard.bytes()).sum::<u64>()).unwrap();
        let open = |change: fn(&mut Vec<Shard>)| {
            let mut shards = shards.clone();
            change(&mut shards);
            let index = Index { about: about(), shards }.write();
            Filter::open([&file[..HEAD.len() + slots], &index].concat())
        };
        open(|_| ()).unwrap();
        let lies: [fn(&mut Vec<Shard>); 8] = [
            |shards| shards.clear(),
            |shards| shards.swap(0, 1),
            |shards| shards[0].entries = 0,
            |shards| shards[0].entries = u32::MAX,
            |shards| shards[0].shape.segment_bits = 64,
            |shards| shards[0].shape.segments = 0,
            |shards| shards[0].shape.segments += 1,
            |shards| shards[2].first.0 = u32::MAX,
        ];
        for (number, lie) in lies.into_iter().enumerate() {
            assert!(matches!(open(lie), Err(FilterError::Damaged)), "lie {number}");
        }
    }
}
