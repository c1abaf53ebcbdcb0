//! Lays out a script, so that minified ones can be read and compared line by line.

use serde::Serialize;

use super::bounded;
use super::token::{Kind, Token, Tokens};

/// Bytes of a line; longer ones go on in the next.
const LINE_BYTES_MAX: usize = 240;
/// From here on a comma between arguments ends a line too.
const LINE_BYTES_FULL: usize = 80;
/// Lines of a layout. A megabyte of minified script has 30,000 to 60,000.
const LINES_MAX: usize = 100_000;
/// Steps of two spaces at most.
const DEPTH_MAX: usize = 20;
/// Words that go on in the line of a closing brace.
const GO_ON: [&str; 6] = ["as", "catch", "else", "finally", "from", "while"];

/// A script, laid out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Layout {
    /// Its lines.
    pub lines: Vec<Line>,
    /// Whether the script is longer than is looked at, or has more lines than are kept.
    pub is_partial: bool,
}

/// A line of a script that is laid out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Where in the script it begins, in bytes.
    pub offset: usize,
    /// The line with its indentation.
    pub text: String,
}

impl Layout {
    /// The number of the line, from 1, that holds the byte at `offset` of the script.
    pub fn line_of(&self, offset: usize) -> usize {
        self.lines.partition_point(|line| line.offset <= offset).max(1)
    }
}

/// Lays out `script`: lines end behind `;`, `{`, `}` and `,` and where they ended before.
pub fn lay_out(script: &str) -> Layout {
    let (text, is_partial) = bounded(script);
    let mut page = Typesetter { layout: Layout { lines: Vec::new(), is_partial }, ..Typesetter::default() };
    Tokens::of(text).for_each(|token| page.set(&token));
    page.end_line();
    page.layout
}

#[derive(Default)]
struct Typesetter {
    layout: Layout,
    line: String,
    offset: usize,
    /// Open brackets, `true` for braces.
    open: Vec<bool>,
    /// Open braces.
    depth: usize,
    needs_space: bool,
}

impl Typesetter {
    fn set(&mut self, token: &Token<'_>) {
        match token.kind {
            Kind::LineEnd => self.end_line(),
            Kind::Space => self.needs_space = true,
            Kind::LineComment => {
                self.push(token);
                self.end_line();
            }
            Kind::Sign => self.sign(token),
            _ => self.push(token),
        }
    }

    fn sign(&mut self, token: &Token<'_>) {
        match token.text {
            "}" => {
                self.end_line();
                self.close();
                self.push(token);
            }
            "{" => {
                self.push(token);
                self.open.push(true);
                self.depth += 1;
                self.end_line();
            }
            "(" | "[" => {
                self.push(token);
                self.open.push(false);
            }
            ")" | "]" => {
                self.close();
                self.push(token);
            }
            ";" => {
                self.push(token);
                if self.is_between_statements() {
                    self.end_line();
                }
            }
            "," => {
                self.push(token);
                if self.is_between_statements() || self.line.len() > LINE_BYTES_FULL {
                    self.end_line();
                }
            }
            _ => self.push(token),
        }
    }

    fn close(&mut self) {
        if self.open.pop() == Some(true) {
            self.depth -= 1;
        }
    }

    /// Not inside parentheses, as in `for (;;)`.
    fn is_between_statements(&self) -> bool {
        self.open.last().copied().unwrap_or(true)
    }

    fn push(&mut self, token: &Token<'_>) {
        if self.line == "}" && token.kind == Kind::Word {
            match GO_ON.contains(&token.text) {
                true => self.needs_space = true,
                false => self.end_line(),
            }
        }
        if self.line.is_empty() {
            self.offset = token.at;
        } else if self.needs_space {
            self.line.push(' ');
        }
        self.needs_space = false;
        let mut at = token.at;
        for piece in token.text.split_inclusive(['\n', '\r']) {
            self.piece(piece.trim_end_matches(['\n', '\r']), at);
            at += piece.len();
            if piece.ends_with(['\n', '\r']) {
                self.end_line();
                self.offset = at;
            }
        }
    }

    fn piece(&mut self, text: &str, at: usize) {
        let mut rest = text;
        while self.line.len() + rest.len() > LINE_BYTES_MAX {
            let mut cut = LINE_BYTES_MAX.saturating_sub(self.line.len()).min(rest.len());
            while !rest.is_char_boundary(cut) {
                cut -= 1;
            }
            if cut == 0 && self.line.is_empty() {
                break;
            }
            self.line.push_str(&rest[..cut]);
            rest = &rest[cut..];
            self.end_line();
            self.offset = at + (text.len() - rest.len());
        }
        self.line.push_str(rest);
    }

    fn end_line(&mut self) {
        self.needs_space = false;
        if self.line.is_empty() {
            return;
        }
        if self.layout.lines.len() >= LINES_MAX {
            self.layout.is_partial = true;
            self.line.clear();
            return;
        }
        // The brace that ended this line is already counted.
        let depth = self.depth.saturating_sub(usize::from(self.line.ends_with('{'))).min(DEPTH_MAX);
        let text = format!("{}{}", "  ".repeat(depth), self.line.trim_end());
        self.layout.lines.push(Line { offset: self.offset, text });
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(script: &str, expected: &[&str]) {
        let layout = lay_out(script);
        let lines: Vec<_> = layout.lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn minified_scripts_become_lines() {
        check(
            "var a=1,b='x;{';function f(c,d){for(;;){g(c,d)}return{e:1,f:2}}if(a){h()}else{i()}",
            &[
                "var a=1,",
                "b='x;{';",
                "function f(c,d){",
                "  for(;;){",
                "    g(c,d)",
                "  }",
                "  return{",
                "    e:1,",
                "    f:2",
                "  }",
                "}",
                "if(a){",
                "  h()",
                "} else{",
                "  i()",
                "}",
            ],
        );
    }

    #[test]
    fn lines_know_where_they_come_from() {
        let layout = lay_out("a;b;\n  c");
        assert_eq!(layout.lines.iter().map(|line| line.offset).collect::<Vec<_>>(), [0, 2, 7]);
        assert_eq!([0, 1, 2, 7, 99].map(|offset| layout.line_of(offset)), [1, 1, 2, 3, 3]);
    }

    #[test]
    fn long_words_and_long_scripts_are_cut() {
        let layout = lay_out(&format!("a='{}'", "é".repeat(1000)));
        assert!(layout.lines.len() > 5);
        assert!(layout.lines.iter().all(|line| line.text.len() <= LINE_BYTES_MAX + 2 * DEPTH_MAX));
        assert!(lay_out(&"x;".repeat(super::super::SCRIPT_BYTES_MAX)).is_partial);
    }
}
