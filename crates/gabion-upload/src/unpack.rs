//! Unpacking with a limit that is never passed.

use std::io::{self, Read};

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// What stands between packed bytes and their content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The content is longer than the limit.
    TooLarge,
    /// The packed bytes are damaged.
    Damaged,
}

/// Content of a ZIP entry, at most `limit` bytes.
pub(crate) fn deflate(packed: &[u8], limit: usize) -> Result<Vec<u8>, Fault> {
    read(DeflateDecoder::new(packed), limit)
}

/// Content of a gzip file with all its members, at most `limit` bytes.
pub(crate) fn gzip(packed: &[u8], limit: usize) -> Result<Vec<u8>, Fault> {
    read(MultiGzDecoder::new(packed), limit)
}

/// The beginning of the content of a ZIP entry, as far as it can be unpacked.
pub(crate) fn deflate_up_to(packed: &[u8], limit: usize) -> Vec<u8> {
    let mut out = Vec::new();
    // Whoever unpacks all of it finds the damage.
    let _damage = DeflateDecoder::new(packed).take(limit as u64).read_to_end(&mut out);
    out
}

/// What of a zlib stream can be unpacked, which damage may cut short; `None` where it is more than `limit` bytes.
pub(crate) fn zlib_up_to(packed: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    // What came before the damage is what a lenient reader sees, so the damage itself is no matter.
    let _damage = ZlibDecoder::new(packed).take(limit as u64 + 1).read_to_end(&mut out);
    (out.len() <= limit).then_some(out)
}

/// Everything a reader gives, at most `limit` bytes.
pub(crate) fn read(reader: impl Read, limit: usize) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    let all: io::Result<usize> = reader.take(limit as u64 + 1).read_to_end(&mut out);
    match all {
        _ if out.len() > limit => Err(Fault::TooLarge),
        Ok(_) => Ok(out),
        Err(_) => Err(Fault::Damaged),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    pub(crate) fn zlib(content: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).expect("memory takes it");
        encoder.finish().expect("memory takes it")
    }

    #[test]
    fn the_limit_is_exact_and_damage_keeps_what_was_before() {
        let packed = zlib(&[7; 1_000]);
        assert_eq!(zlib_up_to(&packed, 1_000), Some(vec![7; 1_000]));
        assert_eq!(zlib_up_to(&packed, 999), None);
        assert_eq!(zlib_up_to(b"no stream", 10), Some(Vec::new()));
        assert_eq!(deflate(&packed[2..], 999), Err(Fault::TooLarge));
        assert_eq!(deflate(&packed[2..], 1_000), Ok(vec![7; 1_000]));
        assert_eq!(deflate(b"\xff", 10), Err(Fault::Damaged));
    }
}
