//! BMP, TIFF and Windows icons: headers with offsets.

use super::{Broken, Picture, Shape};
use crate::cursor::{Cursor, index};

const CUT: Broken = Broken("it ends before it should");
/// Directories of one TIFF file: pages, previews. The chain may lead in circles.
const TIFF_DIRECTORIES_MAX: usize = 1_000;

/// Windows bitmap. The end is the larger of what the header states and what the pixels need.
pub(super) fn bmp(bytes: &[u8]) -> Result<Shape, Broken> {
    read_bmp(bytes).ok_or(CUT)
}

fn read_bmp(bytes: &[u8]) -> Option<Shape> {
    let mut cursor = Cursor::new(bytes, 2);
    let stated = index(cursor.u32_le()?);
    cursor.skip(4)?;
    let pixels_at = index(cursor.u32_le()?);
    let header = cursor.u32_le()?;
    if header == 12 {
        let picture = Picture::still(cursor.u16_le()?, cursor.u16_le()?);
        return Some(Shape { end: Some(stated), picture: Some(picture), ..Shape::default() });
    }
    let (width, height) = (cursor.u32_le()?.cast_signed(), cursor.u32_le()?.cast_signed());
    cursor.skip(2)?;
    let bits = u64::from(cursor.u16_le()?);
    let compression = cursor.u32_le()?;
    let size = index(cursor.u32_le()?);
    let picture = Picture::still(width.unsigned_abs(), height.unsigned_abs());
    let row_bytes = (u64::from(picture.width) * bits).div_ceil(32) * 4;
    let needed = match compression {
        0 | 3 | 6 => index(row_bytes.checked_mul(picture.height.into())?),
        _ => size,
    };
    let end = pixels_at.checked_add(needed)?.max(stated);
    // Some writers state a few bytes too many.
    let end = if end > bytes.len() && end - bytes.len() <= 4 { bytes.len() } else { end };
    (end <= bytes.len()).then(|| Shape { end: Some(end), picture: Some(picture), ..Shape::default() })
}

/// TIFF: the largest size that any of its directories states. Its parts may lie anywhere, so it has no end of its own.
pub(super) fn tiff(bytes: &[u8]) -> Result<Shape, Broken> {
    let little = bytes.starts_with(b"II");
    let u16_at = |cursor: &mut Cursor<'_>| if little { cursor.u16_le() } else { cursor.u16_be() };
    let u32_at = |cursor: &mut Cursor<'_>| if little { cursor.u32_le() } else { cursor.u32_be() };
    let mut next = u32_at(&mut Cursor::new(bytes, 4)).ok_or(CUT)?;
    let mut picture = Picture { width: 0, height: 0, frames: 0 };
    for _ in 0..TIFF_DIRECTORIES_MAX {
        if next == 0 {
            let shape = Shape { picture: Some(picture), ..Shape::default() };
            return if picture.frames == 0 { Err(Broken("no picture in it")) } else { Ok(shape) };
        }
        let mut cursor = Cursor::new(bytes, index(next));
        picture.frames += 1;
        for _ in 0..u16_at(&mut cursor).ok_or(CUT)? {
            let tag = u16_at(&mut cursor).ok_or(CUT)?;
            let short = u16_at(&mut cursor).ok_or(CUT)? == 3;
            cursor.skip(4).ok_or(CUT)?;
            let mut value = Cursor::new(cursor.take(4).ok_or(CUT)?, 0);
            let value = if short { u16_at(&mut value).map(u32::from) } else { u32_at(&mut value) };
            match (tag, value) {
                (256, Some(width)) => picture.width = picture.width.max(width),
                (257, Some(height)) => picture.height = picture.height.max(height),
                _ => {}
            }
        }
        next = u32_at(&mut cursor).ok_or(CUT)?;
    }
    Err(Broken("its directories do not end"))
}

pub(super) fn icon(bytes: &[u8]) -> Result<Shape, Broken> {
    read_icon(bytes).ok_or(CUT)
}

fn read_icon(bytes: &[u8]) -> Option<Shape> {
    let mut cursor = Cursor::new(bytes, 4);
    let count = cursor.u16_le()?;
    let mut picture = Picture { width: 0, height: 0, frames: count.max(1).into() };
    let mut end = 0;
    for _ in 0..count {
        let [width, height] =
            [cursor.u8()?, cursor.u8()?].map(|size| if size == 0 { 256 } else { u32::from(size) });
        picture.width = picture.width.max(width);
        picture.height = picture.height.max(height);
        cursor.skip(6)?;
        let size = index(cursor.u32_le()?);
        end = end.max(index(cursor.u32_le()?).checked_add(size)?);
    }
    (end <= bytes.len() && count > 0).then(|| Shape {
        end: Some(end),
        picture: Some(picture),
        ..Shape::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bitmap_ends_behind_its_pixels() {
        let mut bytes =
            b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\xff\xff\xff\xff\x01\0\x18\0".to_vec();
        bytes.resize(0x3a, 0);
        let shape = bmp(&bytes).expect("a picture");
        assert_eq!(shape.end, Some(0x3a));
        assert_eq!(shape.picture, Some(Picture::still(1_u32, 1_u32)));
        bytes[18..22].fill(0x7f);
        assert!(bmp(&bytes).is_err(), "more pixels than bytes");
    }

    #[test]
    fn directories_that_lead_in_circles_are_broken() {
        let circle = b"II*\0\x08\0\0\0\0\0\x08\0\0\0";
        assert_eq!(tiff(circle), Err(Broken("its directories do not end")));
        let one = b"MM\0*\0\0\0\x08\0\x02\x01\0\0\x03\0\0\0\x01\0\x05\0\0\x01\x01\0\x04\0\0\0\x01\0\0\0\x07\0\0\0\0";
        assert_eq!(tiff(one).expect("a picture").picture, Some(Picture::still(5_u32, 7_u32)));
    }
}
