//! Letters: put into the outbox in the transaction that asks for them, sealed, and sent until they are taken.
//!
//! The walk: a domain builds a [`Letter`] and calls [`Mail::put`] in its own transaction -> [`Mail::run`] claims what is
//! due, opens it, and hands it to the mail server (`smtp`), or keeps it for the console ([`Mail::captured`]) -> one
//! transaction removes it, with an event when it was given up. A letter goes out at least once: when Gabion dies between
//! the server's yes and that transaction, it goes out again, byte for byte the same and under the same Message-ID.

mod address;
mod captured;
mod config;
mod deliver;
mod event;
mod letter;
mod message;
mod note;
mod password;
mod sealed;
mod smtp;
mod status;
mod trial;

use std::sync::{Arc, Mutex};

use gabion_core::{Clock, Entropy, Timestamp};
use gabion_store::outbox::{self, MessageId};
use gabion_store::{Db, StoreError, Tx};

pub use address::{ADDRESS_BYTES_MAX, Address, InvalidAddress, NAME_BYTES_MAX, Sender};
pub use captured::{CAPTURED_LETTERS_MAX, Captured};
pub use config::{
    COMMAND_TIMEOUT, CONNECT_TIMEOUT, InvalidMail, Login, MailConfig, MailSection, Patience, Security,
    SmtpConfig, Transport,
};
pub use deliver::CONNECTIONS_MAX;
pub use event::{MAIL_BACK, MAIL_EXPIRED, MAIL_FAILING, MAIL_GAVE_UP};
pub use letter::{HTML_BYTES_MAX, InvalidLetter, Letter, SUBJECT_BYTES_MAX, TEXT_BYTES_MAX};
pub use note::GIVE_UP_AFTER;
pub use password::PasswordError;
pub use status::{Counts, Kind, Queue, WAITING_LETTERS_MAX};
pub use trial::{TrialError, try_server};

use sealed::Sealed;
use smtp::Smtp;
use status::Counters;

/// The outbox's name for letters.
const TOPIC: &str = "mail";

/// What mail needs from outside. The binary has brought [`crate::MIGRATIONS`] up to date before.
#[derive(Clone)]
pub struct Deps {
    /// The outbox, the journal, and the key ring that seals letters.
    pub db: Db,
    /// When letters are due.
    pub clock: Arc<dyn Clock>,
    /// Ids of events.
    pub entropy: Arc<dyn Entropy>,
    /// What verifies a mail server's certificate.
    pub tls: Arc<rustls::ClientConfig>,
}

/// The handle on mail; clones share it.
#[derive(Clone)]
pub struct Mail(Arc<Inner>);

struct Inner {
    outlet: Outlet,
    db: Db,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    counters: Counters,
    /// How the queue stood when it was looked at last. Written by the delivering task.
    queue: Mutex<Queue>,
}

/// What becomes of letters.
enum Outlet {
    /// Mail is not configured: nothing is put, and what was put before waits.
    Off,
    /// They are kept for the console.
    Captured,
    /// They are sent.
    Smtp { from: Sender, smtp: Box<Smtp> },
}

/// Why a letter was not put.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// There is no `[mail]` in the configuration: say that Gabion cannot write to anybody here.
    #[error("mail is not configured: add [mail] to gabion.toml")]
    NotConfigured,
    /// [`WAITING_LETTERS_MAX`] letters wait already: nothing has been taken for a long while. Try again later.
    #[error(
        "{WAITING_LETTERS_MAX} letters wait to be sent; no more are taken until the mail server takes some"
    )]
    Full,
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Mail {
    /// The handle. Without a configuration letters are refused when they are put. Reads the password.
    ///
    /// # Errors
    /// When the password cannot be read, or can be read by others.
    pub fn new(config: Option<MailConfig>, deps: Deps) -> Result<Self, PasswordError> {
        let outlet = match config {
            None => Outlet::Off,
            Some(MailConfig { transport: Transport::Captured, .. }) => Outlet::Captured,
            Some(MailConfig { from, transport: Transport::Smtp(config) }) => {
                let password = password::of(&config)?;
                let smtp = Smtp::new(config, password, deps.tls, &from);
                Outlet::Smtp { from, smtp: Box::new(smtp) }
            }
        };
        let Deps { db, clock, entropy, .. } = deps;
        let (counters, queue) = Default::default();
        Ok(Self(Arc::new(Inner { outlet, db, clock, entropy, counters, queue })))
    }

    /// Puts a letter into the outbox, with the caller's transaction: it is sent after that commits, or never. `now` is
    /// its date. Putting the same id again changes nothing; an id is never given to another letter.
    ///
    /// # Errors
    /// [`PutError`]; the transaction can go on without the letter after all but [`PutError::Store`].
    pub fn put(
        &self,
        tx: &mut Tx<'_>,
        id: MessageId,
        letter: &Letter,
        now: Timestamp,
    ) -> Result<(), PutError> {
        if matches!(self.0.outlet, Outlet::Off) {
            return Err(PutError::NotConfigured);
        }
        if self.queue().waiting >= WAITING_LETTERS_MAX {
            return Err(PutError::Full);
        }
        let sealed = Sealed::new(letter, id, now, &self.0.db.keys());
        outbox::put(tx, id, TOPIC, &sealed, now).map_err(|error| match error {
            outbox::PutError::Store(error) => PutError::Store(error),
            outbox::PutError::Payload(reason) => {
                unreachable!("the largest letter fits into the outbox: {reason}")
            }
        })
    }
}
