//! What may pass.

use std::collections::BTreeSet;

use crate::Kind;

/// What a route lets through. Made from a preset; every field may be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Kinds that may pass. Inside archives the same kinds, and only those.
    pub kinds: BTreeSet<Kind>,
    /// Bytes of one file. A larger one is refused without a look inside.
    pub bytes_max: usize,
    /// Pixels of one frame, width times height: what a program that decodes the picture has to hold.
    pub pixels_max: u64,
    /// Frames of a moving picture. All frames together may have ten times `pixels_max`.
    pub frames_max: u32,
    /// Whether a name without an extension is refused. A file without any name is not.
    pub extension_required: bool,
    /// Whether documents and archives that only a password opens may pass. Nobody looks inside those.
    pub encrypted_allowed: bool,
    /// Whether PDF documents may carry attached files, as electronic invoices do. The attachments are not looked at
    /// beyond the rules.
    pub pdf_attachments_allowed: bool,
    /// Limits of what is unpacked.
    pub archive: ArchiveLimits,
}

/// How far archives, and documents that are archives, are unpacked. Beyond each the file is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// Archives inside one another; a plain archive is 1. Office documents count as archives.
    pub depth_max: usize,
    /// Entries of the file and of all archives in it.
    pub entries_max: usize,
    /// Bytes of all entries together, unpacked.
    pub unpacked_bytes_max: usize,
    /// Unpacked bytes for each packed byte of one archive, once it unpacks to more than [`ArchiveLimits::RATIO_FROM`].
    pub ratio_max: usize,
}

impl ArchiveLimits {
    /// Bytes up to which the ratio is nobody's concern: a sheet of blank cells packs well.
    pub const RATIO_FROM: usize = 4 * 1024 * 1024;
}

impl Default for ArchiveLimits {
    /// Depth 3 (a workbook inside a document inside an archive), 5,000 entries, 128 MiB, 1 to 200.
    fn default() -> Self {
        Self { depth_max: 3, entries_max: 5_000, unpacked_bytes_max: 128 * 1024 * 1024, ratio_max: 200 }
    }
}

const PICTURES: &[Kind] =
    &[Kind::Jpeg, Kind::Png, Kind::Gif, Kind::WebP, Kind::Avif, Kind::Heic, Kind::Bmp, Kind::Tiff];
const DOCUMENTS: &[Kind] = &[
    Kind::Pdf,
    Kind::Rtf,
    Kind::Docx,
    Kind::Xlsx,
    Kind::Pptx,
    Kind::Odt,
    Kind::Ods,
    Kind::Odp,
    Kind::Doc,
    Kind::Xls,
    Kind::Ppt,
    Kind::Text,
];
/// Harmless once looked at: drawings without scripts, films, data, archives of such files.
const MORE: &[Kind] = &[
    Kind::Svg,
    Kind::Icon,
    Kind::Epub,
    Kind::Json,
    Kind::Xml,
    Kind::Mp4,
    Kind::WebM,
    Kind::Mp3,
    Kind::Wav,
    Kind::Ogg,
    Kind::Flac,
    Kind::Zip,
    Kind::Tar,
    Kind::Gzip,
];

impl Policy {
    /// Pictures made of pixels, 20 MiB at most. No SVG: it is a document that runs in the browser.
    #[must_use]
    pub fn pictures() -> Self {
        Self::of(PICTURES, 20 * 1024 * 1024)
    }

    /// Documents and plain text, 50 MiB at most.
    #[must_use]
    pub fn documents() -> Self {
        Self::of(DOCUMENTS, 50 * 1024 * 1024)
    }

    /// Pictures, documents, drawings, sound, films, data, and archives of these, 100 MiB at most.
    #[must_use]
    pub fn any_harmless() -> Self {
        Self::of(&[PICTURES, DOCUMENTS, MORE].concat(), 100 * 1024 * 1024)
    }

    /// The preset with this name: `pictures`, `documents` or `any-harmless`.
    #[must_use]
    pub fn preset(name: &str) -> Option<Self> {
        match name {
            "pictures" => Some(Self::pictures()),
            "documents" => Some(Self::documents()),
            "any-harmless" => Some(Self::any_harmless()),
            _ => None,
        }
    }

    fn of(kinds: &[Kind], bytes_max: usize) -> Self {
        Self {
            kinds: kinds.iter().copied().collect(),
            bytes_max,
            // The largest sensors of phones have 200 megapixels, but save 50; decoded, 100 are 400 MB.
            pixels_max: 100_000_000,
            frames_max: 1_000,
            extension_required: true,
            encrypted_allowed: false,
            pdf_attachments_allowed: false,
            archive: ArchiveLimits::default(),
        }
    }
}
