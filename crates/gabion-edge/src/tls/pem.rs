//! Finds the sections of a PEM file with their lines, so that an error can say where to look. RFC 7468. Also writes
//! and reads our own files, which hold a key and its chain together.

use gabion_core::Secret;
use rcgen::KeyPair;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::certificate::{ServedCertificate, Source, UnusableCertificate};

/// The text of a file that holds `key` and its chain, the site's certificate first.
pub(super) fn write(chain: &[CertificateDer<'static>], key: &KeyPair) -> Secret<String> {
    let mut text = key.serialize_pem();
    for certificate in chain {
        text.push_str(&encode("CERTIFICATE", certificate));
    }
    Secret::new(text)
}

/// Reads what [`write`] wrote.
pub(super) fn read(text: &Secret<String>, source: Source) -> Result<ServedCertificate, UnusableCertificate> {
    let bytes = text.expose().as_bytes();
    let key = PrivateKeyDer::from_pem_slice(bytes).map_err(|_| UnusableCertificate::Key)?;
    let chain = CertificateDer::pem_slice_iter(bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| UnusableCertificate::Unreadable)?;
    ServedCertificate::new(chain, key, source)
}

/// One section of 64 letters a line. RFC 7468 section 3.
fn encode(label: &str, bytes: &[u8]) -> String {
    let text = data_encoding::BASE64.encode(bytes);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// One `-----BEGIN …-----` to `-----END …-----`, both included.
#[derive(Clone, Copy)]
pub(super) struct Section<'a> {
    /// The word after BEGIN: `CERTIFICATE`, `PRIVATE KEY`.
    pub(super) label: &'a str,
    /// The line of BEGIN, counted from 1.
    pub(super) line: usize,
    /// The whole section, as a PEM decoder wants it.
    pub(super) bytes: &'a [u8],
}

/// A section that does not end. It carries no content: the file may hold a private key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unfinished {
    /// The line of its BEGIN, counted from 1.
    pub(super) line: usize,
}

/// All sections of `text`; what stands between them is commentary.
pub(super) fn sections(text: &[u8]) -> Result<Vec<Section<'_>>, Unfinished> {
    let mut found = Vec::new();
    let mut open: Option<(&str, usize, usize)> = None;
    let mut start = 0;
    for (index, line) in text.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let end = start + line.len();
        match open {
            None => open = marker(line, "-----BEGIN ").map(|label| (label, index + 1, start)),
            Some((label, line_number, from)) => {
                if marker(line, "-----END ") == Some(label) {
                    found.push(Section { label, line: line_number, bytes: &text[from..end] });
                    open = None;
                } else if marker(line, "-----BEGIN ").is_some() {
                    return Err(Unfinished { line: line_number });
                }
            }
        }
        start = end;
    }
    match open {
        Some((_, line, _)) => Err(Unfinished { line }),
        None => Ok(found),
    }
}

fn marker<'a>(line: &'a [u8], start: &str) -> Option<&'a str> {
    std::str::from_utf8(line).ok()?.trim_end().strip_prefix(start)?.strip_suffix("-----")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Result<Vec<(String, usize)>, Unfinished> {
        let named = |section: &Section<'_>| (section.label.to_owned(), section.line);
        Ok(sections(text.as_bytes())?.iter().map(named).collect())
    }

    #[test]
    fn sections_are_found_between_comments_with_any_line_end() {
        let text = "subject=x\r\n-----BEGIN A-----\r\nAA==\r\n-----END A-----\r\n\n-----BEGIN B C-----\n-----END B C-----";
        assert_eq!(lines(text), Ok(vec![("A".to_owned(), 2), ("B C".to_owned(), 6)]));
        assert_eq!(lines("no pem at all"), Ok(vec![]));
    }

    #[test]
    fn a_section_without_its_end_is_reported_where_it_begins() {
        for text in [
            "x\n-----BEGIN A-----\nAA==\n",
            "x\n-----BEGIN A-----\n-----END B-----\n",
            "x\n-----BEGIN A-----\nAA==\n-----BEGIN A-----\n-----END A-----\n",
        ] {
            assert_eq!(lines(text), Err(Unfinished { line: 2 }), "{text}");
        }
    }
}
