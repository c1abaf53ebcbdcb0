//! GIF: blocks to the trailer. GIF89a specification, appendix B.

use super::{Broken, Picture, Shape};
use crate::cursor::Cursor;

const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2c;
const TRAILER: u8 = 0x3b;

pub(super) fn walk(bytes: &[u8]) -> Result<Shape, Broken> {
    const CUT: Broken = Broken("the picture has no end");
    let mut cursor = Cursor::new(bytes, 6);
    let (width, height) = cursor.u16_le().zip(cursor.u16_le()).ok_or(CUT)?;
    let mut picture = Picture { frames: 0, ..Picture::still(width, height) };
    let flags = cursor.u8().ok_or(CUT)?;
    cursor.skip(2).and_then(|()| skip_colors(&mut cursor, flags)).ok_or(CUT)?;
    loop {
        match cursor.u8().ok_or(CUT)? {
            EXTENSION => cursor.skip(1).and_then(|()| skip_blocks(&mut cursor)).ok_or(CUT)?,
            IMAGE => {
                let (width, height) = image(&mut cursor).ok_or(CUT)?;
                picture.frames = picture.frames.saturating_add(1);
                picture.width = picture.width.max(width.into());
                picture.height = picture.height.max(height.into());
            }
            TRAILER if picture.frames > 0 => {
                return Ok(Shape { end: Some(cursor.at()), picture: Some(picture), ..Shape::default() });
            }
            TRAILER => return Err(Broken("no picture in it")),
            _ => return Err(Broken("a block of an unknown kind")),
        }
    }
}

/// Skips one image and says how far it reaches.
fn image(cursor: &mut Cursor<'_>) -> Option<(u16, u16)> {
    let (left, top) = (cursor.u16_le()?, cursor.u16_le()?);
    let (width, height) = (cursor.u16_le()?, cursor.u16_le()?);
    let flags = cursor.u8()?;
    skip_colors(cursor, flags)?;
    cursor.skip(1)?;
    skip_blocks(cursor)?;
    Some((left.saturating_add(width), top.saturating_add(height)))
}

fn skip_colors(cursor: &mut Cursor<'_>, flags: u8) -> Option<()> {
    let colors = if flags & 0x80 == 0 { 0 } else { 2_usize << (flags & 7) };
    cursor.skip(3 * colors)
}

fn skip_blocks(cursor: &mut Cursor<'_>) -> Option<()> {
    loop {
        match cursor.u8()? {
            0 => return Some(()),
            length => cursor.skip(length.into())?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALLEST: &[u8] =
        b"GIF89a\x03\0\x02\0\x80\0\0rgbrgb!\xfe\x02hi\0,\0\0\0\0\x03\0\x02\0\0\x02\x02ab\0;";

    #[test]
    fn blocks_are_walked_to_the_trailer() {
        let shape = walk(&[SMALLEST, b"behind"].concat()).expect("a picture");
        assert_eq!(shape.end, Some(SMALLEST.len()));
        assert_eq!(shape.picture, Some(Picture::still(3_u32, 2_u32)));
    }

    #[test]
    fn a_cut_picture_is_broken_wherever_it_is_cut() {
        for cut in 6..SMALLEST.len() {
            assert!(walk(&SMALLEST[..cut]).is_err(), "{cut}");
        }
        assert!(walk(b"GIF89a\x2f\x2a\0\0\0\0\0*/=1;<?php").is_err());
    }
}
