//! What travels with a browser and comes back: sealed, so that nobody reads or changes it, and kept by nobody meanwhile.

use data_encoding::BASE64URL_NOPAD;
use gabion_crypto::{KeyUse, envelope};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Customers;

/// Bytes of a sealed value at most.
const SEALED_BYTES_MAX: usize = 4_096;

impl Customers {
    /// Seals a value for a purpose.
    pub(crate) fn seal(&self, purpose: &'static str, value: &impl Serialize) -> String {
        let text = serde_json::to_vec(value).expect("its keys are text");
        let ring = self.db().keys();
        let key = ring.current(KeyUse::Ceremony);
        let context = envelope::context(&[b"customer", purpose.as_bytes()]);
        BASE64URL_NOPAD.encode(&envelope::wrap(&key.secret, self.entropy(), &context, &text))
    }

    /// Opens what was sealed for this purpose; none for anything else.
    pub(crate) fn unseal<T: DeserializeOwned>(&self, purpose: &'static str, sealed: &str) -> Option<T> {
        if sealed.len() > SEALED_BYTES_MAX {
            return None;
        }
        let sealed = BASE64URL_NOPAD.decode(sealed.as_bytes()).ok()?;
        let context = envelope::context(&[b"customer", purpose.as_bytes()]);
        let ring = self.db().keys();
        let mut keys = ring.epochs(KeyUse::Ceremony);
        let opened = keys.find_map(|key| envelope::unwrap(&key.secret, &context, &sealed).ok())?;
        serde_json::from_slice(opened.expose()).ok()
    }
}
