//! Heads of requests and responses.

use super::{HEADERS_MAX, RequestHead, ResponseHead, Transaction};
use crate::body::urlencoded;
use crate::outcome::Partial;
use crate::settings::BodyProcessor;
use crate::transformation::Transformation;
use crate::variable::Variable;

impl Transaction {
    pub(super) fn read_request_head(&mut self, head: &RequestHead<'_>) {
        let line = [head.method, b" ", head.target, b" ", head.version].concat();
        let state = &mut self.state;
        state.set(Variable::RequestLine, &line);
        state.set(Variable::RequestMethod, head.method);
        state.set(Variable::RequestProtocol, head.version);
        state.set(Variable::RequestUriRaw, head.target);
        self.read_target(head.target);
        if head.headers.len() > HEADERS_MAX {
            self.state.note(Partial::Headers);
        }
        for (name, value) in head.headers.iter().take(HEADERS_MAX) {
            self.state.add(Variable::RequestHeaders, name, value);
            match name.to_ascii_lowercase().as_slice() {
                b"host" => {
                    let host = without_port(value);
                    self.state.set(Variable::ServerName, host);
                }
                b"cookie" => self.read_cookies(value),
                b"content-type" => self.choose_processor(value),
                b"authorization" => self.read_authorization(value),
                _ => {}
            }
        }
        if self.program.reads(Variable::FullRequest) {
            let mut whole = line;
            for (name, value) in head.headers {
                whole.extend([b"\n", *name, b": ", value].concat());
            }
            whole.extend(b"\n\n");
            self.state.set(Variable::FullRequest, &whole);
            self.state.set_number(Variable::FullRequestLength, whole.len());
        }
    }

    /// The parts of the target; the path is decoded, nothing else. A fragment is part of REQUEST_URI_RAW only.
    fn read_target(&mut self, target: &[u8]) {
        let end = memchr::memchr(b'#', target).unwrap_or(target.len());
        let uri = without_authority(&target[..end]);
        let query_at = memchr::memchr(b'?', uri);
        let path = decoded(&uri[..query_at.unwrap_or(uri.len())]);
        let query = query_at.map_or(&b""[..], |at| &uri[at + 1..]);
        let base =
            path.iter().rposition(|byte| matches!(byte, b'/' | b'\\')).map_or(&*path, |at| &path[at + 1..]);
        let state = &mut self.state;
        state.set(Variable::RequestUri, uri);
        state.set(Variable::RequestFilename, &path);
        state.set(Variable::PathInfo, &path);
        state.set(Variable::RequestBasename, base);
        state.set(Variable::QueryString, query);
        self.read_arguments(Variable::ArgsGet, query);
    }

    /// Adds the arguments of a query or of an urlencoded body.
    pub(super) fn read_arguments(&mut self, collection: Variable, text: &[u8]) {
        let settings = &self.program.settings;
        let separator = settings.argument_separator;
        let left = settings.arguments_max.saturating_sub(self.state.arguments);
        let limits = urlencoded::Limits { arguments_max: left, bytes_max: text.len() };
        let outcome = urlencoded::parse(text, separator, &limits, &mut |name, value| {
            self.state.add_argument(collection, name, value);
        });
        if outcome.invalid_encoding {
            self.state.set(Variable::UrlencodedError, b"1");
        }
        if outcome.partial {
            self.state.note(Partial::Arguments);
        }
        self.state.set_number(Variable::ArgsCombinedSize, self.state.arguments_bytes);
    }

