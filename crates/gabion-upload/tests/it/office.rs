//! Documents and archives that are refused.

use std::time::{Duration, Instant};

use gabion_upload::{Code, Policy};

use crate::files::{docx, gzip, inspect, jpeg, ole, open_document, refused, tar, xlsx, zip};

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const ZIP: &str = "application/zip";

#[test]
fn macros_are_refused_wherever_they_are_kept() {
    refused("a.docx", DOCX, &docx("hello", &[("word/vbaProject.bin", b"x")]), Code::Macros);
    refused("a.xlsx", XLSX, &xlsx("<a/>", &[("xl/macrosheets/sheet1.xml", b"<a/>")]), Code::Macros);
    refused(
        "a.doc",
        "application/msword",
        &ole(&[("WordDocument", b""), ("VBA", b""), ("_VBA_PROJECT", b"")]),
        Code::Macros,
    );
    let sheet = b"\x09\x08\x04\0\0\x06\x05\0\x85\0\x0e\0\0\0\0\0\0\x01\x06\0Macro1";
    refused("a.xls", "application/vnd.ms-excel", &ole(&[("Workbook", sheet)]), Code::Macros);
    let slides = b"\x0f\0\xff\x03\x14\0\0\0\x02\0\0\x04\x0c\0\0\0\x01\0\0\0\x01\0\0\0\x02\0\0\0";
    refused("a.ppt", "application/vnd.ms-powerpoint", &ole(&[("PowerPoint Document", slides)]), Code::Macros);
    let basic = [("Basic/Standard/Module1.xml", &b"<script:module/>"[..])];
    refused(
        "a.odt",
        "application/vnd.oasis.opendocument.text",
        &open_document("text", "<a/>", &basic),
        Code::Macros,
    );
    let types =
        b"<Types><Override ContentType=\"application/vnd.ms-word.document.macroEnabled.main+xml\"/></Types>";
    refused("a.docx", DOCX, &zip(&[("[Content_Types].xml", types)]), Code::Macros);
}

#[test]
fn objects_and_parts_from_elsewhere_are_refused() {
    let packed = ole(&[("\u{1}Ole10Native", b"a.exe")]);
    refused(
        "a.docx",
        DOCX,
        &docx("hello", &[("word/embeddings/oleObject1.bin", &packed)]),
        Code::EmbeddedObject,
    );
    refused("a.docx", DOCX, &docx("hello", &[("word/activeX/activeX1.bin", b"x")]), Code::EmbeddedObject);
    let template = b"<Relationships><Relationship Id=\"a\" Type=\"http://x/attachedTemplate\" Target=\"https://e.example/t.dotm\" TargetMode=\"External\"/></Relationships>";
    refused(
        "a.docx",
        DOCX,
        &docx("hello", &[("word/_rels/settings.xml.rels", template)]),
        Code::RemoteContent,
    );
    refused("a.docx", DOCX, &docx("DDEAUTO c:\\\\windows", &[]), Code::RemoteContent);
    refused("a.docx", DOCX, &docx("hello", &[("word/media/a.exe", b"MZ\x90\0")]), Code::ProgramInside);
    let dropper = ["auto", "open creat", "eobject wscript.sh", "ell"].concat();
    refused("a.doc", "application/msword", &ole(&[("WordDocument", dropper.as_bytes())]), Code::Rule);
    let locked = ole(&[("EncryptedPackage", b"x"), ("EncryptionInfo", b"x")]);
    refused("a.docx", DOCX, &locked, Code::Encrypted);
}

