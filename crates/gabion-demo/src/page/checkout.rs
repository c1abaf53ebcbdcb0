//! Checkout: address, consent, pay on delivery or by invoice. No card number is asked for.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::field::{Field, any_error};
use super::html;
use crate::fault::Fault;
use crate::live::Ordered;
use crate::server::App;
use crate::store::carts::{self, Cart, Line};
use crate::store::orders::{self, Delivery, Placed};
use crate::visitor::{Chrome, Visitor};

#[derive(Template)]
#[template(path = "checkout.html")]
struct CheckoutPage {
    chrome: Chrome,
    cart: Cart,
    fields: Vec<Field>,
    invoice: bool,
    consent_error: Option<&'static str>,
    /// What stands in the way besides the fields.
    problem: Option<String>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(crate) struct CheckoutForm {
    name: String,
    email: String,
    street: String,
    town: String,
    postcode: String,
    country: String,
    payment: String,
    consent: Option<String>,
}

impl CheckoutForm {
    fn fields(&self) -> Vec<Field> {
        vec![
            Field::new("name", "Full name", "text", "name").filled(&self.name),
            Field::new("email", "E-mail address", "email", "email").filled(&self.email),
            Field::new("street", "Street and number", "text", "street-address").filled(&self.street),
            Field::new("postcode", "Postcode", "text", "postal-code").filled(&self.postcode),
            Field::new("town", "Town", "text", "address-level2").filled(&self.town),
            Field::new("country", "Country", "text", "country-name").filled(&self.country),
        ]
    }

    fn invoice(&self) -> bool {
        self.payment == "invoice"
    }

    fn delivery(&self) -> Delivery {
        let payment = if self.invoice() { "by invoice, 14 days" } else { "on delivery" };
        Delivery {
            name: self.name.trim().to_owned(),
            email: self.email.trim().to_owned(),
            street: self.street.trim().to_owned(),
            town: self.town.trim().to_owned(),
            postcode: self.postcode.trim().to_owned(),
            country: self.country.trim().to_owned(),
            payment: payment.to_owned(),
        }
    }
}

async fn cart_of(app: &App, token: &Option<String>) -> Result<Cart, Fault> {
    match token.clone() {
        Some(token) => app.db.run(move |db| carts::cart(db, &token)).await,
        None => Ok(Cart::default()),
    }
}

pub(crate) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, Fault> {
    let cart = cart_of(&app, &visitor.token).await?;
    if cart.lines.is_empty() {
        return Ok(Redirect::to("/cart").into_response());
    }
    let chrome = visitor.chrome();
    let form = visitor.customer.map_or_else(CheckoutForm::default, |customer| CheckoutForm {
        name: customer.name,
        email: customer.email,
        ..CheckoutForm::default()
    });
    html(&CheckoutPage {
        chrome,
        cart,
        fields: form.fields(),
        invoice: false,
        consent_error: None,
        problem: None,
    })
}

pub(crate) async fn place(
    State(app): State<App>,
    visitor: Visitor,
    Form(form): Form<CheckoutForm>,
) -> Result<Response, Fault> {
    let Some(token) = visitor.token.clone() else { return Ok(Redirect::to("/cart").into_response()) };
    let fields: Vec<Field> = form.fields().into_iter().map(Field::checked).collect();
    let consent_error = form.consent.is_none().then_some("Please agree before you order.");
    if any_error(&fields) || consent_error.is_some() {
        return again(&app, &visitor, &form, fields, consent_error, None).await;
    }
    let delivery = form.delivery();
    let customer = visitor.customer.as_ref().map(|customer| customer.id);
    let town = delivery.town.clone();
    match app.db.run(move |db| orders::place(db, &token, customer, &delivery)).await? {
        Placed::Order { number, lines } => {
            announce(&app, lines, &town);
            Ok(Redirect::to(&format!("/orders/{number}?thanks=1")).into_response())
        }
        Placed::SoldOut { name, left } => {
            let problem = Some(format!("Only {left} of {name} left. Please take fewer."));
            again(&app, &visitor, &form, fields, None, problem).await
        }
        Placed::EmptyCart => Ok(Redirect::to("/cart").into_response()),
    }
}

/// Shows the form again with what was typed and what is wrong.
async fn again(
    app: &App,
    visitor: &Visitor,
    form: &CheckoutForm,
    fields: Vec<Field>,
    consent_error: Option<&'static str>,
    problem: Option<String>,
) -> Result<Response, Fault> {
    let cart = cart_of(app, &visitor.token).await?;
    let page = CheckoutPage {
        chrome: visitor.chrome(),
        cart,
        fields,
        invoice: form.invoice(),
        consent_error,
        problem,
    };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&page)?).into_response())
}

fn announce(app: &App, lines: Vec<Line>, town: &str) {
    for line in lines {
        app.live.ordered(Ordered { product: line.product, name: line.name, town: town.to_owned() });
    }
}
