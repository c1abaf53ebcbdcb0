//! The contract, what the scorer holds whatever it is asked, and how well it tells owners from thieves.
#![allow(clippy::unwrap_used)]
#![expect(clippy::print_stdout, reason = "measurements are for whoever runs them")]

mod contract;
mod detection;
mod evaluate;
mod page;
mod properties;
mod synthetic;
