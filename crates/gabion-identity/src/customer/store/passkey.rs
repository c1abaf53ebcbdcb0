//! Rows of passkeys, and of ceremonies that were answered.

use gabion_core::{SiteId, Timestamp};
use gabion_store::{Param, Place, Purpose, Row, StoreError, Tx, params};
use gabion_webauthn::{ChallengeHash, CredentialId, StoredCredential};

use super::broken;
use crate::customer::account::AccountId;
use crate::customer::passkey::{PasskeyId, PasskeyView};

/// A passkey with what verifies its answers.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) account: AccountId,
    pub(crate) view: PasskeyView,
    pub(crate) stored: StoredCredential,
}

const fn place(id: &str) -> Place<'_> {
    Place { table: "identity_passkey", column: "name", row: id }
}

fn kept(tx: &mut Tx<'_>, row: &Row) -> Result<Kept, StoreError> {
    let account: AccountId = row.parse("account")?;
    let (id, sealed): (String, Vec<u8>) = (row.get("id")?, row.get("name")?);
    let name = tx.open_personal(account.subject(), Purpose::Profile, place(&id), &sealed)?;
    let text: String = row.get("stored")?;
    let stored: StoredCredential = serde_json::from_str(&text).map_err(|error| broken("stored", error))?;
    let view = PasskeyView {
        id: row.parse("id")?,
        name: name.map(|name| name.expose().clone()).unwrap_or_default(),
        is_backed_up: stored.backed_up,
        created_at: row.get("created_at")?,
        used_at: row.get("used_at")?,
    };
    Ok(Kept { account, view, stored })
}

fn json(stored: &StoredCredential) -> Result<String, StoreError> {
    serde_json::to_string(stored).map_err(|error| broken("stored", error))
}

pub(crate) fn insert(tx: &mut Tx<'_>, site: &SiteId, kept: &Kept) -> Result<(), StoreError> {
    let sql = "INSERT INTO identity_passkey (id, site, credential, account, stored, name, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let Kept { account, view, stored } = kept;
    let id = view.id.to_string();
    let name = tx.seal_personal(account.subject(), Purpose::Profile, place(&id), &view.name)?;
    let (account, credential) = (Param::text(account), stored.id.as_bytes());
    tx.execute(sql, params![id, site, credential, account, json(stored)?, name, view.created_at]).map(drop)
}

pub(crate) fn by_credential(
    tx: &mut Tx<'_>,
    site: &SiteId,
    id: &CredentialId,
) -> Result<Option<Kept>, StoreError> {
    let sql = "SELECT * FROM identity_passkey WHERE site = $1 AND credential = $2";
    let row = tx.query_one(sql, params![site, id.as_bytes()])?;
    row.map(|row| kept(tx, &row)).transpose()
}

