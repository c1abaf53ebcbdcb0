//! What is changed in a page on its way. Without orders a page passes byte for byte.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::hash::ContentHash;
use crate::page::Script;

/// Bytes of a tag that is put into pages.
pub const TAG_BYTES_MAX: usize = 4 * 1024;
/// Bytes of a nonce of the shop's; most have 16 to 44.
const SHOP_NONCE_BYTES_MAX: usize = 256;

/// What to change in a page.
#[derive(Clone, Default)]
pub struct Rewrite {
    /// Says of each script what becomes of it. Without one, scripts pass as they are.
    pub judge: Option<Arc<dyn Judge>>,
    /// Given to scripts that are authorized and have none of the shop's. Fresh for every answer.
    pub nonce: Option<Nonce>,
    /// Put in at the start of `head`, as it is.
    pub head: Option<Tag>,
}

/// Says what becomes of a script.
pub trait Judge: Send + Sync {
    /// What becomes of `script`. Called once for each script that a browser would run, in the order of the page, and
    /// before any byte of it is sent. An inline script that is too long to be held back comes without its hash being
    /// that of the whole: `is_whole` is false then.
    fn judge(&self, script: &Script, is_whole: bool) -> Judgement;
}

/// What becomes of a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Judgement {
    /// It passes as it is.
    #[default]
    Pass,
    /// It gets the nonce, and the `integrity` if there is one and the shop gave none.
    Authorize {
        /// What the script at that address has to say. Not for scripts that change by themselves.
        integrity: Option<ContentHash>,
    },
    /// Browsers will not run it: it is made a block of data.
    Deny,
}

/// A number used once: 22 to 64 characters of base64, at least 128 bits when it is random.
#[derive(Clone, PartialEq, Eq)]
pub struct Nonce(String);

/// The text is no nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a nonce is 22 to 64 characters of base64")]
pub struct NotANonce;

impl Nonce {
    /// The nonce of the shop's own policy, of any length: to name it in Gabion's policy too, never to give it to
    /// scripts, which would let them past the shop's policy.
    ///
    /// # Errors
    /// When the text is no base64, or longer than 256 bytes.
    pub fn of_shop(text: &str) -> Result<Self, NotANonce> {
        let fits = text.len() <= SHOP_NONCE_BYTES_MAX && crate::policy::is_base64_value(text);
        fits.then(|| Self(text.to_owned())).ok_or(NotANonce)
    }

    /// The text of the nonce.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Nonce {
    type Err = NotANonce;

    fn from_str(text: &str) -> Result<Self, NotANonce> {
        let fits = (22..=64).contains(&text.len()) && crate::policy::is_base64_value(text);
        fits.then(|| Self(text.to_owned())).ok_or(NotANonce)
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonce(…)")
    }
}

/// Markup that is put into pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(String);

/// The text cannot be put into pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tag is ASCII, starts with <, ends with > and has at most 4096 bytes")]
pub struct NotATag;

impl Tag {
    /// The markup.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = NotATag;

    /// Only ASCII, so that it means the same in every encoding that is read.
    fn from_str(text: &str) -> Result<Self, NotATag> {
        let fits =
            text.len() <= TAG_BYTES_MAX && text.is_ascii() && text.starts_with('<') && text.ends_with('>');
        fits.then(|| Self(text.to_owned())).ok_or(NotATag)
    }
}

impl fmt::Debug for Rewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rewrite")
            .field("judge", &self.judge.is_some())
            .field("nonce", &self.nonce)
            .field("head", &self.head)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_and_tags_cannot_break_out_of_their_place() {
        assert!("MTIzNDU2Nzg5MDEyMzQ1Ng==".parse::<Nonce>().is_ok());
        for text in ["short", "MTIzNDU2Nzg5MDEyMzQ1Ng\"", "MTIzNDU2Nzg5MDEyMz Q1Ng=="] {
            assert_eq!(text.parse::<Nonce>(), Err(NotANonce), "{text}");
        }
        assert!(Nonce::of_shop("short").is_ok());
        assert_eq!(Nonce::of_shop("a b"), Err(NotANonce));
        assert!("<script src=\"/.gabion/page.js\"></script>".parse::<Tag>().is_ok());
        for text in ["", "script", "<script>é</script>", "<script"] {
            assert_eq!(text.parse::<Tag>(), Err(NotATag), "{text}");
        }
    }
}
