//! What every page says at its top while its cause lasts.

use std::time::Duration;

use gabion_core::Timestamp;
use gabion_edge::tls::certificate::Source;
use gabion_edge::tls::{CertificateInfo, Validity};
use gabion_page::format;
use gabion_page::shell::{Banner, Tone};

use crate::Console;
use crate::control::Bypass;
use crate::standing::{Level, Standing};
use crate::words::{counted, jiff};

/// A certificate that ends sooner is worth a notice, or in the last quarter of its life where that is shorter. What
/// Gabion renews itself is renewed in the last third, so that there was time for trouble to pass.
const EXPIRY_SOON: Duration = Duration::from_secs(14 * 86_400);

/// The notices of this moment, most urgent first.
pub(crate) fn banners(console: &Console) -> Vec<Banner> {
    let inner = &console.0;
    let now = console.now();
    let mut banners = Vec::new();
    let standing = Standing::of(&inner.edge.upstreams());
    if standing.level == Level::Down {
        banners.push(banner(Tone::Danger, standing.sentence, Some(("Upstreams", "/upstreams"))));
    }
    if let Some(reason) = inner.db.health().reason {
        let text = format!("The database takes no writes: {reason}. Customers are still served.");
        banners.push(banner(Tone::Danger, text, None));
    }
    if let Some(rolled_back) = inner.db.rolled_back() {
        let lost = rolled_back.seen.position.saturating_sub(rolled_back.found.position);
        let text = format!(
            "The database was older than expected at the last start: an older copy was put in its place, and {lost} \
             events are missing."
        );
        let action = ("Events", "/events?kind=store");
        banners.push(banner(Tone::Danger, text, Some(action)));
    }
    if let Some(bypass) = inner.control.bypass() {
        banners.push(bypassed(&bypass, now));
    }
    banners.extend(mail(console, now));
    banners.extend(inner.control.certificates().iter().filter_map(|certificate| expiring(certificate, now)));
    if let Some(cdn) = inner.edge.unbelieved_cdn() {
        let text = format!(
            "Requests seem to come through {cdn}, whose addresses are not in listen.trusted_proxies: limits and events \
             name it instead of the customers. If you use none, somebody pretends."
        );
        banners.push(banner(Tone::Warn, text, Some(("Events", "/events?kind=edge.cdn_noticed"))));
    }
    if inner.control.demo().is_some() {
        let text = "This is the demo: a made-up shop with made-up customers.".to_owned();
        banners.push(banner(Tone::Info, text, Some(("Things to try", "/demo"))));
    }
    banners
}

/// Letters that do not go out: customers wait for codes and links.
fn mail(console: &Console, now: Timestamp) -> Option<Banner> {
    let queue = console.0.mail.queue();
    let (since, reason) = queue.trouble?;
    let (waiting, when) =
        (counted(queue.waiting, "letter waits", "letters wait"), format::relative(jiff(since), jiff(now)));
    let text = format!("Mail cannot be sent since {when}: {reason}. {waiting}.");
    Some(banner(Tone::Danger, text, Some(("Events", "/events?kind=mail"))))
}

fn bypassed(bypass: &Bypass, now: Timestamp) -> Banner {
    let modules: Vec<_> = bypass.modules.iter().map(|module| module.as_str()).collect();
    let left = format::relative(jiff(bypass.until), jiff(now));
    let text = format!(
        "Protections are off: {}. They come back by themselves {left}. Turned off by {}.",
        modules.join(", "),
        bypass.by
    );
    banner(Tone::Warn, text, Some(("End it now", "/bypass")))
}

fn expiring(certificate: &CertificateInfo, now: Timestamp) -> Option<Banner> {
    let names: Vec<_> = certificate.names.iter().take(3).map(ToString::to_string).collect();
    let names = names.join(", ");
    let when = format::relative(jiff(certificate.not_after), jiff(now));
    let life = certificate.not_after.since(certificate.not_before);
    let soon = now.after(EXPIRY_SOON.min(life / 4));
    match certificate.validity {
        _ if certificate.source == Source::SelfSigned => {
            let why = certificate.last_error.as_deref().unwrap_or("it was ordered just now");
            let text = format!("There is no certificate for {names} yet, and browsers warn: {why}.");
            Some(banner(Tone::Danger, text, None))
        }
        Validity::Expired => {
            let text = format!("The certificate for {names} expired {when}. Browsers refuse the shop.");
            Some(banner(Tone::Danger, text, None))
        }
        Validity::NotYet => {
            let text = format!("The certificate for {names} is not valid yet. Check it and the clock.");
            Some(banner(Tone::Danger, text, None))
        }
        Validity::Valid if certificate.not_after < soon => {
            Some(banner(Tone::Warn, format!("The certificate for {names} expires {when}."), None))
        }
        Validity::Valid => None,
    }
}

fn banner(tone: Tone, text: String, action: Option<(&str, &str)>) -> Banner {
    Banner { tone, text, action: action.map(|(label, href)| (label.to_owned(), href.to_owned())) }
}
