//! The PostgreSQL engine: own threads with one connection each, SERIALIZABLE transactions, one sequencer.

pub(crate) mod connection;
pub(crate) mod start;
pub(crate) mod value;

pub(crate) use connection::Connection;
