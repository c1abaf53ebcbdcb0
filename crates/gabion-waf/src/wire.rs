//! Divides the bytes of a request, so leniently that rules see what is wrong with it.

/// A request, divided. A part that is not there is empty.
#[derive(Debug, PartialEq, Eq)]
pub struct Wire<'a> {
    /// The method, with white space before it.
    pub method: &'a [u8],
    /// The target.
    pub target: &'a [u8],
    /// The version, such as `HTTP/1.1`.
    pub version: &'a [u8],
    /// Names and values, in order; folded lines are joined.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The body, without its framing.
    pub body: Vec<u8>,
    /// Whether a line of the head ends in LF alone.
    pub bare_line_end: bool,
    /// Bytes after the head that belong to no body.
    pub left_over: usize,
    /// Bytes of the body that its length promises and that are not there.
    pub missing: usize,
}

impl<'a> Wire<'a> {
    /// Divides any bytes.
    pub fn divide(bytes: &'a [u8]) -> Self {
        let mut rest = bytes;
        let line = next_line(&mut rest);
        let mut bare_line_end = !bytes[line.len()..].starts_with(b"\r\n");
        // White space before the method belongs to it: a rule may want to see that.
        let lead = line.len() - line.trim_ascii_start().len();
        let method_end =
            line[lead..].iter().position(|byte| *byte == b' ').map_or(line.len(), |at| lead + at);
        let after = line.get(method_end + 1..).unwrap_or_default();
        let version_at = after.iter().rposition(|byte| *byte == b' ');
        let (target, version) = version_at.map_or((after, &b""[..]), |at| (&after[..at], &after[at + 1..]));
        let mut headers: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        while !rest.is_empty() {
            let before = rest;
            let line = next_line(&mut rest);
            bare_line_end |= !before[line.len()..].starts_with(b"\r\n");
            if line.is_empty() {
                break;
            }
            if let ([b' ' | b'\t', ..], Some((_, value))) = (line, headers.last_mut()) {
                value.push(b' ');
                value.extend_from_slice(line.trim_ascii());
                continue;
            }
            let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
            let value = line.get(colon + 1..).unwrap_or_default().trim_ascii();
            headers.push((line[..colon].to_vec(), value.to_vec()));
        }
        let mut wire = Self {
            method: &line[..method_end],
            target,
            version,
            headers,
            body: rest.to_vec(),
            bare_line_end,
            left_over: 0,
            missing: 0,
        };
        wire.frame();
        wire
    }

    /// Takes off the framing of the body.
    fn frame(&mut self) {
        if self
            .header("transfer-encoding")
            .is_some_and(|coding| coding.to_ascii_lowercase().ends_with(b"chunked"))
        {
            if let Some(body) = dechunk(&self.body) {
                self.body = body;
            }
            return;
        }
        // Without a length there is no body. RFC 9112 section 6.3.
        let length = match self.header("content-length") {
            None => 0,
            Some(text) => match str::from_utf8(text).ok().and_then(|text| text.parse::<usize>().ok()) {
                Some(length) => length,
                None => return,
            },
        };
        self.left_over = self.body.len().saturating_sub(length);
        self.missing = length.saturating_sub(self.body.len());
        self.body.truncate(length);
    }

    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let found = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, value)| value.as_slice())
    }

    /// Whether a web server refuses the head. RFC 9112 sections 3, 3.2, 5 and 6.3; RFC 9110 section 8.6; RFC 3986
    /// for the target, where Apache is as strict.
    pub(crate) fn is_refused(&self) -> bool {
        let token = |text: &[u8]| {
            !text.is_empty()
                && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
        };
        let counted = |name: &str| {
            self.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name.as_bytes())).count()
        };
        let version = matches!(self.version, b"HTTP/1.0" | b"HTTP/1.1");
        let plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(byte) || *byte >= 0x80;
        let form = match self.method {
            b"CONNECT" => memchr::memchr(b':', self.target).is_some(),
            _ => self.target.starts_with(b"/") || self.target.starts_with(b"http") || self.target == b"*",
        };
        let fragment = memchr::memchr(b'#', self.target).is_some();
        let host = self.header("host");
        let host_is_good = match (host, counted("host")) {
            (None, _) => self.version != b"HTTP/1.1",
            (Some(host), 1) => {
                !host.is_empty()
                    && host.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(byte))
            }
            _ => false,
        };
        let length = self.header("content-length");
        let length_is_good = length
            .is_none_or(|text| !text.is_empty() && text.iter().all(u8::is_ascii_digit))
            && counted("content-length") < 2;
        let names = self.headers.iter().all(|(name, _)| token(name));
        let values =
            self.headers.iter().all(|(_, value)| value.iter().all(|byte| *byte == b'\t' || *byte >= b' '));
        !(token(self.method)
            && version
            && form
            && !fragment
            && self.target.iter().all(plain)
            && host_is_good
            && length_is_good
            && names
            && values
            && !self.bare_line_end)
    }
}

