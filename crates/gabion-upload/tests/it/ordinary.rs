//! Ordinary files: none is refused.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use gabion_upload::{Kind, Policy};
use image::codecs::gif::{GifEncoder, Repeat};
use image::codecs::jpeg::JpegEncoder;
use image::{Frame, ImageFormat};

use crate::files::{
    canvas, docx, encode, gzip, inspect, jpeg, jpeg_with, ole, open_document, passes, pdf, pdf_with, png,
    png_with, pptx, tar, webp, xlsx, zip, zlib,
};

/// Sizes that cameras, shops and icons have, made small enough to draw many.
const SIZES: &[(u32, u32)] =
    &[(1, 1), (2, 3), (16, 16), (33, 17), (64, 64), (100, 75), (120, 160), (200, 50), (257, 129), (320, 240)];

#[test]
fn three_hundred_pictures_pass() {
    let policy = Policy::pictures();
    let mut count = 0;
    let mut pass = |name: &str, declared: &str, bytes: &[u8], kind| {
        passes(&policy, name, declared, bytes, kind);
        count += 1;
    };
    for (number, (width, height)) in SIZES.iter().enumerate() {
        for seed in 0..4 {
            let seed = seed + 4 * u32::try_from(number).expect("small");
            let image = canvas(*width, *height, seed);
            for quality in [30, 75, 95] {
                let mut bytes = Vec::new();
                image
                    .write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality))
                    .expect("a picture");
                pass("IMG_2026.JPG", "image/jpeg", &bytes, Kind::Jpeg);
            }
            let gray = image.grayscale();
            pass("scan.jpeg", "", &encode(&gray, ImageFormat::Jpeg), Kind::Jpeg);
            pass("a b.png", "image/png", &encode(&image, ImageFormat::Png), Kind::Png);
            pass("gray.png", "image/png", &encode(&gray, ImageFormat::Png), Kind::Png);
            pass("a.webp", "image/webp", &encode(&image, ImageFormat::WebP), Kind::WebP);
            pass("a.bmp", "image/bmp", &encode(&image, ImageFormat::Bmp), Kind::Bmp);
        }
    }
    for frames in 1..20_u32 {
        let mut bytes = Vec::new();
        let mut encoder = GifEncoder::new(&mut bytes);
        encoder.set_repeat(Repeat::Infinite).expect("memory takes it");
        let pictures = (0..frames).map(|seed| Frame::new(canvas(24, 18, seed).to_rgba8()));
        encoder.encode_frames(pictures).expect("a moving picture");
        drop(encoder);
        pass("moves.gif", "image/gif", &bytes, Kind::Gif);
    }
    assert!(count >= 300, "{count}");
}

#[test]
fn pictures_with_metadata_pass() {
    let policy = Policy::pictures();
    let xmp = "http://ns.adobe.com/xap/1.0/\0<?xpacket begin='\u{feff}' id='W5M0MpCehiHzreSzNTczkc9d'?>\
               <x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF/></x:xmpmeta><?xpacket end='w'?>";
    passes(&policy, "a.jpg", "image/jpeg", &jpeg_with(0xe1, xmp.as_bytes()), Kind::Jpeg);
    let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x0f\0\x02\0\0\0\x06\0\0\0\x1aCamera\0\0\0\0\0\0";
    passes(&policy, "a.jpg", "image/pjpeg", &jpeg_with(0xe1, exif), Kind::Jpeg);
    passes(
        &policy,
        "a.jpg",
        "image/jpeg",
        &jpeg_with(0xfe, b"CREATOR: gd-jpeg v1.0, quality = 90\n"),
        Kind::Jpeg,
    );
    let profile: Vec<u8> = (0..3_000_u32).map(|at| at.wrapping_mul(40_503).to_le_bytes()[1]).collect();
    passes(
        &policy,
        "a.jpg",
        "image/jpeg",
        &jpeg_with(0xe2, &[b"ICC_PROFILE\0\x01\x01", &profile[..]].concat()),
        Kind::Jpeg,
    );
    let preview = [&jpeg_with(0xe2, b"MPF\0II*\0\x08\0\0\0")[..], &jpeg()].concat();
    passes(&policy, "phone.jpg", "image/jpeg", &preview, Kind::Jpeg);
    passes(&policy, "padded.jpg", "image/jpeg", &[&jpeg()[..], &[0; 512]].concat(), Kind::Jpeg);
    let film = b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x0bmdatabc";
    let motion =
        [&jpeg_with(0xe1, b"http://ns.adobe.com/xap/1.0/\0GCamera:MotionPhoto=\"1\"")[..], film].concat();
    passes(&policy, "motion.jpg", "image/jpeg", &motion, Kind::Jpeg);
    passes(&policy, "a.png", "image/png", &png_with(b"tEXt", b"Software\0gnome-screenshot"), Kind::Png);
    passes(
        &policy,
        "a.png",
        "image/png",
        &png_with(b"zTXt", &[b"Comment\0\0", &zlib(b"hello")[..]].concat()),
        Kind::Png,
    );
    let profile = [b"icc\0\0", &zlib(&profile)[..]].concat();
    passes(&policy, "a.png", "image/x-png", &png_with(b"iCCP", &profile), Kind::Png);
    let tiff =
        b"II*\0\x08\0\0\0\x02\0\0\x01\x03\0\x01\0\0\0\x40\0\0\0\x01\x01\x03\0\x01\0\0\0\x30\0\0\0\0\0\0\0";
    passes(&policy, "scan.tif", "image/tiff", tiff, Kind::Tiff);
    let boxed = |name: &[u8], content: &[u8]| {
        [&u32::try_from(content.len() + 8).expect("small").to_be_bytes()[..], name, content].concat()
    };
    for (brand, name, declared, kind) in
        [(b"avif", "a.avif", "image/avif", Kind::Avif), (b"heic", "a.HEIC", "image/heic", Kind::Heic)]
    {
        let size = boxed(b"ispe", &[0, 0, 0, 0, 0, 0, 0x0f, 0xc0, 0, 0, 0x0b, 0xd0]);
        let meta = boxed(b"meta", &[&[0; 4], &boxed(b"iprp", &boxed(b"ipco", &size))[..]].concat());
        let head = boxed(b"ftyp", &[&brand[..], b"\0\0\0\0mif1"].concat());
        passes(&policy, name, declared, &[head, meta, boxed(b"mdat", b"pixels")].concat(), kind);
    }
    passes(&policy, "", "", &webp(), Kind::WebP);
    let loose = Policy { extension_required: false, ..Policy::pictures() };
    passes(&loose, "blob", "image/png", &png(), Kind::Png);
}

