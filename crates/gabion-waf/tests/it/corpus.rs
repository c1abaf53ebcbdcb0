//! Reads the requests in `ordinary/*.txt`.
//!
//! Blocks are divided by empty lines. The first line is method and target, sent as written; then, in any order:
//!
//! ```text
//! Name: value       a header
//! ? name = value    an argument of the target, encoded as browsers do
//! + name = value    a field of a form, encoded as browsers do; `\n` is a line end
//! % name = value    a field of a multipart form; `@photo.jpg image/jpeg` stands for a file with made-up content
//! {...} or [...]    a body in JSON
//! < ...             a body in XML
//! | ...             a line of any other body
//! $ photo.jpg       a body that is made-up content
//! * value           the request once more, with this value where a field says `*`
//! # ...             a remark
//! ```
//!
//! A request that does not name its User-Agent comes from one of the browsers below, in turn.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use gabion_waf::{RequestHead, Transaction};

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Ordinary {
    /// File, line and number of the value, such as `search.txt:4.12`.
    pub(crate) name: String,
    /// The value that varies, or method and target.
    pub(crate) what: String,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Ordinary {
    /// Asks rules about it.
    pub(crate) fn send(&self, transaction: &mut Transaction) {
        let headers: Vec<(&[u8], &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        let head = RequestHead {
            method: self.method.as_bytes(),
            target: self.target.as_bytes(),
            version: b"HTTP/1.1",
            headers: &headers,
        };
        let _ = transaction.request_head(&head);
        let _ = transaction.request_body(&self.body);
    }
}

/// What browsers send: User-Agent, Accept, Accept-Language.
const BROWSERS: &[[&str; 3]] = &[
    [
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "de,en-US;q=0.7,en;q=0.3",
    ],
    [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
        "en-GB,en;q=0.9",
    ],
    [
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
        "*/*",
        "fr-FR,fr;q=0.9,en;q=0.8",
    ],
    [
        "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36",
        "application/json, text/plain, */*",
        "es-419,es;q=0.9",
    ],
    [
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "zh-Hans-CN;q=1, ja-JP;q=0.9",
    ],
    [
        "Mozilla/5.0 (Linux; Android 14; SM-S921B Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/137.0.0.0 Mobile Safari/537.36 Instagram 385.0.0.47.74 Android",
        "*/*",
        "pl-PL,pl;q=0.9,en-US;q=0.8",
    ],
];

const BOUNDARY: &str = "----WebKitFormBoundary7MA4YWxkTrZu0gW";
/// Bytes of a made-up file.
const FILE_BYTES: u32 = 900;

/// All requests, by file and line.
pub(crate) fn all() -> Vec<Ordinary> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/ordinary");
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the corpus is there")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let mut requests = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).expect("the corpus is UTF-8");
        let file = path.file_name().and_then(|name| name.to_str()).expect("a plain name");
        let mut block = Vec::new();
        let mut start = 0;
        for (number, line) in text.lines().chain([""]).enumerate() {
            if line.is_empty() && !block.is_empty() {
                read(&format!("{file}:{}", start + 1), &block, &mut requests);
                block.clear();
            } else if !line.is_empty() && !line.starts_with('#') {
                if block.is_empty() {
                    start = number;
                }
                block.push(line);
            }
        }
    }
    requests
}

fn read(name: &str, lines: &[&str], requests: &mut Vec<Ordinary>) {
    let values: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("* ")).collect();
    if values.is_empty() {
        requests.push(one(name, lines, "*", requests.len()));
    }
    for (number, value) in values.iter().enumerate() {
        requests.push(one(&format!("{name}.{}", number + 1), lines, value, requests.len()));
    }
}

