//! The pages of people who are not signed in yet: one-time link and sign-in; and the way out.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use gabion_core::Secret;
use gabion_page::shell::{Shell, Tone};
use gabion_web::auth::SIGN_IN_PATH;
use gabion_web::{CappedForm, CsrfForm, Problem, Viewer};
use http::HeaderMap;
use http::header::SET_COOKIE;
use serde::Deserialize;

use super::{NoFields, Refusal, enter, render};
use crate::link::{Joining, Purpose};
use crate::next::own_path;
use crate::session::{Client, clear_cookie, cookie};
use crate::sign_in::Attempt;
use crate::{Identity, IdentityError};

#[derive(Template)]
#[template(path = "link.html")]
struct LinkPage<'a> {
    shell: &'a Shell,
    role: Option<&'static str>,
    email: &'a str,
    /// Not `name`: the component's own parameter would hide it.
    given_name: &'a str,
    refused: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    shell: &'a Shell,
    email: &'a str,
    next: &'a str,
    refused: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkForm {
    #[serde(default)]
    email: String,
    #[serde(default)]
    name: String,
    password: Secret<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignInForm {
    email: String,
    password: Secret<String>,
    #[serde(default)]
    next: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: String,
}

pub(super) async fn link(
    State(identity): State<Identity>,
    Path(token): Path<String>,
) -> Result<Response, Problem> {
    let purpose = identity.link(&token).await?.purpose;
    link_page(&identity, purpose, "", "", None)
}

pub(super) async fn use_link(
    State(identity): State<Identity>,
    Path(token): Path<String>,
    client: Client,
    CappedForm(form): CappedForm<LinkForm>,
) -> Result<Response, Problem> {
    let purpose = identity.link(&token).await?.purpose;
    let LinkForm { email, name, password } = form;
    let used = match purpose {
        Purpose::Join(_) => {
            let joining = Joining { email: email.clone(), name: name.clone(), password };
            identity.join(&token, joining, &client).await
        }
        Purpose::Reset(_) => identity.reset_password(&token, &password, &client).await,
    };
    match used {
        Ok(session) => Ok(enter(&session, "/")),
        Err(error @ (IdentityError::LinkGone | IdentityError::NotFound { .. })) => Err(error.into()),
        Err(error) => {
            let refusal = Refusal::of(error)?;
            refusal.show(link_page(&identity, purpose, &email, &name, Some(refusal.text())))
        }
    }
}

fn link_page(
    identity: &Identity,
    purpose: Purpose,
    email: &str,
    name: &str,
    refused: Option<&str>,
) -> Result<Response, Problem> {
    let (role, title) = match purpose {
        Purpose::Join(role) => (Some(role.as_str()), "Set up your account"),
        Purpose::Reset(_) => (None, "Choose a new password"),
    };
    render(&LinkPage { shell: &identity.plain(title), role, email, given_name: name, refused })
}

pub(super) async fn form(
    State(identity): State<Identity>,
    Query(Next { next }): Query<Next>,
) -> Result<Response, Problem> {
    sign_in_page(&identity, "", &next, None)
}

fn sign_in_page(
    identity: &Identity,
    email: &str,
    next: &str,
    refused: Option<&str>,
) -> Result<Response, Problem> {
    render(&SignInPage { shell: &identity.plain("Sign in"), email, next: own_path(next), refused })
}

pub(super) async fn sign_in(
    State(identity): State<Identity>,
    client: Client,
    headers: HeaderMap,
    CappedForm(form): CappedForm<SignInForm>,
) -> Result<Response, Problem> {
    let replaces = cookie(&headers).map(str::to_owned);
    let SignInForm { email, password, next } = form;
    let attempt = Attempt { email: email.clone(), password, replaces };
    match identity.sign_in(attempt, &client).await {
        Ok(session) => Ok(enter(&session, own_path(&next))),
        Err(error) => {
            let refusal = Refusal::of(error)?;
            refusal.show(sign_in_page(&identity, &email, &next, Some(refusal.text())))
        }
    }
}

pub(super) async fn sign_out(
    State(identity): State<Identity>,
    Viewer(by): Viewer,
    CsrfForm(NoFields {}): CsrfForm<NoFields>,
) -> Result<Response, Problem> {
    identity.end_session(&by, by.session).await?;
    let mut response = Redirect::to(SIGN_IN_PATH).into_response();
    response.headers_mut().append(SET_COOKIE, clear_cookie());
    Ok(response)
}
