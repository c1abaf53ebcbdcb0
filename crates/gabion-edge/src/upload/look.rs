//! The files of one body, looked at. Nothing waits here: small bodies are read at once to see whether they hold any
//! file; the files themselves are looked at on a thread that may take its time.

use std::ops::Range;

use bytes::Bytes;
use gabion_upload::json::{JsonError, JsonFiles, JsonInspection, JsonLimits};
use gabion_upload::{Inspection, Inspector, Policy, Upload};
use gabion_waf::body::multipart::{self, Limits, Multipart, Part};

use super::carrier::{Carrier, Said, Sort};

/// Files of one request. A form has a few pictures; each is looked at by itself.
const FILES_MAX: usize = 100;
/// Parts of one form, as the WAF reads.
const PARTS_MAX: usize = 1_000;

/// Why nobody knows all of what is in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is longer than is held, and what is missing belongs to a file.
    Longer,
    /// It is no form that everybody reads in the same way.
    Form,
    /// It is no JSON.
    Json,
    /// It has more files than are looked at.
    Files,
}

/// One file, and what was found of it.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) inspection: Inspection,
    pub(super) place: Place,
}

/// Where a file is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// In the body.
    Body(Range<usize>),
    /// Decoded from it.
    Decoded(Bytes),
    /// Nowhere any more: there was no room for what was decoded.
    LetGo,
}

impl Place {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Body(range) => range.len(),
            Self::Decoded(bytes) => bytes.len(),
            Self::LetGo => 0,
        }
    }

    /// What it takes of the memory, besides the body.
    pub(super) fn decoded_bytes(&self) -> usize {
        match self {
            Self::Decoded(bytes) => bytes.len(),
            Self::Body(_) | Self::LetGo => 0,
        }
    }

    /// The same without what was decoded.
    pub(super) fn let_go(self) -> Self {
        match self {
            Self::Decoded(_) => Self::LetGo,
            place => place,
        }
    }
}

/// What was found in a body.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) files: Vec<Looked>,
    pub(super) unread: Option<Unread>,
}

/// Whether there is anything to look at in a body that is here as a whole, or anything in it that cannot be read.
pub(super) fn is_of_interest(carriers: &[Carrier], body: &[u8]) -> bool {
    carriers.iter().any(|carrier| match carrier {
        Carrier::Form { content_type } => {
            let form = parse(content_type, body);
            unread(&form).is_some() || form.parts.iter().any(|part| sort(part) != Sort::Text)
        }
        Carrier::Json => JsonFiles::find(body, &json_limits()).map_or(true, |files| !files.is_empty()),
        Carrier::Text => json_in_text(body).is_some_and(|files| !files.is_empty()),
        Carrier::File(_) | Carrier::Unknown { .. } => true,
    })
}

/// Files of a body that is JSON though its type does not say so.
fn json_in_text(body: &[u8]) -> Option<JsonFiles> {
    let first = body.trim_ascii_start().first()?;
    if matches!(first, b'{' | b'[') { JsonFiles::find(body, &json_limits()).ok() } else { None }
}

/// Looks at all files. `whole` says whether the body is here to its end.
pub(super) fn look(
    carriers: &[Carrier],
    body: &Bytes,
    whole: bool,
    inspector: &Inspector,
    policy: &Policy,
) -> Found {
    let mut found = Found::default();
    let mut look = Look { inspector, policy, found: &mut found };
    for carrier in carriers {
        match carrier {
            Carrier::Form { content_type } => look.form(content_type, body, whole),
            Carrier::Json if whole => look.json(body),
            Carrier::Text => look.json_files(json_in_text(body)),
            Carrier::File(said) if whole => look.file(said, body, 0..body.len()),
            Carrier::Unknown { declared } if whole => {
                let inspection = inspector.inspect_unnamed(declared, body, policy);
                look.add(inspection, Place::Body(0..body.len()));
            }
            Carrier::Json | Carrier::File(_) | Carrier::Unknown { .. } => {
                look.found.unread = Some(Unread::Longer)
            }
        }
    }
    // Whatever it is, code of servers in it is code of servers.
    if found.unread.is_some()
        && let Some(inspection) = inspector.inspect_code(body)
    {
        found.files.push(Looked { inspection, place: Place::Body(0..body.len()) });
    }
    found
}

struct Look<'l> {
    inspector: &'l Inspector,
    policy: &'l Policy,
    found: &'l mut Found,
}

impl Look<'_> {
    fn form(&mut self, content_type: &[u8], body: &Bytes, whole: bool) {
        let mut form = parse(content_type, body);
        let cut = !whole && form.error == Some(multipart::Error::LastBoundaryMissing);
        self.found.unread = if cut { Some(Unread::Longer) } else { unread(&form) };
        if cut {
            form.parts.pop();
        }
        for part in &form.parts {
            let content = part.content.clone();
            match sort(part) {
                Sort::Text | Sort::Call => {}
                Sort::Json => self.json(&body.slice(content)),
                Sort::Form | Sort::File | Sort::Unknown => {
                    let name = part.filename.as_deref().unwrap_or_default().to_vec();
                    self.file(&Said { name, declared: declared(part).to_vec() }, body, content);
                }
            }
        }
    }

    fn json(&mut self, body: &[u8]) {
        match JsonFiles::find(body, &json_limits()) {
            Ok(files) => self.json_files(Some(files)),
            Err(JsonError::TooManyFiles(_)) => self.found.unread = Some(Unread::Files),
            Err(JsonError::Syntax(_) | JsonError::TooLarge(_)) => self.found.unread = Some(Unread::Json),
        }
    }

    fn json_files(&mut self, files: Option<JsonFiles>) {
        let found = files.map(|files| files.inspect(self.inspector, self.policy)).unwrap_or_default();
        for JsonInspection { inspection, bytes, .. } in found {
            self.add(Some(inspection), Place::Decoded(bytes.into()));
        }
    }

    fn file(&mut self, said: &Said, body: &Bytes, content: Range<usize>) {
        let upload =
            Upload { name: &said.name, declared_type: &said.declared, bytes: &body[content.clone()] };
        self.add(Some(self.inspector.inspect(&upload, self.policy)), Place::Body(content));
    }

    fn add(&mut self, inspection: Option<Inspection>, place: Place) {
        self.found.files.extend(inspection.map(|inspection| Looked { inspection, place }));
    }
}

