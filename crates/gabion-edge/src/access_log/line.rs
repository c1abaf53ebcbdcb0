//! One answered request, and how it is written.

use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;

use gabion_core::Timestamp;
use http::{Method, Version};

use super::redact;
use super::text::Texts;
use crate::config::LogFormat;
use crate::layer::Facts;
use crate::trace_context::TraceContext;
use crate::upload::Uploaded;
use crate::waf::Findings;

/// How an answer ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum End {
    /// The customer went before the end, or before there was any.
    #[default]
    Left,
    /// It broke off: the shop, or a limit, ended it.
    Broken,
    /// All of it went out.
    Whole,
}

impl End {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Broken => "broken",
            Self::Whole => "whole",
        }
    }
}

/// What is written of one request.
pub(crate) struct Line {
    /// When its head had arrived.
    pub(crate) at: Timestamp,
    pub(crate) facts: Arc<Facts>,
    pub(crate) method: Method,
    pub(crate) version: Version,
    pub(crate) status: u16,
    pub(crate) bytes_out: u64,
    /// Microseconds from its head to the head of the answer, and to the end of the answer.
    pub(crate) head_us: u64,
    pub(crate) total_us: u64,
    pub(crate) end: End,
    pub(crate) refused: Option<Box<str>>,
    pub(crate) trace: Option<TraceContext>,
    pub(crate) texts: Texts,
}

/// Writes lines. The text of the second they share is kept.
pub(crate) struct Lines {
    format: LogFormat,
    second: i64,
    second_text: String,
    /// A line being written, kept for its memory.
    text: String,
}

impl Lines {
    pub(super) fn of(format: LogFormat) -> Self {
        Self { format, second: i64::MIN, second_text: String::new(), text: String::with_capacity(1024) }
    }

    /// Appends a line and its end.
    pub(super) fn add(&mut self, line: &Line, out: &mut Vec<u8>) {
        self.turn_to(line.at);
        self.text.clear();
        match self.format {
            LogFormat::Json => json(line, &self.second_text, &mut self.text),
            LogFormat::Common => common(line, &self.second_text, &mut self.text),
            LogFormat::Combined => combined(line, &self.second_text, &mut self.text),
        }
        out.extend_from_slice(self.text.as_bytes());
        out.push(b'\n');
    }

    fn turn_to(&mut self, at: Timestamp) {
        if at.seconds() == self.second && !self.second_text.is_empty() {
            return;
        }
        self.second = at.seconds();
        let pattern =
            if self.format == LogFormat::Json { "%Y-%m-%dT%H:%M:%S" } else { "%d/%b/%Y:%H:%M:%S +0000" };
        let at = jiff::Timestamp::from_second(self.second).unwrap_or_default();
        self.second_text = at.strftime(pattern).to_string();
    }
}

fn json(line: &Line, second: &str, out: &mut String) {
    let Facts { id, client, connection, site, notes, .. } = line.facts.as_ref();
    out.push_str("{\"time\":\"");
    out.push_str(second);
    out.push('.');
    let micros = line.at.micros().rem_euclid(1_000_000);
    // The leading zeros of a fraction: a seventh digit in front, which is cut.
    out.push_str(&itoa::Buffer::new().format(1_000_000 + micros)[1..]);
    out.push_str("Z\",");
    let mut object = Object(out);
    object.ours("request_id", id.text().as_str());
    object.name("client");
    object.0.push('"');
    put_address(client.address, object.0);
    object.0.push_str("\",");
    object.number("status", line.status.into());
    object.ours("method", line.method.as_str());
    object.theirs("host", line.texts.host(), |host, put| put(&redact::text(host)));
    object.texts("path", |put| put(&redact::text(line.texts.path())));
    object.theirs("query", line.texts.query(), redact::query);
    object.ours("protocol", protocol(line.version));
    if let Some(tls) = &connection.tls {
        object.ours("tls", tls.version);
        object.ours("alpn", tls.alpn);
    }
    if let Some(ja4) = connection.ja4() {
        object.ours("ja4", ja4);
    }
    object.theirs("user_agent", line.texts.agent(), |agent, put| put(&redact::text(agent)));
    object.theirs("referer", line.texts.referer(), redact::address);
    if let Some(site) = site.get() {
        object.texts("site", |put| put(site.id.as_str()));
    }
    if notes.own() {
        object.flag("own_page");
    }
    if let Some(upstream) = notes.upstream() {
        object.texts("upstream", |put| put(&upstream.config.name));
    }
    if let Some(endpoint) = notes.endpoint() {
        object.ours("endpoint", endpoint.url.as_str());
    }
    if let Some(refused) = &line.refused {
        object.texts("refused", |put| put(&redact::text(refused.as_bytes())));
    }
    if let Some(Findings { action, score, rules }) = notes.findings() {
        object.ours("waf", action.as_str());
        object.number("waf_score", u64::try_from(*score).unwrap_or(0));
        let rules: Vec<_> = rules.iter().map(u64::to_string).collect();
        object.ours("waf_rules", &rules.join(" "));
    }
    if let Some(Uploaded { action, reasons }) = notes.uploads_found() {
        object.ours("upload", action);
        object.ours("upload_reasons", reasons);
    }
    if let Some(trace) = &line.trace {
        object.ours("trace_id", &format!("{:032x}", trace.trace_id));
    }
    object.ours("end", line.end.as_str());
    for (name, number) in [
        ("bytes_in", Some(notes.bytes_in())),
        ("bytes_out", Some(line.bytes_out)),
        ("queue_us", notes.queue_us()),
        ("connect_us", notes.connect_us()),
        ("send_us", notes.send_us()),
        ("first_byte_us", notes.first_byte_us()),
        ("shop_us", notes.shop_us()),
        ("head_us", Some(line.head_us)),
        ("total_us", Some(line.total_us)),
    ] {
        if let Some(number) = number {
            object.number(name, number);
        }
    }
    object.end();
}

