//! One connection to the mail server: opened, protected, signed in, and used for one letter after another.
//!
//! The line is opened here and handed to the library when it can be trusted. A server's 5xx about the letter itself (its
//! recipient, its content) is final; everything else (no connection, a wrong password, a sender that is not accepted,
//! silence) may be somebody's mistake that is put right, and the letter waits.

mod line;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gabion_core::Secret;
use gabion_core::blame::chain;
use gabion_core::limits::cut;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use self::line::Line;
use super::{Address, Security, Sender, SmtpConfig};

/// Letters sent over one connection. Then a new one is opened: many servers end it after about so many.
const LETTERS_PER_CONNECTION_MAX: u32 = 50;

/// How long a farewell may take. The letters are delivered already.
const QUIT_TIMEOUT: Duration = Duration::from_secs(2);

/// Bytes of what a server said that are kept.
const SAID_BYTES_MAX: usize = 300;

/// Why a letter was not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SmtpError {
    /// The server will never take this letter.
    #[error("refused: {0}")]
    Refused(String),
    /// It may take it later; the connection held.
    #[error("not now: {0}")]
    Later(String),
    /// No letter can be sent: the server is away, or does not let us in.
    #[error("{0}")]
    Away(String),
}

/// A mail server that letters can be given to.
pub(crate) struct Smtp {
    config: SmtpConfig,
    password: Option<Secret<String>>,
    tls: Arc<rustls::ClientConfig>,
    hello: ClientId,
}

impl Smtp {
    /// The server of a configuration. `tls` verifies its certificate.
    pub(crate) fn new(
        config: SmtpConfig,
        password: Option<Secret<String>>,
        tls: Arc<rustls::ClientConfig>,
        from: &Sender,
    ) -> Self {
        Self { config, password, tls, hello: ClientId::Domain(from.address.domain().to_owned()) }
    }

    /// Opens a connection and signs in.
    ///
    /// # Errors
    /// [`SmtpError::Away`] with the step that went wrong.
    pub(crate) async fn connect(&self) -> Result<Connection, SmtpError> {
        let within = self.config.patience.connect;
        tokio::time::timeout(within, self.open())
            .await
            .unwrap_or_else(|_| Err(away(format!("no connection within {} seconds", within.as_secs()))))
    }

    async fn open(&self) -> Result<Connection, SmtpError> {
        let SmtpConfig { security, host, port, .. } = &self.config;
        let (tcp, peer) = self.tcp().await?;
        let line = match security {
            Security::Plain => Line::new(tcp, peer, b""),
            Security::Tls => Line::new(self.tls(tcp).await?, peer, b""),
            Security::StartTls => {
                let ready = line::start_tls(tcp, &self.hello).await;
                let tcp = ready.map_err(|error| away(format!("{host}:{port}: {error}")))?;
                // The server greets once, before TLS; the library waits for a greeting after it.
                Line::new(self.tls(tcp).await?, peer, b"220 TLS\r\n")
            }
        };
        let mut smtp = AsyncSmtpConnection::connect_with_transport(Box::new(line), &self.hello)
            .await
            .map_err(|error| away(format!("greeting: {}", said(&error))))?;
        if let (Some(login), Some(password)) = (&self.config.login, &self.password) {
            let credentials = Credentials::new(login.user.clone(), password.expose().clone());
            let signed_in = smtp.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await;
            signed_in.map_err(|error| away(format!("signing in: {}", said(&error))))?;
        }
        Ok(Connection { smtp, letters: 0, command: self.config.patience.command })
    }

    async fn tcp(&self) -> Result<(TcpStream, SocketAddr), SmtpError> {
        let SmtpConfig { security, host, port, .. } = &self.config;
        let failed = |error: io::Error| away(format!("{host}:{port}: {}", chain(&error)));
        let found = tokio::net::lookup_host((host.as_str(), *port)).await.map_err(failed)?;
        // Whatever a name leads to: what is not encrypted stays on this machine.
        let allowed = |address: &SocketAddr| *security != Security::Plain || address.ip().is_loopback();
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name leads to no usable address");
        for address in found.filter(allowed) {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok((stream, address)),
                Err(error) => last = error,
            }
        }
        Err(failed(last))
    }

    async fn tls(&self, tcp: TcpStream) -> Result<tokio_rustls::client::TlsStream<TcpStream>, SmtpError> {
        let host = &self.config.host;
        let name = ServerName::try_from(host.clone()).map_err(|error| away(format!("{host}: {error}")))?;
        let connected = TlsConnector::from(Arc::clone(&self.tls)).connect(name, tcp).await;
        connected.map_err(|error| away(format!("TLS with {host}: {}", chain(&error))))
    }
}

