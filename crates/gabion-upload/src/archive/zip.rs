//! ZIP: the central directory, held against the local headers. APPNOTE 6.3.10, section 4.3.
//!
//! Programs disagree about archives whose two directories disagree, so such archives are broken here.

use flate2::Crc;

use super::{Budget, Tally, add_fault};
use crate::cursor::{Cursor, index};
use crate::reason::{Code, Reasons, shown};
use crate::shape::Broken;
use crate::unpack::{self, Fault};

const END_RECORD: &[u8] = b"PK\x05\x06";
const END_RECORD_BYTES: usize = 22;
/// The end record and the longest comment behind it.
const END_WITHIN: usize = END_RECORD_BYTES + 65_535;
const CENTRAL: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";
/// Bytes of a central header before its name: no archive has more entries than its directory has room for.
const CENTRAL_BYTES: usize = 46;
/// In place of a size or an offset that stands in the ZIP64 field.
const ELSEWHERE: u32 = u32::MAX;

/// A ZIP archive whose directory was read.
#[derive(Debug)]
pub(crate) struct Zip<'z> {
    bytes: &'z [u8],
    pub(crate) entries: Vec<Entry<'z>>,
    /// Where the archive ends, its comment included.
    pub(crate) end: usize,
}

/// One entry as the central directory states it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'z> {
    pub(crate) name: &'z [u8],
    pub(crate) is_link: bool,
    flags: u16,
    method: u16,
    checksum: u32,
    packed_bytes: usize,
    pub(crate) unpacked_bytes: usize,
    offset: usize,
}

impl Entry<'_> {
    pub(crate) fn is_folder(&self) -> bool {
        self.name.ends_with(b"/") && self.unpacked_bytes == 0
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.flags & 0x2041 != 0
    }
}

/// Where the last end record of bytes stands whose directory is where it says, in bytes from the beginning.
pub(crate) fn find_end(bytes: &[u8]) -> Option<usize> {
    let from = bytes.len().saturating_sub(END_WITHIN);
    memchr::memmem::rfind_iter(&bytes[from..], END_RECORD).map(|at| from + at).find(|at| {
        let size = Cursor::new(bytes, at + 12).u32_le().map(index);
        let directory = size.and_then(|size| at.checked_sub(size)).map(|start| &bytes[start..]);
        // The directory of an archive without entries is nothing, so such an archive has to be the whole file.
        directory.is_some_and(|directory| directory.starts_with(CENTRAL)) || *at == 0
    })
}

impl<'z> Zip<'z> {
    /// Reads the directory of an archive with at most `entries_max` entries; more are counted and not kept.
    pub(crate) fn read(bytes: &'z [u8], entries_max: usize) -> Result<Self, Broken> {
        const CUT: Broken = Broken("its directory is cut off");
        let at = find_end(bytes).ok_or(Broken("it has no directory"))?;
        let mut cursor = Cursor::new(bytes, at + 4);
        let (disk, first) = cursor.u16_le().zip(cursor.u16_le()).ok_or(CUT)?;
        let (_, count) = cursor.u16_le().zip(cursor.u16_le()).ok_or(CUT)?;
        let (size, start) = cursor.u32_le().zip(cursor.u32_le()).ok_or(CUT)?;
        let comment = cursor.u16_le().ok_or(CUT)?;
        let end = cursor.at() + usize::from(comment);
        if end > bytes.len() {
            return Err(Broken("its comment is cut off"));
        }
        if (disk, first) != (0, 0) || start == ELSEWHERE || count == u16::MAX {
            return Err(Broken("it is one part of several, or larger than can be"));
        }
        if index(start) + index(size) != at {
            return Err(Broken("its directory is not where it says"));
        }
        let mut directory = Cursor::new(&bytes[..at], index(start));
        let mut entries = Vec::new();
        for _ in 0..usize::from(count).min(entries_max.saturating_add(1)) {
            entries.push(central(&mut directory).ok_or(CUT)?);
        }
        if entries.len() == usize::from(count) && !directory.is_at_end() {
            return Err(Broken("its directory has more entries than it says"));
        }
        Ok(Self { bytes, entries, end })
    }

    /// Whether an entry of this name exists.
    pub(crate) fn has(&self, name: &[u8]) -> bool {
        self.entries.iter().any(|entry| entry.name == name)
    }

    /// The beginning of the content of an entry; empty where it cannot be read.
    pub(crate) fn peek(&self, name: &[u8], limit: usize) -> Vec<u8> {
        let packed =
            self.entries.iter().find(|entry| entry.name == name).map(|entry| (entry, self.packed(entry)));
        match packed {
            Some((entry, Ok(packed))) if entry.method == 0 => packed[..packed.len().min(limit)].to_vec(),
            Some((entry, Ok(packed))) if entry.method == 8 => unpack::deflate_up_to(packed, limit),
            _ => Vec::new(),
        }
    }

