//! A letter about a change of credentials, written with the change.

use gabion_core::Timestamp;
use gabion_outbound::mail::{Letter, Mail, PutError};
use gabion_store::Tx;
use gabion_store::outbox::MessageId;

use super::account::{AccountView, Address};
use super::letter::Word;
use super::{CustomerError, Customers};

/// A letter that waits for its transaction.
#[derive(Clone)]
pub(crate) struct Notice {
    mail: Mail,
    letter: Option<(MessageId, Letter)>,
    at: Timestamp,
}

impl Customers {
    /// A notice to an account's holder. There is none for an account without an address.
    pub(crate) fn notice(&self, word: Word, account: &AccountView) -> Result<Notice, CustomerError> {
        let (site, at) = (self.site(&account.site)?, self.now());
        let letter = match &account.email {
            Some(email) => {
                let to: Address = email.parse()?;
                let letter = word.letter(&site, &to, account.language, None, at).person(account.id.subject());
                Some((MessageId::new(at, self.entropy()), letter))
            }
            None => None,
        };
        Ok(Notice { mail: self.mail().clone(), letter, at })
    }
}

impl Notice {
    /// Puts it into the outbox. Where nobody can be written to, or too many letters wait, the change is made without: the
    /// event tells of it.
    pub(crate) fn put(&self, tx: &mut Tx<'_>) -> Result<(), CustomerError> {
        let Some((id, letter)) = &self.letter else { return Ok(()) };
        match self.mail.put(tx, *id, letter, self.at) {
            Ok(()) | Err(PutError::NotConfigured | PutError::Full) => Ok(()),
            Err(PutError::Store(error)) => Err(error.into()),
        }
    }
}
