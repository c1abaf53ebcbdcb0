//! Paths of pages without what is different for every customer.

use gabion_core::limits::cut;
use gabion_markup::Address;
use gabion_markup::address::ADDRESS_BYTES_MAX;

use crate::config::Site;

/// Bytes of a segment that are a word. Longer ones are codes.
const WORD_BYTES_MAX: usize = 48;
/// Bytes from which a segment of hexadecimal digits and hyphens is a code, if it has a digit: the end of a UUID has 12.
const CODE_BYTES_MIN: usize = 12;
/// Segments of a path that are told.
const SEGMENTS_MAX: usize = 12;

/// The path with `*` in place of numbers, codes and what is too long to be a word: `/order/1234/thanks` is
/// `/order/*/thanks`. What comes after the twelfth segment is left out.
pub(super) fn grouped(path: &str) -> String {
    let mut out = String::with_capacity(path.len().min(256));
    for segment in path.split('/').skip(1).take(SEGMENTS_MAX) {
        out.push('/');
        out.push_str(if is_code(segment) { "*" } else { segment });
    }
    if out.is_empty() { "/".to_owned() } else { out }
}

fn is_code(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let hex = segment.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    segment.len() > WORD_BYTES_MAX
        || (digits > 0 && digits == segment.len())
        || (digits > 0 && hex && segment.len() >= CODE_BYTES_MIN)
}

/// The address of `path` on the origin of `site` that has this lower-case host; none when it is not one on the web.
pub(super) fn address(site: &Site, host: &str, path: &str) -> Option<Address> {
    let origin = site.origins.iter().find(|origin| origin.host == host)?;
    Address::parse(&format!("{origin}{}", cut(path, ADDRESS_BYTES_MAX / 2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_codes_are_one_page_and_words_are_many() {
        for (path, expected) in [
            ("/", "/"),
            ("", "/"),
            ("/checkout", "/checkout"),
            ("/order/1234/thanks", "/order/*/thanks"),
            ("/order/6f1b2c3d-aaaa-4bbb-8ccc-1234567890ab/", "/order/*/"),
            ("/tea/earl-grey-2", "/tea/earl-grey-2"),
            ("/tea/deadbeefcafe", "/tea/deadbeefcafe"),
            ("/t/0123456789abcdef", "/t/*"),
        ] {
            assert_eq!(grouped(path), expected, "{path}");
        }
        assert_eq!(grouped(&format!("/a/{}", "x".repeat(49))), "/a/*");
        assert_eq!(grouped(&"/a".repeat(40)), "/a".repeat(12));
    }
}
