//! What a page tells authenticators, so that they offer no passkeys that no longer work (WebAuthn Level 3 section
//! 5.1.10). Each is the argument of the browser's method of the same name.

use serde::{Deserialize, Serialize};

use crate::credential::StoredCredential;
use crate::name::{CredentialId, UserHandle};
use crate::options::UserEntity;
use crate::rp::RpId;

/// For `PublicKeyCredential.signalUnknownCredential()`: this passkey was offered, and nobody has it. To be sent after a
/// sign-in that failed with [`Fault::UnknownCredential`](crate::Fault::UnknownCredential); it tells a stranger nothing
/// but what they brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnknownCredential {
    /// The domain.
    pub rp_id: RpId,
    /// The passkey's id.
    pub credential_id: CredentialId,
}

/// For `PublicKeyCredential.signalAllAcceptedCredentials()`: these are all passkeys of the account. To whoever is signed
/// in, and to nobody else, as it names them. A passkey that is missing from the list may be lost for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AllAcceptedCredentials {
    /// The domain.
    pub rp_id: RpId,
    /// The account's handle.
    pub user_id: UserHandle,
    /// The ids of all its passkeys.
    pub all_accepted_credential_ids: Vec<CredentialId>,
}

impl AllAcceptedCredentials {
    /// Names these, which are all that the account has.
    pub fn new(rp_id: RpId, user_id: UserHandle, all: &[StoredCredential]) -> Self {
        let ids = all.iter().map(|credential| credential.id.clone());
        Self { rp_id, user_id, all_accepted_credential_ids: ids.collect() }
    }
}

/// For `PublicKeyCredential.signalCurrentUserDetails()`: the account is called this now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CurrentUserDetails {
    /// The domain.
    pub rp_id: RpId,
    /// The account's handle.
    pub user_id: UserHandle,
    /// What the user signs in with.
    pub name: String,
    /// What the user is called.
    pub display_name: String,
}

impl CurrentUserDetails {
    /// The names of this account.
    pub fn new(rp_id: RpId, user: UserEntity) -> Self {
        Self { rp_id, user_id: user.id, name: user.name, display_name: user.display_name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_have_the_names_of_the_specification() {
        let rp_id: RpId = "shop.example".parse().unwrap();
        let user = UserHandle::new([1, 2, 3]).unwrap();
        let unknown =
            UnknownCredential { rp_id: rp_id.clone(), credential_id: CredentialId::new([0xff]).unwrap() };
        let all = AllAcceptedCredentials::new(rp_id.clone(), user.clone(), &[]);
        let entity = UserEntity { id: user, name: "ann@example.com".into(), display_name: "Ann".into() };
        let details = CurrentUserDetails::new(rp_id, entity);
        let json = |value: serde_json::Result<String>| value.unwrap();
        assert_eq!(json(serde_json::to_string(&unknown)), r#"{"rpId":"shop.example","credentialId":"_w"}"#);
        assert_eq!(
            json(serde_json::to_string(&all)),
            r#"{"rpId":"shop.example","userId":"AQID","allAcceptedCredentialIds":[]}"#
        );
        assert_eq!(
            json(serde_json::to_string(&details)),
            r#"{"rpId":"shop.example","userId":"AQID","name":"ann@example.com","displayName":"Ann"}"#
        );
    }
}
