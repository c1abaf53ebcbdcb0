//! What in a script is worth a look: where it sends, what it reads, what it hides.

mod origins;
mod rules;
mod shape;

use std::collections::BTreeSet;

use gabion_core::Severity;
use serde::Serialize;

use super::token::{Token, Tokens};
use super::{Place, bounded, lay_out};
use crate::collect::truncate;

/// Risks of one script that are kept.
pub const RISKS_MAX: usize = 200;
/// Tokens of one script that are looked at. A megabyte of dense code has half of that.
const TOKENS_MAX: usize = 600_000;
/// Bytes of what a risk quotes.
const QUOTE_BYTES_MAX: usize = 120;

/// Something in a script that is worth a look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Risk {
    /// What it is.
    pub kind: RiskKind,
    /// What exactly: an origin, a name, a number. Card numbers are masked.
    pub detail: String,
    /// How much it matters by itself.
    pub severity: Severity,
    /// Where it is.
    pub place: Place,
}

/// Kinds of risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RiskKind {
    /// It reads card fields and sends somewhere, or hides where.
    SkimmerShape,
    /// It sends to an origin that is written in it, or loads from there.
    SendsTo,
    /// It sends to an address that it builds.
    SendsSomewhere,
    /// An origin is written in it.
    NamesOrigin,
    /// It names card fields.
    CardField,
    /// It listens to what is typed or sent.
    Listens,
    /// It builds forms or frames.
    BuildsForm,
    /// It builds script elements.
    BuildsScript,
    /// It makes script of text.
    MakesCode,
    /// It decodes text.
    Decodes,
    /// It writes into the document while it loads.
    WritesDocument,
    /// It watches the page for changes.
    WatchesPage,
    /// It keeps something of a card in the browser.
    KeepsCard,
    /// It reads cookies.
    ReadsCookies,
    /// It is made hard to read.
    Obfuscated,
}

impl RiskKind {
    /// The name in lower case, as in `serde`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::SkimmerShape => "skimmer-shape",
            Self::SendsTo => "sends-to",
            Self::SendsSomewhere => "sends-somewhere",
            Self::NamesOrigin => "names-origin",
            Self::CardField => "card-field",
            Self::Listens => "listens",
            Self::BuildsForm => "builds-form",
            Self::BuildsScript => "builds-script",
            Self::MakesCode => "makes-code",
            Self::Decodes => "decodes",
            Self::WritesDocument => "writes-document",
            Self::WatchesPage => "watches-page",
            Self::KeepsCard => "keeps-card",
            Self::ReadsCookies => "reads-cookies",
            Self::Obfuscated => "obfuscated",
        }
    }

    /// What it means, as a sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::SkimmerShape => "Reads card fields and sends data: this is how card skimmers are built.",
            Self::SendsTo => "Sends data to this place, or loads something from it.",
            Self::SendsSomewhere => "Sends data to an address that is put together while it runs.",
            Self::NamesOrigin => "Mentions this place.",
            Self::CardField => "Mentions a field for card data.",
            Self::Listens => "Listens to what people type or send.",
            Self::BuildsForm => "Builds a form or a frame, which can lie over the real one.",
            Self::BuildsScript => "Loads another script.",
            Self::MakesCode => "Makes script of text while it runs.",
            Self::Decodes => "Decodes text, which can hide what it does.",
            Self::WritesDocument => "Writes into the page while it loads.",
            Self::WatchesPage => "Watches the page for new fields.",
            Self::KeepsCard => "Keeps something of a card in the browser.",
            Self::ReadsCookies => "Reads or writes cookies.",
            Self::Obfuscated => "Is written so that people cannot read it.",
        }
    }

    const fn severity(self) -> Severity {
        match self {
            Self::SkimmerShape | Self::KeepsCard => Severity::Critical,
            Self::SendsTo
            | Self::CardField
            | Self::MakesCode
            | Self::Decodes
            | Self::WritesDocument
            | Self::BuildsForm
            | Self::Obfuscated => Severity::Warning,
            Self::SendsSomewhere
            | Self::NamesOrigin
            | Self::Listens
            | Self::BuildsScript
            | Self::WatchesPage
            | Self::ReadsCookies => Severity::Info,
        }
    }
}

/// The risks of a script, in the order of their places, each kind and detail once, at most [`RISKS_MAX`].
pub fn risks(script: &str) -> Vec<Risk> {
    let (text, _) = bounded(script);
    let tokens: Vec<Token<'_>> = Tokens::of(text).filter(Token::is_code).take(TOKENS_MAX).collect();
    let mut found = Found::default();
    for at in 0..tokens.len() {
        rules::look(&tokens, at, &mut found);
    }
    shape::look(text, &tokens, &mut found);
    let layout = lay_out(text);
    found.risks.sort_by_key(|risk| risk.place.offset);
    for risk in &mut found.risks {
        risk.place.line = layout.line_of(risk.place.offset);
    }
    found.risks
}

/// The risks of `new` that `old` does not have.
pub fn new_risks(old: &str, new: &str) -> Vec<Risk> {
    let known: BTreeSet<(RiskKind, String)> =
        risks(old).into_iter().map(|risk| (risk.kind, risk.detail)).collect();
    let mut risks = risks(new);
    risks.retain(|risk| !known.contains(&(risk.kind, risk.detail.clone())));
    risks
}

/// Risks while they are looked for.
#[derive(Default)]
struct Found {
    risks: Vec<Risk>,
    known: BTreeSet<(RiskKind, String)>,
}

impl Found {
    fn add(&mut self, kind: RiskKind, detail: &str, offset: usize) {
        let mut detail = gabion_core::card::mask(detail).into_owned();
        truncate(&mut detail, QUOTE_BYTES_MAX);
        // The one that says most is never left out.
        let has_room = self.risks.len() < RISKS_MAX || kind == RiskKind::SkimmerShape;
        if has_room && self.known.insert((kind, detail.clone())) {
            let place = Place { offset, line: 1 };
            self.risks.push(Risk { kind, detail, severity: kind.severity(), place });
        }
    }

    fn has(&self, kind: RiskKind) -> bool {
        self.risks.iter().any(|risk| risk.kind == kind)
    }

    fn first(&self, kind: RiskKind) -> Option<usize> {
        self.risks.iter().find(|risk| risk.kind == kind).map(|risk| risk.place.offset)
    }
}
