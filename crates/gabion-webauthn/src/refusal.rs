//! Why an answer was refused, naming the step of the specification.

use std::fmt;

use gabion_core::Blame;

use crate::attestation::AttestationError;
use crate::authenticator_data::AuthenticatorDataError;
use crate::client_data::ClientDataError;
use crate::cose::{KeyError, UnknownAlgorithm};

/// What was being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A passkey was being made.
    Registration,
    /// A passkey was being used.
    Authentication,
}

/// An answer that was refused. Nothing was changed, and the ceremony is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What was being done.
    pub kind: Kind,
    /// What was wrong.
    pub fault: Fault,
}

impl Refused {
    /// Who has to act.
    pub fn blame(&self) -> Blame {
        match self.fault {
            Fault::OtherRelyingParty => Blame::Operator,
            Fault::StoredKey(_) => Blame::Bug,
            _ => Blame::Client,
        }
    }

    /// The step of section 7.1 or 7.2 of WebAuthn Level 3 (editor's draft of 30 July 2026) that ended the ceremony.
    /// `None` where the fault lies before the specification's steps.
    pub fn step(&self) -> Option<u8> {
        match self.kind {
            Kind::Registration => self.fault.registration_step(),
            Kind::Authentication => self.fault.authentication_step(),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let section = match self.kind {
            Kind::Registration => "7.1",
            Kind::Authentication => "7.2",
        };
        match self.step() {
            Some(step) => write!(f, "{} (WebAuthn section {section} step {step})", self.fault),
            None => write!(f, "{}", self.fault),
        }
    }
}

impl std::error::Error for Refused {}

/// What was wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The answer is longer than [`crate::RESPONSE_BYTES_MAX`].
    #[error("the answer is longer than {} bytes", crate::RESPONSE_BYTES_MAX)]
    TooLong,
    /// The answer is not the JSON form of a credential.
    #[error("the answer is not the JSON of a credential: {0}")]
    Json(String),
    /// `id` and `rawId` name different credentials.
    #[error("id and rawId differ")]
    IdsDiffer,
    /// The client data cannot be read.
    #[error("client data: {0}")]
    ClientData(#[from] ClientDataError),
    /// The attestation object cannot be read, or its statement does not hold.
    #[error("attestation: {0}")]
    Attestation(#[from] AttestationError),
    /// The authenticator data cannot be read.
    #[error("authenticator data: {0}")]
    AuthenticatorData(#[from] AuthenticatorDataError),
    /// A registration's authenticator data has no credential.
    #[error("the authenticator data has no new credential")]
    NoCredential,
    /// An assertion's authenticator data has one.
    #[error("the authenticator data of an assertion has a new credential")]
    UnexpectedCredential,
    /// The credential that was made is not the one that is named.
    #[error("the answer names another credential than it carries")]
    OtherCredential,

    /// The time for the ceremony is over.
    #[error("the ceremony has expired")]
    Expired,
    /// The ceremony was begun by or for somebody else.
    #[error("the ceremony belongs to another account or session")]
    OtherBinding,
    /// The ceremony was begun for another domain.
    #[error("the ceremony or the passkey is for another domain")]
    OtherRelyingParty,

    /// The client data is of the other kind of ceremony.
    #[error("the client data is of another kind of ceremony")]
    Type,
    /// The challenge is not the ceremony's.
    #[error("the challenge is not the ceremony's")]
    Challenge,
    /// The page's origin is not expected.
    #[error("origin {0} is not expected")]
    Origin(String),
    /// The page was in a frame of another origin's page, and none is expected.
    #[error("the page was embedded")]
    CrossOrigin,
    /// The page around it is not expected.
    #[error("embedding origin {0} is not expected")]
    TopOrigin(String),
    /// The authenticator answered for another domain.
    #[error("the authenticator answered for another domain")]
    RpIdHash,
    /// Nobody was there.
    #[error("the user was not present")]
    UserPresence,
    /// It was not certain that it was the owner.
    #[error("the user was not verified")]
    UserVerification,
    /// A credential that cannot be backed up says that it is.
    #[error("backed up without being eligible")]
    BackupState,
    /// The credential changed from one that can be backed up to one that cannot, or back.
    #[error("backup eligibility has changed")]
    BackupEligibility,
    /// The credential's id is already registered.
    #[error("the credential is already registered")]
    CredentialTaken,
    /// The client says that the credential cannot be found without naming it, which was required.
    #[error("the credential is not discoverable")]
    NotDiscoverable,
    /// The credential was not among the allowed ones.
    #[error("the credential was not among the allowed ones")]
    NotAllowed,
    /// Nobody has this credential.
    #[error("the credential is not known")]
    UnknownCredential,
    /// The user handle is missing, where it has to say who it is.
    #[error("the answer does not say whose credential it is")]
    NoUserHandle,
    /// The credential is somebody else's.
    #[error("the credential is another account's")]
    OtherUser,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    Signature,
    /// The stored public key cannot be read: the store is damaged.
    #[error("the stored public key cannot be read: {0}")]
    StoredKey(KeyError),
}

impl Fault {
    fn registration_step(&self) -> Option<u8> {
        let step = match self {
            Self::Json(_) | Self::IdsDiffer => 3,
            Self::ClientData(ClientDataError::NotUtf8 | ClientDataError::TooLong) => 5,
            Self::ClientData(ClientDataError::Json(_)) => 6,
            Self::Type => 7,
            Self::Challenge => 8,
            Self::Origin(_) => 9,
            Self::CrossOrigin => 10,
            Self::TopOrigin(_) => 11,
            Self::AuthenticatorData(AuthenticatorDataError::CredentialId(_)) => 25,
            Self::AuthenticatorData(AuthenticatorDataError::PublicKey(KeyError::Algorithm(
                UnknownAlgorithm(_),
            ))) => 20,
            Self::Attestation(error) => error.step(),
            Self::AuthenticatorData(_) | Self::NoCredential | Self::OtherCredential => 13,
            Self::RpIdHash => 14,
            Self::UserPresence => 15,
            Self::UserVerification => 16,
            Self::BackupState => 17,
            Self::CredentialTaken => 26,
            Self::NotDiscoverable => 28,
            _ => return None,
        };
        Some(step)
    }

    fn authentication_step(&self) -> Option<u8> {
        let step = match self {
            Self::Json(_) | Self::IdsDiffer => 3,
            Self::NotAllowed => 5,
            Self::UnknownCredential | Self::NoUserHandle | Self::OtherUser => 6,
            Self::ClientData(ClientDataError::NotUtf8 | ClientDataError::TooLong) => 8,
            Self::ClientData(ClientDataError::Json(_)) => 9,
            Self::Type => 10,
            Self::Challenge => 11,
            Self::Origin(_) => 12,
            Self::CrossOrigin => 13,
            Self::TopOrigin(_) => 14,
            Self::AuthenticatorData(_) | Self::UnexpectedCredential => 7,
            Self::RpIdHash => 15,
            Self::UserPresence => 16,
            Self::UserVerification => 17,
            Self::BackupState => 18,
            Self::BackupEligibility => 19,
            Self::Signature => 21,
            _ => return None,
        };
        Some(step)
    }
}
