//! Passwords of characters.

use gabion_core::{Entropy, Secret};
use zeroize::Zeroizing;

use super::alphabet::{Alphabet, Classes};
use super::chance;
use super::rules::Rules;
use super::sample::below;

/// Characters where nothing else is said: about 131 bits of all four classes.
pub const LENGTH: usize = 20;
/// Characters of the shortest generated password: about 78 bits.
pub const LENGTH_MIN: usize = 12;
/// Characters of the longest generated password.
pub const LENGTH_MAX: usize = 128;
/// Draws that a password takes at most, on the average. Recipes that would take more leave too little to choose from.
pub const DRAWS_MAX: f64 = 1_000.0;

/// A recipe for passwords of characters. Each that fits it is as likely as any other.
#[derive(Clone, Debug)]
pub struct Characters {
    length: usize,
    alphabet: Alphabet,
    /// Sets of which at least one character is there.
    required: Vec<Alphabet>,
    /// How often a character stands in a row.
    run_max: usize,
    bits: f64,
}

/// There is no password of that kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    /// Too short or too long.
    #[error("a generated password has {LENGTH_MIN} to {LENGTH_MAX} characters")]
    Length,
    /// The rules allow only short passwords.
    #[error("the rules allow at most {0} characters; a generated password has at least {LENGTH_MIN}")]
    Short(usize),
    /// The rules contradict each other.
    #[error("the rules ask for at least {minlength} characters and at most {maxlength}")]
    Lengths {
        /// Characters at least.
        minlength: usize,
        /// Characters at most.
        maxlength: usize,
    },
    /// Something is required of which there is nothing to draw.
    #[error("the rules require a character of a set that is empty, or that has only spaces")]
    EmptySet,
    /// Hardly any or no password fits.
    #[error("almost no password of that length fits the rules")]
    Narrow,
}

impl Characters {
    /// Passwords of `length` characters with at least one of each of `classes` and no others, without those that are
    /// easily misread where `readable`.
    ///
    /// # Errors
    /// When the length is out of bounds.
    pub fn new(length: usize, classes: &Classes, readable: bool) -> Result<Self, RecipeError> {
        let required: Vec<_> = classes.each().map(|class| class.alphabet()).collect();
        let alphabet = required.iter().fold(Alphabet::EMPTY, |all, class| all.union(*class));
        Self::checked(length, alphabet, required, length, readable)
    }

    /// Passwords that fit a shop's rules, of [`LENGTH`] characters or the next length that is allowed.
    ///
    /// # Errors
    /// When there are none, or none that are long enough.
    pub fn for_rules(rules: &Rules, readable: bool) -> Result<Self, RecipeError> {
        let (minlength, maxlength) =
            (rules.minlength().unwrap_or(1), rules.maxlength().unwrap_or(usize::MAX));
        if minlength > maxlength {
            return Err(RecipeError::Lengths { minlength, maxlength });
        }
        if maxlength < LENGTH_MIN {
            return Err(RecipeError::Short(maxlength));
        }
        let length = LENGTH.clamp(minlength, maxlength);
        let run_max = rules.max_consecutive().unwrap_or(length);
        Self::checked(length, rules.alphabet(), rules.required().to_vec(), run_max, readable)
    }

    fn checked(
        length: usize,
        mut alphabet: Alphabet,
        mut required: Vec<Alphabet>,
        run_max: usize,
        readable: bool,
    ) -> Result<Self, RecipeError> {
        if !(LENGTH_MIN..=LENGTH_MAX).contains(&length) {
            return Err(RecipeError::Length);
        }
        if readable {
            alphabet = alphabet.without_ambiguous();
            required.iter_mut().for_each(|set| *set = set.without_ambiguous());
        }
        if alphabet.is_empty() || required.iter().any(|set| set.is_empty()) {
            return Err(RecipeError::EmptySet);
        }
        let chance = chance::fits(alphabet, &required, length, run_max);
        if chance * DRAWS_MAX < 1.0 {
            return Err(RecipeError::Narrow);
        }
        let bits = length as f64 * (alphabet.bytes().count() as f64).log2() + chance.log2();
        Ok(Self { length, alphabet, required, run_max, bits })
    }

    /// Characters of a password.
    pub const fn length(&self) -> usize {
        self.length
    }

    /// The logarithm to base two of how many passwords fit: what somebody has to guess who knows the recipe.
    pub const fn bits(&self) -> f64 {
        self.bits
    }

    /// A new password.
    pub fn draw(&self, entropy: &dyn Entropy) -> Secret<String> {
        let choices: Vec<u8> = self.alphabet.bytes().collect();
        let mut drawn = Zeroizing::new(vec![0; self.length]);
        loop {
            drawn.fill_with(|| choices[below(choices.len(), entropy)]);
            if self.fits(&drawn) {
                return Secret::new(drawn.iter().copied().map(char::from).collect());
            }
        }
    }

