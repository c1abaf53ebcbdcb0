//! A connection that comes back: reconnecting with growing pauses.

use std::time::{Duration, Instant};

use super::Connection;
use crate::StoreError;

/// Pause after the first attempt that did not work; doubled by each further one.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// Longest pause between two attempts: how long it may go unnoticed that the server is back.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// One thread's connection. Owned by that thread.
pub(crate) struct Link {
    address: postgres::Config,
    conn: Option<Connection>,
    pause: Duration,
    next_at: Instant,
    reason: String,
}

impl Link {
    pub(crate) fn new(address: postgres::Config) -> Self {
        Self {
            address,
            conn: None,
            pause: PAUSE_MIN,
            next_at: Instant::now(),
            reason: "not connected yet".to_owned(),
        }
    }

    /// Takes over a connection that is open already.
    pub(crate) fn with(address: postgres::Config, conn: Connection) -> Self {
        Self { conn: Some(conn), ..Self::new(address) }
    }

    /// How long until the next attempt; none when connected.
    pub(crate) fn patience(&self) -> Option<Duration> {
        self.conn.is_none().then(|| self.next_at.saturating_duration_since(Instant::now()))
    }

    pub(crate) fn is_open(&self) -> bool {
        self.conn.is_some()
    }

    /// The connection, opened when it is time for an attempt.
    pub(crate) fn connected(&mut self) -> Result<&mut Connection, StoreError> {
        if self.conn.as_ref().is_some_and(|conn| conn.lost) {
            self.drop_connection();
        }
        if self.conn.is_none() {
            self.connect()?;
        }
        self.conn.as_mut().ok_or_else(|| StoreError::unavailable(&self.reason))
    }

    /// Drops a connection that does not work. The next attempt may follow at once.
    pub(crate) fn drop_connection(&mut self) {
        self.conn = None;
        self.pause = PAUSE_MIN;
        self.next_at = Instant::now();
    }

    fn connect(&mut self) -> Result<(), StoreError> {
        if Instant::now() < self.next_at {
            return Err(StoreError::unavailable(&self.reason));
        }
        match Connection::open(&self.address) {
            Ok(conn) => {
                self.conn = Some(conn);
                self.pause = PAUSE_MIN;
                Ok(())
            }
            Err(error) => {
                self.reason = match &error {
                    StoreError::Unavailable { reason } => reason.clone(),
                    other => other.to_string(),
                };
                self.next_at = Instant::now() + self.pause;
                self.pause = (self.pause * 2).min(PAUSE_MAX);
                Err(error)
            }
        }
    }
}
