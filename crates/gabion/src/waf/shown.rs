//! Parts of requests on a terminal: what they are, without what nobody should read there.

use gabion_core::limits::cut;
use gabion_edge::redacted_text;

/// Bytes of one value that are shown.
const VALUE_BYTES_MAX: usize = 120;

/// A value: card numbers masked, control characters escaped, shortened.
pub(super) fn value(bytes: &[u8]) -> String {
    cut(&text(bytes), VALUE_BYTES_MAX).into_owned()
}

/// The same, whole.
pub(super) fn text(bytes: &[u8]) -> String {
    escaped(&redacted_text(bytes))
}

/// A text that does nothing on a terminal.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        // Beside control characters, those that turn the direction of what follows. Source: Unicode UAX 9.
        if c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_masked_escaped_and_shortened() {
        for (raw, shown) in [
            (&b"1' or 1=1"[..], "1' or 1=1"),
            (b"a+b%20c", "a+b%20c"),
            (b"4242424242424242", "[card …4242]"),
            (b"n=4242+4242%204242+4242", "n=[card …4242]"),
            (b"a\x1b[2Jb\nc\0", "a\\u{1b}[2Jb\\nc\\u{0}"),
            ("a\u{202e}b".as_bytes(), "a\\u{202e}b"),
            (b"\xff", "\u{fffd}"),
        ] {
            assert_eq!(value(raw), shown);
        }
        assert!(value(&[b'x'; 1000]).len() <= VALUE_BYTES_MAX);
    }
}
