//! Paths as routes compare them.

use std::borrow::Cow;

/// Whether `path` is `prefix` or lies below it, on a segment boundary.
pub(crate) fn below(path: &str, prefix: &str) -> bool {
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The path as routes compare it: unreserved characters decoded, slashes merged, dot segments resolved
/// (RFC 3986 section 6.2.2). The shop still gets the path as the client wrote it.
pub(crate) fn normalize(path: &str) -> Cow<'_, str> {
    let plain = !path.contains('%') && !path.contains("//") && !path.contains("/.") && !path.contains('\\');
    if plain && path.starts_with('/') {
        return Cow::Borrowed(path);
    }
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy().replace('\\', "/");
    let mut segments: Vec<&str> = Vec::new();
    for segment in decoded.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let mut normal = String::with_capacity(decoded.len() + 1);
    for segment in &segments {
        normal.push('/');
        normal.push_str(segment);
    }
    let folder = decoded.ends_with('/') || decoded.ends_with("/.") || decoded.ends_with("/..");
    if segments.is_empty() || folder {
        normal.push('/');
    }
    Cow::Owned(normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_end_on_segments() {
        for (path, prefix, expected) in [
            ("/api", "/api", true),
            ("/api/x", "/api", true),
            ("/api/x", "/api/", true),
            ("/apix", "/api", false),
            ("/", "/", true),
            ("/anything", "/", true),
            ("/a", "/api", false),
        ] {
            assert_eq!(below(path, prefix), expected, "{path} {prefix}");
        }
    }

    #[test]
    fn paths_are_compared_as_the_shop_may_read_them() {
        for (path, expected) in [
            ("/admin/login", "/admin/login"),
            ("//admin///login", "/admin/login"),
            ("/shop/../admin", "/admin"),
            ("/shop/%2e%2e/%61dmin/", "/admin/"),
            ("/..\\admin", "/admin"),
            ("/a/.", "/a/"),
            ("/../..", "/"),
            ("*", "/*"),
            ("", "/"),
        ] {
            assert_eq!(normalize(path), expected, "{path}");
        }
    }
}
