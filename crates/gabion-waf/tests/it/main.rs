//! The engine from outside.

mod conformance;
