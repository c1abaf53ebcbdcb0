//! Rule files, read from top to bottom.

use super::RuleFault;
use super::condition::{Comparison, Condition, Quantity};
use super::lex::{Lexer, Token, Wrong};
use super::pattern::{Modifiers, Pattern};
use super::scan::HITS_MAX;

/// Parentheses and `not` inside one another.
const DEPTH_MAX: usize = 32;
/// Strings of one rule.
const STRINGS_OF_RULE_MAX: usize = 500;

/// A rule as it stands in a file.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) line: u32,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) patterns: Vec<Pattern>,
    pub(super) condition: Condition,
}

#[derive(Debug)]
pub(super) struct Parser<'p> {
    lexer: Lexer<'p>,
    next: Option<(Token, u32)>,
    /// Numbers of strings count through all rules.
    first: usize,
    names: Vec<Named>,
}

/// A string of the rule that is being read.
#[derive(Debug)]
struct Named {
    name: String,
    line: u32,
    is_used: bool,
}

impl<'p> Parser<'p> {
    /// A parser whose first string has this number.
    pub(super) fn new(text: &'p str, first: usize) -> Self {
        Self { lexer: Lexer::new(text), next: None, first, names: Vec::new() }
    }

    /// The next rule; `None` at the end of the file.
    pub(super) fn rule(&mut self) -> Result<Option<Parsed>, Wrong> {
        match self.take()? {
            Token::End => return Ok(None),
            Token::Word(word) if word == "rule" => {}
            Token::Word(word) if matches!(&word[..], "import" | "include" | "private" | "global") => {
                return Err((self.line(), RuleFault::Unsupported(word)));
            }
            other => return Err(self.expected("rule", &other)),
        }
        let line = self.line();
        let name = self.word("the name of the rule")?;
        if self.take_sign(":")? {
            return Err((self.line(), RuleFault::Unsupported("a tag".into())));
        }
        self.sign("{")?;
        let description = if self.take_word("meta")? { self.meta()? } else { String::new() };
        let patterns = if self.take_word("strings")? { self.strings()? } else { Vec::new() };
        self.keyword("condition")?;
        self.sign(":")?;
        let condition = self.any(0)?;
        self.sign("}")?;
        if let Some(unused) = self.names.iter().find(|named| !named.is_used) {
            return Err((unused.line, RuleFault::Unused(unused.name.clone())));
        }
        self.first += patterns.len();
        self.names.clear();
        Ok(Some(Parsed { line, name, description, patterns, condition }))
    }

    /// `key = value` lines; the description is kept.
    fn meta(&mut self) -> Result<String, Wrong> {
        self.sign(":")?;
        let mut description = String::new();
        while !matches!(self.peek()?, Token::Word(word) if word == "strings" || word == "condition") {
            let key = self.word("the name of a note")?;
            self.sign("=")?;
            match self.take()? {
                Token::Text(text) if key == "description" => {
                    description = String::from_utf8_lossy(&text).into_owned();
                }
                Token::Text(_) | Token::Number(_) => {}
                Token::Word(word) if word == "true" || word == "false" => {}
                other => return Err(self.expected("a text, a number, true or false", &other)),
            }
        }
        Ok(description)
    }

    fn strings(&mut self) -> Result<Vec<Pattern>, Wrong> {
        self.sign(":")?;
        let mut patterns = Vec::new();
        while let Token::String(name) = self.peek()? {
            let name = name.clone();
            self.take()?;
            let line = self.line();
            if name.len() < 2 || name.ends_with('*') {
                return Err((line, RuleFault::Unsupported("a string without a name".into())));
            }
            if self.names.iter().any(|named| named.name == name) {
                return Err((line, RuleFault::Duplicate(name)));
            }
            if patterns.len() == STRINGS_OF_RULE_MAX {
                return Err((
                    line,
                    RuleFault::Limit { what: "strings in one rule", limit: STRINGS_OF_RULE_MAX },
                ));
            }
            self.sign("=")?;
            patterns.push(self.pattern()?);
            self.names.push(Named { name, line, is_used: false });
        }
        if patterns.is_empty() {
            let other = self.take()?;
            return Err(self.expected("a string such as $a = \"text\"", &other));
        }
        Ok(patterns)
    }

