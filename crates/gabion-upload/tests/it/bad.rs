//! Bad files, each refused with the reason that fits. Shells and the EICAR file are put together while the test runs.

use gabion_upload::{Code, Kind, Policy};

use crate::files::{
    gif, gzip, inspect, jpeg, jpeg_with, pdf, pdf_with, png, png_with, refused, tar, webp, zip, zlib,
};

/// PHP that runs what a request says.
fn shell() -> Vec<u8> {
    ["<", "?php sys", "tem($_GET['c']); ?>"].concat().into_bytes()
}

fn short_shell() -> Vec<u8> {
    ["<", "?=`$_", "GET[0]`?>"].concat().into_bytes()
}

fn with(before: Vec<u8>, behind: &[u8]) -> Vec<u8> {
    [&before[..], behind].concat()
}

#[test]
fn the_test_file_of_all_scanners_is_found() {
    let eicar = ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!", "$H+H*"].concat();
    refused("eicar.txt", "text/plain", eicar.as_bytes(), Code::Rule);
    refused("a.zip", "application/zip", &zip(&[("eicar.txt", eicar.as_bytes())]), Code::Rule);
    let twice = zip(&[("a.zip", &zip(&[("eicar.txt", eicar.as_bytes())]))]);
    refused("b.zip", "application/zip", &twice, Code::Rule);
    refused("a.txt.gz", "application/gzip", &gzip(eicar.as_bytes()), Code::Rule);
    refused("a.tar", "application/x-tar", &tar(&[("eicar.txt", eicar.as_bytes())]), Code::Rule);
}

#[test]
fn code_behind_and_inside_pictures_is_found() {
    for (name, declared, picture) in [
        ("a.jpg", "image/jpeg", jpeg()),
        ("a.png", "image/png", png()),
        ("a.gif", "image/gif", gif()),
        ("a.webp", "image/webp", webp()),
    ] {
        refused(name, declared, &with(picture.clone(), &shell()), Code::ServerCode);
        refused(name, declared, &with(picture.clone(), &short_shell()), Code::ServerCode);
        refused(name, declared, &with(picture.clone(), &shell()), Code::TrailingBytes);
        refused(name, declared, &with(picture, b"anything at all"), Code::TrailingBytes);
    }
    refused("a.jpg", "image/jpeg", &jpeg_with(0xfe, &shell()), Code::ServerCode);
    let exif = [b"Exif\0\0MM\0*\0\0\0\x08", &shell()[..]].concat();
    refused("a.jpg", "image/jpeg", &jpeg_with(0xe1, &exif), Code::ServerCode);
    refused(
        "a.png",
        "image/png",
        &png_with(b"tEXt", &with(b"Comment\0".to_vec(), &shell())),
        Code::ServerCode,
    );
    let packed = with(b"Comment\0\0".to_vec(), &zlib(&shell()));
    refused("a.png", "image/png", &png_with(b"zTXt", &packed), Code::ServerCode);
    let packed = with(b"Comment\0\x01\0en\0Comment\0".to_vec(), &zlib(&shell()));
    refused("a.png", "image/png", &png_with(b"iTXt", &packed), Code::ServerCode);
    let mut commented = gif();
    let end = commented.len() - 1;
    let comment = [&b"!\xfe"[..], &[u8::try_from(shell().len()).expect("short")], &shell(), b"\0"].concat();
    commented.splice(end..end, comment);
    refused("a.gif", "image/gif", &commented, Code::ServerCode);
    // Without a tag of its own, for a server that runs it by another way.
    let include = ["ev", "al($_", "POST['x']);"].concat();
    refused("a.jpg", "image/jpeg", &jpeg_with(0xfe, include.as_bytes()), Code::Rule);
    let html = "<script>fetch('//e.example')</script>";
    refused(
        "a.png",
        "image/png",
        &png_with(b"tEXt", format!("Comment\0{html}").as_bytes()),
        Code::MarkupInside,
    );
}

