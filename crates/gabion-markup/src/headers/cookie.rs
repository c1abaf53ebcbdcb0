//! Cookies that look like those of a session, and how they are guarded.

use serde::Serialize;

/// Parts of names of cookies that carry a session or a person.
const SESSION_LIKE: [&str; 8] = ["sess", "sid", "auth", "token", "login", "jwt", "remember", "customer"];
/// Bytes of a name that are kept.
const NAME_BYTES_MAX: usize = 64;

/// How a cookie is guarded. RFC 6265bis, section 4.1.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CookieFlags {
    /// Only over TLS.
    pub is_secure: bool,
    /// Not for scripts.
    pub is_http_only: bool,
    /// 0 is none or not said, 1 is lax, 2 is strict.
    pub same_site: u8,
}

/// The name and flags of a `Set-Cookie` that looks like a session's and is not a deletion.
pub(super) fn session_like(value: &str) -> Option<(String, CookieFlags)> {
    let mut parts = value.split(';');
    let (name, content) = parts.next()?.split_once('=')?;
    let lower = name.trim().to_ascii_lowercase();
    if content.trim().is_empty() || !SESSION_LIKE.iter().any(|part| lower.contains(part)) {
        return None;
    }
    let mut flags = CookieFlags::default();
    for part in parts {
        let (word, said) = part.split_once('=').unwrap_or((part, ""));
        match word.trim().to_ascii_lowercase().as_str() {
            "secure" => flags.is_secure = true,
            "httponly" => flags.is_http_only = true,
            "samesite" => {
                flags.same_site = match said.trim().to_ascii_lowercase().as_str() {
                    "strict" => 2,
                    "lax" => 1,
                    _ => 0,
                }
            }
            _ => {}
        }
    }
    Some((name.trim().chars().take(NAME_BYTES_MAX).collect(), flags))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_known_by_their_names() {
        let strict = CookieFlags { is_secure: true, is_http_only: true, same_site: 2 };
        assert_eq!(
            session_like("PHPSESSID=abc; path=/; Secure; HTTPONLY; SameSite=Strict"),
            Some(("PHPSESSID".to_owned(), strict))
        );
        assert_eq!(session_like("session=; Max-Age=0"), None);
        assert_eq!(session_like("theme=dark"), None);
        assert_eq!(session_like("sid=1"), Some(("sid".to_owned(), CookieFlags::default())));
    }
}
