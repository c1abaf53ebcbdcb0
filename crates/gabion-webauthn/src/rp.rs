//! The relying party: who asks for passkeys, and from which pages.

mod origin;

use std::fmt;
use std::str::FromStr;

use gabion_crypto::digest;
use serde::{Deserialize, Serialize};

pub use origin::{InvalidOrigin, Origin};

/// Bytes of a domain name at most (RFC 1035 section 2.3.4).
const DOMAIN_BYTES_MAX: usize = 253;

/// Origins that one relying party may have, of each kind. Browsers look at few (WebAuthn Level 3 section 5.11).
pub const ORIGINS_MAX: usize = 64;

/// The domain that passkeys are made for. A passkey works on its pages and those of its subdomains, as far as
/// [`RelyingParty`] lets them, and never anywhere else. It cannot be changed later: all passkeys would be lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RpId(String);

/// The text is no relying party's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a domain name in lower case, or an address")]
pub struct InvalidRpId;

impl RpId {
    /// The domain.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What authenticators sign instead of the domain.
    pub fn hash(&self) -> [u8; digest::SHA256_BYTES] {
        digest::sha256(self.0.as_bytes())
    }

    /// Whether pages of `host` lie in the domain.
    fn covers(&self, host: &str) -> bool {
        host.strip_suffix(&self.0).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

impl FromStr for RpId {
    type Err = InvalidRpId;

    /// Takes names of letters, digits, hyphens and dots. International names come in their ASCII form.
    fn from_str(text: &str) -> Result<Self, InvalidRpId> {
        let label = |label: &str| {
            let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            (1..=63).contains(&label.len())
                && label.bytes().all(letters)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        // An IPv4 address is no domain; its last label is a number (WHATWG URL section 3.5).
        let number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
        let valid = text.len() <= DOMAIN_BYTES_MAX
            && text.split('.').all(label)
            && !text.rsplit('.').next().is_some_and(number);
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidRpId) }
    }
}

impl TryFrom<String> for RpId {
    type Error = InvalidRpId;

    fn try_from(text: String) -> Result<Self, InvalidRpId> {
        text.parse()
    }
}

impl From<RpId> for String {
    fn from(id: RpId) -> Self {
        id.0
    }
}

impl fmt::Display for RpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why an origin was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginRefused {
    /// Pages there may not use the domain's passkeys, unless they are declared as related.
    #[error("{0} is not within the domain of the passkeys")]
    Outside(Origin),
    /// Related and embedding origins are https (WebAuthn Level 3 section 5.11).
    #[error("{0} is not https")]
    NotHttps(Origin),
    /// Above [`ORIGINS_MAX`].
    #[error("more than {ORIGINS_MAX} origins")]
    TooMany,
}

/// Who asks for passkeys, and from which pages. Origins are compared exactly: scheme, host and port.
///
/// Whether the id is a public suffix such as `co.uk` is not known here; browsers refuse those.
#[derive(Clone, Debug)]
pub struct RelyingParty {
    id: RpId,
    name: String,
    origins: Vec<Origin>,
    related: Vec<Origin>,
    embedding: Vec<Origin>,
}

impl RelyingParty {
    /// A relying party without pages yet. `name` is the shop's, as authenticators may show it.
    pub fn new(id: RpId, name: impl Into<String>) -> Self {
        Self { id, name: name.into(), origins: Vec::new(), related: Vec::new(), embedding: Vec::new() }
    }

    /// Also takes answers from pages of `origin`, which lies in the domain.
    ///
    /// # Errors
    /// When it lies elsewhere, or there are too many.
    pub fn with_origin(mut self, origin: Origin) -> Result<Self, OriginRefused> {
        if !self.id.covers(origin.host()) {
            return Err(OriginRefused::Outside(origin));
        }
        add(&mut self.origins, origin)?;
        Ok(self)
    }

    /// Also takes answers from pages of `origin`, in another domain. Browsers let them ask if the domain serves
    /// [`crate::RelatedOrigins`].
    ///
    /// # Errors
    /// When it is not https, or there are too many.
    pub fn with_related_origin(mut self, origin: Origin) -> Result<Self, OriginRefused> {
        add(&mut self.related, https(origin)?)?;
        Ok(self)
    }

