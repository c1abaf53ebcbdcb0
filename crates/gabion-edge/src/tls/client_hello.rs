//! The first message of a TLS client, read from the bytes of its records.
//!
//! rustls parses the same bytes and decides whether they are valid; this reads what it does not hand out: every
//! extension, known or not. Nothing here trusts a length.

/// Bytes a client may send before its ClientHello is whole; then the handshake ends. Hellos with post-quantum keys
/// and a ticket have about 2 KiB.
pub const CLIENT_HELLO_BYTES_MAX: usize = 16 * 1024;

/// Content type of a record that carries handshake messages. RFC 8446 section 5.1.
const HANDSHAKE: u8 = 22;
/// Handshake type. RFC 8446 section 4.
const CLIENT_HELLO: u8 = 1;
const RECORD_HEADER_BYTES: usize = 5;
const RANDOM_BYTES: usize = 32;

/// Extensions whose content is looked at. RFC 8446 section 4.2.
mod extension {
    pub(super) const SIGNATURE_ALGORITHMS: u16 = 13;
    pub(super) const ALPN: u16 = 16;
    pub(super) const SUPPORTED_VERSIONS: u16 = 43;
}

/// What a ClientHello says, in the order it says it, GREASE values (RFC 8701) included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientHello {
    /// `legacy_version`.
    pub version: u16,
    /// Cipher suites.
    pub ciphers: Vec<u16>,
    /// Types of all extensions.
    pub extensions: Vec<u16>,
    /// Content of `supported_versions`, where there is one.
    pub supported_versions: Option<Vec<u16>>,
    /// Content of `signature_algorithms`.
    pub signature_algorithms: Vec<u16>,
    /// The first protocol of ALPN; empty when there is none.
    pub alpn: Vec<u8>,
}

impl ClientHello {
    /// Reads a ClientHello from the records it came in. Bytes behind it are ignored. `None` when it is not whole or
    /// malformed.
    pub fn parse(records: &[u8]) -> Option<Self> {
        let message = message(records)?;
        let mut body = Reader(&message);
        let version = body.u16()?;
        body.take(RANDOM_BYTES)?;
        body.short()?; // session id
        let ciphers = body.long()?.numbers()?;
        body.short()?; // compression methods
        let mut hello = Self { version, ciphers, ..Self::default() };
        // TLS 1.2 clients may end here. RFC 5246 section 7.4.1.2.
        if body.0.is_empty() {
            return Some(hello);
        }
        let mut extensions = body.long()?;
        while !extensions.0.is_empty() {
            let kind = extensions.u16()?;
            let content = extensions.long()?;
            hello.extensions.push(kind);
            hello.look_into(kind, content)?;
        }
        body.0.is_empty().then_some(hello)
    }

    fn look_into(&mut self, kind: u16, mut content: Reader<'_>) -> Option<()> {
        match kind {
            extension::SIGNATURE_ALGORITHMS => self.signature_algorithms = content.long()?.numbers()?,
            extension::SUPPORTED_VERSIONS => self.supported_versions = Some(content.short()?.numbers()?),
            extension::ALPN => {
                let mut protocols = content.long()?;
                if !protocols.0.is_empty() {
                    self.alpn = protocols.short()?.0.to_vec();
                }
            }
            _ => {}
        }
        Some(())
    }
}

/// The body of the first handshake message, gathered from as many records as it needs. RFC 8446 section 5.1.
fn message(mut records: &[u8]) -> Option<Vec<u8>> {
    let mut gathered = Vec::new();
    loop {
        let mut header = Reader(records.get(..RECORD_HEADER_BYTES)?);
        if header.take(1)? != [HANDSHAKE] {
            return None;
        }
        header.take(2)?; // legacy_record_version
        let end = RECORD_HEADER_BYTES + usize::from(header.u16()?);
        gathered.extend_from_slice(records.get(RECORD_HEADER_BYTES..end)?);
        records = &records[end..];
        let [kind, a, b, c, body @ ..] = gathered.as_slice() else { continue };
        if *kind != CLIENT_HELLO {
            return None;
        }
        let length = usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).ok()?;
        if let Some(body) = body.get(..length) {
            return Some(body.to_vec());
        }
    }
}

