//! The `[tls]` section of the configuration file.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::acme::{AcmeMode, AcmeSection, InvalidAcme};

/// Certificates that can be configured. Each is read at start and held in memory.
pub const CERTIFICATES_MAX: usize = 1000;

/// Seconds between two looks at the certificate files.
pub const RELOAD_SECONDS: std::ops::RangeInclusive<u64> = 1..=3600;

/// Default of `reload_seconds`: soon enough that nobody waits after a renewal, rare enough to cost nothing.
const RELOAD_SECONDS_DEFAULT: u64 = 5;

/// The `[tls]` section as written. [`TlsSettings::mode`] turns it into what is meant.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSettings {
    /// Where certificates come from.
    pub mode: ModeName,
    /// Certificate and key files; only with `mode = "files"`. The first is shown to clients that name no server
    /// or an unknown one. Relative paths are relative to the configuration file's folder.
    #[serde(default)]
    pub certificates: Vec<CertificateFiles>,
    /// The ACME server; with another mode it is checked and not used.
    pub acme: Option<AcmeSection>,
    /// The oldest protocol version accepted.
    #[serde(default)]
    pub min_version: MinVersion,
    /// Seconds between two looks at the certificate files, 1 to 3600.
    #[serde(default = "reload_seconds_default")]
    pub reload_seconds: u64,
}

const fn reload_seconds_default() -> u64 {
    RELOAD_SECONDS_DEFAULT
}

impl Default for TlsSettings {
    /// The local certificate authority, as without a `[tls]` section.
    fn default() -> Self {
        Self {
            mode: ModeName::Local,
            certificates: Vec::new(),
            acme: None,
            min_version: MinVersion::default(),
            reload_seconds: RELOAD_SECONDS_DEFAULT,
        }
    }
}

/// The word after `mode =`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModeName {
    /// Certificates from Gabion's own local authority.
    Local,
    /// Certificates from files.
    Files,
    /// Certificates from an ACME server such as Let's Encrypt.
    Acme,
}

/// One certificate chain and its private key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateFiles {
    /// The chain: the site's certificate first, then the intermediates.
    pub cert: PathBuf,
    /// The private key: PKCS#8, SEC1 or PKCS#1, not encrypted. May be the same file.
    pub key: PathBuf,
}

/// The oldest TLS version a listener accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum MinVersion {
    /// TLS 1.2: every browser of the last ten years.
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3 only.
    #[serde(rename = "1.3")]
    Tls13,
}

/// Where certificates come from, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// Gabion's own authority issues them; nobody trusts it until its root is installed.
    Local,
    /// Files; at least one pair, the default first.
    Files(Vec<CertificateFiles>),
    /// An ACME server issues them.
    Acme(AcmeMode),
}

/// A `[tls]` section that parses but contradicts itself.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTlsSettings {
    /// `files` without files.
    #[error(
        "tls.mode = \"files\" needs at least one entry: certificates = [{{ cert = \"path\", key = \"path\" }}]"
    )]
    NoCertificates,
    /// Files that would never be read.
    #[error("tls.certificates is only read with tls.mode = \"files\"; remove the entries or change the mode")]
    CertificatesUnused,
    /// The `[tls.acme]` section.
    #[error(transparent)]
    Acme(#[from] InvalidAcme),
    /// More pairs than [`CERTIFICATES_MAX`].
    #[error("tls.certificates has {count} entries, at most {CERTIFICATES_MAX} are allowed")]
    TooManyCertificates {
        /// Entries found.
        count: usize,
    },
    /// A period outside [`RELOAD_SECONDS`].
    #[error("tls.reload_seconds is {seconds}, allowed are {} to {}", RELOAD_SECONDS.start(), RELOAD_SECONDS.end())]
    ReloadSeconds {
        /// The value found.
        seconds: u64,
    },
}

