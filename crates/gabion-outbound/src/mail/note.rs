//! What became of letters: kept in the outbox, told in the journal, counted.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gabion_core::{Actor, Event, EventId, EventKind, Timestamp};
use gabion_store::outbox::{self, Message};
use gabion_store::{StoreError, Tx};

use super::sealed::Sealed;
use super::{Address, Letter, MAIL_BACK, MAIL_EXPIRED, MAIL_FAILING, MAIL_GAVE_UP, Mail, captured};

/// How long a letter is tried. Then it is given up, with an event. Source: RFC 5321 section 4.5.4.1 asks for 4 to 5 days
/// between mail servers; what a shop writes is stale sooner, and its own mail server goes on after it.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(3 * 86_400);

/// What became of an attempt.
pub(super) enum Outcome {
    /// The server has it.
    Sent,
    /// It is to be kept for the console.
    Keep,
    /// It no longer counts.
    Expired,
    /// It comes again.
    Later(String),
    /// No letter goes out now; this one comes again.
    Away(String),
    /// It never will be taken.
    Refused(String),
}

impl Mail {
    /// Notes what became of a letter: in the outbox, in the journal, in the counts.
    pub(super) async fn note(&self, message: Message, sealed: &Sealed, letter: &Letter, outcome: Outcome) {
        let now = self.0.clock.now();
        let counters = &self.0.counters;
        let (id, kind) = (message.id, letter.kind.as_str());
        match outcome {
            Outcome::Sent => {
                self.recover(now).await;
                tracing::debug!(letter = %id, kind, "Letter {id} was taken by the mail server");
                self.write(&counters.sent, id, move |tx| outbox::complete(tx, id).map(drop)).await;
            }
            Outcome::Keep => {
                let payload = message.payload;
                let keep = move |tx: &mut Tx<'_>| {
                    captured::keep(tx, id, now, &payload)?;
                    outbox::complete(tx, id).map(drop)
                };
                self.write(&counters.captured, id, keep).await;
            }
            Outcome::Expired => {
                tracing::warn!(letter = %id, kind, "Letter {id} was not sent in time and is dropped");
                let event = self.event(&MAIL_EXPIRED, &message, Some(sealed), Some(letter), now);
                let drop_it = move |tx: &mut Tx<'_>| {
                    tx.record(&event)?;
                    outbox::complete(tx, id).map(drop)
                };
                self.write(&counters.expired, id, drop_it).await;
            }
            Outcome::Refused(said) => {
                self.give_up(&message, Some(sealed), Some(letter), now, redact(&said, &letter.to)).await;
            }
            Outcome::Later(said) => {
                self.put_back(message, sealed, letter, now, redact(&said, &letter.to)).await
            }
            Outcome::Away(said) => {
                let said = redact(&said, &letter.to);
                self.despair(now, &said).await;
                self.put_back(message, sealed, letter, now, said).await;
            }
        }
    }

    async fn put_back(
        &self,
        message: Message,
        sealed: &Sealed,
        letter: &Letter,
        now: Timestamp,
        reason: String,
    ) {
        if now.since(sealed.put_at) >= GIVE_UP_AFTER {
            return self.give_up(&message, Some(sealed), Some(letter), now, reason).await;
        }
        let (id, attempts) = (message.id, message.attempts + 1);
        tracing::info!(letter = %id, attempts, reason, "Letter {id} was not taken and comes again: {reason}");
        let fail = move |tx: &mut Tx<'_>| outbox::fail(tx, &message, now, &reason);
        self.write(&self.0.counters.retried, id, fail).await;
    }

    /// Ends a letter that will not be sent, and tells it.
    pub(super) async fn give_up(
        &self,
        message: &Message,
        sealed: Option<&Sealed>,
        letter: Option<&Letter>,
        now: Timestamp,
        reason: String,
    ) {
        let id = message.id;
        tracing::warn!(letter = %id, reason, "Letter {id} is given up: {reason}");
        let event = self.event(&MAIL_GAVE_UP, message, sealed, letter, now).field("reason", reason);
        let give_up = move |tx: &mut Tx<'_>| {
            tx.record(&event)?;
            outbox::complete(tx, id).map(drop)
        };
        self.write(&self.0.counters.gave_up, id, give_up).await;
    }

    /// An event about a letter. The address is in it only where a key of its person closes it.
    fn event(
        &self,
        kind: &EventKind,
        message: &Message,
        sealed: Option<&Sealed>,
        letter: Option<&Letter>,
        now: Timestamp,
    ) -> Event {
        let event = Event::new(kind, EventId::new(now, &*self.0.entropy), now, Actor::System)
            .entity("letter", message.id)
            .field("attempts", i64::from(message.attempts) + 1);
        let event = match sealed {
            Some(sealed) => event.field("kind", sealed.kind.as_str()),
            None => event,
        };
        let event = match sealed.and_then(|sealed| sealed.site.as_ref()) {
            Some(site) => event.site(site),
            None => event,
        };
        match letter.and_then(|letter| Some((letter.person?, &letter.to))) {
            Some((person, to)) => event.subject(person).personal("to", to.as_str()),
            None => event,
        }
    }

    /// Tells once that no letter goes out.
    async fn despair(&self, now: Timestamp, reason: &str) {
        let before = {
            let mut queue = self.0.queue.lock().unwrap_or_else(PoisonError::into_inner);
            let since = queue.trouble.as_ref().map_or(now, |(since, _)| *since);
            queue.trouble.replace((since, reason.to_owned()))
        };
        if before.is_none() {
            tracing::error!(reason, "Letters wait: {reason}");
            self.tell(&MAIL_FAILING, now, Some(reason)).await;
        }
    }

    /// Tells once that letters go out again.
    async fn recover(&self, now: Timestamp) {
        let before = self.0.queue.lock().unwrap_or_else(PoisonError::into_inner).trouble.take();
        if before.is_some() {
            tracing::info!("Letters go out again");
            self.tell(&MAIL_BACK, now, None).await;
        }
    }

    async fn tell(&self, kind: &EventKind, now: Timestamp, reason: Option<&str>) {
        let event = Event::new(kind, EventId::new(now, &*self.0.entropy), now, Actor::System);
        let event = match reason {
            Some(reason) => event.field("reason", reason),
            None => event,
        };
        let told: Result<(), StoreError> = self.0.db.write(move |tx| tx.record(&event)).await;
        if let Err(error) = told {
            tracing::warn!(%error, "The journal could not be told: {error}");
        }
    }

    /// Notes what became of a letter, then counts it. What is not noted happens again when the lease ends.
    async fn write(
        &self,
        counter: &AtomicU64,
        letter: outbox::MessageId,
        closure: impl FnMut(&mut Tx<'_>) -> Result<(), StoreError> + Send + 'static,
    ) {
        match self.0.db.write(closure).await {
            Ok(()) => drop(counter.fetch_add(1, Ordering::Relaxed)),
            Err(error) => {
                tracing::warn!(%letter, %error, "What became of letter {letter} was not noted, it comes again: {error}");
            }
        }
    }
}

/// A server's words without the address they are about: they are kept in the clear.
fn redact(said: &str, to: &Address) -> String {
    const HIDDEN: &str = "[address]";
    let whole = said.split(' ').map(|word| if word.contains('@') { HIDDEN } else { word });
    let text = whole.collect::<Vec<_>>().join(" ");
    // `User ann unknown` says as much. Shorter names are parts of words.
    let user = to.user();
    if user.len() < 3 { text } else { text.replace(user, HIDDEN) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_kept_without_the_address() {
        let to: Address = "ann.lee@shop.example".parse().expect("an address");
        for (said, expected) in [
            ("550 5.1.1 <ann.lee@shop.example>: no such user", "550 5.1.1 [address] no such user"),
            ("550 user ann.lee unknown", "550 user [address] unknown"),
            ("451 greylisted, try later", "451 greylisted, try later"),
        ] {
            assert_eq!(redact(said, &to), expected);
        }
    }
}
