//! The socket through which commands reach the running product: one JSON line in, one JSON line out.
//!
//! It lies in the data folder with mode 0600: whoever may read the database may use it. One running product owns the
//! database, so commands that need it ask here first.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

/// Bytes of one question or answer.
const LINE_BYTES_MAX: u64 = 4 << 20;
/// How long an answer may take: a backup copies the whole database.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3600);
/// How long a question may take to arrive.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(5);

/// What a command asks the running product.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(crate) enum Ask {
    /// A one-time link for the first owner, or for an owner who lost access.
    SetupLink,
    /// A consistent copy of the database in a new file.
    Backup {
        /// Where to; must not exist. Absolute.
        path: PathBuf,
    },
    /// The configuration in force, as TOML.
    Export,
    /// What the console changed, for `check`.
    Settings,
    /// What a process that takes over has to fit: a [`Standing`](crate::handover::Standing) as JSON.
    Standing,
    /// Plant a skimmer in one answer: a [`Found`](crate::drill::Found) as JSON.
    DrillSkimmer {
        /// The site's id; the first one when not given.
        site: Option<String>,
        /// The page's path; the payment page that is served most when not given.
        page: Option<String>,
    },
    /// Check the program on disk, then restart with it in place.
    Restart,
    /// What is known of the files that were stopped last.
    ListUploads,
    /// One of them, decrypted into a new file.
    ReleaseUpload {
        /// Its id.
        id: String,
        /// Where to; must not exist. Absolute.
        path: PathBuf,
    },
    /// One of them, gone for good.
    DeleteUpload {
        /// Its id.
        id: String,
    },
}

/// What the running product answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "answer", content = "text", rename_all = "snake_case")]
pub(crate) enum Answer {
    /// What was asked for.
    Done(String),
    /// Why not.
    Failed(String),
}

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminError {
    /// No product runs on this data folder.
    #[error("Gabion is not running on {}", folder.display())]
    NotRunning {
        /// The data folder.
        folder: PathBuf,
    },
    /// The socket cannot be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The answer makes no sense.
    #[error("the running Gabion answered something else: is it another version?")]
    Strange,
}

/// Answers questions; the running product implements it.
pub(crate) trait Answerer: Send + Sync + 'static {
    /// Answers one question.
    fn answer(&self, ask: Ask) -> impl Future<Output = Answer> + Send;
}

fn socket(data_folder: &Path) -> PathBuf {
    data_folder.join("gabion.sock")
}

/// Opens the socket in the data folder, in place of one that an ended process left there.
///
/// # Errors
/// When the socket cannot be made.
pub(crate) fn listen(data_folder: &Path) -> Result<UnixListener, AdminError> {
    let path = socket(data_folder);
    let failed = |source| AdminError::Io { path: path.clone(), source };
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(&path).map_err(failed)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    Ok(listener)
}

/// Answers questions until the task is dropped.
pub(crate) async fn serve<A: Answerer>(listener: UnixListener, answerer: Arc<A>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let answerer = Arc::clone(&answerer);
                tokio::spawn(async move {
                    if let Err(error) = answer(stream, answerer.as_ref()).await {
                        tracing::debug!(%error, "A command left before its answer");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "A command could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(stream: UnixStream, answerer: &impl Answerer) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut read = BufReader::new(read.take(LINE_BYTES_MAX));
    tokio::time::timeout(QUESTION_TIMEOUT, read.read_line(&mut line)).await??;
    let answer = match serde_json::from_str(&line) {
        Ok(ask) => answerer.answer(ask).await,
        Err(error) => Answer::Failed(format!("not understood: {error}")),
    };
    let mut text = serde_json::to_string(&answer).map_err(io::Error::other)?;
    text.push('\n');
    write.write_all(text.as_bytes()).await
}

/// Asks the product that runs on the data folder.
///
/// # Errors
/// When none runs, or the answer does not come.
pub(crate) async fn ask(data_folder: &Path, ask: &Ask) -> Result<Answer, AdminError> {
    let path = socket(data_folder);
    let failed = |source| AdminError::Io { path: path.clone(), source };
    let stream = match UnixStream::connect(&path).await {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Err(AdminError::NotRunning { folder: data_folder.to_owned() });
        }
        stream => stream.map_err(failed)?,
    };
    let (read, mut write) = stream.into_split();
    let question = serde_json::to_string(ask).map_err(|error| failed(error.into()))?;
    write.write_all(format!("{question}\n").as_bytes()).await.map_err(failed)?;
    let mut line = String::new();
    let mut read = BufReader::new(read.take(LINE_BYTES_MAX));
    tokio::time::timeout(ANSWER_TIMEOUT, read.read_line(&mut line))
        .await
        .map_err(|elapsed| failed(elapsed.into()))?
        .map_err(failed)?;
    serde_json::from_str(&line).map_err(|_| AdminError::Strange)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Echo;
    impl Answerer for Echo {
        async fn answer(&self, ask: Ask) -> Answer {
            Answer::Done(format!("{ask:?}"))
        }
    }

    #[tokio::test]
    async fn questions_are_answered_and_strangers_get_a_reason() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(matches!(ask(folder.path(), &Ask::Export).await, Err(AdminError::NotRunning { .. })));
        let listener = listen(folder.path()).expect("a socket");
        let serving = tokio::spawn(serve(listener, Arc::new(Echo)));
        assert!(matches!(ask(folder.path(), &Ask::Export).await, Ok(Answer::Done(text)) if text == "Export"));
        let stream = UnixStream::connect(socket(folder.path())).await.expect("connected");
        let (read, mut write) = stream.into_split();
        write.write_all(b"{}\n").await.expect("written");
        let mut line = String::new();
        BufReader::new(read).read_line(&mut line).await.expect("an answer");
        assert!(line.contains("not understood"), "{line}");
        serving.abort();
        assert!(listen(folder.path()).is_ok(), "a socket left behind is replaced");
    }
}
