//! The index of a filter's file.

use gabion_crypto::digest::{SHA256_BYTES, Sha256, sha256};

use super::about::About;
use super::fuse::{SEGMENT_BITS_MAX, SEGMENTS_MAX, Shape};
use super::line::DigestPrefix;

/// What every file begins with, and its version behind it.
pub(super) const HEAD: &[u8; 10] = b"GABIONPW\x01\x00";
/// Bytes of what every file ends with: the length of the index, and the digest of head and index.
pub(super) const FOOT_BYTES: usize = 4 + SHA256_BYTES;
/// Shards of a file at most: 17 billion entries.
pub const SHARDS_MAX: usize = 16_384;
/// Bytes of the longest index.
pub(super) const INDEX_BYTES_MAX: usize = 1024 + SHARDS_MAX * SHARD_BYTES;
/// Bytes of a shard in the index.
const SHARD_BYTES: usize = 4 + 4 + 8 + 1 + 4 + SHA256_BYTES;
/// Ranges of digests.
const PREFIXES: u32 = 1 << 20;

/// A part of the file: all digests from a prefix up to the next shard's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shard {
    pub(super) first: DigestPrefix,
    pub(super) entries: u32,
    pub(super) seed: u64,
    pub(super) shape: Shape,
    /// SHA-256 of its slots as they stand in the file.
    pub(super) digest: [u8; SHA256_BYTES],
}

impl Shard {
    /// Bytes of its slots.
    pub(super) fn bytes(&self) -> u64 {
        2 * self.shape.slots()
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.first.0.to_le_bytes());
        out.extend_from_slice(&self.entries.to_le_bytes());
        out.extend_from_slice(&self.seed.to_le_bytes());
        out.push(self.shape.segment_bits);
        out.extend_from_slice(&self.shape.segments.to_le_bytes());
        out.extend_from_slice(&self.digest);
    }

    fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        let first = DigestPrefix(u32::from_le_bytes(cursor.array()?));
        let entries = u32::from_le_bytes(cursor.array()?);
        let seed = u64::from_le_bytes(cursor.array()?);
        let [segment_bits] = cursor.array()?;
        let shape = Shape { segment_bits, segments: u32::from_le_bytes(cursor.array()?) };
        let sound = first.0 < PREFIXES
            && segment_bits <= SEGMENT_BITS_MAX
            && (1..=SEGMENTS_MAX).contains(&shape.segments)
            && entries > 0
            && u64::from(entries) <= shape.slots();
        let digest = cursor.array()?;
        sound.then_some(Self { first, entries, seed, shape, digest })
    }
}

/// What stands behind the shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) about: About,
    pub(super) shards: Vec<Shard>,
}

impl Index {
    /// The index and what ends the file.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.about.write(&mut out);
        out.extend_from_slice(&u32::try_from(self.shards.len()).expect("shards are counted").to_le_bytes());
        self.shards.iter().for_each(|shard| shard.write(&mut out));
        let bytes = u32::try_from(out.len()).expect("an index is small").to_le_bytes();
        let digest = digest(&out);
        out.extend_from_slice(&bytes);
        out.extend_from_slice(&digest);
        out
    }

    /// Reads an index that has this digest. Nothing where it is changed, or says what cannot be.
    pub(super) fn read(bytes: &[u8], expected: [u8; SHA256_BYTES]) -> Option<Self> {
        if digest(bytes) != expected {
            return None;
        }
        let mut cursor = Cursor(bytes);
        let about = About::read(&mut cursor)?;
        let count = u32::from_le_bytes(cursor.array()?);
        let count = usize::try_from(count).ok().filter(|count| (1..=SHARDS_MAX).contains(count))?;
        let shards: Option<Vec<_>> = (0..count).map(|_| Shard::read(&mut cursor)).collect();
        let shards = shards.filter(|shards| shards.is_sorted_by(|a, b| a.first < b.first))?;
        cursor.0.is_empty().then_some(Self { about, shards })
    }
}

fn digest(index: &[u8]) -> [u8; SHA256_BYTES] {
    let mut digest = Sha256::new();
    digest.update(HEAD);
    digest.update(index);
    digest.finish()
}

/// The digest of a shard's slots, and the slots as they stand in the file.
pub(super) fn slots(slots: &[u16]) -> (Vec<u8>, [u8; SHA256_BYTES]) {
    let bytes: Vec<u8> = slots.iter().flat_map(|slot| slot.to_le_bytes()).collect();
    let digest = sha256(&bytes);
    (bytes, digest)
}

/// What is left to read.
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn slice(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.slice(N)?.try_into().ok()
    }
}
