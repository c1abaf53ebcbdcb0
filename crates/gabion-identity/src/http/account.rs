//! A person's own page: password and sessions.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use gabion_core::{Secret, Timestamp};
use gabion_page::shell::{Shell, Tone};
use gabion_web::{CsrfForm, PathId, Problem, SessionId, Staff, Viewer};
use serde::Deserialize;

use super::{NoFields, Refusal, enter, render, when};
use crate::Identity;
use crate::session::{Client, SessionView, clear_cookie};
use crate::staff::StaffView;

const PATH: &str = "/account";

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage<'a> {
    shell: &'a Shell,
    staff: &'a StaffView,
    sessions: &'a [SessionView],
    own: SessionId,
    now: Timestamp,
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
    current: Secret<String>,
    password: Secret<String>,
}

pub(super) async fn page(
    State(identity): State<Identity>,
    Viewer(by): Viewer,
    Query(Done { done }): Query<Done>,
) -> Result<Response, Problem> {
    let done = match done.as_str() {
        "password" => Some("Your password is changed. All your other sessions have ended."),
        "sessions" => Some("All your other sessions have ended."),
        "session" => Some("The session has ended."),
        _ => None,
    };
    show(&identity, &by, done, None).await
}

async fn show(
    identity: &Identity,
    by: &Staff,
    done: Option<&'static str>,
    refused: Option<&str>,
) -> Result<Response, Problem> {
    let staff = identity.staff_member(by.id).await?;
    let sessions = identity.sessions(by.id).await?;
    render(&AccountPage {
        shell: &identity.console(by, "Your account", PATH),
        staff: &staff,
        sessions: &sessions,
        own: by.session,
        now: identity.now(),
        done,
        refused,
    })
}

pub(super) async fn change_password(
    State(identity): State<Identity>,
    Viewer(by): Viewer,
    client: Client,
    CsrfForm(PasswordForm { current, password }): CsrfForm<PasswordForm>,
) -> Result<Response, Problem> {
    match identity.change_password(&by, current, &password, &client).await {
        Ok(session) => Ok(enter(&session, "/account?done=password")),
        Err(error) => {
            let refusal = Refusal::of(error)?;
            refusal.show(show(&identity, &by, None, Some(refusal.text())).await)
        }
    }
}

pub(super) async fn end(
    State(identity): State<Identity>,
    Viewer(by): Viewer,
    PathId(id): PathId<SessionId>,
    CsrfForm(NoFields {}): CsrfForm<NoFields>,
) -> Result<Response, Problem> {
    identity.end_session(&by, id).await?;
    let mut response = Redirect::to("/account?done=session").into_response();
    if id == by.session {
        response.headers_mut().append(http::header::SET_COOKIE, clear_cookie());
    }
    Ok(response)
}

pub(super) async fn end_others(
    State(identity): State<Identity>,
    Viewer(by): Viewer,
    CsrfForm(NoFields {}): CsrfForm<NoFields>,
) -> Result<Redirect, Problem> {
    identity.end_other_sessions(&by).await?;
    Ok(Redirect::to("/account?done=sessions"))
}
