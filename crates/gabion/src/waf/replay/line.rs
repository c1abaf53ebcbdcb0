//! One line of an access log.

use std::net::IpAddr;

use serde::Deserialize;

/// What a line tells of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Logged {
    pub(super) client: IpAddr,
    pub(super) method: Vec<u8>,
    pub(super) target: Vec<u8>,
    pub(super) version: Vec<u8>,
    pub(super) status: u16,
    pub(super) host: Option<Vec<u8>>,
    pub(super) agent: Option<Vec<u8>>,
    pub(super) referer: Option<Vec<u8>>,
}

/// Gabion's own lines. What is not needed here is left out.
#[derive(Deserialize)]
struct Json {
    client: IpAddr,
    method: String,
    path: String,
    query: Option<String>,
    protocol: String,
    status: u16,
    host: Option<String>,
    user_agent: Option<String>,
    referer: Option<String>,
}

impl Logged {
    /// Reads a line of Gabion's JSON, or of the common or combined format; `None` if it is none.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        if line.starts_with(b"{") { json(line) } else { combined(line) }
    }

    /// The path of the target.
    pub(super) fn path(&self) -> &[u8] {
        self.target.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default()
    }
}

fn json(line: &[u8]) -> Option<Logged> {
    let json: Json = serde_json::from_slice(line).ok()?;
    let query = json.query.map(|query| format!("?{query}")).unwrap_or_default();
    Some(Logged {
        client: json.client,
        method: json.method.into(),
        target: format!("{}{query}", json.path).into(),
        version: json.protocol.into(),
        status: json.status,
        host: json.host.map(Into::into),
        agent: json.user_agent.map(Into::into),
        referer: json.referer.map(Into::into),
    })
}

/// `host ident user [time] "request" status bytes`, then `"referer" "agent"` if it is the combined format. Some servers
/// put the name of the site in front.
fn combined(line: &[u8]) -> Option<Logged> {
    let mut words = line.split(|byte| *byte == b' ');
    let address = |word: &[u8]| str::from_utf8(word).ok()?.parse::<IpAddr>().ok();
    let client = words.by_ref().take(2).find_map(address)?;
    let after_time = memchr::memmem::find(line, b"] \"")?;
    let mut rest = &line[after_time + 2..];
    let request = quoted(&mut rest)?;
    let mut numbers = rest.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let status = str::from_utf8(numbers.next()?).ok()?.parse().ok()?;
    let (referer, agent) = match memchr::memchr(b'"', rest) {
        Some(at) => {
            rest = &rest[at..];
            (quoted(&mut rest), quoted(&mut rest))
        }
        None => (None, None),
    };
    let mut parts = request.split(|byte| *byte == b' ');
    let (method, version) = (parts.next()?, parts.next_back()?);
    let target = request.get(method.len() + 1..request.len().checked_sub(version.len() + 1)?)?;
    let is_request =
        !method.is_empty() && method.iter().all(u8::is_ascii_alphabetic) && version.starts_with(b"HTTP/");
    let told = |text: Option<Vec<u8>>| text.filter(|text| text != b"-");
    (is_request && !target.is_empty()).then(|| Logged {
        client,
        method: method.to_vec(),
        target: target.to_vec(),
        version: version.to_vec(),
        status,
        host: None,
        agent: told(agent),
        referer: told(referer),
    })
}

/// The content of quotes, and what comes after them and spaces. Escapes of nginx and Apache are undone.
fn quoted(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let mut bytes = rest.trim_ascii_start().strip_prefix(b"\"")?;
    let mut text = Vec::new();
    loop {
        bytes = match bytes {
            [b'"', after @ ..] => {
                *rest = after;
                return Some(text);
            }
            [b'\\', b'x', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digit =
                    |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                text.push(digit(*high)? * 16 + digit(*low)?);
                after
            }
            [b'\\', escaped, after @ ..] => {
                text.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    other => *other,
                });
                after
            }
            [byte, after @ ..] => {
                text.push(*byte);
                after
            }
            [] => return None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &Option<Vec<u8>>) -> Option<&str> {
        bytes.as_ref().map(|bytes| str::from_utf8(bytes).expect("text"))
    }

    #[test]
    fn lines_of_gabion_are_read() {
        let line = r#"{"time":"2026-11-23T02:00:00.000000Z","request_id":"x","client":"192.0.2.1","status":200,"method":"GET","host":"shop.example","path":"/search","query":"q=a%20b","protocol":"HTTP/2.0","user_agent":"Mozilla","end":"whole","bytes_in":0}"#;
        let logged = Logged::read(line.as_bytes()).expect("a request");
        assert_eq!(logged.client, IpAddr::from([192, 0, 2, 1]));
        assert_eq!((logged.target.as_slice(), logged.path()), (&b"/search?q=a%20b"[..], &b"/search"[..]));
        assert_eq!((logged.version.as_slice(), logged.status), (&b"HTTP/2.0"[..], 200));
        assert_eq!((text(&logged.host), text(&logged.agent)), (Some("shop.example"), Some("Mozilla")));
        assert_eq!(logged.referer, None);
    }

    #[test]
    fn lines_of_nginx_and_apache_are_read() {
        let combined = br#"192.0.2.1 - - [23/Nov/2026:02:00:00 +0000] "GET /a?q=\x22b\x22 c HTTP/1.1" 200 12 "https://shop.example/" "Mozilla \"x\"""#;
        let logged = Logged::read(combined).expect("a request");
        assert_eq!(logged.target, br#"/a?q="b" c"#);
        assert_eq!((logged.method.as_slice(), logged.version.as_slice()), (&b"GET"[..], &b"HTTP/1.1"[..]));
        assert_eq!(text(&logged.referer), Some("https://shop.example/"));
        assert_eq!(text(&logged.agent), Some("Mozilla \"x\""));
        let common = br#"2001:db8::1 - frank [23/Nov/2026:02:00:00 +0000] "POST /b HTTP/1.0" 404 -"#;
        let logged = Logged::read(common).expect("a request");
        assert_eq!((logged.status, logged.agent), (404, None));
        let with_site = br#"shop.example:443 192.0.2.1 - - [x] "GET / HTTP/1.1" 200 1 "-" "-""#;
        let logged = Logged::read(with_site).expect("a request");
        assert_eq!((logged.client, logged.referer), (IpAddr::from([192, 0, 2, 1]), None));
    }

    #[test]
    fn what_is_no_request_is_none() {
        for line in [
            "",
            "{",
            "{}",
            "hello world",
            r#"192.0.2.1 - - [x] "\x16\x03\x01" 400 0 "-" "-""#,
            r#"192.0.2.1 - - [x] "-" 408 0"#,
            r#"192.0.2.1 - - [x] "GET / HTTP/1.1" - 0"#,
            r#"192.0.2.1 - - [x] "GET /"#,
            r#"nobody - - [x] "GET / HTTP/1.1" 200 0"#,
        ] {
            assert_eq!(Logged::read(line.as_bytes()), None, "{line}");
        }
    }
}