    fn pattern(&mut self) -> Result<Pattern, Wrong> {
        let line;
        let compiled = if self.lexer.at('{')? {
            line = self.lexer.line;
            Pattern::hex(&self.lexer.hex()?)
        } else if self.lexer.at('/')? {
            line = self.lexer.line;
            let (text, flags) = self.lexer.expression()?;
            let modifiers = self.modifiers()?;
            Pattern::expression(&text, &flags, modifiers)
        } else {
            let token = self.take()?;
            line = self.line();
            let Token::Text(text) = token else {
                return Err(self.expected("\"text\", { bytes } or /expression/", &token));
            };
            let modifiers = self.modifiers()?;
            Pattern::text(&text, modifiers)
        };
        compiled.map_err(|fault| (line, fault))
    }

    fn modifiers(&mut self) -> Result<Modifiers, Wrong> {
        let mut modifiers = Modifiers::default();
        while let Token::Word(word) = self.peek()? {
            match &word[..] {
                "nocase" => modifiers.nocase = true,
                "wide" => modifiers.wide = true,
                "ascii" => modifiers.ascii = true,
                "fullword" => modifiers.fullword = true,
                "condition" => break,
                "xor" | "base64" | "base64wide" | "private" => {
                    let word = word.clone();
                    return Err((self.line(), RuleFault::Unsupported(word)));
                }
                _ => {
                    let other = self.take()?;
                    return Err(
                        self.expected("nocase, wide, ascii, fullword, another string or condition", &other)
                    );
                }
            }
            self.take()?;
        }
        Ok(modifiers)
    }

    fn any(&mut self, depth: usize) -> Result<Condition, Wrong> {
        let mut list = vec![self.all(depth)?];
        while self.take_word("or")? {
            list.push(self.all(depth)?);
        }
        Ok(if list.len() == 1 { list.remove(0) } else { Condition::Or(list) })
    }

    fn all(&mut self, depth: usize) -> Result<Condition, Wrong> {
        let mut list = vec![self.single(depth)?];
        while self.take_word("and")? {
            list.push(self.single(depth)?);
        }
        Ok(if list.len() == 1 { list.remove(0) } else { Condition::And(list) })
    }

    fn single(&mut self, depth: usize) -> Result<Condition, Wrong> {
        if depth == DEPTH_MAX {
            return Err((
                self.line(),
                RuleFault::Limit { what: "conditions inside one another", limit: DEPTH_MAX },
            ));
        }
        match self.take()? {
            Token::Sign("(") => {
                let inside = self.any(depth + 1)?;
                self.sign(")")?;
                Ok(inside)
            }
            Token::Word(word) => match &word[..] {
                "not" => Ok(Condition::Not(Box::new(self.single(depth + 1)?))),
                "true" => Ok(Condition::Always(true)),
                "false" => Ok(Condition::Always(false)),
                "filesize" => Ok(Condition::FileSize(self.comparison()?, self.number()?)),
                "any" => self.of(Quantity::AtLeast(1)),
                "all" => self.of(Quantity::All),
                "none" => self.of(Quantity::None),
                "for" | "uint8" | "uint16" | "uint32" | "int8" | "int16" | "int32" | "entrypoint" => {
                    Err((self.line(), RuleFault::Unsupported(word)))
                }
                _ => Err(self.expected("a condition", &Token::Word(word))),
            },
            Token::Number(number) => {
                self.of(Quantity::AtLeast(usize::try_from(number).unwrap_or(usize::MAX)))
            }
            Token::String(name) => self.string(&name),
            Token::Count(name) => {
                let pattern = self.number_of(&name)?;
                let comparison = self.comparison()?;
                let count = self.number()?;
                if count >= HITS_MAX as u64 {
                    return Err((
                        self.line(),
                        RuleFault::Limit { what: "counted places", limit: HITS_MAX - 1 },
                    ));
                }
                Ok(Condition::Count(pattern, comparison, count))
            }
            other => Err(self.expected("a condition", &other)),
        }
    }

    /// `$a`, `$a at 0`, `$a in (0..9)`.
    fn string(&mut self, name: &str) -> Result<Condition, Wrong> {
        let pattern = self.number_of(name)?;
        if self.take_word("at")? {
            return Ok(Condition::At(pattern, self.number()?));
        }
        if !self.take_word("in")? {
            return Ok(Condition::Seen(pattern));
        }
        self.sign("(")?;
        let from = self.number()?;
        self.sign("..")?;
        let to = self.number()?;
        self.sign(")")?;
        Ok(Condition::In(pattern, from, to))
    }

