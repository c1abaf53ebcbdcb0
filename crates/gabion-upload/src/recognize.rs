//! Kinds by content.

use crate::cursor::{Cursor, starts_with_nocase};
use crate::markup::Markup;
use crate::text::text;
use crate::{Kind, office, ole};

/// Bytes within which a PDF header may stand. PDF 1.7 reference, implementation note 13.
pub(crate) const PDF_HEADER_WITHIN: usize = 1024;

/// Beginnings that are enough to know the kind, or to know how to look closer.
const MAGIC: &[(&[u8], Kind)] = &[
    (b"\xff\xd8\xff", Kind::Jpeg),
    (b"\x89PNG\r\n\x1a\n", Kind::Png),
    (b"GIF87a", Kind::Gif),
    (b"GIF89a", Kind::Gif),
    (b"II*\0", Kind::Tiff),
    (b"MM\0*", Kind::Tiff),
    (b"%PDF-", Kind::Pdf),
    (b"{\\rtf", Kind::Rtf),
    (b"\x1a\x45\xdf\xa3", Kind::WebM),
    (b"OggS\0", Kind::Ogg),
    (b"fLaC", Kind::Flac),
    (b"ID3", Kind::Mp3),
    (b"\x1f\x8b\x08", Kind::Gzip),
    (b"7z\xbc\xaf\x27\x1c", Kind::SevenZip),
    (b"Rar!\x1a\x07", Kind::Rar),
    (b"\xfd7zXZ\0", Kind::Xz),
    (b"BZh", Kind::Bzip2),
    (b"\x28\xb5\x2f\xfd", Kind::Zstd),
    (b"MSCF\0\0\0\0", Kind::Cabinet),
    (b"\x7fELF", Kind::Elf),
    (b"\xfe\xed\xfa\xce", Kind::MachO),
    (b"\xfe\xed\xfa\xcf", Kind::MachO),
    (b"\xce\xfa\xed\xfe", Kind::MachO),
    (b"\xcf\xfa\xed\xfe", Kind::MachO),
    (b"\0asm", Kind::WebAssembly),
    (b"FWS", Kind::Flash),
    (b"CWS", Kind::Flash),
    (b"ZWS", Kind::Flash),
    (b"L\0\0\0\x01\x14\x02\0", Kind::Shortcut),
    (b"%!PS", Kind::PostScript),
    (b"\xc5\xd0\xd3\xc6", Kind::PostScript),
    (b"#!", Kind::ShellScript),
];

/// What a file is by its content alone.
pub(crate) fn recognize(bytes: &[u8]) -> Kind {
    if bytes.is_empty() {
        return Kind::Empty;
    }
    if let Some((_, kind)) =
        MAGIC.iter().find(|(magic, kind)| bytes.starts_with(magic) && holds(*kind, bytes))
    {
        return *kind;
    }
    container(bytes)
        .or_else(|| program(bytes))
        .or_else(|| other_binary(bytes))
        .unwrap_or_else(|| written(bytes))
}

/// Short beginnings stand at the beginning of texts too.
fn holds(kind: Kind, bytes: &[u8]) -> bool {
    match kind {
        Kind::Bzip2 => matches!(bytes.get(3), Some(b'1'..=b'9')) && bytes.get(4..8) == Some(b"1AY&"),
        Kind::Flash => bytes.get(3).is_some_and(|version| *version < 64) && bytes.len() > 8,
        Kind::Mp3 => bytes.get(3).is_some_and(|version| *version < 16),
        _ => true,
    }
}

fn container(bytes: &[u8]) -> Option<Kind> {
    let brand = bytes.get(8..12).unwrap_or_default();
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return Some(office::kind_of_zip(bytes));
    }
    if bytes.starts_with(ole::MAGIC) {
        return Some(ole::kind(bytes));
    }
    if bytes.starts_with(b"RIFF") {
        return match brand {
            b"WEBP" => Some(Kind::WebP),
            b"WAVE" => Some(Kind::Wav),
            _ => None,
        };
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return Some(match brand {
            b"avif" | b"avis" => Kind::Avif,
            b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" => Kind::Heic,
            b"mif1" | b"msf1" if lists_brand(bytes, b"avif") => Kind::Avif,
            b"mif1" | b"msf1" => Kind::Heic,
            _ => Kind::Mp4,
        });
    }
    None
}

fn lists_brand(bytes: &[u8], brand: &[u8; 4]) -> bool {
    bytes.get(16..64.min(bytes.len())).is_some_and(|brands| brands.as_chunks::<4>().0.contains(brand))
}

fn program(bytes: &[u8]) -> Option<Kind> {
    if bytes.starts_with(b"MZ") && text(bytes).is_none() {
        return Some(Kind::WindowsProgram);
    }
    if bytes.starts_with(b"\xca\xfe\xba\xbe") {
        // A Java class has its version where a universal macOS program has the number of its parts.
        let parts = Cursor::new(bytes, 4).u32_be().unwrap_or_default();
        return Some(if parts < 40 { Kind::MachO } else { Kind::JavaClass });
    }
    None
}

