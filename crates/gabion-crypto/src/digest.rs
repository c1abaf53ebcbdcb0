//! Digests: names for content, and the stored form of random tokens.

use aws_lc_rs::digest;

/// Bytes of a SHA-256 digest.
pub const SHA256_BYTES: usize = 32;

/// The SHA-256 digest of `data`. Fit for storing random tokens of 128 bits and more, never for passwords.
pub fn sha256(data: &[u8]) -> [u8; SHA256_BYTES] {
    sized(digest::digest(&digest::SHA256, data))
}

/// The SHA-1 digest of `data`, for the proof in a WebSocket's opening (RFC 6455 section 4.2.2) and nothing else: it
/// guards no secret there.
pub fn sha1_of_websocket(data: &[u8]) -> [u8; 20] {
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, data);
    digest.as_ref().try_into().expect("SHA-1 has 20 bytes")
}

/// The SHA-1 digest of `password`, for looking it up in lists of leaked passwords and nothing else. Those lists are made of
/// SHA-1 digests; who can make two passwords of one digest only gets one more of their own refused. Never store it.
pub fn sha1_of_leaked_password(password: &[u8]) -> [u8; 20] {
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password);
    digest.as_ref().try_into().expect("SHA-1 has 20 bytes")
}

/// A SHA-256 digest over data that arrives in pieces.
pub struct Sha256(digest::Context);

impl Sha256 {
    /// Starts with nothing.
    #[expect(clippy::new_without_default, reason = "a digest is started on purpose")]
    pub fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    /// Appends `data`.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// Appends `data` behind its length, so that neighboring pieces cannot run into each other.
    pub fn update_framed(&mut self, data: &[u8]) {
        self.0.update(&(data.len() as u64).to_be_bytes());
        self.0.update(data);
    }

    /// The digest of everything appended.
    pub fn finish(self) -> [u8; SHA256_BYTES] {
        sized(self.0.finish())
    }
}

fn sized(digest: digest::Digest) -> [u8; SHA256_BYTES] {
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    #[test]
    fn abc_has_the_digest_of_fips_180() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(HEXLOWER.encode(&sha256(b"abc")), expected);
    }

    #[test]
    fn pieces_have_the_digest_of_the_whole() {
        let mut digest = Sha256::new();
        digest.update(b"a");
        digest.update(b"bc");
        assert_eq!(digest.finish(), sha256(b"abc"));
    }

    #[test]
    fn framed_pieces_cannot_run_into_each_other() {
        let framed = |pieces: [&[u8]; 2]| {
            let mut digest = Sha256::new();
            pieces.iter().for_each(|piece| digest.update_framed(piece));
            digest.finish()
        };
        assert_ne!(framed([b"a", b"bc"]), framed([b"ab", b"c"]));
    }
}
