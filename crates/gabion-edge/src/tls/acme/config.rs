//! `[tls.acme]`: which ACME server, how names are proved, and which names share a certificate.

use std::collections::HashSet;
use std::path::PathBuf;

use serde::Deserialize;

use crate::origin::Origin;
use crate::tls::Name;

/// Let's Encrypt, the default.
pub const PRODUCTION: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// Let's Encrypt for trying out: generous limits, certificates that browsers do not trust.
pub const STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";

/// Names in one certificate: what public authorities take.
pub const CERTIFICATE_NAMES_MAX: usize = 100;
/// Certificates of one installation.
pub const GROUPS_MAX: usize = 1000;
/// Contact addresses of one account.
pub const CONTACTS_MAX: usize = 10;

/// Top-level domains that no public authority certifies: RFC 2606, RFC 6762, RFC 8375, and ICANN's for private use.
const PRIVATE: [&str; 6] = ["local", "internal", "test", "invalid", "home.arpa", "lan"];

/// `[tls.acme]` as written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AcmeSection {
    /// Mail addresses the authority may write to.
    pub contact: Vec<String>,
    /// Whether the operator agrees to the authority's terms; it has to be `true`.
    pub terms_agreed: bool,
    /// The authority's directory URL; Let's Encrypt when absent.
    pub directory: Option<String>,
    /// Let's Encrypt's staging environment, for trying out.
    pub staging: bool,
    /// How names are proved; without it http-01 first, and the other way after a refusal.
    pub challenge: Option<ChallengeKind>,
    /// The binding to an account at the authority, where it asks for one.
    pub eab: Option<ExternalAccount>,
    /// PEM of the root that the ACME server's own TLS certificate leads to; the public roots when absent.
    pub ca: Option<PathBuf>,
    /// The authority's certificate profile.
    pub profile: Option<String>,
    /// Names that share a certificate; the remaining names of a site share one.
    pub groups: Vec<Vec<String>>,
}

/// How a name is proved to belong to the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum ChallengeKind {
    /// A file over plain HTTP on port 80. RFC 8555 section 8.3.
    #[serde(rename = "http-01")]
    Http01,
    /// A certificate in a TLS handshake on port 443. RFC 8737.
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
}

impl ChallengeKind {
    /// The name of RFC 8555 and RFC 8737.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::TlsAlpn01 => "tls-alpn-01",
        }
    }

    pub(super) const fn other(self) -> Self {
        match self {
            Self::Http01 => Self::TlsAlpn01,
            Self::TlsAlpn01 => Self::Http01,
        }
    }
}

/// An account that exists at the authority outside of ACME. RFC 8555 section 7.3.4.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalAccount {
    /// The key's id as the authority gave it.
    pub key_id: String,
    /// A file with the HMAC key as the authority gave it: base64url without padding.
    pub hmac_key_file: PathBuf,
}

/// The ACME server and what is asked of it, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcmeMode {
    /// Its directory URL.
    pub directory: String,
    /// The account's contacts, as `mailto:` URLs.
    pub contact: Vec<String>,
    /// How names are proved; both ways in turn when not set.
    pub challenge: Option<ChallengeKind>,
    /// The binding to an account at the authority.
    pub eab: Option<ExternalAccount>,
    /// The root of the server's own certificate.
    pub ca: Option<PathBuf>,
    /// The certificate profile.
    pub profile: Option<String>,
    /// The names of each certificate; complete once [`AcmeMode::covering`] was called.
    pub groups: Vec<Vec<Name>>,
}

/// A `[tls.acme]` section that cannot work: what is wrong and what to do.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are what was found")]
pub enum InvalidAcme {
    /// The terms.
    #[error(
        "tls.acme.terms_agreed must be true: read the authority's terms of service (for Let's Encrypt: https://letsencrypt.org/repository/) and agree to them"
    )]
    Terms,
    /// Two directories.
    #[error("tls.acme.staging is Let's Encrypt's; with directory set, remove it")]
    StagingAndDirectory,
    /// No `https://` URL.
    #[error("tls.acme.directory {url:?} is no https:// URL; ACME is only spoken over TLS")]
    Directory { url: String },
    /// No mail address.
    #[error("tls.acme.contact {contact:?} is no mail address; write it as owner@shop.example")]
    Contact { contact: String },
    /// More than [`CONTACTS_MAX`].
    #[error("tls.acme.contact has {count} entries, at most {CONTACTS_MAX} are allowed")]
    TooManyContacts { count: usize },
    /// Certificates from the authority stand for host names only.
    #[error("{name} cannot be certified by ACME: {reason}")]
    Name { name: String, reason: &'static str },
    /// A name of a group that belongs to no site.
    #[error(
        "tls.acme.groups: {name} is no host of an https:// origin; add it to a site's origins or remove it"
    )]
    NotServed { name: String },
    /// A name twice.
    #[error("tls.acme.groups: {name} is listed twice; one certificate is enough")]
    Twice { name: String },
    /// A group of nothing.
    #[error("tls.acme.groups has an empty list; remove it")]
    EmptyGroup,
    /// More than [`CERTIFICATE_NAMES_MAX`].
    #[error(
        "the certificate for {first} would have {count} names, at most {CERTIFICATE_NAMES_MAX} are allowed; split them with tls.acme.groups"
    )]
    TooManyNames { first: String, count: usize },
    /// More than [`GROUPS_MAX`].
    #[error("{count} certificates are asked for, at most {GROUPS_MAX} are allowed")]
    TooManyGroups { count: usize },
    /// Nothing to certify.
    #[error("no site has an https:// origin to certify; add one or change tls.mode")]
    NoNames,
}

