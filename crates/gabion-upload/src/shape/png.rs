//! PNG: chunks with their checksums to `IEND`. PNG third edition, section 5.

use flate2::Crc;

use super::{Broken, Picture, Shape};
use crate::cursor::{Cursor, index};
use crate::unpack;

const SIGNATURE_BYTES: usize = 8;
/// Unpacked bytes of all compressed texts and profiles of one picture. Profiles have a few hundred kilobytes.
const UNPACKED_BYTES_MAX: usize = 4 * 1024 * 1024;

pub(super) fn walk(bytes: &[u8]) -> Result<Shape, Broken> {
    const CUT: Broken = Broken("the picture has no end");
    let mut cursor = Cursor::new(bytes, SIGNATURE_BYTES);
    let mut shape = Shape::default();
    let mut room = UNPACKED_BYTES_MAX;
    loop {
        let length = index(cursor.u32_be().ok_or(CUT)?);
        let named = cursor.take(length.checked_add(4).ok_or(CUT)?).ok_or(CUT)?;
        let (name, chunk) = named.split_at(4);
        if cursor.u32_be().ok_or(CUT)? != checksum(named) {
            return Err(Broken("a checksum is wrong"));
        }
        match (name, &mut shape.picture) {
            (b"IHDR", picture @ None) => *picture = Some(header(chunk)?),
            (b"IHDR", _) | (_, None) => return Err(Broken("the header is not where it should be")),
            (b"acTL", Some(picture)) => {
                picture.frames = Cursor::new(chunk, 0).u32_be().unwrap_or(1).max(1);
            }
            (b"zTXt" | b"iTXt" | b"iCCP", _) => {
                if let Some(packed) = packed_part(name, chunk) {
                    let text =
                        unpack::zlib_up_to(packed, room).ok_or(Broken("metadata unpacks to too much"))?;
                    room -= text.len();
                    shape.unpacked.push(text);
                }
            }
            (b"IEND", _) => {
                shape.end = Some(cursor.at());
                return Ok(shape);
            }
            _ if !name.iter().all(u8::is_ascii_alphabetic) => return Err(Broken("a chunk without a name")),
            _ => {}
        }
    }
}

fn header(chunk: &[u8]) -> Result<Picture, Broken> {
    let mut cursor = Cursor::new(chunk, 0);
    match (cursor.u32_be(), cursor.u32_be()) {
        (Some(width), Some(height)) if chunk.len() == 13 => Ok(Picture::still(width, height)),
        _ => Err(Broken("the header has the wrong length")),
    }
}

/// The compressed part of a chunk that has one.
fn packed_part<'c>(name: &[u8], chunk: &'c [u8]) -> Option<&'c [u8]> {
    let (_, behind) = split_at_nul(chunk)?;
    if name != b"iTXt" {
        return behind.get(1..);
    }
    let [1, _method, behind @ ..] = behind else { return None };
    let (_, behind) = split_at_nul(behind)?;
    split_at_nul(behind).map(|(_, packed)| packed)
}

fn split_at_nul(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(0, bytes)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let named = [&name[..], data].concat();
        let length = u32::try_from(data.len()).expect("small").to_be_bytes();
        [&length[..], &named, &checksum(&named).to_be_bytes()].concat()
    }

    fn png(chunks: &[Vec<u8>]) -> Vec<u8> {
        [&b"\x89PNG\r\n\x1a\n"[..], &chunks.concat()].concat()
    }

    const HEADER: &[u8] = &[0, 0, 0, 3, 0, 0, 0, 2, 8, 2, 0, 0, 0];

    #[test]
    fn chunks_are_walked_to_the_end() {
        let whole = png(&[chunk(b"IHDR", HEADER), chunk(b"IEND", b"")]);
        let shape = walk(&[&whole[..], b"x"].concat()).expect("a picture");
        assert_eq!(shape.end, Some(whole.len()));
        assert_eq!(shape.picture, Some(Picture::still(3_u32, 2_u32)));
    }

    #[test]
    fn wrong_checksums_lengths_and_orders_are_broken() {
        let mut wrong = png(&[chunk(b"IHDR", HEADER), chunk(b"IEND", b"")]);
        wrong[20] ^= 1;
        assert_eq!(walk(&wrong), Err(Broken("a checksum is wrong")));
        assert!(walk(&png(&[chunk(b"IEND", b"")])).is_err());
        assert!(walk(&png(&[chunk(b"IHDR", HEADER), chunk(b"IHDR", HEADER)])).is_err());
        assert!(walk(&png(&[chunk(b"IHDR", HEADER)])).is_err());
        let endless = [&b"\x89PNG\r\n\x1a\n\xff\xff\xff\xff"[..], b"IHDR"].concat();
        assert!(walk(&endless).is_err());
    }

    #[test]
    fn compressed_texts_are_unpacked() {
        let packed = unpack::tests::zlib(b"<?php");
        let text = |name: &[u8; 4], head: &[u8]| chunk(name, &[head, &packed].concat());
        let shape = walk(&png(&[
            chunk(b"IHDR", HEADER),
            text(b"zTXt", b"Comment\0\0"),
            text(b"iTXt", b"Comment\0\x01\0en\0Comment\0"),
            chunk(b"IEND", b""),
        ]));
        assert_eq!(shape.expect("a picture").unpacked, [b"<?php", b"<?php"]);
    }
}
