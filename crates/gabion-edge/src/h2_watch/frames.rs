//! Finds the frames in a stream of HTTP/2 bytes, wherever it is cut. RFC 9113 section 4.1.

/// Frame types. RFC 9113 section 6.
pub(crate) const DATA: u8 = 0x0;
pub(crate) const HEADERS: u8 = 0x1;
pub(crate) const RST_STREAM: u8 = 0x3;
pub(crate) const SETTINGS: u8 = 0x4;
pub(crate) const PING: u8 = 0x6;
pub(crate) const GOAWAY: u8 = 0x7;
pub(crate) const WINDOW_UPDATE: u8 = 0x8;
pub(crate) const CONTINUATION: u8 = 0x9;

/// Flags. RFC 9113 section 6.
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;

const HEAD_BYTES: usize = 9;
/// The longest piece of a payload that is looked at: one setting.
const PIECE_BYTES: usize = 6;

/// The head of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Its type.
    pub(crate) kind: u8,
    /// Its flags.
    pub(crate) flags: u8,
    /// Its stream; 0 for the connection.
    pub(crate) stream: u32,
    /// Bytes of its payload.
    pub(crate) length: u32,
}

impl Frame {
    fn read(head: [u8; HEAD_BYTES]) -> Self {
        let [a, b, c, kind, flags, s @ ..] = head;
        let stream = u32::from_be_bytes(s) & 0x7fff_ffff;
        Self { kind, flags, stream, length: u32::from_be_bytes([0, a, b, c]) }
    }

    /// Whether the sender sends nothing more on the stream.
    pub(crate) const fn ends_stream(self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }

    /// Whether the head that it is part of is whole.
    pub(crate) const fn ends_head(self) -> bool {
        self.flags & END_HEADERS != 0
    }

    /// Whether the payload begins with the length of its padding.
    pub(crate) const fn is_padded(self) -> bool {
        self.flags & PADDED != 0
    }

    /// Bytes of each piece of the payload that is worth a look.
    const fn piece(self) -> u8 {
        match self.kind {
            SETTINGS => 6,
            RST_STREAM | WINDOW_UPDATE => 4,
            DATA if self.is_padded() => 1,
            _ => 0,
        }
    }
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A frame begins.
    Begin(Frame),
    /// A piece of its payload: a setting, an error code, an increment, the length of a padding.
    Piece(Frame, [u8; PIECE_BYTES]),
    /// It is whole.
    End(Frame),
}

/// Where we are in a stream of frames.
#[derive(Debug)]
pub(crate) struct Frames {
    gathered: [u8; HEAD_BYTES],
    have: u8,
    place: Place,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Head,
    Payload {
        frame: Frame,
        left: u32,
        /// Bytes of the next piece; 0 when the rest does not matter.
        piece: u8,
    },
}

impl Frames {
    /// At the beginning of a stream.
    pub(crate) const fn new() -> Self {
        Self { gathered: [0; HEAD_BYTES], have: 0, place: Place::Head }
    }

    /// Whether nothing of a frame was seen that is not whole.
    pub(crate) const fn is_between(&self) -> bool {
        matches!(self.place, Place::Head) && self.have == 0
    }

    /// Reads on in `bytes`, which become shorter. None when they are used up.
    pub(crate) fn next(&mut self, bytes: &mut &[u8]) -> Option<Step> {
        match self.place {
            Place::Head => {
                let head = self.gather(bytes, HEAD_BYTES)?;
                let frame = Frame::read(head);
                self.place = Place::Payload { frame, left: frame.length, piece: frame.piece() };
                Some(Step::Begin(frame))
            }
            Place::Payload { frame, left: 0, .. } => {
                self.place = Place::Head;
                self.have = 0;
                Some(Step::End(frame))
            }
            Place::Payload { frame, left, piece }
                if piece > 0 && left + u32::from(self.have) >= piece.into() =>
            {
                let before = self.have;
                let gathered = self.gather(bytes, piece.into());
                let taken = gathered.map_or(self.have, |_| piece) - before;
                let left = left - u32::from(taken);
                let piece = if gathered.is_some() && frame.kind != SETTINGS { 0 } else { piece };
                self.place = Place::Payload { frame, left, piece };
                let [a, b, c, d, e, f, ..] = gathered?;
                Some(Step::Piece(frame, [a, b, c, d, e, f]))
            }
            Place::Payload { frame, left, .. } => {
                let skipped = u32::try_from(bytes.len()).unwrap_or(u32::MAX).min(left);
                *bytes = &bytes[usize::try_from(skipped).expect("a part of a slice")..];
                self.place = Place::Payload { frame, left: left - skipped, piece: 0 };
                if skipped == left { self.next(bytes) } else { None }
            }
        }
    }

