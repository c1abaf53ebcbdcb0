//! Pages as customers, skimmers and operators meet them.

mod drill;
mod elsewhere;
mod enforce;
mod learn;
mod reports;
mod seen;

use std::collections::BTreeMap;
use std::io::Write;

use flate2::Compression;
use flate2::write::{GzDecoder, GzEncoder};
use gabion_core::SiteId;
use gabion_markup::class::ClassRule;
use gabion_markup::holding::{ClassHolding, ScriptKey, SiteHolding};
use gabion_markup::page::{Inline, Page, ScriptSource};
use gabion_markup::sighting::{PageSeen, Seen};
use gabion_markup::{Address, ContentHash, PageClass};
use gabion_test::{Shop, body};
use http::{Request, Response};
use hyper::body::Incoming;

use crate::front::{Front, Setup};

/// A payment page with a script of the shop's, one of a stranger's, and one in the page.
const PAGE: &str = "<!doctype html><html><head><script src=/pay.js></script>\
    <script src=\"https://cdn.example/tag.js?v=1\"></script></head>\
    <body><script>let tea = 1;</script><form action=/pay><input name=cardnumber></form></body></html>";

/// A shop that answers every request with these header lines and this body.
async fn shop(headers: &'static [(&'static str, &'static str)], content: impl Into<bytes::Bytes>) -> Shop {
    let content = content.into();
    Shop::start(move |request: Request<Incoming>| {
        let content = content.clone();
        async move {
            let mut response = Response::builder().header("content-type", "text/html; charset=utf-8");
            for (name, value) in headers {
                if *name == "content-type" {
                    response.headers_mut().unwrap().remove("content-type");
                }
                response = response.header(*name, *value);
            }
            let head = request.method() == http::Method::HEAD;
            Ok(response.body(if head { body::empty() } else { body::whole(content) }).unwrap())
        }
    })
    .await
}

/// An edge that looks at every page.
fn front(shop: &Shop) -> Front {
    Setup::of(&[shop]).pages("sample_percent = 100").start()
}

/// An edge whose payment pages are below `/pay` and held to this.
fn held(shop: &Shop, payment: ClassHolding) -> Front {
    let front = Setup::of(&[shop]).pages("sample_percent = 0").start();
    hold(&front, payment);
    front
}

fn hold(front: &Front, payment: ClassHolding) {
    let holding = SiteHolding {
        classes: vec![ClassRule { path: "/pay/*".parse().unwrap(), class: PageClass::Payment }],
        by_class: BTreeMap::from([(PageClass::Payment, payment)]),
        ..SiteHolding::default()
    };
    front.edge.hold_pages(BTreeMap::from([(site(), holding)]));
}

fn site() -> SiteId {
    SiteId::from_name("Tidewater Tea").unwrap()
}

/// What people decided when they know all scripts of [`PAGE`].
fn decided() -> ClassHolding {
    let inline = ContentHash::of(b"let tea = 1;");
    let authorized = [
        ScriptKey::Web(address("https://shop.example/pay.js")),
        ScriptKey::Web(address("https://cdn.example/tag.js")),
        ScriptKey::Inline(inline),
    ];
    ClassHolding { authorized: authorized.into(), ..ClassHolding::default() }
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

/// The page of a sighting.
fn page(seen: &Seen) -> Option<PageSeen> {
    match seen {
        Seen::Page(page) => Some(PageSeen::clone(page)),
        _ => None,
    }
}

/// The texts of a page's inline scripts.
fn inline(page: &Page) -> Vec<&str> {
    let text = |source| match source {
        &ScriptSource::Inline(Inline { ref beginning, .. }) => Some(beginning.as_str()),
        _ => None,
    };
    page.scripts.iter().filter_map(|script| text(&script.source)).collect()
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn unpacked(packed: &[u8]) -> String {
    let mut decoder = GzDecoder::new(Vec::new());
    decoder.write_all(packed).unwrap();
    String::from_utf8(decoder.finish().unwrap()).unwrap()
}
