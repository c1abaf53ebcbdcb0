//! A letter as it waits in the outbox and in the captured mailbox: sealed, with beside it only what decides when it goes.

use data_encoding::BASE64;
use gabion_core::{SiteId, SubjectId, Timestamp};
use gabion_crypto::{KeyRing, KeyUse, envelope, kdf};
use gabion_store::outbox::MessageId;
use serde::{Deserialize, Serialize};

use super::{Address, Letter};

/// The payload of a message in the outbox. Nothing in it is personal but what is sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sealed {
    pub(crate) kind: String,
    pub(crate) put_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) person: Option<SubjectId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) site: Option<SiteId>,
    key_epoch: u32,
    /// Base 64 of [`envelope::seal_once`] of [`Content`].
    content: String,
}

/// What nobody but the reader sees.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    to: String,
    subject: String,
    text: String,
    html: Option<String>,
    language: String,
}

/// A payload that does not open: damaged, moved to another id, or sealed under a key that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the letter cannot be opened: it was changed, or its key is not here")]
pub(crate) struct Unreadable;

impl Sealed {
    /// Seals a letter under a key that is derived for this one id. An id is never given to another letter.
    pub(crate) fn new(letter: &Letter, id: MessageId, put_at: Timestamp, keys: &KeyRing) -> Self {
        let content = Content {
            to: letter.to.as_str().to_owned(),
            subject: letter.subject.clone(),
            text: letter.text.clone(),
            html: letter.html.clone(),
            language: letter.language.clone(),
        };
        let content = serde_json::to_vec(&content).expect("texts serialize");
        let key = keys.current(KeyUse::Mail);
        let once = kdf::one_time_key(&key.secret, &[b"mail letter", &id.bits().to_be_bytes()]);
        Self {
            kind: letter.kind.clone(),
            put_at,
            expires_at: letter.expires_at,
            person: letter.person,
            site: letter.site.clone(),
            key_epoch: key.epoch,
            content: BASE64.encode(&envelope::seal_once(once, &context(id), &content)),
        }
    }

    /// Reads a payload, without opening it.
    pub(crate) fn parse(payload: &str) -> Result<Self, Unreadable> {
        serde_json::from_str(payload).map_err(|_| Unreadable)
    }

    /// Opens it.
    pub(crate) fn open(&self, id: MessageId, keys: &KeyRing) -> Result<Letter, Unreadable> {
        let key = keys.by_epoch(KeyUse::Mail, self.key_epoch).ok_or(Unreadable)?;
        let once = kdf::one_time_key(&key.secret, &[b"mail letter", &id.bits().to_be_bytes()]);
        let sealed = BASE64.decode(self.content.as_bytes()).map_err(|_| Unreadable)?;
        let content = envelope::open_once(once, &context(id), &sealed).map_err(|_| Unreadable)?;
        let content: Content = serde_json::from_slice(&content).map_err(|_| Unreadable)?;
        let to: Address = content.to.parse().map_err(|_| Unreadable)?;
        let letter = Letter::new(&self.kind, to, &content.subject, &content.text).and_then(|letter| {
            let letter = letter.language(&content.language)?;
            content.html.as_deref().map_or(Ok(letter.clone()), |html| letter.html(html))
        });
        let letter = letter.map_err(|_| Unreadable)?;
        Ok(Letter { expires_at: self.expires_at, person: self.person, site: self.site.clone(), ..letter })
    }
}

fn context(id: MessageId) -> Vec<u8> {
    envelope::context(&[b"gabion_outbox", b"payload", &id.bits().to_be_bytes()])
}

#[cfg(test)]
mod tests {
    use gabion_core::Secret;
    use gabion_crypto::{Seal, SystemEntropy};
    use gabion_store::outbox::PAYLOAD_BYTES_MAX;

    use super::super::letter::{HTML_BYTES_MAX, SUBJECT_BYTES_MAX, TEXT_BYTES_MAX};
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

    fn ring(byte: u8) -> KeyRing {
        let mut ring = KeyRing::open(Seal::File(Secret::new([byte; 32])), []).expect("an empty ring opens");
        for row in ring.new_rows_needed(NOW, &SystemEntropy::new()) {
            ring.add(&row).expect("own rows open");
        }
        ring
    }

    fn letter(text: &str, html: &str) -> Letter {
        let to = "ann@shop.example".parse().expect("an address");
        let letter = Letter::new("sign_in.code", to, "Your code", text).expect("good");
        let site = "tea".parse().expect("a site id");
        let letter = letter.html(html).and_then(|letter| letter.language("de")).expect("good");
        letter.expires_at(NOW).person(SubjectId::from_bits(3)).site(&site)
    }

    #[test]
    fn a_letter_comes_out_as_it_went_in_and_shows_nothing_in_between() {
        let (ring, id, letter) = (ring(1), MessageId::from_bits(7), letter("Code 123456", "<p>123456</p>"));
        let payload = serde_json::to_string(&Sealed::new(&letter, id, NOW, &ring)).expect("it serializes");
        assert!(!payload.contains("ann@") && !payload.contains("123456"), "{payload}");
        assert_eq!(Sealed::parse(&payload).and_then(|sealed| sealed.open(id, &ring)), Ok(letter));
    }

    #[test]
    fn a_letter_opens_under_its_own_id_and_key_only() {
        let (first, id) = (ring(1), MessageId::from_bits(7));
        let sealed = Sealed::new(&letter("x", "x"), id, NOW, &first);
        assert_eq!(sealed.open(MessageId::from_bits(8), &first), Err(Unreadable));
        assert_eq!(sealed.open(id, &ring(2)), Err(Unreadable));
        let changed = Sealed { key_epoch: 9, ..sealed };
        assert_eq!(changed.open(id, &first), Err(Unreadable));
        assert!(Sealed::parse("{}").is_err());
    }

    #[test]
    fn the_largest_letter_fits_into_the_outbox() {
        // A quotation mark is what JSON makes longest of what a letter may hold.
        let mut letter = letter(&"\"".repeat(TEXT_BYTES_MAX), &"\"".repeat(HTML_BYTES_MAX));
        letter.subject = "\"".repeat(SUBJECT_BYTES_MAX);
        let sealed = Sealed::new(&letter, MessageId::from_bits(7), NOW, &ring(1));
        let bytes = serde_json::to_string(&sealed).expect("it serializes").len();
        assert!(bytes <= PAYLOAD_BYTES_MAX, "{bytes}");
    }
}
