//! Customers' sessions: a random token in a cookie, its digest in the database, a copy of the rest in memory.

use std::sync::Arc;
use std::time::Duration;

use gabion_core::{Actor, Secret, SiteId, Timestamp};
use gabion_store::Tx;
use http::HeaderValue;
use serde::{Deserialize, Serialize};

use super::account::{AccountId, State};
use super::book::Known;
use super::flow::{Level, Proof};
use super::{CustomerError, Customers, event, store};
use crate::cookie;
use crate::session::Client;
use crate::token::{Token, digest_of};

gabion_core::id!(
    /// A customer's session.
    pub SessionId, "cse"
);

/// Name of the cookie. The prefix makes browsers insist on `Secure`, `Path=/` and no `Domain`, and keeps it from the shop.
pub const COOKIE_NAME: &str = "__Host-gabion-customer";
/// Sessions of one customer. A further sign-in ends the oldest.
pub const SESSIONS_MAX: usize = 30;
/// Activity is written at most this often; a session may therefore end this much early after a restart.
pub const TOUCH_EVERY: Duration = Duration::from_secs(5 * 60);
/// Sessions whose activity is written at once.
const TOUCHES_MAX: usize = 500;
/// Times the database is asked anew while sessions end around the question.
const ASKED_MAX: usize = 3;

/// Who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The session.
    pub id: SessionId,
    /// The shop front.
    pub site: SiteId,
    /// Whose it is.
    pub account: AccountId,
    /// How much is known of who is there.
    pub level: Level,
    /// What was shown.
    pub methods: Vec<Proof>,
    /// When it was shown.
    pub authenticated_at: Timestamp,
    /// When the session ends whatever happens.
    pub expires_at: Timestamp,
}

impl SignedIn {
    /// Whether who is there was shown within this time.
    pub fn is_fresh(&self, within: Duration, now: Timestamp) -> bool {
        now.since(self.authenticated_at) < within
    }
}

/// Where a session is used from, as its owner sees it. Sealed under their key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whence {
    /// Address it began from.
    pub address: String,
    /// Browser it began in.
    pub user_agent: String,
}

/// A session, as its owner and staff see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
    /// How much is known of who is there.
    pub level: Level,
    /// What was shown.
    pub methods: Vec<Proof>,
    /// When it was shown.
    pub authenticated_at: Timestamp,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to five minutes.
    pub seen_at: Timestamp,
    /// When it ends whatever happens.
    pub expires_at: Timestamp,
    /// Where it is used from; none once the account was erased.
    pub whence: Option<Whence>,
}

/// A session that just began: the token goes into the cookie and nowhere else.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Whose it is.
    pub account: AccountId,
    /// How much is known of who is there.
    pub level: Level,
    /// The cookie's content.
    pub token: Secret<String>,
    /// Sessions that ended for it: they have to be forgotten after the commit.
    pub(crate) ended: Vec<SessionId>,
}

/// A session made before the write that stores it.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) id: SessionId,
    site: SiteId,
    token: Token,
    methods: Vec<Proof>,
    begins: Timestamp,
    authenticated_at: Timestamp,
    expires_at: Timestamp,
    whence: Whence,
    replaces: Option<[u8; 32]>,
}

impl Draft {
    /// Stores the session, ends the one it replaces and the oldest ones beyond [`SESSIONS_MAX`].
    pub(crate) fn begin(
        &self,
        tx: &mut Tx<'_>,
        account: AccountId,
        level: Level,
    ) -> Result<NewSession, CustomerError> {
        let mut ended = Vec::new();
        if let Some(digest) = &self.replaces {
            ended.extend(store::session::delete_by_token(tx, digest)?);
        }
        for old in store::session::ids_of(tx, account)?.into_iter().skip(SESSIONS_MAX - 1) {
            store::session::delete(tx, account, old)?;
            ended.push(old);
        }
        let row = store::session::NewRow {
            id: self.id,
            site: &self.site,
            account,
            token: &self.token.digest,
            level,
            methods: &self.methods,
            begins: self.begins,
            authenticated_at: self.authenticated_at,
            expires_at: self.expires_at,
            whence: &self.whence,
        };
        store::session::insert(tx, &row)?;
        Ok(NewSession { account, level, token: self.token.secret.clone(), ended })
    }

    /// The same, of somebody who showed who they are at an earlier time.
    pub(crate) fn shown_at(self, authenticated_at: Timestamp) -> Self {
        Self { authenticated_at, ..self }
    }
}

impl Customers {
    /// A session that begins with what was shown. A cookie that the browser has already stops standing for anybody: nobody
    /// goes on with a session that somebody else began.
    pub(crate) fn draft(
        &self,
        site: &SiteId,
        client: &Client,
        methods: &[Proof],
        replaces: Option<&str>,
    ) -> Draft {
        let now = self.now();
        Draft {
            id: SessionId::new(now, self.entropy()),
            site: site.clone(),
            token: Token::new(self.entropy()),
            methods: methods.to_vec(),
            begins: now,
            authenticated_at: now,
            expires_at: now.after(self.config().session_max()),
            whence: Whence { address: client.address.to_string(), user_agent: client.user_agent.clone() },
            replaces: replaces.and_then(digest_of),
        }
    }

