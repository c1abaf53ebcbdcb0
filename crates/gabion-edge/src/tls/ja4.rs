//! JA4: what kind of software a TLS client is, from its first message. The public definition is
//! `technical_details/JA4.md` of FoxIO's ja4 repository; the TLS client part is free to use (BSD 3-Clause).
//!
//! The same program has the same fingerprint wherever it goes; many people share one. It tells kinds of clients
//! apart, not persons, and a client that wants to can look like another.

use std::fmt;

use gabion_crypto::digest::sha256;

use super::client_hello::ClientHello;

/// Characters of a fingerprint: ten, an underscore, twelve, an underscore, twelve.
const LENGTH: usize = 36;
/// Hexadecimal digits of a hash that are kept.
const HASH_DIGITS: usize = 12;

const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;

/// What carries the TLS messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TLS over TCP.
    Tcp,
    /// QUIC.
    Quic,
}

/// A JA4 fingerprint such as `t13d1516h2_8daaf6152771_e5627efa2ab1`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ja4([u8; LENGTH]);

impl Ja4 {
    /// The fingerprint of a client's first message.
    pub fn new(transport: Transport, hello: &ClientHello) -> Self {
        let ciphers: Vec<u16> = real(&hello.ciphers).collect();
        let extensions: Vec<u16> = real(&hello.extensions).collect();
        let mut text = Text { bytes: [b'_'; LENGTH], end: 0 };
        text.put(match transport {
            Transport::Tcp => b"t",
            Transport::Quic => b"q",
        });
        text.put(version(hello));
        text.put(if extensions.contains(&SERVER_NAME) { b"d" } else { b"i" });
        text.put(&count(ciphers.len()));
        text.put(&count(extensions.len()));
        text.put(&alpn(&hello.alpn));
        text.put(b"_");
        text.put(&cipher_hash(ciphers));
        text.put(b"_");
        text.put(&extension_hash(extensions, &hello.signature_algorithms));
        Self(text.bytes)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a fingerprint is ASCII")
    }
}

impl fmt::Display for Ja4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Ja4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

struct Text {
    bytes: [u8; LENGTH],
    end: usize,
}

impl Text {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.end..][..bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }
}

/// The values that mean something: GREASE (RFC 8701 section 2) is noise by intent.
fn real(values: &[u16]) -> impl Iterator<Item = u16> {
    values.iter().copied().filter(|value| !is_grease(*value))
}

const fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

fn version(hello: &ClientHello) -> &'static [u8; 2] {
    let version = match &hello.supported_versions {
        Some(versions) => real(versions).max(),
        None => Some(hello.version),
    };
    match version {
        Some(0x0304) => b"13",
        Some(0x0303) => b"12",
        Some(0x0302) => b"11",
        Some(0x0301) => b"10",
        Some(0x0300) => b"s3",
        Some(0x0002) => b"s2",
        _ => b"00",
    }
}

/// A count of two digits; more than 99 is 99.
fn count(count: usize) -> [u8; 2] {
    let count = u8::try_from(count.min(99)).expect("at most 99");
    [b'0' + count / 10, b'0' + count % 10]
}

/// First and last character of a protocol's name; of its hexadecimal form where one of them is neither letter nor
/// digit.
fn alpn(name: &[u8]) -> [u8; 2] {
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return *b"00" };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [*first, *last];
    }
    [hex_digit(first >> 4), hex_digit(last & 0x0f)]
}

fn cipher_hash(mut ciphers: Vec<u16>) -> [u8; HASH_DIGITS] {
    if ciphers.is_empty() {
        return [b'0'; HASH_DIGITS];
    }
    ciphers.sort_unstable();
    let mut list = Vec::with_capacity(ciphers.len() * 5);
    write_list(&mut list, ciphers.into_iter());
    hash(&list)
}

/// Server name and ALPN are left out: they are told by the part before the hashes.
fn extension_hash(mut extensions: Vec<u16>, signature_algorithms: &[u16]) -> [u8; HASH_DIGITS] {
    extensions.retain(|kind| !matches!(*kind, SERVER_NAME | ALPN));
    if extensions.is_empty() {
        return [b'0'; HASH_DIGITS];
    }
    extensions.sort_unstable();
    let mut list = Vec::with_capacity((extensions.len() + signature_algorithms.len()) * 5);
    write_list(&mut list, extensions.into_iter());
    let mut algorithms = real(signature_algorithms).peekable();
    if algorithms.peek().is_some() {
        list.push(b'_');
        write_list(&mut list, algorithms);
    }
    hash(&list)
}

