//! `gabion check`: what is protected, what is not, and how to go back to before.

use std::fmt::Write;
use std::time::Duration;

use gabion_core::{Clock, SystemClock, Timestamp};
use gabion_edge::EdgeConfig;
use gabion_edge::config::WafMode;
use gabion_edge::tls::TlsMode;
use gabion_edge::tls::acme::{AcmeMode, ChallengeKind};
use gabion_edge::waf::ProvenRules;
use gabion_waf::Services;

use crate::admin::{self, Answer, Ask};
use crate::around;
use crate::bypass::BypassFile;
use crate::config::Config;
use crate::exit::{Failure, UNAVAILABLE, USAGE};
use crate::out::say;
use crate::{mail, uploads, waf};

/// How long an endpoint may take to accept a connection.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// Explains a configuration. Binds nothing, changes nothing.
///
/// # Errors
/// When the configuration is wrong, a file of `[mail]` cannot be used, or no endpoint of an upstream answers.
pub(crate) async fn run(config: &Config) -> Result<(), Failure> {
    let edge = config.edge();
    let rules =
        waf::load(&edge.waf).and_then(|rules| waf::prove(rules, &edge.waf, Services::default(), now()));
    let rules = rules.map_err(|error| Failure::new(USAGE, error))?;
    uploads::load(&edge.upload).map_err(|error| Failure::new(USAGE, error))?;
    let mut text = String::new();
    describe(&mut text, config, &edge, &rules).expect("writing to a string cannot fail");
    say(text)?;
    say(console_changes(config).await)?;
    let dead = probe(&edge).await?;
    say(around::report(&edge).await.trim_end())?;
    say(WAY_BACK)?;
    mail::try_files(config)?;
    if dead.is_empty() {
        return Ok(());
    }
    Err(Failure::new(UNAVAILABLE, format!("no endpoint answers: {}", dead.join(", "))))
}

fn now() -> Timestamp {
    SystemClock.now()
}

fn describe(out: &mut String, config: &Config, edge: &EdgeConfig, rules: &ProvenRules) -> std::fmt::Result {
    writeln!(out, "{} is good.\n", config.path.display())?;
    for site in &edge.sites {
        let origins: Vec<_> = site.origins.iter().map(ToString::to_string).collect();
        writeln!(out, "Site {} ({}): {}", site.name, site.id, origins.join(", "))?;
    }
    for route in &edge.routes {
        let host = route.host.as_deref().unwrap_or("every site");
        let (waf, upload) = (route.waf.mode.as_str(), route.upload.mode.as_str());
        writeln!(out, "  {} on {host} -> {}, WAF: {waf}, uploads: {upload}", route.path, route.upstream)?;
    }
    let (count, sources) = (rules.rules().len(), rules.sources().join(", "));
    writeln!(out, "WAF: {count} rules from {sources}; they stop the attacks that were sent to try them")?;
    let certificates = match config.tls_mode() {
        TlsMode::Local => "from Gabion's own authority: browsers warn until `gabion ca install`".to_owned(),
        TlsMode::Files(files) => format!("{} from files, read again when they change", files.len()),
        TlsMode::Acme(acme) => acme_certificates(&acme),
    };
    writeln!(out, "Certificates: {certificates}")?;
    mail::describe(out, config)?;
    writeln!(out, "Console: https://{}", config.sections.listen.control)?;
    if !config.sections.listen.control.ip().is_loopback() {
        writeln!(
            out,
            "  warning: the console can be reached from other machines; loopback and an SSH tunnel are safer"
        )?;
    }
    writeln!(out, "\nProtected")?;
    PROTECTED.iter().try_for_each(|line| writeln!(out, "  - {line}"))?;
    let waf = |mode: WafMode| edge.routes.iter().any(|route| route.waf.mode == mode);
    if waf(WafMode::Block) {
        writeln!(out, "  - attacks inside requests that the rules know, where the WAF is on block")?;
    }
    writeln!(out, "\nNot protected")?;
    for (mode, line) in UNBLOCKED.iter().filter(|(mode, _)| waf(*mode)) {
        writeln!(out, "  - attacks inside requests, where the WAF is on {}: {line}", mode.as_str())?;
    }
    NOT_PROTECTED.iter().try_for_each(|line| writeln!(out, "  - {line}"))?;
    if let Ok(Some(bypass)) = BypassFile::of(&config.data_folder()).read(now()) {
        writeln!(out, "\nBypassed until {} by {}", bypass.until, bypass.by)?;
    }
    Ok(())
}

