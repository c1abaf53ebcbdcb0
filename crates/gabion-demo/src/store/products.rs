//! The shelves and the search.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;

use crate::catalog;
use crate::fault::Fault;
use crate::format;

/// Rows one search shows.
const HITS_MAX: usize = 100;

/// A product as a shelf or its own page shows it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Product {
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) category: String,
    pub(crate) tagline: String,
    pub(crate) description: String,
    pub(crate) price_cents: i64,
    pub(crate) stock: i64,
    /// How many reviews there are.
    pub(crate) reviews: i64,
    /// Mean of the reviews, rounded to full stars; 0 without reviews.
    pub(crate) rating: i64,
}

impl Product {
    pub(crate) fn price(&self) -> String {
        format::euros(self.price_cents)
    }

    pub(crate) fn stars(&self) -> String {
        format::stars(self.rating)
    }

    pub(crate) fn alt(&self) -> String {
        catalog::item(&self.slug).map(catalog::Item::alt).unwrap_or_default()
    }
}

/// How a shelf is sorted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Order {
    #[default]
    Shelf,
    Name,
    Cheapest,
    Dearest,
}

impl Order {
    /// Reads the `sort` parameter; anything unknown is the order of the shelf.
    pub(crate) fn parse(text: &str) -> Order {
        match text {
            "name" => Order::Name,
            "price" => Order::Cheapest,
            "price-desc" => Order::Dearest,
            _ => Order::Shelf,
        }
    }

    fn column(self) -> &'static str {
        match self {
            Order::Shelf => "p.position",
            Order::Name => "p.name",
            Order::Cheapest => "p.price_cents, p.position",
            Order::Dearest => "p.price_cents DESC, p.position",
        }
    }
}

const SELECT: &str = "SELECT p.slug, p.name, p.category, p.tagline, p.description, p.price_cents, p.stock, \
     (SELECT COUNT(*) FROM reviews r WHERE r.product = p.slug), \
     (SELECT CAST(ROUND(AVG(r.rating)) AS INTEGER) FROM reviews r WHERE r.product = p.slug) \
     FROM products p";

fn read(row: &Row<'_>) -> rusqlite::Result<Product> {
    Ok(Product {
        slug: row.get(0)?,
        name: row.get(1)?,
        category: row.get(2)?,
        tagline: row.get(3)?,
        description: row.get(4)?,
        price_cents: row.get(5)?,
        stock: row.get(6)?,
        reviews: row.get(7)?,
        rating: row.get::<_, Option<i64>>(8)?.unwrap_or(0),
    })
}

/// The products of one category, or all.
pub(crate) fn list(db: &Connection, category: Option<&str>, order: Order) -> Result<Vec<Product>, Fault> {
    let sql = format!("{SELECT} WHERE ?1 IS NULL OR p.category = ?1 ORDER BY {}", order.column());
    let products = db.prepare(&sql)?.query_map([category], read)?.collect::<Result<_, _>>()?;
    Ok(products)
}

/// One product, if the shop has it.
pub(crate) fn one(db: &Connection, slug: &str) -> Result<Option<Product>, Fault> {
    Ok(db.query_row(&format!("{SELECT} WHERE p.slug = ?1"), [slug], read).optional()?)
}

/// How many are left of one product; 0 when there is no such product.
pub(crate) fn stock(db: &Connection, slug: &str) -> Result<i64, Fault> {
    let left =
        db.query_row("SELECT stock FROM products WHERE slug = ?1", [slug], |row| row.get(0)).optional()?;
    Ok(left.unwrap_or(0))
}

/// One line of a search result, in whatever types the query came back with.
#[derive(Debug)]
pub(crate) struct Hit {
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) tagline: String,
    pub(crate) price: String,
}

impl Hit {
    /// The description of the picture, when the hit is a product that has one.
    pub(crate) fn alt(&self) -> Option<String> {
        catalog::item(&self.slug).map(catalog::Item::alt)
    }
}

/// Finds products by a part of their name or tagline.
///
/// Deliberately naive: the SQL is built from the visitor's text, so `' UNION SELECT ...` reads any table.
/// SQLite runs one statement only, so nothing can be written this way.
pub(crate) fn search(db: &Connection, text: &str) -> Result<Vec<Hit>, Fault> {
    let sql = format!(
        "SELECT slug, name, tagline, price_cents FROM products \
         WHERE name LIKE '%{text}%' OR tagline LIKE '%{text}%' OR category LIKE '%{text}%' ORDER BY position"
    );
    let mut query = db.prepare(&sql)?;
    let hits = query
        .query_map([], |row| {
            Ok(Hit {
                slug: any_text(row.get_ref(0)?),
                name: any_text(row.get_ref(1)?),
                tagline: any_text(row.get_ref(2)?),
                price: any_price(row.get_ref(3)?),
            })
        })?
        .take(HITS_MAX)
        .collect::<Result<_, _>>()?;
    Ok(hits)
}

fn any_price(value: ValueRef<'_>) -> String {
    value.as_i64().map_or_else(|_| any_text(value), format::euros)
}

fn any_text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}
