//! Folds the tokens of an input to at most five.
//!
//! The tokens lie in a row; `start` is where the rules look, `end` is where the next token goes. A rule about two or
//! three tokens at the start drops tokens from the end and says where to look next. When more tokens were read than a
//! rule is about, those it drops are not those it is about: the fingerprints were made with that, so it stays.

use super::TOKENS_MAX;
use super::lexer::Lexer;
use super::tables;
use super::token::{Kind, Token};

/// Bare words that are functions before a parenthesis.
const FUNCTIONS: [&[u8]; 11] = [
    b"USER_ID",
    b"USER_NAME",
    b"DATABASE",
    b"PASSWORD",
    b"USER",
    b"CURRENT_USER",
    b"CURRENT_DATE",
    b"CURRENT_TIME",
    b"CURRENT_TIMESTAMP",
    b"LOCALTIME",
    b"LOCALTIMESTAMP",
];

/// Up to five tokens.
pub(super) struct Folded {
    tokens: [Token; TOKENS_MAX],
    length: usize,
}

impl Folded {
    /// Reads as many tokens as folding needs.
    pub(super) fn of(lexer: &mut Lexer<'_>) -> Self {
        Folder::new(lexer).run()
    }

    pub(super) fn tokens(&self) -> &[Token] {
        &self.tokens[..self.length]
    }

    /// An empty backtick that nothing closes is a comment to PHP's interface of MySQL.
    fn read_as_php(&mut self) {
        let Some(last) = self.tokens[..self.length].last_mut() else { return };
        let is_open = last.open == Some(b'`') && last.close.is_none() && last.value().is_empty();
        if self.length > 2 && last.kind == Kind::Bareword && is_open {
            last.kind = Kind::Comment;
        }
    }
}

struct Folder<'f, 'i> {
    lexer: &'f mut Lexer<'i>,
    /// One more than a fingerprint has: the sixth says what the fifth is.
    row: [Token; TOKENS_MAX + 1],
    start: usize,
    end: usize,
    is_over: bool,
    /// The comment behind the last token.
    comment: Option<Token>,
}

/// What a rule does.
enum Rule {
    /// It drops so many tokens from the end.
    Drop(usize, Then),
    /// It has found what no database reads so.
    Evil,
}

/// Where the rules look next.
enum Then {
    Stay,
    Back,
    Restart,
}

impl<'f, 'i> Folder<'f, 'i> {
    fn new(lexer: &'f mut Lexer<'i>) -> Self {
        let row = [Token::new(Kind::Unknown, b""); TOKENS_MAX + 1];
        Self { lexer, row, start: 0, end: 0, is_over: false, comment: None }
    }

    fn run(mut self) -> Folded {
        self.skip_beginning();
        loop {
            self.make_room();
            if self.is_over || self.start >= TOKENS_MAX {
                return self.finish();
            }
            match self.fold() {
                None => {}
                Some(Rule::Drop(tokens, then)) => {
                    self.end -= tokens;
                    self.start = match then {
                        Then::Stay => self.start,
                        Then::Back => self.start.saturating_sub(1),
                        Then::Restart => 0,
                    };
                }
                Some(Rule::Evil) => {
                    self.row[self.start] = self.row[self.start].with_kind(Kind::Evil);
                    return self.finish();
                }
            }
        }
    }

    /// Steps over comments, parentheses, types and unary operators, and takes the first token behind them.
    fn skip_beginning(&mut self) {
        let is_skipped = |token: &Token| {
            matches!(token.kind, Kind::Comment | Kind::LeftParen | Kind::SqlType) || token.is_unary()
        };
        match std::iter::from_fn(|| self.lexer.next()).find(|token| !is_skipped(token)) {
            Some(token) => {
                self.row[0] = token;
                self.end = 1;
            }
            None => self.is_over = true,
        }
    }

