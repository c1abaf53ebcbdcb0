//! What both ceremonies have in common: the terms under which one was begun, kept by the caller, and the checks of both.
//!
//! Terms hold digests only. Whoever reads the store where they wait can answer no ceremony with them.

use std::fmt;
use std::time::Duration;

use gabion_core::{Timestamp, limits};
use gabion_crypto::constant_time_eq;
use gabion_crypto::digest::{self, SHA256_BYTES};
use serde::{Deserialize, Serialize};

use crate::authenticator_data::AuthenticatorData;
use crate::base64url::Base64Url;
use crate::client_data::ClientData;
use crate::name::Challenge;
use crate::options::{Hint, UserVerification};
use crate::refusal::Fault;
use crate::rp::{RelyingParty, RpId};

/// Credentials that one question may name. Above it the question is not asked; shops allow fewer per account.
pub const CREDENTIALS_MAX: usize = 64;

/// How long a ceremony may take unless asked otherwise: the least that the specification recommends (section 15.1).
pub const LIFETIME: Duration = Duration::from_secs(300);

/// More credentials than [`CREDENTIALS_MAX`] were to be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {CREDENTIALS_MAX} credentials")]
pub struct TooManyCredentials;

macro_rules! digest_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "Base64Url", into = "Base64Url")]
        pub struct $name([u8; SHA256_BYTES]);

        impl $name {
            /// The digest.
            pub fn as_bytes(&self) -> &[u8; SHA256_BYTES] {
                &self.0
            }

            /// Compares in time that does not depend on where they differ.
            fn is(&self, other: &Self) -> bool {
                constant_time_eq(&self.0, &other.0)
            }
        }

        impl TryFrom<Base64Url> for $name {
            type Error = &'static str;

            fn try_from(bytes: Base64Url) -> Result<Self, Self::Error> {
                bytes.0.try_into().map(Self).map_err(|_| "not a digest of 32 bytes")
            }
        }

        impl From<$name> for Base64Url {
            fn from(digest: $name) -> Self {
                Self(digest.0.to_vec())
            }
        }

        impl fmt::Display for $name {
            /// Base64url without padding.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&Base64Url(self.0.to_vec()), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

digest_name! {
    /// The name of a ceremony: SHA-256 of its challenge. The caller keeps the ceremony under it, and **takes** it from
    /// there with the answer, once: deleting and reading are one step, so that no answer counts twice.
    ChallengeHash
}

digest_name! {
    /// What a ceremony is bound to: a digest of the account, the session, the purpose, whatever the caller wants to be the
    /// same at its beginning and its end.
    Binding
}

impl ChallengeHash {
    pub(crate) fn of(challenge: &[u8]) -> Self {
        Self(digest::sha256(challenge))
    }
}

impl Binding {
    /// Binds to all of these, in this order. They cannot run into each other.
    pub fn to(parts: &[&[u8]]) -> Self {
        let mut digest = digest::Sha256::new();
        digest.update(b"gabion webauthn binding");
        parts.iter().for_each(|part| digest.update_framed(part));
        Self(digest.finish())
    }
}

/// What every question needs.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Random bytes that were never used before.
    pub challenge: Challenge,
    /// What has to be the same when the answer comes.
    pub binding: Binding,
    /// The time.
    pub now: Timestamp,
    /// How long the answer may take. The browser is told, in milliseconds.
    pub lifetime: Duration,
    /// Whether the authenticator has to verify its owner.
    pub user_verification: UserVerification,
    /// Which kind of authenticator to offer first.
    pub hints: Vec<Hint>,
}

impl Ask {
    /// Asks for [`LIFETIME`], with user verification, without hints.
    pub fn new(challenge: Challenge, binding: Binding, now: Timestamp) -> Self {
        let user_verification = UserVerification::Required;
        Self { challenge, binding, now, lifetime: LIFETIME, user_verification, hints: Vec::new() }
    }

    /// Milliseconds for the browser.
    pub(crate) fn timeout(&self) -> u32 {
        u32::try_from(self.lifetime.as_millis()).unwrap_or(u32::MAX)
    }

