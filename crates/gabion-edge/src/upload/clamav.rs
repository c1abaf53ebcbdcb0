//! ClamAV, asked over its socket: one connection a file, a bounded number of them, and never for long.

use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};

use gabion_upload::clamav::{ANSWER_BYTES_MAX, Answer, FRAME_BYTES, INSTREAM, answer_end};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::look::Place;
use crate::config::{ClamAvAddress, ClamAvConfig};
use crate::held::Content;

/// What ClamAV makes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scanned {
    /// Nothing was found.
    Clean,
    /// A signature fits.
    Found {
        /// Its name.
        signature: String,
    },
    /// The file is longer than ClamAV takes.
    TooLarge,
    /// It did not say, and why.
    Down {
        /// What went wrong.
        why: String,
    },
}

/// ClamAV, as it is configured.
pub(super) struct ClamAv {
    config: ClamAvConfig,
    places: Semaphore,
    /// Whether it did not answer when it was asked last.
    down: AtomicBool,
}

impl ClamAv {
    pub(super) fn new(config: ClamAvConfig) -> Self {
        let places = Semaphore::new(config.connections_max.min(Semaphore::MAX_PERMITS));
        Self { config, places, down: AtomicBool::new(false) }
    }

    pub(super) fn config(&self) -> &ClamAvConfig {
        &self.config
    }

    /// When all files of a request that comes now have to be done.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.config.timeout
    }

    /// Notes whether it answers. Says whether that changed.
    pub(super) fn is_down(&self, down: bool) -> bool {
        self.down.swap(down, Ordering::Relaxed) != down
    }

    /// Asks about one file of a body.
    pub(super) async fn scan(&self, content: &Content, place: &Place, deadline: Instant) -> Scanned {
        match timeout_at(deadline, self.ask(content, place)).await {
            Ok(Ok(Answer::Clean)) => Scanned::Clean,
            Ok(Ok(Answer::Found { signature })) => Scanned::Found { signature },
            Ok(Ok(Answer::Unscanned { is_too_large: true, .. })) => Scanned::TooLarge,
            Ok(Ok(Answer::Unscanned { message, .. })) => Scanned::Down { why: message },
            Ok(Ok(Answer::Pong | Answer::Version(_))) => {
                Scanned::Down { why: "the answer is not understood".into() }
            }
            Ok(Err(error)) => Scanned::Down { why: error.to_string() },
            Err(_) => Scanned::Down { why: "no answer in time".into() },
        }
    }

    async fn ask(&self, content: &Content, place: &Place) -> io::Result<Answer> {
        let _place = self.places.acquire().await.map_err(io::Error::other)?;
        match &self.config.address {
            ClamAvAddress::Unix(path) => talk(UnixStream::connect(path).await?, content, place).await,
            ClamAvAddress::Tcp(host, port) => {
                talk(TcpStream::connect((host.as_str(), *port)).await?, content, place).await
            }
        }
    }
}

/// Sends a file and reads the answer, which may come before all was sent: about a file that is too long.
async fn talk(stream: impl AsyncRead + AsyncWrite, content: &Content, place: &Place) -> io::Result<Answer> {
    let (read, write) = tokio::io::split(stream);
    let mut answer = pin!(answer(read));
    let sent = tokio::select! {
        biased;
        answer = &mut answer => return answer,
        sent = send(write, content, place) => sent,
    };
    // ClamAV closes the connection behind its answer; what it said counts, and what broke then does not.
    let answer = answer.await;
    match sent {
        Err(error) if answer.is_err() => Err(error),
        _ => answer,
    }
}

async fn send(mut write: impl AsyncWrite + Unpin, content: &Content, place: &Place) -> io::Result<()> {
    write.write_all(INSTREAM).await?;
    let mut at = 0;
    while at < place.len() {
        let piece = piece(content, place, at).await?;
        let length = u32::try_from(piece.len()).expect("a frame is not longer than u32 can say");
        write.write_all(&length.to_be_bytes()).await?;
        write.write_all(&piece).await?;
        at += piece.len();
    }
    write.write_all(&[0; 4]).await?;
    write.flush().await
}

/// The next frame of a file, never empty.
async fn piece(content: &Content, place: &Place, at: usize) -> io::Result<Vec<u8>> {
    let bytes = FRAME_BYTES.min(place.len() - at);
    let range = match place {
        Place::Decoded(file) => return Ok(file[at..at + bytes].to_vec()),
        Place::Body(range) => range.start + at..range.start + at + bytes,
        Place::LetGo => return Err(io::ErrorKind::UnexpectedEof.into()),
    };
    let piece = if content.is_in_memory() {
        content.read_piece(range)?
    } else {
        let content = content.clone();
        tokio::task::spawn_blocking(move || content.read_piece(range)).await.map_err(io::Error::other)??
    };
    if piece.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(piece) }
}

async fn answer(mut read: impl AsyncRead + Unpin) -> io::Result<Answer> {
    let wrong = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    let mut received = Vec::new();
    loop {
        if let Some(end) = answer_end(&received).map_err(wrong)? {
            return Answer::parse(&received[..end]).map_err(wrong);
        }
        let room = (ANSWER_BYTES_MAX - received.len()) as u64;
        if (&mut read).take(room).read_buf(&mut received).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
