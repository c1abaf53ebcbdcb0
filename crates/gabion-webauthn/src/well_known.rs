//! Documents that browsers and password managers look for at known places.

use serde::{Deserialize, Serialize};

use crate::rp::{Origin, RelyingParty};

/// Which other domains may use a domain's passkeys (WebAuthn Level 3 section 5.11). The domain serves it at
/// [`RelatedOrigins::PATH`] over TLS, as `application/json`. Browsers look at the first five different names at least,
/// where `shop.de` and `shop.fr` have the same name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelatedOrigins {
    /// The pages' origins.
    pub origins: Vec<Origin>,
}

impl RelatedOrigins {
    /// Where browsers look for it.
    pub const PATH: &str = "/.well-known/webauthn";

    /// The document of a relying party; nothing to serve without related origins.
    pub fn of(rp: &RelyingParty) -> Option<Self> {
        let origins = rp.related().to_vec();
        (!origins.is_empty()).then_some(Self { origins })
    }
}

/// Where customers make and manage their passkeys (A Well-Known URL for Relying Party Passkey Endpoints). The domain
/// serves it at [`PasskeyEndpoints::PATH`] as `application/json`, without a redirect. Without members it says that
/// passkeys are known here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PasskeyEndpoints {
    /// The address of the page that makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enroll: Option<String>,
    /// The address of the page that lists them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manage: Option<String>,
    /// The address of a page that says what keys derived from a passkey are used for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prf_usage_details: Option<String>,
}

impl PasskeyEndpoints {
    /// Where password managers look for it.
    pub const PATH: &str = "/.well-known/passkey-endpoints";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn related_origins_are_served_only_where_there_are_some() {
        let rp = RelyingParty::new("shop.example".parse().unwrap(), "Shop");
        assert_eq!(RelatedOrigins::of(&rp), None);
        let rp = rp.with_related_origin("https://shop.test".parse().unwrap()).unwrap();
        let json = serde_json::to_string(&RelatedOrigins::of(&rp)).unwrap();
        assert_eq!(json, r#"{"origins":["https://shop.test"]}"#);
    }

    #[test]
    fn endpoints_that_are_not_there_are_not_named() {
        let mut endpoints = PasskeyEndpoints::default();
        assert_eq!(serde_json::to_string(&endpoints).unwrap(), "{}");
        endpoints.manage = Some("https://shop.example/account/passkeys".to_owned());
        let json = serde_json::to_string(&endpoints).unwrap();
        assert_eq!(json, r#"{"manage":"https://shop.example/account/passkeys"}"#);
    }
}
