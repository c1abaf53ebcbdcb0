//! The engine from outside.

mod collector;
mod policy;
mod seeds;
