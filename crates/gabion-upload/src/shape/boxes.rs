//! ISO base media: AVIF, HEIC, MP4. Boxes from the first to the last byte. ISO/IEC 14496-12 section 4.2.

use super::{Broken, Picture, Shape};
use crate::cursor::{Cursor, index};

/// Boxes that stand at the top of a file. Anything else there is no longer the file.
const AT_TOP: &[&[u8; 4]] = &[
    b"ftyp", b"meta", b"mdat", b"moov", b"moof", b"free", b"skip", b"wide", b"uuid", b"pdin", b"styp",
    b"sidx", b"ssix", b"mfra", b"emsg", b"prft", b"udta", b"pnot", b"mpvd", b"jumb", b"imda",
];
pub(super) fn walk(bytes: &[u8]) -> Result<Shape, Broken> {
    let mut cursor = Cursor::new(bytes, 0);
    let mut picture = None;
    let mut end = 0;
    while !cursor.is_at_end() {
        let Some((name, content)) = next(&mut cursor).filter(|(name, _)| is_at_top(name)) else { break };
        if name == b"meta" {
            picture = size(content.get(4..).unwrap_or_default());
        }
        end = cursor.at();
    }
    if end == 0 {
        return Err(Broken("its first box has no end"));
    }
    Ok(Shape { end: Some(end), picture, ..Shape::default() })
}

/// Whether these bytes are a film from the first to the last.
pub(super) fn is_film(bytes: &[u8]) -> bool {
    bytes.get(4..8) == Some(b"ftyp") && walk(bytes).is_ok_and(|shape| shape.end == Some(bytes.len()))
}

fn is_at_top(name: &[u8]) -> bool {
    AT_TOP.iter().any(|top| &top[..] == name)
}

fn next<'b>(cursor: &mut Cursor<'b>) -> Option<(&'b [u8], &'b [u8])> {
    let stated = cursor.u32_be()?;
    let name = cursor.take(4)?;
    let length = match stated {
        0 => cursor.rest().len(),
        1 => index(cursor.u64_be()?).checked_sub(16)?,
        stated => index(stated).checked_sub(8)?,
    };
    Some((name, cursor.take(length)?))
}

/// The largest picture that `iprp`, `ipco`, `ispe` of a `meta` box state, each inside the one before.
fn size(meta: &[u8]) -> Option<Picture> {
    let property_lists = inside(meta, b"iprp").flat_map(|properties| inside(properties, b"ipco"));
    let sizes = property_lists.flat_map(|list| inside(list, b"ispe")).filter_map(|size| {
        let mut cursor = Cursor::new(size, 4);
        cursor.u32_be().zip(cursor.u32_be())
    });
    sizes.map(|(width, height)| Picture::still(width, height)).max_by_key(Picture::pixels)
}

/// The contents of the boxes of this name among these.
fn inside<'b>(boxes: &'b [u8], wanted: &'static [u8; 4]) -> impl Iterator<Item = &'b [u8]> {
    let mut cursor = Cursor::new(boxes, 0);
    std::iter::from_fn(move || next(&mut cursor))
        .filter_map(move |(name, content)| (name == wanted).then_some(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(8 + content.len()).expect("small").to_be_bytes();
        [&length[..], name, content].concat()
    }

    #[test]
    fn boxes_are_walked_to_the_last_that_belongs_there() {
        let size = boxed(b"ispe", b"\0\0\0\0\0\0\0\x03\0\0\0\x02");
        let properties = boxed(b"iprp", &boxed(b"ipco", &size));
        let meta = boxed(b"meta", &[&[0; 4][..], &properties].concat());
        let whole = [boxed(b"ftyp", b"avif\0\0\0\0"), meta, boxed(b"mdat", b"x")].concat();
        let shape = walk(&[&whole[..], b"hidden behind"].concat()).expect("a picture");
        assert_eq!(shape.end, Some(whole.len()));
        assert_eq!(shape.picture, Some(Picture::still(3_u32, 2_u32)));
        assert!(is_film(&whole));
        assert!(walk(b"\xff\xff\xff\xffftyp").is_err());
    }
}
