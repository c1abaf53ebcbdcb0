//! What browsers send back, parsed at the door: `RegistrationResponseJSON` and `AuthenticationResponseJSON` (WebAuthn
//! Level 3 section 5.1).
//!
//! Members that repeat what is signed elsewhere (`authenticatorData` and `publicKey` of a registration) are ignored.

use serde::Deserialize;

use crate::base64url::Base64Url;
use crate::ceremony::ChallengeHash;
use crate::client_data::{ClientData, brief};
use crate::name::{CredentialId, UserHandle};
use crate::options::CredentialType;
use crate::refusal::{Fault, Kind, Refused};

/// Bytes of a whole answer at most: an attestation object at its limit has 43 thousand in base64, the rest a fifth of it.
pub const RESPONSE_BYTES_MAX: usize = 64 * 1024;

/// Bytes of a signature at most: of an RSA key of 4096 bits.
const SIGNATURE_BYTES_MAX: usize = 512;

/// Ways to reach an authenticator that are kept of an answer, and bytes of the name of one. There are six today.
const TRANSPORTS_MAX: usize = 16;
const TRANSPORT_BYTES_MAX: usize = 32;

/// Where the authenticator is, seen from the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attachment {
    /// In the same device.
    Platform,
    /// A key or a phone.
    CrossPlatform,
    /// A value that is newer than this code.
    #[serde(other)]
    Other,
}

/// The answer to [`crate::CreationOptions`].
#[derive(Debug)]
pub struct RegistrationResponse {
    pub(crate) id: CredentialId,
    pub(crate) client_data: ClientData,
    pub(crate) attestation_object: Vec<u8>,
    pub(crate) transports: Vec<String>,
    pub(crate) attachment: Option<Attachment>,
    pub(crate) discoverable: Option<bool>,
}

/// The answer to [`crate::RequestOptions`].
#[derive(Debug)]
pub struct AuthenticationResponse {
    pub(crate) id: CredentialId,
    pub(crate) client_data: ClientData,
    pub(crate) authenticator_data: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) user: Option<UserHandle>,
    pub(crate) attachment: Option<Attachment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credential<R> {
    id: CredentialId,
    raw_id: CredentialId,
    response: R,
    authenticator_attachment: Option<Attachment>,
    #[serde(default)]
    client_extension_results: ExtensionResults,
    // It has one value, which reading it verifies.
    #[serde(rename = "type")]
    _type: CredentialType,
}

/// The outputs of extensions; those that were not asked for are ignored.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExtensionResults {
    cred_props: Option<CredentialProperties>,
}

