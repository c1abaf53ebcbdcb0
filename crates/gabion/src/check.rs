//! `gabion check`: what is protected, what is not, and how to go back to before.

use std::fmt::Write;
use std::time::Duration;

use gabion_core::{Clock, SystemClock};
use gabion_edge::EdgeConfig;
use gabion_edge::tls::TlsMode;
use gabion_edge::tls::acme::{AcmeMode, ChallengeKind};

use crate::admin::{self, Answer, Ask};
use crate::around;
use crate::bypass::BypassFile;
use crate::config::Config;
use crate::exit::{Failure, UNAVAILABLE};
use crate::out::say;

/// How long an endpoint may take to accept a connection.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// Explains a configuration. Binds nothing, changes nothing.
///
/// # Errors
/// When the configuration is wrong, or no endpoint of an upstream answers.
pub(crate) async fn run(config: &Config) -> Result<(), Failure> {
    let edge = config.edge();
    let mut text = String::new();
    describe(&mut text, config, &edge).expect("writing to a string cannot fail");
    say(text)?;
    say(console_changes(config).await)?;
    let dead = probe(&edge).await?;
    say(around::report(&edge).await.trim_end())?;
    say(WAY_BACK)?;
    if dead.is_empty() {
        return Ok(());
    }
    Err(Failure::new(UNAVAILABLE, format!("no endpoint answers: {}", dead.join(", "))))
}

fn describe(out: &mut String, config: &Config, edge: &EdgeConfig) -> std::fmt::Result {
    writeln!(out, "{} is good.\n", config.path.display())?;
    for site in &edge.sites {
        let origins: Vec<_> = site.origins.iter().map(ToString::to_string).collect();
        writeln!(out, "Site {} ({}): {}", site.name, site.id, origins.join(", "))?;
    }
    for route in &edge.routes {
        let host = route.host.as_deref().unwrap_or("every site");
        writeln!(out, "  {} on {host} -> {}", route.path, route.upstream)?;
    }
    let certificates = match config.tls_mode() {
        TlsMode::Local => "from Gabion's own authority: browsers warn until `gabion ca install`".to_owned(),
        TlsMode::Files(files) => format!("{} from files, read again when they change", files.len()),
        TlsMode::Acme(acme) => acme_certificates(&acme),
    };
    writeln!(out, "Certificates: {certificates}")?;
    writeln!(out, "Console: https://{}", config.sections.listen.control)?;
    if !config.sections.listen.control.ip().is_loopback() {
        writeln!(
            out,
            "  warning: the console can be reached from other machines; loopback and an SSH tunnel are safer"
        )?;
    }
    for (title, lines) in [("Protected", PROTECTED), ("Not protected", NOT_PROTECTED)] {
        writeln!(out, "\n{title}")?;
        lines.iter().try_for_each(|line| writeln!(out, "  - {line}"))?;
    }
    if let Ok(Some(bypass)) = BypassFile::of(&config.data_folder()).read(SystemClock.now()) {
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

const NOT_PROTECTED: &[&str] = &[
    "attacks inside requests (SQL injection, scripts, traversal): the WAF is not part of this version",
    "bots, password stuffing and request floods: no rate limits in this version",
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
