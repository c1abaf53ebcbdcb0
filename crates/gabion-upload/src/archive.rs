//! Archives: unpacked in memory, entry by entry, within the limits of the policy.

pub(crate) mod zip;

use std::io::Read;

use crate::content::{Look, Role};
use crate::name;
use crate::policy::ArchiveLimits;
use crate::reason::{Code, Reasons, shown};
use crate::unpack::{self, Fault};

/// What may still be unpacked of one upload.
#[derive(Debug)]
pub(crate) struct Budget {
    limits: ArchiveLimits,
    pub(crate) entries: usize,
    pub(crate) unpacked_bytes: usize,
}

impl Budget {
    pub(crate) fn new(limits: ArchiveLimits) -> Self {
        Self { limits, entries: 0, unpacked_bytes: 0 }
    }

    /// Bytes that the next entry may have.
    pub(crate) fn room(&self) -> usize {
        self.limits.unpacked_bytes_max.saturating_sub(self.unpacked_bytes)
    }

    pub(crate) fn limits(&self) -> &ArchiveLimits {
        &self.limits
    }

    /// Counts entries of one more archive; `false` where there are too many.
    pub(crate) fn add_entries(&mut self, count: usize, reasons: &mut Reasons) -> bool {
        self.entries = self.entries.saturating_add(count);
        let fits = self.entries <= self.limits.entries_max;
        if !fits {
            reasons.add(Code::TooManyEntries, format!("{} are allowed", self.limits.entries_max));
        }
        fits
    }

    /// Counts unpacked bytes against everything and against the packed bytes that they came from.
    pub(crate) fn add_unpacked(&mut self, count: usize, tally: &mut Tally, reasons: &mut Reasons) -> bool {
        self.unpacked_bytes = self.unpacked_bytes.saturating_add(count);
        tally.unpacked_bytes = tally.unpacked_bytes.saturating_add(count);
        let ratio = tally.unpacked_bytes / tally.packed_bytes.max(1);
        if tally.unpacked_bytes > ArchiveLimits::RATIO_FROM && ratio > self.limits.ratio_max {
            reasons.add(Code::RatioTooHigh, format!("{ratio} to 1, {} are allowed", self.limits.ratio_max));
            return false;
        }
        true
    }
}

/// The packed and unpacked bytes of one archive.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) packed_bytes: usize,
    pub(crate) unpacked_bytes: usize,
}

impl Tally {
    pub(crate) fn new(packed: &[u8]) -> Self {
        Self { packed_bytes: packed.len(), unpacked_bytes: 0 }
    }
}

/// Says why something could not be unpacked.
pub(crate) fn add_fault(fault: Fault, limits: &ArchiveLimits, reasons: &mut Reasons) {
    match fault {
        Fault::TooLarge => {
            reasons.add(Code::UnpacksTooLarge, format!("{} bytes are allowed", limits.unpacked_bytes_max));
        }
        Fault::Damaged => reasons.add(Code::Malformed, "it cannot be unpacked"),
    }
}

/// Notes an entry that would be written outside of its folder.
pub(crate) fn check_entry_path(entry: &[u8], reasons: &mut Reasons) {
    if name::leaves_folder(entry) {
        reasons.add(Code::PathInArchive, shown(entry));
    }
}

/// What macOS adds to archives: file attributes and the look of folders.
pub(crate) fn is_left_by_system(entry: &[u8], content: &[u8]) -> bool {
    let attributes = entry.starts_with(b"__MACOSX/") && content.starts_with(b"\0\x05\x16\x07");
    attributes || entry.ends_with(b".DS_Store") && content.starts_with(b"\0\0\0\x01Bud1")
}

/// Notes an entry whose name says that it runs.
pub(crate) fn check_entry_extension(entry: &[u8], reasons: &mut Reasons) {
    let file = entry.rsplit(|byte| matches!(byte, b'/' | b'\\')).next().unwrap_or_default();
    if let Some(extension) = name::running_extension(&String::from_utf8_lossy(file)) {
        reasons.add(Code::ProgramInside, format!(".{extension}"));
    }
}

/// Looks at what a gzip file holds.
pub(crate) fn gzip(look: &mut Look<'_>, bytes: &[u8]) {
    let mut tally = Tally::new(bytes);
    if !look.budget.add_entries(1, &mut look.reasons) {
        return;
    }
    // No more is unpacked than the ratio allows, so that a bomb is known before it is large.
    let limits = *look.budget.limits();
    let by_ratio = bytes.len().saturating_mul(limits.ratio_max).max(ArchiveLimits::RATIO_FROM);
    match unpack::gzip(bytes, look.budget.room().min(by_ratio)) {
        Ok(content) => {
            if look.budget.add_unpacked(content.len(), &mut tally, &mut look.reasons) {
                look.entry(b"content", &content, Role::Entry);
            }
        }
        Err(Fault::TooLarge) if by_ratio < look.budget.room() => {
            look.reasons.add(Code::RatioTooHigh, format!("more than {} to 1", limits.ratio_max));
        }
        Err(fault) => add_fault(fault, &limits, &mut look.reasons),
    }
}

/// Looks at the entries of a tar archive.
pub(crate) fn tar(look: &mut Look<'_>, bytes: &[u8]) {
    let mut archive = tar::Archive::new(bytes);
    let Ok(entries) = archive.entries() else {
        return look.reasons.add(Code::Malformed, "its entries cannot be read");
    };
    let mut tally = Tally::new(bytes);
    for entry in entries {
        let Ok(mut entry) = entry else {
            return look.reasons.add(Code::Malformed, "an entry cannot be read");
        };
        if !look.budget.add_entries(1, &mut look.reasons) || look.reasons.is_full() {
            return;
        }
        let name = entry.path_bytes().into_owned();
        check_entry_path(&name, &mut look.reasons);
        check_entry_extension(&name, &mut look.reasons);
        let kind = entry.header().entry_type();
        if !(kind.is_file() || kind.is_dir() || kind.is_pax_global_extensions()) {
            look.reasons.add(Code::LinkInArchive, shown(&name));
            continue;
        }
        match unpack::read(entry.by_ref(), look.budget.room()) {
            Ok(content) if kind.is_file() => {
                if !look.budget.add_unpacked(content.len(), &mut tally, &mut look.reasons) {
                    return;
                }
                look.entry(&name, &content, Role::Entry);
            }
            Ok(_) => {}
            Err(fault) => return add_fault(fault, look.budget.limits(), &mut look.reasons),
        }
    }
}

/// Whether a tar header stands at the beginning: its checksum is right, whatever its dialect.
pub(crate) fn is_tar(bytes: &[u8]) -> bool {
    let Some(header) = bytes.get(..512) else { return false };
    let stated = String::from_utf8_lossy(&header[148..156]);
    let stated = stated.trim_matches(|character| matches!(character, ' ' | '\0'));
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    let field: u32 = header[148..156].iter().map(|byte| u32::from(*byte)).sum();
    header[0] != 0 && u32::from_str_radix(stated, 8) == Ok(sum - field + 8 * u32::from(b' '))
}
