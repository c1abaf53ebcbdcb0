//! Addresses as browsers read them: bounded, absolute, without fragment.
//!
//! Source: WHATWG URL Standard, sections 4.4 (parsing) and 4.5 (serializing), for the schemes that shops use. Hosts
//! outside ASCII stay as they are written, in lower case: nothing here speaks Punycode.

use std::fmt;

use serde::Serialize;

/// Bytes of an address. Longer ones are not kept; whoever finds one tells that it is there.
pub const ADDRESS_BYTES_MAX: usize = 2048;

/// Schemes with a host.
const WEB: [&str; 4] = ["http", "https", "ws", "wss"];

/// An absolute address on the web: scheme, host, port, path, query.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
pub struct Address {
    scheme: &'static str,
    host: String,
    /// `None` is the port of the scheme.
    port: Option<u16>,
    path: String,
    query: Option<String>,
}

/// What a reference in a page leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// An address on the web.
    Web(Address),
    /// Another scheme, in lower case: `data`, `blob`, `javascript`, `about`, `mailto`.
    Other(String),
    /// Nothing a browser would follow, or longer than [`ADDRESS_BYTES_MAX`].
    Unreadable,
}

impl Address {
    /// Reads an absolute address of the web; `None` when it is anything else.
    pub fn parse(text: &str) -> Option<Self> {
        match Reference::resolve(text, None) {
            Reference::Web(address) => Some(address),
            Reference::Other(_) | Reference::Unreadable => None,
        }
    }

