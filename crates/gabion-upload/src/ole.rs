//! Compound files: old Word, Excel and PowerPoint, Outlook messages, objects in newer documents. MS-CFB 3.0.

use crate::Kind;
use crate::cursor::{Cursor, index};
use crate::reason::{Code, Reasons};

pub(crate) const MAGIC: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// Sector numbers above this one are marks: free, end of chain.
const SECTOR_MAX: u32 = 0xffff_fffa;
/// Entries of a directory that are read. Documents have dozens, messages hundreds.
const ENTRIES_MAX: usize = 20_000;
const ENTRY_BYTES: usize = 128;

/// Sheets of macros as Excel 4 had them. MS-XLS section 2.4.28.
const BOUND_SHEET: u16 = 0x85;
const FILE_PASS: u16 = 0x2f;
/// What a presentation says of its macros. MS-PPT section 2.4.10.
const VBA_INFO_ATOM: u16 = 0x400;

/// A compound file whose directory was read.
struct Compound<'c> {
    bytes: &'c [u8],
    sector_bytes: usize,
    mini_bytes: usize,
    mini_below: usize,
    table: Vec<u32>,
    mini_table: Vec<u32>,
    entries: Vec<Entry>,
}

struct Entry {
    name: String,
    start: u32,
    bytes: usize,
}

/// Which of the programs wrote a compound file.
pub(crate) fn kind(bytes: &[u8]) -> Kind {
    let Some(file) = Compound::read(bytes) else { return Kind::Ole };
    let has = |name: &str| file.entry(name).is_some();
    if has("WordDocument") {
        Kind::Doc
    } else if has("Workbook") || has("Book") {
        Kind::Xls
    } else if has("PowerPoint Document") {
        Kind::Ppt
    } else if has("__properties_version1.0") {
        Kind::Outlook
    } else {
        Kind::Ole
    }
}

/// Notes macros, packed programs and encryption.
pub(crate) fn check(bytes: &[u8], encrypted_allowed: bool, reasons: &mut Reasons) {
    let Some(file) = Compound::read(bytes) else {
        return reasons.add(Code::Malformed, "its directory cannot be read");
    };
    for entry in &file.entries {
        let is = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(&entry.name));
        if is(&["VBA", "_VBA_PROJECT", "_VBA_PROJECT_CUR", "Macros", "PROJECTwm"]) {
            reasons.add(Code::Macros, "VBA");
        }
        // What the packager of Windows, and controls, are kept in.
        if is(&[
            "\u{1}Ole10Native",
            "\u{1}Ole10ItemName",
            "Package",
            "\u{3}OCXNAME",
            "\u{3}OCXDATA",
            "Equation Native",
        ]) {
            reasons.add(Code::EmbeddedObject, "");
        }
        if is(&["EncryptedPackage", "EncryptionInfo"]) && !encrypted_allowed {
            reasons.add(Code::Encrypted, "");
        }
    }
    for name in ["Workbook", "Book"] {
        if let Some(entry) = file.entry(name) {
            check_workbook(&file.content(entry), encrypted_allowed, reasons);
        }
    }
    if let Some(entry) = file.entry("PowerPoint Document") {
        check_presentation(&file.content(entry), reasons);
    }
}

fn check_workbook(stream: &[u8], encrypted_allowed: bool, reasons: &mut Reasons) {
    let mut cursor = Cursor::new(stream, 0);
    while let Some((id, length)) = cursor.u16_le().zip(cursor.u16_le()) {
        let Some(record) = cursor.take(length.into()) else { return };
        match id {
            BOUND_SHEET if record.get(5) == Some(&1) => reasons.add(Code::Macros, "Excel 4 macro sheet"),
            FILE_PASS if !encrypted_allowed => reasons.add(Code::Encrypted, ""),
            _ => {}
        }
    }
}

fn check_presentation(stream: &[u8], reasons: &mut Reasons) {
    let mut cursor = Cursor::new(stream, 0);
    while let Some((version, kind)) = cursor.u16_le().zip(cursor.u16_le()) {
        let Some(length) = cursor.u32_le() else { return };
        // A container's records follow as if they stood alone.
        if version & 0xf == 0xf {
            continue;
        }
        let Some(record) = cursor.take(index(length)) else { return };
        if kind == VBA_INFO_ATOM && Cursor::new(record, 4).u32_le() == Some(1) {
            reasons.add(Code::Macros, "VBA");
        }
    }
}

