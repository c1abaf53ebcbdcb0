//! Request bodies: capped, of one media type, and refused with the place that is wrong.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use crate::Problem;
use crate::problem::Place;

/// Bytes of the largest body the console and API read: settings with many exclusions stay far below it.
/// Above it: 413, and nothing of the body is looked at.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// Bytes of a parser's sentence that go into an answer; it may quote what was sent.
const DETAIL_BYTES_MAX: usize = 300;

/// Fields of a form by name. A name sent twice holds a list.
pub(crate) type FormFields = serde_json::Map<String, Value>;

/// A JSON body of at most [`BODY_BYTES_MAX`] bytes. `T` should derive `Deserialize` with
/// `#[serde(deny_unknown_fields)]`, so that a misspelled name is refused with the nearest valid one.
///
/// # Errors
/// 413 `body_too_large`, 415 `unsupported_media_type`, 400 `invalid_body` with JSON pointer, line and column.
#[derive(Clone, Debug)]
pub struct CappedJson<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for CappedJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        parse_json(&json_bytes(&parts, body).await?).map(Self)
    }
}

/// A form body of at most [`BODY_BYTES_MAX`] bytes. Values arrive as text; a field sent twice is refused unless
/// `T` holds a list there.
///
/// # Errors
/// As [`CappedJson`], without line and column.
#[derive(Clone, Debug)]
pub struct CappedForm<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for CappedForm<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        typed(form_fields(&parts, body).await?).map(Self)
    }
}

/// The bytes of a JSON body, whole and within the limit: for handlers that need them beside the value.
///
/// # Errors
/// 413 `body_too_large` and 415 `unsupported_media_type`.
pub async fn json_bytes(parts: &Parts, body: Body) -> Result<Bytes, Problem> {
    need_media_type(&parts.headers, "application/json")?;
    read(parts, body).await
}

/// Reads JSON as [`CappedJson`] does.
///
/// # Errors
/// 400 `invalid_body`.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let (line, column) = (error.inner().line(), error.inner().column());
        let text = error.inner().to_string();
        let sentence = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text);
        invalid(error.path(), &format!("{} (line {line}, column {column})", explain(sentence)))
    })?;
    json.end().map_err(|error| {
        Problem::new(StatusCode::BAD_REQUEST, "invalid_body", error.to_string())
            .fault(Place::Pointer(String::new()), "something follows the end of the document")
    })?;
    Ok(value)
}

pub(crate) async fn form_fields(parts: &Parts, body: Body) -> Result<FormFields, Problem> {
    need_media_type(&parts.headers, "application/x-www-form-urlencoded")?;
    let bytes = read(parts, body).await?;
    let mut fields = FormFields::new();
    for (name, value) in form_urlencoded::parse(&bytes) {
        let value = Value::String(value.into_owned());
        match fields.get_mut(&*name) {
            None => drop(fields.insert(name.into_owned(), value)),
            Some(Value::Array(list)) => list.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Ok(fields)
}

pub(crate) fn typed<T: DeserializeOwned>(fields: FormFields) -> Result<T, Problem> {
    serde_path_to_error::deserialize(Value::Object(fields))
        .map_err(|error| invalid(error.path(), &explain(&error.inner().to_string())))
}

fn need_media_type(headers: &HeaderMap, wanted: &'static str) -> Result<(), Problem> {
    let sent = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = sent.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    let detail = format!("the body must be {wanted}");
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
        .fault(Place::Header("content-type"), format!("expected {wanted}")))
}

async fn read(parts: &Parts, body: Body) -> Result<Bytes, Problem> {
    let announced = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|bytes: u64| bytes > BODY_BYTES_MAX as u64) {
        return Err(too_large());
    }
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(_) => Err(Problem::new(StatusCode::BAD_REQUEST, "incomplete_body", "the body ended early")),
    }
}

fn too_large() -> Problem {
    let detail = format!("the body is larger than {} KiB", BODY_BYTES_MAX / 1024);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
}

fn invalid(path: &Path, sentence: &str) -> Problem {
    let sentence = gabion_core::limits::cut(sentence, DETAIL_BYTES_MAX).into_owned();
    Problem::new(StatusCode::BAD_REQUEST, "invalid_body", sentence.clone())
        .fault(Place::Pointer(pointer(path)), sentence)
}

/// The path as a JSON pointer, RFC 6901 section 3.
fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Unknown => {}
        }
    }
    pointer
}

