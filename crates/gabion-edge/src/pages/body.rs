//! Answers on their way while they are read, and pages that are changed.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use gabion_markup::Partial;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::judge::{Bench, HELD_PAGE_BYTES_MAX, Share};
use super::read::{Coding, Found, Reader, Tap};
use super::repeat::Repeat;
use super::tell::Account;
use crate::Body;
use crate::body::BoxError;

/// Bytes that are read at a time of a page that is changed; compressed ones may unpack to a thousand times as many.
const STEP_BYTES: usize = 64 * 1024;
const PACKED_STEP_BYTES: usize = 4 * 1024;

/// An answer that passes as it is while a copy of it is read.
pub(super) struct Observed {
    body: Body,
    watch: Option<(Tap, Account)>,
    /// What was served there before, where that is compared first.
    repeat: Option<Repeat>,
}

impl Observed {
    pub(super) fn new(body: Body, tap: Tap, account: Account) -> Self {
        Self { body, watch: Some((tap, account)), repeat: None }
    }

    /// Reads nothing of an answer that is as before.
    pub(super) fn unless(self, repeat: Repeat) -> Self {
        Self { repeat: Some(repeat), ..self }
    }

    fn look(&mut self, piece: &[u8]) {
        let Some((tap, _)) = &mut self.watch else { return };
        let take = || match &mut self.repeat {
            Some(repeat) => repeat.pass(piece).map_or(Ok(()), |unread| tap.take(&unread)),
            None => tap.take(piece),
        };
        // A mistake of ours must not cost the customer the page.
        match catch_unwind(AssertUnwindSafe(take)) {
            Ok(Ok(())) => {}
            Ok(Err(_)) => {
                if let Some((tap, account)) = self.watch.take() {
                    account.settle(tap.give_up());
                }
            }
            Err(_) => {
                tracing::error!("Reading an answer failed, because of a mistake in Gabion; it passes");
                self.watch = None;
            }
        }
    }

    fn end(&mut self) {
        let Some((mut tap, account)) = self.watch.take() else { return };
        let mut repeat = self.repeat.take();
        let end = || {
            let unread = match repeat.as_mut().map(Repeat::end) {
                Some(Ok(script)) => {
                    return account.settle(Found { script: Some(script), ..Found::default() });
                }
                Some(Err(unread)) => unread,
                None => Vec::new(),
            };
            match tap.take(&unread).and_then(|()| tap.finish()) {
                Ok(reader) => {
                    let found = reader.finish().0;
                    if let (Some(repeat), Some(script)) = (repeat, &found.script) {
                        account.keep(repeat, script);
                    }
                    account.settle(found);
                }
                Err(_) => account.unread(Partial::Encoding),
            }
        };
        if catch_unwind(AssertUnwindSafe(end)).is_err() {
            tracing::error!("Telling of an answer failed, because of a mistake in Gabion; it passes");
        }
    }
}

impl HttpBody for Observed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => frame.data_ref().into_iter().for_each(|data| this.look(data)),
            // What broke off was not served.
            Some(Err(_)) => this.watch = None,
            None => this.end(),
        }
        // Nobody asks for more where the length was known.
        if this.body.is_end_stream() {
            this.end();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A page that is changed on its way. What was compressed is compressed again.
pub(super) struct Changed {
    body: Body,
    tap: Option<Tap>,
    account: Option<Account>,
    bench: Arc<Bench>,
    encoder: Option<GzEncoder<Vec<u8>>>,
    step: usize,
    /// What came and was not read.
    input: Bytes,
    held: VecDeque<Bytes>,
    share: Share,
    trailers: Option<HeaderMap>,
}

impl Changed {
    pub(super) fn new(
        body: Body,
        (coding, reader): (Coding, Reader),
        account: Account,
        bench: &Arc<Bench>,
        share: Share,
    ) -> Self {
        let packed = coding == Coding::Gzip;
        Self {
            body,
            tap: Some(Tap::new(coding, reader.changing())),
            account: Some(account),
            bench: Arc::clone(bench),
            encoder: packed.then(|| GzEncoder::new(Vec::new(), Compression::fast())),
            step: if packed { PACKED_STEP_BYTES } else { STEP_BYTES },
            input: Bytes::new(),
            held: VecDeque::new(),
            share,
            trailers: None,
        }
    }

    /// Holds the page until all of its scripts are known, or it is too long to be held: then what nobody decided about does
    /// not run from there on. Says whether it may be served.
    ///
    /// # Errors
    /// When the shop breaks off.
    pub(super) async fn hold(&mut self) -> Result<bool, BoxError> {
        self.bench.hold();
        while let Some(piece) = poll_fn(|cx| self.poll_piece(cx)).await {
            let piece = piece?;
            let fits = self.share.take(piece.len() as u64);
            self.held.push_back(piece);
            let read = self.tap.as_mut().map_or(0, |tap| tap.reader().bytes());
            if fits && read <= HELD_PAGE_BYTES_MAX {
                continue;
            }
            if self.bench.undecided().is_some() {
                self.give_up();
                return Ok(false);
            }
            self.bench.stop();
            return Ok(true);
        }
        Ok(self.bench.undecided().is_none())
    }

    /// Tells of what was read so far: the rest will not be served.
    fn give_up(&mut self) {
        if let (Some(mut tap), Some(account)) = (self.tap.take(), self.account.take()) {
            account.settle(tap.reader().give_up(Partial::Length));
        }
    }

    /// The next piece that goes out.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BoxError>>> {
        loop {
            let Some(tap) = &mut self.tap else { return Poll::Ready(None) };
            if !self.input.is_empty() {
                let piece = self.input.split_to(self.input.len().min(self.step));
                tap.take(&piece)?;
                let out = tap.reader().take_out();
                if !out.is_empty() {
                    return Poll::Ready(Some(self.pack(out)));
                }
                continue;
            }
            match ready!(Pin::new(&mut self.body).poll_frame(cx)).transpose()?.map(Frame::into_data) {
                Some(Ok(data)) => self.input = data,
                Some(Err(frame)) => {
                    self.trailers = frame.into_trailers().ok();
                    return Poll::Ready(self.end());
                }
                None => return Poll::Ready(self.end()),
            }
        }
    }

    fn pack(&mut self, out: Vec<u8>) -> Result<Bytes, BoxError> {
        let Some(encoder) = &mut self.encoder else { return Ok(out.into()) };
        encoder.write_all(&out)?;
        // What the shop sent early, the customer gets early.
        encoder.flush()?;
        Ok(std::mem::take(encoder.get_mut()).into())
    }

    fn end(&mut self) -> Option<Result<Bytes, BoxError>> {
        let reader = match self.tap.take()?.finish() {
            Ok(reader) => reader,
            Err(error) => return Some(Err(error.into())),
        };
        let (found, out) = reader.finish();
        if let Some(page) = &found.page {
            self.bench.look_over(page);
        }
        if let Some(account) = self.account.take() {
            account.settle(found);
        }
        let last = match self.encoder.take() {
            None => Ok(out),
            Some(mut encoder) => encoder.write_all(&out).and_then(|()| encoder.finish()),
        };
        match last {
            Ok(last) => (!last.is_empty()).then(|| Ok(last.into())),
            Err(error) => Some(Err(error.into())),
        }
    }
}

impl HttpBody for Changed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if let Some(held) = this.held.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(held))));
        }
        match ready!(this.poll_piece(cx)) {
            Some(piece) => Poll::Ready(Some(piece.map(Frame::data))),
            None => Poll::Ready(this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.tap.is_none() && self.held.is_empty() && self.trailers.is_none()
    }
}
