//! Signing in and out.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use gabion_core::Secret;
use http::header::SET_COOKIE;
use serde::Deserialize;

use super::Visit;
use super::form::Form;
use super::trouble::Trouble;
use super::view::{Frame, render};
use crate::customer::flow::{Level, Proof};
use crate::customer::session::{NewSession, clear_cookie};
use crate::customer::sign_in::{Begun, Typed};
use crate::customer::{CustomerError, Customers};
use crate::next::own_path;

#[derive(Template)]
#[template(path = "customer/sign_in.html")]
struct SignInPage<'a> {
    frame: &'a Frame,
    email: &'a str,
    /// What the place where the customer goes asks for.
    level: Level,
    next: &'a str,
    refused: Option<&'a str>,
}

/// The second of two proofs.
#[derive(Template)]
#[template(path = "customer/second.html")]
struct SecondPage<'a> {
    frame: &'a Frame,
    attempt: &'a str,
    next: &'a str,
    takes_passkey: bool,
    takes_code: bool,
    refused: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: String,
    /// What the place where the customer goes asks for.
    #[serde(default = "one_factor")]
    level: Level,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignInForm {
    email: String,
    password: Secret<String>,
    #[serde(default)]
    next: String,
    #[serde(default = "one_factor")]
    level: Level,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeForm {
    attempt: String,
    code: String,
    #[serde(default)]
    next: String,
}

pub(super) const fn one_factor() -> Level {
    Level::OneFactor
}

/// Where they go who have one factor where two are asked for: to add one.
pub(super) const WITHOUT_SECOND: &str = "/.gabion/account?done=second";

/// A form without fields.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoFields {}

pub(super) async fn page(
    visit: Visit,
    Query(Next { next, level }): Query<Next>,
) -> Result<Response, Trouble> {
    // Whoever is signed in already goes where they wanted to.
    match &visit.signed_in {
        Some(signed_in) if !next.is_empty() && signed_in.level >= level => {
            Ok(Redirect::to(own_path(&next)).into_response())
        }
        _ => draw(&visit, ("", level), &next, None),
    }
}

/// For whoever goes where more is asked for than they have shown, or showed it too long ago.
pub(super) async fn step_up(
    State(customers): State<Customers>,
    visit: Visit,
    Query(Next { next, level }): Query<Next>,
) -> Result<Response, Trouble> {
    let email = match &visit.signed_in {
        Some(signed_in) => customers.account(signed_in.account).await?.email,
        None => None,
    };
    draw(&visit, (&email.unwrap_or_default(), level), &next, None)
}

fn draw(
    visit: &Visit,
    (email, level): (&str, Level),
    next: &str,
    trouble: Option<&Trouble>,
) -> Result<Response, Trouble> {
    let is_step_up = level == Level::TwoFactors || visit.signed_in.is_some();
    let title = if is_step_up { "step-up.title" } else { "sign-in.title" };
    let frame = Frame::of(visit, title);
    let refused = trouble.map(|trouble| frame.words.text(trouble.text()));
    let page = render(&SignInPage { frame: &frame, email, level, next: own_path(next), refused })?;
    Ok(match trouble {
        Some(trouble) => trouble.on(page),
        None => page,
    })
}

pub(super) async fn sign_in(
    State(customers): State<Customers>,
    visit: Visit,
    Form(SignInForm { email, password, next, level }): Form<SignInForm>,
) -> Result<Response, Trouble> {
    let typed = Typed { email: email.clone(), password };
    let begun = customers.sign_in(visit.id(), typed, level, visit.cookie.as_deref(), &visit.client).await;
    match begun {
        Ok(begun) => enter(&customers, &visit, begun, &next),
        Err(error) => {
            let trouble = Trouble::from(error);
            if !trouble.is_tellable() {
                return Err(trouble);
            }
            draw(&visit, (&email, level), &next, Some(&trouble))
        }
    }
}

/// The second of two proofs.
pub(super) async fn code(
    State(customers): State<Customers>,
    visit: Visit,
    Form(CodeForm { attempt, code, next }): Form<CodeForm>,
) -> Result<Response, Trouble> {
    let replaces = visit.cookie.as_deref();
    match customers.continue_sign_in(visit.id(), &attempt, &code, replaces, &visit.client).await {
        Ok(begun) => enter(&customers, &visit, begun, &next),
        Err(error @ (CustomerError::WrongCode | CustomerError::Throttled { .. })) => {
            let show = [Proof::Totp];
            ask_more(&visit, &attempt, &show, &next, Some(&Trouble::from(error)))
        }
        Err(error) => Err(error.into()),
    }
}

/// Sends the browser on with its new session, or asks for the rest.
fn enter(customers: &Customers, visit: &Visit, begun: Begun, next: &str) -> Result<Response, Trouble> {
    match begun {
        Begun::Session(session) => Ok(go_on(customers, &session, own_path(next))),
        Begun::WithoutSecond(session) => Ok(go_on(customers, &session, WITHOUT_SECOND)),
        Begun::More { attempt, show } => ask_more(visit, &attempt, &show, next, None),
    }
}

fn ask_more(
    visit: &Visit,
    attempt: &str,
    show: &[Proof],
    next: &str,
    trouble: Option<&Trouble>,
) -> Result<Response, Trouble> {
    let frame = Frame::of(visit, "second.title");
    let page = render(&SecondPage {
        frame: &frame,
        attempt,
        next: own_path(next),
        takes_passkey: show.contains(&Proof::Passkey),
        takes_code: show.contains(&Proof::Totp) || show.contains(&Proof::RecoveryCode),
        refused: trouble.map(|trouble| frame.words.text(trouble.text())),
    })?;
    Ok(match trouble {
        Some(trouble) => trouble.on(page),
        None => page,
    })
}

pub(super) fn go_on(customers: &Customers, session: &NewSession, to: &str) -> Response {
    let mut response = Redirect::to(to).into_response();
    response.headers_mut().append(SET_COOKIE, customers.session_cookie(session));
    response
}

pub(super) async fn sign_out(
    State(customers): State<Customers>,
    visit: Visit,
    Form(NoFields {}): Form<NoFields>,
) -> Result<Response, Trouble> {
    if let Some(signed_in) = &visit.signed_in {
        customers.sign_out(signed_in).await?;
    }
    let mut response = Redirect::to("/").into_response();
    response.headers_mut().append(SET_COOKIE, clear_cookie());
    Ok(response)
}