    /// Whether a password fits the recipe.
    fn fits(&self, password: &[u8]) -> bool {
        self.required.iter().all(|set| password.iter().any(|byte| set.has(*byte)))
            && password.chunk_by(|a, b| a == b).all(|run| run.len() <= self.run_max)
    }
}

#[cfg(test)]
mod tests {
    use gabion_crypto::SystemEntropy;
    use proptest::prelude::*;

    use super::*;
    use crate::generate::Class;

    fn drawn(recipe: &Characters) -> String {
        recipe.draw(&SystemEntropy::new()).expose().clone()
    }

    fn recipe(rules: &str) -> Result<Characters, RecipeError> {
        Characters::for_rules(&rules.parse().unwrap(), false)
    }

    #[test]
    fn by_default_twenty_characters_have_131_bits() {
        let recipe = Characters::new(LENGTH, &Classes::all(), false).unwrap();
        // 20 * log2(94) = 131.1, less what has not all four classes.
        assert!((130.8..131.1).contains(&recipe.bits()), "{}", recipe.bits());
        assert_eq!(drawn(&recipe).len(), 20);
        assert_ne!(drawn(&recipe), drawn(&recipe));
    }

    #[test]
    fn lengths_are_bounded() {
        for (length, fine) in
            [(0, false), (11, false), (12, true), (128, true), (129, false), (usize::MAX, false)]
        {
            assert_eq!(Characters::new(length, &Classes::all(), false).is_ok(), fine, "{length}");
        }
    }

    #[test]
    fn readable_passwords_have_nothing_that_is_misread() {
        let recipe = Characters::new(LENGTH_MAX, &Classes::all(), true).unwrap();
        let password = drawn(&recipe);
        assert!(!password.contains(['0', 'O', 'o', '1', 'I', 'l', '|', '`', '\'']), "{password}");
    }

    #[test]
    fn rules_of_a_shop_are_honored() {
        let shop = recipe("minlength: 8; maxlength: 16; required: lower; required: [-_]; max-consecutive: 1; allowed: digit").unwrap();
        for _ in 0..50 {
            let password = drawn(&shop);
            assert_eq!(password.len(), 16);
            assert!(password.contains(['-', '_']) && password.contains(|c: char| c.is_ascii_lowercase()));
            assert!(
                password.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
            );
            assert!(password.as_bytes().windows(2).all(|pair| pair[0] != pair[1]), "{password}");
        }
        assert_eq!(recipe("minlength: 40").unwrap().length(), 40);
        assert!((recipe("allowed: [01]; minlength: 64").unwrap().bits() - 64.0).abs() < 1e-9);
    }

    #[test]
    fn impossible_rules_are_refused() {
        assert_eq!(recipe("maxlength: 8").unwrap_err(), RecipeError::Short(8));
        assert_eq!(
            recipe("minlength: 30; maxlength: 20").unwrap_err(),
            RecipeError::Lengths { minlength: 30, maxlength: 20 }
        );
        assert_eq!(recipe("required: [ ]").unwrap_err(), RecipeError::EmptySet);
        assert_eq!(recipe("allowed: [ ]").unwrap_err(), RecipeError::EmptySet);
        assert_eq!(recipe("minlength: 200").unwrap_err(), RecipeError::Length);
        assert_eq!(recipe("allowed: [a]; max-consecutive: 2").unwrap_err(), RecipeError::Narrow);
        assert_eq!(
            recipe("allowed: digit; max-consecutive: 1; minlength: 128").unwrap_err(),
            RecipeError::Narrow
        );
    }

    proptest! {
        #[test]
        fn whatever_is_asked_for_is_there_and_nothing_else(
            length in LENGTH_MIN..=LENGTH_MAX,
            chosen in proptest::sample::subsequence(Class::ALL.to_vec(), 1..=4),
            readable: bool,
        ) {
            let names: Vec<_> = chosen.iter().map(|class| class.name()).collect();
            let recipe = Characters::new(length, &names.join(",").parse().unwrap(), readable).unwrap();
            let password = drawn(&recipe);
            prop_assert_eq!(password.len(), length);
            for class in Class::ALL {
                let there = password.bytes().any(|byte| class.alphabet().has(byte));
                prop_assert_eq!(there, chosen.contains(&class));
            }
            let choices: usize = chosen.iter().map(|class| class.alphabet().bytes().count()).sum();
            prop_assert!(recipe.bits() > 0.0 && recipe.bits() <= length as f64 * (choices as f64).log2() + 1e-9);
        }
    }
}
