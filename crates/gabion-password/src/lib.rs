//! Passwords: which are accepted, new ones, and whether one is known to have leaked.
//!
//! It protects accounts from passwords that are tried first, and people from rules that only annoy. It has no clock, no
//! store and no file: randomness is given, lists are read and written through what the caller hands in, and every digest
//! is [`gabion_crypto`]'s. Nothing here is printed or kept: what was typed stays in [`gabion_core::Secret`].
//!
//! The walk: a [`Policy`] holds a password against its length and against what everybody tries first, what strangers
//! expect of this person ([`Context`]) and what has leaked ([`Exposure`]). [`Policy::accept`] makes a [`NewPassword`] of
//! it, or says every [`Reason`] why not; [`Policy::assess`] says the same with [`Strength`] and [`Advice`] while somebody
//! types. [`generate`] makes new passwords. [`breach`] makes small files of lists of leaked passwords, and looks into them.

pub mod breach;
#[doc(hidden)]
pub mod fuzz;
pub mod generate;
pub mod policy;

mod normal;
mod strength;

pub use normal::normalize;
pub use policy::{Assessment, Context, Exposure, Factors, Mode, NewPassword, Policy, Reason, Requirement};
pub use strength::{Advice, Strength};
