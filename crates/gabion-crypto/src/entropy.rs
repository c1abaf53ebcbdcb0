//! The machine's randomness.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use gabion_core::Entropy;

/// The random generator of the cipher library, seeded by the operating system.
#[derive(Clone, Debug, Default)]
pub struct SystemEntropy(SystemRandom);

impl SystemEntropy {
    /// Opens the generator.
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) {
        self.0.fill(out).expect("the operating system delivers randomness");
    }
}

#[cfg(test)]
mod tests {
    use gabion_core::entropy::draw;

    use super::*;

    #[test]
    fn two_draws_differ() {
        let entropy = SystemEntropy::new();
        assert_ne!(draw::<32>(&entropy), draw::<32>(&entropy));
    }
}
