//! The first day: goods, a handful of customers, their orders and what they said.

use rusqlite::{Connection, Transaction, params};

use crate::catalog::{self, ITEMS};
use crate::format;
use crate::store::accounts;
use crate::store::carts::{Cart, Line};
use crate::store::orders::{self, Delivery};
use crate::store::reviews::{self, Review};

const DAY_SECONDS: i64 = 86_400;

/// Name, e-mail, password, street, postcode, town, country. The passwords are those people really choose.
const CUSTOMERS: [[&str; 7]; 6] = [
    ["Nora Lindqvist", "nora@example.com", "sunshine", "Hamngatan 4", "621 57", "Visby", "Sweden"],
    [
        "Tom Barraclough",
        "tom.b@example.com",
        "whitby1987",
        "12 Church Street",
        "YO22 4BH",
        "Whitby",
        "United Kingdom",
    ],
    ["Ines Carvalho", "ines@example.org", "qwerty", "Rua do Farol 31", "2750-341", "Cascais", "Portugal"],
    [
        "Jan de Vries",
        "jan.devries@example.net",
        "welkom01",
        "Dorpsstraat 8",
        "1790 AA",
        "Den Burg",
        "Netherlands",
    ],
    ["Maeve O'Sullivan", "maeve@example.com", "tea4two", "3 Strand Road", "V92 X2K7", "Dingle", "Ireland"],
    ["Oskar Brandt", "oskar.brandt@example.org", "passwort", "Fischmarkt 17", "23966", "Wismar", "Germany"],
];