fn parse<'b>(content_type: &[u8], body: &'b [u8]) -> Multipart<'b> {
    let limits = Limits { parts_max: PARTS_MAX, files_max: FILES_MAX, ..Limits::default() };
    multipart::parse(content_type, body, &limits)
}

/// Strings of one body that are decoded, within a body that is held already.
fn json_limits() -> JsonLimits {
    JsonLimits { body_bytes_max: usize::MAX, files_max: FILES_MAX }
}

/// What another reader of a form could see where this one saw nothing, or something else.
fn unread(form: &Multipart<'_>) -> Option<Unread> {
    let flags = &form.flags;
    let odd = flags.boundary_whitespace
        || flags.missing_semicolon
        || flags.header_folding
        || flags.invalid_header_folding
        || flags.invalid_quoting
        || flags.invalid_part;
    match () {
        () if flags.file_limit_exceeded || form.partial => Some(Unread::Files),
        () if form.error.is_some() || odd => Some(Unread::Form),
        () => None,
    }
}

/// What a part is: a file where it has the name of one or is of a type that says so, else a value of the form.
fn sort(part: &Part<'_>) -> Sort {
    let declared = declared(part);
    match Sort::of(declared) {
        _ if part.filename.is_some() => Sort::File,
        Sort::Unknown if declared.is_empty() => Sort::Text,
        Sort::Call => Sort::Text,
        sort => sort,
    }
}

/// The type of a part; empty where it has none.
fn declared<'p>(part: &'p Part<'_>) -> &'p [u8] {
    part.headers
        .iter()
        .find_map(|header| {
            let colon = header.iter().position(|byte| *byte == b':')?;
            let (name, value) = (&header[..colon], &header[colon + 1..]);
            name.trim_ascii().eq_ignore_ascii_case(b"content-type").then(|| value.trim_ascii())
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use gabion_upload::Rules;

    use super::*;

    const FORM: &str = "multipart/form-data; boundary=b";

    fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (head, content) in parts {
            body.extend(format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n").as_bytes());
            body.extend_from_slice(content);
            body.extend(b"\r\n");
        }
        body.extend(b"--b--\r\n");
        body
    }

    fn carriers() -> Vec<Carrier> {
        vec![Carrier::Form { content_type: FORM.into() }]
    }

    fn found(body: &[u8], whole: bool) -> Found {
        let inspector = Inspector::new(Rules::builtin());
        look(&carriers(), &Bytes::copy_from_slice(body), whole, &inspector, &Policy::any_harmless())
    }

    fn shell() -> Vec<u8> {
        ["<", "?php sys", "tem($_GET['c']); ?>"].concat().into_bytes()
    }

    #[test]
    fn fields_are_no_files_and_are_not_looked_at() {
        let body = form(&[("name=\"a\"", &shell()), ("name=\"b\"", b"tea")]);
        assert!(!is_of_interest(&carriers(), &body));
        assert!(found(&body, true).files.is_empty());
    }

    #[test]
    fn files_json_and_typed_parts_are_looked_at() {
        let json = r#"{"content":"data:text/plain;base64,aGVsbG8="}"#.as_bytes();
        let body = form(&[
            ("name=\"f\"; filename=\"a.txt\"", b"hello"),
            ("name=\"j\"\r\nContent-Type: application/json", json),
            ("name=\"p\"\r\nContent-Type: image/png", b"hello"),
        ]);
        assert!(is_of_interest(&carriers(), &body));
        let found = found(&body, true);
        assert_eq!(found.unread, None);
        let seen: Vec<_> = found
            .files
            .iter()
            .map(|file| (file.inspection.facts.name.as_str(), file.inspection.passes(), file.place.len()))
            .collect();
        assert_eq!(seen, [("a.txt", true, 5), ("", true, 5), ("", false, 5)]);
    }

    #[test]
    fn of_a_body_that_is_cut_the_files_before_the_cut_are_looked_at() {
        let body = form(&[
            ("name=\"f\"; filename=\"a.txt\"", b"hello"),
            ("name=\"g\"; filename=\"b.txt\"", b"hello"),
        ]);
        let found = found(&body[..body.len() - 12], false);
        assert_eq!((found.files.len(), found.unread), (1, Some(Unread::Longer)));
    }

    #[test]
    fn code_is_seen_in_a_form_that_nobody_can_read() {
        let body = [b"--b\r\nContent-Disposition: form-data; filename=a.jpg\r\n\r\n", &shell()[..]].concat();
        let found = found(&body, true);
        assert_eq!(found.unread, Some(Unread::Form));
        assert!(found.files[0].inspection.is_certain());
    }

    #[test]
    fn more_files_than_are_looked_at_are_said() {
        let file = ("name=\"f\"; filename=\"a.txt\"", &b"hello"[..]);
        assert_eq!(found(&form(&vec![file; FILES_MAX + 1]), true).unread, Some(Unread::Files));
    }
}
