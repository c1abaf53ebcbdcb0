//! HTTP/1.1 as far as the clients need it: one request, one answer whose length is told.

use std::io::{Read, Write};

use crate::task::Outcome;

/// Bytes of an answer that are kept at most: the largest body of the benchmark and its head.
const ANSWER_BYTES_MAX: usize = 2 << 20;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// The head, without the blank line.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The values of a field, in order.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }
}

/// Sends a request and reads the answer.
///
/// # Errors
/// When the connection ends early or the answer is not HTTP/1.1.
pub(crate) fn ask(stream: &mut (impl Read + Write), request: &[u8]) -> Outcome<Answer> {
    stream.write_all(request).map_err(|error| format!("write: {error}"))?;
    let mut bytes = Vec::with_capacity(4096);
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        more(stream, &mut bytes)?;
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    bytes.drain(..head_end + 4);
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or("not an HTTP answer")?;
    let mut answer = Answer { status, head, body: bytes };
    if answer.values("transfer-encoding").any(|value| value.eq_ignore_ascii_case("chunked")) {
        answer.body = chunked(stream, std::mem::take(&mut answer.body))?;
        return Ok(answer);
    }
    let length = answer.values("content-length").next().map_or(Ok(0), str::parse::<usize>);
    let length = length.map_err(|error| format!("content-length: {error}"))?;
    while answer.body.len() < length {
        more(stream, &mut answer.body)?;
    }
    Ok(answer)
}

/// The body of a chunked answer; its trailers are read and dropped.
fn chunked(stream: &mut impl Read, mut raw: Vec<u8>) -> Outcome<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = loop {
            match raw.windows(2).position(|window| window == b"\r\n") {
                Some(at) => break raw.drain(..at + 2).take(at).collect::<Vec<u8>>(),
                None => more(stream, &mut raw)?,
            }
        };
        let size = String::from_utf8_lossy(&line);
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|error| format!("chunk {size:?}: {error}"))?;
        if size > ANSWER_BYTES_MAX {
            return Err("chunk is too long".into());
        }
        while raw.len() < size + 2 {
            more(stream, &mut raw)?;
        }
        body.extend(raw.drain(..size + 2).take(size));
        if size == 0 {
            return Ok(body);
        }
    }
}

fn more(stream: &mut impl Read, bytes: &mut Vec<u8>) -> Outcome {
    let mut buffer = [0; 16 * 1024];
    match stream.read(&mut buffer) {
        Ok(0) => Err("the connection ended".into()),
        Ok(_) if bytes.len() > ANSWER_BYTES_MAX => Err("the answer is too long".into()),
        Ok(length) => {
            bytes.extend_from_slice(&buffer[..length]);
            Ok(())
        }
        Err(error) => Err(format!("read: {error}")),
    }
}