#[test]
fn files_of_two_kinds_are_found() {
    let jar = zip(&[("META-INF/MANIFEST.MF", b"Main-Class: A"), ("A.txt", b"class")]);
    refused("a.gif", "image/gif", &with(gif(), &jar), Code::Polyglot);
    refused("a.jpg", "image/jpeg", &with(jpeg(), &jar), Code::Polyglot);
    refused("a.pdf", "application/pdf", &with(pdf(""), &jar), Code::Polyglot);
    refused("a.pdf", "application/pdf", &with(b"<html><body>".to_vec(), &pdf("")), Code::Polyglot);
    refused("a.pdf", "application/pdf", &with(pdf(""), b"MZ and a program"), Code::TrailingBytes);
    refused("a.jpg", "image/jpeg", &jpeg_with(0xfe, b"%PDF-1.7 1 0 obj"), Code::Polyglot);
    refused("a.gif", "image/gif", b"GIF89a\x2f\x2a\0\0\0\0\0*/=1;alert(1)//;", Code::Malformed);
    let bmp = b"BM\x2f\x2a\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0*/=1;alert(1)".to_vec();
    refused("a.bmp", "image/bmp", &bmp, Code::Malformed);
    let phar = with(with(jpeg(), b"__HALT_COMP"), b"ILER(); ?>");
    refused("a.jpg", "image/jpeg", &phar, Code::ServerCode);
}

#[test]
fn pictures_that_are_cut_wrong_or_too_large_are_refused() {
    let whole = jpeg();
    refused("a.jpg", "image/jpeg", &whole[..whole.len() - 2], Code::Malformed);
    let mut wrong = png();
    wrong[60] ^= 0xff;
    refused("a.png", "image/png", &wrong, Code::Malformed);
    // A header of 60,000 by 60,000 pixels, with its checksum.
    let mut bomb = png();
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let crc = crate::files::crc(&bomb[12..29]).to_be_bytes();
    bomb[29..33].copy_from_slice(&crc);
    refused("a.png", "image/png", &bomb, Code::TooManyPixels);
    let mut bomb = gif();
    bomb[6..10].fill(0xff);
    refused("a.gif", "image/gif", &bomb, Code::TooManyPixels);
    let profile = with(b"icc\0\0".to_vec(), &zlib(&vec![0; 8 << 20]));
    refused("a.png", "image/png", &png_with(b"iCCP", &profile), Code::Malformed);
}

#[test]
fn drawings_that_do_something_are_refused() {
    let svg = |inside: &str| format!("<svg xmlns=\"http://www.w3.org/2000/svg\">{inside}</svg>").into_bytes();
    refused("a.svg", "image/svg+xml", &svg("<script>alert(1)</script>"), Code::Script);
    refused("a.svg", "image/svg+xml", b"<svg onload=\"alert(1)\"/>", Code::EventHandler);
    refused("a.svg", "image/svg+xml", &svg("<foreignObject><body/></foreignObject>"), Code::ForeignObject);
    refused("a.svg", "image/svg+xml", &svg("<use href=\"https://e.example/x#a\"/>"), Code::ExternalReference);
    refused("a.svg", "image/svg+xml", &svg("<a href=\"java&#x73;cript:a()\">x</a>"), Code::Script);
    refused(
        "a.svg",
        "image/svg+xml",
        b"<!DOCTYPE svg [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><svg>&a;</svg>",
        Code::Entity,
    );
    let utf16: Vec<u8> =
        "<svg><script>alert(1)</script></svg>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    refused("a.svg", "image/svg+xml", &with(vec![0xff, 0xfe], &utf16), Code::Script);
    let phishing = svg("<path d=\"\"/><![CDATA[window.location.href = atob('aGk=')]]>");
    refused("a.svg", "image/svg+xml", &phishing, Code::Rule);
    refused(
        "a.xml",
        "text/xml",
        b"<?xml version=\"1.0\"?><?xml-stylesheet href=\"a\"?><a/>",
        Code::ExternalReference,
    );
    refused(
        "a.xml",
        "text/xml",
        b"<doc xmlns:h=\"http://www.w3.org/1999/xhtml\"><h:script/></doc>",
        Code::Script,
    );
}

