//! What a browser says of a ceremony: its kind, its challenge, and on whose page it was (WebAuthn Level 3 section 5.8.1).

use gabion_core::limits;
use gabion_crypto::digest;
use serde::Deserialize;

use crate::base64url::Base64Url;

/// Bytes of client data at most. Browsers write some two hundred; the specification wants room for members to come.
pub const CLIENT_DATA_BYTES_MAX: usize = 4096;

/// Why bytes are no client data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientDataError {
    /// Longer than [`CLIENT_DATA_BYTES_MAX`].
    #[error("longer than {CLIENT_DATA_BYTES_MAX} bytes")]
    TooLong,
    /// The bytes are not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// The text is not JSON, or a member is missing, twice there, or of another type.
    #[error("not the JSON of client data: {0}")]
    Json(String),
}

/// Client data that was read. Unknown members are ignored, as the specification demands.
#[derive(Debug)]
pub(crate) struct ClientData {
    pub(crate) fields: Fields,
    /// SHA-256 of the bytes, which the authenticator signed.
    pub(crate) hash: [u8; digest::SHA256_BYTES],
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Fields {
    pub(crate) r#type: String,
    pub(crate) challenge: Base64Url,
    pub(crate) origin: String,
    #[serde(default)]
    pub(crate) cross_origin: bool,
    pub(crate) top_origin: Option<String>,
}

impl ClientData {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, ClientDataError> {
        if bytes.len() > CLIENT_DATA_BYTES_MAX {
            return Err(ClientDataError::TooLong);
        }
        let text = str::from_utf8(bytes).map_err(|_| ClientDataError::NotUtf8)?;
        // Section 7.1 step 5: a byte order mark is not part of the text.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let fields = serde_json::from_str(text).map_err(|error| ClientDataError::Json(brief(&error)))?;
        Ok(Self { fields, hash: digest::sha256(bytes) })
    }
}

/// What a JSON error says, without much of what a stranger wrote.
pub(crate) fn brief(error: &serde_json::Error) -> String {
    const ERROR_BYTES_MAX: usize = 160;
    limits::cut(&error.to_string(), ERROR_BYTES_MAX).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Fields, ClientDataError> {
        ClientData::read(text.as_bytes()).map(|data| data.fields)
    }

    #[test]
    fn members_may_be_unknown_missing_or_in_any_order() {
        let fields = read(
            r#"{"new":{"a":[1]},"origin":"https://a.example","crossOrigin":true,"topOrigin":"https://b.example",
                "challenge":"AAEC","type":"webauthn.get"}"#,
        );
        let fields = fields.unwrap();
        assert_eq!((fields.r#type.as_str(), fields.challenge.0), ("webauthn.get", vec![0, 1, 2]));
        assert_eq!((fields.origin.as_str(), fields.cross_origin), ("https://a.example", true));
        assert_eq!(fields.top_origin.as_deref(), Some("https://b.example"));
        let fields = read("\u{feff}{\"type\":\"\",\"challenge\":\"\",\"origin\":\"\"}").unwrap();
        assert!(!fields.cross_origin && fields.top_origin.is_none());
    }

    #[test]
    fn what_is_no_client_data_is_refused() {
        for wrong in [
            "",
            "{}",
            "[]",
            r#"{"type":"t","challenge":"AAEC"}"#,
            r#"{"type":"t","challenge":"AAEC","origin":null}"#,
            r#"{"type":"t","challenge":"AAEC=","origin":"o"}"#,
            r#"{"type":"t","challenge":"AAEC","origin":"o","origin":"p"}"#,
            r#"{"type":"t","challenge":"AAEC","origin":"o","crossOrigin":"true"}"#,
            r#"{"type":"t","challenge":"AAEC","origin":"o"} x"#,
        ] {
            assert!(matches!(read(wrong), Err(ClientDataError::Json(_))), "{wrong}");
        }
        assert_eq!(ClientData::read(b"{\"type\":\"\xff\"}").unwrap_err(), ClientDataError::NotUtf8);
        assert_eq!(read(&" ".repeat(CLIENT_DATA_BYTES_MAX + 1)).unwrap_err(), ClientDataError::TooLong);
        let deep = format!("{{\"a\":{}", "[".repeat(CLIENT_DATA_BYTES_MAX - 5));
        assert!(matches!(read(&deep), Err(ClientDataError::Json(_))));
    }
}