/// Bytes that are read from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// A vector with one byte of length.
    fn short(&mut self) -> Option<Reader<'a>> {
        let length = self.take(1)?[0];
        self.take(length.into()).map(Reader)
    }

    /// A vector with two bytes of length.
    fn long(&mut self) -> Option<Reader<'a>> {
        let length = self.u16()?;
        self.take(length.into()).map(Reader)
    }

    /// All that is left as numbers of two bytes.
    fn numbers(self) -> Option<Vec<u16>> {
        let pairs = self.0.chunks_exact(2);
        pairs
            .remainder()
            .is_empty()
            .then(|| pairs.map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hello in records of at most `record` bytes.
    fn records(body: &[u8], record: usize) -> Vec<u8> {
        let length = u32::try_from(body.len()).expect("short").to_be_bytes();
        let message: Vec<u8> = [&[CLIENT_HELLO], &length[1..], body].concat();
        let framed = message.chunks(record).flat_map(|piece| {
            let length = u16::try_from(piece.len()).expect("short").to_be_bytes();
            [&[HANDSHAKE, 3, 1], &length[..], piece].concat()
        });
        framed.collect()
    }

    fn body(extensions: &[u8]) -> Vec<u8> {
        let length = u16::try_from(extensions.len()).expect("short").to_be_bytes();
        [&[3, 3][..], &[7; 32], &[0, 0, 4, 0x13, 1, 0x0a, 0x0a, 1, 0], &length, extensions].concat()
    }

    const EXTENSIONS: &[u8] = &[
        0, 43, 0, 5, 4, 0x0a, 0x0a, 3, 4, // supported_versions
        0, 13, 0, 4, 0, 2, 4, 3, // signature_algorithms
        0, 16, 0, 5, 0, 3, 2, b'h', b'2', // ALPN
        0xfe, 0x0d, 0, 1, 9, // one that is not looked into
    ];

    #[test]
    fn a_hello_is_read_whole_however_it_is_cut_into_records() {
        for record in [1, 3, 4, 40, 1000] {
            let mut bytes = records(&body(EXTENSIONS), record);
            bytes.extend_from_slice(b"behind it");
            let hello = ClientHello::parse(&bytes).expect("a hello");
            assert_eq!((hello.version, hello.ciphers), (0x303, vec![0x1301, 0x0a0a]), "{record}");
            assert_eq!(hello.extensions, [43, 13, 16, 0xfe0d]);
            assert_eq!(hello.supported_versions, Some(vec![0x0a0a, 0x304]));
            assert_eq!((hello.signature_algorithms, hello.alpn), (vec![0x403], b"h2".to_vec()));
        }
    }

    #[test]
    fn a_hello_that_is_cut_anywhere_is_none() {
        let bytes = records(&body(EXTENSIONS), 1000);
        for end in 0..bytes.len() {
            assert_eq!(ClientHello::parse(&bytes[..end]), None, "{end}");
        }
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        let bare = body(&[]);
        let without = ClientHello::parse(&records(&bare[..bare.len() - 2], 1000));
        assert!(without.expect("extensions are optional").extensions.is_empty());
        for extensions in [&[0, 16, 0, 9, 0][..], &[0, 43, 0, 2, 1, 3], &[0, 13, 0, 3, 0, 1, 4], &[0, 0, 0]] {
            assert_eq!(ClientHello::parse(&records(&body(extensions), 1000)), None, "{extensions:?}");
        }
        let trailing = [body(EXTENSIONS), vec![0]].concat();
        assert_eq!(ClientHello::parse(&records(&trailing, 1000)), None);
        assert_eq!(ClientHello::parse(b"GET / HTTP/1.1\r\n\r\n"), None);
    }
}
