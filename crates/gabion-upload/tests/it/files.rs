//! Files made here, so that none lies in the repository for a scanner to find.

use std::io::{Cursor, Write};

use gabion_upload::{Code, Inspection, Inspector, Kind, Policy, Rules, Upload};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// With the rules that come along.
pub(crate) fn inspector() -> &'static Inspector {
    static INSPECTOR: std::sync::OnceLock<Inspector> = std::sync::OnceLock::new();
    INSPECTOR.get_or_init(|| Inspector::new(Rules::builtin()))
}

pub(crate) fn inspect(policy: &Policy, name: &str, declared: &str, bytes: &[u8]) -> Inspection {
    let upload = Upload { name: name.as_bytes(), declared_type: declared.as_bytes(), bytes };
    inspector().inspect(&upload, policy)
}

/// Refused by the most generous preset, with this reason among others.
#[track_caller]
pub(crate) fn refused(name: &str, declared: &str, bytes: &[u8], code: Code) {
    let inspection = inspect(&Policy::any_harmless(), name, declared, bytes);
    let codes: Vec<Code> = inspection.reasons().iter().map(|reason| reason.code).collect();
    assert!(codes.contains(&code), "{name}: {code} is not among {:?}", inspection.verdict);
}

/// Passes, as this kind.
#[track_caller]
pub(crate) fn passes(policy: &Policy, name: &str, declared: &str, bytes: &[u8], kind: Kind) {
    let inspection = inspect(policy, name, declared, bytes);
    assert_eq!(inspection.verdict, gabion_upload::Verdict::Pass { kind }, "{name}, {:?}", inspection.facts);
}

/// A picture with something to see; different for each seed.
pub(crate) fn canvas(width: u32, height: u32, seed: u32) -> DynamicImage {
    let mut state = seed.wrapping_mul(2_654_435_761).max(1);
    let noisy = seed.is_multiple_of(3);
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |x, y| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let [noise, ..] = state.to_le_bytes();
        let plain = |value: u32| u8::try_from(value % 256).expect("less than 256");
        let noise = if noisy { noise } else { 0 };
        Rgb([
            plain(x * 3 + seed).wrapping_add(noise),
            plain(y * 5 + x),
            plain((x ^ y) + seed).wrapping_add(noise),
        ])
    }))
}

pub(crate) fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    image.write_to(&mut out, format).expect("memory takes it");
    out.into_inner()
}

pub(crate) fn jpeg() -> Vec<u8> {
    encode(&canvas(40, 30, 1), ImageFormat::Jpeg)
}

pub(crate) fn png() -> Vec<u8> {
    encode(&canvas(40, 30, 1), ImageFormat::Png)
}

pub(crate) fn gif() -> Vec<u8> {
    encode(&canvas(40, 30, 1), ImageFormat::Gif)
}

pub(crate) fn webp() -> Vec<u8> {
    encode(&canvas(40, 30, 1), ImageFormat::WebP)
}

/// A JPEG file with one more segment behind its start.
pub(crate) fn jpeg_with(marker: u8, content: &[u8]) -> Vec<u8> {
    let jpeg = jpeg();
    let length = u16::try_from(content.len() + 2).expect("a segment").to_be_bytes();
    [&jpeg[..2], &[0xff, marker], &length, content, &jpeg[2..]].concat()
}

/// A PNG file with one more chunk behind its header.
pub(crate) fn png_with(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let png = png();
    let header = 8 + 25;
    let named = [&name[..], content].concat();
    let mut crc = crc(&named).to_be_bytes().to_vec();
    let mut chunk = u32::try_from(content.len()).expect("a chunk").to_be_bytes().to_vec();
    chunk.extend(&named);
    chunk.append(&mut crc);
    [&png[..header], &chunk, &png[header..]].concat()
}

/// CRC-32 as PNG and ZIP use it, bit by bit.
pub(crate) fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 },
        )
    })
}

/// A packed zlib stream.
pub(crate) fn zlib(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

/// An archive with these entries. A `mimetype` is stored first and unpacked, as OpenDocument and EPUB have it.
pub(crate) fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        let method =
            if *name == "mimetype" { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).expect("an entry");
        writer.write_all(content).expect("memory takes it");
    }
    writer.finish().expect("memory takes it").into_inner()
}

pub(crate) fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        // Names that leave the folder are what is to be tried, and the builder would refuse them.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, *content).expect("memory takes it");
    }
    builder.into_inner().expect("memory takes it")
}

/// A document with these objects in its catalog.
pub(crate) fn pdf(catalog: &str) -> Vec<u8> {
    pdf_with(catalog, "", b"BT /F1 12 Tf 72 700 Td (Invoice) Tj ET")
}

