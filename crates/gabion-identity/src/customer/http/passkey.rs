//! Passkeys, for the script of our pages: a question, its answer, and what authenticators are told afterwards.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gabion_webauthn::signal::{AllAcceptedCredentials, UnknownCredential};
use gabion_webauthn::{CreationOptions, CredentialId, Fault, Mediation, RequestOptions};
use http::StatusCode;
use http::header::SET_COOKIE;
use serde::Deserialize;
use serde_json::json;

use super::door::{WITHOUT_SECOND, one_factor};
use super::form::Sent;
use super::trouble::Trouble;
use super::{ACCOUNT_PATH, Member, Visit};
use crate::customer::flow::Level;
use crate::customer::passkey::{Answer, Question};
use crate::customer::sign_in::Begun;
use crate::customer::{CustomerError, Customers};
use crate::next::own_path;

/// Nothing is said with a question.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignInAnswer {
    answer: Answer,
    /// What was shown before, where the passkey is the second of two.
    attempt: Option<String>,
    #[serde(default = "one_factor")]
    level: Level,
    #[serde(default)]
    next: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAnswer {
    answer: Answer,
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    /// Right after a password was typed, without a dialog.
    #[serde(default)]
    conditional: bool,
}

/// What a browser is asked to sign in.
pub(super) async fn ask(
    State(customers): State<Customers>,
    visit: Visit,
    Sent(Nothing {}): Sent<Nothing>,
) -> Result<Json<Question<RequestOptions>>, Trouble> {
    Ok(Json(customers.start_passkey_sign_in(visit.id())?))
}

/// Begins a session; the answer says where to go.
pub(super) async fn sign_in(
    State(customers): State<Customers>,
    visit: Visit,
    Sent(SignInAnswer { answer, attempt, level, next }): Sent<SignInAnswer>,
) -> Result<Response, Trouble> {
    let offered = answer.credential_id();
    let begun = customers
        .finish_passkey_sign_in(
            visit.id(),
            answer,
            (attempt.as_deref(), level),
            visit.cookie.as_deref(),
            &visit.client,
        )
        .await;
    let begun = match begun {
        Err(CustomerError::Passkey(refused)) if refused.fault == Fault::UnknownCredential => {
            return Ok(unknown(&visit, offered));
        }
        begun => begun?,
    };
    let (session, next) = match &begun {
        Begun::Session(session) => (session, own_path(&next)),
        Begun::WithoutSecond(session) => (session, WITHOUT_SECOND),
        // A key that verified nobody is one factor; this account asks for two.
        Begun::More { .. } => return Err(CustomerError::NotEnough.into()),
    };
    let mut response = Json(json!({ "next": next })).into_response();
    response.headers_mut().append(SET_COOKIE, customers.session_cookie(session));
    Ok(response)
}

/// The passkey stands for nobody any more: its authenticator is told, and stops offering it.
fn unknown(visit: &Visit, offered: Option<CredentialId>) -> Response {
    let rp_id = visit.site.rp.id().clone();
    let signal = offered.map(|credential_id| UnknownCredential { rp_id, credential_id });
    let text = crate::customer::words::Words::new(visit.language).text("error.passkey");
    let body = json!({ "status": 403, "code": "passkey_refused", "detail": text, "unknown": signal });
    (StatusCode::FORBIDDEN, Json(body)).into_response()
}

/// What a browser is asked to make a passkey.
pub(super) async fn ask_new(
    State(customers): State<Customers>,
    Member { signed_in, .. }: Member,
    Sent(Wish { conditional }): Sent<Wish>,
) -> Result<Json<Question<CreationOptions>>, Trouble> {
    let mediation = if conditional { Mediation::Conditional } else { Mediation::Dialog };
    Ok(Json(customers.start_passkey(&signed_in, mediation).await?))
}

/// Keeps a new passkey.
pub(super) async fn keep(
    State(customers): State<Customers>,
    Member { visit, signed_in }: Member,
    Sent(NewAnswer { answer, name }): Sent<NewAnswer>,
) -> Result<Response, Trouble> {
    let kept = customers.finish_passkey(&signed_in, answer, &name, &visit.client).await?;
    let next = format!("{ACCOUNT_PATH}?done=passkey");
    Ok((StatusCode::CREATED, Json(json!({ "passkey": kept, "next": next }))).into_response())
}

/// All passkeys of whoever is signed in, for their authenticators.
pub(super) async fn accepted(
    State(customers): State<Customers>,
    Member { signed_in, .. }: Member,
) -> Result<Json<AllAcceptedCredentials>, Trouble> {
    Ok(Json(customers.accepted(&signed_in).await?))
}
