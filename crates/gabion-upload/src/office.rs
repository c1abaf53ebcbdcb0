//! Documents that are ZIP archives: Office Open XML, OpenDocument, EPUB.

use crate::Kind;
use crate::archive::zip::Zip;
use crate::cursor::starts_with_nocase;
use crate::markup::{Attributes, Markup, Token, resolved};
use crate::reason::{Code, Reasons};
use crate::svg::find_nocase;
use crate::text::text;

const CONTENT_TYPES: &[u8] = b"[Content_Types].xml";
/// Bytes of the list of content types that are read to know the kind. It has one line for each part.
const CONTENT_TYPES_BYTES_MAX: usize = 256 * 1024;
/// Entries looked through to know the kind.
const ENTRIES_MAX: usize = 10_000;

/// What a ZIP archive really is.
pub(crate) fn kind_of_zip(bytes: &[u8]) -> Kind {
    let Ok(zip) = Zip::read(bytes, ENTRIES_MAX) else { return Kind::Zip };
    if zip.has(CONTENT_TYPES) {
        let types = zip.peek(CONTENT_TYPES, CONTENT_TYPES_BYTES_MAX);
        return kind_of_types(&types);
    }
    match &zip.peek(b"mimetype", 100)[..] {
        b"application/epub+zip" => return Kind::Epub,
        mime => {
            if let Some(document) = mime.strip_prefix(b"application/vnd.oasis.opendocument.") {
                return kind_of_open_document(document);
            }
        }
    }
    let java = zip.has(b"META-INF/MANIFEST.MF") || zip.has(b"AndroidManifest.xml") || zip.has(b"classes.dex");
    let class = zip.entries.iter().any(|entry| entry.name.ends_with(b".class"));
    if java || class { Kind::JavaArchive } else { Kind::Zip }
}

fn kind_of_types(types: &[u8]) -> Kind {
    let main = |document: &str| memchr::memmem::find(types, document.as_bytes()).is_some();
    // The content type of a main part names the program: `...wordprocessingml.document.main+xml`, and with macros
    // `application/vnd.ms-word.document.macroEnabled.main+xml`.
    if main("wordprocessingml.document.main+xml")
        || main("wordprocessingml.template.main+xml")
        || main("ms-word.document.macroEnabled.main")
    {
        Kind::Docx
    } else if main("spreadsheetml.sheet.main+xml")
        || main("spreadsheetml.template.main+xml")
        || main("ms-excel.sheet.macroEnabled.main")
    {
        Kind::Xlsx
    } else if main("presentationml.") || main("ms-powerpoint.") {
        Kind::Pptx
    } else {
        Kind::Zip
    }
}

fn kind_of_open_document(document: &[u8]) -> Kind {
    if document.starts_with(b"spreadsheet") {
        Kind::Ods
    } else if document.starts_with(b"presentation") || document.starts_with(b"graphics") {
        Kind::Odp
    } else if document.starts_with(b"text") {
        Kind::Odt
    } else {
        Kind::Zip
    }
}

/// Whether entries of such an archive are parts of one document.
pub(crate) fn is_document(kind: Kind) -> bool {
    matches!(kind, Kind::Docx | Kind::Xlsx | Kind::Pptx | Kind::Odt | Kind::Ods | Kind::Odp | Kind::Epub)
}

/// Notes what the name of a part says.
pub(crate) fn check_part_name(name: &[u8], reasons: &mut Reasons) {
    let file = name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let inside = |folder: &[u8]| find_nocase(name, folder).is_some();
    if [&b"vbaProject.bin"[..], b"vbaData.xml", b"vbaProjectSignature.bin"]
        .iter()
        .any(|vba| file.eq_ignore_ascii_case(vba))
    {
        reasons.add(Code::Macros, "VBA");
    }
    if inside(b"macrosheets/") {
        reasons.add(Code::Macros, "Excel 4 macro sheet");
    }
    // OpenDocument keeps one file for each module, and lists of them that may be empty.
    let list = file.eq_ignore_ascii_case(b"script-lc.xml") || file.eq_ignore_ascii_case(b"script-lb.xml");
    let basic = starts_with_nocase(name, b"Basic/") && !list;
    if (basic || starts_with_nocase(name, b"Scripts/")) && !file.is_empty() {
        reasons.add(Code::Macros, "OpenDocument");
    }
    if inside(b"/activeX/") {
        reasons.add(Code::EmbeddedObject, "a control");
    }
}

