//! Orders: placing one takes goods off the shelf, in one transaction.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::fault::Fault;
use crate::format;
use crate::store::carts::{self, Cart, Line};

/// Orders an account page lists, newest first.
const LISTED_MAX: i64 = 100;
/// The number before the first order's. Deliberately naive: numbers are a sequence, so everybody knows the next.
const NUMBER_BEFORE_FIRST: i64 = 1_000;

/// Where an order goes and how it is paid.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) street: String,
    pub(crate) town: String,
    pub(crate) postcode: String,
    pub(crate) country: String,
    pub(crate) payment: String,
}

/// An order as its page shows it.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) number: i64,
    pub(crate) status: String,
    pub(crate) placed_at: i64,
    pub(crate) shipping_cents: i64,
    pub(crate) delivery: Delivery,
    pub(crate) lines: Vec<Line>,
}

impl Order {
    pub(crate) fn day(&self) -> String {
        format::day(self.placed_at)
    }

    pub(crate) fn shipping(&self) -> String {
        if self.shipping_cents == 0 { "free".to_owned() } else { format::euros(self.shipping_cents) }
    }

    pub(crate) fn total(&self) -> String {
        let goods: i64 = self.lines.iter().map(|line| line.price_cents * line.quantity).sum();
        format::euros(goods + self.shipping_cents)
    }
}

/// What became of a checkout.
#[derive(Debug)]
pub(crate) enum Placed {
    Order {
        number: i64,
        lines: Vec<Line>,
    },
    /// The shelf has fewer than the cart asks for; nothing was changed.
    SoldOut {
        name: String,
        left: i64,
    },
    EmptyCart,
}

/// Turns the session's cart into an order.
pub(crate) fn place(
    db: &mut Connection,
    token: &str,
    customer: Option<i64>,
    delivery: &Delivery,
) -> Result<Placed, Fault> {
    let tx = db.transaction()?;
    let cart = carts::cart(&tx, token)?;
    if cart.lines.is_empty() {
        return Ok(Placed::EmptyCart);
    }
    for line in &cart.lines {
        if !take(&tx, line)? {
            let left = crate::store::products::stock(&tx, &line.product)?;
            return Ok(Placed::SoldOut { name: line.name.clone(), left });
        }
    }
    let number = write(&tx, customer, format::now(), "being packed", delivery, &cart)?;
    tx.execute("DELETE FROM cart_lines WHERE session = ?1", [token])?;
    tx.commit()?;
    Ok(Placed::Order { number, lines: cart.lines })
}

fn take(tx: &Transaction<'_>, line: &Line) -> rusqlite::Result<bool> {
    let taken = tx.execute(
        "UPDATE products SET stock = stock - ?2 WHERE slug = ?1 AND stock >= ?2",
        params![line.product, line.quantity],
    )?;
    Ok(taken == 1)
}

/// Writes an order with the next number.
pub(crate) fn write(
    tx: &Transaction<'_>,
    customer: Option<i64>,
    placed_at: i64,
    status: &str,
    delivery: &Delivery,
    cart: &Cart,
) -> rusqlite::Result<i64> {
    let number: i64 =
        tx.query_row("SELECT COALESCE(MAX(number), ?1) + 1 FROM orders", [NUMBER_BEFORE_FIRST], |row| {
            row.get(0)
        })?;
    tx.execute(
        "INSERT INTO orders (number, customer, placed_at, status, name, email, street, town, postcode, country, \
         payment, shipping_cents) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            number,
            customer,
            placed_at,
            status,
            delivery.name,
            delivery.email,
            delivery.street,
            delivery.town,
            delivery.postcode,
            delivery.country,
            delivery.payment,
            cart.shipping_cents()
        ],
    )?;
    for line in &cart.lines {
        tx.execute(
            "INSERT INTO order_lines (order_number, product, name, quantity, price_cents) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![number, line.product, line.name, line.quantity, line.price_cents],
        )?;
    }
    Ok(number)
}

/// The order with this number, whoever asks.
pub(crate) fn one(db: &Connection, number: i64) -> Result<Option<Order>, Fault> {
    let query = "SELECT number, status, placed_at, shipping_cents, name, email, street, town, postcode, country, \
         payment FROM orders WHERE number = ?1";
    let order = db.query_row(query, [number], |row| {
        let delivery = Delivery {
            name: row.get(4)?,
            email: row.get(5)?,
            street: row.get(6)?,
            town: row.get(7)?,
            postcode: row.get(8)?,
            country: row.get(9)?,
            payment: row.get(10)?,
        };
        Ok(Order {
            number: row.get(0)?,
            status: row.get(1)?,
            placed_at: row.get(2)?,
            shipping_cents: row.get(3)?,
            delivery,
            lines: Vec::new(),
        })
    });
    match order.optional()? {
        Some(order) => Ok(Some(Order { lines: lines(db, number)?, ..order })),
        None => Ok(None),
    }
}

fn lines(db: &Connection, number: i64) -> Result<Vec<Line>, Fault> {
    let mut query =
        db.prepare("SELECT product, name, quantity, price_cents FROM order_lines WHERE order_number = ?1")?;
    let lines = query
        .query_map([number], |row| {
            Ok(Line {
                product: row.get(0)?,
                name: row.get(1)?,
                quantity: row.get(2)?,
                price_cents: row.get(3)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(lines)
}

/// The newest orders of a customer.
pub(crate) fn of_customer(db: &Connection, customer: i64) -> Result<Vec<Order>, Fault> {
    let mut query =
        db.prepare("SELECT number FROM orders WHERE customer = ?1 ORDER BY number DESC LIMIT ?2")?;
    let numbers =
        query.query_map([customer, LISTED_MAX], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
    numbers.into_iter().filter_map(|number| one(db, number).transpose()).collect()
}

/// The newest orders of the shop as (product name, slug, town), newest last.
pub(crate) fn recent(db: &Connection, count: i64) -> Result<Vec<(String, String, String)>, Fault> {
    let mut query = db.prepare(
        "SELECT l.name, l.product, o.town FROM orders o JOIN order_lines l ON l.order_number = o.number \
         ORDER BY o.number DESC, l.product LIMIT ?1",
    )?;
    let mut recent = query
        .query_map([count], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<Vec<_>, _>>()?;
    recent.reverse();
    Ok(recent)
}
