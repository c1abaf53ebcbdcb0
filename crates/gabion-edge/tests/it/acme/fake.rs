//! A small ACME server that believes everything, with renewal information and rate limits.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gabion_core::{Clock, SystemClock, Timestamp};
use gabion_edge::tls::local::Authority;
use gabion_edge::tls::{CertificateStore, TlsSettings, server_config};
use gabion_test::{Shop, body, shop::Answer};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use rcgen::{BasicConstraints, CertificateParams, CertificateSigningRequestParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::front::names;

/// When it wants to be asked again about a renewal window.
pub(crate) const ASK_AGAIN: Duration = Duration::from_secs(3600);
/// How long its rate limit lasts.
pub(crate) const WAIT: Duration = Duration::from_secs(7200);

/// Life of its certificates.
const LIFE_DAYS: i64 = 90;

pub(crate) struct Fake {
    state: Arc<State>,
    server: Shop,
    folder: TempDir,
}

struct State {
    issuer: Issuer<'static, KeyPair>,
    key_identifier: Vec<u8>,
    script: Mutex<Script>,
}

#[derive(Default)]
struct Script {
    window: Option<(Timestamp, Timestamp)>,
    rate_limited: bool,
    /// What each order said that it replaces.
    replaced: Vec<Option<String>>,
    issued: Option<String>,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let names = names(&["127.0.0.1"]);
        let authority = Authority::open_or_create(&folder.path().join("ca"), &names, &SystemClock).unwrap();
        let served = authority.issue(&names, SystemClock.now()).unwrap();
        let tls =
            server_config(&CertificateStore::new(vec![served]).unwrap(), &TlsSettings::default()).unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let key_identifier = params.key_identifier(&key);
        let issuer = Issuer::new(params, key);
        let state = Arc::new(State { issuer, key_identifier, script: Mutex::default() });
        let answering = Arc::clone(&state);
        let server = Shop::start_tls(tls, move |request| answer(Arc::clone(&answering), request)).await;
        Self { state, server, folder }
    }

    pub(crate) fn directory(&self) -> String {
        format!("{}/directory", self.server.url())
    }

    /// The PEM file of the root that its own TLS leads to.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca/root.crt")
    }

    pub(crate) fn suggest(&self, start: Timestamp, end: Timestamp) {
        self.state.script.lock().unwrap().window = Some((start, end));
    }

    pub(crate) fn limit_rate(&self, limited: bool) {
        self.state.script.lock().unwrap().rate_limited = limited;
    }

    pub(crate) fn replaced(&self) -> Vec<Option<String>> {
        self.state.script.lock().unwrap().replaced.clone()
    }

    /// The name of a certificate of this server in an order. RFC 9773 section 4.1.
    pub(crate) fn identifier(&self, serial: &str) -> String {
        let serial = data_encoding::HEXLOWER.decode(serial.as_bytes()).unwrap();
        let text = |bytes: &[u8]| data_encoding::BASE64URL_NOPAD.encode(bytes);
        format!("{}.{}", text(&self.state.key_identifier), text(&serial))
    }
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Answer {
    let host = request.headers()["host"].to_str().unwrap().to_owned();
    let url = |path: &str| format!("https://{host}{path}");
    let path = request.uri().path().to_owned();
    let payload = payload(request).await;
    let mut script = state.script.lock().unwrap();
    let order = |status: &str, replaces: &Value| {
        let mut order = json!({
            "status": status, "authorizations": [], "finalize": url("/finalize"), "certificate": url("/certificate"),
        });
        if !replaces.is_null() {
            order["replaces"] = replaces.clone();
        }
        order
    };
    let (status, body) = match path.as_str() {
        "/directory" => {
            let mut directory = json!({
                "newNonce": url("/nonce"), "newAccount": url("/account"), "newOrder": url("/order"),
            });
            if script.window.is_some() {
                directory["renewalInfo"] = url("/renewal").into();
            }
            (200, directory)
        }
        "/nonce" => (200, Value::Null),
        "/account" => (201, json!({ "status": "valid" })),
        "/order" if script.rate_limited => (
            429,
            json!({
                "type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many certificates",
            }),
        ),
        "/order" => {
            script.replaced.push(payload["replaces"].as_str().map(str::to_owned));
            (201, order("ready", &payload["replaces"]))
        }
        "/orders/1" if script.issued.is_some() => (200, order("valid", &Value::Null)),
        "/orders/1" => (200, order("ready", &Value::Null)),
        "/finalize" => {
            script.issued = Some(issue(&state.issuer, payload["csr"].as_str().unwrap()));
            (200, order("valid", &Value::Null))
        }
        "/certificate" => (200, script.issued.take().unwrap().into()),
        renewal if renewal.starts_with("/renewal/") => {
            let (start, end) = script.window.unwrap();
            (200, json!({ "suggestedWindow": { "start": start, "end": end } }))
        }
        other => panic!("nobody asks for {other}"),
    };
    let retry_after = if status == 429 { WAIT } else { ASK_AGAIN };
    let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    let response = Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .header("replay-nonce", "once")
        .header("location", if path == "/account" { url("/accounts/1") } else { url("/orders/1") });
    let waits = status == 429 || path.starts_with("/renewal/");
    let response = if waits { response.header("retry-after", retry_after.as_secs()) } else { response };
    Ok(response.body(body::whole(text)).unwrap())
}

/// What a signed request says; its signature is believed.
async fn payload(request: Request<Incoming>) -> Value {
    let bytes = request.into_body().collect().await.unwrap().to_bytes();
    let signed: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let payload = signed["payload"].as_str().unwrap_or_default();
    let payload = data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap();
    serde_json::from_slice(&payload).unwrap_or_default()
}

fn issue(issuer: &Issuer<'static, KeyPair>, csr: &str) -> String {
    let csr = data_encoding::BASE64URL_NOPAD.decode(csr.as_bytes()).unwrap();
    let mut request = CertificateSigningRequestParams::from_der(&csr.into()).unwrap();
    let now =
        rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(SystemClock.now().seconds().unsigned_abs());
    request.params.not_before = now - Duration::from_secs(3600);
    request.params.not_after = now + Duration::from_secs(LIFE_DAYS.unsigned_abs() * 86_400);
    request.params.use_authority_key_identifier_extension = true;
    request.signed_by(issuer).unwrap().pem()
}
