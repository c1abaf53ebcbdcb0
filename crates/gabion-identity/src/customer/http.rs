//! The pages of customers, on the shop's own origin below `/.gabion`. Thin: what they do is in the other modules.
//!
//! They work without scripts where no passkey is involved, load nothing from elsewhere, and answer programs of our own pages
//! with JSON. Every request that changes something has to come from one of our own pages.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Request};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use gabion_core::SiteId;
use gabion_page::text::Language;
use gabion_webauthn::{PasskeyEndpoints, RelatedOrigins};
use http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};

use super::session::{COOKIE_NAME, SignedIn};
use super::{Customers, Site};
use crate::cookie;
use crate::session::Client;
use trouble::Trouble;

mod account;
mod asset;
mod begin;
mod door;
mod factor;
mod form;
mod passkey;
mod trouble;
mod view;
mod well_known;

/// Where customers sign in.
pub const SIGN_IN_PATH: &str = "/.gabion/sign-in";
/// Where customers show more of who they are than they did, or show it again.
pub const STEP_UP_PATH: &str = "/.gabion/step-up";
/// Where somebody begins an account.
pub const REGISTER_PATH: &str = "/.gabion/register";
/// Where somebody begins the way back into theirs.
pub const RECOVER_PATH: &str = "/.gabion/recover";
/// Where the code is shown that was sent.
const CODE_PATH: &str = "/.gabion/begin/code";
/// Where people choose what to sign in with.
const BEGIN_PATH: &str = "/.gabion/begin";
/// Where customers see and change how they sign in.
pub const ACCOUNT_PATH: &str = "/.gabion/account";
/// The pages, each with what is below it. Everything else is nobody's.
const PAGES: [&str; 11] = [
    SIGN_IN_PATH,
    "/.gabion/sign-out",
    STEP_UP_PATH,
    REGISTER_PATH,
    RECOVER_PATH,
    BEGIN_PATH,
    ACCOUNT_PATH,
    "/.gabion/passkey",
    "/.gabion/assets",
    CHANGE_PASSWORD_PATH,
    PasskeyEndpoints::PATH,
];
/// Where browsers and password managers send people who want another password (A Well-Known URL for Changing Passwords).
const CHANGE_PASSWORD_PATH: &str = "/.well-known/change-password";

/// Content security policy of these pages: nothing from elsewhere, nothing inline but an empty icon.
const CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What these pages may use of a device: passkeys.
const PERMISSIONS: &str = "publickey-credentials-create=(self), publickey-credentials-get=(self), camera=(), geolocation=(), \
     microphone=(), payment=(), usb=()";

/// Who asks, as the edge knows it. It is among the extensions of every request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The shop front.
    pub site: SiteId,
    /// The client's address.
    pub address: IpAddr,
    /// Whether they came over TLS.
    pub https: bool,
}

impl Customers {
    /// Whether a path of a site is answered here.
    pub fn claims(&self, site: &SiteId, path: &str) -> bool {
        let Ok(site) = self.site(site) else { return false };
        let is_below =
            |page: &str| path.strip_prefix(page).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        PAGES.into_iter().any(is_below)
            || (path == RelatedOrigins::PATH && RelatedOrigins::of(&site.rp).is_some())
    }

