//! The engine from outside.

mod bodies;
mod builtin;
mod collections;
mod conformance;
mod control;
#[path = "../corpus/read.rs"]
mod corpus;
#[path = "../corpus/crs.rs"]
mod crs;
mod decisions;
mod engine;
mod harness;
mod loading;
mod ordinary;