#[test]
fn archives_with_tricks_are_refused() {
    refused("a.zip", ZIP, &zip(&[("../../a.txt", b"x")]), Code::PathInArchive);
    refused("a.zip", ZIP, &zip(&[("C:\\a.txt", b"x")]), Code::PathInArchive);
    refused("a.tar", "application/x-tar", &tar(&[("../a.txt", b"x")]), Code::PathInArchive);
    refused("a.zip", ZIP, &zip(&[("invoice.pdf.exe", b"MZ\x90\0")]), Code::ProgramInside);
    refused("a.zip", ZIP, &zip(&[("a.php", b"x")]), Code::ProgramInside);
    refused("a.zip", ZIP, &zip(&[("a.7z", b"7z\xbc\xaf\x27\x1c\0\x04")]), Code::CannotLookInside);
    refused("a.zip", ZIP, &zip(&[("a.html", b"<!DOCTYPE html>")]), Code::KindNotAllowed);
    let mut locked = zip(&[("a.txt", b"hello")]);
    let central = locked.windows(4).position(|part| part == b"PK\x01\x02").expect("a directory");
    locked[6] |= 1;
    locked[central + 8] |= 1;
    refused("a.zip", ZIP, &locked, Code::Encrypted);
    let policy = Policy { encrypted_allowed: true, ..Policy::any_harmless() };
    assert!(inspect(&policy, "a.zip", ZIP, &locked).passes());
    let mut lying = zip(&[("a.txt", b"hello")]);
    lying[30] = b'b';
    refused("a.zip", ZIP, &lying, Code::Malformed);
    let behind = [&zip(&[("a.txt", b"hello")])[..], b"MZ"].concat();
    refused("a.zip", ZIP, &behind, Code::TrailingBytes);
    let mut link = tar(&[("a.txt", b"")]);
    link[156] = b'2';
    let sum: u32 = link[..512]
        .iter()
        .enumerate()
        .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) })
        .sum();
    link[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    refused("a.tar", "application/x-tar", &link, Code::LinkInArchive);
}

#[test]
fn bombs_are_known_by_what_they_say_and_by_what_they_are() {
    let start = Instant::now();
    let zeros = vec![0; 32 << 20];
    refused("a.zip", ZIP, &zip(&[("a.txt", &zeros)]), Code::RatioTooHigh);
    refused("a.gz", "application/gzip", &gzip(&zeros), Code::RatioTooHigh);
    refused("a.xlsx", XLSX, &xlsx("<a/>", &[("xl/media/a.bmp", &zeros)]), Code::RatioTooHigh);
    let many: Vec<String> = (0..6_000).map(|number| format!("{number}.txt")).collect();
    let entries: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b""[..])).collect();
    refused("a.zip", ZIP, &zip(&entries), Code::TooManyEntries);
    let deep = (0..6).fold(zip(&[("a.txt", b"x")]), |inner, _| zip(&[("a.zip", &inner)]));
    refused("a.zip", ZIP, &deep, Code::TooDeep);
    let noise: Vec<u8> =
        (0..9_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0] | 0x20).collect();
    let mut policy = Policy::any_harmless();
    policy.archive.unpacked_bytes_max = 8_000_000;
    let inspection = inspect(&policy, "a.zip", ZIP, &zip(&[("a.bin", &noise)]));
    assert!(inspection.reasons().iter().any(|reason| reason.code == Code::UnpacksTooLarge));
    // Many entries that share one body: the way to petabytes.
    let single = zip(&[("a.txt", b"hello hello hello")]);
    refused("a.zip", ZIP, &sharing(&single, 40), Code::Malformed);
    assert!(start.elapsed() < Duration::from_secs(120));
}

/// The archive with so many directory entries for its one body.
fn sharing(single: &[u8], count: u16) -> Vec<u8> {
    let central = single.windows(4).position(|part| part == b"PK\x01\x02").expect("a directory");
    let end = single.len() - 22;
    let directory = single[central..end].repeat(count.into());
    let mut record = single[end..].to_vec();
    record[8..10].copy_from_slice(&count.to_le_bytes());
    record[10..12].copy_from_slice(&count.to_le_bytes());
    record[12..16].copy_from_slice(&u32::try_from(directory.len()).expect("small").to_le_bytes());
    [&single[..central], &directory, &record].concat()
}

#[test]
fn what_is_found_inside_says_where() {
    let inner = zip(&[("b.jpg", &[jpeg(), b"x".to_vec()].concat())]);
    let inspection = inspect(&Policy::any_harmless(), "a.zip", ZIP, &zip(&[("inner.zip", &inner)]));
    let reason = &inspection.reasons()[0];
    assert_eq!(
        (reason.code, &reason.inside[..]),
        (Code::TrailingBytes, &["inner.zip".to_owned(), "b.jpg".to_owned()][..])
    );
    assert_eq!(
        reason.to_string(),
        "Something is hidden behind the end of the file. (1 bytes behind the end, in inner.zip > b.jpg)"
    );
    assert_eq!(inspection.facts.entries, 2);
}
