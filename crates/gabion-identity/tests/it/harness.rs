//! A whole control plane around identity: in-memory database, a clock that is moved, a browser with one cookie.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{Html, IntoResponse};
use gabion_core::Actor;
use gabion_identity::{Deps, Identity, IdentityConfig, MIGRATIONS, Passwords, Shells};
use gabion_page::shell::Shell;
use gabion_store::journal::{Entry, Filter, View};
use gabion_store::{Db, StorageConfig, StoreDeps};
use gabion_test::{SeededEntropy, TestClock};
use gabion_web::{AllowedHosts, ClientAddr, Plane, Principal, Role};
use http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt;

pub(crate) const HOST: &str = "console.test:9443";
pub(crate) const PASSWORD: &str = "kettle harbor morning";
pub(crate) const OTHER_PASSWORD: &str = "plum fjord evening kite";

struct PlainShells;

impl Shells for PlainShells {
    fn console(&self, _: &Principal, title: &str, _: &str) -> Shell {
        Shell { title: title.to_owned(), ..Shell::default() }
    }

    fn plain(&self, title: &str) -> Shell {
        Shell { title: title.to_owned(), ..Shell::default() }
    }
}

pub(crate) struct World {
    pub(crate) identity: Identity,
    pub(crate) db: Db,
    pub(crate) clock: TestClock,
    router: Router,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::on(StorageConfig::new("sqlite::memory:")).await
    }

    pub(crate) async fn on(storage: StorageConfig) -> Self {
        let clock = TestClock::new();
        let entropy = Arc::new(SeededEntropy::new(7));
        let deps = StoreDeps { clock: Arc::new(clock.clone()), entropy: entropy.clone() };
        let db = Db::open(storage, deps).await.unwrap();
        db.migrate(&[MIGRATIONS]).await.unwrap();
        let deps = Deps {
            db: db.clone(),
            clock: Arc::new(clock.clone()),
            entropy: entropy.clone(),
            passwords: Passwords::new(1, db.clone(), entropy.clone()),
            shells: Arc::new(PlainShells),
        };
        let identity = Identity::new(IdentityConfig::default(), deps);
        let plane = Plane {
            hosts: AllowedHosts::new(["console.test"]),
            csp: HeaderValue::from_static(gabion_page::CONSOLE_CSP),
            error_page: Arc::new(|problem, _| Html(problem.detail().to_owned()).into_response()),
            clock: Arc::new(clock.clone()),
            entropy,
        };
        let routes = identity.pages().merge(identity.api());
        let router = plane.finish(identity.authenticate(routes));
        Self { identity, db, clock, router }
    }

    /// A browser of somebody who is not signed in.
    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser { world: self, cookie: None, address: "192.0.2.1".parse().unwrap() }
    }

    /// A browser in which somebody of this role made an account and is signed in.
    pub(crate) async fn member(&self, email: &str, role: Role) -> Browser<'_> {
        let link = self.identity.invite(role, Actor::Shell).await.unwrap();
        let mut browser = self.browser();
        let form = [("email", email), ("name", "Somebody"), ("password", PASSWORD)];
        let answer = browser.submit(link.path.expose(), &form).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        browser
    }

    pub(crate) async fn owner(&self) -> Browser<'_> {
        self.member("owner@tidewater.example", Role::Owner).await
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    pub(crate) async fn events(&self) -> Vec<Entry> {
        self.db.journal().read(0, 500, Filter::default(), View::Full).await.unwrap()
    }

    pub(crate) async fn event_kinds(&self) -> Vec<String> {
        let own = |kind: &str| kind.starts_with("staff.") || kind.starts_with("api_key.");
        let events = self.events().await;
        events.iter().map(|entry| entry.event.kind.to_string()).filter(|kind| own(kind)).collect()
    }

    pub(crate) async fn send(&self, mut request: Request<Body>, address: IpAddr) -> Answer {
        request.extensions_mut().insert(ClientAddr(address));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// A program with an API key.
    pub(crate) async fn program(&self, key: &str, path: &str) -> Answer {
        let request =
            Request::get(path).header("host", HOST).header("authorization", format!("Bearer {key}"));
        self.send(request.body(Body::empty()).unwrap(), "192.0.2.9".parse().unwrap()).await
    }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("a JSON body")
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// One browser: keeps the session cookie, fills in form tokens, says where its requests come from.
pub(crate) struct Browser<'w> {
    world: &'w World,
    pub(crate) cookie: Option<String>,
    pub(crate) address: IpAddr,
}

impl Browser<'_> {
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.request(Method::GET, path, &[("accept", "text/html")], String::new()).await
    }

    /// Posts a form as it is, without a token.
    pub(crate) async fn submit(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let body = urlencoded(form);
        let headers = [("accept", "text/html"), (CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded")];
        self.request(Method::POST, path, &headers, body).await
    }

    /// Loads `page`, takes its form token, and posts the form with it.
    pub(crate) async fn act(&mut self, page: &str, path: &str, form: &[(&str, &str)]) -> Answer {
        let token = self.token(page).await;
        let mut form = form.to_vec();
        form.push(("csrf", &token));
        self.submit(path, &form).await
    }

    pub(crate) async fn token(&mut self, page: &str) -> String {
        let page = self.get(page).await;
        let (_, rest) = page.text.split_once("name=\"csrf\" value=\"").expect("a form with a token");
        rest.split_once('"').unwrap().0.to_owned()
    }

    pub(crate) async fn sign_in(&mut self, email: &str, password: &str) -> Answer {
        self.submit("/sign-in", &[("email", email), ("password", password), ("next", "/account")]).await
    }

    /// The id of whoever is signed in.
    pub(crate) async fn id(&mut self) -> String {
        self.api(Method::GET, "/api/v1/session", "").await.json()["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn api(&mut self, method: Method, path: &str, body: &str) -> Answer {
        self.api_once(method, path, body, "key-1").await
    }

    pub(crate) async fn api_once(&mut self, method: Method, path: &str, body: &str, key: &str) -> Answer {
        let headers = [(CONTENT_TYPE.as_str(), "application/json"), ("idempotency-key", key)];
        self.request(method, path, &headers, body.to_owned()).await
    }

    pub(crate) async fn request(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", HOST);
        request = request.header("sec-fetch-site", "same-origin").header("user-agent", "Testfox/1.0");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        let answer = self.world.send(request.body(Body::from(body)).unwrap(), self.address).await;
        if let Some(cookie) = answer.headers.get(SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
            self.cookie = Some(pair).filter(|pair| !pair.ends_with('='));
        }
        answer
    }
}

fn urlencoded(form: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}