/// What is ordered, and what the authority has to reach: nothing on this machine can test that.
fn acme_certificates(acme: &AcmeMode) -> String {
    let mut text = format!("{} from {}, renewed in time", acme.groups.len(), acme.directory);
    for names in &acme.groups {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        text += &format!("\n  - {}", names.join(", "));
    }
    let needed = match acme.challenge {
        Some(ChallengeKind::Http01) => "port 80",
        Some(ChallengeKind::TlsAlpn01) => "port 443, with nothing in between that ends TLS",
        None => "port 80, or port 443 with nothing in between that ends TLS",
    };
    text + &format!(
        "\n  needed: the DNS of every name leads here, and the authority reaches {needed}, from everywhere, over IPv4 and, \
         where the name has an AAAA record, IPv6.\n  Until the first certificate arrives, browsers warn of a self-signed one."
    )
}

const PROTECTED: &[&str] = &[
    "customers reach the shop over TLS 1.2 or 1.3 only, post-quantum key exchange first; plain HTTP redirects",
    "requests for foreign hosts, oversized heads and bodies, and slow clients end here",
    "security headers are added where the shop lacks them; software names are removed",
    "a dead or slow endpoint is taken out; customers see a calm page instead of an error",
    "the shop sees who the client is, and forged forwarding headers are replaced",
];

/// What modes let through.
const UNBLOCKED: [(WafMode, &str); 3] = [
    (WafMode::Learn, "only the near-certain is stopped, the rest is reported"),
    (WafMode::Detect, "they are only reported"),
    (WafMode::Off, "nothing is inspected"),
];

const NOT_PROTECTED: &[&str] = &[
    "bots and password stuffing beyond your rate limits",
    "floods larger than your line; errors in the shop's own logic and access control",
    "whoever reaches the shop's own address past Gabion: see below",
];

const WAY_BACK: &str = "\nGoing back to before: point DNS (or the port) at the shop again and stop Gabion. It has changed nothing in the shop.";

/// What the console changed, asked of the running product.
async fn console_changes(config: &Config) -> String {
    match admin::ask(&config.data_folder(), &Ask::Settings).await {
        Ok(Answer::Done(text)) => text,
        Ok(Answer::Failed(error)) => format!("The console's changes cannot be read: {error}"),
        Err(admin::AdminError::NotRunning { .. }) => {
            "Gabion is not running: the console's changes, if any, are laid over this file when it starts."
                .into()
        }
        Err(error) => format!("The console's changes cannot be read: {error}"),
    }
}

/// Connects to every endpoint; names the upstreams of which none answers.
async fn probe(edge: &EdgeConfig) -> Result<Vec<String>, Failure> {
    say("\nEndpoints")?;
    let mut dead = Vec::new();
    for upstream in &edge.upstreams {
        let mut answers = 0;
        for endpoint in &upstream.endpoints {
            let address = (endpoint.url.host(), endpoint.url.port());
            let result = tokio::time::timeout(PROBE_TIMEOUT, tokio::net::TcpStream::connect(address)).await;
            let state = match result {
                Ok(Ok(_)) => {
                    answers += 1;
                    "answers".to_owned()
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer within {}s", PROBE_TIMEOUT.as_secs()),
            };
            say(format!("  {} {}: {state}", upstream.name, endpoint.url))?;
        }
        if answers == 0 {
            dead.push(upstream.name.clone());
        }
    }
    Ok(dead)
}