/// Sentences of an invoice, different for each number.
fn invoice(number: usize) -> String {
    let mut text = format!("Invoice {number}\n");
    for line in 0..number % 40 + 1 {
        let cents = (number * 7919 + line * 104_729) % 100_000;
        let _ = writeln!(text, "Item {line}: {}.{:02} EUR, less than 5 % & more", cents / 100, cents % 100);
    }
    text
}

#[test]
fn a_hundred_pdf_documents_pass() {
    let policy = Policy::documents();
    for number in 0..100 {
        let page: String = invoice(number).lines().map(|line| format!("BT ({line}) Tj ET\n")).collect();
        let title =
            format!("9 0 obj\n<< /Title (HTML/JavaScript course {number}) /Producer (a writer) >>\nendobj\n");
        let catalog =
            if number % 2 == 0 { "/OpenAction [3 0 R /Fit] /Lang (de)" } else { "/PageMode /UseOutlines" };
        passes(
            &policy,
            "Rechnung.pdf",
            "application/pdf",
            &pdf_with(catalog, &title, page.as_bytes()),
            Kind::Pdf,
        );
    }
    let signed = [
        &pdf("")[..],
        b"10 0 obj\n<< /Type /Annot /A << /S /URI /URI (https://a.example) >> >>\nendobj\n%%EOF\n",
    ];
    passes(&policy, "later.pdf", "application/pdf", &signed.concat(), Kind::Pdf);
}

#[test]
fn a_hundred_and_fifty_office_files_pass() {
    let policy = Policy::documents();
    let types = "application/vnd.openxmlformats-officedocument.";
    let picture = jpeg();
    for number in 0..25 {
        let text = invoice(number).replace('&', "&amp;");
        let word = docx(
            &text,
            &[
                ("word/media/image1.jpeg", &picture),
                ("word/printer.bin", b"\x01\x02"),
                ("docProps/app.xml", b"<?xml version=\"1.0\"?><a/>"),
            ],
        );
        passes(&policy, "letter.docx", &format!("{types}wordprocessingml.document"), &word, Kind::Docx);
        let rows: String =
            (0..number * 20).map(|row| format!("<row r=\"{row}\"><c><v>{row}</v></c></row>")).collect();
        let sheet = format!("<?xml version=\"1.0\"?><worksheet>{rows}</worksheet>");
        let link = b"<Relationships><Relationship Type=\"http://x/hyperlink\" Target=\"https://a.example\" TargetMode=\"External\"/></Relationships>";
        let book = xlsx(&sheet, &[("xl/worksheets/_rels/sheet1.xml.rels", link)]);
        passes(&policy, "prices.xlsx", &format!("{types}spreadsheetml.sheet"), &book, Kind::Xlsx);
        passes(&policy, "talk.pptx", "", &pptx(&sheet), Kind::Pptx);
        for (kind, name, expected) in [
            ("text", "a.odt", Kind::Odt),
            ("spreadsheet", "a.ods", Kind::Ods),
            ("presentation", "a.odp", Kind::Odp),
        ] {
            let document = open_document(kind, &sheet, &[("Pictures/1.jpg", &picture)]);
            passes(&policy, name, &format!("application/vnd.oasis.opendocument.{kind}"), &document, expected);
        }
    }
    // A workbook inside a document, as charts have it.
    let chart = docx("chart", &[("word/embeddings/sheet.xlsx", &xlsx("<a/>", &[]))]);
    passes(&policy, "chart.docx", "", &chart, Kind::Docx);
    let sheet = b"\x09\x08\x04\0\0\x06\x05\0\x85\0\x0e\0\0\0\0\0\0\0\x06\0Sheet1";
    passes(&policy, "old.doc", "application/msword", &ole(&[("WordDocument", b"text")]), Kind::Doc);
    passes(&policy, "old.xls", "application/vnd.ms-excel", &ole(&[("Workbook", sheet)]), Kind::Xls);
    passes(&policy, "old.ppt", "", &ole(&[("PowerPoint Document", b"")]), Kind::Ppt);
    passes(
        &policy,
        "a.rtf",
        "text/rtf",
        b"{\\rtf1\\ansi{\\fonttbl\\f0 Arial;}Hello \\{you\\}\\par}\r\n\0",
        Kind::Rtf,
    );
}

