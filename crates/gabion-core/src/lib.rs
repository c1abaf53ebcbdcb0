//! The vocabulary every other crate speaks: typed ids, time, randomness, secrets, sites, events, blame.
//!
//! This crate does no IO. The one clock it can read is [`SystemClock`], which the binary hands down as
//! [`Clock`]; everything else takes `now` as an argument, so that tests move the clock.

pub mod blame;
pub mod card;
pub mod entropy;
pub mod event;
#[doc(hidden)]
pub mod fuzz;
pub mod id;
pub mod limits;
pub mod secret;
pub mod site;
pub mod time;

pub use blame::Blame;
pub use entropy::Entropy;
pub use event::{Actor, Entity, Event, EventId, EventKind, Field, Severity, SubjectId, Value};
pub use secret::Secret;
pub use site::SiteId;
pub use time::{Clock, SystemClock, Timestamp};