/// An object being written, piece by piece: the machinery of `format!` would cost more than the rest of the log. Every
/// member ends with a comma, until the end.
struct Object<'a>(&'a mut String);

impl Object<'_> {
    fn name(&mut self, name: &str) {
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
    }

    fn number(&mut self, name: &str, number: u64) {
        self.name(name);
        put_number(number, self.0);
        self.0.push(',');
    }

    fn flag(&mut self, name: &str) {
        self.name(name);
        self.0.push_str("true,");
    }

    /// A text of ours, which needs no escapes.
    fn ours(&mut self, name: &str, text: &str) {
        self.name(name);
        self.0.push('"');
        self.0.push_str(text);
        self.0.push_str("\",");
    }

    /// A text that is handed over in pieces.
    fn texts(&mut self, name: &str, text: impl FnOnce(&mut dyn FnMut(&str))) {
        self.name(name);
        self.0.push('"');
        text(&mut |piece| escape_json(piece, self.0));
        self.0.push_str("\",");
    }

    /// What a client wrote, made fit to be read; left out where it wrote nothing.
    fn theirs(&mut self, name: &str, bytes: &[u8], fit: impl FnOnce(&[u8], &mut dyn FnMut(&str))) {
        if !bytes.is_empty() {
            self.texts(name, |put| fit(bytes, put));
        }
    }

    fn end(self) {
        self.0.pop();
        self.0.push('}');
    }
}

fn put_number(number: u64, out: &mut String) {
    out.push_str(itoa::Buffer::new().format(number));
}

fn put_address(address: IpAddr, out: &mut String) {
    match address {
        IpAddr::V4(address) => {
            for (i, octet) in address.octets().into_iter().enumerate() {
                if i > 0 {
                    out.push('.');
                }
                put_number(octet.into(), out);
            }
        }
        IpAddr::V6(address) => put(out, format_args!("{address}")),
    }
}

/// RFC 8259 section 7, and no control character at all, so that a line shown on a terminal does nothing there.
fn escape_json(text: &str, out: &mut String) {
    let plain = |b: u8| (b' '..0x7f).contains(&b) && b != b'"' && b != b'\\';
    if text.bytes().all(plain) {
        out.push_str(text);
        return;
    }
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                put(out, format_args!("\\u{:04x}", u32::from(c)))
            }
            c => out.push(c),
        }
    }
}

/// The Common Log Format: `host ident user [time] "request" status bytes`.
fn common(line: &Line, second: &str, out: &mut String) {
    put_address(line.facts.client.address, out);
    out.push_str(" - - [");
    out.push_str(second);
    out.push_str("] \"");
    escape_quoted(line.method.as_str(), out);
    out.push(' ');
    escape_quoted(&redact::text(line.texts.path()), out);
    if !line.texts.query().is_empty() {
        out.push('?');
        redact::query(line.texts.query(), &mut |piece| escape_quoted(piece, out));
    }
    out.push(' ');
    out.push_str(protocol(line.version));
    out.push_str("\" ");
    put_number(line.status.into(), out);
    out.push(' ');
    put_number(line.bytes_out, out);
}

fn combined(line: &Line, second: &str, out: &mut String) {
    common(line, second, out);
    out.push_str(" \"");
    match line.texts.referer() {
        b"" => out.push('-'),
        referer => redact::address(referer, &mut |piece| escape_quoted(piece, out)),
    }
    out.push_str("\" \"");
    match line.texts.agent() {
        b"" => out.push('-'),
        agent => escape_quoted(&redact::text(agent), out),
    }
    out.push('"');
}

