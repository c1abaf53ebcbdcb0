//! For tests only: clocks, entropy, fakes with fault hooks, and a harness for the real binary.
