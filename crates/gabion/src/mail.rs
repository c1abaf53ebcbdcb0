//! `[mail]`: wired up, explained, tried.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use gabion_core::blame::chain;
use gabion_core::{Clock, Entropy, SystemClock};
use gabion_crypto::SystemEntropy;
use gabion_edge::tls::upstream;
use gabion_outbound::mail::{self, Deps, Letter, Mail, MailConfig, Security, SmtpConfig, Transport};
use gabion_page::letter::{Color, Draft, Part};
use gabion_page::text::{fill, text};
use gabion_store::Db;
use gabion_store::outbox::MessageId;

use crate::cli::mail::MailTest;
use crate::config::Config;
use crate::exit::{Failure, UNAVAILABLE, USAGE};
use crate::out::say;

/// What mail needs to run, with the files that the configuration names.
///
/// # Errors
/// When one of them cannot be used.
pub(crate) fn open(
    config: Option<MailConfig>,
    db: Db,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Result<Mail, Failure> {
    let tls = tls(config.as_ref().and_then(authorities))?;
    Mail::new(config, Deps { db, clock, entropy, tls }).map_err(|error| unusable(&error))
}

/// Whether the files that the configuration names can be used.
///
/// # Errors
/// When one of them cannot.
pub(crate) fn try_files(config: &Config) -> Result<(), Failure> {
    let Some(config) = config.mail() else { return Ok(()) };
    tls(authorities(&config))?;
    config.try_password().map_err(|error| unusable(&error))
}

fn authorities(config: &MailConfig) -> Option<&Path> {
    match &config.transport {
        Transport::Smtp(smtp) => smtp.ca.as_deref(),
        Transport::Captured => None,
    }
}

fn tls(ca: Option<&Path>) -> Result<Arc<rustls::ClientConfig>, Failure> {
    upstream::client_config(ca, &[]).map_err(|error| unusable(&error))
}

fn unusable(error: &dyn std::error::Error) -> Failure {
    Failure::new(UNAVAILABLE, format!("[mail] {}", chain(error)))
}

/// What `gabion check` says of mail.
///
/// # Errors
/// When the text cannot be written to.
pub(crate) fn describe(out: &mut String, config: &Config) -> std::fmt::Result {
    let Some(MailConfig { from, transport }) = config.mail() else {
        return writeln!(out, "Mail: not configured, Gabion writes to nobody");
    };
    let address = from.address.as_str();
    match transport {
        Transport::Captured => {
            writeln!(out, "Mail: from {address}, kept in the console's mailbox and not sent")
        }
        Transport::Smtp(smtp) => {
            writeln!(out, "Mail: from {address}, {}; `gabion mail test` tries it", server(&smtp))
        }
    }
}

fn server(smtp: &SmtpConfig) -> String {
    let SmtpConfig { security, host, port, login, .. } = smtp;
    let line = match security {
        Security::Tls => "over TLS",
        Security::StartTls => "over STARTTLS, never without",
        Security::Plain => "unencrypted, on this machine",
    };
    let who = login.as_ref().map_or("without signing in".to_owned(), |login| format!("as {}", login.user));
    format!("by {host}, port {port}, {line}, {who}")
}

/// `gabion mail test`: past the outbox, so that whoever sets it up hears at once what is wrong.
///
/// # Errors
/// When mail is not configured or only kept, or the letter did not arrive.
pub(crate) async fn test(args: &MailTest) -> Result<(), Failure> {
    let config = Config::load(&args.config.config)?;
    let MailConfig { from, transport } =
        config.mail().ok_or_else(|| Failure::new(USAGE, mail::PutError::NotConfigured))?;
    let Transport::Smtp(smtp) = transport else {
        let why =
            "[mail] capture is on: letters are kept for the console's mailbox, so there is no server to try";
        return Err(Failure::new(USAGE, why));
    };
    let tls = tls(smtp.ca.as_deref())?;
    let now = SystemClock.now();
    let id = MessageId::new(now, &SystemEntropy::default());
    let letter = test_letter(&config, args);
    say(format!("Sending to {} {}", args.to.as_str(), server(&smtp)))?;
    let said = mail::try_server(smtp, tls, &from, &letter, id, now).await;
    let said = said.map_err(|error| Failure::new(UNAVAILABLE, error))?;
    Ok(say(format!("Taken as {id}. The server said: {said}"))?)
}

/// A letter in the language of the first site.
fn test_letter(config: &Config, args: &MailTest) -> Letter {
    let edge = config.edge();
    let site = edge.sites.first().expect("a configuration has a site");
    let words = |key| fill(text(site.language, key), &[("shop", &site.name)]);
    let subject = words("letter.test-subject");
    let parts = [Part::Text(words("letter.test-text"))];
    let draft = Draft {
        language: site.language,
        shop: &site.name,
        color: Color::default(),
        subject: &subject,
        parts: &parts,
    };
    let written = draft.write();
    Letter::new("mail.test", args.to.clone(), &subject, &written.text)
        .and_then(|letter| letter.html(&written.html))
        .and_then(|letter| letter.language(site.language.tag()))
        .expect("a site's name is one short line")
}