fn other_binary(bytes: &[u8]) -> Option<Kind> {
    let mut cursor = Cursor::new(bytes, 14);
    let header = cursor.u32_le();
    if bytes.starts_with(b"BM") && matches!(header, Some(12 | 40 | 52 | 56 | 64 | 108 | 124)) {
        return Some(Kind::Bmp);
    }
    if bytes.starts_with(b"\0\0\x01\0") && matches!(bytes.get(4..6), Some([1..=64, 0])) {
        return Some(Kind::Icon);
    }
    if crate::archive::is_tar(bytes) {
        return Some(Kind::Tar);
    }
    // Two frames of MPEG sound, layer III: eleven set bits, a version, a layer, a bit rate.
    let is_frame = |head: Option<&[u8]>| {
        head.is_some_and(|head| head[0] == 0xff && head[1] & 0xe6 == 0xe2 && head[2] & 0xf0 != 0xf0)
    };
    if is_frame(bytes.get(..3)) && bytes.windows(3).skip(24).take(1_500).any(|head| is_frame(Some(head))) {
        return Some(Kind::Mp3);
    }
    None
}

/// Kinds that are made of characters; `Unknown` for bytes that are no text.
fn written(bytes: &[u8]) -> Kind {
    let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    if starts_with_nocase(start, b"<?php") || start.starts_with(b"<?=") {
        return Kind::Php;
    }
    if [&b"<%@"[..], b"<%!", b"<%="].iter().any(|open| start.starts_with(open)) {
        return Kind::ServerPage;
    }
    let head = &bytes[..bytes.len().min(PDF_HEADER_WITHIN + 5)];
    if memchr::memmem::find(head, b"%PDF-").is_some() {
        return Kind::Pdf;
    }
    let Some(text) = text(bytes) else { return Kind::Unknown };
    let text = text.trim_ascii_start();
    match text.first() {
        Some(b'<') => markup(text),
        Some(b'{' | b'[') if serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok() => Kind::Json,
        Some(b'p') if text.starts_with(b"push graphic-context") => Kind::MagickScript,
        Some(b'v') if text.starts_with(b"viewbox ") => Kind::MagickScript,
        _ => Kind::Text,
    }
}

/// Elements with which browsers take a text for a page. WHATWG MIME sniffing, section 7.1.
const PAGE: &[&[u8]] = &[
    b"html", b"head", b"script", b"iframe", b"h1", b"div", b"font", b"table", b"a", b"style", b"title", b"b",
    b"body", b"br", b"p", b"img", b"form", b"meta", b"link", b"object", b"embed", b"base", b"marquee",
    b"input", b"video", b"audio", b"details",
];

fn markup(text: &[u8]) -> Kind {
    if starts_with_nocase(text, b"<!doctype html") {
        return Kind::Html;
    }
    let declared = starts_with_nocase(text, b"<?xml");
    // A tag need not be well-formed for a browser, so its name is read by hand where XML gives up.
    let loose = text.get(1..).unwrap_or_default();
    let loose = &loose[..loose.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(loose.len())];
    let root = Markup::new(text).root().unwrap_or(loose);
    if root.eq_ignore_ascii_case(b"svg") {
        Kind::Svg
    } else if root.eq_ignore_ascii_case(b"html")
        || !declared && PAGE.iter().any(|tag| tag.eq_ignore_ascii_case(root))
    {
        Kind::Html
    } else if declared || !root.is_empty() {
        Kind::Xml
    } else {
        Kind::Text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_content() {
        for (bytes, kind) in [
            (&b""[..], Kind::Empty),
            (b"\xff\xd8\xff\xe0", Kind::Jpeg),
            (b"GIF89a", Kind::Gif),
            (b"RIFF\0\0\0\0WEBPVP8 ", Kind::WebP),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", Kind::Avif),
            (b"\0\0\0\x18ftypheic", Kind::Heic),
            (b"\0\0\0\x18ftypisom", Kind::Mp4),
            (b"\n%PDF-1.4", Kind::Pdf),
            (b"\xca\xfe\xba\xbe\0\0\0\x34", Kind::JavaClass),
            (b"\xca\xfe\xba\xbe\0\0\0\x02", Kind::MachO),
            (b"MZ\x90\0", Kind::WindowsProgram),
            (b"MZ is a country code", Kind::Text),
            (b"#!/bin/sh\n", Kind::ShellScript),
            (b"\xef\xbb\xbf \n<?PHP echo 1;", Kind::Php),
            (b"<%@ page import='java.io.*' %>", Kind::ServerPage),
            (b"{\"a\":1}", Kind::Json),
            (b"{a: 1", Kind::Text),
            (b"<?xml version='1.0'?><!-- x --><svg/>", Kind::Svg),
            (b"\xff\xfe<\0s\0v\0g\0/\0>\0", Kind::Svg),
            (b"<gpx></gpx>", Kind::Xml),
            (b"<?xml version='1.0'?><a/>", Kind::Xml),
            (b"<?xml version='1.0'?><html/>", Kind::Html),
            (b"<!DOCTYPE HTML><p>", Kind::Html),
            (b"<script>", Kind::Html),
            (b"<script src=x", Kind::Html),
            (b"a,b\n1,2\n", Kind::Text),
            (b"caf\xe9", Kind::Text),
            (b"\x01\x02\x03", Kind::Unknown),
            (b"push graphic-context\n", Kind::MagickScript),
        ] {
            assert_eq!(recognize(bytes), kind, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