#[derive(Deserialize)]
struct CredentialProperties {
    rk: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attested {
    #[serde(rename = "clientDataJSON")]
    client_data: Base64Url,
    attestation_object: Base64Url,
    // Older browsers have no getTransports().
    #[serde(default)]
    transports: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asserted {
    #[serde(rename = "clientDataJSON")]
    client_data: Base64Url,
    authenticator_data: Base64Url,
    signature: Base64Url,
    user_handle: Option<UserHandle>,
}

impl RegistrationResponse {
    /// Reads an answer.
    ///
    /// # Errors
    /// When it is too long or not of the form; nothing was verified yet.
    pub fn parse(json: &[u8]) -> Result<Self, Refused> {
        let read = || {
            let credential: Credential<Attested> = credential(json)?;
            let mut transports = credential.response.transports;
            transports.truncate(TRANSPORTS_MAX);
            transports.retain(|transport| valid_transport(transport));
            Ok(Self {
                id: credential.id,
                client_data: ClientData::read(&credential.response.client_data.0)?,
                attestation_object: credential.response.attestation_object.0,
                transports,
                attachment: credential.authenticator_attachment,
                discoverable: credential.client_extension_results.cred_props.and_then(|props| props.rk),
            })
        };
        read().map_err(|fault| Refused { kind: Kind::Registration, fault })
    }

    /// The new credential's id, to look up whether somebody has it already.
    pub fn credential_id(&self) -> &CredentialId {
        &self.id
    }

    /// The ceremony that is answered, to take it from where it was kept.
    pub fn ceremony(&self) -> ChallengeHash {
        ChallengeHash::of(&self.client_data.fields.challenge.0)
    }
}

impl AuthenticationResponse {
    /// Reads an answer.
    ///
    /// # Errors
    /// When it is too long or not of the form; nothing was verified yet.
    pub fn parse(json: &[u8]) -> Result<Self, Refused> {
        let read = || {
            let credential: Credential<Asserted> = credential(json)?;
            let response = credential.response;
            if response.signature.0.len() > SIGNATURE_BYTES_MAX {
                return Err(Fault::Signature);
            }
            Ok(Self {
                id: credential.id,
                client_data: ClientData::read(&response.client_data.0)?,
                authenticator_data: response.authenticator_data.0,
                signature: response.signature.0,
                user: response.user_handle,
                attachment: credential.authenticator_attachment,
            })
        };
        read().map_err(|fault| Refused { kind: Kind::Authentication, fault })
    }

    /// The credential's id, to look it up.
    pub fn credential_id(&self) -> &CredentialId {
        &self.id
    }

    /// Whose credential it is, as the authenticator says. Not proven before
    /// [`RelyingParty::finish_authentication`](crate::RelyingParty::finish_authentication).
    pub fn claimed_user(&self) -> Option<&UserHandle> {
        self.user.as_ref()
    }

    /// The ceremony that is answered, to take it from where it was kept.
    pub fn ceremony(&self) -> ChallengeHash {
        ChallengeHash::of(&self.client_data.fields.challenge.0)
    }
}

fn credential<R: for<'de> Deserialize<'de>>(json: &[u8]) -> Result<Credential<R>, Fault> {
    if json.len() > RESPONSE_BYTES_MAX {
        return Err(Fault::TooLong);
    }
    let credential: Credential<R> =
        serde_json::from_slice(json).map_err(|error| Fault::Json(brief(&error)))?;
    if credential.id != credential.raw_id {
        return Err(Fault::IdsDiffer);
    }
    Ok(credential)
}

/// Kept are also names that are newer than this code (section 5.8.4).
fn valid_transport(name: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=TRANSPORT_BYTES_MAX).contains(&name.len()) && name.bytes().all(valid)
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64URL_NOPAD;
    use serde_json::{Value, json};

    use super::*;

    fn registration() -> Value {
        let client_data = r#"{"type":"webauthn.create","challenge":"AAEC","origin":"https://shop.example"}"#;
        json!({
            "id": "AQID", "rawId": "AQID", "type": "public-key", "authenticatorAttachment": "platform",
            "clientExtensionResults": { "credProps": { "rk": true }, "unknown": [1] },
            "response": {
                "clientDataJSON": BASE64URL_NOPAD.encode(client_data.as_bytes()),
                "attestationObject": "oA", "authenticatorData": "%", "publicKeyAlgorithm": -7,
                "transports": ["internal", "hybrid", "smoke-signals", "NFC", ""],
            },
        })
    }

    fn parse(json: &Value) -> Result<RegistrationResponse, Fault> {
        RegistrationResponse::parse(json.to_string().as_bytes()).map_err(|refused| refused.fault)
    }

    #[test]
    fn an_answer_is_read() {
        let response = parse(&registration()).unwrap();
        assert_eq!(response.id.as_bytes(), [1, 2, 3]);
        assert_eq!(response.transports, ["internal", "hybrid", "smoke-signals"]);
        assert_eq!((response.attachment, response.discoverable), (Some(Attachment::Platform), Some(true)));
        assert_eq!(response.ceremony(), ChallengeHash::of(&[0, 1, 2]));
    }

    #[test]
    fn members_that_may_be_missing_may_be_missing() {
        let mut json = registration();
        json.as_object_mut().unwrap().remove("clientExtensionResults");
        json["authenticatorAttachment"] = "implant".into();
        json["response"].as_object_mut().unwrap().remove("transports");
        let response = parse(&json).unwrap();
        assert_eq!((response.attachment, response.discoverable), (Some(Attachment::Other), None));
    }

    #[test]
    fn answers_of_another_form_are_refused() {
        let change = |path: &str, value: Value| {
            let mut json = registration();
            *json.pointer_mut(path).unwrap() = value;
            parse(&json).unwrap_err()
        };
        assert_eq!(change("/rawId", json!("AQIE")), Fault::IdsDiffer);
        for (path, value) in [
            ("/type", json!("password")),
            ("/id", json!("")),
            ("/id", json!("A".repeat(2000))),
            ("/rawId", json!("AQID=")),
            ("/response", json!(null)),
            ("/response/attestationObject", json!([1, 2])),
            ("/clientExtensionResults/credProps/rk", json!("yes")),
        ] {
            assert!(matches!(change(path, value), Fault::Json(_)), "{path}");
        }
        assert!(matches!(change("/response/clientDataJSON", json!("AA")), Fault::ClientData(_)));
        let long = vec![b' '; RESPONSE_BYTES_MAX + 1];
        assert_eq!(RegistrationResponse::parse(&long).unwrap_err().fault, Fault::TooLong);
    }

    #[test]
    fn an_answer_of_the_other_kind_is_refused() {
        let refused = AuthenticationResponse::parse(registration().to_string().as_bytes()).unwrap_err();
        assert!(matches!(refused.fault, Fault::Json(_)));
    }
}
