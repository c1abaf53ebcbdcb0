//! The PROXY protocol, versions 1 and 2: a TCP proxy in front of us says who the customer is, before the first byte of
//! TLS or HTTP. Only configured peers may, and they must. Source: HAProxy's `proxy-protocol.txt`, 2.1 and 2.2.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// Bytes of a header with all its extras; more is refused. Proxies send under 600.
pub const HEADER_BYTES_MAX: usize = 4096;

/// Begins version 2.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Begins version 1.
const TEXT: &[u8; 6] = b"PROXY ";
/// The longest line of version 1, its end included.
const LINE_BYTES_MAX: usize = 107;
/// Signature, version and command, family, length.
const FIXED_BYTES: usize = 16;
/// The type of an extra that holds a CRC32C of the whole header.
const CRC32C: u8 = 0x03;

/// What the bytes read so far are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The beginning of a header: all of them belong to it.
    Incomplete,
    /// A whole header.
    Header {
        /// Its bytes; what follows is the customer's.
        length: usize,
        /// The customer, or nobody: the proxy speaks for itself, or does not know.
        source: Option<SocketAddr>,
    },
}

/// Why bytes are no PROXY header.
#[derive(Debug, thiserror::Error)]
pub enum ProxyHeaderError {
    /// They begin like something else.
    #[error("no PROXY header")]
    Missing,
    /// Version 1, malformed.
    #[error("malformed PROXY line")]
    Line,
    /// Version 2 with an unknown version, command or family.
    #[error("PROXY header of an unknown kind {0:#04x}")]
    Unknown(u8),
    /// Version 2, longer than [`HEADER_BYTES_MAX`].
    #[error("PROXY header of {0} bytes")]
    TooLong(usize),
    /// Version 2 with too little room for its addresses or extras.
    #[error("PROXY header is cut")]
    Cut,
    /// Version 2 with a checksum that does not fit.
    #[error("PROXY header has a wrong checksum")]
    Checksum,
    /// The peer closed or the connection broke before the header was whole.
    #[error("PROXY header ended early")]
    Ended(#[from] io::Error),
}

/// Reads the header at the front of a connection, and not a byte more.
///
/// # Errors
/// When there is none, or the connection ends in it. Waits as long as the peer stays silent.
pub(crate) async fn read(stream: &mut TcpStream) -> Result<Option<SocketAddr>, ProxyHeaderError> {
    let mut header = Vec::new();
    loop {
        let mut next = [0; 512];
        let seen = stream.peek(&mut next).await?;
        if seen == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let before = header.len();
        header.extend_from_slice(&next[..seen]);
        match parse(&header)? {
            Parsed::Incomplete => drop(stream.read_exact(&mut next[..seen]).await?),
            Parsed::Header { length, source } => {
                stream.read_exact(&mut next[..length - before]).await?;
                return Ok(source);
            }
        }
    }
}

/// Reads a header from the front of `bytes`.
///
/// # Errors
/// As soon as the bytes cannot become one.
pub fn parse(bytes: &[u8]) -> Result<Parsed, ProxyHeaderError> {
    let begins = |with: &[u8]| bytes.iter().zip(with).all(|(a, b)| a == b);
    if begins(SIGNATURE) {
        binary(bytes)
    } else if begins(TEXT) {
        text(bytes)
    } else {
        Err(ProxyHeaderError::Missing)
    }
}

/// Version 1: `PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n`.
fn text(bytes: &[u8]) -> Result<Parsed, ProxyHeaderError> {
    let Some(end) = bytes.iter().take(LINE_BYTES_MAX).position(|b| *b == b'\n') else {
        let possible = bytes.len() < LINE_BYTES_MAX;
        return possible.then_some(Parsed::Incomplete).ok_or(ProxyHeaderError::Line);
    };
    let line = bytes[..end].strip_suffix(b"\r").and_then(|line| std::str::from_utf8(line).ok());
    let source = line.and_then(line_source).ok_or(ProxyHeaderError::Line)?;
    Ok(Parsed::Header { length: end + 1, source })
}

/// The source of a line; inside, none where the proxy does not know it.
fn line_source(line: &str) -> Option<Option<SocketAddr>> {
    let mut words = line.split(' ').skip(1);
    let family = words.next()?;
    if family == "UNKNOWN" {
        return Some(None);
    }
    let address = |text: &str| -> Option<IpAddr> {
        match family {
            "TCP4" => text.parse::<Ipv4Addr>().ok().map(IpAddr::from),
            "TCP6" => text.parse::<Ipv6Addr>().ok().map(IpAddr::from),
            _ => None,
        }
    };
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| port.to_string() == text);
    let (source, _) = (address(words.next()?)?, address(words.next()?)?);
    let (source_port, _) = (port(words.next()?)?, port(words.next()?)?);
    words.next().is_none().then_some(Some(SocketAddr::new(source, source_port)))
}

