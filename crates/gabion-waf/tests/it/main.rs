//! The engine from outside.

mod bodies;
mod collections;
mod conformance;
mod control;
mod decisions;
mod engine;
mod harness;
mod loading;