#[test]
fn documents_that_act_are_refused() {
    let action = "/OpenAction << /S /JavaScript /JS (app.alert(1)) >>";
    refused("a.pdf", "application/pdf", &pdf(action), Code::PdfScript);
    refused(
        "a.pdf",
        "application/pdf",
        &pdf("/OpenAction << /S /Java#53cript /JS 9 0 R >>"),
        Code::PdfScript,
    );
    refused("a.pdf", "application/pdf", &pdf("/OpenAction << /S /Launch /F (cmd.exe) >>"), Code::PdfLaunch);
    refused("a.pdf", "application/pdf", &pdf("/Names << /EmbeddedFiles 9 0 R >>"), Code::PdfAttachment);
    let whole = pdf("");
    refused("a.pdf", "application/pdf", &whole[..whole.len() - 7], Code::Malformed);
    let hidden = "9 0 obj\n<< /Type /ObjStm /Filter /FlateDecode >>\nstream\n";
    let mut bytes = pdf_with("", hidden, b"");
    let at = bytes.windows(hidden.len()).position(|part| part == hidden.as_bytes()).expect("it is there");
    let packed = with(zlib(b"10 0 << /S /JavaScript /JS (a) >>"), b"\nendstream\nendobj\n");
    bytes.splice(at + hidden.len()..at + hidden.len(), packed);
    refused("a.pdf", "application/pdf", &bytes, Code::PdfScript);
    let rtf = b"{\\rtf1{\\object\\objemb{\\*\\objdata 0105}}}";
    refused("a.rtf", "application/rtf", rtf, Code::EmbeddedObject);
    refused("a.rtf", "application/rtf", b"{\\rtf1 hello} and more", Code::TrailingBytes);
}

#[test]
fn names_and_types_that_lie_are_refused() {
    refused("shell.php.jpg", "image/jpeg", &jpeg(), Code::NameRuns);
    refused("shell.jpg.php", "image/jpeg", &jpeg(), Code::NameRuns);
    refused("shell.php\0.jpg", "image/jpeg", &jpeg(), Code::NameHasControls);
    refused("photo\u{202e}gpj.png", "image/png", &png(), Code::NameHasDirection);
    refused("../a.jpg", "image/jpeg", &jpeg(), Code::NameHasPath);
    refused("a.jpg.", "image/jpeg", &jpeg(), Code::NameEnds);
    refused(".htaccess", "text/plain", b"AddType application/x-httpd-php .jpg", Code::NameReserved);
    refused("notes.txt", "text/plain", b"AddType application/x-httpd-php .jpg", Code::Rule);
    refused("a.png", "image/png", &jpeg(), Code::ExtensionDisagrees);
    refused("a.jpg", "image/png", &jpeg(), Code::TypeDisagrees);
    refused("a", "image/jpeg", &jpeg(), Code::ExtensionMissing);
    refused("a.txt", "text/plain", &jpeg(), Code::ExtensionDisagrees);
    refused("a.pdf", "application/pdf", b"MZ\x90\0\x03\0\0\0", Code::ExtensionDisagrees);
}

