//! How files are built: where each ends by its own structure, and how large its picture is.
//!
//! A file that ends where its structure ends has no room behind it. Each walk is one pass, holds nothing, and calls
//! broken what a decoder could only guess at.

mod boxes;
mod gif;
mod jpeg;
mod png;
mod raster;
mod riff;

use crate::Kind;

/// What a walk found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Where the file ends by its structure, in bytes from its beginning; `None` where the format does not say.
    pub(crate) end: Option<usize>,
    pub(crate) picture: Option<Picture>,
    /// Compressed metadata, unpacked.
    pub(crate) unpacked: Vec<Vec<u8>>,
}

/// What a program that decodes a picture has to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// Frames; 1 for a still picture.
    pub frames: u32,
}

impl Picture {
    pub(crate) fn still(width: impl Into<u32>, height: impl Into<u32>) -> Self {
        Self { width: width.into(), height: height.into(), frames: 1 }
    }

    pub(crate) fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// A file that is not built as its kind should be, in a few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken(pub(crate) &'static str);

/// Walks the structure of a file of that kind. Kinds with a module of their own are not walked here.
pub(crate) fn walk(kind: Kind, bytes: &[u8]) -> Result<Shape, Broken> {
    match kind {
        Kind::Jpeg => jpeg::walk(bytes),
        Kind::Png => png::walk(bytes),
        Kind::Gif => gif::walk(bytes),
        Kind::WebP => riff::webp(bytes),
        Kind::Wav => riff::wav(bytes),
        Kind::Bmp => raster::bmp(bytes),
        Kind::Tiff => raster::tiff(bytes),
        Kind::Icon => raster::icon(bytes),
        Kind::Avif | Kind::Heic | Kind::Mp4 => boxes::walk(bytes),
        _ => Ok(Shape::default()),
    }
}

/// Whether bytes behind the end can hide nothing: filling that cameras and old programs leave.
pub(crate) fn is_padding(rest: &[u8]) -> bool {
    rest.iter().all(|byte| matches!(byte, 0 | b' ' | b'\r' | b'\n'))
}
