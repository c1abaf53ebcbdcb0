//! For tests only: clocks, entropy, fakes with fault hooks, and a harness for the real binary.

pub mod clock;
pub mod entropy;

pub use clock::TestClock;
pub use entropy::SeededEntropy;