impl<'c> Compound<'c> {
    fn read(bytes: &'c [u8]) -> Option<Self> {
        let at = |offset: usize| Cursor::new(bytes, offset);
        let (shift, mini_shift) = (at(30).u16_le()?, at(32).u16_le()?);
        if !matches!(shift, 9 | 12) || mini_shift != 6 {
            return None;
        }
        let mut file = Self {
            bytes,
            sector_bytes: 1 << shift,
            mini_bytes: 1 << mini_shift,
            mini_below: index(at(56).u32_le()?),
            table: Vec::new(),
            mini_table: Vec::new(),
            entries: Vec::new(),
        };
        file.table = file.read_table(at(68).u32_le()?)?;
        file.mini_table = numbers(&file.chain(at(60).u32_le()?)).collect();
        let directory = file.chain(at(48).u32_le()?);
        let entries = directory.chunks_exact(ENTRY_BYTES).take(ENTRIES_MAX);
        file.entries = entries.filter_map(entry).collect();
        (!file.entries.is_empty()).then_some(file)
    }

    /// The table of sectors: listed in the header, and in a chain of sectors where that is too small.
    fn read_table(&self, first_list: u32) -> Option<Vec<u32>> {
        let mut lists = numbers(self.bytes.get(76..512)?).collect::<Vec<_>>();
        let mut next = first_list;
        // More lists than sectors would be a circle.
        for _ in 0..self.sector_count() {
            let Some(list) = self.sector(next) else { break };
            let mut list: Vec<u32> = numbers(list).collect();
            next = list.pop()?;
            lists.extend(list);
        }
        let sectors = lists.into_iter().filter(|sector| *sector < SECTOR_MAX).take(self.sector_count());
        Some(
            sectors
                .filter_map(|sector| self.sector(sector))
                .flat_map(numbers)
                .take(self.sector_count())
                .collect(),
        )
    }

    fn sector_count(&self) -> usize {
        self.bytes.len() / self.sector_bytes
    }

    fn sector(&self, number: u32) -> Option<&'c [u8]> {
        let start = index(number).checked_add(1)?.checked_mul(self.sector_bytes)?;
        let end = start.checked_add(self.sector_bytes)?.min(self.bytes.len());
        self.bytes.get(start..end)
    }

    /// All sectors of a chain. A circle is cut where it has as many sectors as the file.
    fn chain(&self, start: u32) -> Vec<u8> {
        let mut out = Vec::new();
        for number in follow(start, &self.table).take(self.sector_count()) {
            let Some(sector) = self.sector(number) else { break };
            out.extend_from_slice(sector);
        }
        out
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name.eq_ignore_ascii_case(name))
    }

    fn content(&self, entry: &Entry) -> Vec<u8> {
        if entry.bytes >= self.mini_below {
            let mut content = self.chain(entry.start);
            content.truncate(entry.bytes);
            return content;
        }
        // Small streams lie in pieces in the stream of the first entry.
        let small = self.entries.first().map(|root| self.chain(root.start)).unwrap_or_default();
        let pieces = entry.bytes.div_ceil(self.mini_bytes);
        let mut content = Vec::new();
        for number in follow(entry.start, &self.mini_table).take(pieces) {
            let start = index(number).saturating_mul(self.mini_bytes);
            let Some(piece) = small.get(start..start.saturating_add(self.mini_bytes)) else { break };
            content.extend_from_slice(piece);
        }
        content.truncate(entry.bytes);
        content
    }
}

fn follow(start: u32, table: &[u32]) -> impl Iterator<Item = u32> {
    let in_chain = |number: &u32| *number < SECTOR_MAX;
    std::iter::successors(Some(start).filter(in_chain), move |number| {
        table.get(index(*number)).copied().filter(in_chain)
    })
}

fn numbers(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks::<4>().0.iter().map(|number| u32::from_le_bytes(*number))
}

fn entry(bytes: &[u8]) -> Option<Entry> {
    let length = usize::from(Cursor::new(bytes, 64).u16_le()?).checked_sub(2)?;
    let units = bytes.get(..length.min(62))?.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
    let name = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    let mut cursor = Cursor::new(bytes, 116);
    Some(Entry { name, start: cursor.u32_le()?, bytes: index(cursor.u32_le()?) })
}
