//! Inputs that nobody wrote: pieces of SQL and HTML in any order, and mutations.

use super::random::Random;

/// Words of SQL, one line for each kind; the text behind the kind is a list.
const WORDS: &str = include_str!("../../../src/injection/sqli/words.txt");
/// Fingerprints of attacks, one line for each set of last kinds; the text behind the set lists beginnings.
const FINGERPRINTS: &str = include_str!("../../../src/injection/sqli/fingerprints.txt");

#[rustfmt::skip]
const SQL: &[&[u8]] = &[
    b"'", b"''", b"\"", b"`", b"``", b"\\", b"\\'", b"\\N", b"(", b")", b"{", b"}", b"[", b"]", b"[a]",
    b",", b";", b".", b":", b"::", b":=", b"?", b"@", b"@@", b"@a", b"@@version", b"@`a`", b"@'a'", b"$",
    b"$1", b"$1,000.00", b"$$", b"$a$", b"$a$x$a$", b"$.", b"#", b"--", b"-- ", b"--\n", b"-", b"+", b"*",
    b"/", b"%", b"/*", b"*/", b"/**/", b"/*!", b"/*x*/", b"/*/*", b"!", b"!!", b"~", b"=", b"<", b">",
    b"<=>", b"<>", b"||", b"|", b"&&", b"&", b"^", b"\n", b"\t", b" ", b" ", b" ", b"\0", b"\xa0", b"\x0b",
    b"1", b"0", b"1.", b".1", b"1e", b"1e5", b"1.e+", b"1f", b"1d ", b"1fU", b"0x", b"0x1F", b"0b", b"0b01",
    b"x'1f'", b"X'", b"b'01'", b"B'2'", b"e'a'", b"n'a'", b"N'", b"nq'(a)'", b"q'[a]'", b"q'!a!'", b"Q'",
    b"u&'a'", b"U&", b"a", b"foo", b"a.b", b"`a`", b"`select`", b"`sleep`", b"`a\0_b`", b"select.1", b"union`a`",
    b"sp_password", b"a_b", b"latin1_bin", b"IN", b"NOT IN", b"LIKE", b"NOT", b"OR", b"AND", b"UNION",
    b"SELECT", b"FROM", b"WHERE", b"COLLATE", b"USER", b"USER(", b"USER()", b"IF", b"IF(", b"INTO OUTFILE",
    b"PASSWORD(", b"CURRENT_DATE(", b"::int", b"\xff", b"\xc3\xa4", b"aaaaaaaaaabbbbbbbbbbccccccccccd",
    b"aaaaaaaaaabbbbbbbbbbccccccccccdd", b"aaaaaaaaaa.bbbbbbbbbb.cccccccccc.dd",
];

#[rustfmt::skip]
const HTML: &[&[u8]] = &[
    b"<", b">", b"/", b"/>", b"</", b"</a>", b"</>", b"<a", b"<b>", b"<a ", b"<\0a", b"<script",
    b"<SCRIPT>", b"<svg", b"<xsl:x", b"<iframe ", b"<x ", b"<?", b"<?xml", b"<?import", b"<%", b"%>", b"%",
    b"<!", b"<!--", b"-->", b"-!>", b"--", b"-\0->", b"--!", b"-", b"<![CDATA[", b"]]>", b"]]", b"]",
    b"<!doctype", b"<!DOCTYPE html>", b"<!entity", b"[if", b"xml ", b"`", b"'", b"\"", b"=", b" =", b"= ",
    b" ", b"\t", b"\n", b"\0", b"\x0b", b"\x0c", b"\xff", b"\x80", b"x", b"y", b"on", b"onload",
    b"onerror=", b" onx=", b"xmlns", b"xmlns:a=", b"xlink:href=", b"href", b"href=", b" href='", b" src=\"",
    b"src=`", b"style=", b"st\0yle=", b"filter=", b"action=", b"attributename=", b"to=", b"by=",
    b"values='", b"datasrc=", b"value=", b"javascript:", b"java", b"j\0ava", b"jav\nascript:", b"JAVA",
    b"data:", b"view-source:", b"vbscript:", b"http:", b"&#", b"&#x", b"&#x6a", b"&#106;", b"&#x6A;",
    b"&#0;", b"&#10;", b"&#x0a", b"&#32;", b"&#x16a;", b"&#1048832;", b"&#99999999999;", b"&#x1000ff;",
    b"&#X41", b"&amp;", b"&", b"a", b"A", b";", b"1",
];

pub(crate) struct Generator {
    random: Random,
    /// Words and the letters of their kinds.
    words: Vec<(u8, &'static [u8])>,
    /// Last kinds and a beginning.
    fingerprints: Vec<(&'static [u8], &'static [u8])>,
    corpus: Vec<Vec<u8>>,
}

/// The first word and the rest of each line that is no comment.
fn lines(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    table.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '))
}

impl Generator {
    pub(crate) fn new(random: Random, mut corpus: Vec<Vec<u8>>) -> Self {
        let words = lines(WORDS)
            .flat_map(|(kind, list)| list.split(", ").map(|word| (kind.as_bytes()[0], word.as_bytes())))
            .collect();
        let fingerprints = lines(FINGERPRINTS)
            .flat_map(|(ends, list)| list.split(' ').map(|begin| (ends.as_bytes(), begin.as_bytes())))
            .collect();
        // Without the cases there is still something to mutate.
        corpus.push(b"1' OR '1'='1".to_vec());
        Self { random, words, fingerprints, corpus }
    }

