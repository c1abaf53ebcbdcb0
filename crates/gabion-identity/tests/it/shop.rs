//! A site with customers' accounts, and browsers in front of it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use gabion_core::SiteId;
use gabion_identity::customer::http::Caller;
use gabion_identity::customer::{Customers, CustomersConfig, Deps, Site};
use gabion_identity::{MIGRATIONS, Passwords};
use gabion_outbound::mail::{Captured, Deps as MailDeps, Mail, MailConfig, Transport};
use gabion_page::text::Language;
use gabion_store::journal::{Entry, Filter, View};
use gabion_store::{Db, StorageConfig, StoreDeps};
use gabion_test::{SeededEntropy, TestClock};
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{Method, Request, StatusCode};
use tower::ServiceExt;

use crate::harness::Answer;

pub(crate) const EMAIL: &str = "ann@tidewater.example";
pub(crate) const PASSWORD: &str = "fjord plum kite morning";

pub(crate) struct Shop {
    pub(crate) customers: Customers,
    pub(crate) clock: TestClock,
    pub(crate) db: Db,
    mail: Mail,
    router: Router,
}

pub(crate) fn site() -> SiteId {
    "tidewater-tea".parse().unwrap()
}

impl Shop {
    pub(crate) async fn new() -> Self {
        Self::on(StorageConfig::new("sqlite::memory:")).await
    }

    pub(crate) async fn on(storage: StorageConfig) -> Self {
        let clock = TestClock::new();
        let entropy = Arc::new(SeededEntropy::new(11));
        let deps = StoreDeps { clock: Arc::new(clock.clone()), entropy: entropy.clone() };
        let db = Db::open(storage, deps).await.unwrap();
        db.migrate(&[MIGRATIONS, gabion_outbound::MIGRATIONS]).await.unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let from = "Tidewater Tea <shop@tidewater.example>".parse().unwrap();
        let config = MailConfig { from, transport: Transport::Captured };
        let deps = MailDeps {
            db: db.clone(),
            clock: Arc::new(clock.clone()),
            entropy: entropy.clone(),
            tls: Arc::new(tls),
        };
        let mail = Mail::new(Some(config), deps).unwrap();
        let origins = ["https://tea.example".to_owned()];
        let known = Site::new(site(), "Tidewater Tea", Language::En, &origins).unwrap();
        let deps = Deps {
            db: db.clone(),
            clock: Arc::new(clock.clone()),
            entropy: entropy.clone(),
            passwords: Passwords::new(2, db.clone(), entropy),
            mail: mail.clone(),
        };
        let sites = [(site(), Arc::new(known))].into();
        let customers = Customers::new(CustomersConfig::default(), sites, deps);
        let router = customers.router();
        Self { customers, clock, db, mail, router }
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser { shop: self, cookies: Vec::new(), address: "192.0.2.1".parse().unwrap(), https: true }
    }

    /// A browser in which somebody made an account with a password, and is signed in.
    pub(crate) async fn customer(&self) -> Browser<'_> {
        let mut browser = self.browser();
        browser.register(EMAIL).await;
        let answer = browser.post("/.gabion/begin", &[("name", "Ann"), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        browser
    }

    /// The newest letter.
    pub(crate) async fn letter(&self) -> Captured {
        self.letters().await.remove(0)
    }

    /// All letters, the newest first.
    pub(crate) async fn letters(&self) -> Vec<Captured> {
        self.mail.deliver_due().await;
        self.mail.captured(None, 100).await.unwrap()
    }

    /// The code in the newest letter.
    pub(crate) async fn code(&self) -> String {
        let letter = self.letter().await;
        let line = letter.text.lines().find(|line| line.starts_with("    ")).expect("a code");
        line.trim().to_owned()
    }

    /// As if so many people had begun something and wait for their letter.
    pub(crate) async fn fill_pending(&self, count: usize) {
        let now = gabion_core::Clock::now(&self.clock);
        let sql = "INSERT INTO identity_pending
                (id, site, token_hash, purpose, account, content, tries_left, expires_at)
            VALUES ($1, $2, $3, 'nothing', 'acc_0', $3, 5, $4)";
        let fill = move |tx: &mut gabion_store::Tx<'_>| {
            for number in 0..count {
                let bytes = (number as u64).to_be_bytes();
                let until = now.after(std::time::Duration::from_secs(600));
                tx.execute(sql, gabion_store::params![format!("pnd_{number}"), &site(), bytes, until])?;
            }
            Ok::<_, gabion_store::StoreError>(())
        };
        self.db.write(fill).await.unwrap();
    }

    pub(crate) async fn events(&self) -> Vec<Entry> {
        self.db.journal().read(0, 500, Filter::default(), View::Full).await.unwrap()
    }

    /// What happened to customers, in order.
    pub(crate) async fn kinds(&self) -> Vec<String> {
        let events = self.events().await;
        let own = events.iter().map(|entry| entry.event.kind.to_string());
        own.filter(|kind| kind.starts_with("customer.")).collect()
    }
}

/// One browser: keeps cookies, and says that its requests come from the shop's own pages.
pub(crate) struct Browser<'s> {
    shop: &'s Shop,
    cookies: Vec<(String, String)>,
    pub(crate) address: IpAddr,
    pub(crate) https: bool,
}

impl Browser<'_> {
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, String::new(), &[]).await
    }

    pub(crate) async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let headers =
            [(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
        self.send(Method::POST, path, body, &headers).await
    }

    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: String,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "tea.example");
        request = request.header("accept", "text/html");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        for (name, value) in &self.cookies {
            request = request.header("cookie", format!("{name}={value}"));
        }
        let caller = Caller { site: site(), address: self.address, https: self.https };
        let request = request.extension(caller).body(Body::from(body)).unwrap();
        let response = self.shop.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(SET_COOKIE) {
            let (pair, rest) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !rest.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// Begins an account and shows the code that was sent.
    pub(crate) async fn register(&mut self, email: &str) {
        self.post("/.gabion/register", &[("email", email)]).await;
        let code = self.shop.code().await;
        let answer = self.post("/.gabion/begin/code", &[("code", &code)]).await;
        assert_eq!(answer.header("location"), "/.gabion/begin", "{}", answer.text);
    }

    pub(crate) async fn sign_in(&mut self, email: &str, password: &str) -> Answer {
        let form = [("email", email), ("password", password), ("next", "/orders")];
        self.post("/.gabion/sign-in", &form).await
    }

    /// Whether the browser is signed in.
    pub(crate) async fn is_in(&mut self) -> bool {
        self.get("/.gabion/account").await.status == StatusCode::OK
    }

    pub(crate) fn cookie(&self) -> Option<&str> {
        let mut cookies = self.cookies.iter();
        cookies.find(|(name, _)| name == "__Host-gabion-customer").map(|(_, value)| value.as_str())
    }

    pub(crate) fn with_cookie(&mut self, value: &str) {
        self.cookies = vec![("__Host-gabion-customer".to_owned(), value.to_owned())];
    }
}
