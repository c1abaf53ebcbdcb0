//! A product, its reviews and their pictures.

use askama::Template;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{Multipart, Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Redirect, Response};

use super::html;
use crate::catalog::{self, Category, Item};
use crate::db::on_blocking_thread;
use crate::fault::Fault;
use crate::folder::PICTURE_BYTES_MAX;
use crate::format;
use crate::server::App;
use crate::store::carts::QUANTITY_MAX;
use crate::store::products::{self, Product};
use crate::store::reviews::{self, Review};
use crate::visitor::{Chrome, Visitor};

/// Characters of a review's text.
const TEXT_CHARS_MAX: usize = 4_000;
/// Characters of a reviewer's name and of a title.
const LINE_CHARS_MAX: usize = 120;

#[derive(Template)]
#[template(path = "product.html")]
struct ProductPage {
    chrome: Chrome,
    item: &'static Item,
    category: &'static Category,
    product: Product,
    reviews: Vec<Review>,
    quantity_max: i64,
}

pub(crate) async fn show(
    State(app): State<App>,
    Path(slug): Path<String>,
    visitor: Visitor,
) -> Result<Response, Fault> {
    let item = catalog::item(&slug).ok_or(Fault::NotFound)?;
    let category = catalog::category(item.category).ok_or(Fault::NotFound)?;
    let (product, reviews) = app
        .db
        .run(move |db| {
            let product = products::one(db, item.slug)?.ok_or(Fault::NotFound)?;
            Ok((product, reviews::of_product(db, item.slug)?))
        })
        .await?;
    let quantity_max = product.stock.min(QUANTITY_MAX);
    html(&ProductPage { chrome: visitor.chrome(), item, category, product, reviews, quantity_max })
}

/// What a review form sends.
#[derive(Default)]
struct ReviewForm {
    author: String,
    rating: String,
    title: String,
    text: String,
    picture: Option<Picture>,
}

struct Picture {
    name: String,
    content_type: String,
    bytes: Vec<u8>,
}

pub(crate) async fn review(
    State(app): State<App>,
    Path(slug): Path<String>,
    form: Multipart,
) -> Result<Response, Fault> {
    let item = catalog::item(&slug).ok_or(Fault::NotFound)?;
    let form = read_form(form).await?;
    let rating = form.rating.parse().ok().filter(|rating| (1..=5).contains(rating));
    let rating = rating.ok_or_else(|| Fault::BadRequest("Please give one to five stars.".to_owned()))?;
    let picture = match form.picture {
        Some(picture) => Some(keep_picture(&app, picture).await?),
        None => None,
    };
    let review = Review {
        author: line(&form.author, "Please tell us your name.")?,
        rating,
        title: line(&form.title, "Please give your review a title.")?,
        text: form.text.chars().take(TEXT_CHARS_MAX).collect(),
        picture,
        written_at: format::now(),
    };
    app.db.run(move |db| Ok(reviews::add(db, item.slug, &review)?)).await?;
    Ok(Redirect::to(&format!("/products/{}#reviews", item.slug)).into_response())
}

fn line(text: &str, missing: &str) -> Result<String, Fault> {
    let text: String = text.trim().chars().take(LINE_CHARS_MAX).collect();
    if text.is_empty() { Err(Fault::BadRequest(missing.to_owned())) } else { Ok(text) }
}

async fn read_form(mut parts: Multipart) -> Result<ReviewForm, Fault> {
    let mut form = ReviewForm::default();
    while let Some(part) = parts.next_field().await.map_err(broken_form)? {
        let name = part.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "author" => form.author = part.text().await.map_err(broken_form)?,
            "rating" => form.rating = part.text().await.map_err(broken_form)?,
            "title" => form.title = part.text().await.map_err(broken_form)?,
            "text" => form.text = part.text().await.map_err(broken_form)?,
            "picture" => form.picture = read_picture(part).await?,
            _ => {}
        }
    }
    Ok(form)
}

/// Reads the picture; a form without one sends an empty part without a name.
async fn read_picture(mut part: Field<'_>) -> Result<Option<Picture>, Fault> {
    let name = part.file_name().unwrap_or_default().to_owned();
    let content_type = part.content_type().unwrap_or("application/octet-stream").to_owned();
    let mut bytes = Vec::new();
    while let Some(chunk) = part.chunk().await.map_err(broken_form)? {
        if bytes.len() + chunk.len() > PICTURE_BYTES_MAX {
            return Err(Fault::TooLarge("A picture may have up to 5 MB."));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok((!bytes.is_empty()).then_some(Picture { name, content_type, bytes }))
}

fn broken_form(error: MultipartError) -> Fault {
    if error.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
        return Fault::TooLarge("A review with its picture may have up to 8 MB.");
    }
    Fault::BadRequest(format!("The form did not arrive whole: {error}."))
}

async fn keep_picture(app: &App, picture: Picture) -> Result<String, Fault> {
    let folder = app.folder.clone();
    let Picture { name, content_type, bytes } = picture;
    let kept = on_blocking_thread(move |_| folder.keep_upload(&name, &bytes)).await?;
    let name = kept.clone();
    app.db.run(move |db| reviews::remember_upload(db, &name, &content_type)).await?;
    Ok(kept)
}

/// Deliberately naive: an uploaded file comes back with the type its sender named, `text/html` included.
pub(crate) async fn upload(State(app): State<App>, Path(name): Path<String>) -> Result<Response, Fault> {
    let asked = name.clone();
    let content_type =
        app.db.run(move |db| reviews::upload_type(db, &asked)).await?.ok_or(Fault::NotFound)?;
    let folder = app.folder.clone();
    let bytes = on_blocking_thread(move |_| folder.upload(&name)).await?;
    Ok(([(CONTENT_TYPE, content_type)], bytes).into_response())
}
