//! Looking at content: what it is, whether it is built right, what hides in it, and the same for what it holds.

use crate::archive::zip::Zip;
use crate::archive::{self, Budget, Tally, zip};
use crate::code::{check_page, check_server_code};
use crate::policy::Policy;
use crate::reason::{Code, Reasons};
use crate::recognize::{PDF_HEADER_WITHIN, recognize};
use crate::rules::Rules;
use crate::shape::{self, Picture};
use crate::text::text;
use crate::{Kind, office, ole, pdf, rtf, svg};

/// What a piece of content is to the upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The upload itself.
    Upload,
    /// A file in an archive: has to be of an allowed kind as well.
    Entry,
    /// A part of a document: XML, pictures, fonts; anything but programs.
    Part,
}

/// One look at an upload and all that is in it.
#[derive(Debug)]
pub(crate) struct Look<'l> {
    policy: &'l Policy,
    rules: &'l Rules,
    pub(crate) reasons: Reasons,
    pub(crate) budget: Budget,
    pub(crate) picture: Option<Picture>,
    pub(crate) trailing_bytes: usize,
    depth: usize,
}

impl<'l> Look<'l> {
    pub(crate) fn new(policy: &'l Policy, rules: &'l Rules) -> Self {
        Self {
            policy,
            rules,
            reasons: Reasons::default(),
            budget: Budget::new(policy.archive),
            picture: None,
            trailing_bytes: 0,
            depth: 0,
        }
    }

    /// Looks at the content of an entry under its name.
    pub(crate) fn entry(&mut self, name: &[u8], content: &[u8], role: Role) {
        self.reasons.enter(name);
        self.content(content, role);
        self.reasons.leave();
    }

    /// Looks at bytes and says what they are.
    pub(crate) fn content(&mut self, bytes: &[u8], role: Role) -> Kind {
        let kind = recognize(bytes);
        let allowed = match role {
            Role::Upload => self.policy.kinds.contains(&kind),
            Role::Entry => kind == Kind::Empty || self.policy.kinds.contains(&kind),
            Role::Part => true,
        };
        if !allowed {
            self.reasons.add(Code::KindNotAllowed, kind.title());
        }
        if role != Role::Upload && kind.is_program() {
            self.reasons.add(Code::ProgramInside, kind.title());
        }
        if kind.is_closed() && (role != Role::Upload || allowed) {
            self.reasons.add(Code::CannotLookInside, kind.title());
        }
        for rule in self.rules.matching(bytes) {
            self.reasons.add(Code::Rule, rule);
        }
        check_server_code(bytes, kind.is_written(), &mut self.reasons);
        self.structure(kind, bytes, role);
        self.meaning(kind, bytes);
        kind
    }

    /// Where it ends, how large it is, and what else it is.
    fn structure(&mut self, kind: Kind, bytes: &[u8], role: Role) {
        match shape::walk(kind, bytes) {
            Ok(shape) => {
                self.end(bytes, shape.end);
                if let Some(picture) = shape.picture {
                    self.size(picture, role);
                }
                for metadata in &shape.unpacked {
                    check_server_code(metadata, false, &mut self.reasons);
                    check_page(metadata, &mut self.reasons);
                }
            }
            Err(broken) => self.reasons.add(Code::Malformed, broken.0),
        }
        let is_archive = matches!(kind, Kind::Zip | Kind::JavaArchive) || office::is_document(kind);
        // A tar archive holds other files as they are.
        if !is_archive && kind != Kind::Tar && zip::find_end(bytes).is_some() {
            self.reasons.add(Code::Polyglot, "also a ZIP archive");
        }
        if kind != Kind::Pdf && has_pdf_header(bytes) && (kind.is_media() || is_archive) {
            self.reasons.add(Code::Polyglot, "also a PDF document");
        }
        if kind.is_media() || kind == Kind::Text {
            check_page(bytes, &mut self.reasons);
        } else if kind == Kind::Pdf {
            check_page(&bytes[..bytes.len().min(PDF_HEADER_WITHIN)], &mut self.reasons);
        }
    }

    /// What the kind makes of it.
    fn meaning(&mut self, kind: Kind, bytes: &[u8]) {
        match kind {
            Kind::Svg => self.text(bytes, svg::check_drawing),
            Kind::Xml => self.text(bytes, svg::check_document),
            Kind::Pdf => {
                let (encrypted, attachments) =
                    (self.policy.encrypted_allowed, self.policy.pdf_attachments_allowed);
                let end = pdf::check(bytes, encrypted, attachments, &mut self.budget, &mut self.reasons);
                self.end_or_broken(bytes, end);
            }
            Kind::Rtf => {
                let end = rtf::check(bytes, &mut self.reasons);
                self.end_or_broken(bytes, end);
            }
            Kind::Doc | Kind::Xls | Kind::Ppt | Kind::Outlook | Kind::Ole => {
                ole::check(bytes, self.policy.encrypted_allowed, &mut self.reasons);
            }
            Kind::Zip | Kind::JavaArchive => self.inside(|look| look.zip(bytes, Role::Entry)),
            Kind::Tar => self.inside(|look| archive::tar(look, bytes)),
            Kind::Gzip => self.inside(|look| archive::gzip(look, bytes)),
            kind if office::is_document(kind) => self.inside(|look| look.zip(bytes, Role::Part)),
            _ => {}
        }
    }

