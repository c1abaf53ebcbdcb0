//! What pages are held to, for whoever serves them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gabion_core::SiteId;
use gabion_markup::class::ClassRule;
use gabion_markup::holding::{ClassHolding, ScriptKey, SiteHolding, Stage, Undecided};
use gabion_markup::policy::{Allowlist, Mode};
use gabion_markup::{Address, PageClass};
use gabion_store::Tx;

use crate::class::proposed_rules;
use crate::decision::{HoldState, StageWord, UndecidedWord};
use crate::proposal::{Inventory, Only};
use crate::{Pages, PagesError, Status, store};

impl Pages {
    /// What the pages of a site are held to now.
    ///
    /// # Errors
    /// [`PagesError::Store`].
    pub async fn holding(&self, site: &SiteId) -> Result<SiteHolding, PagesError> {
        let site = site.clone();
        self.db().read(move |tx| site_holding(tx, &site)).await
    }

    /// Reads again what the pages of every site are held to, and tells whoever watches [`Pages::holdings`].
    ///
    /// # Errors
    /// [`PagesError::Store`]; what was told before stays.
    pub async fn refresh(&self) -> Result<(), PagesError> {
        let sites = self.db().read(|tx| Ok::<_, PagesError>(store::site::all(tx)?)).await?;
        for site in sites {
            self.refresh_site(&site).await?;
        }
        Ok(())
    }

    /// As [`Pages::refresh`], of one site. One at a time, so that an older reading never comes after a newer one.
    pub(crate) async fn refresh_site(&self, site: &SiteId) -> Result<(), PagesError> {
        let _turn = self.0.refreshing.lock().await;
        let holding = self.holding(site).await?;
        self.0.holdings.send_if_modified(|holdings| {
            if holdings.get(site) == Some(&holding) {
                return false;
            }
            let mut all = BTreeMap::clone(holdings);
            all.insert(site.clone(), holding);
            *holdings = Arc::new(all);
            true
        });
        Ok(())
    }
}

fn site_holding(tx: &mut Tx<'_>, site: &SiteId) -> Result<SiteHolding, PagesError> {
    let confirmed = store::site::rules(tx, site)?;
    let is_confirmed = confirmed.is_some();
    let classes = confirmed.map_or_else(|| looks_like(tx, site), Ok)?;
    let mut by_class = BTreeMap::new();
    for class in PageClass::ALL {
        let mut inventory = Inventory::read(tx, site, class)?;
        if !is_confirmed {
            inventory.hold = only_learning(inventory.hold);
        }
        by_class.insert(class, class_holding(&inventory));
    }
    let stopped = store::site::stopped(tx, site)?;
    let stopped_origins: BTreeSet<String> = stopped.into_iter().map(|stop| stop.origin).collect();
    Ok(SiteHolding { classes, by_class, stopped_origins })
}

fn looks_like(tx: &mut Tx<'_>, site: &SiteId) -> Result<Vec<ClassRule>, PagesError> {
    let pages: Vec<_> = store::page::all(tx, site)?.into_iter().map(|row| row.view).collect();
    Ok(proposed_rules(&pages))
}

/// What pages only look like is good for looking, and for nothing that changes them.
fn only_learning(hold: HoldState) -> HoldState {
    let stage = match hold.stage {
        StageWord::Enforce => StageWord::Learn,
        stage => stage,
    };
    HoldState { stage, undecided: UndecidedWord::Told, elsewhere: None, ..hold }
}

fn class_holding(inventory: &Inventory) -> ClassHolding {
    let hold = &inventory.hold;
    let (only, mode) = match hold.stage {
        StageWord::Enforce => (Only::Authorized, Mode::Enforce),
        StageWord::Off | StageWord::Learn => (Only::Seen, Mode::ReportOnly),
    };
    let made = inventory.make(only, mode);
    // A policy that is too long cannot be sent; while learning, less is told then.
    let allowed = match (made.answers.is_ok(), hold.stage) {
        (true, _) | (false, StageWord::Enforce) => made.allowed,
        (false, StageWord::Off | StageWord::Learn) => Allowlist::of_own(),
    };
    let with_status = |status| {
        let scripts = inventory.scripts.iter().filter(move |script| script.status == status);
        scripts.filter_map(|script| script.key.parse::<ScriptKey>().ok()).collect()
    };
    let pinned = inventory.scripts.iter().filter(|script| script.status == Status::Authorized);
    let pinned = pinned.filter_map(|script| {
        let hash = script.pin.as_ref()?.parse().ok()?;
        match script.key.parse().ok()? {
            ScriptKey::Web(address) => Some((address, hash)),
            _ => None,
        }
    });
    let elsewhere = || hold.elsewhere.as_deref().and_then(Address::parse);
    ClassHolding {
        stage: match hold.stage {
            StageWord::Off => Stage::Off,
            StageWord::Learn => Stage::Learn,
            StageWord::Enforce => Stage::Enforce,
        },
        allowed,
        trust: made.trust,
        authorized: with_status(Status::Authorized),
        denied: with_status(Status::Denied),
        pinned: pinned.collect(),
        undecided: match hold.undecided {
            UndecidedWord::Told => Undecided::Told,
            UndecidedWord::Stopped => Undecided::Stopped,
            // Without an address nobody can be led there; not serving the script is the safe half of it.
            UndecidedWord::Elsewhere => elsewhere().map_or(Undecided::Stopped, Undecided::Elsewhere),
        },
    }
}