/// The bytes up to a line end, CR LF or LF alone.
fn next_line<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let (line, after) = match memchr::memchr(b'\n', rest) {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (*rest, &rest[rest.len()..]),
    };
    *rest = after;
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The content of chunks; `None` if they are none.
fn dechunk(body: &[u8]) -> Option<Vec<u8>> {
    let mut rest = body;
    let mut content = Vec::new();
    loop {
        let line = next_line(&mut rest);
        let digits = line.split(|byte| *byte == b';').next()?.trim_ascii();
        let size = usize::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
        if size == 0 {
            return Some(content);
        }
        content.extend_from_slice(rest.get(..size)?);
        rest = &rest[size..];
        next_line(&mut rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_divided_whatever_they_are() {
        let wire = Wire::divide(b"POST /a b HTTP/1.1\r\nA:  x \r\n y\r\nnone\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
        assert_eq!((wire.method, wire.target, wire.version), (&b"POST"[..], &b"/a b"[..], &b"HTTP/1.1"[..]));
        assert_eq!(wire.header("a"), Some(&b"x y"[..]));
        assert_eq!(wire.header("none"), Some(&b""[..]));
        assert_eq!(wire.body, b"abc");
        assert_eq!(Wire::divide(b"GET / ").version, b"");
        assert_eq!(Wire::divide(b"").method, b"");
        assert_eq!(Wire::divide(b"A / B\r\nContent-Length: 2\r\n\r\nabc").body, b"ab");
        assert_eq!(Wire::divide(b"A / B\r\n\r\nabc").body, b"");
        let unsaid = |bytes| {
            let wire = Wire::divide(bytes);
            (wire.left_over, wire.missing)
        };
        assert_eq!(unsaid(b"A / B\r\n\r\nabc"), (3, 0));
        assert_eq!(unsaid(b"A / B\r\nContent-Length: 5\r\n\r\nabc"), (0, 2));
        assert_eq!(unsaid(b"A / B\r\nContent-Length: 3\r\n\r\nabc"), (0, 0));
    }

    #[test]
    fn servers_refuse_malformed_heads() {
        for (head, refused) in [
            ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", false),
            ("GET / HTTP/1.0\r\n\r\n", false),
            ("CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", false),
            ("CONNECT h HTTP/1.1\r\nHost: h\r\n\r\n", true),
            ("GET / HTTP/1.1\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nHost: h%00\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n", true),
            ("GET / HTTP/1.1\nHost: h\n\n", true),
            ("GET / HTTP/0.9\r\n\r\n", true),
            ("GET \\ HTTP/1.1\r\nHost: h\r\n\r\n", true),
            ("\tGET / HTTP/1.1\r\nHost: h\r\n\r\n", true),
            ("GET /#a HTTP/1.1\r\nHost: h\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", true),
        ] {
            assert_eq!(Wire::divide(head.as_bytes()).is_refused(), refused, "{head}");
        }
    }
}
