//! The PostgreSQL engine: own threads with one connection each, SERIALIZABLE transactions, one sequencer.

pub(crate) mod connection;
pub(crate) mod counter;
pub(crate) mod keeper;
pub(crate) mod link;
pub(crate) mod reader;
pub(crate) mod start;
pub(crate) mod value;
pub(crate) mod writer;

pub(crate) use connection::Connection;
