//! Lists in pages, by opaque cursor.

use axum::extract::FromRequestParts;
use data_encoding::BASE64URL_NOPAD;
use http::request::Parts;
use serde::Serialize;

use crate::Problem;
use crate::problem::Place;

/// Items of a page when the request does not say.
pub const LIMIT_DEFAULT: usize = 50;
/// Items of the largest page.
pub const LIMIT_MAX: usize = 200;
/// Bytes of the longest position a cursor holds.
pub const CURSOR_BYTES_MAX: usize = 256;

/// A position in a list: the sort key of the last item seen. Opaque to callers, but no secret: it may hold only
/// what the list shows anyway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// A cursor behind the item with this sort key.
    pub fn after(position: impl ToString) -> Self {
        Self(position.to_string())
    }

    /// The sort key.
    pub fn position(&self) -> &str {
        &self.0
    }

    fn decode(text: &str) -> Option<Self> {
        if text.len() > CURSOR_BYTES_MAX * 4 / 3 + 4 {
            return None;
        }
        let position = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        String::from_utf8(position).ok().map(Self)
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(self.0.as_bytes()))
    }
}

impl Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Which part of a list is asked for: `?cursor=...&limit=50`. Other parameters are left to the handler.
///
/// # Errors
/// 400 `invalid_request` that names the parameter and its range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Begin behind this position; none for the beginning.
    pub cursor: Option<Cursor>,
    /// Items wanted, 1 to [`LIMIT_MAX`].
    pub limit: usize,
}

impl Page {
    pub(crate) fn parse(query: &str) -> Result<Self, Problem> {
        let mut page = Self { cursor: None, limit: LIMIT_DEFAULT };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
                    page.limit = limit.ok_or_else(|| {
                        let shown = gabion_core::limits::cut(&value, 40);
                        invalid("limit", format!("limit is a number from 1 to {LIMIT_MAX}, not {shown:?}"))
                    })?;
                }
                "cursor" => {
                    let unknown = || invalid("cursor", "cursor is not one this API gave out".to_owned());
                    page.cursor = Some(Cursor::decode(&value).ok_or_else(unknown)?);
                }
                _ => {}
            }
        }
        Ok(page)
    }

    /// Makes the answer from up to `limit + 1` items read: the extra one only tells that more follow.
    pub fn listing<T>(&self, mut items: Vec<T>, position: impl Fn(&T) -> Cursor) -> Listing<T> {
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        let next_cursor = items.last().filter(|_| more).map(position);
        Listing { items, next_cursor }
    }
}

fn invalid(parameter: &'static str, detail: String) -> Problem {
    Problem::invalid(detail.clone()).fault(Place::Parameter(parameter), detail)
}

impl<S: Sync> FromRequestParts<S> for Page {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

/// One page of a list as answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listing<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Where the next page begins; none on the last one.
    pub next_cursor: Option<Cursor>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_survive_the_query_string() {
        let cursor = Cursor::after("2023-11-14|stf_ü");
        let page = Page::parse(&format!("filter=x&cursor={cursor}&limit=7")).expect("a valid query");
        assert_eq!(page, Page { cursor: Some(cursor), limit: 7 });
        assert_eq!(Page::parse("").expect("no query"), Page { cursor: None, limit: LIMIT_DEFAULT });
    }

    #[test]
    fn bad_parameters_are_named_with_their_range() {
        for bad in ["limit=0", "limit=201", "limit=-1", "limit=ten", "limit="] {
            let problem = Page::parse(bad).expect_err(bad);
            assert_eq!(problem.faults()[0].at, Place::Parameter("limit"));
            assert!(problem.detail().contains("1 to 200"), "{problem:?}");
        }
        for bad in ["cursor=%20", "cursor=A", "cursor=_w"] {
            assert_eq!(Page::parse(bad).expect_err(bad).faults()[0].at, Place::Parameter("cursor"));
        }
        assert!(Page::parse(&format!("cursor={}", "A".repeat(400))).is_err());
    }

    #[test]
    fn the_extra_item_becomes_the_next_cursor() {
        let page = Page { cursor: None, limit: 2 };
        let full = page.listing(vec![1, 2, 3], |n| Cursor::after(n));
        assert_eq!(full, Listing { items: vec![1, 2], next_cursor: Some(Cursor::after(2)) });
        assert_eq!(page.listing(vec![1, 2], |n| Cursor::after(n)).next_cursor, None);
    }
}
