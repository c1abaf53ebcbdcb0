//! From bytes to directives: lines, continuations, comments, quotes.

use std::path::Path;
use std::sync::Arc;

use crate::error::{Fault, LoadError, Location};

/// A directive with its words, quotes removed.
#[derive(Debug)]
pub(crate) struct Directive {
    pub(crate) location: Location,
    /// As written.
    pub(crate) name: String,
    pub(crate) words: Vec<Vec<u8>>,
}

impl Directive {
    pub(crate) fn error(&self, fault: Fault) -> LoadError {
        LoadError { location: self.location.clone(), directive: self.name.clone(), fault }
    }
}

/// Splits a file into its directives.
///
/// # Errors
/// A quote or a block that does not end.
pub(crate) fn directives(file: &Arc<Path>, text: &[u8]) -> Result<Vec<Directive>, LoadError> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut lines = text.split(|byte| *byte == b'\n').zip(1_u32..);
    let mut found = Vec::new();
    while let Some((line, number)) = lines.next() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let mut whole = line.to_vec();
        while whole.last() == Some(&b'\\') {
            whole.pop();
            let Some((next, _)) = lines.next() else { break };
            whole.extend_from_slice(next.trim_ascii());
        }
        // A block of SecDataset: lines between back quotes.
        let is_block = whole.get(..10).is_some_and(|name| name.eq_ignore_ascii_case(b"SecDataset"));
        while is_block && whole.iter().filter(|byte| **byte == b'`').count() == 1 {
            let Some((next, _)) = lines.next() else { break };
            whole.push(b'\n');
            whole.extend_from_slice(next.trim_ascii());
        }
        let location = Location { file: Arc::clone(file), line: number };
        let end = whole.iter().position(u8::is_ascii_whitespace).unwrap_or(whole.len());
        let mut directive = Directive {
            location,
            name: String::from_utf8_lossy(&whole[..end]).into_owned(),
            words: Vec::new(),
        };
        directive.words = words(&whole[end..]).map_err(|fault| directive.error(fault))?;
        found.push(directive);
    }
    Ok(found)
}

/// The words of a directive: divided by white space, or between quotes, where `\"` is a quote.
fn words(text: &[u8]) -> Result<Vec<Vec<u8>>, Fault> {
    let mut words = Vec::new();
    let mut rest = text.trim_ascii_start();
    while let Some(&first) = rest.first() {
        let (word, after) = match first {
            b'"' | b'\'' | b'`' => quoted(&rest[1..], first)?,
            _ => {
                let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
                (rest[..end].to_vec(), &rest[end..])
            }
        };
        words.push(word);
        if !after.first().is_none_or(u8::is_ascii_whitespace) {
            return Err(Fault::Syntax("no space after a closing quote"));
        }
        rest = after.trim_ascii_start();
    }
    Ok(words)
}

/// The word up to the closing quote, and what follows. Only the quote itself can be escaped; every other
/// backslash belongs to the word, as libmodsecurity reads it.
fn quoted(text: &[u8], quote: u8) -> Result<(Vec<u8>, &[u8]), Fault> {
    let mut word = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if byte == quote {
            return Ok((word, &text[at + 1..]));
        }
        if byte == b'\\' {
            match text.get(at + 1) {
                Some(next) if *next == quote => word.push(quote),
                Some(next) => word.extend_from_slice(&[b'\\', *next]),
                None => return Err(Fault::Syntax("a quote is not closed")),
            }
            at += 2;
            continue;
        }
        word.push(byte);
        at += 1;
    }
    Err(Fault::Syntax("a quote is not closed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Vec<(u32, String, Vec<String>)> {
        let file: Arc<Path> = Arc::from(Path::new("rules.conf"));
        let text_of = |word: &Vec<u8>| String::from_utf8(word.clone()).expect("text");
        directives(&file, text.as_bytes())
            .expect("directives")
            .into_iter()
            .map(|d| (d.location.line, d.name.clone(), d.words.iter().map(text_of).collect()))
            .collect()
    }

    #[test]
    fn lines_continue_after_a_backslash_and_count_from_their_first() {
        let found = parse("# note\n\nSecRule A \\\n  \"@rx b\" \\\n  \"id:1,\\\n    pass\"\nSecMarker X\r\n");
        assert_eq!(
            found,
            [
                (3, "SecRule".into(), vec!["A".into(), "@rx b".into(), "id:1,pass".into()]),
                (7, "SecMarker".into(), vec!["X".into()]),
            ]
        );
    }

    #[test]
    fn only_the_quote_itself_is_unescaped() {
        let found = parse(r#"SecRule A "@rx \"\\\d'x" 'id:1'"#);
        assert_eq!(found[0].2, ["A", r#"@rx "\\\d'x"#, "id:1"]);
    }

    #[test]
    fn a_block_in_back_quotes_spans_lines() {
        let found = parse("SecDataset names `\none\n two\n`\nSecMarker X");
        assert_eq!(found[0].2, ["names", "\none\ntwo\n"]);
        assert_eq!(found[1].0, 5);
    }

    #[test]
    fn open_quotes_are_refused_with_their_place() {
        let file: Arc<Path> = Arc::from(Path::new("rules.conf"));
        let error = directives(&file, b"\nSecRule A \"@rx").expect_err("open");
        assert_eq!(error.to_string(), "rules.conf:2: SecRule: a quote is not closed");
    }
}