/// Writes values as four hexadecimal digits each, with commas between them.
fn write_list(list: &mut Vec<u8>, values: impl Iterator<Item = u16>) {
    for (i, value) in values.enumerate() {
        if i > 0 {
            list.push(b',');
        }
        let [high, low] = value.to_be_bytes();
        list.extend([high >> 4, high & 0x0f, low >> 4, low & 0x0f].map(hex_digit));
    }
}

fn hash(text: &[u8]) -> [u8; HASH_DIGITS] {
    let digest = sha256(text);
    std::array::from_fn(|i| hex_digit(if i % 2 == 0 { digest[i / 2] >> 4 } else { digest[i / 2] & 0x0f }))
}

const fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the definition, with GREASE among its values.
    fn example() -> ClientHello {
        ClientHello {
            version: 0x0303,
            ciphers: vec![
                0x6a6a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013,
                0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
            ],
            extensions: vec![
                0xdada, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023,
                0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015,
            ],
            supported_versions: Some(vec![0xfafa, 0x0304, 0x0303]),
            signature_algorithms: vec![
                0x0a0a, 0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601,
            ],
            alpn: b"h2".to_vec(),
        }
    }

    #[track_caller]
    fn check(hello: &ClientHello, expected: &str) {
        assert_eq!(Ja4::new(Transport::Tcp, hello).as_str(), expected);
    }

    #[test]
    fn the_example_of_the_definition_comes_out() {
        check(&example(), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        let quic = Ja4::new(Transport::Quic, &example());
        assert_eq!(quic.to_string(), "q13d1516h2_8daaf6152771_e5627efa2ab1");
    }

    #[test]
    fn without_signature_algorithms_the_list_ends_without_an_underscore() {
        let hello = ClientHello { signature_algorithms: vec![0x1a1a], ..example() };
        check(&hello, "t13d1516h2_8daaf6152771_6d807ffa2a79");
    }

    #[test]
    fn what_is_not_there_is_zeros() {
        let bare = ClientHello { version: 0x0303, ..ClientHello::default() };
        check(&bare, "t12i000000_000000000000_000000000000");
        let only_grease = ClientHello { supported_versions: Some(vec![0x2a2a]), ..bare };
        check(&only_grease, "t00i000000_000000000000_000000000000");
        let named = ClientHello { version: 0x0301, extensions: vec![0, 16], ..ClientHello::default() };
        check(&named, "t10d000200_000000000000_000000000000");
    }

    #[test]
    fn counts_stop_at_99() {
        let hello = ClientHello { ciphers: (0..150).collect(), ..example() };
        assert!(Ja4::new(Transport::Tcp, &hello).as_str().starts_with("t13d9916h2_"));
    }

    #[test]
    fn only_values_of_the_grease_pattern_are_grease() {
        assert!([0x0a0a, 0x1a1a, 0xfafa].into_iter().all(is_grease));
        assert!(![0x0a1a, 0x0b0b, 0x00ff, 0x5600, 0xaaab].into_iter().any(is_grease));
    }

    #[test]
    fn protocols_that_are_no_letters_are_told_in_hexadecimal() {
        for (name, expected) in [
            (&b"http/1.1"[..], b"h1"),
            (b"h", b"hh"),
            (b"", b"00"),
            (b"\xab", b"ab"),
            (b" ", b"20"),
            (b"\xab\xcd", b"ad"),
            (b" a", b"21"),
            (b"0\xab", b"3b"),
            (b"a ", b"60"),
            (b"01\xab\xcd", b"3d"),
            (b"0\xab\xcd1", b"01"),
        ] {
            assert_eq!(alpn(name), *expected, "{name:?}");
        }
    }

    /// Hellos recorded on loopback; they are the fuzzer's seeds too.
    #[test]
    fn programs_are_known_by_their_hellos() {
        for (program, expected) in [
            ("chromium", "t13d1517h2_8daaf6152771_cb7bf5808d99"),
            ("curl", "t13d3112h2_e8f1e7e78f70_b26ce05bbdd6"),
            ("openssl", "t13i310900_e8f1e7e78f70_1f22a2ca17c4"),
            ("openssl-tls12", "t12d280700_d943125447b4_e7e480e5a997"),
            ("python", "t13d311100_e8f1e7e78f70_d41ae481755e"),
        ] {
            let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/client_hello");
            let bytes = std::fs::read(format!("{seeds}/{program}")).expect("a recorded hello");
            let hello = ClientHello::parse(&bytes).expect("it is whole");
            assert_eq!(Ja4::new(Transport::Tcp, &hello).as_str(), expected, "{program}");
        }
    }
}
