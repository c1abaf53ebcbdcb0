//! Sessions: a random token in a cookie, its digest in the database.
//!
//! The cookie is `SameSite=Lax`: with `Strict`, whoever follows a link from an alert mail would land on the
//! sign-in page although they are signed in. What changes something is a POST, which `Lax` does not send along
//! from foreign pages, and which the control plane checks by origin and form token besides.

use std::net::IpAddr;
use std::time::Duration;

use gabion_core::{Secret, Timestamp};
use gabion_store::Tx;
use gabion_web::{Principal, SessionId, Staff, StaffId};
use http::{HeaderMap, HeaderValue};
use serde::Serialize;

use crate::store::{self, LiveSession};
use crate::token::{Token, digest_of};
use crate::{Identity, IdentityError, cookie, event};

/// Name of the cookie. The prefix makes browsers insist on `Secure`, `Path=/` and no `Domain`.
pub const COOKIE_NAME: &str = "__Host-gabion";
/// Sessions of one person. A further sign-in ends the oldest.
pub const SESSIONS_MAX: usize = 20;
/// Activity is written at most this often; a session may therefore end this much early.
pub const TOUCH_EVERY: Duration = Duration::from_secs(60);
/// Bytes kept of a browser's self-description.
pub const USER_AGENT_BYTES_MAX: usize = 200;

/// Where a request comes from, as remembered with a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The client's address.
    pub address: IpAddr,
    /// What the browser calls itself, cut to [`USER_AGENT_BYTES_MAX`].
    pub user_agent: String,
}

impl Client {
    /// Takes the address and the `User-Agent` header.
    pub fn new(address: IpAddr, headers: &HeaderMap) -> Self {
        let agent = headers.get(http::header::USER_AGENT).and_then(|value| value.to_str().ok());
        let agent = gabion_core::limits::cut(agent.unwrap_or_default(), USER_AGENT_BYTES_MAX);
        Self { address, user_agent: agent.into_owned() }
    }
}

/// A session as shown to its owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_seen_at: Timestamp,
    /// When it ends whatever happens.
    pub expires_at: Timestamp,
    /// Address it began from.
    pub address: String,
    /// Browser it began in.
    pub user_agent: String,
}

impl SessionView {
    /// Whether it can still be used, if its owner rests at most `idle`.
    pub fn is_live(&self, now: Timestamp, idle: Duration) -> bool {
        now < self.expires_at && now.since(self.last_seen_at) < idle
    }
}

/// A session that just began: the token goes into the cookie and nowhere else.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Whose it is.
    pub staff: StaffId,
    /// The cookie's content.
    pub token: Secret<String>,
}

/// A session made before the write that stores it.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    view: SessionView,
    token: Token,
}

impl Draft {
    pub(crate) fn id(&self) -> SessionId {
        self.view.id
    }

    /// Stores the session and ends the oldest ones beyond [`SESSIONS_MAX`].
    pub(crate) fn begin(&self, tx: &mut Tx<'_>, staff: StaffId) -> Result<NewSession, IdentityError> {
        for old in store::sessions_of(tx, staff)?.iter().skip(SESSIONS_MAX - 1) {
            store::session_delete(tx, staff, old.id)?;
        }
        store::session_insert(tx, staff, &self.view, &self.token.digest)?;
        Ok(NewSession { staff, token: self.token.secret.clone() })
    }
}

impl Identity {
    pub(crate) fn draft_session(&self, client: &Client) -> Draft {
        let now = self.now();
        let view = SessionView {
            id: SessionId::new(now, self.entropy()),
            created_at: now,
            last_seen_at: now,
            expires_at: now.after(self.config().session_max()),
            address: client.address.to_string(),
            user_agent: client.user_agent.clone(),
        };
        Draft { view, token: Token::new(self.entropy()) }
    }

    /// The person behind a session cookie; none when it is unknown, over, or its account disabled.
    ///
    /// # Errors
    /// [`IdentityError::Store`].
    pub async fn person(&self, token: &str) -> Result<Option<Principal>, IdentityError> {
        let Some(digest) = digest_of(token) else { return Ok(None) };
        let found = self.db().read(move |tx| store::session_by_token(tx, &digest)).await?;
        let (now, idle) = (self.now(), self.config().session_idle());
        let live =
            |found: &LiveSession| found.session.is_live(now, idle) && found.staff.disabled_at.is_none();
        let Some(LiveSession { session, staff }) = found.filter(live) else { return Ok(None) };
        if now.since(session.last_seen_at) >= TOUCH_EVERY {
            self.write_aside(move |tx| store::session_touch(tx, session.id, now));
        }
        Ok(Some(Principal::Staff(Staff {
            id: staff.id,
            name: staff.name,
            role: staff.role,
            session: session.id,
        })))
    }

    /// The live sessions of a person, newest first.
    ///
    /// # Errors
    /// [`IdentityError::Store`].
    pub async fn sessions(&self, staff: StaffId) -> Result<Vec<SessionView>, IdentityError> {
        let mut sessions = self.db().read(move |tx| store::sessions_of(tx, staff)).await?;
        let (now, idle) = (self.now(), self.config().session_idle());
        sessions.retain(|session| session.is_live(now, idle));
        Ok(sessions)
    }

    /// Ends one session of a person.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`] and [`IdentityError::Store`].
    pub async fn end_session(&self, by: &Staff, id: SessionId) -> Result<(), IdentityError> {
        let staff = by.id;
        let event = self.event_by(&event::SESSIONS_ENDED, by).entity("session", id).field("sessions", 1);
        self.db()
            .write(move |tx| {
                if !store::session_delete(tx, staff, id)? {
                    return Err(IdentityError::NotFound { what: "session" });
                }
                Ok(tx.record(&event)?)
            })
            .await
    }

    /// Ends every session of a person except the one they act in; says how many.
    ///
    /// # Errors
    /// [`IdentityError::Store`].
    pub async fn end_other_sessions(&self, by: &Staff) -> Result<u64, IdentityError> {
        let (staff, own) = (by.id, by.session);
        let event = self.event_by(&event::SESSIONS_ENDED, by);
        self.db()
            .write(move |tx| {
                let ended = store::sessions_delete(tx, staff, Some(own))?;
                if ended > 0 {
                    let count = i64::try_from(ended).unwrap_or(i64::MAX);
                    tx.record(&event.clone().field("sessions", count))?;
                }
                Ok(ended)
            })
            .await
    }
}

/// The cookie that begins a session in the browser. It ends with the browser; the server ends it earlier.
pub fn set_cookie(token: &Secret<String>) -> HeaderValue {
    cookie::set(COOKIE_NAME, token, None)
}

/// The cookie that ends a session in the browser.
pub fn clear_cookie() -> HeaderValue {
    cookie::clear(COOKIE_NAME)
}

/// The session token a request carries.
pub fn cookie(headers: &HeaderMap) -> Option<&str> {
    cookie::values(headers, COOKIE_NAME).next()
}
