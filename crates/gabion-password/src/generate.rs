//! New passwords.
//!
//! Every password that fits a recipe is as likely as any other, so that the bits a recipe promises are true: characters
//! are drawn without bias, and what does not fit is thrown away as a whole.

mod alphabet;
mod chance;
mod characters;
mod passphrase;
mod rules;
mod sample;

pub use alphabet::{Class, Classes};
pub use characters::{Characters, DRAWS_MAX, LENGTH, LENGTH_MAX, LENGTH_MIN, RecipeError};
pub use passphrase::{Passphrase, WORDS, WORDS_MAX, WORDS_MIN, WordsError};
pub use rules::{REQUIRED_MAX, RULES_BYTES_MAX, Rules, RulesError};