/// Adds the nearest valid name to serde's sentence about an unknown one.
fn explain(sentence: &str) -> String {
    let mut quoted = sentence.split('`').skip(1).step_by(2);
    let unknown = sentence.starts_with("unknown field") || sentence.starts_with("unknown variant");
    let nearest = quoted.next().filter(|_| unknown).and_then(|given| {
        let by_likeness = quoted.map(|known| (strsim::jaro_winkler(given, known), known));
        by_likeness.filter(|(likeness, _)| *likeness > 0.8).max_by(|a, b| a.0.total_cmp(&b.0))
    });
    match nearest {
        Some((_, known)) => format!("{sentence}; did you mean `{known}`?"),
        None => sentence.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Invite {
        name: String,
        #[serde(default)]
        tags: Vec<String>,
    }

    fn request(content_type: &str, body: impl Into<Body>) -> Request {
        Request::post("/").header(CONTENT_TYPE, content_type).body(body.into()).expect("a request")
    }

    async fn json(body: &str) -> Result<Invite, Problem> {
        let request = request("application/json; charset=utf-8", body.to_owned());
        CappedJson::from_request(request, &()).await.map(|CappedJson(value)| value)
    }

    async fn form(body: &str) -> Result<Invite, Problem> {
        let request = request("application/x-www-form-urlencoded", body.to_owned());
        CappedForm::from_request(request, &()).await.map(|CappedForm(value)| value)
    }

    #[tokio::test]
    async fn valid_bodies_are_read() {
        let invite = Invite { name: "Ann Lee".into(), tags: vec!["a".into(), "b".into()] };
        assert_eq!(json(r#"{"name":"Ann Lee","tags":["a","b"]}"#).await, Ok(Invite { ..invite }));
        let invite = form("name=Ann+Lee&tags=a&tags=b").await.expect("a valid form");
        assert_eq!(invite.tags, ["a", "b"]);
    }

    #[tokio::test]
    async fn unknown_fields_are_refused_with_the_nearest_name() {
        for problem in [json("{\"name\":\"x\",\n\"tgas\":1}").await, form("name=x&tgas=1").await] {
            let problem = problem.expect_err("an unknown field");
            assert_eq!(problem.code(), "invalid_body");
            assert!(problem.detail().contains("unknown field `tgas`"), "{problem:?}");
            assert!(problem.detail().contains("did you mean `tags`?"), "{problem:?}");
        }
    }

    #[tokio::test]
    async fn wrong_values_are_pointed_at_with_line_and_column() {
        let problem =
            json("{\"name\":\"x\",\n\"tags\":[\"a\",7]}").await.expect_err("a number among the tags");
        assert_eq!(problem.faults()[0].at, Place::Pointer("/tags/1".into()));
        assert!(problem.detail().contains("(line 2, column 13)"), "{problem:?}");
        for broken in ["", "{", "[]", "{\"name\":\"x\"} {}", "\u{feff}{}"] {
            assert_eq!(json(broken).await.expect_err(broken).code(), "invalid_body");
        }
    }

    #[tokio::test]
    async fn a_field_sent_twice_is_no_text() {
        let problem = form("name=a&name=b").await.expect_err("two names");
        assert_eq!(problem.faults()[0].at, Place::Pointer("/name".into()));
    }

    #[tokio::test]
    async fn another_media_type_is_refused() {
        let refused = CappedJson::<Invite>::from_request(request("text/plain", "{}"), &()).await;
        assert_eq!(refused.expect_err("text").status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }

    #[tokio::test]
    async fn too_large_bodies_are_refused_announced_or_not() {
        let large = "x".repeat(BODY_BYTES_MAX + 1);
        let problem = json(&large).await.expect_err("too large");
        assert_eq!((problem.status(), problem.code()), (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"));
        assert!(problem.detail().contains("256 KiB"), "{problem:?}");

        let announced = Request::post("/")
            .header(CONTENT_TYPE, "application/json")
            .header(CONTENT_LENGTH, BODY_BYTES_MAX + 1)
            .body(Body::empty())
            .expect("a request");
        let refused = CappedJson::<Invite>::from_request(announced, &()).await;
        assert_eq!(refused.expect_err("too large").code(), "body_too_large");
    }

    #[test]
    fn pointers_are_escaped() {
        type Nested = std::collections::BTreeMap<String, u8>;
        let problem = parse_json::<Nested>(br#"{"a/b~c":"x"}"#).expect_err("no number");
        assert_eq!(problem.faults()[0].at, Place::Pointer("/a~1b~0c".into()));
    }
}
