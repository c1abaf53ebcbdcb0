//! Keyed hashes of what requests are counted by.
//!
//! Clients choose addresses and fingerprints, so an unkeyed hash would let them aim at one bucket of the table.
//! SipHash-2-4 with a random key makes that as hard as guessing the key. Source: Aumasson and Bernstein,
//! "SipHash: a fast short-input PRF".

use gabion_core::{Entropy, entropy};

/// The key of the hashes of one process.
#[derive(Clone, Copy)]
pub(crate) struct HashKey(u64, u64);

impl HashKey {
    /// A random key.
    pub(crate) fn draw(entropy: &dyn Entropy) -> Self {
        let half = || u64::from_le_bytes(entropy::draw(entropy));
        Self(half(), half())
    }

    /// A key that others have too.
    pub(crate) fn from(bytes: &[u8; 16]) -> Self {
        let whole = u128::from_le_bytes(*bytes);
        let low = u64::try_from(whole & u128::from(u64::MAX)).expect("the lower half has 64 bits");
        let high = u64::try_from(whole >> 64).expect("the upper half has 64 bits");
        Self(low, high)
    }

    /// Starts a hash.
    pub(crate) const fn hash(self) -> Hash {
        let Self(a, b) = self;
        let state = [
            a ^ 0x736f_6d65_7073_6575,
            b ^ 0x646f_7261_6e64_6f6d,
            a ^ 0x6c79_6765_6e65_7261,
            b ^ 0x7465_6462_7974_6573,
        ];
        Hash { state, words: 0 }
    }
}

/// A hash being made, in words of 8 bytes.
#[derive(Clone, Copy)]
pub(crate) struct Hash {
    state: [u64; 4],
    words: u64,
}

impl Hash {
    /// Takes a number.
    pub(crate) const fn word(mut self, word: u64) -> Self {
        self.state[3] ^= word;
        self.state = round(round(self.state));
        self.state[0] ^= word;
        self.words += 1;
        self
    }

    /// Takes a text and its length, so that neighboring texts cannot trade letters.
    pub(crate) fn text(self, text: &str) -> Self {
        let words = text.as_bytes().chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        });
        words.fold(self.word(text.len() as u64), Self::word)
    }

    /// The hash of all that was taken.
    pub(crate) const fn finish(self) -> u64 {
        // The last block of the standard: no bytes left over, and the length in bytes modulo 256.
        let mut last = self.word((self.words << 3) << 56).state;
        last[2] ^= 0xff;
        let [a, b, c, d] = round(round(round(round(last))));
        a ^ b ^ c ^ d
    }
}

const fn round([a, b, c, d]: [u64; 4]) -> [u64; 4] {
    let a = a.wrapping_add(b);
    let b = b.rotate_left(13) ^ a;
    let a = a.rotate_left(32);
    let c = c.wrapping_add(d);
    let d = d.rotate_left(16) ^ c;
    let a = a.wrapping_add(d);
    let d = d.rotate_left(21) ^ a;
    let c = c.wrapping_add(b);
    let b = b.rotate_left(17) ^ c;
    [a, b, c.rotate_left(32), d]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: HashKey = HashKey(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);

    #[test]
    fn hashes_are_those_of_the_reference_vectors() {
        let first = 0x0706_0504_0302_0100;
        let second = 0x0f0e_0d0c_0b0a_0908;
        assert_eq!(KEY.hash().finish(), 0x726f_db47_dd0e_0e31);
        assert_eq!(KEY.hash().word(first).finish(), 0x93f5_f579_9a93_2462);
        assert_eq!(KEY.hash().word(first).word(second).finish(), 0x3f2a_cc7f_57c2_9bdb);
    }

    #[test]
    fn texts_cannot_trade_letters_and_keys_matter() {
        let two = |a: &str, b: &str| KEY.hash().text(a).text(b).finish();
        assert_ne!(two("ab", "c"), two("a", "bc"));
        assert_ne!(two("a", ""), two("", "a"));
        assert_ne!(HashKey(1, 2).hash().word(7).finish(), HashKey(1, 3).hash().word(7).finish());
    }
}
