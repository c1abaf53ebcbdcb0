//! What a session is about to buy.

use rusqlite::{Connection, params};
use serde::Serialize;

use crate::catalog;
use crate::fault::Fault;
use crate::format;

/// Pieces of one product in a cart; more is taken as this many.
pub(crate) const QUANTITY_MAX: i64 = 20;
/// Shipping within Europe.
const SHIPPING_CENTS: i64 = 490;
/// Goods from this value on travel free.
const SHIPPING_FREE_FROM_CENTS: i64 = 4_500;

/// A product in the cart.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Line {
    pub(crate) product: String,
    pub(crate) name: String,
    pub(crate) quantity: i64,
    pub(crate) price_cents: i64,
}

impl Line {
    pub(crate) fn price(&self) -> String {
        format::euros(self.price_cents)
    }

    pub(crate) fn total(&self) -> String {
        format::euros(self.price_cents * self.quantity)
    }

    pub(crate) fn alt(&self) -> String {
        catalog::item(&self.product).map(catalog::Item::alt).unwrap_or_default()
    }
}

/// Everything in the cart, in the order of the shelves.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Cart {
    pub(crate) lines: Vec<Line>,
}

impl Cart {
    pub(crate) fn count(&self) -> i64 {
        self.lines.iter().map(|line| line.quantity).sum()
    }

    pub(crate) fn goods_cents(&self) -> i64 {
        self.lines.iter().map(|line| line.price_cents * line.quantity).sum()
    }

    pub(crate) fn shipping_cents(&self) -> i64 {
        if self.goods_cents() >= SHIPPING_FREE_FROM_CENTS { 0 } else { SHIPPING_CENTS }
    }

    pub(crate) fn goods(&self) -> String {
        format::euros(self.goods_cents())
    }

    pub(crate) fn shipping(&self) -> String {
        if self.shipping_cents() == 0 { "free".to_owned() } else { format::euros(self.shipping_cents()) }
    }

    pub(crate) fn total(&self) -> String {
        format::euros(self.goods_cents() + self.shipping_cents())
    }

    /// What is missing for free shipping, if something is.
    pub(crate) fn missing_for_free_shipping(&self) -> Option<String> {
        (self.shipping_cents() > 0).then(|| format::euros(SHIPPING_FREE_FROM_CENTS - self.goods_cents()))
    }
}

/// The cart of a session.
pub(crate) fn cart(db: &Connection, token: &str) -> Result<Cart, Fault> {
    let mut query = db.prepare(
        "SELECT p.slug, p.name, l.quantity, p.price_cents FROM cart_lines l \
         JOIN products p ON p.slug = l.product WHERE l.session = ?1 ORDER BY p.position",
    )?;
    let lines = query
        .query_map([token], |row| {
            Ok(Line {
                product: row.get(0)?,
                name: row.get(1)?,
                quantity: row.get(2)?,
                price_cents: row.get(3)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(Cart { lines })
}

/// Puts more of a product into the cart.
pub(crate) fn add(db: &Connection, token: &str, product: &str, quantity: i64) -> Result<(), Fault> {
    let quantity = quantity.clamp(1, QUANTITY_MAX);
    let known = catalog::item(product).ok_or(Fault::NotFound)?;
    db.execute(
        "INSERT INTO cart_lines (session, product, quantity) VALUES (?1, ?2, ?3) \
         ON CONFLICT (session, product) DO UPDATE SET quantity = MIN(quantity + excluded.quantity, ?4)",
        params![token, known.slug, quantity, QUANTITY_MAX],
    )?;
    Ok(())
}

/// Sets how many of a product are in the cart; 0 takes it out.
pub(crate) fn set(db: &Connection, token: &str, product: &str, quantity: i64) -> Result<(), Fault> {
    if quantity <= 0 {
        db.execute("DELETE FROM cart_lines WHERE session = ?1 AND product = ?2", [token, product])?;
    } else {
        db.execute(
            "UPDATE cart_lines SET quantity = ?3 WHERE session = ?1 AND product = ?2",
            params![token, product, quantity.min(QUANTITY_MAX)],
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipping_is_free_from_forty_five_euros_on() {
        let cart = |price_cents| Cart {
            lines: vec![Line { product: String::new(), name: String::new(), quantity: 3, price_cents }],
        };
        assert_eq!(cart(1499).total(), "€49.87");
        assert_eq!(cart(1499).missing_for_free_shipping().as_deref(), Some("€0.03"));
        assert_eq!(cart(1500).total(), "€45.00");
        assert_eq!(cart(1500).missing_for_free_shipping(), None);
    }
}