/// Quotes, backslashes and everything beyond printable ASCII become `\xHH`, as nginx and Apache write them.
fn escape_quoted(text: &str, out: &mut String) {
    for b in text.bytes() {
        if (b' '..0x7f).contains(&b) && b != b'"' && b != b'\\' {
            out.push(char::from(b));
        } else {
            put(out, format_args!("\\x{b:02X}"));
        }
    }
}

const fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_11 => "HTTP/1.1",
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_3 => "HTTP/3.0",
        _ => "HTTP/0.9",
    }
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::OnceLock;

    use super::*;
    use crate::RequestId;
    use crate::client_addr::Client;
    use crate::layer::{Connection, Refusals, Tls};

    fn line(path: &[u8], query: &[u8], referer: &[u8], agent: &[u8]) -> Line {
        let tls = Some(Tls { version: "TLSv1.3", alpn: "h2" });
        let peer = SocketAddr::from(([192, 0, 2, 1], 4711));
        let client = Client { address: peer.ip(), https: true };
        let (said, refusals) = (OnceLock::new(), Refusals::new(u32::MAX, Arc::default()));
        let connection = Connection { peer, https: true, ja4: None, tls, said, refusals };
        Line {
            at: Timestamp::from_micros(1_700_000_000_000_042),
            facts: Arc::new(Facts::new(RequestId::from_bits(7), client, Arc::new(connection), false)),
            method: Method::GET,
            version: Version::HTTP_2,
            status: 200,
            bytes_out: 12,
            head_us: 900,
            total_us: 1000,
            end: End::Whole,
            refused: None,
            trace: None,
            texts: Texts::new(path, query, b"shop.example", referer, agent),
        }
    }

    fn written(format: LogFormat, line: &Line) -> String {
        let mut out = Vec::new();
        Lines::of(format).add(line, &mut out);
        let text = String::from_utf8(out).expect("lines are UTF-8");
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
        text.trim_end().to_owned()
    }

    #[test]
    fn a_line_in_each_format() {
        let line = line(b"/tea", b"page=2&token=x", b"https://shop.example/?q=1", b"Mozilla/5.0");
        let json: serde_json::Value =
            serde_json::from_str(&written(LogFormat::Json, &line)).expect("an object");
        let expected = serde_json::json!({
            "time": "2023-11-14T22:13:20.000042Z", "request_id": RequestId::from_bits(7).to_string(),
            "client": "192.0.2.1", "status": 200, "method": "GET", "host": "shop.example", "path": "/tea",
            "query": "page=2&token=[masked]", "protocol": "HTTP/2.0", "tls": "TLSv1.3", "alpn": "h2",
            "user_agent": "Mozilla/5.0", "referer": "https://shop.example/?q=1", "end": "whole", "bytes_in": 0,
            "bytes_out": 12, "head_us": 900, "total_us": 1000,
        });
        assert_eq!(json, expected);
        let common =
            "192.0.2.1 - - [14/Nov/2023:22:13:20 +0000] \"GET /tea?page=2&token=[masked] HTTP/2.0\" 200 12";
        assert_eq!(written(LogFormat::Common, &line), common);
        let combined = format!("{common} \"https://shop.example/?q=1\" \"Mozilla/5.0\"");
        assert_eq!(written(LogFormat::Combined, &line), combined);
    }

    #[test]
    fn nothing_a_client_writes_ends_a_line_or_a_field() {
        let evil = b"a\"b\\c\r\n{\"time\":\"x\"}\x1b[2J\x00\x7f\xff\xc2\x85";
        let line = line(evil, evil, evil, evil);
        let json = written(LogFormat::Json, &line);
        let value: serde_json::Value = serde_json::from_str(&json).expect("still an object");
        let agent = value["user_agent"].as_str().expect("a text");
        assert_eq!(agent, "a\"b\\c\r\n{\"time\":\"x\"}\u{1b}[2J\0\u{7f}\u{fffd}\u{85}");
        let combined = written(LogFormat::Combined, &line);
        assert_eq!(combined.matches('"').count(), 6, "{combined}");
        assert!(combined.is_ascii(), "{combined}");
    }

    #[test]
    fn the_text_of_the_second_follows_the_clock() {
        let mut lines = Lines::of(LogFormat::Common);
        let (mut first, mut second) = (line(b"/", b"", b"", b""), line(b"/", b"", b"", b""));
        (first.at, second.at) = (Timestamp::from_seconds(0), Timestamp::from_seconds(61));
        let mut out = Vec::new();
        for line in [&first, &second, &first] {
            lines.add(line, &mut out);
        }
        let text = String::from_utf8(out).expect("lines are UTF-8");
        let times: Vec<_> = text.lines().map(|line| &line[27..35]).collect();
        assert_eq!(times, ["00:00:00", "00:01:01", "00:00:00"], "{text}");
    }
}
