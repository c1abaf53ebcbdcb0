//! A browser and its authenticator in one, that say whatever a test wants.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use data_encoding::BASE64URL_NOPAD;
use gabion_webauthn::{Challenge, CreationOptions, RequestOptions};
use serde_json::{Value, json};

use crate::shop::ORIGIN;

pub(crate) const UP: u8 = 1;
pub(crate) const UV: u8 = 1 << 2;
pub(crate) const BE: u8 = 1 << 3;
pub(crate) const BS: u8 = 1 << 4;
pub(crate) const AT: u8 = 1 << 6;

pub(crate) struct Authenticator {
    pub(crate) pair: EcdsaKeyPair,
    pub(crate) id: Vec<u8>,
    pub(crate) user: Option<Vec<u8>>,
    /// What the next answer says.
    pub(crate) flags: u8,
    pub(crate) sign_count: u32,
    pub(crate) rp_id: String,
    pub(crate) kind: Option<&'static str>,
    pub(crate) origin: String,
    /// Members of the client data beside the usual.
    pub(crate) client_data: Value,
    /// Whether a new credential signs its own making.
    pub(crate) self_attestation: bool,
    pub(crate) discoverable: bool,
}

impl Authenticator {
    pub(crate) fn new() -> Self {
        Self {
            pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap(),
            id: vec![7; 32],
            user: None,
            flags: UP | UV | BE | BS,
            sign_count: 0,
            rp_id: "shop.example".to_owned(),
            kind: None,
            origin: ORIGIN.to_owned(),
            client_data: json!({}),
            self_attestation: false,
            discoverable: true,
        }
    }

    /// `navigator.credentials.create()`, as JSON.
    pub(crate) fn create(&mut self, options: &CreationOptions) -> Vec<u8> {
        self.user = Some(options.user.id.as_bytes().to_vec());
        let client_data = self.client_data("webauthn.create", &options.challenge);
        let mut authenticator_data = self.authenticator_data(self.flags | AT);
        authenticator_data.extend([0xaa; 16]);
        authenticator_data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        authenticator_data.extend(&self.id);
        authenticator_data.extend(self.cose_key());
        let statement = if self.self_attestation {
            let signature = self.sign(&authenticator_data, &client_data);
            let length = [0x58, u8::try_from(signature.len()).unwrap()];
            [b"\xa2\x63alg\x26\x63sig".as_slice(), &length, &signature].concat()
        } else {
            vec![0xa0]
        };
        let format: &[u8] = if self.self_attestation { b"\x66packed" } else { b"\x64none" };
        let length = u16::try_from(authenticator_data.len()).unwrap();
        let head = if length < 256 { vec![0x58] } else { vec![0x59, u8::try_from(length >> 8).unwrap()] };
        let object = [
            b"\xa3\x63fmt".as_slice(),
            format,
            b"\x67attStmt",
            &statement,
            b"\x68authData",
            &head,
            &[length.to_be_bytes()[1]],
            &authenticator_data,
        ];
        self.answer(json!({
            "clientDataJSON": encode(&client_data),
            "attestationObject": encode(&object.concat()),
            "transports": ["internal", "hybrid"],
        }))
    }

    /// `navigator.credentials.get()`, as JSON.
    pub(crate) fn get(&mut self, options: &RequestOptions) -> Vec<u8> {
        let client_data = self.client_data("webauthn.get", &options.challenge);
        let authenticator_data = self.authenticator_data(self.flags);
        let signature = self.sign(&authenticator_data, &client_data);
        self.answer(json!({
            "clientDataJSON": encode(&client_data),
            "authenticatorData": encode(&authenticator_data),
            "signature": encode(&signature),
            "userHandle": self.user.as_deref().map(encode),
        }))
    }

    pub(crate) fn cose_key(&self) -> Vec<u8> {
        let point = self.pair.public_key().as_ref();
        let head = [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        [head.as_slice(), &point[1..33], &[0x22, 0x58, 0x20], &point[33..]].concat()
    }

    fn answer(&self, response: Value) -> Vec<u8> {
        let id = encode(&self.id);
        let credential = json!({
            "id": id, "rawId": id, "type": "public-key", "response": response,
            "authenticatorAttachment": "platform",
            "clientExtensionResults": { "credProps": { "rk": self.discoverable } },
        });
        credential.to_string().into_bytes()
    }

    fn client_data(&self, kind: &str, challenge: &Challenge) -> Vec<u8> {
        let mut data = json!({
            "type": self.kind.unwrap_or(kind),
            "challenge": encode(challenge.as_bytes()),
            "origin": self.origin,
        });
        let more = self.client_data.as_object().unwrap().clone();
        data.as_object_mut().unwrap().extend(more);
        data.to_string().into_bytes()
    }

    fn authenticator_data(&self, flags: u8) -> Vec<u8> {
        let rp_id_hash = digest(&SHA256, self.rp_id.as_bytes());
        [rp_id_hash.as_ref(), &[flags], &self.sign_count.to_be_bytes()].concat()
    }

    fn sign(&self, authenticator_data: &[u8], client_data: &[u8]) -> Vec<u8> {
        let signed = [authenticator_data, digest(&SHA256, client_data).as_ref()].concat();
        self.pair.sign(&SystemRandom::new(), &signed).unwrap().as_ref().to_vec()
    }
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}
