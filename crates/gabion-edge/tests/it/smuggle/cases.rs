//! Requests that readers have disagreed about, and plain ones beside them.
//!
//! The ideas are those of published findings in proxies and servers of all kinds; each is written down here once, in
//! its smallest form. `{N}` is the number of the case, `{CL}` the length of what follows the head, `{HIDDEN}` a request
//! that nobody may ever see as one.

/// What must become of a case.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
    /// The request reaches the shop whole, and so does the one behind it.
    Passes,
    /// Neither does.
    Refused,
}

/// One case.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) expected: Expected,
    template: String,
}

impl Case {
    /// The bytes, with a last request behind them.
    pub(super) fn bytes(&self, number: usize) -> Vec<u8> {
        let hidden = "GET /{N}/hidden HTTP/1.1\r\nHost: plain.example\r\n\r\n";
        let text = self.template.replace("{HIDDEN}", hidden).replace("{N}", &number.to_string());
        let length = text.split_once("\r\n\r\n").map_or(0, |(_, body)| body.len());
        let text = text.replace("{CL}", &length.to_string());
        format!("{text}GET /{number}/last HTTP/1.1\r\nHost: plain.example\r\n\r\n").into_bytes()
    }
}

/// Lines of a POST and its body that pass.
const PASSES: &[(&str, &str)] = &[
    ("Content-Length: {CL}", "body"),
    ("content-length:{CL}", "body"),
    ("Content-Length: 0", ""),
    ("Content-Length: {CL}", "{HIDDEN}"),
    ("Transfer-Encoding: chunked", "4\r\nbody\r\n0\r\n\r\n"),
    ("TRANSFER-ENCODING:CHUNKED", "4\r\nbody\r\n0\r\n\r\n"),
    ("Transfer-Encoding: chunked", "0\r\n\r\n"),
    ("Transfer-Encoding: chunked", "A\r\n0123456789\r\n000b\r\n0123456789a\r\n00\r\n\r\n"),
    ("Transfer-Encoding: chunked", "4;ext=\"a;b\"\r\nbody\r\n0;last\r\n\r\n"),
    ("Transfer-Encoding: chunked", "4\r\nbody\r\n0\r\nX-Sum: 1\r\n\r\n"),
    ("Transfer-Encoding: chunked", "5\r\n0\r\n\r\n\r\n0\r\n\r\n"),
    ("Connection: Content-Length, Host\r\nContent-Length: {CL}", "body"),
    ("Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked", "4\r\nbody\r\n0\r\n\r\n"),
    ("Expect: 100-continue\r\nContent-Length: {CL}", "body"),
    (
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nContent-Length: {CL}",
        "body",
    ),
    ("X-Forwarded-For: 1\r\nX_Forwarded_For: 2\r\nX-Request-Id: mine\r\nContent-Length: {CL}", "body"),
    ("TE: trailers\r\nContent-Length: {CL}", "body"),
    ("X-Content-Length: 3\r\nX-Transfer-Encoding: chunked\r\nContent-Length: {CL}", "body"),
    ("X:\t a \t\r\nContent-Length: {CL}", "body"),
    ("X-Name: Ünï\r\nContent-Length: {CL}", "body"),
    ("Content-Encoding: identity\r\nContent-Length: {CL}", "body"),
];

