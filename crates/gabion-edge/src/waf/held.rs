//! A body that waits for its verdict, and then goes on as it came.

mod replay;

use std::fs::{File, OpenOptions};
use std::future::poll_fn;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame};

use super::room::{Room, Share};
use crate::body::BoxError;
use crate::transfer::Intake;
use crate::{Body, Refusal};
use replay::Replay;

/// Bytes of one request's body that are held in memory; more go to a file. Orders, forms and most calls of an API fit.
pub(super) const MEMORY_BYTES_MAX: usize = 64 * 1024;
/// Names of files that are tried; each is there only for the moment until it loses its name.
const NAMES_TRIED_MAX: usize = 16;

/// The beginning of a body, or all of it: what is in the file, then what is in memory.
pub(super) struct Held {
    content: Content,
    trailers: Option<HeaderMap>,
    share: Share,
    /// Whether the length was known before it came.
    declared: bool,
}

/// How far a body was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// To its end.
    Whole,
    /// Beyond what is inspected.
    Longer,
    /// As far as there was room for it.
    NoRoom,
}

/// What is held. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Content {
    file: Option<Arc<File>>,
    file_bytes: usize,
    memory: Vec<Bytes>,
    memory_bytes: usize,
}

impl Content {
    pub(super) fn len(&self) -> usize {
        self.file_bytes + self.memory_bytes
    }

    pub(super) fn is_in_memory(&self) -> bool {
        self.file.is_none()
    }

    /// All of it in one piece. Reads the file, where there is one: not for an asynchronous task then.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn read(&self) -> io::Result<Bytes> {
        if let (None, [whole]) = (&self.file, self.memory.as_slice()) {
            return Ok(whole.clone());
        }
        let mut whole = Vec::with_capacity(self.len());
        if let Some(file) = &self.file {
            whole.resize(self.file_bytes, 0);
            file.read_exact_at(&mut whole, 0)?;
        }
        self.memory.iter().for_each(|data| whole.extend_from_slice(data));
        Ok(whole.into())
    }

    fn add(&mut self, data: Bytes) {
        self.memory_bytes += data.len();
        self.memory.push(data);
    }
}

impl Held {
    fn new(declared: bool, room: &Arc<Room>) -> Self {
        Self { content: Content::default(), trailers: None, share: Share::of(room), declared }
    }

    /// Reads the body of a request until its end, or until more than `bytes_max` are here.
    ///
    /// # Errors
    /// Whatever is wrong with the body.
    pub(super) async fn request(
        body: &mut Intake,
        declared: bool,
        bytes_max: usize,
        room: &Arc<Room>,
    ) -> Result<(Self, Extent), Refusal> {
        let mut held = Self::new(declared, room);
        while held.content.len() <= bytes_max {
            let Some(frame) = body.frame().await? else { return Ok((held, Extent::Whole)) };
            if !held.take(frame).await {
                return Ok((held, Extent::NoRoom));
            }
        }
        Ok((held, Extent::Longer))
    }

    /// Reads the body of an answer in the same way, into memory only. Where it breaks off, what came before is held and
    /// the error with it.
    pub(super) async fn answer(
        body: &mut Body,
        bytes_max: usize,
        room: &Arc<Room>,
    ) -> (Self, Extent, Option<BoxError>) {
        let mut held = Self::new(body.size_hint().exact().is_some(), room);
        while held.content.len() <= bytes_max {
            match poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
                None => return (held, Extent::Whole, None),
                Some(Err(error)) => return (held, Extent::Whole, Some(error)),
                Some(Ok(frame)) => {
                    if !held.keep(frame) {
                        return (held, Extent::NoRoom, None);
                    }
                }
            }
        }
        (held, Extent::Longer, None)
    }

    /// What is there to inspect.
    pub(super) fn content(&self) -> &Content {
        &self.content
    }

    /// The body again: what is held, and then the rest of it, or the error it ended with.
    pub(super) fn replay(self, rest: Option<Body>, error: Option<BoxError>) -> Body {
        Body::wrap(Replay::new(self, rest, error))
    }

    /// Keeps a frame in memory. Says whether there was room for it; it is kept all the same.
    fn keep(&mut self, frame: Frame<Bytes>) -> bool {
        match frame.into_data() {
            Ok(data) => {
                let room = self.share.take_memory(data.len());
                self.content.add(data);
                room
            }
            Err(frame) => {
                self.trailers = frame.into_trailers().ok();
                true
            }
        }
    }

    /// Keeps a frame, and brings what is in memory to a file when it gets too much. Says whether there was room.
    async fn take(&mut self, frame: Frame<Bytes>) -> bool {
        if self.keep(frame) && self.content.memory_bytes <= MEMORY_BYTES_MAX {
            return true;
        }
        if !self.share.take_file(self.content.memory_bytes) {
            return false;
        }
        match self.spill().await {
            Ok(()) => true,
            Err(error) => {
                let folder = self.share.room().folder().display();
                tracing::warn!(%error, %folder, "A request body could not be held in a file");
                false
            }
        }
    }

    async fn spill(&mut self) -> io::Result<()> {
        let Content { file, file_bytes, memory, .. } = self.content.clone();
        let room = Arc::clone(self.share.room());
        let write = move || {
            let file = file.map_or_else(|| nameless(room.folder()).map(Arc::new), Ok)?;
            let mut at = file_bytes as u64;
            for data in memory {
                file.write_all_at(&data, at)?;
                at += data.len() as u64;
            }
            Ok::<_, io::Error>(file)
        };
        let file = tokio::task::spawn_blocking(write).await.map_err(io::Error::other)??;
        let content = &mut self.content;
        *content = Content {
            file: Some(file),
            file_bytes: content.file_bytes + content.memory_bytes,
            ..Content::default()
        };
        self.share.give_memory();
        Ok(())
    }
}

/// A file that nobody else can open, and that is gone when it is closed, however this process ends.
fn nameless(folder: &Path) -> io::Result<File> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for _ in 0..NAMES_TRIED_MAX {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!(".held-{}-{number}", std::process::id()));
        match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => return std::fs::remove_file(&path).map(|()| file),
            // Left by a process that was killed between the two.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}
