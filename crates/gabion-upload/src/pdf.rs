//! PDF: its header and last mark, and the names in it that do something. ISO 32000-1.
//!
//! Objects are not resolved. Every name is read that has a value or is the value of an action, and every compressed
//! stream of objects is unpacked and read in the same way, so that what a reader could find is found wherever it hides:
//! in comments, strings and streams too, because the table of objects may point into them.

use crate::archive::Budget;
use crate::reason::{Code, Reasons};
use crate::recognize::PDF_HEADER_WITHIN;
use crate::unpack;

/// Bytes of a name that are compared. The longest wanted name is shorter.
const NAME_BYTES_MAX: usize = 40;
/// Bytes before `stream` in which its dictionary is sought.
const DICTIONARY_BYTES_MAX: usize = 4 * 1024;
/// Unpacked bytes of one stream of objects. Writers put a few hundred objects in each.
const OBJECTS_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Notes what a document does besides being shown. Returns where it ends; `None` where it has no end.
pub(crate) fn check(
    bytes: &[u8],
    encrypted_allowed: bool,
    attachments_allowed: bool,
    budget: &mut Budget,
    reasons: &mut Reasons,
) -> Option<usize> {
    let header = memchr::memmem::find(&bytes[..bytes.len().min(PDF_HEADER_WITHIN + 5)], b"%PDF-");
    let before = &bytes[..header.unwrap_or_default()];
    let before = before.strip_prefix(b"\xef\xbb\xbf").unwrap_or(before);
    if !before.trim_ascii().is_empty() {
        reasons.add(Code::Polyglot, "something stands before the document");
    }
    let mut names = Names { encrypted_allowed, attachments_allowed, reasons };
    let mut rest = bytes;
    while let Some(at) = memchr::memmem::find(rest, b"stream") {
        names.check(&rest[..at]);
        let content = &rest[at + 6..];
        let dictionary = &rest[at.saturating_sub(DICTIONARY_BYTES_MAX)..at];
        let dictionary = &dictionary[memchr::memmem::rfind(dictionary, b" obj").unwrap_or(0)..];
        // Only a dictionary is followed by a stream; the word alone may stand in a text.
        if dictionary.trim_ascii_end().ends_with(b">>") {
            let end = memchr::memmem::find(content, b"endstream").unwrap_or(content.len());
            if has_name(dictionary, b"ObjStm") {
                names.check_packed(&content[..end], budget);
            }
            names.check_stream(&content[..end]);
            rest = &content[end..];
            rest = rest.strip_prefix(b"endstream").unwrap_or(rest);
        } else {
            rest = content;
        }
    }
    names.check(rest);
    memchr::memmem::rfind(bytes, b"%%EOF").map(|at| at + 5)
}

struct Names<'n> {
    encrypted_allowed: bool,
    attachments_allowed: bool,
    reasons: &'n mut Reasons,
}

impl Names<'_> {
    /// Reads names outside of streams.
    fn check(&mut self, bytes: &[u8]) {
        for name in used_names(bytes) {
            self.note(&name);
        }
    }

    /// Reads names in what is said to be a stream. Packed bytes look like short names now and then.
    fn check_stream(&mut self, bytes: &[u8]) {
        for name in used_names(bytes).filter(|name| name.len() > 5) {
            self.note(&name);
        }
    }

    fn note(&mut self, name: &[u8]) {
        match name {
            b"JS" | b"JavaScript" => self.reasons.add(Code::PdfScript, ""),
            b"XFA" => self.reasons.add(Code::PdfScript, "an XFA form"),
            b"Launch" | b"ImportData" | b"SubmitForm" => {
                self.reasons.add(Code::PdfLaunch, String::from_utf8_lossy(name));
            }
            b"EmbeddedFile" | b"EmbeddedFiles" | b"GoToE" if !self.attachments_allowed => {
                self.reasons.add(Code::PdfAttachment, "");
            }
            b"RichMedia" | b"Flash" => self.reasons.add(Code::PdfAttachment, "rich media"),
            b"Encrypt" if !self.encrypted_allowed => self.reasons.add(Code::Encrypted, ""),
            _ => {}
        }
    }

    /// Reads a stream of objects. Line ends stand between the word `stream` and its first byte.
    fn check_packed(&mut self, stream: &[u8], budget: &mut Budget) {
        let packed = stream.strip_prefix(b"\r\n").or(stream.strip_prefix(b"\n")).unwrap_or(stream);
        let room = budget.room().min(OBJECTS_BYTES_MAX);
        match unpack::zlib_up_to(packed, room) {
            Some(objects) => {
                budget.unpacked_bytes = budget.unpacked_bytes.saturating_add(objects.len());
                self.check(if objects.is_empty() { packed } else { &objects });
            }
            None => self.reasons.add(Code::UnpacksTooLarge, "a stream of objects"),
        }
    }
}

fn has_name(dictionary: &[u8], wanted: &[u8]) -> bool {
    memchr::memchr_iter(b'/', dictionary).any(|at| name(&dictionary[at + 1..]).0 == wanted)
}