/// The passkeys of an account, oldest first.
pub(crate) fn of(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<Kept>, StoreError> {
    let sql = "SELECT * FROM identity_passkey WHERE account = $1 ORDER BY id";
    let rows = tx.query(sql, params![Param::text(account)])?;
    rows.iter().map(|row| kept(tx, row)).collect()
}

/// Keeps what a sign-in said of a passkey. Says whether it is still there.
pub(crate) fn used(
    tx: &mut Tx<'_>,
    id: PasskeyId,
    stored: &StoredCredential,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE identity_passkey SET stored = $2, used_at = $3 WHERE id = $1";
    Ok(tx.execute(sql, params![Param::text(id), json(stored)?, at])? > 0)
}

pub(crate) fn rename(
    tx: &mut Tx<'_>,
    account: AccountId,
    id: PasskeyId,
    name: &str,
) -> Result<bool, StoreError> {
    let id = id.to_string();
    let name = tx.seal_personal(account.subject(), Purpose::Profile, place(&id), name)?;
    let sql = "UPDATE identity_passkey SET name = $3 WHERE id = $1 AND account = $2";
    Ok(tx.execute(sql, params![id, Param::text(account), name])? > 0)
}

pub(crate) fn delete(tx: &mut Tx<'_>, account: AccountId, id: PasskeyId) -> Result<bool, StoreError> {
    let sql = "DELETE FROM identity_passkey WHERE id = $1 AND account = $2";
    Ok(tx.execute(sql, params![Param::text(id), Param::text(account)])? > 0)
}

/// Notes that a ceremony was answered. Says whether it was the first time.
pub(crate) fn answer_once(
    tx: &mut Tx<'_>,
    ceremony: ChallengeHash,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO identity_ceremony (challenge, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, params![ceremony.as_bytes(), expires_at])? > 0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gabion_page::text::Language;
    use gabion_store::{Db, StorageConfig, StoreDeps};
    use gabion_test::postgres::Database;
    use gabion_test::{SeededEntropy, TestClock};
    use serde_json::json;

    use super::*;
    use crate::customer::store::account;

    fn kept(account: AccountId) -> Kept {
        let stored = json!({
            "form": "passkey/1", "id": "AAECAwQFBgcICQoLDA0ODw", "user": "AAECAwQFBgcICQoLDA0ODw",
            "rp_id": "tea.example", "public_key": "AAEC", "sign_count": 0, "transports": ["internal"],
            "uv_initialized": true, "backup_eligible": true, "backed_up": false, "discoverable": true,
            "aaguid": "00000000-0000-0000-0000-000000000000", "attestation": { "kind": "none" },
        });
        let stored: StoredCredential = serde_json::from_value(stored).expect("a passkey");
        let at = Timestamp::from_seconds(1_700_000_000);
        let id = PasskeyId::from_bits(7);
        let name = "Ann's phone".to_owned();
        let view = PasskeyView { id, name, is_backed_up: false, created_at: at, used_at: None };
        Kept { account, view, stored }
    }

    async fn live(config: StorageConfig) {
        let deps = StoreDeps { clock: Arc::new(TestClock::new()), entropy: Arc::new(SeededEntropy::new(3)) };
        let db = Db::open(config, deps).await.expect("a database");
        db.migrate(&[crate::MIGRATIONS]).await.expect("tables");
        let at = Timestamp::from_seconds(1_700_000_100);
        db.write(move |tx| {
            let site: SiteId = "tea".parse().expect("a site");
            let other: SiteId = "cake".parse().expect("a site");
            let (ann, bob) = (AccountId::from_bits(1), AccountId::from_bits(2));
            for (id, email) in [(ann, "ann@tea.example"), (bob, "bob@tea.example")] {
                let email = email.parse().expect("an address");
                let language = Language::En;
                let row = account::NewRow { id, site: &site, email: &email, name: None, language, at };
                assert!(account::insert(tx, &row)?);
            }
            let mut one = kept(ann);
            insert(tx, &site, &one)?;
            assert!(by_credential(tx, &other, &one.stored.id)?.is_none(), "another site's is another's");
            let found = by_credential(tx, &site, &one.stored.id)?.expect("it is there");
            assert_eq!((found.account, found.view.name.as_str()), (ann, "Ann's phone"));
            one.stored.sign_count = 9;
            assert!(used(tx, one.view.id, &one.stored, at)?);
            assert!(!rename(tx, bob, one.view.id, "Bob's")? && rename(tx, ann, one.view.id, "Tablet")?);
            let all = of(tx, ann)?;
            assert_eq!(
                (all[0].view.name.as_str(), all[0].stored.sign_count, all[0].view.used_at),
                ("Tablet", 9, Some(at))
            );
            assert!(!delete(tx, bob, one.view.id)? && delete(tx, ann, one.view.id)?);
            assert!(!used(tx, one.view.id, &one.stored, at)?, "it was removed");
            let ceremony: ChallengeHash =
                serde_json::from_value(json!("AAECAwQFBgcICQoLDA0ODwABAgMEBQYHCAkKCwwNDg8"))
                    .expect("a digest");
            assert!(answer_once(tx, ceremony, at)? && !answer_once(tx, ceremony, at)?);
            Ok::<_, StoreError>(())
        })
        .await
        .expect("every statement works");
        db.close().await;
    }

    #[tokio::test]
    async fn passkeys_are_kept_by_account_and_site_and_ceremonies_count_once() {
        live(StorageConfig::new("sqlite::memory:")).await;
    }

    #[tokio::test]
    async fn passkeys_are_kept_on_postgresql() {
        let Some(database) = Database::create() else { return };
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = StorageConfig::new(database.url());
        config.files = Some(folder.path().to_owned());
        live(config).await;
    }
}