/// An order of the past: customer by position, days ago, status, paid by invoice, products with quantities.
type PastOrder = (usize, i64, &'static str, bool, &'static [(&'static str, i64)]);

const ORDERS: [PastOrder; 11] = [
    (1, 61, "delivered", false, &[("harbor-breakfast", 2), ("deep-brew-basket", 1)]),
    (0, 55, "delivered", true, &[("sencha-sea-mist", 1), ("tide-cups", 1)]),
    (4, 47, "delivered", false, &[("smoked-driftwood", 1)]),
    (2, 40, "delivered", true, &[("stoneware-teapot", 1), ("verbena-cliff-path", 2)]),
    (3, 33, "delivered", false, &[("tasting-box", 1)]),
    (5, 28, "delivered", true, &[("iron-goddess", 1), ("harbor-gaiwan", 1), ("amber-cliff-oolong", 1)]),
    (0, 19, "delivered", false, &[("chamomile-dune", 1), ("lighthouse-earl-grey", 2)]),
    (1, 12, "delivered", false, &[("harbor-breakfast", 3)]),
    (4, 6, "on its way", true, &[("white-peony", 1), ("sea-buckthorn-ginger", 2)]),
    (2, 3, "on its way", false, &[("jasmine-pearls", 1)]),
    (0, 1, "being packed", true, &[("darjeeling-first-flush", 1), ("rooibos-sundown", 1)]),
];

/// A review: product, author, stars, days ago, title, text.
type PastReview = (&'static str, &'static str, i64, i64, &'static str, &'static str);

const REVIEWS: [PastReview; 24] = [
    (
        "harbor-breakfast",
        "Tom B.",
        5,
        52,
        "The only thing that gets me out of bed",
        "Third tin this year. Strong, no bitterness, stands up to a proper splash of milk. The tin itself now holds my screws.",
    ),
    (
        "harbor-breakfast",
        "Petra",
        4,
        30,
        "Very good, very strong",
        "Four minutes is the upper limit for me. At three it is perfect.",
    ),
    ("harbor-breakfast", "Callum R.", 5, 9, "Ferry approved", "I actually work on a ferry. Can confirm."),
    (
        "lighthouse-earl-grey",
        "Nora",
        5,
        14,
        "Finally not perfume",
        "I had given up on Earl Grey. This one tastes of tea first and of a lemon grove second.",
    ),
    (
        "lighthouse-earl-grey",
        "H. Yates",
        4,
        70,
        "Lovely, a touch light",
        "I use a little more leaf than it says. Beautiful smell when you open the tin.",
    ),
    (
        "assam-tideline",
        "Devika",
        5,
        44,
        "Tastes like home",
        "Proper second flush. My grandmother would approve, and she approves of nothing.",
    ),
    (
        "darjeeling-first-flush",
        "Oskar",
        5,
        150,
        "Worth waiting for April",
        "Green almonds, exactly as described. Do not drown it in boiling water.",
    ),
    (
        "smoked-driftwood",
        "Maeve",
        4,
        39,
        "A bonfire in a good way",
        "My husband calls it kipper tea and leaves the room. More for me.",
    ),
    (
        "sencha-sea-mist",
        "Nora",
        5,
        48,
        "Cloudy and sweet",
        "The color alone is worth it. 70 degrees really matters, I bought a thermometer.",
    ),
    (
        "sencha-sea-mist",
        "Luca",
        5,
        21,
        "Best sencha outside Japan",
        "I lived in Kagoshima for two years and this is the real thing. Fast delivery too.",
    ),
    (
        "sencha-sea-mist",
        "Annika",
        3,
        17,
        "Not for me",
        "Very grassy. Good quality, I think I am simply a genmaicha person.",
    ),
    ("fishermans-genmaicha", "Annika", 5, 11, "Told you", "Popcorn in a cup. I drink it all day."),
    (
        "dragonwell-spring",
        "W. Zhao",
        5,
        25,
        "Honest Longjing",
        "Flat, even leaves and that chestnut note. Fair price for what it is.",
    ),
    (
        "jasmine-pearls",
        "Ines",
        5,
        36,
        "I could watch them for hours",
        "Five pearls, a tall glass, and nobody speaks for three minutes.",
    ),
    (
        "iron-goddess",
        "Oskar",
        5,
        20,
        "Seven infusions, I counted",
        "The roast is gentle and the orchid comes out in the third.",
    ),
    (
        "amber-cliff-oolong",
        "Oskar",
        4,
        20,
        "Dark, mineral, expensive",
        "A treat for Sundays. Wet stone is the right word.",
    ),
    ("white-peony", "Maeve", 5, 4, "Soft", "Pear and quiet. I drink it when the house is finally asleep."),
    (
        "chamomile-dune",
        "Nora",
        5,
        13,
        "Whole flowers!",
        "You can see every single one. No comparison with tea bags.",
    ),
    (
        "rooibos-sundown",
        "Familie Brandt",
        4,
        18,
        "The children love it",
        "We make it cold with orange juice. A little less cinnamon would be fine too.",
    ),
    (
        "sea-buckthorn-ginger",
        "Maeve",
        5,
        3,
        "November, solved",
        "Sharp enough to wake the dead and it turns the most wonderful orange.",
    ),
    (
        "stoneware-teapot",
        "Ines",
        5,
        34,
        "It really does not drip",
        "I have poured water over my table for twenty years. No more. The glaze is even nicer than in the picture.",
    ),
    ("tide-cups", "Nora", 5, 50, "They fit the hand", "Bought one pair, ordering the second for my mother."),
    (
        "deep-brew-basket",
        "Tom B.",
        4,
        55,
        "Does what it should",
        "Even rooibos stays in. Lid doubles as a saucer.",
    ),
    (
        "tasting-box",
        "Jan",
        5,
        29,
        "Perfect present",
        "Bought as a present, kept it myself. The little map is a lovely touch.",
    ),
];

/// Fills an empty database; one that was filled before is left as it is.
pub(crate) fn fill(db: &mut Connection) -> rusqlite::Result<()> {
    let tx = db.transaction()?;
    let filled: bool = tx.query_row("SELECT EXISTS (SELECT 1 FROM products)", [], |row| row.get(0))?;
    if filled {
        return Ok(());
    }
    let now = format::now();
    add_products(&tx)?;
    let customers = add_customers(&tx)?;
    for order in &ORDERS {
        add_order(&tx, order, customers[order.0], now)?;
    }
    for &(product, author, rating, days_ago, title, text) in &REVIEWS {
        let review = Review {
            author: author.to_owned(),
            rating,
            title: title.to_owned(),
            text: text.to_owned(),
            picture: None,
            written_at: now - days_ago * DAY_SECONDS,
        };
        reviews::add(&tx, product, &review)?;
    }
    tx.commit()
}

fn add_products(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut insert = tx.prepare(
        "INSERT INTO products (slug, position, name, category, tagline, description, price_cents, stock) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for (position, item) in (0_i64..).zip(&ITEMS) {
        insert.execute(params![
            item.slug,
            position,
            item.name,
            item.category,
            item.tagline,
            item.description,
            item.price_cents,
            item.stock
        ])?;
    }
    Ok(())
}

fn add_customers(tx: &Transaction<'_>) -> rusqlite::Result<Vec<i64>> {
    CUSTOMERS
        .iter()
        .map(|[name, email, password, ..]| accounts::add_customer(tx, name, email, password))
        .collect()
}

fn add_order(
    tx: &Transaction<'_>,
    &(customer, days_ago, status, invoice, goods): &PastOrder,
    customer_id: i64,
    now: i64,
) -> rusqlite::Result<i64> {
    let [name, email, _, street, postcode, town, country] = CUSTOMERS[customer].map(str::to_owned);
    let payment = if invoice { "by invoice, 14 days" } else { "on delivery" }.to_owned();
    let delivery = Delivery { name, email, street, town, postcode, country, payment };
    let lines = goods
        .iter()
        .filter_map(|&(slug, quantity)| catalog::item(slug).map(|item| (item, quantity)))
        .map(|(item, quantity)| Line {
            product: item.slug.to_owned(),
            name: item.name.to_owned(),
            quantity,
            price_cents: item.price_cents,
        })
        .collect();
    orders::write(tx, Some(customer_id), now - days_ago * DAY_SECONDS, status, &delivery, &Cart { lines })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seeded_order_and_review_names_a_product_of_the_catalog() {
        let ordered = ORDERS.iter().flat_map(|order| order.4).map(|&(slug, _)| slug);
        for slug in ordered.chain(REVIEWS.iter().map(|review| review.0)) {
            assert!(catalog::item(slug).is_some(), "{slug}");
        }
    }
}
