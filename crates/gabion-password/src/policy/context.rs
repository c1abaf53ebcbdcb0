//! What strangers expect of this person and this shop.

use zeroize::Zeroizing;

use super::{core, plain};

/// Letters of the shortest word that is looked for: shorter ones would be found in anything.
const WORD_CHARS_MIN: usize = 3;
/// Letters of a word that are looked at. What is longer is cut.
pub const WORD_CHARS_MAX: usize = 256;
/// Words that are looked for; a name and an address have six. Further ones are left out.
pub const WORDS_MAX: usize = 64;

/// What people write for letters.
const SUBSTITUTES: &[(char, char)] = &[
    ('0', 'o'),
    ('1', 'i'),
    ('3', 'e'),
    ('4', 'a'),
    ('5', 's'),
    ('7', 't'),
    ('8', 'b'),
    ('@', 'a'),
    ('$', 's'),
    ('!', 'i'),
    ('+', 't'),
    ('|', 'l'),
];

/// Words that strangers try with this account: its names and addresses, those of the shop. A password made of nothing else
/// (whatever the case, the order, digits and symbols between them, letters replaced by look-alikes, or backwards) is
/// expected.
#[derive(Clone, Debug, Default)]
pub struct Context {
    words: Vec<String>,
}

impl Context {
    /// Nothing known but the word "password".
    pub fn new() -> Self {
        Self::default().with("password")
    }

    /// Adds a name, an address, the shop's name or its domain: as a whole and each of its words. An e-mail address brings
    /// its local part and its domain with it.
    #[must_use]
    pub fn with(mut self, text: &str) -> Self {
        let (local, domain) = text.rsplit_once('@').unwrap_or_default();
        let pieces = text.split(|c: char| !c.is_alphanumeric());
        for word in pieces.chain([text, local, domain]) {
            self.add(word);
        }
        self
    }

    fn add(&mut self, word: &str) {
        let word: String = plain(word).chars().take(WORD_CHARS_MAX).collect();
        let long = word.chars().count() >= WORD_CHARS_MIN;
        if long && self.words.len() < WORDS_MAX && !self.words.contains(&word) {
            self.words.push(word);
        }
    }

    pub(super) fn known(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }

    /// Whether `text` is made of these words and nothing else.
    pub(super) fn expects(&self, text: &str) -> bool {
        let literal = Zeroizing::new(plain(text));
        let replaced = Zeroizing::new(plain(&Zeroizing::new(text.chars().map(letter).collect::<String>())));
        let with_l = Zeroizing::new(plain(&Zeroizing::new(
            text.replace('1', "l").chars().map(letter).collect::<String>(),
        )));
        [literal, replaced, with_l].iter().any(|form| {
            let core = core(form);
            let backwards = Zeroizing::new(core.chars().rev().collect::<String>());
            !core.is_empty() && (self.make(core) || self.make(&backwards))
        })
    }

    /// Whether `text` is nothing but these words and digits in a row.
    fn make(&self, text: &str) -> bool {
        // reachable[n]: the first n bytes can be written with words and digits.
        let mut reachable = vec![false; text.len() + 1];
        reachable[0] = true;
        for at in 0..text.len() {
            if !reachable[at] || !text.is_char_boundary(at) {
                continue;
            }
            let rest = &text[at..];
            for word in self.words.iter().filter(|word| rest.starts_with(word.as_str())) {
                reachable[at + word.len()] = true;
            }
            if let Some(digit) = rest.chars().next().filter(|c| c.is_numeric()) {
                reachable[at + digit.len_utf8()] = true;
            }
        }
        reachable[text.len()]
    }
}

fn letter(c: char) -> char {
    SUBSTITUTES.iter().find(|(from, _)| *from == c).map_or(c, |(_, to)| *to)
}
