//! Readers of request bodies.