impl TlsSettings {
    /// Checks the section and says what is meant by it.
    ///
    /// # Errors
    /// When entries are missing, unused, too many, or out of range.
    pub fn mode(&self) -> Result<TlsMode, InvalidTlsSettings> {
        if !RELOAD_SECONDS.contains(&self.reload_seconds) {
            return Err(InvalidTlsSettings::ReloadSeconds { seconds: self.reload_seconds });
        }
        let acme = self.acme.as_ref().map(AcmeSection::mode).transpose()?;
        match (self.mode, self.certificates.len()) {
            (ModeName::Local, 0) => Ok(TlsMode::Local),
            (ModeName::Acme, 0) => Ok(TlsMode::Acme(acme.ok_or(InvalidAcme::Terms)?)),
            (ModeName::Local | ModeName::Acme, _) => Err(InvalidTlsSettings::CertificatesUnused),
            (ModeName::Files, 0) => Err(InvalidTlsSettings::NoCertificates),
            (ModeName::Files, count) if count > CERTIFICATES_MAX => {
                Err(InvalidTlsSettings::TooManyCertificates { count })
            }
            (ModeName::Files, _) => Ok(TlsMode::Files(self.certificates.clone())),
        }
    }

    /// The period between two looks at the certificate files.
    pub const fn reload_every(&self) -> Duration {
        Duration::from_secs(self.reload_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<TlsSettings, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn an_unknown_mode_names_the_valid_ones() {
        let error = parse("mode = \"magic\"").unwrap_err();
        assert!(error.contains("`local`, `files`, `acme`"), "{error}");
    }

    #[test]
    fn unknown_keys_and_versions_are_refused() {
        assert!(parse("mode = \"local\"\ncertificate = []").unwrap_err().contains("`certificates`"));
        let error = parse("mode = \"local\"\nmin_version = \"1.1\"").unwrap_err();
        assert!(error.contains("`1.2` or `1.3`"), "{error}");
    }

    #[test]
    fn files_need_certificates_and_local_refuses_them() {
        assert_eq!(parse("mode = \"files\"").unwrap().mode(), Err(InvalidTlsSettings::NoCertificates));
        let pair = "certificates = [{ cert = \"a.crt\", key = \"a.key\" }]";
        let files = parse(&format!("mode = \"files\"\n{pair}")).unwrap();
        let expected = CertificateFiles { cert: "a.crt".into(), key: "a.key".into() };
        assert_eq!(files.mode(), Ok(TlsMode::Files(vec![expected])));
        let local = parse(&format!("mode = \"local\"\n{pair}")).unwrap();
        assert_eq!(local.mode(), Err(InvalidTlsSettings::CertificatesUnused));
    }

    #[test]
    fn acme_needs_its_section_which_may_wait_beside_another_mode() {
        assert_eq!(parse("mode = \"acme\"").unwrap().mode(), Err(InvalidAcme::Terms.into()));
        let acme = "[acme]\nterms_agreed = true";
        assert!(matches!(parse(&format!("mode = \"acme\"\n{acme}")).unwrap().mode(), Ok(TlsMode::Acme(_))));
        let local = parse(&format!("mode = \"local\"\n{acme}")).unwrap();
        assert_eq!(local.mode(), Ok(TlsMode::Local));
        let wrong = parse("mode = \"local\"\n[acme]").unwrap();
        assert_eq!(wrong.mode(), Err(InvalidAcme::Terms.into()));
    }

    #[test]
    fn the_reload_period_and_the_number_of_certificates_are_bounded() {
        let settings = TlsSettings { reload_seconds: 0, ..TlsSettings::default() };
        assert_eq!(settings.mode(), Err(InvalidTlsSettings::ReloadSeconds { seconds: 0 }));
        let pair = CertificateFiles { cert: "a".into(), key: "b".into() };
        let certificates = vec![pair; CERTIFICATES_MAX + 1];
        let settings = TlsSettings { mode: ModeName::Files, certificates, ..TlsSettings::default() };
        assert_eq!(settings.mode(), Err(InvalidTlsSettings::TooManyCertificates { count: 1001 }));
    }

    #[test]
    fn without_a_section_the_local_authority_is_used() {
        assert_eq!(TlsSettings::default().mode(), Ok(TlsMode::Local));
        assert_eq!(parse("mode = \"local\""), Ok(TlsSettings::default()));
    }
}
