//! Customers: accounts of those who shop, and how they sign in.
//!
//! Protects people's accounts with a shop that keeps none itself, or puts Gabion's in front of its own. What it must never
//! do: say to a stranger whether somebody has an account; begin a session without what [`flow`] demands; keep a password,
//! code or token in readable form, or an address without its person's key; change a credential without an event and a
//! notice.
//!
//! The walk of a sign-in: [`http`] parses what was shown -> the throttle admits it -> `store` finds the account -> the
//! password is checked on the bounded pool, or a [`passkey`]'s answer verified -> [`flow`] says what comes next -> one
//! transaction: [`session`] and event -> cookie. Requests of a session cost no database ([`session`], `book`).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use gabion_core::{Actor, Clock, Entropy, Event, EventId, EventKind, SiteId, Timestamp};
use gabion_outbound::mail::Mail;
use gabion_store::Db;

use crate::passwords::Passwords;
use crate::throttle::Throttle;

pub mod account;
pub mod begin;
mod book;
pub mod config;
mod error;
pub mod event;
pub mod factor;
pub mod flow;
pub mod http;
mod letter;
mod notice;
pub mod passkey;
pub mod pending;
mod sealed;
pub mod session;
pub mod sign_in;
mod store;
mod words;

pub use account::{AccountId, AccountView};
pub use config::{CustomersConfig, Site, SiteRefused, Sites};
pub use error::CustomerError;

use book::Book;

/// Time between two writes of when sessions were last used, and two sweeps of what is over.
pub const TEND_EVERY: Duration = Duration::from_secs(60);

/// What this domain needs from outside.
#[derive(Clone)]
pub struct Deps {
    /// Accounts, sessions, passkeys; its key ring seals what is personal.
    pub db: Db,
    /// Lifetimes.
    pub clock: Arc<dyn Clock>,
    /// Ids, tokens, challenges, salts.
    pub entropy: Arc<dyn Entropy>,
    /// Where passwords are hashed.
    pub passwords: Passwords,
    /// Codes and notices to customers.
    pub mail: Mail,
}

/// The handle on customers' accounts; clones share it.
#[derive(Clone)]
pub struct Customers(Arc<Inner>);

struct Inner {
    config: CustomersConfig,
    sites: ArcSwap<Sites>,
    deps: Deps,
    book: Book,
    throttle: Mutex<Throttle>,
}

impl Customers {
    /// The accounts of these sites.
    pub fn new(config: CustomersConfig, sites: Sites, deps: Deps) -> Self {
        let (book, throttle) = (Book::default(), Mutex::default());
        Self(Arc::new(Inner { config, sites: ArcSwap::from_pointee(sites), deps, book, throttle }))
    }

    /// Takes other sites, or other names and origins of the same, from now on.
    pub fn set_sites(&self, sites: Sites) {
        self.0.sites.store(Arc::new(sites));
    }

    /// A site that has accounts.
    ///
    /// # Errors
    /// [`CustomerError::NoAccounts`].
    pub fn site(&self, id: &SiteId) -> Result<Arc<Site>, CustomerError> {
        self.0.sites.load().get(id).map(Arc::clone).ok_or(CustomerError::NoAccounts)
    }

    /// Whether a site has accounts.
    pub fn has(&self, id: &SiteId) -> bool {
        self.0.sites.load().contains_key(id)
    }

    /// An account.
    ///
    /// # Errors
    /// [`CustomerError::NotFound`] and [`CustomerError::Store`].
    pub async fn account(&self, id: AccountId) -> Result<AccountView, CustomerError> {
        let found = self.db().read(move |tx| store::account::by_id(tx, id)).await?;
        found.map(|found| found.account).ok_or(CustomerError::NotFound { what: "account" })
    }

    /// Writes when sessions were last used and deletes what is over, until the task is aborted.
    pub async fn run(self) {
        let mut interval = tokio::time::interval(TEND_EVERY);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            if let Err(error) = self.tend().await {
                tracing::warn!(%error, "Customers' sessions were not tended, and will be in a minute: {error}");
            }
        }
    }

    /// Writes when sessions were last used, and deletes what is over, some hundreds of each.
    ///
    /// # Errors
    /// [`CustomerError::Store`].
    pub async fn tend(&self) -> Result<(), CustomerError> {
        self.write_activity().await?;
        let now = self.now();
        let idle_since = now.before(self.config().session_idle());
        self.db().write(move |tx| store::sweep(tx, now, idle_since)).await?;
        Ok(())
    }

    fn config(&self) -> &CustomersConfig {
        &self.0.config
    }

    fn db(&self) -> &Db {
        &self.0.deps.db
    }

    fn book(&self) -> &Book {
        &self.0.book
    }

    fn mail(&self) -> &Mail {
        &self.0.deps.mail
    }

    fn passwords(&self) -> &Passwords {
        &self.0.deps.passwords
    }

    fn now(&self) -> Timestamp {
        self.0.deps.clock.now()
    }

    fn entropy(&self) -> &dyn Entropy {
        &*self.0.deps.entropy
    }

    fn throttle<T>(&self, act: impl FnOnce(&mut Throttle) -> T) -> T {
        // Counts are whole after every step, so a panic elsewhere while it was locked does no harm.
        act(&mut self.0.throttle.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn event(&self, kind: &EventKind, site: &SiteId, by: Actor) -> Event {
        let now = self.now();
        Event::new(kind, EventId::new(now, self.entropy()), now, by).site(site)
    }
}
