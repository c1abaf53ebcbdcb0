//! Signing in and out.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use gabion_core::Secret;
use http::header::SET_COOKIE;
use serde::Deserialize;

use super::form::Form;
use super::trouble::Trouble;
use super::view::{Frame, render};
use super::{Member, Visit, own_path};
use crate::customer::flow::Demand;
use crate::customer::session::{NewSession, clear_cookie, set_cookie};
use crate::customer::sign_in::{Begun, Typed};
use crate::customer::{CustomerError, Customers};

#[derive(Template)]
#[template(path = "customer/sign_in.html")]
struct SignInPage<'a> {
    frame: &'a Frame,
    email: &'a str,
    next: &'a str,
    refused: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignInForm {
    email: String,
    password: Secret<String>,
    #[serde(default)]
    next: String,
}

/// A form without fields.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoFields {}

pub(super) async fn page(visit: Visit, Query(Next { next }): Query<Next>) -> Result<Response, Trouble> {
    // Whoever is signed in already goes where they wanted to.
    match visit.signed_in {
        Some(_) if !next.is_empty() => Ok(Redirect::to(own_path(&next)).into_response()),
        _ => draw(&visit, "", &next, None),
    }
}

fn draw(visit: &Visit, email: &str, next: &str, trouble: Option<&Trouble>) -> Result<Response, Trouble> {
    let frame = Frame::of(visit, "sign-in.title");
    let refused = trouble.map(|trouble| frame.words.text(trouble.text()));
    let page = render(&SignInPage { frame: &frame, email, next: own_path(next), refused })?;
    Ok(trouble.map_or_else(|| page.into_response(), |trouble| trouble.on(page)))
}

pub(super) async fn sign_in(
    State(customers): State<Customers>,
    visit: Visit,
    Form(SignInForm { email, password, next }): Form<SignInForm>,
) -> Result<Response, Trouble> {
    let typed = Typed { email: email.clone(), password };
    let demand = Demand::default();
    let begun = customers.sign_in(visit.id(), typed, demand, visit.cookie.as_deref(), &visit.client).await;
    match begun {
        Ok(begun) => Ok(enter(&customers, begun, own_path(&next))),
        Err(error) => {
            let trouble = Trouble::from(error);
            if !trouble.is_tellable() {
                return Err(trouble);
            }
            draw(&visit, &email, &next, Some(&trouble))
        }
    }
}

/// Sends the browser on with the cookie of its new session.
fn enter(customers: &Customers, begun: Begun, to: &str) -> Response {
    let (Begun::Session(session) | Begun::WithoutSecond(session)) = begun;
    go_on(customers, &session, to)
}

pub(super) fn go_on(customers: &Customers, session: &NewSession, to: &str) -> Response {
    let mut response = Redirect::to(to).into_response();
    response.headers_mut().append(SET_COOKIE, customers.session_cookie(session));
    response
}

pub(super) async fn sign_out(
    State(customers): State<Customers>,
    Member { signed_in, .. }: Member,
    Form(NoFields {}): Form<NoFields>,
) -> Result<Response, Trouble> {
    customers.sign_out(&signed_in).await?;
    let mut response = Redirect::to("/").into_response();
    response.headers_mut().append(SET_COOKIE, clear_cookie());
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::super::own_path;

    #[test]
    fn only_paths_of_the_shop_are_followed_after_a_sign_in() {
        for good in ["/", "/account?tab=orders", "/.gabion/account#passkeys"] {
            assert_eq!(own_path(good), good);
        }
        let long = format!("/{}", "x".repeat(512));
        for bad in ["", "//evil.test", "/\\evil.test", "https://evil.test/", "/a b", "/\r\nx", "x", &long] {
            assert_eq!(own_path(bad), "/", "{bad}");
        }
    }
}