    fn text(&mut self, bytes: &[u8], check: fn(&[u8], &mut Reasons)) {
        if let Some(text) = text(bytes) {
            check(&text, &mut self.reasons);
            // A text in UTF-16 hides its words from whoever reads bytes.
            if matches!(text, std::borrow::Cow::Owned(_)) {
                check_server_code(&text, true, &mut self.reasons);
            }
        }
    }

    /// Goes one archive deeper.
    fn inside(&mut self, look: impl FnOnce(&mut Self)) {
        if self.depth == self.policy.archive.depth_max {
            let allowed = format!("{} are allowed", self.policy.archive.depth_max);
            return self.reasons.add(Code::TooDeep, allowed);
        }
        self.depth += 1;
        look(self);
        self.depth -= 1;
    }

    fn zip(&mut self, bytes: &[u8], role: Role) {
        let zip = match Zip::read(bytes, self.policy.archive.entries_max) {
            Ok(zip) => zip,
            Err(broken) => return self.reasons.add(Code::Malformed, broken.0),
        };
        self.end(bytes, Some(zip.end));
        if !self.budget.add_entries(zip.entries.len(), &mut self.reasons) {
            return;
        }
        zip.check(&mut self.reasons);
        let mut tally = Tally::new(bytes);
        for entry in zip.entries.iter().filter(|entry| !entry.is_folder()) {
            // Without room for a byte there is nothing more to unpack.
            if self.reasons.is_full() || self.budget.room() == 0 {
                return;
            }
            self.reasons.enter(entry.name);
            archive::check_entry_path(entry.name, &mut self.reasons);
            if entry.is_link {
                self.reasons.add(Code::LinkInArchive, "");
            }
            match role {
                Role::Part => office::check_part_name(entry.name, &mut self.reasons),
                Role::Upload | Role::Entry => archive::check_entry_extension(entry.name, &mut self.reasons),
            }
            if entry.is_encrypted() {
                if !self.policy.encrypted_allowed {
                    self.reasons.add(Code::Encrypted, "");
                }
            } else if let Some(content) = zip.unpack(entry, &mut self.budget, &mut tally, &mut self.reasons) {
                if role == Role::Part {
                    office::check_part(entry.name, &content, &mut self.reasons);
                    if office::is_locked(entry.name, &content) && !self.policy.encrypted_allowed {
                        self.reasons.add(Code::Encrypted, "");
                    }
                }
                let by_system = archive::is_left_by_system(entry.name, &content);
                self.content(&content, if by_system { Role::Part } else { role });
            }
            self.reasons.leave();
        }
    }

    fn size(&mut self, picture: Picture, role: Role) {
        if role == Role::Upload {
            self.picture = Some(picture);
        }
        let Policy { pixels_max, frames_max, .. } = *self.policy;
        let pixels = picture.pixels();
        if pixels > pixels_max {
            let size = format!("{} by {}, {pixels_max} pixels are allowed", picture.width, picture.height);
            self.reasons.add(Code::TooManyPixels, size);
        }
        let all = pixels.saturating_mul(picture.frames.into());
        if picture.frames > frames_max || all > pixels_max.saturating_mul(10) {
            self.reasons.add(Code::TooManyFrames, format!("{} frames", picture.frames));
        }
    }

    fn end_or_broken(&mut self, bytes: &[u8], end: Option<usize>) {
        match end {
            Some(_) => self.end(bytes, end),
            None => self.reasons.add(Code::Malformed, "it has no end"),
        }
    }

    fn end(&mut self, bytes: &[u8], end: Option<usize>) {
        let behind = end.and_then(|end| bytes.get(end..)).unwrap_or_default();
        if !shape::is_padding(behind) {
            if self.reasons.is_at_top() {
                self.trailing_bytes = behind.len();
            }
            self.reasons.add(Code::TrailingBytes, format!("{} bytes behind the end", behind.len()));
        }
    }
}

fn has_pdf_header(bytes: &[u8]) -> bool {
    memchr::memmem::find(&bytes[..bytes.len().min(PDF_HEADER_WITHIN)], b"%PDF-").is_some()
}