/// Lines of a POST that are refused, whatever follows.
const FRAMINGS: &[&str] = &[
    "Content-Length: 4\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: 4",
    "Transfer-Encoding: chunked\r\nContent-Length: 0",
    "Content-Length: 4\r\nContent-Length: 4",
    "Content-Length: 4\r\nContent-Length: 0",
    "Content-Length: 4\r\ncontent-length: 40",
    "Content-Length: 4, 4",
    "Content-Length: 4, 40",
    "Content-Length: ,4",
    "Content-Length: +4",
    "Content-Length: -4",
    "Content-Length: 0x4",
    "Content-Length: 04",
    "Content-Length: 4_0",
    "Content-Length: 4 0",
    "Content-Length: 4;",
    "Content-Length: \"4\"",
    "Content-Length: 4.0",
    "Content-Length: 4\t",
    "Content-Length:  4",
    "Content-Length: \u{b}4",
    "Content-Length: 18446744073709551620",
    "Content-Length: 99999999999999999999999999999999",
    "Content-Length:",
    "Content-Length : 4",
    "Content-Length\t: 4",
    "Content-Length\u{b}: 4",
    "Content-Length\0: 4",
    "Content_Length: 4",
    "Content.Length: 4",
    " Content-Length: 4",
    "X: y\r\n Content-Length: 4",
    "X: y\r\n\tTransfer-Encoding: chunked",
    "X: y\nContent-Length: 4",
    "X: y\rContent-Length: 4",
    "X: y\r\r\nContent-Length: 4",
    "X: y\0\r\nContent-Length: 4",
    "Content-Length: 4\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: identity, chunked",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: ,chunked",
    "Transfer-Encoding: chunked,",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding: chunkedx",
    "Transfer-Encoding: \"chunked\"",
    "Transfer-Encoding: chunked;q=1",
    "Transfer-Encoding: [chunked]",
    "Transfer-Encoding:",
    "Transfer-Encoding:\tchunked",
    "Transfer-Encoding:  chunked",
    "Transfer-Encoding: chunked ",
    "Transfer-Encoding: \u{b}chunked",
    "Transfer-Encoding: chunked\u{b}",
    "Transfer-Encoding: chunked\0",
    "Transfer-Encoding: \u{fffd}chunked",
    "Transfer-Encoding: chun\u{a0}ked",
    "Transfer-Encoding : chunked",
    "Transfer-Encoding\t: chunked",
    "Transfer_Encoding: chunked",
    "Transfer-Encoding\u{b}: chunked",
    "Transfer-Encoding:\r\n chunked",
    "Transfer-Encoding: chunked\r\n ",
    "Transfer\r-Encoding: chunked",
    ": chunked",
    "Transfer-Encoding",
    "Transfer-Encoding chunked",
    "Host: plain.example",
    "Host: evil.example",
    "Expect: 100-continue, x",
    "Expect: x",
    "Content-Encoding: gzip\r\nContent-Length: 4",
];

/// Chunked bodies that break off.
const CHUNKS: &[&str] = &[
    "x\r\n{HIDDEN}",
    "-1\r\n{HIDDEN}",
    "+4\r\nbody\r\n0\r\n\r\n",
    "0x4\r\nbody\r\n0\r\n\r\n",
    " 4\r\nbody\r\n0\r\n\r\n",
    "4 \r\nbody\r\n0\r\n\r\n",
    "4\t\r\nbody\r\n0\r\n\r\n",
    "4\u{b}\r\nbody\r\n0\r\n\r\n",
    "4\nbody\n0\n\n",
    "4\r\nbody\n0\r\n\r\n",
    "4\r\nbody\r0\r\n\r\n",
    "4\rbody\r\n0\r\n\r\n",
    "4\r\r\nbody\r\n0\r\n\r\n",
    "4\r\nbodyXX0\r\n\r\n",
    "3\r\nbody\r\n0\r\n\r\n",
    "5\r\nbody\r\n0\r\n\r\n",
    "4;a\nb\r\nbody\r\n0\r\n\r\n",
    "4;\nbody\r\n0\r\n\r\n",
    "4;\u{1}\r\nbody\r\n0\r\n\r\n",
    "4;\u{e4}\r\nbody\r\n0\r\n\r\n",
    "4_0\r\nbody\r\n0\r\n\r\n",
    "4,4\r\nbody\r\n0\r\n\r\n",
    "\r\n4\r\nbody\r\n0\r\n\r\n",
    ";\r\nbody\r\n0\r\n\r\n",
    "10000000000000004\r\nbody\r\n0\r\n\r\n",
    "00000000000000004\r\nbody\r\n0\r\n\r\n",
    "0\r\nContent-Length: 4\r\n\r\n",
    "0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "0\r\nHost: evil.example\r\n\r\n",
    "0\r\nX-Forwarded-For: 1\r\n\r\n",
    "0\r\nX: y\n\r\n",
    "0\r\nX: y\rZ: z\r\n\r\n",
    "0\r\n X: y\r\n\r\n",
    "0\r\nX : y\r\n\r\n",
    "0\r\nGET /{N}/hidden HTTP/1.1\r\n\r\n",
    "0\r\n\n",
    "0\n\r\n",
];

