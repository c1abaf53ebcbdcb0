//! Checkout: address, consent, pay on delivery, by invoice, or with a made-up card.
//!
//! Deliberately naive: the card's fields stand in the shop's own page, where every script on it can read them. Only the
//! made-up number [`CARD`] is taken, and it is not kept.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::field::{Field, any_error};
use super::html;
use crate::fault::Fault;
use crate::format;
use crate::live::Ordered;
use crate::server::App;
use crate::store::carts::{self, Cart, Line};
use crate::store::orders::{self, Delivery, Placed};
use crate::visitor::{Chrome, Visitor};

/// The only card that is taken: the number that payment providers use in examples.
const CARD: &str = "4242424242424242";

#[derive(Template)]
#[template(path = "checkout.html")]
struct CheckoutPage {
    chrome: Chrome,
    cart: Cart,
    fields: Vec<Field>,
    card: Vec<Field>,
    means: Means,
    /// Where the made-up payment provider is.
    provider: String,
    /// When the page was made, in seconds since 1970: real shops put something into every page that is new each time.
    made_at: i64,
    consent_error: Option<&'static str>,
    /// What stands in the way besides the fields.
    problem: Option<String>,
}

/// How an order is paid.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Means {
    #[default]
    Delivery,
    Invoice,
    Card,
}

impl Means {
    fn words(self) -> &'static str {
        match self {
            Self::Delivery => "on delivery",
            Self::Invoice => "by invoice, 14 days",
            Self::Card => "by card, ending in 4242",
        }
    }
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
    payment: Means,
    card: String,
    until: String,
    code: String,
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

    /// The fields of the card; checked by [`CheckoutForm::checked_card`], and never shown again with what was typed.
    fn card(&self) -> Vec<Field> {
        vec![
            Field::new("card", "Card number", "text", "cc-number"),
            Field::new("until", "Valid until", "text", "cc-exp"),
            Field::new("code", "Security code", "text", "cc-csc"),
        ]
    }

    fn checked_card(&self) -> Vec<Field> {
        let mut fields = self.card();
        if self.payment == Means::Card {
            let digits: String = self.card.chars().filter(|c| !c.is_whitespace()).collect();
            fields[0].error =
                (digits != CARD).then_some("Only the made-up card, 4242 four times, is taken here.");
            fields[1].error = self.until.trim().is_empty().then_some("Please fill this in.");
            fields[2].error = self.code.trim().is_empty().then_some("Please fill this in.");
        }
        fields
    }

    fn delivery(&self) -> Delivery {
        Delivery {
            name: self.name.trim().to_owned(),
            email: self.email.trim().to_owned(),
            street: self.street.trim().to_owned(),
            town: self.town.trim().to_owned(),
            postcode: self.postcode.trim().to_owned(),
            country: self.country.trim().to_owned(),
            payment: self.payment.words().to_owned(),
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
        card: form.card(),
        means: Means::default(),
        provider: provider(&app),
        made_at: format::now(),
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
    if any_error(&fields) || any_error(&form.checked_card()) || consent_error.is_some() {
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
        card: form.checked_card(),
        means: form.payment,
        provider: provider(app),
        made_at: format::now(),
        consent_error,
        problem,
    };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&page)?).into_response())
}

/// Another origin than the shop's, as a real provider would be; browsers find names below `localhost` on this machine.
fn provider(app: &App) -> String {
    format!("http://pay.localhost:{}", app.port)
}

fn announce(app: &App, lines: Vec<Line>, town: &str) {
    for line in lines {
        app.live.ordered(Ordered { product: line.product, name: line.name, town: town.to_owned() });
    }
}
