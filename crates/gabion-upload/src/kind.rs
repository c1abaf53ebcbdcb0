//! What files can be, with the names and media types that fit.

/// What a file is by its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each variant is a file format of that name; `Kind::title` says it in words")]
pub enum Kind {
    Jpeg,
    Png,
    Gif,
    WebP,
    Avif,
    Heic,
    Bmp,
    Tiff,
    Icon,
    Svg,
    Pdf,
    Rtf,
    Docx,
    Xlsx,
    Pptx,
    Odt,
    Ods,
    Odp,
    Epub,
    Doc,
    Xls,
    Ppt,
    Outlook,
    Ole,
    Text,
    Json,
    Xml,
    Html,
    Mp4,
    WebM,
    Mp3,
    Wav,
    Ogg,
    Flac,
    Zip,
    Tar,
    Gzip,
    SevenZip,
    Rar,
    Xz,
    Bzip2,
    Zstd,
    Cabinet,
    JavaArchive,
    Elf,
    WindowsProgram,
    MachO,
    JavaClass,
    WebAssembly,
    Flash,
    Shortcut,
    ShellScript,
    Php,
    ServerPage,
    PostScript,
    MagickScript,
    /// No bytes at all.
    Empty,
    /// None of the above.
    Unknown,
}

/// What is known of a kind.
struct Row {
    kind: Kind,
    code: &'static str,
    title: &'static str,
    extensions: &'static [&'static str],
    media_types: &'static [&'static str],
}

const fn row(
    kind: Kind,
    code: &'static str,
    title: &'static str,
    extensions: &'static [&'static str],
    media_types: &'static [&'static str],
) -> Row {
    Row { kind, code, title, extensions, media_types }
}