impl AcmeSection {
    /// Checks the section. Which names it is about is checked by [`AcmeMode::covering`].
    ///
    /// # Errors
    /// The first thing that cannot work.
    pub fn mode(&self) -> Result<AcmeMode, InvalidAcme> {
        if !self.terms_agreed {
            return Err(InvalidAcme::Terms);
        }
        if self.contact.len() > CONTACTS_MAX {
            return Err(InvalidAcme::TooManyContacts { count: self.contact.len() });
        }
        let groups = self.groups.iter().map(|names| names.iter().map(|name| host(name)).collect());
        Ok(AcmeMode {
            directory: self.checked_directory()?,
            contact: self.contact.iter().map(|contact| mailto(contact)).collect::<Result<_, _>>()?,
            challenge: self.challenge,
            eab: self.eab.clone(),
            ca: self.ca.clone(),
            profile: self.profile.clone(),
            groups: groups.collect::<Result<_, _>>()?,
        })
    }

    fn checked_directory(&self) -> Result<String, InvalidAcme> {
        match &self.directory {
            Some(_) if self.staging => Err(InvalidAcme::StagingAndDirectory),
            Some(url) => {
                let uri = url.parse::<http::Uri>().ok();
                let https = uri.is_some_and(|uri| uri.scheme_str() == Some("https") && uri.host().is_some());
                if https { Ok(url.clone()) } else { Err(InvalidAcme::Directory { url: url.clone() }) }
            }
            None if self.staging => Ok(STAGING.to_owned()),
            None => Ok(PRODUCTION.to_owned()),
        }
    }
}

fn mailto(contact: &str) -> Result<String, InvalidAcme> {
    let address = contact.strip_prefix("mailto:").unwrap_or(contact);
    // RFC 8555 section 7.3 allows one address and no header fields.
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b',' | b'?');
    match address.split_once('@') {
        Some((user, domain)) if !user.is_empty() && domain.contains('.') && address.bytes().all(plain) => {
            Ok(format!("mailto:{address}"))
        }
        _ => Err(InvalidAcme::Contact { contact: contact.to_owned() }),
    }
}

/// A name that an authority can prove over HTTP or TLS.
fn host(text: &str) -> Result<Name, InvalidAcme> {
    let wrong = |reason| InvalidAcme::Name { name: text.to_owned(), reason };
    match text.parse::<Name>() {
        Ok(Name::Host(host)) if host == "localhost" || host.ends_with(".localhost") => {
            Err(wrong("it only means this machine; use tls.mode = \"local\" for it"))
        }
        Ok(Name::Host(host)) if !host.contains('.') => {
            Err(wrong("it has no domain; use the full name that customers type"))
        }
        Ok(Name::Host(host)) => Ok(Name::Host(host)),
        Ok(Name::Wildcard(_)) => Err(wrong(
            "wildcards need a challenge in the DNS, which Gabion does not do; list each name, or use tls.mode = \"files\"",
        )),
        Ok(Name::Address(_)) => Err(wrong("addresses have no name; give the shop a host name")),
        Err(_) => Err(wrong("it is no host name")),
    }
}

impl AcmeMode {
    /// Completes the groups, so that every host of an `https://` origin of `sites` is in exactly one: those of
    /// `[tls.acme] groups` as written, the remaining ones of a site together.
    ///
    /// # Errors
    /// When a name cannot be certified, is in two groups or of no site, or there are too many or none.
    pub fn covering<'a>(mut self, sites: impl Iterator<Item = &'a [Origin]>) -> Result<Self, InvalidAcme> {
        let mut taken = HashSet::new();
        for name in self.groups.iter().flatten() {
            if !taken.insert(name.clone()) {
                return Err(InvalidAcme::Twice { name: name.to_string() });
            }
        }
        let mut served = HashSet::new();
        for site in sites {
            let mut rest = Vec::new();
            for origin in site.iter().filter(|origin| origin.https) {
                let name = host(&origin.host)?;
                if served.insert(name.clone()) && !taken.contains(&name) {
                    rest.push(name);
                }
            }
            self.groups.extend(Some(rest).filter(|rest| !rest.is_empty()));
        }
        self.check_groups(&served)?;
        Ok(self)
    }

    fn check_groups(&self, served: &HashSet<Name>) -> Result<(), InvalidAcme> {
        match self.groups.len() {
            0 => return Err(InvalidAcme::NoNames),
            count if count > GROUPS_MAX => return Err(InvalidAcme::TooManyGroups { count }),
            _ => {}
        }
        for names in &self.groups {
            let first = names.first().ok_or(InvalidAcme::EmptyGroup)?.to_string();
            if names.len() > CERTIFICATE_NAMES_MAX {
                return Err(InvalidAcme::TooManyNames { first, count: names.len() });
            }
            if let Some(name) = names.iter().find(|name| !served.contains(*name)) {
                return Err(InvalidAcme::NotServed { name: name.to_string() });
            }
            if let Some(name) = names.iter().find(|name| self.is_private(name)) {
                let reason = "no public authority certifies this domain; use tls.mode = \"local\", or your own authority with tls.acme.directory and ca";
                return Err(InvalidAcme::Name { name: name.to_string(), reason });
            }
        }
        Ok(())
    }

    /// Whether only an authority of one's own, known by its `ca`, can certify the name.
    fn is_private(&self, name: &Name) -> bool {
        let below = |host: &str| {
            PRIVATE.iter().any(|domain| host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')))
        };
        self.ca.is_none() && name.domain().is_some_and(below)
    }

    /// The host of the directory: what certificates from there are called.
    pub fn host(&self) -> String {
        let uri = self.directory.parse::<http::Uri>().ok();
        uri.and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
