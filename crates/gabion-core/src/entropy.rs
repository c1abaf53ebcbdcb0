//! Randomness as an argument.

/// A source of unpredictable bytes. `gabion_crypto::SystemEntropy` is the real one; tests use a seeded one.
pub trait Entropy: Send + Sync {
    /// Fills `out` completely. A source that cannot deliver must panic: continuing with weak bytes is worse.
    fn fill(&self, out: &mut [u8]);
}

/// Draws `N` bytes.
pub fn draw<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut out = [0; N];
    entropy.fill(&mut out);
    out
}
