//! Passwords of words.

use std::sync::LazyLock;

use gabion_core::{Entropy, Secret};

use super::sample::below;

/// Words where nothing else is said: the fewest that have 77 bits.
pub const WORDS: usize = 7;
/// Words of the shortest passphrase: about 56 bits, for where guesses are counted.
pub const WORDS_MIN: usize = 5;
/// Words of the longest passphrase.
pub const WORDS_MAX: usize = 20;

/// Our own list of plain English words of three letters and more, one per line.
const LIST: &str = include_str!("../../words.txt");

static CHOICES: LazyLock<Vec<&str>> = LazyLock::new(|| LIST.lines().collect());

/// A recipe for passphrases: words in small letters with hyphens between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passphrase {
    words: usize,
}

/// Too few or too many words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a passphrase has {WORDS_MIN} to {WORDS_MAX} words")]
pub struct WordsError;

impl Default for Passphrase {
    fn default() -> Self {
        Self { words: WORDS }
    }
}

impl Passphrase {
    /// Passphrases of `words` words.
    ///
    /// # Errors
    /// When the number is out of bounds.
    pub fn new(words: usize) -> Result<Self, WordsError> {
        if (WORDS_MIN..=WORDS_MAX).contains(&words) { Ok(Self { words }) } else { Err(WordsError) }
    }

    /// The logarithm to base two of how many passphrases there are.
    pub fn bits(self) -> f64 {
        self.words as f64 * (CHOICES.len() as f64).log2()
    }

    /// A new passphrase. Words may come twice.
    pub fn draw(self, entropy: &dyn Entropy) -> Secret<String> {
        let letters = CHOICES.iter().map(|word| word.len()).max().unwrap_or_default();
        // With room for all of it, so that no copy is left behind.
        let mut text = String::with_capacity(self.words * (letters + 1));
        for word in 0..self.words {
            if word > 0 {
                text.push('-');
            }
            text.push_str(CHOICES[below(CHOICES.len(), entropy)]);
        }
        Secret::new(text)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use gabion_crypto::SystemEntropy;

    use super::*;

    #[test]
    fn the_list_is_sorted_without_doubles_and_easy_to_type() {
        let words: BTreeSet<_> = CHOICES.iter().copied().collect();
        assert!(words.iter().eq(CHOICES.iter()));
        assert!(words.len() >= 2048);
        assert!(words.iter().all(|word| word.len() >= 3 && word.bytes().all(|b| b.is_ascii_lowercase())));
    }

    #[test]
    fn by_default_a_passphrase_has_77_bits() {
        assert!((77.0..80.0).contains(&Passphrase::default().bits()), "{}", Passphrase::default().bits());
        assert!(Passphrase::new(WORDS - 1).unwrap().bits() < 77.0);
    }

    #[test]
    fn a_passphrase_has_as_many_words_as_asked_for() {
        for words in [WORDS_MIN, WORDS, WORDS_MAX] {
            let drawn = Passphrase::new(words).unwrap().draw(&SystemEntropy::new());
            let drawn: Vec<_> = drawn.expose().split('-').collect();
            assert_eq!(drawn.len(), words);
            assert!(drawn.iter().all(|word| CHOICES.contains(word)), "{drawn:?}");
        }
        assert_eq!(Passphrase::new(WORDS_MIN - 1), Err(WordsError));
        assert_eq!(Passphrase::new(WORDS_MAX + 1), Err(WordsError));
    }
}