    /// Adds the cookies of one header. Source: ModSecurity; names and values are not decoded.
    fn read_cookies(&mut self, text: &[u8]) {
        let version_1 = self.program.settings.cookies_version_1;
        let divides = |byte: &u8| *byte == b';' || version_1 && *byte == b',';
        for pair in text.split(divides) {
            let pair = pair.trim_ascii_start();
            if pair.is_empty() {
                continue;
            }
            if self.state.collections[Variable::RequestCookies as usize].len() == HEADERS_MAX {
                self.state.note(Partial::Headers);
                return;
            }
            let (name, value) = match memchr::memchr(b'=', pair) {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &b""[..]),
            };
            let unquoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
            let value = if version_1 { unquoted.unwrap_or(value) } else { value };
            self.state.add(Variable::RequestCookies, name, value);
        }
    }

    fn read_authorization(&mut self, value: &[u8]) {
        let end = value.iter().position(u8::is_ascii_whitespace).unwrap_or(value.len());
        let (scheme, credentials) = value.split_at(end);
        self.state.set(Variable::AuthType, scheme);
        if scheme.eq_ignore_ascii_case(b"basic") {
            let mut decoded = Vec::new();
            Transformation::Base64Decode.apply(credentials.trim_ascii(), &mut decoded, None);
            let user = decoded.split(|byte| *byte == b':').next().unwrap_or_default();
            self.state.set(Variable::RemoteUser, user);
        }
    }

    /// Chooses the reader of the body by its type. JSON and XML are chosen by rules, as in ModSecurity.
    fn choose_processor(&mut self, content_type: &[u8]) {
        let media_type = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        let begins = |start: &[u8]| {
            content_type.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
        };
        let processor = if begins(b"multipart/form-data") {
            BodyProcessor::Multipart
        } else if media_type.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
            BodyProcessor::Urlencoded
        } else {
            return;
        };
        self.state.use_processor(processor);
    }

    pub(super) fn read_response_head(&mut self, head: &ResponseHead<'_>) {
        let state = &mut self.state;
        state.set_number(Variable::ResponseStatus, usize::from(head.status));
        state.set(Variable::ResponseProtocol, head.version);
        state.set(Variable::StatusLine, &[head.version, b" ", head.status.to_string().as_bytes()].concat());
        if head.headers.len() > HEADERS_MAX {
            state.note(Partial::Headers);
        }
        for (name, value) in head.headers.iter().take(HEADERS_MAX) {
            state.add(Variable::ResponseHeaders, name, value);
            if name.eq_ignore_ascii_case(b"content-type") {
                state.set(Variable::ResponseContentType, value);
            } else if name.eq_ignore_ascii_case(b"content-length") {
                state.set(Variable::ResponseContentLength, value);
            }
        }
    }
}

/// A path without its escapes. A plus sign is itself in a path.
fn decoded(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    for (place, part) in path.split(|byte| *byte == b'+').enumerate() {
        if place > 0 {
            out.push(b'+');
        }
        let mut plain = Vec::new();
        let changed = Transformation::UrlDecode.apply(part, &mut plain, None);
        out.extend_from_slice(if changed { &plain } else { part });
    }
    out
}

/// A target without `scheme://authority`.
fn without_authority(target: &[u8]) -> &[u8] {
    if target.starts_with(b"/") {
        return target;
    }
    let Some(at) = memchr::memmem::find(target, b"://") else { return target };
    let scheme = target[..at].iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte));
    if at == 0 || !scheme {
        return target;
    }
    let rest = &target[at + 3..];
    let path = rest.iter().position(|byte| matches!(byte, b'/' | b'?'));
    path.map_or(b"/", |path| &rest[path..])
}

/// A host without its port.
fn without_port(host: &[u8]) -> &[u8] {
    let port = memchr::memrchr(b':', host).filter(|at| host[at + 1..].iter().all(u8::is_ascii_digit));
    match port {
        Some(at) if host.starts_with(b"[") || memchr::memchr(b':', host) == Some(at) => &host[..at],
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_their_escapes_but_not_their_plus_signs() {
        assert_eq!(decoded(b"/a%20b+c%2Bd%"), b"/a b+c+d%");
    }

    #[test]
    fn targets_lose_their_authority_and_hosts_their_port() {
        for (target, expected) in [
            ("/a?b", "/a?b"),
            ("http://h/a", "/a"),
            ("http://h", "/"),
            ("http://h?x", "?x"),
            ("*", "*"),
            ("://x", "://x"),
            ("/x?u=http://y/z", "/x?u=http://y/z"),
        ] {
            assert_eq!(without_authority(target.as_bytes()), expected.as_bytes());
        }
        for (host, expected) in
            [("a:80", "a"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]"), ("a", "a"), ("a:b", "a:b")]
        {
            assert_eq!(without_port(host.as_bytes()), expected.as_bytes());
        }
    }
}
