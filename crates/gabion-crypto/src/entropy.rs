//! The machine's randomness.

use std::cell::RefCell;

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

/// Bytes that a thread draws at a time.
const BLOCK_BYTES: usize = 1024;

thread_local! {
    static BLOCK: RefCell<Block> = const { RefCell::new(Block { bytes: [0; BLOCK_BYTES], left: 0 }) };
}

struct Block {
    bytes: [u8; BLOCK_BYTES],
    /// Bytes at the beginning that nobody has taken yet.
    left: usize,
}

/// The same randomness, drawn ahead by each thread, for what is needed with every request and is no secret: ids. What was
/// drawn waits in memory, and is overwritten when it is taken.
#[derive(Clone, Debug, Default)]
pub struct EntropyAhead(SystemEntropy);

impl EntropyAhead {
    /// Opens the generator.
    pub fn new() -> Self {
        Self(SystemEntropy::new())
    }
}

impl Entropy for EntropyAhead {
    fn fill(&self, out: &mut [u8]) {
        if out.len() > BLOCK_BYTES {
            return self.0.fill(out);
        }
        BLOCK.with_borrow_mut(|block| {
            if block.left < out.len() {
                self.0.fill(&mut block.bytes);
                block.left = BLOCK_BYTES;
            }
            let taken = &mut block.bytes[block.left - out.len()..block.left];
            out.copy_from_slice(taken);
            taken.fill(0);
            block.left -= out.len();
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use gabion_core::entropy::draw;

    use super::*;

    #[test]
    fn two_draws_differ() {
        let entropy = SystemEntropy::new();
        assert_ne!(draw::<32>(&entropy), draw::<32>(&entropy));
    }

    #[test]
    fn nothing_drawn_ahead_is_given_twice() {
        let entropy = EntropyAhead::new();
        let mut seen = HashSet::new();
        for _ in 0..3 * BLOCK_BYTES / 16 {
            assert!(seen.insert(draw::<16>(&entropy).to_vec()));
            assert!(seen.insert(draw::<7>(&entropy).to_vec()));
        }
        let long = draw::<{ BLOCK_BYTES + 1 }>(&entropy);
        assert!(long.iter().any(|b| *b != 0));
    }
}
