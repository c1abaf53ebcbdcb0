//! RIFF: WebP pictures and WAV sound. RFC 9649 section 2.

use super::{Broken, Picture, Shape};
use crate::cursor::{Cursor, index};

const CUT: Broken = Broken("it ends before it should");
/// Bytes before the first chunk: `RIFF`, the length, the form.
const HEADER_BYTES: usize = 12;

pub(super) fn webp(bytes: &[u8]) -> Result<Shape, Broken> {
    let end = end(bytes).ok_or(CUT)?;
    let mut picture: Option<Picture> = None;
    let (mut canvas, mut frames) = (false, 0_u32);
    let mut cursor = Cursor::new(&bytes[..end], HEADER_BYTES);
    while !cursor.is_at_end() {
        let (name, chunk) = chunk(&mut cursor).ok_or(CUT)?;
        let size = match name {
            b"VP8X" => {
                canvas = true;
                extended(chunk)
            }
            b"VP8 " if !canvas => lossy(chunk),
            b"VP8L" if !canvas => lossless(chunk),
            b"ANMF" => {
                frames = frames.saturating_add(1);
                continue;
            }
            _ => continue,
        };
        picture = Some(size.ok_or(Broken("a picture without a size"))?);
    }
    let mut picture = picture.ok_or(Broken("no picture in it"))?;
    picture.frames = frames.max(1);
    Ok(Shape { end: Some(end), picture: Some(picture), ..Shape::default() })
}

/// Recorders that write to a pipe do not know the length and leave it open.
pub(super) fn wav(bytes: &[u8]) -> Result<Shape, Broken> {
    let stated = Cursor::new(bytes, 4).u32_le().ok_or(CUT)?;
    let end = if matches!(stated, 0 | u32::MAX) { None } else { Some(end(bytes).ok_or(CUT)?) };
    Ok(Shape { end, ..Shape::default() })
}

fn end(bytes: &[u8]) -> Option<usize> {
    let stated = index(Cursor::new(bytes, 4).u32_le()?);
    let end = stated.checked_add(8)?;
    // An odd length has a byte of padding, which some writers leave out.
    let padded = end + end % 2;
    (HEADER_BYTES..=bytes.len()).contains(&end).then(|| padded.min(bytes.len()))
}

fn chunk<'b>(cursor: &mut Cursor<'b>) -> Option<(&'b [u8], &'b [u8])> {
    let name = cursor.take(4)?;
    let length = index(cursor.u32_le()?);
    let chunk = cursor.take(length)?;
    if length % 2 == 1 && !cursor.is_at_end() {
        cursor.skip(1)?;
    }
    Some((name, chunk))
}

fn extended(chunk: &[u8]) -> Option<Picture> {
    let size = chunk.get(4..10)?;
    let number = |at: usize| u32::from_le_bytes([size[at], size[at + 1], size[at + 2], 0]) + 1;
    Some(Picture::still(number(0), number(3)))
}

fn lossy(chunk: &[u8]) -> Option<Picture> {
    let mut cursor = Cursor::new(chunk, 3);
    if cursor.take(3)? != [0x9d, 0x01, 0x2a] {
        return None;
    }
    Some(Picture::still(cursor.u16_le()? & 0x3fff, cursor.u16_le()? & 0x3fff))
}

fn lossless(chunk: &[u8]) -> Option<Picture> {
    let mut cursor = Cursor::new(chunk, 0);
    if cursor.u8()? != 0x2f {
        return None;
    }
    let bits = cursor.u32_le()?;
    Some(Picture::still((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn riff(form: &[u8], chunks: &[u8]) -> Vec<u8> {
        let length = u32::try_from(4 + chunks.len()).expect("small").to_le_bytes();
        [b"RIFF", &length[..], form, chunks].concat()
    }

    #[test]
    fn the_stated_length_is_the_end() {
        let whole = riff(b"WEBP", b"VP8X\x0a\0\0\0\0\0\0\0\x02\0\0\x01\0\0");
        let shape = webp(&[&whole[..], b"behind"].concat()).expect("a picture");
        assert_eq!(shape.end, Some(whole.len()));
        assert_eq!(shape.picture, Some(Picture::still(3_u32, 2_u32)));
        assert!(webp(&whole[..whole.len() - 1]).is_err());
    }

    #[test]
    fn sound_may_leave_its_length_open() {
        let mut sound = riff(b"WAVE", b"fmt \0\0\0\0");
        assert_eq!(wav(&sound).expect("sound").end, Some(sound.len()));
        sound[4..8].fill(0xff);
        assert_eq!(wav(&sound).expect("sound").end, None);
    }
}
