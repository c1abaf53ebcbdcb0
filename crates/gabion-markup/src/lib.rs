//! What a shop's pages hand to the customer's browser.
//!
//! Card skimmers live in the page, not in the request. This engine reads pages while they pass and says what is in
//! them, reads what browsers report, writes and weighs policies, compares scripts, security headers and answers with
//! what they were. It decides nothing by itself, sends nothing, has no clock and no randomness; what it could not read
//! as a whole it says ([`Partial`]).
//!
//! The walk: a [`Collector`] takes a page in pieces, gives it back byte for byte but for what [`Rewrite`] asks for,
//! and ends with a [`Page`]. [`report`] reads what browsers send of what only they see. [`policy`] parses a shop's own
//! policies, makes one from an inventory, and says what it would stop. [`script`] lays out two versions of a script,
//! compares them and marks what is risky. [`headers`] compares what protects a page with what was
//! approved; [`answer`] looks for what an answer should not say.
//!
//! Between whoever serves pages and whoever keeps account of them: [`sighting`] is what was seen, [`holding`] what pages
//! are held to, [`class`] what they are for.

pub mod address;
pub mod answer;
pub mod class;
pub mod hash;
pub mod headers;
pub mod holding;
pub mod page;
pub mod policy;
pub mod report;
pub mod rewrite;
pub mod script;
pub mod sighting;

mod collect;
#[doc(hidden)]
pub mod fuzz;
mod known;

pub use address::{Address, Reference};
pub use class::PageClass;
pub use collect::{Collector, HELD_BYTES_MAX, PAGE_BYTES_MAX, TAG_BYTES_MAX};
pub use hash::ContentHash;
pub use known::Known;
pub use page::{Page, Partial};
pub use rewrite::{Judge, Judgement, Nonce, Rewrite, Tag};
