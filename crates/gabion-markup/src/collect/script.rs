//! Scripts: what kind they are, their text, and their judgement.

use super::inventory::{Inventory, word};
use super::tag::Attributes;
use super::text::InlineText;
use super::{HELD_BYTES_MAX, Output};
use crate::address::Reference;
use crate::hash::ContentHash;
use crate::page::{Outcome, Partial, SCRIPTS_MAX, Script, ScriptKind, ScriptSource};
use crate::rewrite::Judgement;

/// Types that make an ordinary script. Source: MIME Sniffing Standard, section 4.6.
const CLASSIC_TYPES: [&str; 16] = [
    "application/ecmascript",
    "application/javascript",
    "application/x-ecmascript",
    "application/x-javascript",
    "text/ecmascript",
    "text/javascript",
    "text/javascript1.0",
    "text/javascript1.1",
    "text/javascript1.2",
    "text/javascript1.3",
    "text/javascript1.4",
    "text/javascript1.5",
    "text/jscript",
    "text/livescript",
    "text/x-ecmascript",
    "text/x-javascript",
];

/// An inline script whose end has not come yet.
pub(super) struct OpenScript {
    kind: ScriptKind,
    integrity: Option<String>,
    has_nonce: bool,
    text: InlineText,
    /// Where something can be put into its tag.
    seam: u64,
    /// Where its tag begins.
    tag: u64,
}

impl Inventory {
    /// The start tag of a script that begins at `tag`; things can be put in at `seam`.
    pub(super) fn script(
        &mut self,
        attributes: &Attributes,
        is_svg: bool,
        tag: u64,
        seam: u64,
        output: &mut Output,
    ) {
        // A script inside an open SVG script: the outer one ends here.
        self.script_ends(output);
        let kind = kind(attributes);
        let integrity = attributes.word("integrity").filter(|value| !value.is_empty());
        let has_nonce = attributes.get("nonce").is_some_and(|nonce| !nonce.is_empty());
        let source = match is_svg {
            true => attributes.get("href").or_else(|| attributes.get("xlink:href")),
            false => attributes.get("src"),
        };
        let Some(source) = source else {
            let text = InlineText::new(self.encoding());
            if self.rewrite.judge.is_some() && kind.is_governed() {
                output.hold = Some(tag);
            }
            self.open_script = Some(OpenScript { kind, integrity, has_nonce, text, seam, tag });
            return;
        };
        let source = match Reference::resolve(source, Some(self.base_address())) {
            Reference::Web(address) => ScriptSource::Web(address),
            Reference::Other(scheme) => {
                ScriptSource::Opaque { scheme: word(&scheme), hash: ContentHash::of(source.as_bytes()) }
            }
            Reference::Unreadable => {
                ScriptSource::Opaque { scheme: String::new(), hash: ContentHash::of(source.as_bytes()) }
            }
        };
        let script = Script { source, kind, integrity, has_nonce, outcome: Outcome::Passed };
        self.judged(script, true, seam, output);
    }

    /// A piece of the text of the script that is open.
    pub(super) fn script_text(&mut self, text: &[u8]) {
        if let Some(open) = &mut self.open_script {
            open.text.push(text);
        }
    }

    /// The script that is open, if any, is whole.
    pub(super) fn script_ends(&mut self, output: &mut Output) {
        self.close(true, output);
    }

    /// Judges the open script without its end when it is too long to be held back.
    pub(super) fn judge_what_is_too_long(&mut self, until: u64, output: &mut Output) {
        if output.hold.is_some_and(|hold| until != u64::MAX && until.saturating_sub(hold) > HELD_BYTES_MAX) {
            self.page.partial.insert(Partial::Judged);
            let Some(open) = &self.open_script else { return };
            let script = Script {
                source: ScriptSource::Inline(InlineText::new(self.encoding()).finish(0)),
                kind: open.kind.clone(),
                integrity: open.integrity.clone(),
                has_nonce: open.has_nonce,
                outcome: Outcome::Passed,
            };
            let seam = open.seam;
            self.outcome_ahead = Some(self.ask(&script, false, seam, output));
            output.hold = None;
        }
    }

