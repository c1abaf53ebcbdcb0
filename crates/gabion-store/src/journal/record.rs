//! Writing events.

use std::borrow::Cow;

use data_encoding::BASE64;
use gabion_core::{Event, Field, SubjectId, Value};
use serde::{Deserialize, Serialize};

use super::severity_rank;
use super::subject::{Purpose, SubjectKey};
use crate::{StoreError, Tx, params};

/// A field as stored: the value, or its ciphertext.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredField {
    pub(crate) name: Cow<'static, str>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) personal: bool,
    #[serde(flatten)]
    pub(crate) content: StoredContent,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StoredContent {
    Value(Value),
    /// Base 64 of [`gabion_crypto::envelope::seal_once`].
    Sealed(String),
}

impl Tx<'_> {
    /// Records an event with this transaction. Recording the same id again changes nothing.
    ///
    /// Personal fields of an event with a subject are encrypted under that person's key: for sealed kinds under
    /// the one of [`Purpose::Evidence`], for others [`Purpose::Profile`]. Without a subject they are stored as they
    /// are and only masked.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub fn record(&mut self, event: &Event) -> Result<(), StoreError> {
        let key = self.key_for(event)?;
        self.record_with(event, key.as_ref())
    }

    /// Records an event under a key that is found already, or in the clear.
    pub(crate) fn record_with(&mut self, event: &Event, key: Option<&SubjectKey>) -> Result<(), StoreError> {
        let fields: Vec<StoredField> =
            event.fields.iter().enumerate().map(|(index, field)| stored(event, index, field, key)).collect();
        if self.insert(event, key, &fields)? {
            self.note_recorded();
            self.point_at_entities(event)?;
        }
        Ok(())
    }

    fn key_for(&mut self, event: &Event) -> Result<Option<SubjectKey>, StoreError> {
        let subject = event.subject.filter(|_| event.fields.iter().any(|field| field.personal));
        subject.map(|subject| SubjectKey::find_or_make(self, subject, Purpose::of(event))).transpose()
    }

    fn insert(
        &mut self,
        event: &Event,
        key: Option<&SubjectKey>,
        fields: &[StoredField],
    ) -> Result<bool, StoreError> {
        let sql =
            "INSERT INTO gabion_event (id, kind, version, severity, site, at, actor, subject, subject_key,
                entities, fields, sealed)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (id) DO NOTHING";
        let count = self.execute(
            sql,
            params![
                event.id,
                &*event.kind,
                event.version,
                severity_rank(event.severity),
                event.site.as_ref(),
                event.at,
                json(&event.actor),
                event.subject,
                key.map(|key| key.id.as_str()),
                json(&event.entities),
                json(&fields),
                event.sealed,
            ],
        )?;
        Ok(count == 1)
    }

    fn point_at_entities(&mut self, event: &Event) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO gabion_event_entity (kind, id, event) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        for entity in &event.entities {
            self.execute(sql, params![&*entity.kind, &entity.id, event.id])?;
        }
        Ok(())
    }

    /// Deletes the key of a person and purpose: every personal field under it reads [`super::ERASED`] from now on,
    /// here and in every copy that is made later. Backups made before keep the key. Says whether there was one.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub fn forget_subject(&mut self, subject: SubjectId, purpose: Purpose) -> Result<bool, StoreError> {
        let sql = "DELETE FROM gabion_subject_key WHERE subject = $1 AND purpose = $2";
        Ok(self.execute(sql, params![subject, purpose.as_str()])? > 0)
    }
}

fn stored(event: &Event, index: usize, field: &Field, key: Option<&SubjectKey>) -> StoredField {
    let content = match key.filter(|_| field.personal) {
        Some(key) => {
            StoredContent::Sealed(BASE64.encode(&key.seal(event.id, index, &field.name, &json(&field.value))))
        }
        None => StoredContent::Value(field.value.clone()),
    };
    StoredField { name: field.name.clone(), personal: field.personal, content }
}

pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("parts of an event serialize")
}
