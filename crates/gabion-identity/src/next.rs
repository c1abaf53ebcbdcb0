//! Where a sign-in leads.

/// Bytes of the longest path a sign-in leads to.
const NEXT_BYTES_MAX: usize = 512;

/// A path of the same origin, or its start page: a link with a foreign `next` must not lead away after a sign-in.
pub(crate) fn own_path(next: &str) -> &str {
    let plain = next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let own = next.starts_with('/') && !next.starts_with("//");
    if own && plain && next.len() <= NEXT_BYTES_MAX { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_paths_are_followed_after_sign_in() {
        for good in ["/", "/events?kind=staff", "/account#sessions", "/.gabion/account#passkeys"] {
            assert_eq!(own_path(good), good);
        }
        let long = format!("/{}", "x".repeat(NEXT_BYTES_MAX));
        for bad in ["", "//evil.test", "/\\evil.test", "https://evil.test/", "/a b", "/\r\nx", "x", &long] {
            assert_eq!(own_path(bad), "/", "{bad}");
        }
    }
}
