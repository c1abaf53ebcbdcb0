//! Who asks: the session cookie, the customer behind it and what every page shows about them.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::request::Parts;
use axum::response::AppendHeaders;

use crate::fault::Fault;
use crate::server::App;
use crate::store::accounts::{self, Customer, Session};

const COOKIE_NAME: &str = "tide_session";

/// What the frame of every page shows.
#[derive(Debug, Default, Clone)]
pub(crate) struct Chrome {
    pub(crate) cart_count: i64,
    /// First name of the customer who is signed in.
    pub(crate) first_name: Option<String>,
}

/// The visitor of this request. A token that is not kept any more counts as none.
#[derive(Debug, Default)]
pub(crate) struct Visitor {
    pub(crate) token: Option<String>,
    pub(crate) customer: Option<Customer>,
    cart_count: i64,
}

impl Visitor {
    pub(crate) fn chrome(&self) -> Chrome {
        let first_name = self.customer.as_ref().and_then(|customer| customer.name.split(' ').next());
        Chrome { cart_count: self.cart_count, first_name: first_name.map(str::to_owned) }
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Fault> {
        let Some(token) = cookie(&parts.headers) else { return Ok(Visitor::default()) };
        let found =
            app.db.run(move |db| Ok(accounts::session(db, &token)?.map(|session| (token, session)))).await?;
        Ok(found.map_or_else(Visitor::default, |(token, Session { customer, cart_count })| Visitor {
            token: Some(token),
            customer,
            cart_count,
        }))
    }
}

/// The session token alone, for handlers that start a session if there is none.
pub(crate) struct Token(pub(crate) Option<String>);

impl FromRequestParts<App> for Token {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        Ok(Token(cookie(&parts.headers)))
    }
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE_NAME)
        .map(|(_, value)| value.to_owned())
}

/// The header that gives the visitor their token.
///
/// Deliberately naive: neither `HttpOnly` nor `SameSite`, so scripts may read it and nothing limits who sends it.
pub(crate) fn remember(token: &str) -> AppendHeaders<[(axum::http::HeaderName, String); 1]> {
    AppendHeaders([(SET_COOKIE, format!("{COOKIE_NAME}={token}; Path=/; Max-Age=2592000"))])
}
