//! One letter straight to the mail server, for whoever sets it up: past the outbox, with what the server said.

use std::sync::Arc;

use gabion_core::Timestamp;
use gabion_store::outbox::MessageId;

use super::smtp::Smtp;
use super::{Letter, PasswordError, Sender, SmtpConfig, message, password};

/// Why a trial did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The password cannot be used.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// What went wrong with the server, or what it said.
    #[error("{0}")]
    Server(String),
}

/// Hands one letter to a mail server and gives its answer.
///
/// # Errors
/// [`TrialError`] with the step that went wrong.
pub async fn try_server(
    config: SmtpConfig,
    tls: Arc<rustls::ClientConfig>,
    from: &Sender,
    letter: &Letter,
    id: MessageId,
    now: Timestamp,
) -> Result<String, TrialError> {
    let password = password::of(&config)?;
    let smtp = Smtp::new(config, password, tls, from);
    let failed = |error: super::smtp::SmtpError| TrialError::Server(error.to_string());
    let mut connection = smtp.connect().await.map_err(failed)?;
    let bytes = message::write(letter, id, now, from);
    let said = connection.send(&from.address, &letter.to, &bytes).await.map_err(failed)?;
    connection.quit().await;
    Ok(said)
}