/// An open connection, ready for a letter.
pub(crate) struct Connection {
    smtp: AsyncSmtpConnection,
    letters: u32,
    command: Duration,
}

impl Connection {
    /// Hands over a letter and says what the server answered. After an error the connection is of no more use.
    ///
    /// # Errors
    /// [`SmtpError`].
    pub(crate) async fn send(
        &mut self,
        from: &Address,
        to: &Address,
        letter: &[u8],
    ) -> Result<String, SmtpError> {
        let parameters = self.parameters(to, letter)?;
        let mail = Mail::new(Some(from.as_lettre().clone()), parameters);
        let within = self.command;
        // A sender that is not accepted is the operator's affair, not the letter's.
        answer(within, self.smtp.command(mail)).await.map_err(|error| match error {
            SmtpError::Refused(said) => SmtpError::Away(format!("sender: {said}")),
            other => other,
        })?;
        answer(within, self.smtp.command(Rcpt::new(to.as_lettre().clone(), Vec::new()))).await?;
        answer(within, self.smtp.command(Data)).await?;
        let taken = answer(within, self.smtp.message(letter)).await?;
        self.letters += 1;
        Ok(clean(&format!("{} {}", taken.code(), taken.message().collect::<Vec<_>>().join(" "))))
    }

    fn parameters(&self, to: &Address, letter: &[u8]) -> Result<Vec<MailParameter>, SmtpError> {
        let supports = |extension| self.smtp.server_info().supports_feature(extension);
        let mut parameters = Vec::new();
        if !to.as_str().is_ascii() {
            if !supports(Extension::SmtpUtfEight) {
                return Err(SmtpError::Refused("the mail server takes ASCII addresses only".to_owned()));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !letter.is_ascii() && supports(Extension::EightBitMime) {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        Ok(parameters)
    }

    /// Whether the server is still there: many end a connection without a word.
    pub(crate) async fn is_alive(&mut self) -> bool {
        tokio::time::timeout(self.command, self.smtp.test_connected()).await.unwrap_or(false)
    }

    /// Whether another letter may go over it.
    pub(crate) fn is_fresh(&self) -> bool {
        self.letters < LETTERS_PER_CONNECTION_MAX && !self.smtp.has_broken()
    }

    /// Says farewell. Whether the server answers matters no more.
    pub(crate) async fn quit(mut self) {
        match tokio::time::timeout(QUIT_TIMEOUT, self.smtp.quit()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(%error, "The mail server did not say farewell"),
            Err(_) => tracing::debug!("The mail server did not say farewell in time"),
        }
    }
}

async fn answer(
    within: Duration,
    command: impl Future<Output = Result<Response, lettre::transport::smtp::Error>>,
) -> Result<Response, SmtpError> {
    match tokio::time::timeout(within, command).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) if error.is_permanent() => Err(SmtpError::Refused(said(&error))),
        Ok(Err(error)) if error.is_transient() => Err(SmtpError::Later(said(&error))),
        Ok(Err(error)) => Err(away(said(&error))),
        Err(_) => Err(away(format!("the mail server was silent for {} seconds", within.as_secs()))),
    }
}

fn away(what: impl Into<String>) -> SmtpError {
    SmtpError::Away(clean(&what.into()))
}

/// What the server said, or what went wrong, in one line.
fn said(error: &lettre::transport::smtp::Error) -> String {
    let text = match (error.status(), std::error::Error::source(error)) {
        (Some(code), Some(text)) => format!("{code} {text}"),
        _ => error.to_string(),
    };
    clean(&text)
}

/// A server's words as they may be logged and shown: one line, bounded, nothing that a terminal obeys.
fn clean(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    cut(line.trim(), SAID_BYTES_MAX).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_words_are_one_bounded_line() {
        assert_eq!(clean(" no\r\nsuch\u{1b}[2Juser "), "no  such [2Juser");
        assert!(clean(&"x".repeat(5000)).len() <= SAID_BYTES_MAX);
    }
}
