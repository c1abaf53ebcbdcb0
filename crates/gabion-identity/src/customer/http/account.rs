//! How a customer signs in: password, passkeys, and where they are signed in.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use gabion_core::{Actor, Secret, Timestamp};
use gabion_risk::Agent;
use http::header::SET_COOKIE;
use serde::Deserialize;

use super::door::{NoFields, go_on};
use super::form::Form;
use super::trouble::Trouble;
use super::view::{Frame, render};
use super::{ACCOUNT_PATH, Member};
use crate::customer::factor::Factors;
use crate::customer::passkey::PasskeyView;
use crate::customer::session::{SessionId, SessionView, Whence, clear_cookie};
use crate::customer::{AccountView, Customers};

#[derive(Template)]
#[template(path = "customer/account.html")]
struct AccountPage<'a> {
    frame: &'a Frame,
    account: &'a AccountView,
    passkeys: &'a [PasskeyView],
    factors: Factors,
    sessions: &'a [SessionView],
    own: SessionId,
    is_fresh: bool,
    done: Option<&'static str>,
    refused: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Done {
    #[serde(default)]
    done: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordForm {
    current: Option<Secret<String>>,
    password: Secret<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NameForm {
    name: String,
}

impl AccountPage<'_> {
    /// When something was, as people write it.
    fn date(&self, at: &Timestamp) -> String {
        self.frame.words.date(at)
    }

    /// Which browser a session began in, as people know it.
    fn browser(&self, whence: &Whence) -> String {
        self.frame.words.agent(&Agent::parse(&whence.user_agent))
    }

    /// Whether it is the session in which the page is read.
    fn is_own(&self, session: &SessionView) -> bool {
        session.id == self.own
    }
}

pub(super) async fn page(
    State(customers): State<Customers>,
    member: Member,
    Query(Done { done }): Query<Done>,
) -> Result<Response, Trouble> {
    let done = match done.as_str() {
        "password" => Some("account.password-done"),
        "passkey" => Some("account.passkey-done"),
        "app" => Some("account.app-done"),
        "second" => Some("account.second"),
        "removed" => Some("account.removed-done"),
        "sessions" => Some("account.sessions-done"),
        _ => None,
    };
    draw(&customers, &member, done, None).await
}

async fn draw(
    customers: &Customers,
    Member { visit, signed_in }: &Member,
    done: Option<&'static str>,
    trouble: Option<&Trouble>,
) -> Result<Response, Trouble> {
    let frame = Frame::of(visit, "account.title");
    let account = customers.account(signed_in.account).await?;
    let passkeys = customers.passkeys(signed_in.account).await?;
    let sessions = customers.sessions(signed_in.account).await?;
    let refused = trouble.map(|trouble| frame.words.text(trouble.text()));
    let page = render(&AccountPage {
        frame: &frame,
        account: &account,
        passkeys: &passkeys,
        factors: customers.factors(signed_in.account).await?,
        sessions: &sessions,
        own: signed_in.id,
        is_fresh: customers.is_fresh(signed_in),
        done: done.map(|done| frame.words.text(done)),
        refused,
    })?;
    Ok(match trouble {
        Some(trouble) => trouble.on(page),
        None => page,
    })
}

/// After an act: back to the page, which says what was done or why not.
pub(super) async fn after<T>(
    customers: &Customers,
    member: &Member,
    act: Result<T, crate::customer::CustomerError>,
    then: impl FnOnce(T) -> Response,
) -> Result<Response, Trouble> {
    match act {
        Ok(done) => Ok(then(done)),
        Err(error) => {
            let trouble = Trouble::from(error);
            if !trouble.is_tellable() {
                return Err(trouble);
            }
            draw(customers, member, None, Some(&trouble)).await
        }
    }
}

pub(super) fn back(done: &str) -> Response {
    Redirect::to(&format!("{ACCOUNT_PATH}?done={done}")).into_response()
}

pub(super) async fn change_password(
    State(customers): State<Customers>,
    member: Member,
    Form(PasswordForm { current, password }): Form<PasswordForm>,
) -> Result<Response, Trouble> {
    let Member { visit, signed_in } = &member;
    let changed = customers.change_password(signed_in, current, &password, &visit.client).await;
    let to = format!("{ACCOUNT_PATH}?done=password");
    after(&customers, &member, changed, |session| go_on(&customers, &session, &to)).await
}

pub(super) async fn rename_passkey(
    State(customers): State<Customers>,
    member: Member,
    Path(id): Path<String>,
    Form(NameForm { name }): Form<NameForm>,
) -> Result<Response, Trouble> {
    let id = id.parse().map_err(|_| not_found("passkey"))?;
    let renamed = customers.rename_passkey(&member.signed_in, id, &name).await;
    after(&customers, &member, renamed, |()| {
        Redirect::to(&format!("{ACCOUNT_PATH}#passkeys")).into_response()
    })
    .await
}

pub(super) async fn remove_passkey(
    State(customers): State<Customers>,
    member: Member,
    Path(id): Path<String>,
    Form(NoFields {}): Form<NoFields>,
) -> Result<Response, Trouble> {
    let id = id.parse().map_err(|_| not_found("passkey"))?;
    let removed = customers.remove_passkey(&member.signed_in, id, &member.visit.client).await;
    after(&customers, &member, removed, |()| back("removed")).await
}

pub(super) async fn end(
    State(customers): State<Customers>,
    member: Member,
    Path(id): Path<String>,
    Form(NoFields {}): Form<NoFields>,
) -> Result<Response, Trouble> {
    let id: SessionId = id.parse().map_err(|_| not_found("session"))?;
    let Member { signed_in, .. } = &member;
    let by = Actor::Customer(signed_in.account.to_string());
    let ended = customers.end_session(&signed_in.site, signed_in.account, id, by).await;
    after(&customers, &member, ended, |()| {
        let mut response =
            if id == signed_in.id { Redirect::to("/").into_response() } else { back("sessions") };
        if id == signed_in.id {
            response.headers_mut().append(SET_COOKIE, clear_cookie());
        }
        response
    })
    .await
}

pub(super) async fn end_others(
    State(customers): State<Customers>,
    member: Member,
    Form(NoFields {}): Form<NoFields>,
) -> Result<Response, Trouble> {
    let Member { signed_in, .. } = &member;
    let by = Actor::Customer(signed_in.account.to_string());
    let ended = customers.end_sessions(&signed_in.site, signed_in.account, Some(signed_in.id), by).await;
    after(&customers, &member, ended, |_| back("sessions")).await
}

fn not_found(what: &'static str) -> Trouble {
    crate::customer::CustomerError::NotFound { what }.into()
}
