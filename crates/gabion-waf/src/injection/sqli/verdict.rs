//! Which inputs have the fingerprint of an attack and are none, because they are short and people write so.

use memchr::memmem;

use super::token::{Kind, Token};

/// Whether these tokens are harmless in spite of their fingerprint. They were so many before folding.
pub(super) fn is_harmless(fingerprint: &[u8], tokens: &[Token], tokens_read: usize, input: &[u8]) -> bool {
    // SQL Server logs no statement with this word.
    if fingerprint.len() > 1 && fingerprint.ends_with(b"c") && memmem::find(input, b"sp_password").is_some() {
        return false;
    }
    match tokens {
        [a, b] => is_harmless_pair(a, b, tokens_read, input),
        [a, b, c] => is_harmless_triple(fingerprint, [a, b, c], tokens_read),
        _ => false,
    }
}

fn is_harmless_pair(a: &Token, b: &Token, tokens_read: usize, input: &[u8]) -> bool {
    let sign = b.value().first().copied();
    match (a.kind, b.kind) {
        // `1 union` is prose unless something was folded away.
        (_, Kind::Union) => tokens_read == 2,
        _ if sign == Some(b'#') => true,
        (Kind::Bareword, Kind::Comment) => sign != Some(b'/'),
        (Kind::Number, Kind::Comment) if sign == Some(b'/') || tokens_read > 2 => false,
        (Kind::Number, Kind::Comment) => !is_comment_or_white(&input[a.value().len()..]),
        // Many write -- in a text; only one at the end is an attack.
        _ => b.value().len() > 2 && sign == Some(b'-'),
    }
}

/// Whether what is behind a number sets it apart; something like `1234-ABCDEF--` is a token of some application.
fn is_comment_or_white(rest: &[u8]) -> bool {
    match rest {
        // Bytes above ASCII count as white space.
        [] | [0..=b' ' | 0x80.., ..] => true,
        rest => rest.starts_with(b"/*") || rest.starts_with(b"--"),
    }
}

fn is_harmless_triple(fingerprint: &[u8], [a, b, c]: [&Token; 3], tokens_read: usize) -> bool {
    match fingerprint {
        // `foo' + 'bar` is an attack, which opens and closes other strings than its own.
        b"sos" | b"s&s" => !(a.open.is_none() && c.close.is_none() && a.close == c.open),
        // 'sexy and 17' is none, 'sexy and 17<18' is.
        b"s&n" | b"n&1" | b"1&1" | b"1&v" | b"1&s" => tokens_read == 3,
        // Of keywords in the middle only INTO OUTFILE and INTO DUMPFILE are attacks.
        _ if b.kind == Kind::Keyword => b.value().len() < 5 || !b.value()[..4].eq_ignore_ascii_case(b"INTO"),
        _ => false,
    }
}
