//! The engine from outside.

mod bodies;
mod builtin;
mod collections;
mod conformance;
mod control;
mod corpus;
mod crs;
mod decisions;
mod engine;
mod harness;
mod linear;
mod loading;
mod ordinary;
mod reference;
mod seeds;
