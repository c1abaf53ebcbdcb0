//! Drawing without bias.

use gabion_core::Entropy;
use gabion_core::entropy::draw;

/// A number below `bound`, each as likely as any other: what would favor small ones is drawn again.
///
/// # Panics
/// When `bound` is zero.
pub(super) fn below(bound: usize, entropy: &dyn Entropy) -> usize {
    let bound =
        u32::try_from(bound).ok().filter(|bound| *bound > 0).expect("there is something to draw from");
    // The numbers from here on would make the first remainders more likely.
    let fair = u32::MAX - (u32::MAX % bound + 1) % bound;
    loop {
        let drawn = u32::from_le_bytes(draw(entropy));
        if drawn <= fair {
            return usize::try_from(drawn % bound).expect("32 bits fit");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Gives these numbers, one after the other.
    struct Script(&'static [u32], AtomicUsize);

    impl Entropy for Script {
        fn fill(&self, out: &mut [u8]) {
            let at = self.1.fetch_add(1, Ordering::Relaxed);
            out.copy_from_slice(&self.0[at].to_le_bytes());
        }
    }

    #[test]
    fn what_would_favor_small_numbers_is_drawn_again() {
        // 2^32 = 7 * 613,566,756 + 4: the last four numbers are too many.
        let script = Script(&[u32::MAX, u32::MAX - 3, u32::MAX - 4], AtomicUsize::new(0));
        assert_eq!(below(7, &script), 6);
        let script = Script(&[u32::MAX], AtomicUsize::new(0));
        assert_eq!(below(16, &script), 15);
        let script = Script(&[u32::MAX], AtomicUsize::new(0));
        assert_eq!(below(1, &script), 0);
    }
}