/// Version 2.
fn binary(bytes: &[u8]) -> Result<Parsed, ProxyHeaderError> {
    let Some(fixed) = bytes.first_chunk::<FIXED_BYTES>() else { return Ok(Parsed::Incomplete) };
    let [command, family] = [fixed[12], fixed[13]];
    if !matches!(command, 0x20 | 0x21) {
        return Err(ProxyHeaderError::Unknown(command));
    }
    let length = FIXED_BYTES + usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if length > HEADER_BYTES_MAX {
        return Err(ProxyHeaderError::TooLong(length));
    }
    let Some(header) = bytes.get(..length) else { return Ok(Parsed::Incomplete) };
    // LOCAL: the proxy's own connection, such as a health check. What else it says does not count.
    if command == 0x20 {
        return Ok(Parsed::Header { length, source: None });
    }
    let (addresses, extras) = match family {
        0x00 => (0, FIXED_BYTES), // unspecified
        0x11 => (12, FIXED_BYTES + 12),
        0x21 => (36, FIXED_BYTES + 36),
        0x31 => (216, FIXED_BYTES + 216), // a socket of the proxy's own system
        other => return Err(ProxyHeaderError::Unknown(other)),
    };
    let body = header.get(FIXED_BYTES..extras).ok_or(ProxyHeaderError::Cut)?;
    check_extras(header, extras)?;
    let source = match addresses {
        12 => {
            let address: [u8; 4] = body[..4].try_into().expect("four bytes");
            Some((IpAddr::from(address), [body[8], body[9]]))
        }
        36 => {
            let address: [u8; 16] = body[..16].try_into().expect("sixteen bytes");
            Some((IpAddr::from(address), [body[32], body[33]]))
        }
        _ => None,
    };
    let source = source.map(|(address, port)| SocketAddr::new(address, u16::from_be_bytes(port)));
    Ok(Parsed::Header { length, source })
}

/// Walks over the extras (type, two bytes of length, value), and checks the checksum where there is one.
fn check_extras(header: &[u8], mut at: usize) -> Result<(), ProxyHeaderError> {
    while at < header.len() {
        let head = header.get(at..at + 3).ok_or(ProxyHeaderError::Cut)?;
        let value = at + 3..at + 3 + usize::from(u16::from_be_bytes([head[1], head[2]]));
        let content = header.get(value.clone()).ok_or(ProxyHeaderError::Cut)?;
        if head[0] == CRC32C {
            let told: [u8; 4] = content.try_into().map_err(|_| ProxyHeaderError::Cut)?;
            let zeros = [&header[..value.start], &[0; 4], &header[value.end..]];
            if crc32c(zeros.into_iter().flatten()) != u32::from_be_bytes(told) {
                return Err(ProxyHeaderError::Checksum);
            }
        }
        at = value.end;
    }
    Ok(())
}

