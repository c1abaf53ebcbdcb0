//! The cart.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::html;
use crate::fault::Fault;
use crate::server::App;
use crate::store::accounts;
use crate::store::carts::{self, Cart, QUANTITY_MAX};
use crate::visitor::{Chrome, Token, Visitor, remember};

#[derive(Template)]
#[template(path = "cart.html")]
struct CartPage {
    chrome: Chrome,
    cart: Cart,
    quantity_max: i64,
}

pub(crate) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, Fault> {
    let chrome = visitor.chrome();
    let cart = match visitor.token {
        Some(token) => app.db.run(move |db| carts::cart(db, &token)).await?,
        None => Cart::default(),
    };
    html(&CartPage { chrome, cart, quantity_max: QUANTITY_MAX })
}

#[derive(Deserialize)]
pub(crate) struct CartForm {
    product: String,
    #[serde(default = "one")]
    quantity: i64,
}

fn one() -> i64 {
    1
}

/// Deliberately naive: like every form here it carries no anti-forgery token, so any page can post it.
pub(crate) async fn add(
    State(app): State<App>,
    Token(token): Token,
    Form(form): Form<CartForm>,
) -> Result<Response, Fault> {
    let token = app
        .db
        .run(move |db| {
            let token = accounts::keep_session(db, token)?;
            carts::add(db, &token, &form.product, form.quantity)?;
            Ok(token)
        })
        .await?;
    Ok((remember(&token), Redirect::to("/cart")).into_response())
}

pub(crate) async fn update(
    State(app): State<App>,
    Token(token): Token,
    Form(form): Form<CartForm>,
) -> Result<Response, Fault> {
    if let Some(token) = token {
        app.db.run(move |db| carts::set(db, &token, &form.product, form.quantity)).await?;
    }
    Ok(Redirect::to("/cart").into_response())
}
