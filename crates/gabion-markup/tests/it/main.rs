//! The engine from outside.

mod browser;
mod collector;
mod linear;
mod policy;
mod script;
mod seeds;