/// Keys whose value is a name that says what an object does.
const SAYS_WHAT: &[&[u8]] = &[b"S", b"Type", b"Subtype"];

/// Names that have a value, or are the value of a key that says what an object does. A name in a sentence, such as in
/// `(HTML/JavaScript course)`, is neither.
fn used_names(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let mut says_what_until = None;
    memchr::memchr_iter(b'/', bytes).filter_map(move |at| {
        let (name, length) = name(&bytes[at + 1..]);
        let end = at + 1 + length;
        let is_value = says_what_until == Some(at);
        let behind = &bytes[end..];
        let space = behind.iter().take(SPACE_BYTES_MAX).take_while(|byte| is_space(**byte)).count();
        let next = behind.get(space);
        let is_key = matches!(next, Some(b'(' | b'<' | b'[' | b'%' | b'0'..=b'9'));
        says_what_until = SAYS_WHAT.contains(&&name[..]).then_some(end + space);
        // A comment is white space; what it hides counts as used.
        if says_what_until.is_some() && next == Some(&b'%') {
            let comment = memchr::memchr(b'/', behind);
            says_what_until = comment.map(|comment| end + comment);
        }
        (is_key || is_value).then_some(name)
    })
}

/// White space between a key and its value that is skipped.
const SPACE_BYTES_MAX: usize = 256;

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0
}

/// The name behind a slash, its `#20` escapes resolved, and its bytes as written.
fn name(rest: &[u8]) -> (Vec<u8>, usize) {
    let mut name = Vec::new();
    let mut at = 0;
    while let Some(byte) = rest.get(at).filter(|byte| !is_delimiter(**byte)) {
        if name.len() == NAME_BYTES_MAX {
            break;
        }
        let escaped = (*byte == b'#').then(|| hex(&rest[at + 1..])).flatten();
        name.push(escaped.unwrap_or(*byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    (name, at)
}

fn is_delimiter(byte: u8) -> bool {
    is_space(byte) || matches!(byte, b'/' | b'<' | b'>' | b'[' | b']' | b'(' | b')' | b'{' | b'}' | b'%')
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits.get(..2)?).ok()?;
    u8::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::ArchiveLimits;

    #[track_caller]
    fn check_pdf(bytes: &[u8], expected: &[Code]) {
        let mut reasons = Reasons::default();
        let mut budget = Budget::new(ArchiveLimits::default());
        check(bytes, false, false, &mut budget, &mut reasons);
        let codes: Vec<Code> = reasons.into_list().iter().map(|reason| reason.code).collect();
        assert_eq!(codes, expected, "{}", String::from_utf8_lossy(bytes));
    }

    #[test]
    fn names_that_do_something_are_told() {
        check_pdf(b"%PDF-1.4 1 0 obj<</OpenAction[2 0 R/Fit]/URI(http://a)>>endobj %%EOF", &[]);
        check_pdf(b"%PDF-1.4 <</S/JavaScript/JS(app.alert)>>", &[Code::PdfScript]);
        check_pdf(b"%PDF-1.4 <</S/J#61va#53cript>>", &[Code::PdfScript]);
        check_pdf(b"%PDF-1.4 <</S %c\n/JavaScript>>", &[Code::PdfScript]);
        check_pdf(b"%PDF-1.4 <</Title(HTML/JavaScript course, PHP/JS)>>", &[]);
        check_pdf(b"%PDF-1.4 %<<>>stream\n1 0 obj<</S/JavaScript>> %endstream", &[Code::PdfScript]);
        check_pdf(b"%PDF-1.4 <</S /Launch/F(cmd)>>", &[Code::PdfLaunch]);
        check_pdf(b"%PDF-1.4 <</EmbeddedFiles 3 0 R>>", &[Code::PdfAttachment]);
        check_pdf(b"%PDF-1.4 trailer<</Encrypt 3 0 R>>", &[Code::Encrypted]);
        check_pdf(b"<html>%PDF-1.4", &[Code::Polyglot]);
    }

    #[test]
    fn names_in_streams_count_where_they_are_objects() {
        check_pdf(b"%PDF-1.4 1 0 obj<</Length 9>>stream\n/JS /JS \nendstream endobj", &[]);
        check_pdf(b"%PDF-1.4 (the word stream) <</S/JavaScript>>", &[Code::PdfScript]);
        let packed = unpack::tests::zlib(b"1 0 <</S/JavaScript/JS(a)>>");
        let stream =
            [&b"%PDF-1.5 1 0 obj<</Type/ObjStm/Filter/FlateDecode>>stream\r\n"[..], &packed, b"endstream"];
        check_pdf(&stream.concat(), &[Code::PdfScript]);
    }

    #[test]
    fn the_end_is_the_last_mark() {
        let mut reasons = Reasons::default();
        let mut budget = Budget::new(ArchiveLimits::default());
        let mut end = |bytes: &[u8]| check(bytes, false, false, &mut budget, &mut reasons);
        assert_eq!(end(b"%PDF-1.4 %%EOF\n 2 0 obj %%EOF\n"), Some(29));
        assert_eq!(end(b"%PDF-1.4 cut"), None);
    }
}