    /// Five tokens that say little are one: `1+(1)`, `1,(1)`, `a+(b)`, `1),(1` and `a)+(b`.
    fn make_room(&mut self) {
        use Kind::{Bareword, Comma, LeftParen, Number, Operator, RightParen};
        if self.end < TOKENS_MAX {
            return;
        }
        let [a, b, c, d, e, _] = self.row.each_ref().map(|token| token.kind);
        let says_little = matches!(
            (a, b, c, d, e),
            (Number, Operator | Comma, LeftParen, Number, RightParen)
                | (Bareword, Operator, LeftParen, Bareword | Number, RightParen)
                | (Number, RightParen, Comma, LeftParen, Number)
                | (Bareword, RightParen, Operator, LeftParen, Bareword)
        );
        if !says_little {
            return;
        }
        self.start = 0;
        if self.end > TOKENS_MAX {
            self.row[1] = self.row[TOKENS_MAX];
            self.end = 2;
        } else {
            self.end = 1;
        }
    }

    /// Applies the first rule about what is at the start, or moves the start.
    fn fold(&mut self) -> Option<Rule> {
        if !self.read(2) {
            self.start = self.end;
            return None;
        }
        if let Some(rule) = self.pair() {
            return Some(rule);
        }
        if !self.read(3) {
            self.start = self.end;
            return None;
        }
        let rule = self.triple();
        self.start += usize::from(rule.is_none());
        rule
    }

    /// Reads until there are so many tokens at the start; comments are not among them.
    fn read(&mut self, tokens: usize) -> bool {
        while !self.is_over && self.end <= TOKENS_MAX && self.end < self.start + tokens {
            match self.lexer.next() {
                None => self.is_over = true,
                Some(token) if token.kind == Kind::Comment => self.comment = Some(token),
                Some(token) => {
                    self.comment = None;
                    self.row[self.end] = token;
                    self.end += 1;
                }
            }
        }
        self.end >= self.start + tokens
    }

    fn pair(&mut self) -> Option<Rule> {
        use Kind::{
            Backslash, Bareword, Collate, Function, Keyword, LeftBrace, LeftParen, Logic, Number, Operator,
            RightBrace, RightParen, Semicolon, SqlType, String, Tsql, Variable,
        };
        let [a, b] = [self.row[self.start], self.row[self.start + 1]];
        match (a.kind, b.kind) {
            (String, String) | (Semicolon, Semicolon) => Some(Rule::Drop(1, Then::Stay)),
            (Operator | Logic, kind) if kind == SqlType || b.is_unary() => Some(Rule::Drop(1, Then::Restart)),
            (LeftParen, _) if b.is_unary() => Some(Rule::Drop(1, Then::Back)),
            _ if let Some(phrase) = phrase(&a, &b) => {
                self.row[self.start] = phrase;
                Some(Rule::Drop(1, Then::Back))
            }
            // Behind a semicolon, IF is a statement of Transact-SQL.
            (Semicolon, Function)
                if b.value().get(..2).is_some_and(|word| word.eq_ignore_ascii_case(b"IF")) =>
            {
                self.rename(1, Tsql)
            }
            (Bareword | Variable, LeftParen) if FUNCTIONS.iter().any(|word| a.is_word(word)) => {
                self.rename(0, Function)
            }
            (Keyword, LeftParen) if a.is_word(b"IN") || a.is_word(b"NOT IN") => self.rename(0, Operator),
            (Keyword, _) if a.is_word(b"IN") || a.is_word(b"NOT IN") => self.rename(0, Bareword),
            (Operator, kind) if a.is_word(b"LIKE") || a.is_word(b"NOT LIKE") => {
                if kind == LeftParen {
                    self.row[self.start].kind = Function;
                }
                None
            }
            (SqlType, Bareword | Number | SqlType | LeftParen | Function | Variable | String) => {
                self.row[self.start] = b;
                Some(Rule::Drop(1, Then::Restart))
            }
            // There are too many collations for a table. To libinjection a word ends at NUL.
            (Collate, Bareword)
                if b.value().iter().take_while(|byte| **byte != 0).any(|byte| *byte == b'_') =>
            {
                self.row[self.start + 1].kind = SqlType;
                self.start = 0;
                None
            }
            // Transact-SQL reads `\%1` as `0%1` and `\1` as `1`.
            (Backslash, _) if b.is_arithmetic() => {
                self.row[self.start].kind = Number;
                Some(Rule::Drop(0, Then::Restart))
            }
            (Backslash, _) => {
                self.row[self.start] = b;
                Some(Rule::Drop(1, Then::Restart))
            }
            (LeftParen, LeftParen) | (RightParen, RightParen) => Some(Rule::Drop(1, Then::Restart)),
            // MySQL alone accepts {``.``.id}.
            (LeftBrace, Bareword) if b.value().is_empty() => Some(Rule::Evil),
            // `{foo expression}` of ODBC is the expression.
            (LeftBrace, Bareword) => Some(Rule::Drop(2, Then::Restart)),
            (_, RightBrace) => Some(Rule::Drop(1, Then::Restart)),
            _ => None,
        }
    }