#[test]
fn texts_drawings_and_archives_pass() {
    let policy = Policy::any_harmless();
    for number in 0..30 {
        let text = invoice(number);
        passes(&policy, "notes.txt", "text/plain; charset=utf-8", text.as_bytes(), Kind::Text);
        passes(
            &policy,
            "a.zip",
            "application/zip",
            &zip(&[("a.txt", text.as_bytes()), ("b/c.jpg", &jpeg())]),
            Kind::Zip,
        );
    }
    passes(&policy, "a.csv", "application/vnd.ms-excel", b"name;price\r\nM\xfctze;5,00\r\n", Kind::Text);
    let utf16: Vec<u8> = "Name\tPreis\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    passes(&policy, "a.csv", "text/csv", &[&[0xff, 0xfe], &utf16[..]].concat(), Kind::Text);
    passes(&policy, "a.json", "application/json", b"{\"html\":\"<b>bold</b> <script>\"}", Kind::Json);
    passes(&policy, "a.xml", "text/xml", b"<?xml version=\"1.0\"?><feed><item>1</item></feed>", Kind::Xml);
    let logo = b"<?xml version=\"1.0\"?><!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd\">\
                 <svg xmlns=\"http://www.w3.org/2000/svg\"><defs><g id=\"a\"/></defs><use href=\"#a\" fill=\"url(#b)\"/></svg>";
    passes(&policy, "logo.svg", "image/svg+xml", logo, Kind::Svg);
    passes(&policy, "a.tar", "application/x-tar", &tar(&[("a.txt", b"hello")]), Kind::Tar);
    let by_macos = zip(&[
        ("a.txt", b"hello"),
        ("__MACOSX/._a.txt", b"\0\x05\x16\x07\0\x02\0\0"),
        (".DS_Store", b"\0\0\0\x01Bud1\0\0"),
    ]);
    passes(&policy, "a.zip", "application/zip", &by_macos, Kind::Zip);
    let packed = gzip(&tar(&[("a.txt", b"hello"), ("b.png", &png())]));
    passes(&policy, "a.tar.gz", "application/gzip", &packed, Kind::Gzip);
    passes(&policy, "a.mp4", "video/mp4", b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x0bmdatabc", Kind::Mp4);
    passes(&policy, "a.wav", "audio/wav", b"RIFF\x0c\0\0\0WAVEfmt \0\0\0\0", Kind::Wav);
    let book = zip(&[
        ("mimetype", b"application/epub+zip"),
        ("OEBPS/a.xhtml", b"<html xmlns=\"x\"><p>1</p></html>"),
    ]);
    passes(&policy, "a.epub", "application/epub+zip", &book, Kind::Epub);
}

/// Folders in which distributions keep pictures and documents.
const FOLDERS: &[&str] = &[
    "/usr/share/icons",
    "/usr/share/pixmaps",
    "/usr/share/doc",
    "/usr/share/backgrounds",
    "/usr/share/javascript",
    "/usr/lib/python3",
    "/usr/share/perl",
];
/// Files of this machine that are looked at.
const FILES_MAX: usize = 2_000;

#[test]
fn pictures_and_documents_of_this_machine_pass() {
    let mut files = Vec::new();
    for folder in FOLDERS {
        collect(Path::new(folder), 0, &mut files);
    }
    let policy = Policy { extension_required: false, ..Policy::any_harmless() };
    let mut refused = Vec::new();
    for file in &files {
        let bytes = std::fs::read(file).expect("it was listed just now");
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let inspection = inspect(&policy, &name, "", &bytes);
        if !inspection.passes() && !bytes.is_empty() {
            let reasons: Vec<String> = inspection.reasons().iter().map(ToString::to_string).collect();
            refused.push(format!("{}: {}", file.display(), reasons.join(" ")));
        }
    }
    assert!(refused.is_empty(), "{} of {} files: {}", refused.len(), files.len(), refused.join("\n"));
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let is_plain = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_plain
            && ["png", "jpg", "jpeg", "gif", "webp", "pdf", "bmp", "ico"].contains(&extension)
            && files.len() < FILES_MAX
        {
            files.push(path);
        } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) && depth < 8 {
            collect(&path, depth + 1, files);
        }
    }
}