/// Whole heads that are refused.
const HEADS: &[&str] = &[
    "GET /{N}\r\n\r\n",
    "GET /{N} HTTP/0.9\r\nHost: plain.example\r\n\r\n",
    "GET /{N} HTTP/1.2\r\nHost: plain.example\r\n\r\n",
    "GET /{N} HTTP/2.0\r\nHost: plain.example\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "GET /{N} HTTP/1.1\r\n\r\n",
    "GET /{N} HTTP/1.1\nHost: plain.example\n\n",
    "GET /{N} HTTP/1.1\rHost: plain.example\r\r",
    "GET /{N}  HTTP/1.1\r\nHost: plain.example\r\n\r\n",
    "GET  /{N} HTTP/1.1\r\nHost: plain.example\r\n\r\n",
    "GET\t/{N} HTTP/1.1\r\nHost: plain.example\r\n\r\n",
    "GET /{N}\u{b}HTTP/1.1\r\nHost: plain.example\r\n\r\n",
    "GET /{N} HTTP/1.1 \r\nHost: plain.example\r\n\r\n",
    "GET /{N} HTTP/1.1 HTTP/1.1\r\nHost: plain.example\r\n\r\n",
    "GET /{N}#hidden HTTP/1.1\r\nHost: plain.example\r\n\r\n",
    "GET /{N}%00 HTTP/1.1\r\nHost: plain.example\r\n\r\n",
    "GET !{N} HTTP/1.1\r\nHost: plain.example\r\n\r\n",
    "GET http://plain.example@evil.example/{N} HTTP/1.1\r\nHost: plain.example\r\n\r\n",
    "GET http://evil.example/{N} HTTP/1.1\r\nHost: plain.example\r\n\r\n",
    "GET ftp://plain.example/{N} HTTP/1.1\r\nHost: plain.example\r\n\r\n",
    "GET /{N} HTTP/1.1\r\nHost: plain.example:80x\r\n\r\n",
    "GET /{N} HTTP/1.1\r\nHost: plain.example, evil.example\r\n\r\n",
    "GET /{N} HTTP/1.1\r\nHost: \r\n\r\n",
    "GET /{N} HTTP/1.1\r\n Host: plain.example\r\n\r\n",
    "CONNECT plain.example:80 HTTP/1.1\r\nHost: plain.example\r\n\r\n",
    "TRACE /{N} HTTP/1.1\r\nHost: plain.example\r\n\r\n",
    "get /{N} HTTP/1.1\r\nHost: plain.example\r\n\r\n",
    "POST /{N} HTTP/1.0\r\nHost: plain.example\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "\r\n\r\nGET /{N} HTTP/1.1\r\nHost: plain.example\r\n\r\n",
    "\nGET /{N} HTTP/1.1\r\nHost: plain.example\r\n\r\n",
    "\0GET /{N} HTTP/1.1\r\nHost: plain.example\r\n\r\n",
];

/// Whole requests that pass.
const PLAIN: &[&str] = &[
    "GET /{N} HTTP/1.1\r\nHost: plain.example\r\n\r\n",
    "\r\nGET /{N} HTTP/1.1\r\nHost: plain.example\r\n\r\n",
    "GET http://plain.example/{N} HTTP/1.1\r\nHost: plain.example\r\n\r\n",
    "GET /{N} HTTP/1.1\r\nHost: plain.example\r\nContent-Length: {CL}\r\n\r\n{HIDDEN}",
    "DELETE /{N} HTTP/1.1\r\nHost: plain.example\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
    "PUT /{N} HTTP/1.1\r\nHost: plain.example\r\nContent-Length: {CL}\r\n\r\n0\r\n\r\n{HIDDEN}",
];

/// All of them.
pub(super) fn all() -> Vec<Case> {
    let post = |lines: &str, body: &str| {
        format!("POST /{{N}} HTTP/1.1\r\nHost: plain.example\r\n{lines}\r\n\r\n{body}")
    };
    let passes = PASSES.iter().map(|(lines, body)| (Expected::Passes, *lines, post(lines, body)));
    let framings = FRAMINGS.iter().map(|lines| (Expected::Refused, *lines, post(lines, "0\r\n\r\n{HIDDEN}")));
    let chunks =
        CHUNKS.iter().map(|body| (Expected::Refused, *body, post("Transfer-Encoding: chunked", body)));
    let heads = HEADS.iter().map(|head| (Expected::Refused, *head, (*head).to_owned()));
    let plain = PLAIN.iter().map(|request| (Expected::Passes, *request, (*request).to_owned()));
    let all = passes.chain(framings).chain(chunks).chain(heads).chain(plain);
    all.map(|(expected, name, template)| {
        let name = name.escape_debug().to_string();
        Case { name: name.chars().take(56).collect(), expected, template }
    })
    .collect()
}
