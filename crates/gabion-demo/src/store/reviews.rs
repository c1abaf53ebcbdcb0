//! What customers say, and the pictures they send.

use rusqlite::{Connection, OptionalExtension, params};

use crate::fault::Fault;
use crate::format;

/// Reviews one product page shows, newest first.
const SHOWN_MAX: i64 = 50;

/// A review as the product page shows it.
#[derive(Debug)]
pub(crate) struct Review {
    pub(crate) author: String,
    pub(crate) rating: i64,
    pub(crate) title: String,
    pub(crate) text: String,
    /// Name of the uploaded picture.
    pub(crate) picture: Option<String>,
    pub(crate) written_at: i64,
}

impl Review {
    pub(crate) fn stars(&self) -> String {
        format::stars(self.rating)
    }

    pub(crate) fn day(&self) -> String {
        format::day(self.written_at)
    }

    /// Address of the picture.
    pub(crate) fn picture_path(&self) -> Option<String> {
        self.picture.as_deref().map(|name| format!("/uploads/{}", format::path_segment(name)))
    }
}

/// The newest reviews of a product.
pub(crate) fn of_product(db: &Connection, product: &str) -> Result<Vec<Review>, Fault> {
    let mut query = db.prepare(
        "SELECT author, rating, title, text, picture, written_at FROM reviews \
         WHERE product = ?1 ORDER BY written_at DESC, id DESC LIMIT ?2",
    )?;
    let reviews = query
        .query_map(params![product, SHOWN_MAX], |row| {
            Ok(Review {
                author: row.get(0)?,
                rating: row.get(1)?,
                title: row.get(2)?,
                text: row.get(3)?,
                picture: row.get(4)?,
                written_at: row.get(5)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(reviews)
}

/// Keeps a review, exactly as it was written.
pub(crate) fn add(db: &Connection, product: &str, review: &Review) -> rusqlite::Result<()> {
    db.execute(
        "INSERT INTO reviews (product, author, rating, title, text, picture, written_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            product,
            review.author,
            review.rating,
            review.title,
            review.text,
            review.picture,
            review.written_at
        ],
    )?;
    Ok(())
}

/// Remembers which kind the client said its file has.
pub(crate) fn remember_upload(db: &Connection, name: &str, content_type: &str) -> Result<(), Fault> {
    db.execute(
        "INSERT INTO uploads (name, content_type) VALUES (?1, ?2) \
         ON CONFLICT (name) DO UPDATE SET content_type = excluded.content_type",
        [name, content_type],
    )?;
    Ok(())
}

/// The kind the client said its file has.
pub(crate) fn upload_type(db: &Connection, name: &str) -> Result<Option<String>, Fault> {
    let query = "SELECT content_type FROM uploads WHERE name = ?1";
    Ok(db.query_row(query, [name], |row| row.get(0)).optional()?)
}