/// CRC-32C (Castagnoli), RFC 3720 appendix B.4. Bit by bit: once a connection, over a few hundred bytes.
fn crc32c<'a>(bytes: impl Iterator<Item = &'a u8>) -> u32 {
    !bytes.fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| {
                if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 }
            },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of version 2.
    fn header(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).expect("short").to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, body].concat()
    }

    const TCP4: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 1, 0x12, 0x67, 1, 187];

    #[track_caller]
    fn check(bytes: &[u8], source: Option<&str>) {
        let source = source.map(|source| source.parse().expect("an address"));
        let expected = Parsed::Header { length: bytes.len(), source };
        let followed = [bytes, b"\r\nGET"].concat();
        assert_eq!(parse(&followed).expect("a header"), expected);
        for end in 0..bytes.len() {
            assert_eq!(parse(&bytes[..end]).expect("a beginning"), Parsed::Incomplete, "{end}");
        }
    }

    #[track_caller]
    fn refuse(bytes: &[u8], expected: &str) {
        assert_eq!(parse(bytes).expect_err("no header").to_string(), expected, "{bytes:?}");
    }

    #[test]
    fn lines_of_version_1_name_the_customer() {
        check(b"PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n", Some("192.0.2.1:4711"));
        check(b"PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n", Some("[2001:db8::1]:1"));
        check(b"PROXY UNKNOWN\r\n", None);
        check(b"PROXY UNKNOWN ffff::1 ffff::1 65535 65535\r\n", None);
    }

    #[test]
    fn malformed_lines_are_refused() {
        for line in [
            "PROXY \r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 4711\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 4711 443 1\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 04711 443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 +4711 443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n",
            "PROXY TCP4  192.0.2.1 198.51.100.1 4711 443\r\n",
            "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
            "PROXY TCP5 192.0.2.1 198.51.100.1 4711 443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\n",
        ] {
            refuse(line.as_bytes(), "malformed PROXY line");
        }
        refuse(format!("PROXY UNKNOWN {}", "x".repeat(LINE_BYTES_MAX)).as_bytes(), "malformed PROXY line");
    }

    #[test]
    fn headers_of_version_2_name_the_customer() {
        check(&header(0x21, 0x11, &TCP4), Some("192.0.2.1:4711"));
        let mut tcp6 = [0; 36];
        tcp6[..4].copy_from_slice(&[0x20, 1, 0x0d, 0xb8]);
        tcp6[33] = 7;
        check(&header(0x21, 0x21, &tcp6), Some("[2001:db8::]:7"));
        check(&header(0x21, 0x31, &[0; 216]), None);
        check(&header(0x21, 0x00, &[]), None);
        check(&header(0x20, 0x00, &[]), None);
        check(&header(0x20, 0x77, b"whatever"), None);
    }

    #[test]
    fn extras_are_walked_over_and_their_checksum_is_checked() {
        check(
            &header(0x21, 0x11, &[&TCP4[..], &[1, 0, 2, b'h', b'2', 4, 0, 0]].concat()),
            Some("192.0.2.1:4711"),
        );
        let mut bytes = header(0x21, 0x11, &[&TCP4[..], &[CRC32C, 0, 4, 0, 0, 0, 0]].concat());
        let crc = crc32c(bytes.iter()).to_be_bytes();
        let at = bytes.len() - 4;
        bytes[at..].copy_from_slice(&crc);
        check(&bytes, Some("192.0.2.1:4711"));
        bytes[at] ^= 1;
        refuse(&bytes, "PROXY header has a wrong checksum");
        assert_eq!(crc32c(b"123456789".iter()), 0xe306_9283, "the check value of CRC-32C");
    }

    #[test]
    fn malformed_headers_are_refused() {
        refuse(b"GET / HTTP/1.1", "no PROXY header");
        refuse(&[22, 3, 1, 2, 0], "no PROXY header");
        refuse(&header(0x11, 0x11, &TCP4), "PROXY header of an unknown kind 0x11");
        refuse(&header(0x22, 0x11, &TCP4), "PROXY header of an unknown kind 0x22");
        refuse(&header(0x21, 0x12, &TCP4), "PROXY header of an unknown kind 0x12");
        refuse(&header(0x21, 0x11, &TCP4[..11]), "PROXY header is cut");
        refuse(&header(0x21, 0x21, &TCP4), "PROXY header is cut");
        refuse(&header(0x21, 0x11, &[&TCP4[..], &[4, 0]].concat()), "PROXY header is cut");
        refuse(&header(0x21, 0x11, &[&TCP4[..], &[4, 0, 9, 0]].concat()), "PROXY header is cut");
        refuse(&header(0x21, 0x11, &[&TCP4[..], &[CRC32C, 0, 1, 0]].concat()), "PROXY header is cut");
        refuse(&header(0x21, 0x11, &[0; 5000]), "PROXY header of 5016 bytes");
    }
}
