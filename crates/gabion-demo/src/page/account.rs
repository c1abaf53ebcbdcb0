//! Register, sign in, sign out, order history.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::field::{Field, any_error};
use super::html;
use crate::fault::Fault;
use crate::server::App;
use crate::store::accounts::{self, Customer};
use crate::store::orders::{self, Order};
use crate::visitor::{Chrome, Token, Visitor, remember};

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    chrome: Chrome,
    customer: Customer,
    orders: Vec<Order>,
}

pub(crate) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, Fault> {
    let chrome = visitor.chrome();
    let Some(customer) = visitor.customer else {
        return Ok(Redirect::to("/account/sign-in").into_response());
    };
    let id = customer.id;
    let orders = app.db.run(move |db| orders::of_customer(db, id)).await?;
    html(&AccountPage { chrome, customer, orders })
}

#[derive(Template)]
#[template(path = "sign-in.html")]
struct SignInPage {
    chrome: Chrome,
    fields: Vec<Field>,
    problem: Option<&'static str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct SignInForm {
    email: String,
    password: String,
}

fn sign_in_fields(email: &str) -> Vec<Field> {
    vec![
        Field::new("email", "E-mail address", "email", "username").filled(email),
        Field::new("password", "Password", "password", "current-password"),
    ]
}

pub(crate) async fn sign_in_form(visitor: Visitor) -> Result<Response, Fault> {
    html(&SignInPage { chrome: visitor.chrome(), fields: sign_in_fields(""), problem: None })
}

pub(crate) async fn sign_in(
    State(app): State<App>,
    visitor: Visitor,
    Form(form): Form<SignInForm>,
) -> Result<Response, Fault> {
    let chrome = visitor.chrome();
    let fields = sign_in_fields(&form.email);
    let signed_in = app
        .db
        .run(move |db| {
            let token = accounts::keep_session(db, visitor.token)?;
            Ok(accounts::sign_in(db, &token, form.email.trim(), &form.password)?.then_some(token))
        })
        .await?;
    match signed_in {
        Some(token) => Ok((remember(&token), Redirect::to("/account")).into_response()),
        None => {
            let problem = Some("We do not know this e-mail address with this password.");
            let page = SignInPage { chrome, fields, problem };
            Ok((StatusCode::UNAUTHORIZED, html(&page)?).into_response())
        }
    }
}

#[derive(Template)]
#[template(path = "register.html")]
struct RegisterPage {
    chrome: Chrome,
    fields: Vec<Field>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct RegisterForm {
    name: String,
    email: String,
    password: String,
}

impl RegisterForm {
    fn fields(&self) -> Vec<Field> {
        vec![
            Field::new("name", "Full name", "text", "name").filled(&self.name),
            Field::new("email", "E-mail address", "email", "email").filled(&self.email),
            Field::new("password", "Password", "password", "new-password").filled(&self.password),
        ]
    }
}

pub(crate) async fn register_form(visitor: Visitor) -> Result<Response, Fault> {
    html(&RegisterPage { chrome: visitor.chrome(), fields: RegisterForm::default().fields() })
}

pub(crate) async fn register(
    State(app): State<App>,
    visitor: Visitor,
    Form(form): Form<RegisterForm>,
) -> Result<Response, Fault> {
    let chrome = visitor.chrome();
    let mut fields: Vec<Field> = form.fields().into_iter().map(Field::checked).collect();
    if any_error(&fields) {
        return register_again(chrome, fields);
    }
    let registered = app
        .db
        .run(move |db| {
            let token = accounts::keep_session(db, visitor.token)?;
            let (name, email) = (form.name.trim(), form.email.trim());
            Ok(accounts::register(db, &token, name, email, &form.password)?.then_some(token))
        })
        .await?;
    match registered {
        Some(token) => Ok((remember(&token), Redirect::to("/account")).into_response()),
        None => {
            for email in fields.iter_mut().filter(|field| field.name == "email") {
                email.error = Some("This address already has an account.");
            }
            register_again(chrome, fields)
        }
    }
}

/// Shows the form again; the password has to be typed anew.
fn register_again(chrome: Chrome, mut fields: Vec<Field>) -> Result<Response, Fault> {
    for password in fields.iter_mut().filter(|field| field.kind == "password") {
        password.value.clear();
    }
    Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&RegisterPage { chrome, fields })?).into_response())
}

pub(crate) async fn sign_out(State(app): State<App>, Token(token): Token) -> Result<Response, Fault> {
    if let Some(token) = token {
        app.db.run(move |db| accounts::sign_out(db, &token)).await?;
    }
    Ok(Redirect::to("/").into_response())
}