/// Builds one request, by the browser of this turn.
fn one(name: &str, lines: &[&str], value: &str, turn: usize) -> Ordinary {
    let (method, target) = lines[0].split_once(' ').unwrap_or_else(|| panic!("{name}: no target"));
    let mut request = Ordinary {
        name: name.to_owned(),
        what: if value == "*" { lines[0] } else { value }.to_owned(),
        method: method.to_owned(),
        target: target.to_owned(),
        headers: vec![("Host".to_owned(), "shop.example".to_owned())],
        body: Vec::new(),
    };
    let mut media_type = None;
    let mut form = String::new();
    for line in &lines[1..] {
        let pair = || {
            let (field, written) = line[2..].split_once(" = ").unwrap_or_else(|| panic!("{name}: {line}"));
            (field, if written == "*" { value.to_owned() } else { written.replace("\\n", "\r\n") })
        };
        match line.get(..2) {
            Some("? ") => {
                let separator = if request.target.contains('?') { '&' } else { '?' };
                let (field, value) = pair();
                write!(request.target, "{separator}{}={}", encode(field), encode(&value)).expect("it grows");
            }
            Some("+ ") => {
                media_type = Some("application/x-www-form-urlencoded".to_owned());
                let separator = if form.is_empty() { "" } else { "&" };
                let (field, value) = pair();
                write!(form, "{separator}{}={}", encode(field), encode(&value)).expect("it grows");
            }
            Some("% ") => {
                media_type = Some(format!("multipart/form-data; boundary={BOUNDARY}"));
                let (field, value) = pair();
                part(&mut request.body, field, &value);
            }
            Some("< ") => {
                media_type = Some("application/xml".to_owned());
                request.body.extend_from_slice(&line.as_bytes()[2..]);
            }
            Some("| ") => {
                request.body.extend_from_slice(&line.as_bytes()[2..]);
                request.body.push(b'\n');
            }
            Some("$ ") => request.body = made_up(&line[2..]),
            Some("* ") => {}
            _ if line.starts_with(['{', '[']) => {
                media_type = Some("application/json".to_owned());
                request.body.extend_from_slice(line.as_bytes());
            }
            _ => {
                let (header, value) = line.split_once(": ").unwrap_or_else(|| panic!("{name}: {line}"));
                request.headers.push((header.to_owned(), value.to_owned()));
            }
        }
    }
    if !form.is_empty() {
        request.body = form.into_bytes();
    }
    if media_type.as_ref().is_some_and(|kind| kind.starts_with("multipart")) {
        request.body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    }
    finish(&mut request, media_type, turn);
    request
}

/// Adds the headers that a browser sends and the length of the body.
fn finish(request: &mut Ordinary, media_type: Option<String>, turn: usize) {
    let has = |request: &Ordinary, name: &str| {
        request.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
    };
    let add = |request: &mut Ordinary, name: &str, value: &str| {
        if !has(request, name) {
            request.headers.push((name.to_owned(), value.to_owned()));
        }
    };
    if !has(request, "User-Agent") {
        let [agent, accept, language] = BROWSERS[turn % BROWSERS.len()];
        add(request, "User-Agent", agent);
        add(request, "Accept", accept);
        add(request, "Accept-Language", language);
        add(request, "Accept-Encoding", "gzip, deflate, br, zstd");
    }
    add(request, "Accept", "*/*");
    if let Some(kind) = media_type {
        add(request, "Content-Type", &kind);
    }
    if !request.body.is_empty() || !matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "DELETE") {
        let length = request.body.len().to_string();
        add(request, "Content-Length", &length);
    }
}

fn part(body: &mut Vec<u8>, field: &str, value: &str) {
    let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"");
    body.extend_from_slice(head.as_bytes());
    match value.strip_prefix('@').and_then(|file| file.rsplit_once(' ')) {
        Some((file, kind)) => {
            let head = format!("; filename=\"{}\"\r\nContent-Type: {kind}\r\n\r\n", file.replace('"', "%22"));
            body.extend_from_slice(head.as_bytes());
            body.extend(made_up(file));
        }
        None => body.extend_from_slice(format!("\r\n\r\n{value}").as_bytes()),
    }
    body.extend_from_slice(b"\r\n");
}

/// The beginning of a JPEG, then bytes without meaning: a xorshift of the name.
fn made_up(name: &str) -> Vec<u8> {
    let mut state =
        name.bytes().fold(2_463_534_242_u32, |state, byte| state.rotate_left(5) ^ u32::from(byte));
    let mut bytes = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00".to_vec();
    bytes.extend((0..FILE_BYTES).map(|_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    }));
    bytes
}

/// As browsers encode forms. Source: WHATWG URL, application/x-www-form-urlencoded serializing.
fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'*' | b'-' | b'.' | b'_' => {
                encoded.push(char::from(byte))
            }
            b' ' => encoded.push('+'),
            _ => write!(encoded, "%{byte:02X}").expect("a String grows"),
        }
    }
    encoded
}
