//! A body that waits for its verdict, and then goes on as it came. Who wants to see more of it than the one before goes
//! on where that one stopped; nothing is held twice.

mod replay;
mod room;

use std::fs::{File, OpenOptions};
use std::future::poll_fn;
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body::{Body as HttpBody, Frame};

use crate::body::BoxError;
use crate::config::EncodedBodies;
use crate::layer::Visit;
use crate::proxy::websocket::is_extended;
use crate::transfer::{Intake, Pace};
use crate::{Body, Module, Refusal, guard};
pub(crate) use replay::Replay;
pub(crate) use room::{Room, Share};

/// Bytes of one request's body that are held in memory; more go to a file. Orders, forms and most calls of an API fit.
pub(crate) const MEMORY_BYTES_MAX: usize = 64 * 1024;
/// Names of files that are tried; each is there only for the moment until it loses its name.
const NAMES_TRIED_MAX: usize = 16;

/// The beginning of a body, or all of it: what is in the file, then what is in memory.
pub(crate) struct Held {
    content: Content,
    trailers: Option<HeaderMap>,
    share: Share,
    /// Whether the length was known before it came.
    declared: bool,
    /// What was not read.
    rest: Option<Body>,
    /// What it ended with.
    error: Option<BoxError>,
}

/// How far a body was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// To its end.
    Whole,
    /// Beyond what is inspected.
    Longer,
    /// As far as there was room for it.
    NoRoom,
}

/// What is held. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Content {
    file: Option<Arc<File>>,
    file_bytes: usize,
    memory: Vec<Bytes>,
    memory_bytes: usize,
}

/// Whether a request has a body that can wait: one that ends, and that the proxy does not refuse in any case.
pub(crate) fn can_be_held(visit: &Visit) -> bool {
    let (request, route) = (&visit.request, &visit.matched().route);
    let refused = route.encoded_bodies == EncodedBodies::Refuse && guard::encoded(request.headers());
    let grpc = || request.headers().get(CONTENT_TYPE).is_some_and(|kind| guard::is_grpc(kind.as_bytes()));
    let stream = is_extended(request.method(), request.extensions()) || route.takes_grpc() && grpc();
    !stream && !refused && !request.body().is_end_stream()
}

impl Content {
    pub(crate) fn len(&self) -> usize {
        self.file_bytes + self.memory_bytes
    }

    pub(crate) fn is_in_memory(&self) -> bool {
        self.file.is_none()
    }

    /// All of it in one piece. Reads the file, where there is one: not for an asynchronous task then.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn read(&self) -> io::Result<Bytes> {
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

    /// A piece of it, which has to lie inside. Reads the file, where there is one: not for an asynchronous task then.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn read_piece(&self, range: Range<usize>) -> io::Result<Vec<u8>> {
        let mut piece = vec![0; range.len()];
        let in_file = self.file_bytes.saturating_sub(range.start).min(piece.len());
        if let Some(file) = self.file.as_ref().filter(|_| in_file > 0) {
            file.read_exact_at(&mut piece[..in_file], range.start as u64)?;
        }
        let (mut at, mut filled) = (self.file_bytes, in_file);
        for data in &self.memory {
            let from = (range.start + filled).saturating_sub(at);
            if from < data.len() && filled < piece.len() {
                let taken = (data.len() - from).min(piece.len() - filled);
                piece[filled..filled + taken].copy_from_slice(&data[from..from + taken]);
                filled += taken;
            }
            at += data.len();
        }
        piece.truncate(filled);
        Ok(piece)
    }

    fn add(&mut self, data: Bytes) {
        self.memory_bytes += data.len();
        self.memory.push(data);
    }
}

impl Held {
    /// Nothing of a body yet.
    fn of(body: Body, room: &Arc<Room>) -> Self {
        let declared = body.size_hint().exact().is_some();
        let (content, share) = (Content::default(), Share::of(room));
        Self { content, trailers: None, share, declared, rest: Some(body), error: None }
    }

    /// Takes the body of a request and reads it until its end, or until more than `bytes_max` are here. Whoever lets the
    /// request go on gives the body back.
    ///
    /// # Errors
    /// Whatever is wrong with the body.
    pub(crate) async fn request(visit: &mut Visit, bytes_max: usize) -> Result<(Self, Extent), Refusal> {
        let unlimited = visit.state.bypass.contains(&Module::Limits);
        let body_bytes_max = if unlimited { u64::MAX } else { visit.matched().route.body_bytes_max };
        let pace = Pace::of(&visit.state.limits, unlimited);
        let body = std::mem::replace(visit.request.body_mut(), Body::empty());
        let mut held = body.into_held().unwrap_or_else(|body| Self::of(body, visit.edge.room()));
        let Some(rest) = held.rest.take() else {
            let whole = held.content.len() <= bytes_max;
            return Ok((held, if whole { Extent::Whole } else { Extent::Longer }));
        };
        let already = held.content.len() as u64;
        let mut intake = Intake::new(rest, body_bytes_max, already, pace, visit.edge.metrics())?;
        let extent = held.read(&mut intake, bytes_max).await?;
        held.rest = (extent != Extent::Whole).then(|| intake.rest());
        Ok((held, extent))
    }

    async fn read(&mut self, body: &mut Intake, bytes_max: usize) -> Result<Extent, Refusal> {
        while self.content.len() <= bytes_max {
            let Some(frame) = body.frame().await? else { return Ok(Extent::Whole) };
            if !self.take(frame).await {
                return Ok(Extent::NoRoom);
            }
        }
        Ok(Extent::Longer)
    }

    /// Reads the body of an answer in the same way, into memory only. Where it breaks off, what came before is held and
    /// the error with it.
    pub(crate) async fn answer(body: Body, bytes_max: usize, room: &Arc<Room>) -> (Self, Extent) {
        let mut held = Self::of(body, room);
        while held.content.len() <= bytes_max {
            let Some(rest) = &mut held.rest else { return (held, Extent::Whole) };
            match poll_fn(|cx| Pin::new(&mut *rest).poll_frame(cx)).await {
                None => held.rest = None,
                Some(Err(error)) => (held.rest, held.error) = (None, Some(error)),
                Some(Ok(frame)) => {
                    if !held.keep(frame) {
                        return (held, Extent::NoRoom);
                    }
                }
            }
        }
        (held, Extent::Longer)
    }

    /// What is there to inspect.
    pub(crate) fn content(&self) -> &Content {
        &self.content
    }

    /// The body again: what is held, and then the rest of it, or the error it ended with.
    pub(crate) fn into_body(self) -> Body {
        Body::held(Replay::new(self))
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
