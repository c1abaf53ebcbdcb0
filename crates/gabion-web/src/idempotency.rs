//! Requests that act once however often they are sent: the `Idempotency-Key` header.
//!
//! The walk: [`OnceJson`] reads key and body; [`Once::run`] claims the key; the handler acts and keeps its
//! answer **in the transaction of the change** ([`Keeper::keep`]); the same request again gets the same bytes.
//! Refusals are not kept: nothing happened, the key may be used again.
//!
//! Kept answers are sealed under the key ring, because they may show a secret that is shown once.

use std::future::Future;
use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use gabion_core::entropy::draw;
use gabion_core::{Entropy, Timestamp};
use gabion_crypto::digest::Sha256;
use gabion_crypto::kdf::{OneTimeKey, one_time_key};
use gabion_crypto::{KeyRing, KeyUse, envelope};
use gabion_store::{Db, StoreError, Tx, idempotency};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Problem;
use crate::auth::verified;
use crate::body::{json_bytes, parse_json};
use crate::problem::Place;

/// How long an answer is kept, and how long a key stays taken when the process dies while acting.
pub const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// When to come back while the first request is still being worked on.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The header, as draft-ietf-httpapi-idempotency-key-header names it.
const HEADER: &str = "idempotency-key";

const SALT_BYTES: usize = 16;

/// The caller's name for one intended act: 1 to 255 visible ASCII characters.
///
/// # Errors
/// 400 `idempotency_key_missing` or `idempotency_key_invalid`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn from_parts(parts: &Parts) -> Result<Self, Problem> {
        let refuse = |code, detail: &str| {
            Problem::new(StatusCode::BAD_REQUEST, code, detail).fault(Place::Header(HEADER), detail)
        };
        let mut values = parts.headers.get_all(HEADER).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(refuse(
                "idempotency_key_missing",
                "send one Idempotency-Key header with this request",
            ));
        };
        let visible = value.as_bytes().iter().all(u8::is_ascii_graphic);
        let fits = (1..=idempotency::KEY_BYTES_MAX).contains(&value.len());
        match value.to_str() {
            Ok(text) if visible && fits => Ok(Self(text.to_owned())),
            _ => Err(refuse("idempotency_key_invalid", "a key has 1 to 255 visible ASCII characters")),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::from_parts(parts)
    }
}

/// A JSON body as [`crate::CappedJson`], to be acted on once per `Idempotency-Key` and caller.
///
/// # Errors
/// 401 without a principal; as [`IdempotencyKey`] and [`crate::CappedJson`].
#[derive(Debug)]
pub struct OnceJson<T>(pub T, pub Once);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for OnceJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let caller = verified(&parts)?.principal.actor();
        let key = IdempotencyKey::from_parts(&parts)?;
        let bytes = json_bytes(&parts, body).await?;
        let wish = parse_json(&bytes)?;
        let mut fingerprint = Sha256::new();
        fingerprint.update_framed(parts.method.as_str().as_bytes());
        fingerprint.update_framed(parts.uri.path().as_bytes());
        fingerprint.update_framed(&bytes);
        let scope = format!("{caller} {} {}", parts.method, parts.uri.path());
        Ok(Self(wish, Once { scope, key: key.0, fingerprint: fingerprint.finish() }))
    }
}

/// One intended act.
#[derive(Clone, Debug)]
pub struct Once {
    scope: String,
    key: String,
    fingerprint: [u8; 32],
}

/// An answer that can be kept: status and JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    status: StatusCode,
    body: Vec<u8>,
}

impl Answer {
    /// An answer with a JSON body.
    pub fn json(status: StatusCode, body: &impl Serialize) -> Self {
        Self { status, body: serde_json::to_vec(body).expect("answers serialize") }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/json");
        (self.status, [(CONTENT_TYPE, json)], self.body).into_response()
    }
}

/// Proof that an answer was kept with its change. Made only by [`Keeper::keep`].
#[derive(Clone, Debug)]
pub struct Kept(Answer);

/// Keeps the answer of an act in the act's own transaction.
#[derive(Clone)]
pub struct Keeper {
    once: Once,
    salt: [u8; SALT_BYTES],
    ring: std::sync::Arc<KeyRing>,
}

impl Keeper {
    /// Keeps `answer`. Call it in the closure that makes the change; the same answer each time the closure runs.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub fn keep(&self, tx: &mut Tx<'_>, answer: &Answer) -> Result<Kept, StoreError> {
        let key = self.ring.current(KeyUse::Replay);
        let sealed = envelope::seal_once(
            body_key(&key.secret, &self.once, &self.salt),
            &body_context(&self.once),
            &answer.body,
        );
        let body = [&key.epoch.to_be_bytes()[..], &self.salt, &sealed].concat();
        let kept = idempotency::Response { status: answer.status.as_u16(), headers: Vec::new(), body };
        idempotency::finish(tx, &self.once.scope, &self.once.key, &kept)?;
        Ok(Kept(answer.clone()))
    }
}