    /// `of them`, `of ($a, $b*)`.
    fn of(&mut self, quantity: Quantity) -> Result<Condition, Wrong> {
        self.keyword("of")?;
        if self.take_word("them")? {
            self.names.iter_mut().for_each(|named| named.is_used = true);
            return Ok(Condition::Of(quantity, (self.first..self.first + self.names.len()).collect()));
        }
        self.sign("(")?;
        let mut patterns = Vec::new();
        loop {
            match self.take()? {
                Token::String(name) => match name.strip_suffix('*') {
                    Some(prefix) => self.numbers_of(prefix, &mut patterns)?,
                    None => patterns.push(self.number_of(&name)?),
                },
                other => return Err(self.expected("a string such as $a or $a*", &other)),
            }
            if !self.take_sign(",")? {
                break;
            }
        }
        self.sign(")")?;
        Ok(Condition::Of(quantity, patterns))
    }

    fn numbers_of(&mut self, prefix: &str, patterns: &mut Vec<usize>) -> Result<(), Wrong> {
        let before = patterns.len();
        for (number, named) in
            self.names.iter_mut().enumerate().filter(|(_, named)| named.name.starts_with(prefix))
        {
            named.is_used = true;
            patterns.push(self.first + number);
        }
        let found = patterns.len() > before;
        if found { Ok(()) } else { Err((self.line(), RuleFault::UnknownString(format!("{prefix}*")))) }
    }

    fn number_of(&mut self, name: &str) -> Result<usize, Wrong> {
        let line = self.line();
        match self.names.iter().position(|named| named.name == name) {
            Some(number) => {
                self.names[number].is_used = true;
                Ok(self.first + number)
            }
            None => Err((line, RuleFault::UnknownString(name.to_owned()))),
        }
    }

    fn comparison(&mut self) -> Result<Comparison, Wrong> {
        match self.take()? {
            Token::Sign("<") => Ok(Comparison::Less),
            Token::Sign("<=") => Ok(Comparison::AtMost),
            Token::Sign(">") => Ok(Comparison::Greater),
            Token::Sign(">=") => Ok(Comparison::AtLeast),
            Token::Sign("==") => Ok(Comparison::Equal),
            Token::Sign("!=") => Ok(Comparison::NotEqual),
            other => Err(self.expected("<, <=, >, >=, == or !=", &other)),
        }
    }

    fn number(&mut self) -> Result<u64, Wrong> {
        match self.take()? {
            Token::Number(number) => Ok(number),
            other => Err(self.expected("a number", &other)),
        }
    }

    fn word(&mut self, what: &str) -> Result<String, Wrong> {
        match self.take()? {
            Token::Word(word) => Ok(word),
            other => Err(self.expected(what, &other)),
        }
    }

    fn keyword(&mut self, word: &str) -> Result<(), Wrong> {
        if self.take_word(word)? {
            return Ok(());
        }
        let other = self.take()?;
        Err(self.expected(word, &other))
    }

    fn sign(&mut self, sign: &'static str) -> Result<(), Wrong> {
        if self.take_sign(sign)? {
            return Ok(());
        }
        let other = self.take()?;
        Err(self.expected(sign, &other))
    }

    fn take_word(&mut self, word: &str) -> Result<bool, Wrong> {
        let found = matches!(self.peek()?, Token::Word(next) if next == word);
        if found {
            self.take()?;
        }
        Ok(found)
    }

    fn take_sign(&mut self, sign: &'static str) -> Result<bool, Wrong> {
        let found = *self.peek()? == Token::Sign(sign);
        // What follows may be a pattern, which reads differently, so nothing is read ahead behind a sign.
        if found {
            self.next = None;
        }
        Ok(found)
    }

    fn peek(&mut self) -> Result<&Token, Wrong> {
        if self.next.is_none() {
            let token = self.lexer.next()?;
            self.next = Some((token, self.lexer.line));
        }
        Ok(&self.next.as_ref().expect("it was read just now").0)
    }

    fn take(&mut self) -> Result<Token, Wrong> {
        match self.next.take() {
            Some((token, _)) => Ok(token),
            None => self.lexer.next(),
        }
    }

    fn line(&self) -> u32 {
        self.next.as_ref().map_or(self.lexer.line, |(_, line)| *line)
    }

    fn expected(&self, expected: &str, found: &Token) -> Wrong {
        self.lexer.expected(expected, found.shown())
    }
}
