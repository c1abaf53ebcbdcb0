//! Why a file is refused: a code for machines, a sentence for people, the particulars.

use std::fmt;

/// Why a file is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "`Code::sentence` says what each means")]
pub enum Code {
    TooLarge,
    KindNotAllowed,
    Malformed,
    TrailingBytes,
    Polyglot,
    ServerCode,
    MarkupInside,
    Rule,
    TooManyPixels,
    TooManyFrames,
    TooDeep,
    TooManyEntries,
    UnpacksTooLarge,
    RatioTooHigh,
    PathInArchive,
    LinkInArchive,
    Encrypted,
    CannotLookInside,
    ProgramInside,
    Macros,
    EmbeddedObject,
    RemoteContent,
    PdfScript,
    PdfLaunch,
    PdfAttachment,
    Script,
    EventHandler,
    ForeignObject,
    ExternalReference,
    Entity,
    NameHasPath,
    NameHasControls,
    NameHasDirection,
    NameEnds,
    NameReserved,
    NameRuns,
    NameTooLong,
    NameAmbiguous,
    ExtensionMissing,
    ExtensionDisagrees,
    TypeDisagrees,
}

impl Code {
    /// A short name for machines, such as `trailing-bytes`. It does not change between versions.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.texts().0
    }

    /// What it means, for people.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        self.texts().1
    }

    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::TooLarge => ("too-large", "The file is larger than allowed."),
            Self::KindNotAllowed => ("kind-not-allowed", "Files of this kind are not taken here."),
            Self::Malformed => ("malformed", "The file is damaged or not built as its kind should be."),
            Self::TrailingBytes => ("trailing-bytes", "Something is hidden behind the end of the file."),
            Self::Polyglot => ("polyglot", "The file is two kinds of file at once."),
            Self::ServerCode => ("server-code", "The file contains code that a web server would run."),
            Self::MarkupInside => ("markup-inside", "The file contains parts of a web page."),
            Self::Rule => ("rule", "A rule knows what is in this file."),
            Self::TooManyPixels => ("too-many-pixels", "The picture has more pixels than allowed."),
            Self::TooManyFrames => ("too-many-frames", "The moving picture has more frames than allowed."),
            Self::TooDeep => ("too-deep", "Archives are packed into one another too deeply."),
            Self::TooManyEntries => ("too-many-entries", "The archive has more files than allowed."),
            Self::UnpacksTooLarge => ("unpacks-too-large", "The file unpacks to more than allowed."),
            Self::RatioTooHigh => {
                ("ratio-too-high", "The file is packed so tightly that it looks like a bomb.")
            }
            Self::PathInArchive => ("path-in-archive", "A file in the archive wants to leave its folder."),
            Self::LinkInArchive => ("link-in-archive", "The archive contains a link or a device."),
            Self::Encrypted => ("encrypted", "A password protects the file, so nobody can look inside."),
            Self::CannotLookInside => {
                ("cannot-look-inside", "The file is packed in a way that cannot be looked into.")
            }
            Self::ProgramInside => ("program-inside", "There is a program or script inside the file."),
            Self::Macros => ("macros", "The document contains macros."),
            Self::EmbeddedObject => ("embedded-object", "The document carries another file or a control."),
            Self::RemoteContent => ("remote-content", "The document loads a part of itself from elsewhere."),
            Self::PdfScript => ("pdf-script", "The PDF document contains a script."),
            Self::PdfLaunch => ("pdf-launch", "The PDF document starts programs or sends forms."),
            Self::PdfAttachment => ("pdf-attachment", "The PDF document carries another file."),
            Self::Script => ("script", "The drawing or page contains a script."),
            Self::EventHandler => ("event-handler", "The drawing or page runs code when something happens."),
            Self::ForeignObject => ("foreign-object", "The drawing contains a web page."),
            Self::ExternalReference => ("external-reference", "The drawing refers to another address."),
            Self::Entity => {
                ("entity", "The file defines its own abbreviations, which can be used for attacks.")
            }
            Self::NameHasPath => ("name-path", "The file name contains a folder."),
            Self::NameHasControls => {
                ("name-controls", "The file name contains characters that cannot be seen.")
            }
            Self::NameHasDirection => {
                ("name-direction", "The file name contains characters that turn its direction.")
            }
            Self::NameEnds => ("name-ends", "The file name begins or ends with a space or ends with a dot."),
            Self::NameReserved => ("name-reserved", "The file name means something to the server."),
            Self::NameRuns => ("name-runs", "The file name says that the file is a program or a page."),
            Self::NameTooLong => ("name-too-long", "The file name is too long."),
            Self::NameAmbiguous => ("name-ambiguous", "More than one name is given for the file."),
            Self::ExtensionMissing => ("extension-missing", "The file name has no extension."),
            Self::ExtensionDisagrees => {
                ("extension-disagrees", "The extension does not fit what the file is.")
            }
            Self::TypeDisagrees => ("type-disagrees", "The declared type does not fit what the file is."),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One reason, with its particulars. Never the content of the file; names and numbers only, shortened and printable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What is wrong.
    pub code: Code,
    /// Particulars, such as "1,204 bytes behind the end". May be empty.
    pub detail: String,
    /// The entry of an archive or document in which it was found, outermost first. Empty for the file itself.
    pub inside: Vec<String>,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.sentence())?;
        match (self.detail.is_empty(), self.inside.is_empty()) {
            (true, true) => Ok(()),
            (false, true) => write!(f, " ({})", self.detail),
            (true, false) => write!(f, " (in {})", self.inside.join(" > ")),
            (false, false) => write!(f, " ({}, in {})", self.detail, self.inside.join(" > ")),
        }
    }
}