    /// The page is over. Browsers do not run a script that has no end, so nobody is asked about it.
    pub(super) fn page_ends(&mut self, output: &mut Output) {
        if self.open_script.is_some() {
            self.page.partial.insert(Partial::Unfinished);
            self.outcome_ahead.get_or_insert_default();
            self.close(false, output);
        }
    }

    /// The rest of the page passes unread; the open script may have an end there.
    pub(super) fn reading_ends(&mut self, output: &mut Output) {
        if self.open_script.is_some() {
            self.page.partial.insert(Partial::Judged);
            self.close(false, output);
        }
    }

    fn close(&mut self, is_whole: bool, output: &mut Output) {
        let Some(open) = self.open_script.take() else { return };
        let inline = open.text.finish(self.beginnings_left);
        if self.page.scripts.len() < SCRIPTS_MAX {
            self.beginnings_left -= inline.beginning.len();
        }
        let script = Script {
            source: ScriptSource::Inline(inline),
            kind: open.kind,
            integrity: open.integrity,
            has_nonce: open.has_nonce,
            outcome: Outcome::Passed,
        };
        match self.outcome_ahead.take() {
            Some(outcome) => self.keep(Script { outcome, ..script }),
            None => self.judged(script, is_whole, open.seam, output),
        }
        if output.hold == Some(open.tag) {
            output.hold = None;
        }
    }

    fn judged(&mut self, script: Script, is_whole: bool, seam: u64, output: &mut Output) {
        let outcome = self.ask(&script, is_whole, seam, output);
        self.keep(Script { outcome, ..script });
    }

    fn keep(&mut self, script: Script) {
        if self.page.scripts.len() < SCRIPTS_MAX {
            self.page.scripts.push(script);
        } else {
            self.page.partial.insert(Partial::Scripts);
        }
    }

    /// Asks the judge, and puts into the tag what follows from the answer.
    fn ask(&self, script: &Script, is_whole: bool, seam: u64, output: &mut Output) -> Outcome {
        let Some(judge) = self.rewrite.judge.as_ref().filter(|_| script.kind.is_governed()) else {
            return Outcome::Passed;
        };
        match judge.judge(script, is_whole) {
            Judgement::Pass => Outcome::Passed,
            Judgement::Deny => {
                output.insert(seam, b" type=\"text/plain\" data-gabion=\"denied\"".to_vec());
                Outcome::Denied
            }
            Judgement::Authorize { integrity } => {
                let mut piece = String::new();
                // Not beside one of the shop's: an element has one nonce, and the shop's policy asks for its own.
                if let Some(nonce) = self.rewrite.nonce.as_ref().filter(|_| !script.has_nonce) {
                    piece += &format!(" nonce=\"{}\"", nonce.as_str());
                }
                let is_loaded = matches!(script.source, ScriptSource::Web(_));
                if let Some(hash) = integrity.filter(|_| is_loaded && script.integrity.is_none()) {
                    piece += &format!(" integrity=\"{hash}\" crossorigin=\"anonymous\"");
                }
                if piece.is_empty() {
                    return Outcome::Passed;
                }
                output.insert(seam, piece.into_bytes());
                Outcome::Authorized
            }
        }
    }
}

/// How browsers treat the script. Source: HTML Standard, section 4.12.1.1, "prepare the script element".
fn kind(attributes: &Attributes) -> ScriptKind {
    let declared = match (attributes.get("type"), attributes.get("language")) {
        (Some(""), _) | (None, None | Some("")) => return ScriptKind::Classic,
        (Some(declared), _) => declared.trim().to_ascii_lowercase(),
        (None, Some(language)) => format!("text/{}", language.to_ascii_lowercase()),
    };
    match declared.as_str() {
        "module" => ScriptKind::Module,
        "importmap" => ScriptKind::ImportMap,
        "speculationrules" => ScriptKind::SpeculationRules,
        _ if CLASSIC_TYPES.contains(&declared.as_str()) => ScriptKind::Classic,
        _ => ScriptKind::Data(word(&declared)),
    }
}
