//! The account at an ACME server, kept in its folder.

use std::path::Path;

use gabion_core::Secret;
use instant_acme::{Account, AccountCredentials, ExternalAccountKey, NewAccount};
use serde::{Deserialize, Serialize};

use super::AcmeError;
use super::client::Http;
use super::config::{AcmeMode, ExternalAccount};
use crate::tls::folder::Folder;

const ACCOUNT_FILE: &str = "account.json";

/// Bytes of a file with an HMAC key.
const HMAC_KEY_BYTES_MAX: usize = 1024;

/// What the account file holds.
#[derive(Serialize, Deserialize)]
struct Kept {
    credentials: AccountCredentials,
    /// As the server knows them.
    contact: Vec<String>,
}

/// The binding to an account at the authority, with its key.
pub(super) struct Binding {
    key_id: String,
    key: Secret<Vec<u8>>,
}

impl Binding {
    /// Reads the key. Blocks on the file.
    ///
    /// # Errors
    /// When the file cannot be read or holds no base64url.
    pub(super) fn read(account: &ExternalAccount) -> Result<Self, AcmeError> {
        let path = &account.hmac_key_file;
        let wrong = |reason| AcmeError::HmacKey { path: path.clone(), reason };
        let text = std::fs::read_to_string(path)
            .map(Secret::new)
            .map_err(|_| wrong("cannot be read; check the path and who may read it"))?;
        let letters = text.expose().trim().trim_end_matches('=').as_bytes();
        if letters.is_empty() || letters.len() > HMAC_KEY_BYTES_MAX {
            return Err(wrong("holds no key; copy it from the authority"));
        }
        let key = data_encoding::BASE64URL_NOPAD
            .decode(letters)
            .map_err(|_| wrong("is not base64url; copy it from the authority as it is"))?;
        Ok(Self { key_id: account.key_id.clone(), key: Secret::new(key) })
    }
}

/// Opens the kept account, or makes one and keeps its key, on disk before this returns. Contacts that changed in the
/// configuration are told to the server.
///
/// # Errors
/// When the folder cannot be used, the server cannot be reached, or it refuses the account.
pub(super) async fn open(
    folder: &Path,
    mode: &AcmeMode,
    binding: Option<&Binding>,
    http: &Http,
) -> Result<Account, AcmeError> {
    let builder = Account::builder_with_http(Box::new(http.clone()));
    let Some(kept) = read(folder)? else {
        let contact: Vec<&str> = mode.contact.iter().map(String::as_str).collect();
        let new =
            NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let binding =
            binding.map(|binding| ExternalAccountKey::new(binding.key_id.clone(), binding.key.expose()));
        let (account, credentials) = builder
            .create(&new, mode.directory.clone(), binding.as_ref())
            .await
            .map_err(|error| AcmeError::from_library(error, http))?;
        write(folder, &Kept { credentials, contact: mode.contact.clone() })?;
        return Ok(account);
    };
    let known = kept.contact.clone();
    let failed = |error| AcmeError::from_library(error, http);
    let account = builder.from_credentials(kept.credentials).await.map_err(failed)?;
    if known != mode.contact {
        let contact: Vec<&str> = mode.contact.iter().map(String::as_str).collect();
        account.update_contacts(&contact).await.map_err(failed)?;
        if let Some(kept) = read(folder)? {
            write(folder, &Kept { contact: mode.contact.clone(), ..kept })?;
        }
    }
    Ok(account)
}

/// Puts the kept account aside: the server does not know it any more.
///
/// # Errors
/// When the folder cannot be written.
pub(super) fn forget(folder: &Path) -> Result<(), AcmeError> {
    Ok(Folder::locked(folder)?.set_aside(ACCOUNT_FILE)?)
}

fn read(folder: &Path) -> Result<Option<Kept>, AcmeError> {
    let Some(text) = Folder::locked(folder)?.read_key(ACCOUNT_FILE)? else { return Ok(None) };
    let damaged = |_| AcmeError::DamagedAccount { path: folder.join(ACCOUNT_FILE) };
    serde_json::from_str(text.expose()).map(Some).map_err(damaged)
}

fn write(folder: &Path, kept: &Kept) -> Result<(), AcmeError> {
    let text = Secret::new(serde_json::to_string(kept).expect("an account is JSON"));
    Ok(Folder::locked(folder)?.write(ACCOUNT_FILE, text.expose().as_bytes(), 0o600)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::testing::Folder as TestFolder;

    #[test]
    fn hmac_keys_are_base64url_as_authorities_give_them() {
        let folder = TestFolder::new();
        let read = |text: &str| {
            folder.replace("eab.key", text);
            let account = ExternalAccount { key_id: "kid".into(), hmac_key_file: folder.path("eab.key") };
            Binding::read(&account).map(|binding| binding.key.expose().clone()).map_err(|e| e.to_string())
        };
        assert_eq!(read("AQID_w\n").unwrap(), [1, 2, 3, 255]);
        assert_eq!(read("AQID_w==").unwrap(), [1, 2, 3, 255]);
        assert!(read("no key!").unwrap_err().contains("eab.key: is not base64url"));
        assert!(read("").unwrap_err().contains("holds no key"));
        let missing = ExternalAccount { key_id: "kid".into(), hmac_key_file: folder.path("none") };
        assert!(Binding::read(&missing).err().unwrap().to_string().contains("none: cannot be read"));
    }

    #[test]
    fn a_damaged_account_is_said_and_not_replaced() {
        let folder = TestFolder::new();
        folder.replace("account.json", "{");
        let path = folder.path("account.json");
        let error = read(path.parent().unwrap()).err().unwrap();
        assert!(error.to_string().contains("account.json: damaged"), "{error}");
        assert!(path.exists());
    }
}
