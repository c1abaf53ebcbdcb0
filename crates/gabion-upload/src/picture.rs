//! Pictures written anew: what a decoder shows is what is left, and everything that was hidden around it is gone.

use std::io::Cursor;

use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::codecs::png::{PngDecoder, PngEncoder};
use image::{DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageResult, Limits};

use crate::Kind;

/// Pixels on a side. Cameras of 2026 stay below.
pub const PICTURE_SIDE_MAX: u32 = 16_384;
/// Pixels of a picture: 64 megapixels take 256 MB while they are decoded.
pub const PICTURE_PIXELS_MAX: u64 = 64_000_000;
/// Bytes that a decoder may take, the picture included.
const DECODER_BYTES_MAX: u64 = 320 << 20;
/// Quality of a JPEG, of 100: nobody sees the difference.
const JPEG_QUALITY: u8 = 90;

/// The picture cannot be written anew.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// Its size.
    #[error(
        "the picture has more than {PICTURE_SIDE_MAX} pixels on a side or {PICTURE_PIXELS_MAX} altogether"
    )]
    TooLarge,
    /// Its content.
    #[error("the picture cannot be decoded: {0}")]
    Broken(#[from] image::ImageError),
}

/// Whether [`write_anew`] does anything with files of this kind.
pub fn can_be_written_anew(kind: Kind) -> bool {
    matches!(kind, Kind::Jpeg | Kind::Png)
}

/// Decodes a picture and encodes it in the same format. `None` where the kind is another, or the picture moves.
///
/// Colors keep their profile, and a JPEG is turned as its camera said. All other metadata is gone: places, previews,
/// comments, and bytes behind the end. A JPEG loses a little each time; a PNG does not.
///
/// # Errors
/// When the picture is larger than any camera's, or cannot be decoded.
pub fn write_anew(kind: Kind, bytes: &[u8]) -> Result<Option<Vec<u8>>, PictureError> {
    match kind {
        Kind::Jpeg => jpeg(bytes).map(Some),
        Kind::Png => png(bytes),
        _ => Ok(None),
    }
}

fn jpeg(bytes: &[u8]) -> Result<Vec<u8>, PictureError> {
    let mut decoder = JpegDecoder::new(Cursor::new(bytes))?;
    limit(&mut decoder)?;
    let (orientation, profile) = (decoder.orientation()?, decoder.icc_profile()?);
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    let mut out = Vec::new();
    encode(JpegEncoder::new_with_quality(&mut out, JPEG_QUALITY), profile, &picture)?;
    Ok(out)
}

fn png(bytes: &[u8]) -> Result<Option<Vec<u8>>, PictureError> {
    let mut decoder = PngDecoder::new(Cursor::new(bytes))?;
    limit(&mut decoder)?;
    if decoder.is_apng()? {
        return Ok(None);
    }
    let profile = decoder.icc_profile()?;
    let picture = DynamicImage::from_decoder(decoder)?;
    let mut out = Vec::new();
    encode(PngEncoder::new(&mut out), profile, &picture)?;
    Ok(Some(out))
}

fn limit(decoder: &mut impl ImageDecoder) -> Result<(), PictureError> {
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if width.max(height) > PICTURE_SIDE_MAX || pixels > PICTURE_PIXELS_MAX {
        return Err(PictureError::TooLarge);
    }
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(DECODER_BYTES_MAX);
    Ok(decoder.set_limits(limits)?)
}

fn encode(
    mut encoder: impl ImageEncoder,
    profile: Option<Vec<u8>>,
    picture: &DynamicImage,
) -> ImageResult<()> {
    if let Some(profile) = profile {
        encoder.set_icc_profile(profile).map_err(image::ImageError::Unsupported)?;
    }
    let color: ExtendedColorType = picture.color().into();
    encoder.write_image(picture.as_bytes(), picture.width(), picture.height(), color)
}

#[cfg(test)]
mod tests {
    use image::{ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

    use super::*;

    fn drawn(format: ImageFormat) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        let picture: DynamicImage = match format {
            ImageFormat::Jpeg => {
                RgbImage::from_fn(40, 20, |x, _| if x < 20 { Rgb([200, 0, 0]) } else { Rgb([0, 0, 200]) })
                    .into()
            }
            _ => RgbaImage::from_fn(40, 20, |x, y| Rgba([x.to_le_bytes()[0], y.to_le_bytes()[0], 7, 128]))
                .into(),
        };
        picture.write_to(&mut out, format).unwrap();
        out.into_inner()
    }

    #[test]
    fn what_is_hidden_around_a_picture_is_gone_and_the_picture_stays() {
        let shell = b"<?php system($_GET['c']); ?>";
        for (kind, format) in [(Kind::Jpeg, ImageFormat::Jpeg), (Kind::Png, ImageFormat::Png)] {
            let hidden = [&drawn(format)[..], shell].concat();
            let anew = write_anew(kind, &hidden).unwrap().expect("it is written anew");
            assert!(!anew.windows(5).any(|window| window == b"<?php"));
            let (before, after) = (
                image::load_from_memory(&drawn(format)).unwrap(),
                image::load_from_memory_with_format(&anew, format).unwrap(),
            );
            assert_eq!((before.width(), before.height(), before.color()), (40, 20, after.color()));
            let far = before.as_bytes().iter().zip(after.as_bytes()).map(|(a, b)| a.abs_diff(*b)).max();
            let allowed = if kind == Kind::Jpeg { 24 } else { 0 };
            assert!(far.unwrap() <= allowed, "{kind:?} differs by {far:?}");
        }
    }

    #[test]
    fn a_picture_is_turned_as_its_camera_said() {
        // APP1 with one Exif entry: orientation 6, a quarter to the right.
        let exif = b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let plain = drawn(ImageFormat::Jpeg);
        let turned = [&plain[..2], exif, &plain[2..]].concat();
        let anew = write_anew(Kind::Jpeg, &turned).unwrap().unwrap();
        let after = image::load_from_memory(&anew).unwrap();
        assert_eq!((after.width(), after.height()), (20, 40));
        assert!(!anew.windows(4).any(|window| window == b"Exif"));
    }

    #[test]
    fn what_is_broken_too_large_or_of_another_kind_is_told() {
        let png = drawn(ImageFormat::Png);
        assert!(matches!(write_anew(Kind::Png, &png[..png.len() / 2]), Err(PictureError::Broken(_))));
        let mut wide = png.clone();
        wide[16..20].copy_from_slice(&(PICTURE_SIDE_MAX + 1).to_be_bytes());
        assert!(write_anew(Kind::Png, &wide).is_err());
        assert!(write_anew(Kind::Gif, b"GIF89a").unwrap().is_none());
    }
}