#[test]
fn programs_and_pages_are_of_no_allowed_kind() {
    for (bytes, kind) in [
        (shell(), Kind::Php),
        (b"<%@ Page Language=\"C#\" %>".to_vec(), Kind::ServerPage),
        (b"\x7fELF\x02\x01\x01".to_vec(), Kind::Elf),
        (b"MZ\x90\0\x03\0\0\0".to_vec(), Kind::WindowsProgram),
        (b"\xcf\xfa\xed\xfe\x07\0\0\x01".to_vec(), Kind::MachO),
        (b"\xca\xfe\xba\xbe\0\0\0\x34".to_vec(), Kind::JavaClass),
        (b"\0asm\x01\0\0\0".to_vec(), Kind::WebAssembly),
        (b"#!/bin/sh\nid\n".to_vec(), Kind::ShellScript),
        (b"<!DOCTYPE html><p>hello".to_vec(), Kind::Html),
        (b"%!PS-Adobe\n(r) file".to_vec(), Kind::PostScript),
        (b"push graphic-context\nfill 'url(https://e.example/|id)'".to_vec(), Kind::MagickScript),
        (zip(&[("META-INF/MANIFEST.MF", b"Main-Class: A")]), Kind::JavaArchive),
        (b"7z\xbc\xaf\x27\x1c\0\x04".to_vec(), Kind::SevenZip),
        (b"Rar!\x1a\x07\x01\0".to_vec(), Kind::Rar),
        (b"\x01\x02\x03\x04".to_vec(), Kind::Unknown),
        (Vec::new(), Kind::Empty),
    ] {
        refused("", "", &bytes, Code::KindNotAllowed);
        assert_eq!(inspect(&Policy::any_harmless(), "", "", &bytes).facts.kind, Some(kind));
    }
}

#[test]
fn texts_with_code_are_refused() {
    let asp = ["<", "% ev", "al(request(\"c\")) %>"].concat();
    refused("a.txt", "text/plain", with(b"hello\n".to_vec(), asp.as_bytes()).as_slice(), Code::ServerCode);
    let jsp = ["x <", "% Runtime.getRuntime().ex", "ec(request.getParameter(\"c\")); %>"].concat();
    refused("a.txt", "text/plain", jsp.as_bytes(), Code::Rule);
    let packed = ["x ev", "al(gzinflate(base64_dec", "ode('AAAA')));"].concat();
    refused("a.txt", "text/plain", packed.as_bytes(), Code::Rule);
    refused("a.csv", "text/csv", b"a,b\n<script>alert(1)</script>,2\n", Code::MarkupInside);
    let smuggled =
        "<svg><g>var a = new Blob([new Uint8Array(1)]); l.download = 'x'; URL.createObjectURL(a)</g></svg>";
    refused("a.svg", "image/svg+xml", smuggled.as_bytes(), Code::Rule);
    refused(
        "a.json",
        "application/json",
        format!("{{\"a\":\"{}\"}}", ["<", "?php phpinfo(); ?>"].concat()).as_bytes(),
        Code::ServerCode,
    );
}

#[test]
fn limits_of_the_policy_hold() {
    let policy = Policy { bytes_max: 100, ..Policy::pictures() };
    let inspection = inspect(&policy, "a.jpg", "image/jpeg", &jpeg());
    assert_eq!(inspection.reasons().iter().map(|reason| reason.code).collect::<Vec<_>>(), [Code::TooLarge]);
    assert_eq!(inspection.facts.kind, None);
    let inspection = inspect(&Policy::pictures(), "a.svg", "image/svg+xml", b"<svg/>");
    assert_eq!(inspection.reasons()[0].code, Code::KindNotAllowed);
}

#[test]
fn facts_say_what_a_page_may_show() {
    let bytes = with(png(), b"hidden");
    let facts = inspect(&Policy::pictures(), "a\u{202e}.png", "image/png", &bytes).facts;
    assert_eq!(facts.kind, Some(Kind::Png));
    assert_eq!(facts.name, "a\u{fffd}.png");
    assert_eq!((facts.bytes, facts.trailing_bytes), (bytes.len(), 6));
    assert_eq!(facts.picture.map(|picture| (picture.width, picture.height)), Some((40, 30)));
    let empty = inspect(&Policy::pictures(), "", "", b"").facts;
    let digest: String = empty.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
