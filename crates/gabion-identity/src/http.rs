//! Routes of this domain: thin. Who may call a handler stands in its arguments.

use askama::Template;
use axum::Router;
use axum::extract::FromRequestParts;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{delete, get, post};
use gabion_core::Blame;
use gabion_page::shell::Shell;
use gabion_web::{ClientAddr, Principal, Problem, Staff};
use http::HeaderMap;
use http::header::SET_COOKIE;
use http::request::Parts;

use crate::session::{Client, NewSession, set_cookie};
use crate::{Identity, IdentityError};

mod account;
mod api;
mod door;
mod keys;
mod staff;
mod when;

impl Identity {
    /// Pages: one-time links, sign-in, account, staff, API keys.
    pub fn pages(&self) -> Router {
        Router::new()
            .route("/setup/{token}", get(door::link).post(door::use_link))
            .route("/sign-in", get(door::form).post(door::sign_in))
            .route("/sign-out", post(door::sign_out))
            .route("/account", get(account::page))
            .route("/account/password", post(account::change_password))
            .route("/account/sessions/end-others", post(account::end_others))
            .route("/account/sessions/{id}/end", post(account::end))
            .route("/staff", get(staff::page))
            .route("/staff/invite", post(staff::invite))
            .route("/staff/links/{id}/revoke", post(staff::revoke_link))
            .route("/staff/{id}/role", post(staff::set_role))
            .route("/staff/{id}/disable", post(staff::disable))
            .route("/staff/{id}/enable", post(staff::enable))
            .route("/staff/{id}/reset", post(staff::reset))
            .route("/api-keys", get(keys::page).post(keys::create))
            .route("/api-keys/{id}/revoke", post(keys::revoke))
            .with_state(self.clone())
    }

    /// The JSON API under `/api/v1`: session, staff, API keys.
    pub fn api(&self) -> Router {
        Router::new()
            .route("/api/v1/session", get(api::session).delete(api::end_session))
            .route("/api/v1/staff", get(api::staff))
            .route("/api/v1/staff/links", get(api::links).post(api::issue_link))
            .route("/api/v1/staff/links/{id}", delete(api::revoke_link))
            .route("/api/v1/staff/{id}", get(api::member).patch(api::change_member))
            .route("/api/v1/api-keys", get(api::api_keys).post(api::create_api_key))
            .route("/api/v1/api-keys/{id}", delete(api::revoke_api_key))
            .with_state(self.clone())
    }

    fn console(&self, by: &Staff, title: &str, path: &str) -> Shell {
        let mut shell = self.0.shells.console(&Principal::Staff(by.clone()), title, path);
        shell.csrf = self.0.csrf.token(by.session);
        shell
    }

    fn plain(&self, title: &str) -> Shell {
        self.0.shells.plain(title)
    }
}

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let ClientAddr(address) = ClientAddr::from_request_parts(parts, state).await?;
        Ok(Self::new(address, &parts.headers))
    }
}

/// A form without fields besides its token.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct NoFields {}

/// What a page tells about an act that was refused.
#[derive(Debug)]
struct Refusal {
    problem: Problem,
}

impl Refusal {
    /// What the person can act on; anything else becomes an error page.
    fn of(error: IdentityError) -> Result<Self, Problem> {
        let tellable = error.blame() == Blame::Client || matches!(error, IdentityError::Busy);
        let problem = Problem::from(error);
        if tellable { Ok(Self { problem }) } else { Err(problem) }
    }

    fn text(&self) -> &str {
        self.problem.detail()
    }

    /// Sends the page that shows the refusal, with the status and headers the API would send.
    fn show(&self, page: Result<Response, Problem>) -> Result<Response, Problem> {
        let mut response = page?;
        *response.status_mut() = self.problem.status();
        if let Some(wait) = self.problem.wait_seconds() {
            response.headers_mut().insert(http::header::RETRY_AFTER, wait.into());
        }
        Ok(response)
    }
}

fn render(page: &impl Template) -> Result<Response, Problem> {
    match page.render() {
        Ok(html) => Ok(Html(html).into_response()),
        Err(error) => Err(Problem::of(Blame::Bug, "template", &error)),
    }
}

/// Sends the browser on with the cookie of its new session.
fn enter(session: &NewSession, to: &str) -> Response {
    let mut response = Redirect::to(to).into_response();
    response.headers_mut().append(SET_COOKIE, set_cookie(&session.token));
    response
}

/// The address of a path on this console, as the browser knows it.
fn absolute(headers: &HeaderMap, uri: &http::Uri, path: &str) -> String {
    let authority = gabion_web::origin::authority(uri, headers).unwrap_or("localhost");
    format!("https://{authority}{path}")
}