    pub(crate) fn terms(&self, rp: &RelyingParty) -> Terms {
        Terms {
            challenge: ChallengeHash::of(self.challenge.as_bytes()),
            binding: self.binding,
            rp_id: rp.id().clone(),
            expires_at: self.now.after(self.lifetime),
            user_verification: self.user_verification,
        }
    }
}

/// What was agreed when a ceremony began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Terms {
    pub(crate) challenge: ChallengeHash,
    binding: Binding,
    rp_id: RpId,
    pub(crate) expires_at: Timestamp,
    pub(crate) user_verification: UserVerification,
}

impl Terms {
    /// Whether these terms may be answered here, now, by whoever is there. These checks come before the specification's.
    pub(crate) fn check(&self, rp: &RelyingParty, binding: &Binding, now: Timestamp) -> Result<(), Fault> {
        if self.rp_id != *rp.id() {
            return Err(Fault::OtherRelyingParty);
        }
        if !self.binding.is(binding) {
            return Err(Fault::OtherBinding);
        }
        if now >= self.expires_at {
            return Err(Fault::Expired);
        }
        Ok(())
    }

    /// Section 7.1 steps 7 to 11, section 7.2 steps 10 to 14.
    pub(crate) fn check_client_data(
        &self,
        rp: &RelyingParty,
        data: &ClientData,
        expected_type: &str,
    ) -> Result<(), Fault> {
        const ORIGIN_BYTES_MAX: usize = 128;
        let shown = |origin: &str| limits::cut(origin, ORIGIN_BYTES_MAX).into_owned();
        let fields = &data.fields;
        if fields.r#type != expected_type {
            return Err(Fault::Type);
        }
        if !self.challenge.is(&ChallengeHash::of(&fields.challenge.0)) {
            return Err(Fault::Challenge);
        }
        if !rp.expects(&fields.origin) {
            return Err(Fault::Origin(shown(&fields.origin)));
        }
        match &fields.top_origin {
            None if fields.cross_origin => Err(Fault::CrossOrigin),
            Some(_) if !rp.is_embedded() => Err(Fault::CrossOrigin),
            Some(top) if !rp.expects_above(top) => Err(Fault::TopOrigin(shown(top))),
            _ => Ok(()),
        }
    }
}

/// Section 7.1 steps 14 to 17, section 7.2 steps 15 to 18.
pub(crate) fn check_authenticator_data(
    rp: &RelyingParty,
    data: &AuthenticatorData<'_>,
    presence: bool,
    verification: bool,
) -> Result<(), Fault> {
    if !constant_time_eq(&data.rp_id_hash, &rp.id().hash()) {
        return Err(Fault::RpIdHash);
    }
    if presence && !data.flags.user_present() {
        return Err(Fault::UserPresence);
    }
    if verification && !data.flags.user_verified() {
        return Err(Fault::UserVerification);
    }
    if data.flags.backed_up() && !data.flags.backup_eligible() {
        return Err(Fault::BackupState);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bindings_differ_by_part() {
        assert_eq!(Binding::to(&[b"account", b"session"]), Binding::to(&[b"account", b"session"]));
        assert_ne!(Binding::to(&[b"ab", b"c"]), Binding::to(&[b"a", b"bc"]));
        assert_ne!(Binding::to(&[b"a"]), Binding::to(&[b"a", b""]));
    }

    #[test]
    fn digests_are_written_as_base64url() {
        let hash = ChallengeHash::of(b"abc");
        assert_eq!(hash.to_string(), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
        let json = serde_json::to_string(&hash).unwrap();
        assert_eq!(serde_json::from_str::<ChallengeHash>(&json).unwrap(), hash);
        assert!(serde_json::from_str::<ChallengeHash>("\"AAAA\"").is_err());
    }

    #[test]
    fn browsers_are_told_the_lifetime_in_milliseconds() {
        let mut ask =
            Ask::new(Challenge::new([0; 32]).unwrap(), Binding::to(&[]), Timestamp::from_seconds(0));
        assert_eq!(ask.timeout(), 300_000);
        ask.lifetime = Duration::MAX;
        assert_eq!(ask.timeout(), u32::MAX);
    }
}