/// Reasons that are kept of one file. There is no use in the seventeenth.
pub(crate) const REASONS_MAX: usize = 16;

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Reasons {
    list: Vec<Reason>,
    place: Vec<String>,
}

impl Reasons {
    /// Notes a reason; the same code in the same place counts once, but each rule is told.
    pub(crate) fn add(&mut self, code: Code, detail: impl Into<String>) {
        let detail = detail.into();
        let known = |reason: &Reason| {
            reason.code == code
                && reason.inside == self.place
                && (code != Code::Rule || reason.detail == detail)
        };
        if self.list.len() < REASONS_MAX && !self.list.iter().any(known) {
            self.list.push(Reason { code, detail, inside: self.place.clone() });
        }
    }

    /// Whether nothing more would be kept, so that looking on is of no use.
    pub(crate) fn is_full(&self) -> bool {
        self.list.len() == REASONS_MAX
    }

    /// What is added until [`Self::leave`] was found in the entry of this name.
    pub(crate) fn enter(&mut self, name: &[u8]) {
        self.place.push(shown(name));
    }

    pub(crate) fn leave(&mut self) {
        self.place.pop();
    }

    /// Whether what is looked at is the upload itself.
    pub(crate) fn is_at_top(&self) -> bool {
        self.place.is_empty()
    }

    pub(crate) fn into_list(self) -> Vec<Reason> {
        self.list
    }
}

/// Characters of a foreign name that are shown.
const SHOWN_CHARS_MAX: usize = 120;

/// A foreign name that can be put on a page or in a log: printable, of one direction, not long.
pub(crate) fn shown(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(&name[..name.len().min(4 * SHOWN_CHARS_MAX)]);
    let mut out = String::new();
    for character in text.chars().take(SHOWN_CHARS_MAX) {
        let plain = !character.is_control() && !crate::name::is_invisible(character);
        out.push(if plain { character } else { char::REPLACEMENT_CHARACTER });
    }
    if text.chars().count() > SHOWN_CHARS_MAX || name.len() > 4 * SHOWN_CHARS_MAX {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_said_once_and_not_without_end() {
        let mut reasons = Reasons::default();
        reasons.add(Code::Script, "a");
        reasons.add(Code::Script, "b");
        reasons.add(Code::Rule, "one");
        reasons.add(Code::Rule, "two");
        for number in 0..99 {
            reasons.enter(format!("entry {number}").as_bytes());
            reasons.add(Code::Script, "");
            reasons.leave();
        }
        let list = reasons.into_list();
        assert_eq!(list.len(), REASONS_MAX);
        assert_eq!(list[0].detail, "a");
        assert_eq!(list[2].detail, "two");
        assert_eq!(list[3].to_string(), "The drawing or page contains a script. (in entry 0)");
    }

    #[test]
    fn foreign_names_are_shown_without_their_tricks() {
        assert_eq!(shown("a\u{202e}gpj.\u{0}exe".as_bytes()), "a\u{fffd}gpj.\u{fffd}exe");
        assert_eq!(shown(&[b'x'; 1_000]).chars().count(), SHOWN_CHARS_MAX + 1);
    }
}
