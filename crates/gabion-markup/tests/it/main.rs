//! The engine from outside.

mod collector;
mod linear;
mod policy;
mod script;
mod seeds;