    /// The pages. Requests need a [`Caller`] among their extensions.
    pub fn router(&self) -> Router {
        Router::new()
            .route(SIGN_IN_PATH, get(door::page).post(door::sign_in))
            .route("/.gabion/sign-in/code", post(door::code))
            .route(STEP_UP_PATH, get(door::step_up))
            .route(REGISTER_PATH, get(begin::register_page).post(begin::register))
            .route(RECOVER_PATH, get(begin::recover_page).post(begin::recover))
            .route(CODE_PATH, get(begin::code_page).post(begin::code))
            .route(BEGIN_PATH, get(begin::page).post(begin::with_password))
            .route("/.gabion/begin/passkey/ask", post(begin::ask_passkey))
            .route("/.gabion/begin/passkey", post(begin::with_passkey))
            .route("/.gabion/sign-out", post(door::sign_out))
            .route("/.gabion/passkey/ask", post(passkey::ask))
            .route("/.gabion/passkey/sign-in", post(passkey::sign_in))
            .route(ACCOUNT_PATH, get(account::page))
            .route("/.gabion/account/password", post(account::change_password))
            .route("/.gabion/account/sessions/end-others", post(account::end_others))
            .route("/.gabion/account/sessions/{id}/end", post(account::end))
            .route("/.gabion/account/passkeys/ask", post(passkey::ask_new))
            .route("/.gabion/account/passkeys", get(passkey::accepted).post(passkey::keep))
            .route("/.gabion/account/passkeys/{id}/name", post(account::rename_passkey))
            .route("/.gabion/account/passkeys/{id}/remove", post(account::remove_passkey))
            .route("/.gabion/account/totp", get(factor::offer).post(factor::confirm))
            .route("/.gabion/account/totp/remove", post(factor::remove))
            .route("/.gabion/account/codes", post(factor::renew))
            .route("/.gabion/assets/{name}", get(asset::file))
            .route(CHANGE_PASSWORD_PATH, get(well_known::change_password))
            .route(PasskeyEndpoints::PATH, get(well_known::passkey_endpoints))
            .route(RelatedOrigins::PATH, get(well_known::related_origins))
            .fallback(trouble::nothing_here)
            .method_not_allowed_fallback(trouble::nothing_here)
            .layer(from_fn(own_pages_only))
            .layer(from_fn(response_headers))
            .layer(from_fn_with_state(self.clone(), trouble::show))
            .with_state(self.clone())
    }
}

/// Refuses what changes something and does not come from one of these pages.
async fn own_pages_only(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let changes = !matches!(parts.method, Method::GET | Method::HEAD);
    if changes && gabion_web::origin::check(&parts).is_err() {
        return Trouble::foreign().into_response();
    }
    next.run(Request::from_parts(parts, body)).await
}

async fn response_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(CSP));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    gabion_web::plane::put_guards(headers, PERMISSIONS);
    response
}

/// A request with everything that is known of who sent it.
#[derive(Clone, Debug)]
struct Visit {
    site: Arc<Site>,
    language: Language,
    client: Client,
    /// The session cookie, whomever it stands for.
    cookie: Option<String>,
    signed_in: Option<Arc<SignedIn>>,
}

impl Visit {
    fn id(&self) -> &SiteId {
        &self.site.id
    }
}

impl FromRequestParts<Customers> for Visit {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, customers: &Customers) -> Result<Self, Trouble> {
        let caller = parts.extensions.get::<Caller>().cloned().ok_or_else(|| {
            tracing::error!("A request for a customers' page came without its caller");
            Trouble::internal()
        })?;
        let site = customers.site(&caller.site)?;
        if !caller.https {
            return Err(Trouble::plain(&site.origin, &parts.uri));
        }
        let accepted = parts.headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let cookie = only_cookie(&parts.headers, COOKIE_NAME).map(str::to_owned);
        let signed_in = match &cookie {
            Some(cookie) => customers.signed_in(&site.id, cookie).await?,
            None => None,
        };
        Ok(Self {
            language: Language::negotiate(site.language, accepted),
            client: Client::new(caller.address, &parts.headers),
            site,
            cookie,
            signed_in,
        })
    }
}

/// Whoever is signed in; others are sent to sign in and back.
#[derive(Clone, Debug)]
struct Member {
    visit: Visit,
    signed_in: Arc<SignedIn>,
}

impl FromRequestParts<Customers> for Member {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, customers: &Customers) -> Result<Self, Trouble> {
        let visit = Visit::from_request_parts(parts, customers).await?;
        match visit.signed_in.clone() {
            Some(signed_in) => Ok(Self { visit, signed_in }),
            None => Err(Trouble::sign_in(&parts.method, &parts.uri)),
        }
    }
}

/// The value of a cookie of ours. Of two nobody knows which is ours: both are nobody's, as at the gates.
fn only_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut found = cookie::values(headers, name);
    found.next().filter(|_| found.next().is_none())
}
