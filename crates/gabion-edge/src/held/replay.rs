//! A held body on its way on.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::task::JoinHandle;

use super::{Content, Held, Share};
use crate::Body;
use crate::body::BoxError;

/// Bytes read from a file at a time.
const READ_BYTES: usize = 64 * 1024;

/// What was held, then what was not, framed as it came.
pub(crate) struct Replay {
    file: Option<Arc<File>>,
    file_at: usize,
    file_bytes: usize,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
    memory: std::vec::IntoIter<Bytes>,
    /// Held bytes that have not gone on.
    left: u64,
    declared: bool,
    rest: Option<Body>,
    error: Option<BoxError>,
    trailers: Option<HeaderMap>,
    /// The room is free when all has gone on.
    share: Share,
}

impl Replay {
    pub(super) fn new(held: Held) -> Self {
        let Held { content, trailers, share, declared, rest, error } = held;
        let left = content.len() as u64;
        let Content { file, file_bytes, memory, .. } = content;
        Self {
            file,
            file_at: 0,
            file_bytes,
            reading: None,
            memory: memory.into_iter(),
            left,
            declared,
            rest: rest.filter(|rest| !rest.is_end_stream()),
            error,
            trailers,
            share,
        }
    }

    /// Whether nothing of it has gone on yet.
    pub(crate) fn is_untouched(&self) -> bool {
        let in_memory: usize = self.memory.as_slice().iter().map(Bytes::len).sum();
        self.reading.is_none() && self.left == (self.file_bytes + in_memory) as u64
    }

    /// What is held, to go on holding.
    pub(crate) fn into_held(self) -> Held {
        let Self { file, file_bytes, memory, declared, rest, error, trailers, share, .. } = self;
        let memory: Vec<Bytes> = memory.collect();
        let memory_bytes = memory.iter().map(Bytes::len).sum();
        let content = Content { file, file_bytes, memory, memory_bytes };
        Held { content, trailers, share, declared, rest, error }
    }

    /// The next piece of the file; none when it was read.
    fn poll_file(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let Some(file) = self.file.as_ref().filter(|_| self.file_at < self.file_bytes) else {
            return Poll::Ready(None);
        };
        let (at, bytes) = (self.file_at as u64, READ_BYTES.min(self.file_bytes - self.file_at));
        let reading = self.reading.get_or_insert_with(|| {
            let file = Arc::clone(file);
            tokio::task::spawn_blocking(move || {
                let mut piece = vec![0; bytes];
                file.read_exact_at(&mut piece, at)?;
                Ok(piece.into())
            })
        });
        let piece = ready!(Pin::new(reading).poll(cx)).unwrap_or_else(|gone| Err(io::Error::other(gone)));
        self.reading = None;
        self.file_at += bytes;
        Poll::Ready(Some(piece))
    }
}

impl HttpBody for Replay {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let held = match ready!(this.poll_file(cx)) {
            Some(piece) => Some(piece),
            None => this.memory.next().map(Ok),
        };
        if let Some(held) = held {
            let data = held?;
            this.left -= data.len() as u64;
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if let Some(error) = this.error.take() {
            return Poll::Ready(Some(Err(error)));
        }
        if let Some(rest) = &mut this.rest {
            return Pin::new(rest).poll_frame(cx);
        }
        Poll::Ready(this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
            && self.error.is_none()
            && self.trailers.is_none()
            && self.rest.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        if !self.declared || self.error.is_some() {
            return SizeHint::default();
        }
        let rest = self.rest.as_ref().map_or(Some(0), |rest| rest.size_hint().exact());
        rest.map_or_else(SizeHint::default, |rest| SizeHint::with_exact(self.left + rest))
    }
}
