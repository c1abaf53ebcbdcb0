//! JPEG: segments to the end of the image. ISO/IEC 10918-1 annex B.

use super::{Broken, Picture, Shape, boxes};
use crate::cursor::{Cursor, index};

const START: [u8; 2] = [0xff, 0xd8];
const END_OF_IMAGE: u8 = 0xd9;
const START_OF_SCAN: u8 = 0xda;
/// Further pictures behind the first, such as gain maps and previews. CIPA DC-007.
const APP2: u8 = 0xe2;
const APP1: u8 = 0xe1;
/// Bytes of what Samsung phones write behind the picture; a film behind it is longer.
const SAMSUNG_BYTES_MAX: usize = 64 * 1024;
/// Blocks in it.
const SAMSUNG_BLOCKS_MAX: usize = 64;

pub(super) fn walk(bytes: &[u8]) -> Result<Shape, Broken> {
    let first = image(bytes, 0)?;
    let mut end = first.end;
    // A camera that says it writes several pictures writes them one behind the other.
    while first.announces_pictures && bytes[end..].starts_with(&START) {
        end = image(bytes, end)?.end;
    }
    if first.announces_film && boxes::is_film(&bytes[end..]) || is_samsung(&bytes[end..]) {
        end = bytes.len();
    }
    Ok(Shape { end: Some(end), picture: Some(first.picture), ..Shape::default() })
}

struct Image {
    end: usize,
    picture: Picture,
    announces_pictures: bool,
    announces_film: bool,
}

fn image(bytes: &[u8], start: usize) -> Result<Image, Broken> {
    const CUT: Broken = Broken("the picture has no end");
    let mut cursor = Cursor::new(bytes, start + START.len());
    let (mut picture, mut announces_pictures, mut announces_film) = (None, false, false);
    loop {
        if cursor.u8().ok_or(CUT)? != 0xff {
            return Err(Broken("a segment does not begin where the one before it ends"));
        }
        let mut marker = cursor.u8().ok_or(CUT)?;
        while marker == 0xff {
            marker = cursor.u8().ok_or(CUT)?;
        }
        match marker {
            END_OF_IMAGE => {
                let picture = picture.ok_or(Broken("no picture in it"))?;
                return Ok(Image { end: cursor.at(), picture, announces_pictures, announces_film });
            }
            0x01 | 0xd0..=0xd7 => continue,
            0x00 | 0xd8 => return Err(Broken("a marker that cannot stand there")),
            _ => {}
        }
        let length = usize::from(cursor.u16_be().ok_or(CUT)?).checked_sub(2);
        let segment = length.and_then(|length| cursor.take(length)).ok_or(CUT)?;
        match marker {
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => picture = Some(frame(segment)?),
            APP1 => announces_film |= announces(segment, &[b"MotionPhoto", b"MicroVideo"]),
            APP2 => announces_pictures |= segment.starts_with(b"MPF\0"),
            START_OF_SCAN => skip_scan(&mut cursor).ok_or(CUT)?,
            _ => {}
        }
    }
}

fn announces(segment: &[u8], words: &[&[u8]]) -> bool {
    words.iter().any(|word| memchr::memmem::find(segment, word).is_some())
}

fn frame(segment: &[u8]) -> Result<Picture, Broken> {
    let mut cursor = Cursor::new(segment, 1);
    match (cursor.u16_be(), cursor.u16_be()) {
        (Some(height), Some(width)) => Ok(Picture::still(width, height)),
        _ => Err(Broken("a frame without a size")),
    }
}

/// Moves to the marker behind entropy-coded data.
fn skip_scan(cursor: &mut Cursor<'_>) -> Option<()> {
    loop {
        cursor.skip(memchr::memchr(0xff, cursor.rest())?)?;
        match cursor.rest().get(1)? {
            0x00 | 0xd0..=0xd7 => cursor.skip(2)?,
            0xff => cursor.skip(1)?,
            _ => return Some(()),
        }
    }
}

/// Whether these bytes are blocks and the directory of them that Samsung phones append, and nothing else.
fn is_samsung(rest: &[u8]) -> bool {
    samsung_bytes(rest).is_some_and(|bytes| bytes == rest.len())
}

/// The bytes of such blocks, counted from the directory at the end.
fn samsung_bytes(rest: &[u8]) -> Option<usize> {
    if rest.len() > SAMSUNG_BYTES_MAX || !rest.ends_with(b"SEFT") {
        return None;
    }
    let length_at = rest.len().checked_sub(8)?;
    let length = index(Cursor::new(rest, length_at).u32_le()?);
    let directory = length_at.checked_sub(length)?;
    let mut cursor = Cursor::new(&rest[..length_at], directory);
    if cursor.take(4)? != b"SEFH" {
        return None;
    }
    cursor.skip(4)?;
    let count = index(cursor.u32_le()?);
    if count > SAMSUNG_BLOCKS_MAX {
        return None;
    }
    let mut blocks = 0;
    for _ in 0..count {
        cursor.skip(4)?;
        let (back, size) = (index(cursor.u32_le()?), index(cursor.u32_le()?));
        if size > back {
            return None;
        }
        blocks = blocks.max(back);
    }
    cursor.is_at_end().then(|| blocks + rest.len() - directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALLEST: &[u8] = &[
        0xff, 0xd8, 0xff, 0xc0, 0, 8, 8, 0, 2, 0, 3, 1, 0xff, 0xda, 0, 2, 1, 0xff, 0, 0xff, 0xd0, 2, 0xff,
        0xd9,
    ];

    #[test]
    fn the_end_is_found_behind_the_scan() {
        let bytes = [SMALLEST, b"behind"].concat();
        let shape = walk(&bytes).expect("a picture");
        assert_eq!(shape.end, Some(SMALLEST.len()));
        assert_eq!(shape.picture, Some(Picture::still(3_u32, 2_u32)));
    }

    #[test]
    fn a_cut_picture_is_broken_wherever_it_is_cut() {
        for cut in 2..SMALLEST.len() {
            assert!(walk(&SMALLEST[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn further_pictures_need_an_announcement() {
        let several = [&SMALLEST[..2], &[0xff, 0xe2, 0, 6], b"MPF\0", &SMALLEST[2..]].concat();
        let bytes = [&several[..], SMALLEST].concat();
        assert_eq!(walk(&bytes).expect("pictures").end, Some(bytes.len()));
        let bytes = [SMALLEST, SMALLEST].concat();
        assert_eq!(walk(&bytes).expect("pictures").end, Some(SMALLEST.len()));
    }

    #[test]
    fn what_samsung_phones_append_has_to_be_whole() {
        let mut tail = b"\0\0\x01\x0aname1234".to_vec();
        let block = u32::try_from(tail.len()).expect("small");
        tail.extend(b"SEFH\x6b\0\0\0\x01\0\0\0\0\0\x01\x0a");
        tail.extend(block.to_le_bytes());
        tail.extend(block.to_le_bytes());
        tail.extend(24_u32.to_le_bytes());
        tail.extend(b"SEFT");
        let bytes = [SMALLEST, &tail].concat();
        assert_eq!(walk(&bytes).expect("a picture").end, Some(bytes.len()));
        let bytes = [SMALLEST, b"hidden", &tail].concat();
        assert_eq!(walk(&bytes).expect("a picture").end, Some(SMALLEST.len()));
    }
}
