//! Who may act: staff accounts, sessions, roles and API keys.
//!
//! Protects the console and the API: every request passes [`Authenticate`] here and becomes a
//! [`Principal`] or nobody. What it must never do: keep a password, token or key in
//! readable form, tell a stranger whether an account exists, let the last owner lose the installation, or
//! change anything without the event in the same transaction.
//!
//! The walk of a sign-in: [`http`] parses an [`sign_in::Attempt`] -> [`throttle`] admits it -> `store` finds
//! the account -> [`hash_pool`] checks the password -> one transaction: [`session`] and event -> cookie.
//! New accounts and new passwords come through one-time [`link`]s; programs come with an [`api_key`].
//!
//! Failed sign-ins are slowed down from memory, so a restart forgets them (see [`throttle`]).

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use ::http::StatusCode;
use ::http::header::AUTHORIZATION;
use ::http::request::Parts;
use gabion_core::{Actor, Clock, Entropy, Event, EventId, EventKind, Timestamp};
use gabion_page::shell::Shell;
use gabion_store::{Db, StoreError, Tx};
use gabion_web::auth::Authentication;
use gabion_web::{Authenticate, Csrf, Principal, Problem, Staff};
use tokio_util::task::TaskTracker;

pub mod api_key;
pub mod config;
mod cookie;
pub mod customer;
pub mod error;
pub mod event;
pub mod hash_pool;
pub mod http;
pub mod link;
mod next;
pub mod password;
mod passwords;
pub mod session;
pub mod sign_in;
pub mod staff;
mod store;
pub mod task;
pub mod throttle;
mod token;

pub use config::{ConfigError, IdentityConfig};
pub use error::IdentityError;
pub use passwords::Passwords;
pub use store::MIGRATIONS;
pub use token::API_KEY_PREFIX;

use throttle::Throttle;

/// Writes of last use under way at once; when the database is slow, further ones are left out.
const ASIDE_WRITES_MAX: usize = 64;

/// What this domain needs from outside. The binary has brought [`MIGRATIONS`] up to date before.
#[derive(Clone)]
pub struct Deps {
    /// Accounts, sessions, keys; its key ring holds the password pepper and the key of form tokens.
    pub db: Db,
    /// Lifetimes of sessions and links.
    pub clock: Arc<dyn Clock>,
    /// Ids, tokens, salts.
    pub entropy: Arc<dyn Entropy>,
    /// Where passwords are hashed.
    pub passwords: Passwords,
    /// The frames of pages.
    pub shells: Arc<dyn Shells>,
}

/// Draws the frame around a page. Implemented above, where the navigation of all domains is known.
pub trait Shells: Send + Sync {
    /// The frame of a console page at `path` for whoever is signed in, navigation and banners included.
    fn console(&self, by: &Principal, title: &str, path: &str) -> Shell;
    /// The frame of a page for somebody who is not signed in.
    fn plain(&self, title: &str) -> Shell;
}

/// The handle on this domain; clones share it.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    config: IdentityConfig,
    db: Db,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    shells: Arc<dyn Shells>,
    csrf: Csrf,
    passwords: Passwords,
    throttle: Mutex<Throttle>,
    // Closed from the start, so that `settle` ends whenever it is empty.
    aside: TaskTracker,
}

impl Identity {
    /// Gives the handle.
    pub fn new(config: IdentityConfig, deps: Deps) -> Self {
        let Deps { db, clock, entropy, passwords, shells } = deps;
        let ring = db.clone();
        let csrf = Csrf::new(move || ring.keys());
        let throttle = Mutex::default();
        let aside = TaskTracker::new();
        aside.close();
        Self(Arc::new(Inner { config, db, clock, entropy, shells, csrf, passwords, throttle, aside }))
    }

    /// Makes and checks form tokens; the console's own forms use the same.
    pub fn csrf(&self) -> Csrf {
        self.0.csrf.clone()
    }

    /// Puts verified principals in front of every handler of `router`: wrap all domains' routers, once.
    pub fn authenticate(&self, router: axum::Router) -> axum::Router {
        gabion_web::auth::layer(router, Arc::new(self.clone()), self.csrf())
    }

    fn config(&self) -> &IdentityConfig {
        &self.0.config
    }

    fn db(&self) -> &Db {
        &self.0.db
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    fn entropy(&self) -> &dyn Entropy {
        &*self.0.entropy
    }

    fn throttle<T>(&self, act: impl FnOnce(&mut Throttle) -> T) -> T {
        // Counts are whole after every step, so a panic elsewhere while it was locked does no harm.
        act(&mut self.0.throttle.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn event(&self, kind: &EventKind, by: Actor) -> Event {
        let now = self.now();
        Event::new(kind, EventId::new(now, self.entropy()), now, by)
    }

    fn event_by(&self, kind: &EventKind, by: &Staff) -> Event {
        self.event(kind, Actor::Staff(by.id.to_string()))
    }

    /// Waits for the writes no answer waited for. Call it before the database is closed.
    pub async fn settle(&self) {
        self.0.aside.wait().await;
    }

    /// Writes something no answer waits for and nothing depends on: when a session or key was last used.
    fn write_aside(&self, write: impl FnMut(&mut Tx<'_>) -> Result<(), StoreError> + Send + 'static) {
        if self.0.aside.len() >= ASIDE_WRITES_MAX {
            return; // the next request tries again
        }
        let db = self.db().clone();
        self.0.aside.spawn(async move {
            if let Err(error) = db.write(write).await {
                tracing::warn!(%error, "The time of last use was not written: {error}");
            }
        });
    }
}

impl Authenticate for Identity {
    fn authenticate<'a>(
        &'a self,
        parts: &'a Parts,
    ) -> Pin<Box<dyn Future<Output = Authentication> + Send + 'a>> {
        Box::pin(async move {
            match parts.headers.get(AUTHORIZATION) {
                Some(value) => {
                    let key = value.to_str().ok().and_then(bearer).ok_or_else(invalid_key)?;
                    self.program(key).await?.ok_or_else(invalid_key).map(Some)
                }
                None => match session::cookie(&parts.headers) {
                    Some(token) => Ok(self.person(token).await?),
                    None => Ok(None),
                },
            }
        })
    }
}

/// The token of a `Bearer` header, RFC 6750 section 2.1.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn invalid_key() -> Problem {
    let detail = "send a live API key: Authorization: Bearer gbk_...";
    Problem::new(StatusCode::UNAUTHORIZED, "invalid_api_key", detail)
}
