//! The JSON side of the shop.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::fault::{ApiFault, Fault};
use crate::server::App;
use crate::store::accounts;
use crate::store::carts::{self, Cart};
use crate::store::products::{self, Order, Product};
use crate::visitor::{Token, Visitor, remember};

#[derive(Serialize)]
struct Products {
    products: Vec<Product>,
}

/// `GET /api/products`
pub(crate) async fn products(State(app): State<App>) -> Result<Response, ApiFault> {
    let products = app.db.run(|db| products::list(db, None, Order::Shelf)).await?;
    Ok(Json(Products { products }).into_response())
}

/// `GET /api/products/{slug}`
pub(crate) async fn product(
    State(app): State<App>,
    Path(slug): Path<String>,
) -> Result<Json<Product>, ApiFault> {
    let product = app.db.run(move |db| products::one(db, &slug)).await?;
    Ok(Json(product.ok_or(Fault::NotFound)?))
}

#[derive(Serialize)]
struct CartAnswer {
    count: i64,
    goods_cents: i64,
    shipping_cents: i64,
    lines: Vec<carts::Line>,
}

impl From<Cart> for CartAnswer {
    fn from(cart: Cart) -> Self {
        CartAnswer {
            count: cart.count(),
            goods_cents: cart.goods_cents(),
            shipping_cents: cart.shipping_cents(),
            lines: cart.lines,
        }
    }
}

/// `GET /api/cart`
pub(crate) async fn cart(State(app): State<App>, visitor: Visitor) -> Result<Response, ApiFault> {
    let cart = match visitor.token {
        Some(token) => app.db.run(move |db| carts::cart(db, &token)).await?,
        None => Cart::default(),
    };
    Ok(Json(CartAnswer::from(cart)).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddToCart {
    product: String,
    quantity: i64,
}

/// `POST /api/cart` with `{"product": "tide-cups", "quantity": 1}`
pub(crate) async fn add_to_cart(
    State(app): State<App>,
    Token(token): Token,
    body: Result<Json<AddToCart>, JsonRejection>,
) -> Result<Response, ApiFault> {
    let Json(wanted) = body.map_err(|rejection| Fault::BadRequest(rejection.body_text()))?;
    let (token, cart) = app
        .db
        .run(move |db| {
            let token = accounts::keep_session(db, token)?;
            carts::add(db, &token, &wanted.product, wanted.quantity)?;
            let cart = carts::cart(db, &token)?;
            Ok((token, cart))
        })
        .await?;
    Ok((remember(&token), Json(CartAnswer::from(cart))).into_response())
}
