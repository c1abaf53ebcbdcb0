//! What is said to ClamAV over its socket, and what it answers. Bytes in, bytes out; who calls holds the socket.
//!
//! A scan is [`INSTREAM`], the frames of [`frames`], and then one answer up to a NUL byte, for [`Answer::parse`]. A
//! file that ClamAV could not scan was not scanned: [`Answer::Unscanned`] is never a pass.

/// Begins a scan.
pub const INSTREAM: &[u8] = b"zINSTREAM\0";
/// Asks whether anybody is there.
pub const PING: &[u8] = b"zPING\0";
/// Asks for the version of program and signatures.
pub const VERSION: &[u8] = b"zVERSION\0";
/// Bytes of one answer at most. A signature's name has a hundred.
pub const ANSWER_BYTES_MAX: usize = 4 * 1024;
/// Bytes of one frame by default: few calls, and little to hold.
pub const FRAME_BYTES: usize = 64 * 1024;

/// What ClamAV answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing was found.
    Clean,
    /// A signature fits.
    Found {
        /// Its name.
        signature: String,
    },
    /// The file was not scanned, and why.
    Unscanned {
        /// Whether it is longer than ClamAV's `StreamMaxLength`.
        is_too_large: bool,
        /// What ClamAV said.
        message: String,
    },
    /// Somebody is there.
    Pong,
    /// The version, as `ClamAV 1.4.6/27500/...`.
    Version(String),
}

/// Bytes that are no answer of ClamAV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The connection ended, or more than [`ANSWER_BYTES_MAX`] came, before the NUL byte.
    #[error("the answer has no end")]
    Endless,
    /// Not UTF-8, or nothing that ClamAV says.
    #[error("the answer is not understood")]
    Unknown,
}

/// The frames of a file: a length in four bytes, the largest first, and so many bytes of the file. The last frame has
/// the length zero and no bytes. `frame_bytes` below 1 counts as 1.
pub fn frames(file: &[u8], frame_bytes: usize) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let longest = u32::MAX as usize;
    let pieces = file.chunks(frame_bytes.clamp(1, longest));
    pieces.chain([&[][..]]).map(|piece| {
        let length = u32::try_from(piece.len()).expect("a frame is not longer than u32 can say");
        (length.to_be_bytes(), piece)
    })
}

/// Where an answer ends among the bytes received so far, without its NUL; `None` where more has to come.
///
/// # Errors
/// [`AnswerError::Endless`] once more came than an answer has.
pub fn answer_end(received: &[u8]) -> Result<Option<usize>, AnswerError> {
    match memchr::memchr(0, received) {
        Some(end) => Ok(Some(end)),
        None if received.len() >= ANSWER_BYTES_MAX => Err(AnswerError::Endless),
        None => Ok(None),
    }
}

impl Answer {
    /// Reads an answer without its NUL.
    ///
    /// # Errors
    /// [`AnswerError::Unknown`] for everything that is not one of ClamAV's answers.
    pub fn parse(answer: &[u8]) -> Result<Self, AnswerError> {
        let text = std::str::from_utf8(answer).map_err(|_| AnswerError::Unknown)?.trim_end();
        let scan = text.strip_prefix("stream: ");
        if let Some(signature) = scan.and_then(|text| text.strip_suffix(" FOUND")) {
            return Ok(Self::Found { signature: signature.to_owned() });
        }
        if let Some(message) = text.strip_suffix("ERROR") {
            let message = message.trim_end_matches([' ', '.']).to_owned();
            return Ok(Self::Unscanned { is_too_large: message.contains("size limit exceeded"), message });
        }
        match text {
            "stream: OK" => Ok(Self::Clean),
            "PONG" => Ok(Self::Pong),
            version if version.starts_with("ClamAV ") => Ok(Self::Version(version.to_owned())),
            _ => Err(AnswerError::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_sent_in_frames_and_a_last_empty_one() {
        let sent: Vec<_> = frames(b"abcde", 2).collect();
        let expected: [([u8; 4], &[u8]); 4] =
            [([0, 0, 0, 2], b"ab"), ([0, 0, 0, 2], b"cd"), ([0, 0, 0, 1], b"e"), ([0; 4], b"")];
        assert_eq!(sent, expected);
        assert_eq!(frames(b"", 0).collect::<Vec<_>>(), [([0; 4], &b""[..])]);
    }

    #[test]
    fn answers_are_understood() {
        let parse = |text: &str| Answer::parse(text.as_bytes());
        assert_eq!(parse("stream: OK"), Ok(Answer::Clean));
        let signature = "Gabion.Eicar.Body.UNOFFICIAL".to_owned();
        assert_eq!(parse("stream: Gabion.Eicar.Body.UNOFFICIAL FOUND"), Ok(Answer::Found { signature }));
        let message = "INSTREAM size limit exceeded".to_owned();
        let too_large = Answer::Unscanned { is_too_large: true, message };
        assert_eq!(parse("INSTREAM size limit exceeded. ERROR"), Ok(too_large));
        assert!(matches!(parse("stream: x ERROR"), Ok(Answer::Unscanned { is_too_large: false, .. })));
        assert_eq!(parse("PONG"), Ok(Answer::Pong));
        assert_eq!(parse("ClamAV 1.4.6"), Ok(Answer::Version("ClamAV 1.4.6".into())));
        assert_eq!(parse("OK"), Err(AnswerError::Unknown));
        assert_eq!(Answer::parse(b"stream: \xff FOUND"), Err(AnswerError::Unknown));
    }

    #[test]
    fn an_answer_ends_at_nul_and_not_beyond_its_limit() {
        assert_eq!(answer_end(b"PONG\0x"), Ok(Some(4)));
        assert_eq!(answer_end(b"PON"), Ok(None));
        assert_eq!(answer_end(&[b'x'; ANSWER_BYTES_MAX]), Err(AnswerError::Endless));
    }
}
