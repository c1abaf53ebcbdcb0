//! Form tokens bound to the session.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use data_encoding::BASE64URL_NOPAD;
use gabion_crypto::mac::MacKey;
use gabion_crypto::ring::Key;
use gabion_crypto::{KeyRing, KeyUse};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::auth::verified;
use crate::body::{FormFields, form_fields, typed};
use crate::{Principal, Problem, SessionId, Staff};

/// The hidden field every form of the console carries.
pub const CSRF_FIELD: &str = "csrf";

/// Makes and checks form tokens: HMAC over the session's id, so that a token is worth nothing in another
/// session and nothing has to be stored. A rotated key leaves open forms valid.
#[derive(Clone)]
pub struct Csrf(Arc<dyn Fn() -> Arc<KeyRing> + Send + Sync>);

impl Csrf {
    /// Takes whatever gives the key ring as it is now; its `csrf` keys sign tokens.
    pub fn new(keys: impl Fn() -> Arc<KeyRing> + Send + Sync + 'static) -> Self {
        Self(Arc::new(keys))
    }

    /// The token for the forms of a session.
    pub fn token(&self, session: SessionId) -> String {
        sign((self.0)().current(KeyUse::Csrf), session)
    }

    /// Says whether `token` was made for this session.
    pub fn verify(&self, session: SessionId, token: &str) -> bool {
        let Ok(tag) = BASE64URL_NOPAD.decode(token.as_bytes()) else { return false };
        let ring = (self.0)();
        ring.epochs(KeyUse::Csrf).any(|key| MacKey::new(&key.secret).verify(&message(session), &tag))
    }
}

fn sign(key: &Key, session: SessionId) -> String {
    BASE64URL_NOPAD.encode(&MacKey::new(&key.secret).sign(&message(session)))
}

fn message(session: SessionId) -> [u8; 16] {
    session.bits().to_be_bytes()
}

/// A form posted by a signed-in person from a page of ours: the token is checked before `T` is read, and is
/// not part of `T`.
///
/// # Errors
/// 401 without a session; 403 `stale_form` when the token is missing or of another session; otherwise as
/// [`crate::CappedForm`].
#[derive(Clone, Debug)]
pub struct CsrfForm<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for CsrfForm<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let verified = verified(&parts)?.clone();
        let Principal::Staff(Staff { session, .. }) = verified.principal else {
            return Err(Problem::forbidden("forms are for people who are signed in, not for API keys"));
        };
        let mut fields: FormFields = form_fields(&parts, body).await?;
        match fields.remove(CSRF_FIELD) {
            Some(Value::String(token)) if verified.csrf.verify(session, &token) => typed(fields).map(Self),
            _ => Err(stale()),
        }
    }
}

fn stale() -> Problem {
    let detail = "this form is too old or from another session; load the page again and repeat";
    Problem::new(http::StatusCode::FORBIDDEN, "stale_form", detail)
}

#[cfg(test)]
mod tests {
    use gabion_core::{Secret, Timestamp};
    use gabion_crypto::{Seal, SystemEntropy};

    use super::*;

    fn ring() -> KeyRing {
        let mut ring = KeyRing::open(Seal::File(Secret::new([1; 32])), []).expect("an empty ring opens");
        for row in ring.new_rows_needed(Timestamp::default(), &SystemEntropy::new()) {
            ring.add(&row).expect("own rows open");
        }
        ring
    }

    fn fixed(ring: KeyRing) -> Csrf {
        let ring = Arc::new(ring);
        Csrf::new(move || Arc::clone(&ring))
    }

    #[test]
    fn a_token_is_valid_only_in_its_session() {
        let csrf = fixed(ring());
        let (mine, other) = (SessionId::from_bits(1), SessionId::from_bits(2));
        let token = csrf.token(mine);
        assert!(csrf.verify(mine, &token));
        assert!(!csrf.verify(other, &token));
        assert!(!csrf.verify(mine, ""));
        assert!(!csrf.verify(mine, "no base64!"));
    }

    #[test]
    fn a_rotated_key_leaves_open_forms_valid() {
        let mut ring = ring();
        let row = ring.rotate(KeyUse::Csrf, Timestamp::default(), &SystemEntropy::new());
        let session = SessionId::from_bits(1);
        let token = sign(ring.current(KeyUse::Csrf), session);
        ring.add(&row).expect("the new row opens");
        let csrf = fixed(ring);
        assert!(csrf.verify(session, &token));
        assert_ne!(csrf.token(session), token);
    }
}
