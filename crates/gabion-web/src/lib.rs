//! What every HTTP handler of the control plane needs: problems, actors, pages, idempotency keys, CSRF.
//!
//! A request walks: [`Plane::finish`] (request id, known host, response headers, panics and errors as problems)
//! -> [`auth::layer`] (session cookie or API key -> [`Principal`], by the domain that implements
//! [`Authenticate`]) -> the handler, whose arguments say what it needs: [`By<ReadEvents>`](By), [`Owner`],
//! [`CappedJson`], [`CsrfForm`], [`Page`], [`OnceJson`].
//!
//! This crate knows nothing of accounts and sessions beyond their names, and never reads a clock by itself.

pub mod access;
pub mod auth;
pub mod body;
pub mod client;
pub mod csrf;
#[doc(hidden)]
pub mod fuzz;
pub mod host;
pub mod idempotency;
pub mod origin;
pub mod page;
pub mod path;
pub mod plane;
pub mod principal;
pub mod problem;
mod storage;

pub use access::{
    By, ConfigWrite, EdgeWrite, Operator, Owner, Permission, Read, ReadEvents, ReadStaff, Viewer,
};
pub use auth::Authenticate;
pub use body::{CappedForm, CappedJson};
pub use client::ClientAddr;
pub use csrf::{Csrf, CsrfForm};
pub use host::AllowedHosts;
pub use idempotency::{Answer, IdempotencyKey, OnceJson};
pub use page::{Cursor, Listing, Page};
pub use path::PathId;
pub use plane::{Plane, RequestId};
pub use principal::{ApiKey, ApiKeyId, Principal, Role, Scope, Scopes, SessionId, Staff, StaffId};
pub use problem::Problem;