/// A document with further objects and one page with this content, packed.
pub(crate) fn pdf_with(catalog: &str, objects: &str, page: &[u8]) -> Vec<u8> {
    let packed = zlib(page);
    let mut out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut places = Vec::new();
    let bodies = [
        format!("<< /Type /Catalog /Pages 2 0 R {catalog} >>"),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
    ];
    for (number, body) in bodies.iter().enumerate() {
        places.push(out.len());
        out.extend(format!("{} 0 obj\n{body}\nendobj\n", number + 1).as_bytes());
    }
    places.push(out.len());
    out.extend(format!("4 0 obj\n<< /Length {} /Filter /FlateDecode >>\nstream\n", packed.len()).as_bytes());
    out.extend(&packed);
    out.extend(b"\nendstream\nendobj\n");
    places.push(out.len());
    out.extend(b"5 0 obj\n<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>\nendobj\n");
    out.extend(objects.as_bytes());
    let start = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", places.len() + 1).as_bytes());
    for place in &places {
        out.extend(format!("{place:010} 00000 n \n").as_bytes());
    }
    let size = places.len() + 1;
    out.extend(format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n").as_bytes());
    out
}

const TYPES: &str = "application/vnd.openxmlformats-officedocument.";

/// A Word document with these further parts.
pub(crate) fn docx(text: &str, parts: &[(&str, &[u8])]) -> Vec<u8> {
    let types = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
         <Override PartName=\"/word/document.xml\" ContentType=\"{TYPES}wordprocessingml.document.main+xml\"/></Types>"
    );
    let document = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\">\
         <w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>"
    );
    let mut entries: Vec<(&str, &[u8])> = vec![
        ("[Content_Types].xml", types.as_bytes()),
        ("_rels/.rels", b"<?xml version=\"1.0\"?><Relationships/>"),
        ("word/document.xml", document.as_bytes()),
    ];
    entries.extend(parts);
    zip(&entries)
}

/// A workbook with one sheet and these further parts.
pub(crate) fn xlsx(sheet: &str, parts: &[(&str, &[u8])]) -> Vec<u8> {
    let types = format!(
        "<?xml version=\"1.0\"?><Types><Override PartName=\"/xl/workbook.xml\" ContentType=\"{TYPES}spreadsheetml.sheet.main+xml\"/></Types>"
    );
    let mut entries: Vec<(&str, &[u8])> = vec![
        ("[Content_Types].xml", types.as_bytes()),
        ("xl/workbook.xml", b"<?xml version=\"1.0\"?><workbook/>"),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ];
    entries.extend(parts);
    zip(&entries)
}

pub(crate) fn pptx(slide: &str) -> Vec<u8> {
    let types = format!(
        "<?xml version=\"1.0\"?><Types><Override PartName=\"/ppt/presentation.xml\" ContentType=\"{TYPES}presentationml.presentation.main+xml\"/></Types>"
    );
    zip(&[
        ("[Content_Types].xml", types.as_bytes()),
        ("ppt/presentation.xml", b"<?xml version=\"1.0\"?><p:presentation/>"),
        ("ppt/slides/slide1.xml", slide.as_bytes()),
    ])
}

/// An OpenDocument file of this kind with these further parts.
pub(crate) fn open_document(kind: &str, content: &str, parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mime = format!("application/vnd.oasis.opendocument.{kind}");
    let mut entries: Vec<(&str, &[u8])> = vec![
        ("mimetype", mime.as_bytes()),
        ("content.xml", content.as_bytes()),
        ("META-INF/manifest.xml", b"<?xml version=\"1.0\"?><manifest:manifest/>"),
    ];
    entries.extend(parts);
    zip(&entries)
}

/// A compound file with these streams, each in sectors of its own.
pub(crate) fn ole(streams: &[(&str, &[u8])]) -> Vec<u8> {
    const SECTOR: usize = 512;
    const END: u32 = 0xffff_fffe;
    const FREE: u32 = 0xffff_ffff;
    let number = |count: usize| u32::try_from(count).expect("small");
    let (mut table, mut sectors) = (vec![0xffff_fffd_u32], Vec::new());
    let mut directory = entry("Root Entry", 5, END, 0);
    for (name, content) in streams {
        // Streams below 4,096 bytes would lie in the small stream, so all are filled up to that.
        let mut content = content.to_vec();
        content.resize(content.len().max(4096).next_multiple_of(SECTOR), 0);
        let (first, count) = (table.len(), content.len() / SECTOR);
        table.extend((1..count).map(|next| number(first + next)));
        table.push(END);
        directory.extend(entry(name, 2, number(first), number(content.len())));
        sectors.extend(content);
    }
    directory.resize(directory.len().next_multiple_of(SECTOR), 0);
    let directory_at = number(table.len());
    let count = directory.len() / SECTOR;
    table.extend((1..count).map(|next| directory_at + number(next)));
    table.push(END);
    assert!(table.len() <= SECTOR / 4, "one sector of table is enough for tests");
    table.resize(SECTOR / 4, FREE);
    let mut header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    header.resize(24, 0);
    header.extend([0x3e, 0, 3, 0, 0xfe, 0xff, 9, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for value in [1, directory_at, 0, 4096, END, 0, END, 0, 0] {
        header.extend(value.to_le_bytes());
    }
    header.resize(SECTOR, 0xff);
    let table: Vec<u8> = table.iter().flat_map(|next| next.to_le_bytes()).collect();
    [header, table, sectors, directory].concat()
}

fn entry(name: &str, kind: u8, start: u32, bytes: u32) -> Vec<u8> {
    let mut out: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let length = u8::try_from(out.len() + 2).expect("a name");
    out.resize(64, 0);
    out.extend([length, 0, kind, 1]);
    out.extend([0xff; 12]);
    out.resize(116, 0);
    out.extend(start.to_le_bytes());
    out.extend(bytes.to_le_bytes());
    out.resize(128, 0);
    out
}