    /// Also takes answers from a frame in pages of `origin`. Without any, whatever comes from a frame of another
    /// origin's page is refused.
    ///
    /// # Errors
    /// When it is not https, or there are too many.
    pub fn embedded_in(mut self, origin: Origin) -> Result<Self, OriginRefused> {
        add(&mut self.embedding, https(origin)?)?;
        Ok(self)
    }

    /// The domain.
    pub fn id(&self) -> &RpId {
        &self.id
    }

    /// The name that authenticators may show.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The pages in other domains.
    pub fn related(&self) -> &[Origin] {
        &self.related
    }

    /// Whether answers from pages of `origin` are expected.
    pub(crate) fn expects(&self, origin: &str) -> bool {
        self.origins.iter().chain(&self.related).any(|expected| expected.as_str() == origin)
    }

    /// Whether answers from frames are expected at all.
    pub(crate) fn is_embedded(&self) -> bool {
        !self.embedding.is_empty()
    }

    /// Whether answers from a frame in pages of `top` are expected. Level 2 clients do not name the page.
    pub(crate) fn expects_above(&self, top: &str) -> bool {
        self.embedding.iter().any(|expected| expected.as_str() == top)
    }
}

fn https(origin: Origin) -> Result<Origin, OriginRefused> {
    if origin.is_https() { Ok(origin) } else { Err(OriginRefused::NotHttps(origin)) }
}

fn add(origins: &mut Vec<Origin>, origin: Origin) -> Result<(), OriginRefused> {
    if origins.len() >= ORIGINS_MAX {
        return Err(OriginRefused::TooMany);
    }
    if !origins.contains(&origin) {
        origins.push(origin);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        text.parse().unwrap()
    }

    fn shop() -> RelyingParty {
        RelyingParty::new("shop.example".parse().unwrap(), "Shop")
    }

    #[test]
    fn ids_are_domains() {
        for valid in ["shop.example", "localhost", "xn--mller-kva.example", "1.shop.example", "a-b.example"] {
            assert!(valid.parse::<RpId>().is_ok(), "{valid}");
        }
        let long = format!("{}.example", "a.".repeat(130));
        for wrong in [
            "",
            ".",
            "shop.example.",
            ".shop",
            "Shop.example",
            "müller.example",
            "shop.example:443",
            "127.0.0.1",
            "[::1]",
            "https://shop.example",
            "-a.example",
            "a-.example",
            "shop example",
            "a..b",
            "10.1",
            &long,
        ] {
            assert_eq!(wrong.parse::<RpId>(), Err(InvalidRpId), "{wrong}");
        }
    }

    #[test]
    fn origins_outside_of_the_domain_have_to_be_declared_as_related() {
        for inside in ["https://shop.example", "https://www.shop.example", "https://shop.example:8443"] {
            assert!(shop().with_origin(origin(inside)).is_ok(), "{inside}");
        }
        for outside in ["https://myshop.example", "https://example", "https://shop.example.net"] {
            let refused = shop().with_origin(origin(outside)).unwrap_err();
            assert_eq!(refused, OriginRefused::Outside(origin(outside)));
            assert!(shop().with_related_origin(origin(outside)).is_ok());
        }
    }

    #[test]
    fn related_and_embedding_origins_are_https() {
        let plain = origin("http://localhost:8080");
        assert_eq!(
            shop().with_related_origin(plain.clone()).unwrap_err(),
            OriginRefused::NotHttps(plain.clone())
        );
        assert_eq!(shop().embedded_in(plain.clone()).unwrap_err(), OriginRefused::NotHttps(plain));
    }

    #[test]
    fn origins_are_compared_exactly() {
        let shop = shop().with_origin(origin("https://shop.example:8443")).unwrap();
        assert!(shop.expects("https://shop.example:8443"));
        for other in [
            "https://shop.example",
            "http://shop.example:8443",
            "https://shop.example:8443/",
            "https://a.shop.example:8443",
            "HTTPS://shop.example:8443",
            "https://shop.example:84430",
            "",
            "null",
        ] {
            assert!(!shop.expects(other), "{other}");
        }
    }

    #[test]
    fn the_number_of_origins_is_limited() {
        let at = |port: usize| origin(&format!("https://shop.example:{}", 1000 + port));
        let full = (0..ORIGINS_MAX).try_fold(shop(), |shop, port| shop.with_origin(at(port))).unwrap();
        assert_eq!(full.with_origin(at(ORIGINS_MAX)).unwrap_err(), OriginRefused::TooMany);
    }
}
