//! The `[customers]` settings, and what is known of the sites that have accounts.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use gabion_core::SiteId;
use gabion_page::text::Language;
use gabion_webauthn::{Origin, RelyingParty, RpId};
use serde::Deserialize;

use crate::config::{ConfigError, in_range};

/// Range of `session_idle_days`.
pub const SESSION_IDLE_DAYS: RangeInclusive<u32> = 1..=90;
/// Range of `session_days_max`.
pub const SESSION_DAYS_MAX: RangeInclusive<u32> = 1..=365;
/// Range of `fresh_minutes`.
pub const FRESH_MINUTES: RangeInclusive<u32> = 1..=24 * 60;

/// `[customers]`: accounts of those who shop.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CustomersConfig {
    /// Whether customers have accounts here, on every site. Off unless said otherwise.
    pub enabled: bool,
    /// Days without a request after which a session is over. Default 14.
    pub session_idle_days: u32,
    /// Days after which a session is over whatever happens in it. Default 30 (NIST SP 800-63B-4 section 2.1.3 asks for at
    /// most 30).
    pub session_days_max: u32,
    /// Minutes after a sign-in in which credentials can be changed without showing anything again. Default 10.
    pub fresh_minutes: u32,
}

impl Default for CustomersConfig {
    fn default() -> Self {
        Self { enabled: false, session_idle_days: 14, session_days_max: 30, fresh_minutes: 10 }
    }
}

impl CustomersConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`ConfigError`] with the setting and its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        in_range("customers", "session_idle_days", self.session_idle_days, &SESSION_IDLE_DAYS)?;
        in_range("customers", "session_days_max", self.session_days_max, &SESSION_DAYS_MAX)?;
        in_range("customers", "fresh_minutes", self.fresh_minutes, &FRESH_MINUTES)
    }

    pub(crate) fn session_idle(&self) -> Duration {
        days(self.session_idle_days)
    }

    pub(crate) fn session_max(&self) -> Duration {
        days(self.session_days_max)
    }

    pub(crate) fn fresh(&self) -> Duration {
        Duration::from_secs(u64::from(self.fresh_minutes) * 60)
    }
}

fn days(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 24 * 3600)
}

/// A shop front whose customers have accounts.
#[derive(Clone, Debug)]
pub struct Site {
    /// Its id.
    pub id: SiteId,
    /// What customers know it as.
    pub name: String,
    /// The language of its pages unless a customer asks for another.
    pub language: Language,
    /// Who asks for passkeys.
    pub rp: RelyingParty,
    /// Its first `https` origin: addresses in mail begin with it.
    pub origin: String,
}

/// Why a site cannot have accounts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SiteRefused {
    /// Sessions and passkeys exist over HTTPS only.
    #[error("accounts need an https origin, and the site {0} has none")]
    NoHttps(SiteId),
    /// An origin that passkeys cannot be used on.
    #[error("passkeys cannot be used on {origin}: {reason}")]
    Origin {
        /// The origin.
        origin: String,
        /// Why.
        reason: String,
    },
}

impl Site {
    /// A site by its `https` origins, the main one first. Passkeys are for the host of that one; other hosts outside of it
    /// are told to browsers as related (WebAuthn Level 3 section 5.11).
    ///
    /// # Errors
    /// [`SiteRefused`].
    pub fn new(id: SiteId, name: &str, language: Language, origins: &[String]) -> Result<Self, SiteRefused> {
        let refuse = |origin: &str, reason: String| SiteRefused::Origin { origin: origin.to_owned(), reason };
        let main = origins.first().ok_or_else(|| SiteRefused::NoHttps(id.clone()))?;
        let parsed: Origin = main.parse().map_err(|error| refuse(main, format!("{error}")))?;
        let rp_id: RpId = parsed.host().parse().map_err(|error| refuse(main, format!("{error}")))?;
        let mut rp = RelyingParty::new(rp_id, name);
        for text in origins {
            let origin: Origin = text.parse().map_err(|error| refuse(text, format!("{error}")))?;
            let within = rp.clone().with_origin(origin.clone());
            rp = within
                .or_else(|_| rp.with_related_origin(origin))
                .map_err(|error| refuse(text, format!("{error}")))?;
        }
        Ok(Self { id, name: name.to_owned(), language, rp, origin: main.clone() })
    }
}

/// The sites that have accounts, by id.
pub type Sites = BTreeMap<SiteId, Arc<Site>>;

#[cfg(test)]
mod tests {
    use super::*;

    fn site(origins: &[&str]) -> Result<Site, SiteRefused> {
        let origins: Vec<String> = origins.iter().map(|origin| (*origin).to_owned()).collect();
        Site::new("tea".parse().expect("a site"), "Tidewater Tea", Language::En, &origins)
    }

    #[test]
    fn passkeys_are_for_the_main_host_and_others_are_related() {
        let made =
            site(&["https://shop.example", "https://www.shop.example", "https://shop.de"]).expect("a site");
        assert_eq!(made.rp.id().as_str(), "shop.example");
        assert_eq!(made.rp.related().iter().map(Origin::as_str).collect::<Vec<_>>(), ["https://shop.de"]);
        assert_eq!(made.origin, "https://shop.example");
    }

    #[test]
    fn a_site_without_https_has_no_accounts() {
        assert!(matches!(site(&[]), Err(SiteRefused::NoHttps(_))));
    }

    #[test]
    fn defaults_pass_and_wrong_settings_are_named_with_their_range() {
        assert_eq!(CustomersConfig::default().check(), Ok(()));
        let idle = CustomersConfig { session_idle_days: 0, ..CustomersConfig::default() };
        assert_eq!(
            idle.check().expect_err("too short").to_string(),
            "customers.session_idle_days: 0 is not between 1 and 90"
        );
    }
}
