//! A new account, and the way back into one: an address, the code that was sent there, and what to sign in with.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use gabion_core::Secret;
use gabion_webauthn::CreationOptions;
use http::HeaderMap;
use http::header::SET_COOKIE;
use serde::Deserialize;
use serde_json::json;

use super::door::go_on;
use super::form::{Form, Sent};
use super::passkey::Nothing;
use super::trouble::Trouble;
use super::view::{Frame, render};
use super::{ACCOUNT_PATH, BEGIN_PATH, CODE_PATH, Visit, only_cookie};
use crate::cookie;
use crate::customer::begin::{Choice, With};
use crate::customer::passkey::{Answer, Question};
use crate::customer::pending::{PROVEN_LIFETIME, Purpose};
use crate::customer::{CustomerError, Customers};

/// Name of the cookie that stands for what was begun.
const COOKIE_NAME: &str = "__Host-gabion-begun";

#[derive(Template)]
#[template(path = "customer/begin_email.html")]
struct EmailPage<'a> {
    frame: &'a Frame,
    /// Where the form goes.
    action: &'a str,
    what: &'a str,
    email: &'a str,
    refused: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "customer/begin_code.html")]
struct CodePage<'a> {
    frame: &'a Frame,
    refused: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "customer/begin.html")]
struct BeginPage<'a> {
    frame: &'a Frame,
    email: &'a str,
    is_new: bool,
    needs_code: bool,
    given_name: &'a str,
    refused: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EmailForm {
    email: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeForm {
    code: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BeginForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    code: String,
    password: Secret<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PasskeyAnswer {
    answer: Answer,
    /// What to call the passkey.
    called: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    code: String,
}

pub(super) async fn register_page(visit: Visit) -> Result<Response, Trouble> {
    draw_email(&visit, Purpose::Register, "", None)
}

pub(super) async fn recover_page(visit: Visit) -> Result<Response, Trouble> {
    draw_email(&visit, Purpose::Recover, "", None)
}

fn draw_email(
    visit: &Visit,
    wish: Purpose,
    email: &str,
    trouble: Option<&Trouble>,
) -> Result<Response, Trouble> {
    let (title, what, action) = match wish {
        Purpose::Register => ("register.title", "register.what", super::REGISTER_PATH),
        _ => ("recover.title", "recover.what", super::RECOVER_PATH),
    };
    let frame = Frame::of(visit, title);
    let refused = trouble.map(|trouble| frame.words.text(trouble.text()));
    let page = render(&EmailPage { frame: &frame, action, what: frame.words.text(what), email, refused })?;
    Ok(told(page, trouble))
}

pub(super) async fn register(
    State(customers): State<Customers>,
    visit: Visit,
    Form(EmailForm { email }): Form<EmailForm>,
) -> Result<Response, Trouble> {
    let begun = customers.begin_registration(visit.id(), &email, visit.language, &visit.client).await;
    after_email(&visit, Purpose::Register, &email, begun)
}

pub(super) async fn recover(
    State(customers): State<Customers>,
    visit: Visit,
    Form(EmailForm { email }): Form<EmailForm>,
) -> Result<Response, Trouble> {
    let begun = customers.begin_recovery(visit.id(), &email, visit.language, &visit.client).await;
    after_email(&visit, Purpose::Recover, &email, begun)
}

fn after_email(
    visit: &Visit,
    wish: Purpose,
    email: &str,
    begun: Result<Secret<String>, CustomerError>,
) -> Result<Response, Trouble> {
    match begun {
        Ok(token) => {
            let mut response = Redirect::to(CODE_PATH).into_response();
            response
                .headers_mut()
                .append(SET_COOKIE, cookie::set(COOKIE_NAME, &token, Some(PROVEN_LIFETIME)));
            Ok(response)
        }
        Err(error) => {
            let trouble = Trouble::from(error);
            if !trouble.is_tellable() {
                return Err(trouble);
            }
            draw_email(visit, wish, email, Some(&trouble))
        }
    }
}

pub(super) async fn code_page(visit: Visit) -> Result<Response, Trouble> {
    draw_code(&visit, None)
}

fn draw_code(visit: &Visit, trouble: Option<&Trouble>) -> Result<Response, Trouble> {
    let frame = Frame::of(visit, "code.title");
    let refused = trouble.map(|trouble| frame.words.text(trouble.text()));
    Ok(told(render(&CodePage { frame: &frame, refused })?, trouble))
}

pub(super) async fn code(
    State(customers): State<Customers>,
    visit: Visit,
    headers: HeaderMap,
    Form(CodeForm { code }): Form<CodeForm>,
) -> Result<Response, Trouble> {
    match customers.prove(visit.id(), token(&headers), &code).await {
        Ok(()) => Ok(Redirect::to(BEGIN_PATH).into_response()),
        Err(error @ CustomerError::WrongCode) => draw_code(&visit, Some(&Trouble::from(error))),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn page(
    State(customers): State<Customers>,
    visit: Visit,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    draw(&customers, &visit, token(&headers), "", None).await
}

async fn draw(
    customers: &Customers,
    visit: &Visit,
    token: &str,
    given_name: &str,
    trouble: Option<&Trouble>,
) -> Result<Response, Trouble> {
    let proven = customers.proven(visit.id(), token).await?;
    let is_new = proven.purpose() == Purpose::Register;
    let needs_code = customers.needs_code(&proven).await?;
    let frame = Frame::of(visit, if is_new { "begin.title" } else { "begin.back-title" });
    let refused = trouble.map(|trouble| frame.words.text(trouble.text()));
    let email = proven.email();
    Ok(told(render(&BeginPage { frame: &frame, email, is_new, needs_code, given_name, refused })?, trouble))
}

pub(super) async fn with_password(
    State(customers): State<Customers>,
    visit: Visit,
    headers: HeaderMap,
    Form(BeginForm { name, code, password }): Form<BeginForm>,
) -> Result<Response, Trouble> {
    let choice = Choice { name: Some(&name), code: Some(&code), with: With::Password(password) };
    let replaces = visit.cookie.as_deref();
    match customers.begin_account(visit.id(), token(&headers), choice, replaces, &visit.client).await {
        Ok(session) => Ok(go_on(&customers, &session, ACCOUNT_PATH)),
        Err(CustomerError::Over) => Err(CustomerError::Over.into()),
        Err(error) => {
            let trouble = Trouble::from(error);
            if !trouble.is_tellable() {
                return Err(trouble);
            }
            draw(&customers, &visit, token(&headers), &name, Some(&trouble)).await
        }
    }
}

/// What a browser is asked to make the first passkey.
pub(super) async fn ask_passkey(
    State(customers): State<Customers>,
    visit: Visit,
    headers: HeaderMap,
    Sent(Nothing {}): Sent<Nothing>,
) -> Result<Json<Question<CreationOptions>>, Trouble> {
    Ok(Json(customers.ask_first_passkey(visit.id(), token(&headers)).await?))
}

pub(super) async fn with_passkey(
    State(customers): State<Customers>,
    visit: Visit,
    headers: HeaderMap,
    Sent(PasskeyAnswer { answer, called, name, code }): Sent<PasskeyAnswer>,
) -> Result<Response, Trouble> {
    let choice = Choice { name: Some(&name), code: Some(&code), with: With::Passkey(answer, called) };
    let replaces = visit.cookie.as_deref();
    let session =
        customers.begin_account(visit.id(), token(&headers), choice, replaces, &visit.client).await?;
    let mut response = Json(json!({ "next": ACCOUNT_PATH })).into_response();
    response.headers_mut().append(SET_COOKIE, customers.session_cookie(&session));
    Ok(response)
}

fn told(page: Response, trouble: Option<&Trouble>) -> Response {
    match trouble {
        Some(trouble) => trouble.on(page),
        None => page,
    }
}

/// What stands for what was begun in this browser; a text that stands for nothing where there is none.
fn token(headers: &HeaderMap) -> &str {
    only_cookie(headers, COOKIE_NAME).unwrap_or_default()
}
