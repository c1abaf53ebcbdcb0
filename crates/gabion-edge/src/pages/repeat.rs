//! Scripts that are served as they were: compared with what was read before, byte for byte as they came, and neither unpacked
//! nor hashed again.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::read::ScriptFound;
use super::recent::lock;

/// Bytes of an answer, as it came, that are kept. Longer scripts are read each time.
const KEPT_BYTES_MAX: usize = 256 * 1024;
/// Bytes of all answers that are kept. Above it all are forgotten, and kept anew as they are asked for.
const ROOM_BYTES: usize = 4 << 20;

/// An answer that was read as a whole.
#[derive(Debug)]
struct Kept {
    raw: Vec<u8>,
    found: ScriptFound,
}

/// What was read before, by address.
#[derive(Default)]
pub(super) struct Repeats(Mutex<Room>);

#[derive(Default)]
struct Room {
    kept: HashMap<u64, Arc<Kept>>,
    bytes: usize,
}

impl Repeats {
    /// Begins to compare an answer at this address.
    pub(super) fn begin(&self, key: u64) -> Repeat {
        let stage = match lock(&self.0).kept.get(&key) {
            Some(kept) => Stage::Same { kept: Arc::clone(kept), at: 0 },
            None => Stage::New(Vec::new()),
        };
        Repeat { key, stage }
    }

    /// Keeps an answer that was read.
    fn keep(&self, key: u64, raw: Vec<u8>, found: &ScriptFound) {
        let mut room = lock(&self.0);
        if room.bytes + raw.len() > ROOM_BYTES {
            *room = Room::default();
        }
        room.bytes += raw.len();
        let before = room.kept.insert(key, Arc::new(Kept { raw, found: found.clone() }));
        room.bytes -= before.map_or(0, |before| before.raw.len());
    }
}

/// An answer while it is compared.
pub(super) struct Repeat {
    key: u64,
    stage: Stage,
}

enum Stage {
    /// As the kept one, up to there.
    Same { kept: Arc<Kept>, at: usize },
    /// Another one: what came of it.
    New(Vec<u8>),
    /// Longer than what is kept.
    Long,
}

impl Repeat {
    /// Takes the next piece as it came, and gives what has to be read of the answer now: nothing while it is as before.
    pub(super) fn pass<'p>(&mut self, piece: &'p [u8]) -> Option<Cow<'p, [u8]>> {
        let before = match &mut self.stage {
            Stage::Same { kept, at } => {
                if kept.raw[*at..].starts_with(piece) {
                    *at += piece.len();
                    return None;
                }
                kept.raw[..*at].to_vec()
            }
            Stage::New(raw) => {
                if raw.len() + piece.len() > KEPT_BYTES_MAX {
                    self.stage = Stage::Long;
                } else {
                    raw.extend_from_slice(piece);
                }
                return Some(Cow::Borrowed(piece));
            }
            Stage::Long => return Some(Cow::Borrowed(piece)),
        };
        let unread = [before.as_slice(), piece].concat();
        self.stage = if unread.len() > KEPT_BYTES_MAX { Stage::Long } else { Stage::New(unread.clone()) };
        Some(Cow::Owned(unread))
    }

    /// What the answer says, if it was as before to its end; otherwise what of it was not read yet.
    pub(super) fn end(&mut self) -> Result<ScriptFound, Vec<u8>> {
        match &self.stage {
            Stage::Same { kept, at } if *at == kept.raw.len() => Ok(kept.found.clone()),
            Stage::Same { kept, at } => {
                let unread = kept.raw[..*at].to_vec();
                self.stage = Stage::New(unread.clone());
                Err(unread)
            }
            Stage::New(_) | Stage::Long => Err(Vec::new()),
        }
    }

    /// Keeps the answer, which was read to its end.
    pub(super) fn keep(self, repeats: &Repeats, found: &ScriptFound) {
        if let Stage::New(raw) = self.stage {
            repeats.keep(self.key, raw, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use gabion_markup::ContentHash;

    use super::*;

    fn found(text: &[u8]) -> ScriptFound {
        ScriptFound { hash: ContentHash::of(text), bytes: text.len() as u64, beginning: text.to_vec().into() }
    }

    /// Serves `text` in pieces of `cut` bytes, and says what had to be read of it.
    fn serve(repeats: &Repeats, text: &[u8], cut: usize) -> Vec<u8> {
        let mut repeat = repeats.begin(7);
        let mut read = Vec::new();
        text.chunks(cut).for_each(|piece| read.extend_from_slice(&repeat.pass(piece).unwrap_or_default()));
        match repeat.end() {
            Ok(before) => {
                assert_eq!(before.hash, ContentHash::of(text));
                assert!(read.is_empty());
            }
            Err(rest) => {
                read.extend(rest);
                repeat.keep(repeats, &found(&read));
            }
        }
        read
    }

    #[test]
    fn what_is_served_as_before_is_not_read_and_anything_else_is_read_as_a_whole() {
        let text = b"let tea = 1; let cake = 2;";
        for cut in [1, 5, 100] {
            let repeats = Repeats::default();
            assert_eq!(serve(&repeats, text, cut), text, "it is new");
            assert_eq!(serve(&repeats, text, cut), b"", "it is as before");
            assert_eq!(serve(&repeats, &text[..12], cut), &text[..12], "it is shorter");
            assert_eq!(serve(&repeats, text, cut), text, "it is longer than the one before");
            for at in 0..text.len() {
                let mut other = text.to_vec();
                other[at] ^= 1;
                let repeats = Repeats::default();
                serve(&repeats, text, cut);
                assert_eq!(serve(&repeats, &other, cut), other, "byte {at} differs");
            }
        }
    }

    #[test]
    fn long_answers_are_read_each_time_and_the_room_is_bounded() {
        let repeats = Repeats::default();
        let long = vec![b'x'; KEPT_BYTES_MAX + 1];
        for _ in 0..2 {
            assert_eq!(serve(&repeats, &long, 1_000).len(), long.len());
        }
        let most = vec![b'x'; KEPT_BYTES_MAX];
        for key in 0..100 {
            repeats.keep(key, most.clone(), &found(b""));
            assert!(lock(&repeats.0).bytes <= ROOM_BYTES);
        }
        repeats.keep(99, vec![b'y'], &found(b""));
        let kept: usize = lock(&repeats.0).kept.values().map(|kept| kept.raw.len()).sum();
        assert_eq!(lock(&repeats.0).bytes, kept);
    }
}