    /// Notes what is wrong with the archive itself: entries that share bytes, for one. Those are how a small archive
    /// unpacks to petabytes.
    pub(crate) fn check(&self, reasons: &mut Reasons) {
        let mut extents: Vec<(usize, usize)> = self
            .entries
            .iter()
            .map(|entry| (entry.offset, entry.offset.saturating_add(entry.packed_bytes)))
            .collect();
        extents.sort_unstable();
        if extents.windows(2).any(|pair| pair[1].0 < pair[0].1 || pair[1].0 == pair[0].0) {
            reasons.add(Code::Malformed, "entries share their bytes");
        }
        if extents.first().is_some_and(|first| first.0 != 0) {
            reasons.add(Code::Malformed, "its first entry is not at its beginning");
        }
    }

    /// Unpacks one entry, held against what both headers state. `None` when a reason was noted.
    pub(crate) fn unpack(
        &self,
        entry: &Entry<'_>,
        budget: &mut Budget,
        tally: &mut Tally,
        reasons: &mut Reasons,
    ) -> Option<Vec<u8>> {
        let packed = match self.packed(entry) {
            Ok(packed) => packed,
            Err(broken) => {
                reasons.add(Code::Malformed, broken.0);
                return None;
            }
        };
        // What is stated is counted before anything is unpacked.
        if entry.unpacked_bytes > budget.room() {
            add_fault(Fault::TooLarge, budget.limits(), reasons);
            return None;
        }
        if !budget.add_unpacked(entry.unpacked_bytes, tally, reasons) {
            return None;
        }
        let content = match entry.method {
            0 if packed.len() == entry.unpacked_bytes => Ok(packed.to_vec()),
            8 => unpack::deflate(packed, entry.unpacked_bytes),
            0 => Err(Fault::Damaged),
            method => {
                reasons.add(Code::CannotLookInside, format!("packing method {method}"));
                return None;
            }
        };
        match content {
            Ok(content) if content.len() == entry.unpacked_bytes && checksum(&content) == entry.checksum => {
                Some(content)
            }
            Ok(_) | Err(Fault::TooLarge) => {
                reasons.add(Code::Malformed, format!("{} is not what the directory says", shown(entry.name)));
                None
            }
            Err(fault) => {
                add_fault(fault, budget.limits(), reasons);
                None
            }
        }
    }

    fn packed(&self, entry: &Entry<'_>) -> Result<&'z [u8], Broken> {
        const CUT: Broken = Broken("an entry is cut off");
        let mut cursor = Cursor::new(self.bytes, entry.offset);
        if cursor.take(4) != Some(LOCAL) {
            return Err(Broken("an entry is not where the directory says"));
        }
        cursor.skip(2).ok_or(CUT)?;
        let (flags, method) = cursor.u16_le().zip(cursor.u16_le()).ok_or(CUT)?;
        cursor.skip(16).ok_or(CUT)?;
        let (name, extra) = cursor.u16_le().zip(cursor.u16_le()).ok_or(CUT)?;
        let name = cursor.take(name.into()).ok_or(CUT)?;
        cursor.skip(extra.into()).ok_or(CUT)?;
        if name != entry.name || method != entry.method || (flags ^ entry.flags) & 0x2041 != 0 {
            return Err(Broken("the two directories of an entry disagree"));
        }
        cursor.take(entry.packed_bytes).ok_or(CUT)
    }
}

fn central<'z>(cursor: &mut Cursor<'z>) -> Option<Entry<'z>> {
    if cursor.rest().len() < CENTRAL_BYTES || cursor.take(4)? != CENTRAL {
        return None;
    }
    let made_by = cursor.u16_le()? >> 8;
    cursor.skip(2)?;
    let (flags, method) = (cursor.u16_le()?, cursor.u16_le()?);
    cursor.skip(4)?;
    let checksum = cursor.u32_le()?;
    let (packed, unpacked) = (cursor.u32_le()?, cursor.u32_le()?);
    let (name, extra, comment) = (cursor.u16_le()?, cursor.u16_le()?, cursor.u16_le()?);
    cursor.skip(4)?;
    let attributes = cursor.u32_le()?;
    let offset = cursor.u32_le()?;
    let name = cursor.take(name.into())?;
    let extra = cursor.take(extra.into())?;
    cursor.skip(comment.into())?;
    let mut large = Cursor::new(zip64(extra), 0);
    let mut number =
        |stated: u32| if stated == ELSEWHERE { large.u64_le().map(index) } else { Some(index(stated)) };
    // In this order they stand in the field too.
    let (unpacked_bytes, packed_bytes, offset) = (number(unpacked)?, number(packed)?, number(offset)?);
    // Unix keeps the kind of a file in the upper half: 0o120000 is a symbolic link.
    let is_link = made_by == 3 && attributes >> 28 == 0o12;
    Some(Entry { name, is_link, flags, method, checksum, packed_bytes, unpacked_bytes, offset })
}

/// The ZIP64 field among extra fields.
fn zip64(extra: &[u8]) -> &[u8] {
    let mut cursor = Cursor::new(extra, 0);
    while let Some((id, length)) = cursor.u16_le().zip(cursor.u16_le()) {
        match cursor.take(length.into()) {
            Some(field) if id == 1 => return field,
            Some(_) => {}
            None => break,
        }
    }
    &[]
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}
