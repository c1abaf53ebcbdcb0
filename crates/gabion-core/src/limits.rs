//! Limits that more than one crate keeps. A limit of one crate stands beside the code that keeps it.

/// Bytes of one event field's text. Longer values are cut at a character boundary and end in `…`.
pub const EVENT_FIELD_BYTES_MAX: usize = 1024;

/// Fields of one event. More is a bug in the recording domain.
pub const EVENT_FIELDS_MAX: usize = 32;

/// Entities one event may point at. More is a bug in the recording domain.
pub const EVENT_ENTITIES_MAX: usize = 16;

/// Cuts `text` to at most `bytes_max` bytes at a character boundary; a cut text ends in `…`.
pub fn cut(text: &str, bytes_max: usize) -> std::borrow::Cow<'_, str> {
    const MARK: &str = "…";
    if text.len() <= bytes_max {
        return text.into();
    }
    let end = text.floor_char_boundary(bytes_max.saturating_sub(MARK.len()));
    format!("{}{MARK}", &text[..end]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_keeps_short_text_and_character_boundaries() {
        assert_eq!(cut("tea", 3), "tea");
        assert_eq!(cut("éééé", 6), "é…");
        assert_eq!(cut("abcdef", 5), "ab…");
    }
}
