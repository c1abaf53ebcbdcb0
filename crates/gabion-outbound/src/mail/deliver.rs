//! Sending what waits: claimed from the outbox, a few letters at a time, each on its own.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use gabion_store::outbox::{self, Message, Standing};
use gabion_store::{StoreError, Tx};
use tokio::task::JoinSet;

use super::note::Outcome;
use super::sealed::{Sealed, Unreadable};
use super::smtp::{Connection, SmtpError};
use super::{Letter, Mail, Outlet, Queue, TOPIC, message};

/// Connections to the mail server at a time. A letter that hangs holds up one of them.
pub const CONNECTIONS_MAX: usize = 4;

/// How often is looked for due letters: nobody waits longer for a code because of it.
const LOOK_PERIOD: Duration = Duration::from_secs(1);

/// How long a claimed letter belongs to its claimer: longer than a connection and six answers may take. After a crash
/// the letter waits so long.
const LEASE: Duration = Duration::from_secs(210);

/// How long a connection is kept without a letter.
const IDLE_MAX: Duration = Duration::from_secs(15);

/// The delivering task. Owns the connections.
struct Mailer {
    mail: Mail,
    at_work: JoinSet<Option<Connection>>,
    idle: Vec<(Connection, Instant)>,
}

impl Mail {
    /// Sends what is due until the task is dropped. A letter that was handed over and not yet noted is sent again after
    /// the next start.
    pub async fn run(self) {
        let mut mailer = Mailer::new(self);
        let mut tick = tokio::time::interval(LOOK_PERIOD);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            mailer.fill().await;
            tokio::select! {
                Some(done) = mailer.at_work.join_next() => mailer.take_back(done),
                _ = tick.tick() => mailer.dismiss_idle().await,
            }
        }
    }

    /// Sends what is due now, and returns when all of it was tried.
    pub async fn deliver_due(&self) {
        let mut mailer = Mailer::new(self.clone());
        mailer.fill().await;
        while let Some(done) = mailer.at_work.join_next().await {
            mailer.take_back(done);
            mailer.fill().await;
        }
        for (connection, _) in mailer.idle {
            connection.quit().await;
        }
    }

    /// Tries a claimed letter and notes what became of it. Gives the connection back while it can be used.
    async fn deliver(self, message: Message, connection: Option<Connection>) -> Option<Connection> {
        let now = self.0.clock.now();
        let (sealed, letter) = match self.open(&message) {
            Ok(opened) => opened,
            Err(error) => {
                self.give_up(&message, None, None, now, error.to_string()).await;
                return connection;
            }
        };
        let (outcome, connection) = if letter.expires_at.is_some_and(|at| at <= now) {
            (Outcome::Expired, connection)
        } else {
            self.attempt(&message, &sealed, &letter, connection).await
        };
        self.note(message, &sealed, &letter, outcome).await;
        connection.filter(Connection::is_fresh)
    }

    fn open(&self, message: &Message) -> Result<(Sealed, Letter), Unreadable> {
        let sealed = Sealed::parse(&message.payload)?;
        let letter = sealed.open(message.id, &self.0.db.keys())?;
        Ok((sealed, letter))
    }

    async fn attempt(
        &self,
        message: &Message,
        sealed: &Sealed,
        letter: &Letter,
        connection: Option<Connection>,
    ) -> (Outcome, Option<Connection>) {
        let (from, smtp) = match &self.0.outlet {
            Outlet::Off => return (Outcome::Away("mail is not configured any more".to_owned()), None),
            Outlet::Captured => return (Outcome::Keep, None),
            Outlet::Smtp { from, smtp } => (from, smtp),
        };
        let mut connection = match usable(connection).await {
            Some(connection) => connection,
            None => match smtp.connect().await {
                Ok(connection) => connection,
                Err(error) => return (Outcome::Away(error.to_string()), None),
            },
        };
        let bytes = message::write(letter, message.id, sealed.put_at, from);
        match connection.send(&from.address, &letter.to, &bytes).await {
            Ok(_) => (Outcome::Sent, Some(connection)),
            Err(SmtpError::Refused(said)) => (Outcome::Refused(said), None),
            Err(SmtpError::Later(said)) => (Outcome::Later(said), None),
            Err(SmtpError::Away(said)) => (Outcome::Away(said), None),
        }
    }

    /// Claims due letters, and takes note of how the queue stands.
    async fn claim(&self, room: usize) -> Result<Vec<Message>, StoreError> {
        let now = self.0.clock.now();
        let look = move |tx: &mut Tx<'_>| Ok((outbox::standing(tx, TOPIC)?, outbox::is_due(tx, TOPIC, now)?));
        let (standing, is_due) = self.0.db.read::<_, StoreError, _>(look).await?;
        self.remember(standing);
        if !is_due || room == 0 {
            return Ok(Vec::new());
        }
        self.0.db.write(move |tx| outbox::claim(tx, TOPIC, now, LEASE, room)).await
    }

    fn remember(&self, standing: Standing) {
        let Standing { waiting, oldest, last_error } = standing;
        let put_at = |oldest: &Message| Sealed::parse(&oldest.payload).ok().map(|sealed| sealed.put_at);
        let mut queue = self.0.queue.lock().unwrap_or_else(PoisonError::into_inner);
        *queue = Queue {
            waiting,
            oldest: oldest.as_ref().and_then(put_at),
            last_error,
            trouble: queue.trouble.take(),
        };
    }
}

impl Mailer {
    fn new(mail: Mail) -> Self {
        Self { mail, at_work: JoinSet::new(), idle: Vec::new() }
    }

    /// Begins as many due letters as there is room for.
    async fn fill(&mut self) {
        let room = CONNECTIONS_MAX - self.at_work.len();
        match self.mail.claim(room).await {
            Ok(claimed) => {
                for message in claimed {
                    let connection = self.idle.pop().map(|(connection, _)| connection);
                    self.at_work.spawn(self.mail.clone().deliver(message, connection));
                }
            }
            Err(error) => tracing::debug!(%error, "Letters cannot be looked for: {error}"),
        }
    }

    fn take_back(&mut self, done: Result<Option<Connection>, tokio::task::JoinError>) {
        match done {
            Ok(connection) => self.idle.extend(connection.map(|connection| (connection, Instant::now()))),
            Err(error) => tracing::error!(%error, "Sending a letter broke off, it comes again: {error}"),
        }
    }

    async fn dismiss_idle(&mut self) {
        let (stale, kept) = self.idle.drain(..).partition(|(_, since)| since.elapsed() >= IDLE_MAX);
        self.idle = kept;
        let stale: Vec<(Connection, Instant)> = stale;
        for (connection, _) in stale {
            connection.quit().await;
        }
    }
}

/// A connection that was used before, if the server kept it.
async fn usable(connection: Option<Connection>) -> Option<Connection> {
    let mut connection = connection?;
    connection.is_alive().await.then_some(connection)
}
