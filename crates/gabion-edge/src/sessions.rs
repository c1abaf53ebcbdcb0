//! Who somebody is, as the edge asks. Cookies are kept and looked up above it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use gabion_core::{SiteId, Timestamp};
use http::HeaderValue;

/// The cookie of a customer who is signed in.
pub const CUSTOMER_COOKIE: &str = "__Host-gabion-customer";
/// The cookie of a staff member who is signed in at a site.
pub const STAFF_COOKIE: &str = "__Host-gabion-staff";
/// Bytes of a cookie's value that are looked up; a longer one is nobody's.
pub const COOKIE_BYTES_MAX: usize = 256;
/// How long a lookup that memory did not answer may take; then 503 in front of a gate. The client waits for it.
pub const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);

/// Knows whose cookies there are. The edge has no database: the binary hands in who does.
///
/// Both are asked with the value of a cookie as the client sent it: 1 to [`COOKIE_BYTES_MAX`] visible ASCII characters, and
/// otherwise anything. They are asked for every request of a route with a gate, and say at once what they know from memory.
pub trait Sessions: Send + Sync {
    /// Who a customer's cookie stands for at a site.
    fn customer(&self, site: &SiteId, cookie: &str) -> Lookup<Customer>;

    /// Who a staff cookie stands for at a site.
    fn staff(&self, site: &SiteId, cookie: &str) -> Lookup<StaffMember>;
}

/// What is known of a cookie.
pub enum Lookup<T> {
    /// This much, from memory; none where it stands for nobody, or not any more.
    Known(Option<Arc<T>>),
    /// Nothing yet: somebody has to be asked. Given up after [`LOOKUP_TIMEOUT`], and dropped when the client
    /// leaves.
    Ask(Asking<T>),
}

/// A question for somebody slower than memory.
pub type Asking<T> = Pin<Box<dyn Future<Output = Result<Option<Arc<T>>, Unavailable>> + Send>>;

/// Nobody could say who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sessions cannot be looked up")]
pub struct Unavailable;

/// How somebody signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// With one factor.
    Password,
    /// With two, or with a passkey that verified its user.
    SecondFactor,
}

/// A customer who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// The id of the account.
    pub account: String,
    /// How they signed in; the best of their session.
    pub level: Level,
    /// When they last did so at this level.
    pub authenticated_at: Timestamp,
    /// What the shop is told of them on routes with `forward_identity`, signed. It has to be fresh: the edge sends it as it
    /// is.
    pub statement: Option<HeaderValue>,
}

/// A staff member who is signed in at a site, with a second factor as all staff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaffMember {
    /// The id of the account.
    pub account: String,
    /// When they last signed in.
    pub authenticated_at: Timestamp,
    /// As [`Customer::statement`].
    pub statement: Option<HeaderValue>,
}
