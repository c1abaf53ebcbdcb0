//! Decisions: what people allow, deny, stop and enforce. Each is one row with what was before, so that it can be taken
//! back; state, decision and event are one transaction.

mod act;
pub(crate) mod state;

use std::collections::BTreeMap;

use gabion_core::{Actor, SiteId, Timestamp};
use gabion_markup::PageClass;
use gabion_web::{Cursor, Listing, Page};
use serde::{Deserialize, Serialize};

use crate::identity::words;
use crate::{DecisionId, Pages, PagesError, ScriptId, store};

pub(crate) use state::{HoldState, Item, State, Stop, Subject};

/// Things that one decision is about.
pub const ITEMS_MAX: usize = 500;
/// Bytes of a justification or a reason.
pub const JUSTIFICATION_BYTES_MAX: usize = 2_000;
/// Bytes of the name of who answers for a script.
pub const OWNER_BYTES_MAX: usize = 120;

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionKind {
    /// Scripts may run.
    Authorize,
    /// Scripts may not run.
    Deny,
    /// A script is held to its content, or not any more.
    Pin,
    /// Places are allowed or denied.
    Destinations,
    /// Scripts, places and headers of a class as they are.
    ApproveClass,
    /// The headers of a class as they are.
    ApproveHeaders,
    /// Nothing from an origin runs any more.
    StopOrigin,
    /// It may run again.
    AllowOrigin,
    /// How a class is held.
    Hold,
    /// What pages are for.
    Classes,
    /// What became of a change.
    SettleChange,
    /// A decision was taken back.
    Undo,
}

words!(DecisionKind {
    Authorize => "authorize",
    Deny => "deny",
    Pin => "pin",
    Destinations => "destinations",
    ApproveClass => "approve_class",
    ApproveHeaders => "approve_headers",
    StopOrigin => "stop_origin",
    AllowOrigin => "allow_origin",
    Hold => "hold",
    Classes => "classes",
    SettleChange => "settle_change",
    Undo => "undo",
});

/// How far the policy of a class is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageWord {
    /// Pages are only looked at; browsers are told nothing.
    Off,
    /// Browsers report, and run everything.
    #[default]
    Learn,
    /// Browsers keep to it.
    Enforce,
}

words!(StageWord { Off => "off", Learn => "learn", Enforce => "enforce" });

/// What happens to a script that nobody decided about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndecidedWord {
    /// It is told, and runs unless the policy is enforced.
    #[default]
    Told,
    /// It does not run.
    Stopped,
    /// Customers are led elsewhere, such as to a payment link.
    Elsewhere,
}

words!(UndecidedWord { Told => "told", Stopped => "stopped", Elsewhere => "elsewhere" });

/// How scripts are told from each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrustWord {
    /// By a nonce where scripts in pages are different in every answer, else by place and hash.
    #[default]
    Auto,
    /// By place and hash.
    Places,
    /// Also by a nonce.
    Nonce,
    /// By nonce and hash only, and what those scripts load is trusted with them.
    StrictDynamic,
}

words!(TrustWord {
    Auto => "auto",
    Places => "places",
    Nonce => "nonce",
    StrictDynamic => "strict_dynamic",
});

/// A script to authorize.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Authorization {
    /// The script.
    pub script: ScriptId,
    /// Why it is needed; written for whoever asks in a year.
    pub justification: String,
    /// Who answers for it in the shop.
    #[serde(default)]
    pub owner: Option<String>,
}

/// Approves what a class of pages does today.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Approval {
    /// Why scripts are needed that have no justification of their own here or from before.
    #[serde(default)]
    pub justification: Option<String>,
    /// Why each is needed.
    #[serde(default)]
    pub each: BTreeMap<ScriptId, String>,
    /// Who answers for those that nobody answers for yet.
    #[serde(default)]
    pub owner: Option<String>,
    /// Whether places are allowed too.
    #[serde(default)]
    pub with_destinations: bool,
    /// Whether the headers become the baseline.
    #[serde(default)]
    pub with_headers: bool,
}

/// How a class of pages is to be held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct HoldWish {
    /// How far the policy is.
    pub stage: StageWord,
    /// What happens to a script that nobody decided about.
    #[serde(default)]
    pub undecided: UndecidedWord,
    /// Where customers are led instead: an absolute `https` address. For [`UndecidedWord::Elsewhere`].
    #[serde(default)]
    pub elsewhere: Option<String>,
    /// How scripts are told from each other.
    #[serde(default)]
    pub trust: TrustWord,
    /// Enforce it although it stops something that pages do.
    #[serde(default)]
    pub despite_breakage: bool,
}

/// One thing that was decided about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DecidedItem {
    /// Its id or name.
    pub subject: String,
    /// What to call it.
    pub label: String,
    /// What was before, in a few words.
    pub before: String,
    /// What is since, in a few words.
    pub after: String,
}

/// A decision.
#[derive(Clone, Debug, Serialize)]
pub struct DecisionView {
    /// Its id.
    pub id: DecisionId,
    /// The site.
    pub site: SiteId,
    /// The class it is about, where it is about one.
    pub class: Option<PageClass>,
    /// What was decided.
    pub kind: DecisionKind,
    /// About what.
    pub items: Vec<DecidedItem>,
    /// Why.
    pub justification: Option<String>,
    /// Who decided.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// The decision it takes back.
    pub undoes: Option<DecisionId>,
    /// The decision that took it back.
    pub undone_by: Option<DecisionId>,
}

impl Pages {
    /// Decisions of a site, the newest first.
    ///
    /// # Errors
    /// [`PagesError::Store`].
    pub async fn decisions(&self, site: &SiteId, page: Page) -> Result<Listing<DecisionView>, PagesError> {
        let (site, limit) = (site.clone(), page.limit + 1);
        let before = page.cursor.as_ref().map(|cursor| cursor.position().to_owned());
        let rows = self
            .db()
            .read(move |tx| Ok::<_, PagesError>(store::decision::page(tx, &site, before.as_deref(), limit)?))
            .await?;
        let views = rows.into_iter().map(store::decision::Row::view).collect();
        Ok(page.listing(views, |view: &DecisionView| Cursor::after(view.id)))
    }
}