impl Once {
    /// Claims the key, lets `act` do its work and keep its answer, or gives the answer kept before. Goes on when
    /// the caller hangs up, so that the key always ends with an answer or free.
    ///
    /// Problems: 409 `in_flight` while the first request is being worked on, 422 `idempotency_key_reused` when
    /// the key came with another request, and those of `act`.
    pub async fn run<F, Fut>(self, db: &Db, now: Timestamp, entropy: &dyn Entropy, act: F) -> Response
    where
        F: FnOnce(Keeper) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Kept, Problem>> + Send,
    {
        let keeper = Keeper { once: self, salt: draw(entropy), ring: db.keys() };
        let db = db.clone();
        let work = tokio::spawn(async move { run(&db, now, keeper, act).await });
        match work.await {
            Ok(answer) => answer.into_response(),
            Err(error) => {
                tracing::error!(%error, "An act with an idempotency key did not end; its key stays taken for a day");
                Problem::internal().into_response()
            }
        }
    }
}

async fn run<F, Fut>(db: &Db, now: Timestamp, keeper: Keeper, act: F) -> Result<Answer, Problem>
where
    F: FnOnce(Keeper) -> Fut,
    Fut: Future<Output = Result<Kept, Problem>>,
{
    let once = keeper.once.clone();
    match claim(db, once.clone(), now).await? {
        idempotency::Outcome::Fresh => {}
        idempotency::Outcome::Replay(kept) => return replay(&keeper, &kept),
        idempotency::Outcome::InFlight => {
            let detail = "the first request with this key is still being worked on";
            return Err(Problem::conflict("in_flight", detail).retry_after(RETRY_AFTER));
        }
        idempotency::Outcome::Mismatch => {
            let detail = "this key came with another request before; use a new key for a new act";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail));
        }
    }
    match act(keeper).await {
        Ok(Kept(answer)) => Ok(answer),
        Err(problem) => {
            // When nobody knows whether it happened, the key must not be used for a second try.
            if problem.code() != "outcome_unknown" {
                db.write(move |tx| idempotency::abandon(tx, &once.scope, &once.key)).await?;
            }
            Err(problem)
        }
    }
}

async fn claim(db: &Db, once: Once, now: Timestamp) -> Result<idempotency::Outcome, StoreError> {
    let expires_at = now.after(KEPT_FOR);
    db.write(move |tx| idempotency::begin(tx, &once.scope, &once.key, &once.fingerprint, now, expires_at))
        .await
}

fn replay(keeper: &Keeper, kept: &idempotency::Response) -> Result<Answer, Problem> {
    let opened = open_body(keeper, &kept.body).zip(StatusCode::from_u16(kept.status).ok());
    let (body, status) = opened.ok_or(StoreError::Sealed { what: "a kept answer" })?;
    Ok(Answer { status, body })
}

fn open_body(keeper: &Keeper, stored: &[u8]) -> Option<Vec<u8>> {
    let (epoch, rest) = stored.split_first_chunk()?;
    let (salt, sealed) = rest.split_first_chunk::<SALT_BYTES>()?;
    let key = keeper.ring.by_epoch(KeyUse::Replay, u32::from_be_bytes(*epoch))?;
    envelope::open_once(body_key(&key.secret, &keeper.once, salt), &body_context(&keeper.once), sealed).ok()
}

/// The salt is drawn for one claim of one key, and a claim keeps one answer.
fn body_key(key: &gabion_core::Secret<[u8; 32]>, once: &Once, salt: &[u8; SALT_BYTES]) -> OneTimeKey {
    one_time_key(key, &[b"kept answer", once.scope.as_bytes(), once.key.as_bytes(), salt])
}

fn body_context(once: &Once) -> Vec<u8> {
    envelope::context(&[b"gabion_idempotency", b"body", once.scope.as_bytes(), once.key.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(values: &[&str]) -> Result<IdempotencyKey, Problem> {
        let mut request = http::Request::post("/");
        for value in values {
            request = request.header(HEADER, *value);
        }
        IdempotencyKey::from_parts(&request.body(()).expect("a request").into_parts().0)
    }

    #[test]
    fn keys_are_visible_ascii_of_bounded_length_sent_once() {
        assert_eq!(key(&["order-7/attempt_1"]).expect("valid").as_str(), "order-7/attempt_1");
        assert!(key(&["x".repeat(255).as_str()]).is_ok());
        assert_eq!(key(&[]).expect_err("none").code(), "idempotency_key_missing");
        assert_eq!(key(&["a", "b"]).expect_err("two").code(), "idempotency_key_missing");
        for bad in ["", "a b", "a\tb", &"x".repeat(256)] {
            assert_eq!(key(&[bad]).expect_err(bad).code(), "idempotency_key_invalid");
        }
    }
}
