//! What browsers and password managers look for at known places.

use axum::Json;
use axum::response::IntoResponse;
use axum::response::{Redirect, Response};
use gabion_webauthn::{PasskeyEndpoints, RelatedOrigins};

use super::trouble::{Trouble, nothing_here};
use super::{ACCOUNT_PATH, Visit};

/// To the form, for people whose password manager says that they need another one.
pub(super) async fn change_password() -> Redirect {
    Redirect::to(&format!("{ACCOUNT_PATH}#password"))
}

pub(super) async fn passkey_endpoints(visit: Visit) -> Json<PasskeyEndpoints> {
    let page = Some(format!("{}{ACCOUNT_PATH}#passkeys", visit.site.origin));
    Json(PasskeyEndpoints { enroll: page.clone(), manage: page, prf_usage_details: None })
}

pub(super) async fn related_origins(visit: Visit) -> Result<Response, Trouble> {
    match RelatedOrigins::of(&visit.site.rp) {
        Some(origins) => Ok(Json(origins).into_response()),
        None => Err(nothing_here().await),
    }
}
