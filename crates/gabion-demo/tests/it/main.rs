//! The shop over real HTTP on loopback.
#![allow(clippy::unwrap_used)]

mod buying;
mod client;
mod limits;
mod live;
mod naive;
