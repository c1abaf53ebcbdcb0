//! The `[mail]` settings.

use std::net::IpAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use percent_encoding::percent_decode_str;
use rustls_pki_types::ServerName;
use serde::Deserialize;
use toml::Spanned;

use super::Sender;

/// How long a connection may take, from looking up the name to being signed in. Then the letter waits for its next try.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a mail server may take for each answer. Above it the letter waits for its next try.
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of the longest user name of a mail server.
const USER_BYTES_MAX: usize = 255;

/// `[mail]`: who letters are from, and which server sends them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailSection {
    /// Who letters are from, such as `Tidewater Tea <shop@shop.example>`.
    pub from: Spanned<String>,
    /// The server that sends: `smtps://USER@HOST` (TLS from the start, port 465), `smtp://USER@HOST` (STARTTLS, port
    /// 587), or `smtp+plain://HOST` (unencrypted, this machine only, port 25).
    pub smtp: Option<Spanned<String>>,
    /// The file with the password of the user, on one line, readable by its owner only.
    pub password_file: Option<Spanned<PathBuf>>,
    /// PEM file of the only authorities believed; the public ones when absent.
    pub ca: Option<PathBuf>,
    /// Keeps letters for the console's mailbox instead of sending them.
    #[serde(default)]
    pub capture: bool,
}

/// `[mail]`, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailConfig {
    /// Who letters are from.
    pub from: Sender,
    /// What becomes of them.
    pub transport: Transport,
}

/// What becomes of letters where mail is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A server sends them.
    Smtp(SmtpConfig),
    /// They are kept for the console, the newest 200.
    Captured,
}

/// A mail server and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpConfig {
    /// How the line is protected.
    pub security: Security,
    /// Its name or address. IPv6 without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who signs in; none where nobody has to.
    pub login: Option<Login>,
    /// PEM file of the only authorities believed.
    pub ca: Option<PathBuf>,
    /// How long is waited.
    pub patience: Patience,
}

/// Who signs in at a mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The user name.
    pub user: String,
    /// Where the password is.
    pub password_file: PathBuf,
}

/// How the line to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    Tls,
    /// STARTTLS, and nothing is sent without it.
    StartTls,
    /// Nothing: to this machine only.
    Plain,
}

/// How long a mail server is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Until it lets us begin.
    pub connect: Duration,
    /// For each of its answers after that.
    pub command: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: CONNECT_TIMEOUT, command: COMMAND_TIMEOUT }
    }
}

/// Something in the section that cannot work: what would, and where in the file it stands.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidMail {
    /// Byte range in the file; none when something is missing.
    pub span: Option<Range<usize>>,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl InvalidMail {
    fn at<T>(spanned: &Spanned<T>, message: impl Into<String>) -> Self {
        Self { span: Some(spanned.span()), message: message.into() }
    }
}

impl MailSection {
    /// Checks the section. `resolve` says what its relative paths are relative to. Reads no file.
    ///
    /// # Errors
    /// The first thing that cannot work.
    pub fn check(&self, resolve: impl Fn(&Path) -> PathBuf) -> Result<MailConfig, InvalidMail> {
        let from = self.from.get_ref().parse().map_err(|_| {
            InvalidMail::at(
                &self.from,
                "[mail] from is an address, or a name with one: Tea <shop@shop.example>",
            )
        })?;
        let transport = match (&self.smtp, self.capture) {
            (Some(smtp), false) => Transport::Smtp(self.server(smtp, resolve)?),
            (None, true) => Transport::Captured,
            (Some(smtp), true) => {
                return Err(InvalidMail::at(
                    smtp,
                    "[mail] has smtp and capture: letters are sent or kept, not both",
                ));
            }
            (None, false) => {
                return Err(InvalidMail::at(
                    &self.from,
                    "[mail] needs smtp = \"smtps://USER@HOST\", or capture = true",
                ));
            }
        };
        Ok(MailConfig { from, transport })
    }

    fn server(
        &self,
        smtp: &Spanned<String>,
        resolve: impl Fn(&Path) -> PathBuf,
    ) -> Result<SmtpConfig, InvalidMail> {
        let (security, host, port, user) =
            server(smtp.get_ref()).map_err(|error| InvalidMail::at(smtp, error))?;
        let login = match (user, &self.password_file) {
            (None, None) => None,
            (Some(user), Some(file)) => Some(Login { user, password_file: resolve(file.get_ref()) }),
            (Some(_), None) => {
                return Err(InvalidMail::at(
                    smtp,
                    "smtp names a user: say where the password is with password_file",
                ));
            }
            (None, Some(file)) => {
                return Err(InvalidMail::at(
                    file,
                    "password_file is for a user: name one, as in smtps://USER@HOST",
                ));
            }
        };
        let ca = self.ca.as_deref().map(resolve);
        Ok(SmtpConfig { security, host, port, login, ca, patience: Patience::default() })
    }
}

type Server = (Security, String, u16, Option<String>);

