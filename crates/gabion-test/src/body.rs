//! Bodies for fakes and clients: empty, whole, or fed by the test while the other side reads.

use std::fmt;

use bytes::Bytes;
use http_body_util::channel::{Channel, Sender};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};

/// Any body; its error breaks the connection off.
pub type TestBody = UnsyncBoxBody<Bytes, Broken>;

/// Feeds a body made by [`fed`].
pub type Feed = Sender<Bytes, Broken>;

/// One side breaks off on purpose: instead of an answer, or in the middle of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken off by the test")
    }
}

impl std::error::Error for Broken {}

/// A body without content.
pub fn empty() -> TestBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A body of known length.
pub fn whole(content: impl Into<Bytes>) -> TestBody {
    Full::new(content.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body of unknown length that ends when its feed is dropped, and breaks when the feed is aborted. Holds one
/// frame that was not read yet; feeding another one waits.
pub fn fed() -> (Feed, TestBody) {
    let (feed, body) = Channel::new(1);
    (feed, body.boxed_unsync())
}