/// Extensions and media types are those that browsers, office suites and cameras use, old aliases included. Kinds
/// without any are refused whatever they are called.
const TABLE: &[Row] = &[
    row(
        Kind::Jpeg,
        "jpeg",
        "JPEG picture",
        &["jpg", "jpeg", "jpe", "jfif"],
        &["image/jpeg", "image/jpg", "image/pjpeg"],
    ),
    row(Kind::Png, "png", "PNG picture", &["png", "apng"], &["image/png", "image/x-png", "image/apng"]),
    row(Kind::Gif, "gif", "GIF picture", &["gif"], &["image/gif"]),
    row(Kind::WebP, "webp", "WebP picture", &["webp"], &["image/webp"]),
    row(Kind::Avif, "avif", "AVIF picture", &["avif", "avifs"], &["image/avif"]),
    row(
        Kind::Heic,
        "heic",
        "HEIC picture",
        &["heic", "heif", "heics"],
        &["image/heic", "image/heif", "image/heic-sequence", "image/heif-sequence"],
    ),
    row(
        Kind::Bmp,
        "bmp",
        "BMP picture",
        &["bmp", "dib"],
        &["image/bmp", "image/x-bmp", "image/x-ms-bmp", "image/x-windows-bmp"],
    ),
    row(Kind::Tiff, "tiff", "TIFF picture", &["tif", "tiff", "dng"], &["image/tiff", "image/x-adobe-dng"]),
    row(Kind::Icon, "icon", "Windows icon", &["ico"], &["image/x-icon", "image/vnd.microsoft.icon"]),
    row(Kind::Svg, "svg", "SVG drawing", &["svg"], &["image/svg+xml"]),
    row(Kind::Pdf, "pdf", "PDF document", &["pdf"], &["application/pdf", "application/x-pdf"]),
    row(
        Kind::Rtf,
        "rtf",
        "RTF document",
        &["rtf", "doc"],
        &["application/rtf", "text/rtf", "application/msword"],
    ),
    row(
        Kind::Docx,
        "docx",
        "Word document",
        &["docx", "dotx"],
        &[
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.template",
        ],
    ),
    row(
        Kind::Xlsx,
        "xlsx",
        "Excel workbook",
        &["xlsx", "xltx"],
        &[
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.template",
        ],
    ),
    row(
        Kind::Pptx,
        "pptx",
        "PowerPoint presentation",
        &["pptx", "potx", "ppsx"],
        &[
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            "application/vnd.openxmlformats-officedocument.presentationml.template",
            "application/vnd.openxmlformats-officedocument.presentationml.slideshow",
        ],
    ),
    row(
        Kind::Odt,
        "odt",
        "OpenDocument text",
        &["odt", "ott"],
        &["application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text-template"],
    ),
    row(
        Kind::Ods,
        "ods",
        "OpenDocument spreadsheet",
        &["ods", "ots"],
        &[
            "application/vnd.oasis.opendocument.spreadsheet",
            "application/vnd.oasis.opendocument.spreadsheet-template",
        ],
    ),
    row(
        Kind::Odp,
        "odp",
        "OpenDocument presentation",
        &["odp", "otp", "odg"],
        &[
            "application/vnd.oasis.opendocument.presentation",
            "application/vnd.oasis.opendocument.presentation-template",
            "application/vnd.oasis.opendocument.graphics",
        ],
    ),
    row(Kind::Epub, "epub", "EPUB book", &["epub"], &["application/epub+zip"]),
    row(Kind::Doc, "doc", "old Word document", &["doc", "dot"], &["application/msword"]),
    row(
        Kind::Xls,
        "xls",
        "old Excel workbook",
        &["xls", "xlt"],
        &["application/vnd.ms-excel", "application/msexcel", "application/x-msexcel"],
    ),
    row(
        Kind::Ppt,
        "ppt",
        "old PowerPoint presentation",
        &["ppt", "pot", "pps"],
        &["application/vnd.ms-powerpoint", "application/mspowerpoint"],
    ),
    row(Kind::Outlook, "outlook", "Outlook message", &["msg"], &["application/vnd.ms-outlook"]),
    row(Kind::Ole, "ole", "compound file of unknown use", &[], &[]),
    row(
        Kind::Text,
        "text",
        "plain text",
        &["txt", "csv", "tsv", "md", "log", "text", "asc", "vcf", "ics"],
        &[
            "text/plain",
            "text/csv",
            "application/csv",
            "text/comma-separated-values",
            "text/tab-separated-values",
            "application/vnd.ms-excel",
            "text/markdown",
            "text/x-markdown",
            "text/vcard",
            "text/x-vcard",
            "text/calendar",
        ],
    ),
    row(
        Kind::Json,
        "json",
        "JSON",
        &["json", "geojson", "webmanifest", "txt"],
        &["application/json", "text/json", "application/geo+json", "application/manifest+json", "text/plain"],
    ),
    row(
        Kind::Xml,
        "xml",
        "XML",
        &["xml", "gpx", "kml", "rss"],
        &["application/xml", "text/xml", "text/plain"],
    ),
    row(Kind::Html, "html", "web page", &["html", "htm", "xhtml"], &["text/html", "application/xhtml+xml"]),
    row(
        Kind::Mp4,
        "mp4",
        "MP4 film or sound",
        &["mp4", "m4v", "m4a", "mov", "qt", "3gp"],
        &["video/mp4", "audio/mp4", "audio/x-m4a", "video/quicktime", "video/x-m4v", "video/3gpp"],
    ),
    row(
        Kind::WebM,
        "webm",
        "WebM or Matroska film",
        &["webm", "mkv", "weba", "mka"],
        &["video/webm", "audio/webm", "video/x-matroska", "audio/x-matroska"],
    ),
    row(
        Kind::Mp3,
        "mp3",
        "MP3 sound",
        &["mp3"],
        &["audio/mpeg", "audio/mp3", "audio/mpeg3", "audio/x-mpeg-3"],
    ),
    row(
        Kind::Wav,
        "wav",
        "WAV sound",
        &["wav"],
        &["audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"],
    ),
    row(
        Kind::Ogg,
        "ogg",
        "Ogg sound or film",
        &["ogg", "oga", "ogv", "opus"],
        &["audio/ogg", "video/ogg", "application/ogg", "audio/opus"],
    ),
    row(Kind::Flac, "flac", "FLAC sound", &["flac"], &["audio/flac", "audio/x-flac"]),
    row(
        Kind::Zip,
        "zip",
        "ZIP archive",
        &["zip"],
        &["application/zip", "application/x-zip-compressed", "application/x-zip", "multipart/x-zip"],
    ),
    row(Kind::Tar, "tar", "tar archive", &["tar"], &["application/x-tar", "application/tar"]),
    row(
        Kind::Gzip,
        "gzip",
        "gzip archive",
        &["gz", "tgz"],
        &["application/gzip", "application/x-gzip", "application/x-compressed-tar", "application/x-tgz"],
    ),
    row(Kind::SevenZip, "7z", "7z archive", &["7z"], &["application/x-7z-compressed"]),
    row(
        Kind::Rar,
        "rar",
        "RAR archive",
        &["rar"],
        &["application/vnd.rar", "application/x-rar-compressed", "application/x-rar"],
    ),
    row(Kind::Xz, "xz", "xz archive", &["xz", "txz"], &["application/x-xz"]),
    row(
        Kind::Bzip2,
        "bzip2",
        "bzip2 archive",
        &["bz2", "tbz2"],
        &["application/x-bzip2", "application/x-bzip"],
    ),
    row(Kind::Zstd, "zstd", "Zstandard archive", &["zst"], &["application/zstd"]),
    row(Kind::Cabinet, "cabinet", "Windows cabinet", &[], &[]),
    row(Kind::JavaArchive, "java-archive", "Java or Android package", &[], &[]),
    row(Kind::Elf, "elf", "Linux program", &[], &[]),
    row(Kind::WindowsProgram, "windows-program", "Windows program", &[], &[]),
    row(Kind::MachO, "mach-o", "macOS program", &[], &[]),
    row(Kind::JavaClass, "java-class", "Java program", &[], &[]),
    row(Kind::WebAssembly, "wasm", "WebAssembly program", &[], &[]),
    row(Kind::Flash, "flash", "Flash program", &[], &[]),
    row(Kind::Shortcut, "shortcut", "Windows shortcut", &[], &[]),
    row(Kind::ShellScript, "script", "script with an interpreter line", &[], &[]),
    row(Kind::Php, "php", "PHP code", &[], &[]),
    row(Kind::ServerPage, "server-page", "ASP or JSP code", &[], &[]),
    row(Kind::PostScript, "postscript", "PostScript program", &[], &[]),
    row(Kind::MagickScript, "magick-script", "drawing commands for ImageMagick", &[], &[]),
    row(Kind::Empty, "empty", "empty file", &[], &[]),
    row(Kind::Unknown, "unknown", "file of an unknown kind", &[], &[]),
];

