//! Gates in front of a shop that knows nothing of them.

mod config;
mod identity;
mod refused;
mod tricks;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gabion_core::{Clock, SiteId, SystemClock, Timestamp};
use gabion_edge::sessions::{Customer, Level, Lookup, Sessions, StaffMember, Unavailable};
use gabion_test::Shop;
use http::HeaderValue;

use crate::front::{Front, Setup, shop};

/// Routes of a shop with something for everybody; `/admin/public` is not for staff only.
const ROUTES: &str = r#"
    [[route]]
    path = "/account"
    upstream = "shop"
    requires = "customer"
    [[route]]
    path = "/account/security"
    upstream = "shop"
    requires = "second_factor"
    requires_within_minutes = 10
    [[route]]
    path = "/admin"
    upstream = "shop"
    requires = "staff"
    [[route]]
    path = "/admin/public"
    upstream = "shop"
    [[route]]
    path = "/admin/keys"
    upstream = "shop"
    requires = "staff"
    requires_within_minutes = 10
"#;

/// Sessions by the names of their cookies: what is said of each is in the name.
#[derive(Default)]
struct Kept {
    asked: AtomicUsize,
}

impl Kept {
    fn answer<T: Send + Sync + 'static>(&self, site: &SiteId, known: Option<T>, cookie: &str) -> Lookup<T> {
        assert_eq!(site.as_str(), "tidewater-tea");
        self.asked.fetch_add(1, Ordering::Relaxed);
        let known = known.map(Arc::new);
        match cookie {
            "down" => Lookup::Ask(Box::pin(async { Err(Unavailable) })),
            "hangs" => Lookup::Ask(Box::pin(std::future::pending())),
            _ if cookie.ends_with("-asked") => Lookup::Ask(Box::pin(async { Ok(known) })),
            _ => Lookup::Known(known),
        }
    }
}

fn ago(seconds: i64) -> Timestamp {
    Timestamp::from_micros(SystemClock.now().micros() - seconds * 1_000_000)
}

impl Sessions for Kept {
    fn customer(&self, site: &SiteId, cookie: &str) -> Lookup<Customer> {
        let known: HashMap<&str, (Level, i64)> = [
            ("ann", (Level::Password, 0)),
            ("ann-asked", (Level::Password, 0)),
            ("bob", (Level::SecondFactor, 0)),
            ("old-bob", (Level::SecondFactor, 700)),
        ]
        .into();
        let customer = known.get(cookie).map(|(level, age)| Customer {
            account: format!("acc_{cookie}"),
            level: *level,
            authenticated_at: ago(*age),
            statement: Some(HeaderValue::try_from(format!("signed:{cookie}")).unwrap()),
        });
        self.answer(site, customer, cookie)
    }

    fn staff(&self, site: &SiteId, cookie: &str) -> Lookup<StaffMember> {
        let known: HashMap<&str, i64> = [("sue", 0), ("old-sue", 700)].into();
        let member = known.get(cookie).map(|age| StaffMember {
            account: format!("staff_{cookie}"),
            authenticated_at: ago(*age),
            statement: Some(HeaderValue::try_from(format!("signed:{cookie}")).unwrap()),
        });
        self.answer(site, member, cookie)
    }
}

fn gated(shop: &Shop) -> Setup {
    Setup::of(&[shop]).sessions(&Arc::new(Kept::default())).more(ROUTES)
}

async fn open() -> (Shop, Front) {
    let shop = shop("tea").await;
    let front = gated(&shop).start();
    (shop, front)
}

fn customer(name: &str) -> String {
    format!("Cookie: a=1; __Host-gabion-customer={name}\r\n")
}

fn staff(name: &str) -> String {
    format!("Cookie: __Host-gabion-staff={name}\r\n")
}

/// As browsers ask for pages.
const PAGE: &str = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\nSec-Fetch-Mode: navigate\r\n";
