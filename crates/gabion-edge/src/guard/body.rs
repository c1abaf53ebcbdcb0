//! Where a request's body ends.

use super::Fault;
use super::chunked::Chunked;

/// How a head says where its body ends. RFC 9112 section 6.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// After so many bytes; 0 where the head says nothing.
    Length(u64),
    /// After the last chunk and its trailers.
    Chunked,
}

/// A body on its way.
pub(super) enum Body {
    /// Bytes still to come.
    Length(u64),
    Chunked(Chunked),
}

impl From<Framing> for Body {
    fn from(framing: Framing) -> Self {
        match framing {
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(Chunked::default()),
        }
    }
}

impl Body {
    /// How many of the bytes belong to this body.
    ///
    /// # Errors
    /// What is wrong with its framing; none of the bytes may pass then.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        match self {
            Self::Length(left) => {
                let taken = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= taken as u64;
                Ok(taken)
            }
            Self::Chunked(chunked) => chunked.advance(bytes),
        }
    }

    /// Whether it is over.
    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunked) => chunked.is_over(),
        }
    }
}