    /// Who a cookie stands for at a site, from memory alone; an error where the database has to be asked
    /// ([`Customers::signed_in`]).
    ///
    /// # Errors
    /// [`Unknown`].
    pub fn remembered(&self, site: &SiteId, cookie: &str) -> Result<Option<Arc<SignedIn>>, Unknown> {
        let Some(digest) = digest_of(cookie) else { return Ok(None) };
        match self.book().find(&digest, self.now(), self.config().session_idle()) {
            Known::Session(signed_in) => Ok(Some(signed_in).filter(|signed_in| signed_in.site == *site)),
            Known::Nobody => Ok(None),
            Known::Ask(_) => Err(Unknown),
        }
    }

    /// Who a cookie stands for at a site.
    ///
    /// # Errors
    /// [`CustomerError::Store`].
    pub async fn signed_in(
        &self,
        site: &SiteId,
        cookie: &str,
    ) -> Result<Option<Arc<SignedIn>>, CustomerError> {
        let Some(digest) = digest_of(cookie) else { return Ok(None) };
        let idle = self.config().session_idle();
        let mut found = None;
        for _ in 0..ASKED_MAX {
            let ticket = match self.book().find(&digest, self.now(), idle) {
                Known::Session(signed_in) => {
                    return Ok(Some(signed_in).filter(|signed_in| signed_in.site == *site));
                }
                Known::Nobody => return Ok(None),
                Known::Ask(ticket) => ticket,
            };
            let live = self.db().read(move |tx| store::session::by_token(tx, &digest)).await?;
            let now = self.now();
            let live = live.filter(|(session, seen, state)| {
                *state == State::Active && now < session.expires_at && now.since(*seen) < idle
            });
            found = live.map(|(session, seen, _)| (Arc::new(session), seen));
            if self.book().learn(ticket, digest, found.clone(), now) {
                break;
            }
        }
        Ok(found.map(|(signed_in, _)| signed_in).filter(|signed_in| signed_in.site == *site))
    }

    /// A session began, and its commit is done: what ended for it leaves memory, too.
    pub(crate) fn began(&self, session: NewSession) -> NewSession {
        if !session.ended.is_empty() {
            self.book().forget(|signed_in| session.ended.contains(&signed_in.id));
        }
        session
    }

    /// The cookie of a session that just began.
    pub fn session_cookie(&self, session: &NewSession) -> HeaderValue {
        cookie::set(COOKIE_NAME, &session.token, Some(self.config().session_max()))
    }

    /// The live sessions of an account, newest first.
    ///
    /// # Errors
    /// [`CustomerError::Store`].
    pub async fn sessions(&self, account: AccountId) -> Result<Vec<SessionView>, CustomerError> {
        let mut sessions = self.db().read(move |tx| store::session::of(tx, account)).await?;
        let (now, idle) = (self.now(), self.config().session_idle());
        // What is in memory is newer than the database by up to a write.
        sessions
            .retain(|session| now < session.expires_at && now.since(session.seen_at) < idle + TOUCH_EVERY);
        Ok(sessions)
    }

    /// Ends one session of an account.
    ///
    /// # Errors
    /// [`CustomerError::NotFound`] and [`CustomerError::Store`].
    pub async fn end_session(
        &self,
        site: &SiteId,
        account: AccountId,
        id: SessionId,
        by: Actor,
    ) -> Result<(), CustomerError> {
        let event = self.event(&event::SESSIONS_ENDED, site, by).subject(account.subject());
        let event = event.entity("account", account).entity("session", id).field("sessions", 1);
        let ended = self
            .db()
            .write(move |tx| {
                if !store::session::delete(tx, account, id)? {
                    return Err(CustomerError::NotFound { what: "session" });
                }
                Ok(tx.record(&event)?)
            })
            .await;
        // Also where it was ended before, or nobody knows whether it was: memory must not know more than the database.
        self.book().forget(|signed_in| signed_in.id == id);
        ended
    }

    /// Ends every session of an account except one; says how many.
    ///
    /// # Errors
    /// [`CustomerError::Store`].
    pub async fn end_sessions(
        &self,
        site: &SiteId,
        account: AccountId,
        except: Option<SessionId>,
        by: Actor,
    ) -> Result<u64, CustomerError> {
        let event = self.event(&event::SESSIONS_ENDED, site, by).subject(account.subject());
        let event = event.entity("account", account);
        let ended = self
            .db()
            .write(move |tx| {
                let ended = store::session::delete_all(tx, account, except)?;
                if ended > 0 {
                    let count = i64::try_from(ended).unwrap_or(i64::MAX);
                    tx.record(&event.clone().field("sessions", count))?;
                }
                Ok::<_, CustomerError>(ended)
            })
            .await;
        self.book().forget(|signed_in| signed_in.account == account && Some(signed_in.id) != except);
        ended
    }

    /// Writes when sessions were last used, some hundreds at once.
    pub(crate) async fn write_activity(&self) -> Result<(), CustomerError> {
        let used = self.book().used(TOUCH_EVERY, TOUCHES_MAX);
        if used.is_empty() {
            return Ok(());
        }
        self.db()
            .write(move |tx| {
                for (id, seen) in &used {
                    store::session::touch(tx, *id, *seen)?;
                }
                Ok(())
            })
            .await
    }
}

/// The database has to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not in memory")]
pub struct Unknown;

/// The cookie that ends a session in the browser.
pub fn clear_cookie() -> HeaderValue {
    cookie::clear(COOKIE_NAME)
}
