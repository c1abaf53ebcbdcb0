//! How hard a password is to guess, as advice. The estimate is zxcvbn's; nothing is refused for a low strength.

use std::fmt;

use zeroize::Zeroizing;
use zxcvbn::feedback::Suggestion;

/// Characters that are estimated: the work grows with the square of the length, and no guess is that long.
pub(crate) const ESTIMATED_CHARS_MAX: usize = 100;

/// Entries of the estimator's list of common passwords: what is one of them takes no more guesses. The first 10,000 are
/// always taken for one piece; some later ones are guessed faster as two.
const COMMON_PASSWORDS: u64 = 30_000;

/// How hard a password is to guess: 0 (at once), 1 (under a million guesses), 2 (under a hundred million), 3 (under ten
/// billion), 4 (more). An estimate, and advice only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Strength(u8);

impl Strength {
    /// The number, 0 to 4.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Strength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What would make a password better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Advice {
    /// Take several words.
    SeveralWords,
    /// Add a word.
    AnotherWord,
    /// Take more characters.
    Longer,
    /// Symbols and digits are not needed.
    NoSymbolsNeeded,
    /// Capital letters help little.
    CapitalsHelpLittle,
    /// Words backwards help little.
    ReversalHelpsLittle,
    /// Digits and symbols in place of letters help little.
    SubstitutionsHelpLittle,
    /// Rows of the keyboard are tried early.
    AvoidKeyboardRows,
    /// Repetitions add little.
    AvoidRepeats,
    /// Sequences are tried early.
    AvoidSequences,
    /// Years and dates are tried early.
    AvoidDates,
}

impl Advice {
    /// The stable name, for interfaces and translations.
    pub const fn code(self) -> &'static str {
        match self {
            Self::SeveralWords => "several-words",
            Self::AnotherWord => "another-word",
            Self::Longer => "longer",
            Self::NoSymbolsNeeded => "no-symbols-needed",
            Self::CapitalsHelpLittle => "capitals-help-little",
            Self::ReversalHelpsLittle => "reversal-helps-little",
            Self::SubstitutionsHelpLittle => "substitutions-help-little",
            Self::AvoidKeyboardRows => "avoid-keyboard-rows",
            Self::AvoidRepeats => "avoid-repeats",
            Self::AvoidSequences => "avoid-sequences",
            Self::AvoidDates => "avoid-dates",
        }
    }

    fn from_suggestion(suggestion: Suggestion) -> Self {
        match suggestion {
            Suggestion::UseAFewWordsAvoidCommonPhrases => Self::SeveralWords,
            Suggestion::NoNeedForSymbolsDigitsOrUppercaseLetters => Self::NoSymbolsNeeded,
            Suggestion::AddAnotherWordOrTwo => Self::AnotherWord,
            Suggestion::CapitalizationDoesntHelpVeryMuch
            | Suggestion::AllUppercaseIsAlmostAsEasyToGuessAsAllLowercase => Self::CapitalsHelpLittle,
            Suggestion::ReversedWordsArentMuchHarderToGuess => Self::ReversalHelpsLittle,
            Suggestion::PredictableSubstitutionsDontHelpVeryMuch => Self::SubstitutionsHelpLittle,
            Suggestion::UseALongerKeyboardPatternWithMoreTurns => Self::AvoidKeyboardRows,
            Suggestion::AvoidRepeatedWordsAndCharacters => Self::AvoidRepeats,
            Suggestion::AvoidSequences => Self::AvoidSequences,
            Suggestion::AvoidRecentYears
            | Suggestion::AvoidYearsThatAreAssociatedWithYou
            | Suggestion::AvoidDatesAndYearsThatAreAssociatedWithYou => Self::AvoidDates,
        }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SeveralWords => "several unrelated words in a row are easy to remember and hard to guess",
            Self::AnotherWord => "add another word or two; unusual ones are better",
            Self::Longer => "more characters make it better",
            Self::NoSymbolsNeeded => "symbols, digits and capital letters are not needed",
            Self::CapitalsHelpLittle => "capital letters help little",
            Self::ReversalHelpsLittle => "writing words backwards helps little",
            Self::SubstitutionsHelpLittle => "digits and symbols in place of letters help little",
            Self::AvoidKeyboardRows => "rows of the keyboard are tried early",
            Self::AvoidRepeats => "repeating words or characters adds little",
            Self::AvoidSequences => "sequences such as abc or 6543 are tried early",
            Self::AvoidDates => "years and dates are tried early, above all your own",
        })
    }
}

/// What the estimator makes of a password.
pub(crate) struct Estimate {
    pub(crate) strength: Strength,
    pub(crate) advice: Vec<Advice>,
    /// The whole of it is one piece that takes no more guesses than there are common passwords: one of them, or as easy.
    pub(crate) is_common: bool,
}

/// Estimates `password` for somebody of whom `words` are known. The estimator keeps the year of the day it is first used,
/// and does not wipe its memory.
pub(crate) fn estimate(password: &str, words: &[&str]) -> Estimate {
    let start: Zeroizing<String> = Zeroizing::new(password.chars().take(ESTIMATED_CHARS_MAX).collect());
    let found = zxcvbn::zxcvbn(&start, words);
    let mut advice = Vec::new();
    for suggestion in found.feedback().iter().flat_map(|feedback| feedback.suggestions()) {
        let suggested = Advice::from_suggestion(*suggestion);
        if !advice.contains(&suggested) {
            advice.push(suggested);
        }
    }
    // The estimator counts one guess more than the place in the list.
    let is_common = found.sequence().len() == 1 && found.guesses() <= COMMON_PASSWORDS + 1;
    Estimate { strength: Strength(found.score().into()), advice, is_common }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strength_grows_from_what_everybody_takes_to_what_nobody_guesses() {
        assert_eq!(estimate("password", &[]).strength.get(), 0);
        assert_eq!(estimate("kettle harbor mirror fjord", &[]).strength.get(), 4);
        assert!(estimate("tidewater", &["tidewater"]).strength < estimate("tidewater", &[]).strength);
    }

    #[test]
    fn common_passwords_are_known_and_others_are_not() {
        for common in ["password1", "iloveyou1", "football1", "superman", "trustno1", "mercedes", "chocolate"]
        {
            assert!(estimate(common, &[]).is_common, "{common}");
        }
        for other in ["monkeydragon", "kettle harbor mi", "vT9#qLw2", "fjord-plum-kite"] {
            assert!(!estimate(other, &[]).is_common, "{other}");
        }
    }

    #[test]
    fn only_the_first_hundred_characters_are_estimated() {
        let long = "a".repeat(ESTIMATED_CHARS_MAX) + "vT9#qLw2 kettle harbor";
        assert_eq!(estimate(&long, &[]).strength, estimate(&long[..ESTIMATED_CHARS_MAX], &[]).strength);
    }
}