/// Declared by senders who do not know what they send: browsers without a name for it, programs that never say.
const SAYS_NOTHING: &[&str] = &["", "application/octet-stream", "binary/octet-stream"];

impl Kind {
    /// Every kind.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.kind)
    }

    /// A short name for machines and settings, such as `jpeg`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.row().code
    }

    /// A name for people, such as "JPEG picture".
    #[must_use]
    pub fn title(self) -> &'static str {
        self.row().title
    }

    /// The kind with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.code == code).map(|row| row.kind)
    }

    /// File name extensions that fit, in lower case, without the dot.
    #[must_use]
    pub fn extensions(self) -> &'static [&'static str] {
        self.row().extensions
    }

    /// Media types that fit, in lower case, without parameters.
    #[must_use]
    pub fn media_types(self) -> &'static [&'static str] {
        self.row().media_types
    }

    pub(crate) fn fits_extension(self, extension: &str) -> bool {
        self.extensions().iter().any(|fits| fits.eq_ignore_ascii_case(extension))
    }

    /// Whether a declared media type, with or without parameters, is one of this kind or says nothing.
    pub(crate) fn fits_media_type(self, declared: &str) -> bool {
        let essence = declared.split(';').next().unwrap_or_default().trim();
        let says = |list: &[&str]| list.iter().any(|fits| fits.eq_ignore_ascii_case(essence));
        says(SAYS_NOTHING) || says(self.media_types())
    }

    /// Kinds that are made of characters.
    pub(crate) fn is_written(self) -> bool {
        matches!(
            self,
            Self::Text
                | Self::Json
                | Self::Xml
                | Self::Html
                | Self::Svg
                | Self::Rtf
                | Self::Php
                | Self::ServerPage
                | Self::ShellScript
                | Self::MagickScript
        )
    }

    /// Still pictures whose pixels are all there is to them.
    pub(crate) fn is_picture(self) -> bool {
        matches!(
            self,
            Self::Jpeg
                | Self::Png
                | Self::Gif
                | Self::WebP
                | Self::Avif
                | Self::Heic
                | Self::Bmp
                | Self::Tiff
                | Self::Icon
        )
    }

    pub(crate) fn is_media(self) -> bool {
        self.is_picture()
            || matches!(self, Self::Mp4 | Self::WebM | Self::Mp3 | Self::Wav | Self::Ogg | Self::Flac)
    }

    /// Programs, scripts and what starts them: refused inside every archive and document.
    pub(crate) fn is_program(self) -> bool {
        matches!(
            self,
            Self::JavaArchive
                | Self::Elf
                | Self::WindowsProgram
                | Self::MachO
                | Self::JavaClass
                | Self::WebAssembly
                | Self::Flash
                | Self::Shortcut
                | Self::ShellScript
                | Self::Php
                | Self::ServerPage
                | Self::PostScript
                | Self::MagickScript
        )
    }

    /// Archives whose content this crate cannot unpack.
    pub(crate) fn is_closed(self) -> bool {
        matches!(self, Self::SevenZip | Self::Rar | Self::Xz | Self::Bzip2 | Self::Zstd | Self::Cabinet)
    }

    fn row(self) -> &'static Row {
        TABLE.iter().find(|row| row.kind == self).expect("every kind has a row")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_row_and_its_own_code() {
        for kind in Kind::all() {
            assert_eq!(Kind::from_code(kind.code()), Some(kind));
        }
        // `Unknown` is the last variant, so its number counts the others.
        assert_eq!(TABLE.len(), Kind::Unknown as usize + 1);
    }

    #[test]
    fn declared_types_fit_with_parameters_and_in_any_case() {
        assert!(Kind::Text.fits_media_type("Text/CSV; charset=utf-8"));
        assert!(Kind::Jpeg.fits_media_type("application/octet-stream"));
        assert!(!Kind::Jpeg.fits_media_type("image/png"));
        assert!(!Kind::Php.fits_media_type("text/plain"));
    }
}