    /// So many bytes, once they are all there.
    fn gather(&mut self, bytes: &mut &[u8], count: usize) -> Option<[u8; HEAD_BYTES]> {
        let have = usize::from(self.have);
        let (new, rest) = bytes.split_at((count - have).min(bytes.len()));
        self.gathered[have..have + new.len()].copy_from_slice(new);
        *bytes = rest;
        if have + new.len() == count {
            self.have = 0;
            return Some(self.gathered);
        }
        self.have = u8::try_from(have + new.len()).expect("less than a head");
        None
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::h2_watch) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    fn steps(bytes: &[u8], at_a_time: usize) -> Vec<Step> {
        let mut frames = Frames::new();
        let mut steps = Vec::new();
        for mut chunk in bytes.chunks(at_a_time) {
            while let Some(step) = frames.next(&mut chunk) {
                steps.push(step);
            }
            assert!(chunk.is_empty());
        }
        assert!(frames.is_between());
        steps
    }

    #[test]
    fn frames_are_found_wherever_the_stream_is_cut() {
        let bytes = [
            frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 1, 0, 0, 3, 0, 0, 0, 100]),
            frame(HEADERS, 0x5, 1, b"some head"),
            frame(DATA, 0x9, 3, &[2, 7, 7, 7, 0, 0]),
            frame(PING, 1, 0, &[0; 8]),
            frame(DATA, 0, 3, &[]),
            frame(WINDOW_UPDATE, 0, 0x8000_0005, &[0, 0, 1, 0]),
            frame(RST_STREAM, 0, 5, &[0, 0, 0, 8]),
        ]
        .concat();
        let whole = steps(&bytes, bytes.len());
        let at = |kind, flags, stream, length| Frame { kind, flags, stream, length };
        let settings = at(SETTINGS, 0, 0, 12);
        let (padded, update) = (at(DATA, 9, 3, 6), at(WINDOW_UPDATE, 0, 5, 4));
        assert_eq!(whole.len(), 7 * 2 + 5);
        assert_eq!(whole[..2], [Step::Begin(settings), Step::Piece(settings, [0, 4, 0, 0, 1, 0])]);
        assert_eq!(whole[2..4], [Step::Piece(settings, [0, 3, 0, 0, 0, 100]), Step::End(settings)]);
        assert!(matches!(whole[7], Step::Piece(frame, [2, ..]) if frame == padded), "{whole:?}");
        assert!(whole.iter().any(|step| matches!(step, Step::Piece(f, [0, 0, 1, 0, ..]) if *f == update)));
        for at_a_time in 1..bytes.len() {
            let heads = |steps: &[Step]| -> Vec<_> {
                steps.iter().filter(|step| !matches!(step, Step::Piece(..))).copied().collect()
            };
            let cut = steps(&bytes, at_a_time);
            assert_eq!((cut.len(), heads(&cut)), (whole.len(), heads(&whole)), "{at_a_time}");
        }
    }

    #[test]
    fn payloads_of_the_wrong_length_are_walked_over() {
        let bytes = [
            frame(SETTINGS, 0, 0, &[0, 4, 0]),
            frame(WINDOW_UPDATE, 0, 0, &[1]),
            frame(RST_STREAM, 0, 1, &[0; 9]),
            frame(DATA, 8, 1, &[]),
            frame(0xee, 0xff, 1, &[0; 300]),
        ]
        .concat();
        for at_a_time in [1, 2, 7, 1000] {
            let ends = steps(&bytes, at_a_time);
            let ends = ends.iter().filter(|step| matches!(step, Step::End(_)));
            assert_eq!(ends.count(), 5, "{at_a_time}");
        }
    }
}