fn server(text: &str) -> Result<Server, String> {
    const FORM: &str = "write smtps://USER@HOST, smtp://USER@HOST (STARTTLS) or smtp+plain://127.0.0.1";
    let (scheme, rest) = text.split_once("://").ok_or(FORM)?;
    let (security, default_port) = match scheme {
        "smtps" => (Security::Tls, 465),
        "smtp" => (Security::StartTls, 587),
        "smtp+plain" => (Security::Plain, 25),
        _ => return Err(FORM.to_owned()),
    };
    // User names are often addresses: the last `@` is the one before the host.
    let (user, place) = rest.rsplit_once('@').map_or((None, rest), |(user, place)| (Some(user), place));
    let (host, port) = host_and_port(place.strip_suffix('/').unwrap_or(place)).ok_or(FORM)?;
    let port = port.unwrap_or(default_port);
    if security == Security::Plain && !is_loopback(host) {
        return Err(format!(
            "smtp+plain:// is for this machine only; {host} is reached by smtps:// or smtp://"
        ));
    }
    Ok((security, host.to_owned(), port, user.map(user_name).transpose()?))
}

fn user_name(text: &str) -> Result<String, String> {
    if text.contains(':') {
        return Err(
            "no password belongs into the file: put it into a file of its own, and name it in password_file"
                .into(),
        );
    }
    let user = percent_decode_str(text).decode_utf8().map_err(|_| "the user name is not UTF-8")?;
    let good = (1..=USER_BYTES_MAX).contains(&user.len()) && !user.contains(char::is_control);
    if good {
        Ok(user.into_owned())
    } else {
        Err(format!("a user name has 1 to {USER_BYTES_MAX} visible characters"))
    }
}

fn host_and_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = match rest.strip_prefix(':') {
        Some(port) => Some(port.parse().ok().filter(|port| *port != 0)?),
        None if rest.is_empty() => None,
        None => return None,
    };
    ServerName::try_from(host).ok()?;
    Some((host, port))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<MailConfig, InvalidMail> {
        let section: MailSection = toml::from_str(text).expect("the shape is right");
        section.check(|path| Path::new("/etc/gabion").join(path))
    }

    fn smtp(text: &str) -> Result<SmtpConfig, String> {
        let more = if text.contains('@') { "\npassword_file = \"key\"" } else { "" };
        match check(&format!("from = \"shop@shop.example\"\nsmtp = {text:?}{more}"))
            .map_err(|error| error.message)?
            .transport
        {
            Transport::Smtp(smtp) => Ok(smtp),
            Transport::Captured => Err("captured".to_owned()),
        }
    }

    #[track_caller]
    fn good(text: &str, security: Security, host: &str, port: u16, user: Option<&str>) {
        let config = smtp(text).expect(text);
        let found = config.login.as_ref().map(|login| login.user.as_str());
        assert_eq!(
            (config.security, config.host.as_str(), config.port, found),
            (security, host, port, user),
            "{text}"
        );
    }

    #[test]
    fn a_server_is_one_address() {
        good("smtps://ann@mail.example", Security::Tls, "mail.example", 465, Some("ann"));
        good(
            "smtps://ann%40shop.example@mail.example:4650",
            Security::Tls,
            "mail.example",
            4650,
            Some("ann@shop.example"),
        );
        good(
            "smtp://ann@shop.example@mail.example/",
            Security::StartTls,
            "mail.example",
            587,
            Some("ann@shop.example"),
        );
        good("smtps://[2001:db8::1]:465", Security::Tls, "2001:db8::1", 465, None);
        good("smtp+plain://127.0.0.1:1025", Security::Plain, "127.0.0.1", 1025, None);
        good("smtp+plain://[::1]", Security::Plain, "::1", 25, None);
        good("smtp+plain://localhost", Security::Plain, "localhost", 25, None);
    }

    #[test]
    fn what_cannot_work_is_said() {
        for text in [
            "mail.example",
            "imap://mail.example",
            "smtps://",
            "smtps://mail.example:0",
            "smtps://a b",
            "smtps://mail.example/path",
            "smtps://mail.example:x",
            "smtps://[::1",
        ] {
            assert!(smtp(text).expect_err(text).starts_with("write smtps://"), "{text}");
        }
        for text in ["smtp+plain://mail.example", "smtp+plain://192.0.2.1", "smtp+plain://localhost.example"]
        {
            assert!(smtp(text).expect_err(text).contains("this machine only"), "{text}");
        }
        let error = smtp("smtps://ann:hunter2@mail.example").expect_err("a password");
        assert!(error.contains("password_file") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn parts_belong_together() {
        #[track_caller]
        fn refused(text: &str, expected: &str) {
            let error = check(text).expect_err(text);
            assert!(error.message.contains(expected) && error.span.is_some(), "{error:?}");
        }
        refused("from = \"shop\"\ncapture = true", "[mail] from is an address");
        refused("from = \"a@b.example\"", "needs smtp");
        refused("from = \"a@b.example\"\ncapture = true\nsmtp = \"smtps://m.example\"", "not both");
        refused("from = \"a@b.example\"\nsmtp = \"smtps://ann@m.example\"", "password_file");
        refused("from = \"a@b.example\"\nsmtp = \"smtps://m.example\"\npassword_file = \"key\"", "name one");
    }

    #[test]
    fn paths_are_relative_to_the_configuration() {
        let config = smtp("smtps://ann@mail.example").expect("good");
        assert_eq!(config.login.map(|login| login.password_file), Some(PathBuf::from("/etc/gabion/key")));
    }
}
