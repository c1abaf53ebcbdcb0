//! For tests only: clocks, entropy, fakes with fault hooks, and a harness for the real binary.

pub mod body;
pub mod client;
pub mod clock;
pub mod entropy;
pub mod postgres;
pub mod product;
pub mod seeds;
pub mod shop;

pub use clock::TestClock;
pub use entropy::SeededEntropy;
pub use shop::Shop;