    pub(crate) fn input(&mut self) -> Vec<u8> {
        match self.random.below(10) {
            0 => self.sql(),
            1..4 => self.attack(),
            4..7 => self.html(),
            7 => (0..self.random.below(12)).map(|_| self.random.byte()).collect(),
            8 => {
                let case = self.case();
                self.mutation(case)
            }
            _ => {
                let attack = self.attack();
                self.mutation(attack)
            }
        }
    }

    fn case(&mut self) -> Vec<u8> {
        self.corpus[self.random.below(self.corpus.len())].clone()
    }

    fn sql(&mut self) -> Vec<u8> {
        let mut input = Vec::new();
        for _ in 0..=self.random.below(12) {
            if self.random.below(3) == 0 {
                let (_, word) = self.random.pick(&self.words);
                self.push_word(word, &mut input);
            } else {
                input.extend_from_slice(self.random.pick::<&[u8]>(SQL));
            }
            if self.random.below(2) == 0 {
                input.push(b' ');
            }
        }
        input
    }

    /// Appends a word in mixed case.
    fn push_word(&mut self, word: &[u8], input: &mut Vec<u8>) {
        let lower = self.random.below(3) == 0;
        input.extend(word.iter().map(|byte| if lower { byte.to_ascii_lowercase() } else { *byte }));
    }

    /// Tokens of the kinds of a fingerprint.
    fn attack(&mut self) -> Vec<u8> {
        let (ends, begin) = self.random.pick(&self.fingerprints);
        let end = self.random.pick(ends);
        // Something in front has the rest read as what is behind it.
        let front = self.random.below(3) == 0;
        let mut input =
            if front { self.random.pick::<&[u8]>(&[b"a' ", b"a\" ", b"1 ", b"a'"]) } else { &b""[..] }
                .to_vec();
        for kind in begin.iter().filter(|kind| **kind != b'-').chain([&end]) {
            self.push_token(*kind, &mut input);
            if self.random.below(5) > 0 {
                let space = self.random.pick::<&[u8]>(&[b" ", b" ", b" ", b"/**/", b"\t", b"+", b"\xa0"]);
                input.extend_from_slice(space);
            }
        }
        input
    }

    /// Appends a token of that kind; fingerprints have all kinds in capitals.
    fn push_token(&mut self, kind: u8, input: &mut Vec<u8>) {
        let fixed: &[&[u8]] = match kind {
            b'1' => &[b"1", b"1.5", b"0x1f", b"\\N", b"1e5", b"1,1", b"1+1", b"true"],
            b'S' => &[b"'a'", b"\"a\"", b"'", b"q'[a]'", b"$$a$$", b"'a' 'b'", b"'a'::int"],
            b'N' => &[b"foo", b"a.b", b"[a]", b"`a`", b"user", b"a_b"],
            b'V' => &[b"@a", b"@@version", b"@`a`", b"@'a'"],
            b'C' => &[b"-- ", b"--", b"/* a */", b"#", b"--a", b"/*"],
            b'X' => &[b"/*!a*/", b"/*/*", b"{ `` }"],
            b'O' => &[b"=", b"+", b"-", b"*", b"!", b"LIKE", b"NOT", b"IN", b"IS", b"::"],
            b'(' | b')' | b',' | b':' | b';' => &[],
            _ => &[b"a"],
        };
        let words: Vec<&'static [u8]> = self
            .words
            .iter()
            .filter(|(of, _)| of.eq_ignore_ascii_case(&kind))
            .map(|(_, word)| *word)
            .collect();
        match fixed {
            [] => input.push(kind),
            _ if !words.is_empty() && self.random.below(2) == 0 => {
                let word = self.random.pick(&words);
                self.push_word(word, input);
            }
            fixed => input.extend_from_slice(self.random.pick::<&[u8]>(fixed)),
        }
    }

    fn html(&mut self) -> Vec<u8> {
        let pieces = 1 + self.random.below(14);
        (0..pieces).flat_map(|_| self.random.pick(HTML).to_vec()).collect()
    }

    fn mutation(&mut self, mut input: Vec<u8>) -> Vec<u8> {
        // Most cases are long, and what matters is near the beginning.
        input.truncate(120);
        for _ in 0..=self.random.below(4) {
            let at = self.random.below(input.len() + 1);
            match self.random.below(5) {
                0 => input.truncate(at),
                1 => drop(input.drain(..at)),
                2 => {
                    let other = self.case();
                    let other = &other[..other.len().min(40)];
                    input.splice(at..at, other.iter().copied());
                }
                3 if at < input.len() => input[at] = self.random.byte(),
                _ => {
                    let pieces = if self.random.below(2) == 0 { SQL } else { HTML };
                    let piece = self.random.pick(pieces);
                    input.splice(at..at, piece.iter().copied());
                }
            }
        }
        input
    }
}