    /// `http`, `https`, `ws` or `wss`.
    pub fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// The host in lower case, IPv6 in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, also where the address does not say it.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(default_port(self.scheme))
    }

    /// The path, at least `/`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Scheme, host and unusual port, as policies write them: `https://shop.example:8443`.
    pub fn origin(&self) -> String {
        match self.port {
            Some(port) => format!("{}://{}:{port}", self.scheme, self.host),
            None => format!("{}://{}", self.scheme, self.host),
        }
    }

    /// Whether both have the same scheme, host and port.
    pub(crate) fn has_origin_of(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.host == other.host && self.port == other.port
    }

    /// The same address without its query, which may carry what belongs to a customer.
    #[must_use]
    pub fn without_query(&self) -> Self {
        Self { query: None, ..self.clone() }
    }

    /// The same address without its query and with card numbers masked, also in its host: fit to be kept.
    #[must_use]
    pub fn scrubbed(&self) -> Self {
        let mask = |text: &str| gabion_core::card::mask(text).into_owned();
        Self { host: mask(&self.host), path: mask(&self.path), ..self.without_query() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.path)?;
        self.query.as_ref().map_or(Ok(()), |query| write!(f, "?{query}"))
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl Reference {
    /// Resolves `text` as a browser does, against `base` where it is relative.
    pub fn resolve(text: &str, base: Option<&Address>) -> Self {
        if text.len() > ADDRESS_BYTES_MAX {
            return Self::Unreadable;
        }
        let cleaned: String = text
            .trim_matches(|c: char| c <= ' ')
            .chars()
            .filter(|c| !matches!(c, '\t' | '\n' | '\r'))
            .collect();
        let text = cleaned.split('#').next().unwrap_or_default();
        match scheme(text) {
            Some((name, rest)) => match WEB.iter().find(|web| **web == name) {
                // "https:path" is relative when the base has the same scheme.
                Some(scheme) if !starts_with_slashes(rest) && base.is_some_and(|b| b.scheme == *scheme) => {
                    base.map_or(Self::Unreadable, |base| relative(rest, base))
                }
                Some(scheme) => absolute(scheme, rest.trim_start_matches(['/', '\\'])),
                None => Self::Other(name),
            },
            None => base.map_or(Self::Unreadable, |base| relative(text, base)),
        }
    }
}

fn starts_with_slashes(text: &str) -> bool {
    let mut chars = text.chars();
    matches!((chars.next(), chars.next()), (Some('/' | '\\'), Some('/' | '\\')))
}

/// The scheme in lower case and what follows its colon.
fn scheme(text: &str) -> Option<(String, &str)> {
    let (name, rest) = text.split_once(':')?;
    let legal = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    legal.then(|| (name.to_ascii_lowercase(), rest))
}

fn default_port(scheme: &str) -> u16 {
    if matches!(scheme, "https" | "wss") { 443 } else { 80 }
}

fn absolute(scheme: &'static str, rest: &str) -> Reference {
    let end = rest.find(['/', '\\', '?']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (authority, ""),
    };
    let port = match port {
        "" => None,
        digits => match digits.parse::<u16>() {
            Ok(port) => Some(port).filter(|port| *port != default_port(scheme)),
            Err(_) => return Reference::Unreadable,
        },
    };
    let host = host.trim_end_matches('.').to_lowercase();
    let forbidden = |c: char| c <= ' ' || "#%/<>?@\\^|\"".contains(c);
    if host.is_empty() || host.contains(forbidden) {
        return Reference::Unreadable;
    }
    let (path, query) = path_and_query(rest, "/");
    Reference::Web(Address { scheme, host, port, path, query })
}

fn relative(text: &str, base: &Address) -> Reference {
    if starts_with_slashes(text) {
        return absolute(base.scheme, text.trim_start_matches(['/', '\\']));
    }
    let mut address = base.clone();
    if text.is_empty() {
        return Reference::Web(address);
    }
    (address.path, address.query) = if text.starts_with('?') {
        (base.path.clone(), path_and_query(text, "/").1)
    } else {
        path_and_query(text, &base.path)
    };
    Reference::Web(address)
}

/// Path and query, dots resolved, spaces and quotes escaped as in the address bar.
fn path_and_query(text: &str, base_path: &str) -> (String, Option<String>) {
    let (path, query) = match text.split_once('?') {
        Some((path, query)) => (path, Some(escape(query))),
        None => (text, None),
    };
    let path = path.replace('\\', "/");
    let folder = match path.starts_with('/') {
        true => "",
        false => base_path.rsplit_once('/').map_or("", |(folder, _)| folder),
    };
    let whole = format!("{folder}/{}", path.strip_prefix('/').unwrap_or(&path));
    let mut segments: Vec<&str> = Vec::new();
    let mut parts = whole.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        match part.to_ascii_lowercase().replace("%2e", ".").as_str() {
            "." if last => segments.push(""),
            "." => {}
            ".." => {
                segments.pop();
                if last {
                    segments.push("");
                }
            }
            _ => segments.push(part),
        }
    }
    (escape(&format!("/{}", segments.join("/"))), query)
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' ' => out.push_str("%20"),
            '"' => out.push_str("%22"),
            '<' => out.push_str("%3C"),
            '>' => out.push_str("%3E"),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let base = Address::parse("https://shop.example/a/b?c=d").expect("an address");
        let found = match Reference::resolve(text, Some(&base)) {
            Reference::Web(address) => address.to_string(),
            Reference::Other(scheme) => format!("{scheme}:"),
            Reference::Unreadable => "?".to_owned(),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn references_are_resolved_as_browsers_do() {
        for (text, expected) in [
            ("app.js", "https://shop.example/a/app.js"),
            ("/app.js?v=1#x", "https://shop.example/app.js?v=1"),
            ("../../x/./y/..", "https://shop.example/x/"),
            ("%2e%2E/z", "https://shop.example/z"),
            ("?q", "https://shop.example/a/b?q"),
            ("", "https://shop.example/a/b?c=d"),
            ("//CDN.example/x", "https://cdn.example/x"),
            ("\\\\cdn.example\\x", "https://cdn.example/x"),
            (" ht\ntps://cdn.example:443 ", "https://cdn.example/"),
            ("http://cdn.example:8080/ a", "http://cdn.example:8080/%20a"),
            ("https:/x", "https://shop.example/x"),
            ("http:/evil.example/x", "http://evil.example/x"),
            ("https://user:pass@cdn.example/", "https://cdn.example/"),
            ("https://[::1]:8443/x", "https://[::1]:8443/x"),
            ("wss://live.example", "wss://live.example/"),
            ("JavaScript:alert(1)", "javascript:"),
            ("data:text/javascript,1", "data:"),
            ("https://", "?"),
            ("https://a b/", "?"),
            ("https://x:99999/", "?"),
        ] {
            check(text, expected);
        }
        check(&"x".repeat(ADDRESS_BYTES_MAX + 1), "?");
    }

    #[test]
    fn origins_leave_out_the_usual_port() {
        let origin = |text| Address::parse(text).map(|address| address.origin());
        assert_eq!(origin("https://a.example:443/x").as_deref(), Some("https://a.example"));
        assert_eq!(origin("https://a.example:444/x").as_deref(), Some("https://a.example:444"));
        assert_eq!(origin("/x"), None);
    }
}
