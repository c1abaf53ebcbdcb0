//! Looks from outside: payment pages as somebody sees them who is no customer.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use gabion_core::SiteId;
use gabion_markup::Address;

/// A payment page that no look saw for so long is told of: PCI DSS 4.0.1 requirement 11.6.1.
pub const LOOK_OVERDUE_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);
/// Pages that one round looks at.
pub const LOOKS_PER_ROUND_MAX: usize = 20;
/// Scripts of one page that a look fetches.
pub const SCRIPTS_PER_LOOK_MAX: usize = 60;
/// Bytes of an answer that are read. Whoever looks may cut there.
pub const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Fetches something as a browser would that has no cookies. Implemented above, where there is a network.
///
/// It follows no redirects, sends nothing that tells Gabion apart more than it must, and gives up after some seconds.
pub trait Outside: Send + Sync {
    /// What is at `address` of `site`, or why that is not known.
    fn look<'a>(
        &'a self,
        site: &'a SiteId,
        address: &'a Address,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, LookError>> + Send + 'a>>;
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Its headers in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its body, decoded, at most [`ANSWER_BYTES_MAX`] bytes.
    pub body: Vec<u8>,
    /// Whether the body is longer than that.
    pub is_cut: bool,
}

/// Nothing came back, as a sentence for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookError(pub String);

impl fmt::Display for LookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LookError {}