/// Relations that load what they point to when the document is opened, and not when somebody clicks.
const LOADED: &[&[u8]] = &[b"/attachedTemplate", b"/oleObject", b"/frame", b"/subDocument", b"/package"];
/// Addresses that start a program.
const STARTS: &[&[u8]] =
    &[b"mhtml:", b"javascript:", b"vbscript:", b"ms-msdt:", b"ms-officecmd:", b"search-ms:"];

/// Whether this is the list of an OpenDocument file and says that its parts are encrypted.
pub(crate) fn is_locked(name: &[u8], content: &[u8]) -> bool {
    name == b"META-INF/manifest.xml" && memchr::memmem::find(content, b"encryption-data").is_some()
}

/// Notes what the XML of a part says.
pub(crate) fn check_part(name: &[u8], content: &[u8], reasons: &mut Reasons) {
    let contains = |word: &[u8]| memchr::memmem::find(content, word).is_some();
    if name == CONTENT_TYPES && (contains(b"macroEnabled") || contains(b"vnd.ms-office.vbaProject")) {
        reasons.add(Code::Macros, "VBA");
    }
    if name.ends_with(b".rels") {
        check_relations(content, reasons);
    }
    if name.ends_with(b".xml")
        || name.ends_with(b".xhtml")
        || name.ends_with(b".html")
        || name.ends_with(b".htm")
    {
        if find_nocase(content, b"DDEAUTO").is_some() || contains(b"<ddeLink") {
            reasons.add(Code::RemoteContent, "a DDE link");
        }
        // A page of an EPUB book is a web page; what else is one has no place in a document.
        if find_nocase(content, b"<script").filter(|at| content.get(at + 7) != Some(&b':')).is_some() {
            reasons.add(Code::Script, "");
        }
    }
}

fn check_relations(content: &[u8], reasons: &mut Reasons) {
    let Some(content) = text(content) else { return reasons.add(Code::Malformed, "no XML") };
    for token in Markup::new(&content) {
        match token {
            Token::Start { attributes, .. } => check_relation(attributes, reasons),
            Token::Broken => reasons.add(Code::Malformed, "not well-formed"),
            _ => {}
        }
    }
}

fn check_relation(attributes: Attributes<'_>, reasons: &mut Reasons) {
    let value = |wanted: &[u8]| {
        let attribute = attributes.iter().flatten().find(|(name, _)| *name == wanted);
        attribute.and_then(|(_, value)| resolved(value)).unwrap_or_default()
    };
    let (kind, target) = (value(b"Type"), value(b"Target"));
    let external = value(b"TargetMode").eq_ignore_ascii_case(b"External");
    if external && LOADED.iter().any(|loaded| kind.ends_with(loaded)) {
        reasons.add(Code::RemoteContent, "a part from elsewhere");
    }
    if STARTS.iter().any(|scheme| starts_with_nocase(&target, scheme)) {
        reasons.add(Code::RemoteContent, "an address that starts a program");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, content: &str, expected: &[Code]) {
        let mut reasons = Reasons::default();
        check_part_name(name.as_bytes(), &mut reasons);
        check_part(name.as_bytes(), content.as_bytes(), &mut reasons);
        let codes: Vec<Code> = reasons.into_list().iter().map(|reason| reason.code).collect();
        assert_eq!(codes, expected, "{name}: {content}");
    }

    #[test]
    fn parts_that_only_say_something_pass() {
        check("word/document.xml", "<w:document/>", &[]);
        check("Basic/script-lc.xml", "<library:libraries/>", &[]);
        check("content.xml", "<office:scripts><script:event-listener/></office:scripts>", &[]);
        let link = "<Relationship Type=\"http://x/hyperlink\" Target=\"https://a.example\" TargetMode=\"External\"/>";
        check("word/_rels/document.xml.rels", link, &[]);
    }

    #[test]
    fn parts_that_do_something_are_told() {
        check("word/vbaProject.bin", "", &[Code::Macros]);
        check("xl/macrosheets/sheet1.xml", "", &[Code::Macros]);
        check("Basic/Standard/Module1.xml", "", &[Code::Macros]);
        check("xl/activeX/activeX1.bin", "", &[Code::EmbeddedObject]);
        check(
            "[Content_Types].xml",
            "application/vnd.ms-word.document.macroEnabled.main+xml",
            &[Code::Macros],
        );
        check("word/document.xml", "<w:instrText>DDEAUTO c:\\\\a</w:instrText>", &[Code::RemoteContent]);
        check("OEBPS/a.xhtml", "<script src='a'/>", &[Code::Script]);
        let template = "<Relationship Type=\"http://x/attachedTemplate\" Target=\"https://a.example/t.dotm\" TargetMode=\"External\"/>";
        check("word/_rels/settings.xml.rels", template, &[Code::RemoteContent]);
    }
}
