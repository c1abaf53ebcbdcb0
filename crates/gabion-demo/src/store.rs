//! All SQL of the shop, by noun. Everything here is synchronous and runs inside [`crate::db::Db::run`].

pub(crate) mod accounts;
pub(crate) mod carts;
pub(crate) mod orders;
pub(crate) mod products;
pub(crate) mod reviews;