    fn triple(&mut self) -> Option<Rule> {
        use Kind::{
            Bareword, Comma, Dot, Expression, Function, Group, Keyword, LeftParen, Logic, Number, Operator,
            RightParen, SqlType, String, Variable,
        };
        let [a, b, c] = [self.row[self.start], self.row[self.start + 1], self.row[self.start + 2]];
        let unary = b.is_unary();
        match (a.kind, b.kind, c.kind) {
            (Operator, LeftParen, Operator) => None,
            (Operator, _, Operator)
            | (Logic, _, Logic)
            | (Variable, Operator, Variable | Number | Bareword)
            | (Bareword | Number, Operator, Number | Bareword)
            | (Bareword | Number | String | Variable, Comma, Number | Bareword | String | Variable)
            | (Bareword, Dot, Bareword) => Some(Rule::Drop(2, Then::Restart)),
            (Bareword | Number | String | Variable, Operator, SqlType) if b.value() == b"::" => {
                Some(Rule::Drop(2, Then::Restart))
            }
            (Expression | Group | Comma, _, LeftParen) if unary => self.drop_second(1),
            (Keyword | Expression | Group, _, Number | Bareword | Variable | String | Function) if unary => {
                self.drop_second(1)
            }
            // `1,-1` becomes `1,1`, which folds.
            (Comma, _, Number | Bareword | Variable | String) if unary => self.drop_second(3),
            (Comma, _, Function) if unary => self.drop_second(1),
            (Expression, Dot, Bareword) => self.drop_second(1),
            // USER() has no arguments, so this is something else.
            (Function, LeftParen, kind) if kind != RightParen && a.is_word(b"USER") => {
                self.row[self.start].kind = Bareword;
                None
            }
            _ => None,
        }
    }

    /// Changes the kind of a token, and has the rules look again.
    fn rename(&mut self, place: usize, kind: Kind) -> Option<Rule> {
        self.row[self.start + place].kind = kind;
        Some(Rule::Drop(0, Then::Stay))
    }

    /// Puts the third token in the place of the second.
    fn drop_second(&mut self, tokens: usize) -> Option<Rule> {
        self.row[self.start + 1] = self.row[self.start + 2];
        Some(Rule::Drop(tokens, Then::Restart))
    }

    fn finish(self) -> Folded {
        let mut length = self.end.min(TOKENS_MAX);
        let mut tokens = self.row;
        if let Some(comment) = self.comment
            && length < TOKENS_MAX
        {
            tokens[length] = comment;
            length += 1;
        }
        let [a, b, c, d, e, _] = tokens;
        let mut folded = Folded { tokens: [a, b, c, d, e], length };
        folded.read_as_php();
        if folded.tokens().iter().any(|token| token.kind == Kind::Evil) {
            folded.tokens[0] = Token::new(Kind::Evil, b"X");
            folded.length = 1;
        }
        folded
    }
}

/// Two words that the table has as one, such as UNION ALL.
fn phrase(a: &Token, b: &Token) -> Option<Token> {
    use Kind::{Bareword, Expression, Function, Keyword, Logic, Operator, SqlType, Tsql, Union};
    let is_word =
        |kind| matches!(kind, Keyword | Bareword | Operator | Union | Function | Expression | Tsql | SqlType);
    if !is_word(a.kind) || !is_word(b.kind) && b.kind != Logic {
        return None;
    }
    let joined = a.joined(b)?;
    Some(joined.with_kind(tables::word(joined.value())?))
}
