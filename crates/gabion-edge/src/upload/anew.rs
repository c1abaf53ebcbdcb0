//! Pictures of a body, written anew before the shop gets it.

use std::ops::Range;

use bytes::Bytes;
use gabion_upload::Kind;
use gabion_upload::picture::{PictureError, write_anew};
use http::Request;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};

use crate::Body;

/// Headers that name the bytes the client sent. RFC 9530, RFC 3230, RFC 1864.
const ABOUT_THE_BYTES: [HeaderName; 4] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-md5"),
];

/// A picture in a body.
pub(super) type Place = (Range<usize>, Kind);

/// The body with its pictures written anew; `None` where none of them can be. `pictures` do not overlap.
///
/// # Errors
/// When a picture is too large or cannot be decoded.
pub(super) fn body(body: &[u8], mut pictures: Vec<Place>) -> Result<Option<Vec<u8>>, PictureError> {
    pictures.sort_by_key(|(range, _)| range.start);
    let (mut out, mut copied, mut changed) = (Vec::with_capacity(body.len()), 0, false);
    for (range, kind) in pictures {
        if let Some(anew) = write_anew(kind, &body[range.clone()])? {
            out.extend_from_slice(&body[copied..range.start]);
            out.extend_from_slice(&anew);
            (copied, changed) = (range.end, true);
        }
    }
    out.extend_from_slice(&body[copied..]);
    Ok(changed.then_some(out))
}

/// Gives a request another body.
pub(super) fn replace(request: &mut Request<Body>, body: Bytes) {
    let headers = request.headers_mut();
    for name in &ABOUT_THE_BYTES {
        headers.remove(name);
    }
    if headers.contains_key(CONTENT_LENGTH) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    *request.body_mut() = body.into();
}
