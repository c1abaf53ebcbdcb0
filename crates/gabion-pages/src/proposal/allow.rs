//! What pages of a class may do, made from the inventory.

use std::collections::BTreeSet;

use gabion_core::SiteId;
use gabion_markup::holding::{ScriptKey, TrustBy};
use gabion_markup::policy::{Allowed, Allowlist, Answers, Mode, Plan, PlanError, Trust, generate};
use gabion_markup::{Address, Nonce, PageClass};
use gabion_store::{StoreError, Tx};

use crate::company;
use crate::decision::{HoldState, TrustWord};
use crate::destination::{DestinationKind, DestinationView};
use crate::script::{ScriptForm, ScriptView};
use crate::{Status, store};

/// Stands for the nonce of one answer in a policy that is shown.
pub(crate) const SHOWN_NONCE: &str = "AAAAAAAAAAAAAAAAAAAAAAAA";
/// Where browsers send reports; a policy that is weighed has it so that its length is right.
const REPORT_PATH: &str = "/.gabion/reports";
/// Places of one kind that only browsers told of and that a policy for learning allows.
const HEARSAY_PLACES_MAX: usize = 20;

/// Which part of the inventory counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Only {
    /// Everything that was seen and not denied.
    Seen,
    /// What people allowed.
    Authorized,
}

/// What is known of a class of pages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inventory {
    pub(crate) scripts: Vec<ScriptView>,
    pub(crate) destinations: Vec<DestinationView>,
    pub(crate) stopped: BTreeSet<String>,
    pub(crate) hold: HoldState,
}

/// A policy that fits the inventory.
pub(crate) struct Made {
    pub(crate) allowed: Allowlist,
    pub(crate) trust: TrustBy,
    pub(crate) answers: Result<Answers, PlanError>,
}

impl Inventory {
    pub(crate) fn read(tx: &mut Tx<'_>, site: &SiteId, class: PageClass) -> Result<Self, StoreError> {
        let stopped = store::site::stopped(tx, site)?;
        Ok(Self {
            scripts: store::script::all(tx, site, Some(class))?,
            destinations: store::destination::all(tx, site, Some(class))?,
            stopped: stopped.into_iter().map(|stop| stop.origin).collect(),
            hold: store::class::one(tx, site, class)?.map(|row| row.hold).unwrap_or_default(),
        })
    }

    fn counts(only: Only, status: Status) -> bool {
        match only {
            Only::Seen => status != Status::Denied,
            Only::Authorized => status == Status::Authorized,
        }
    }

    pub(crate) fn scripts(&self, only: Only) -> impl Iterator<Item = &ScriptView> {
        let is_stopped =
            |script: &ScriptView| script.origin.as_ref().is_some_and(|origin| self.stopped.contains(origin));
        self.scripts.iter().filter(move |one| Self::counts(only, one.status) && !is_stopped(one))
    }

    pub(crate) fn places(&self, only: Only) -> impl Iterator<Item = &DestinationView> {
        let is_stopped = |place: &DestinationView| self.stopped.contains(&place.place);
        self.destinations.iter().filter(move |one| Self::counts(only, one.status) && !is_stopped(one))
    }

    pub(crate) fn needs_nonce(&self, only: Only) -> bool {
        self.scripts(only).any(|script| script.form == ScriptForm::Skeleton)
    }

    /// The policy by the trust that people asked for; by itself with a nonce where it is needed, or where hashes would not
    /// fit into a header.
    pub(crate) fn make(&self, only: Only, mode: Mode) -> Made {
        let made = |trust| self.with(only, mode, trust);
        match self.hold.trust {
            TrustWord::Places => made(TrustBy::Places),
            TrustWord::Nonce => made(TrustBy::Nonce),
            TrustWord::StrictDynamic => made(TrustBy::StrictDynamic),
            TrustWord::Auto if self.needs_nonce(only) => made(TrustBy::Nonce),
            TrustWord::Auto => Some(made(TrustBy::Places))
                .filter(|made| made.answers.is_ok())
                .unwrap_or_else(|| made(TrustBy::Nonce)),
        }
    }

    fn with(&self, only: Only, mode: Mode, trust: TrustBy) -> Made {
        let allowed = self.allowlist(only, trust);
        let nonce: Nonce = SHOWN_NONCE.parse().expect("it is a nonce");
        let plan = Plan {
            mode,
            trust: match trust {
                TrustBy::Places => Trust::Places,
                TrustBy::Nonce => Trust::Nonce(nonce),
                TrustBy::StrictDynamic => Trust::StrictDynamic(nonce),
            },
            report_path: REPORT_PATH.to_owned(),
            hash_reports: true,
        };
        let answers = generate(&allowed, &plan);
        Made { allowed, trust, answers }
    }

    fn allowlist(&self, only: Only, trust: TrustBy) -> Allowlist {
        let mut allowed = Allowlist::of_own();
        // Banks lead people back into a frame of the shop's own.
        allowed.ancestors.insert(Allowed::Own);
        for script in self.scripts(only) {
            match script.key.parse() {
                Ok(ScriptKey::Web(address)) => {
                    allowed.scripts.extend(place_of_script(script, address));
                }
                // With a nonce, scripts that stand in pages get it; those that scripts put there cannot.
                Ok(ScriptKey::Inline(hash)) if trust == TrustBy::Places || script.seen_by.is_hearsay() => {
                    allowed.inline.insert(hash);
                }
                Ok(ScriptKey::Handler(hash)) => {
                    allowed.handlers.insert(hash);
                }
                // A script in a `data:` address is never allowed: allowing it allows any.
                Ok(ScriptKey::Inline(_) | ScriptKey::Skeleton(_) | ScriptKey::Opaque(_)) | Err(_) => {}
            }
        }
        for kind in DestinationKind::ALL {
            self.allow_places(&mut allowed, *kind, only);
        }
        allowed
    }

    fn allow_places(&self, allowed: &mut Allowlist, kind: DestinationKind, only: Only) {
        let mut room = HEARSAY_PLACES_MAX;
        for place in self.places(only).filter(|place| place.kind == kind) {
            if only == Only::Seen && place.seen_by.is_hearsay() {
                if room == 0 {
                    continue;
                }
                room -= 1;
            }
            let set = match kind {
                DestinationKind::Form => &mut allowed.forms,
                DestinationKind::Frame => &mut allowed.frames,
                DestinationKind::Connect => &mut allowed.connect,
                DestinationKind::Image => &mut allowed.images,
                DestinationKind::Style => &mut allowed.styles,
                DestinationKind::Font => &mut allowed.fonts,
                DestinationKind::Media => &mut allowed.media,
                DestinationKind::Worker => &mut allowed.workers,
                DestinationKind::Eval => {
                    allowed.may_eval = true;
                    continue;
                }
            };
            set.extend(allowed_place(&place.place));
        }
    }
}

fn place_of_script(script: &ScriptView, address: Address) -> Option<Allowed> {
    if script.is_own {
        return Some(Allowed::Own);
    }
    match company::of_host(address.host()) {
        Some(known) if known.is_shared => Some(Allowed::Path(address)),
        _ => Address::parse(&address.origin()).map(Allowed::Origin),
    }
}

fn allowed_place(place: &str) -> Option<Allowed> {
    match place {
        "self" => Some(Allowed::Own),
        "data:" => Some(Allowed::Data),
        "blob:" => Some(Allowed::Blob),
        origin => Address::parse(origin).map(Allowed::Origin),
    }
}
