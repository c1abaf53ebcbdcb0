//! Bad files over the wire, in each of the ways that files come in. None reaches the shop.

use data_encoding::BASE64;
use gabion_test::Shop;

use super::files::{
    docx, gif, gzip, jpeg, jpeg_with, ole, open_document, pdf, png, png_with, tar, webp, xlsx, zip, zlib,
};
use super::{FORM, Memory, PROGRAM, echo, form, front, request, shell, upload};
use crate::front::{Front, Setup, entity, field, soon};

type Bad = (&'static str, &'static str, Vec<u8>);

fn with(before: Vec<u8>, behind: &[u8]) -> Vec<u8> {
    [&before[..], behind].concat()
}

fn svg(inside: &str) -> Vec<u8> {
    format!("<svg xmlns=\"http://www.w3.org/2000/svg\">{inside}</svg>").into_bytes()
}

fn eicar() -> Vec<u8> {
    ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!", "$H+H*"].concat().into_bytes()
}

fn pictures() -> Vec<Bad> {
    let packed = with(b"Comment\0\0".to_vec(), &zlib(&shell()));
    let jar = zip(&[("META-INF/MANIFEST.MF", b"Main-Class: A"), ("A.txt", b"class")]);
    let phar = with(with(jpeg(), b"__HALT_COMP"), b"ILER(); ?>");
    let mut bomb = gif();
    bomb[6..10].fill(0xff);
    let mut bad = vec![
        ("a.jpg", "image/jpeg", jpeg_with(0xfe, &shell())),
        ("a.png", "image/png", png_with(b"tEXt", &with(b"Comment\0".to_vec(), &shell()))),
        ("a.png", "image/png", png_with(b"zTXt", &packed)),
        ("a.png", "image/png", png_with(b"tEXt", b"Comment\0<script>alert(1)</script>")),
        ("a.gif", "image/gif", with(gif(), &jar)),
        ("a.jpg", "image/jpeg", phar),
        ("a.gif", "image/gif", bomb),
        ("a.jpg", "image/jpeg", jpeg()[..100].to_vec()),
        ("a.png", "image/jpeg", png()),
        ("a.png", "image/png", jpeg()),
        ("a.gif", "image/gif", b"GIF89a/*".to_vec()),
    ];
    for (name, declared, picture) in [
        ("a.jpg", "image/jpeg", jpeg()),
        ("a.png", "image/png", png()),
        ("a.gif", "image/gif", gif()),
        ("a.webp", "image/webp", webp()),
    ] {
        bad.push((name, declared, with(picture.clone(), &shell())));
        bad.push((name, declared, with(picture, b"anything at all")));
    }
    bad
}

fn names() -> Vec<Bad> {
    let names = [
        "shell.php",
        "shell.php.jpg",
        "shell.pHtml",
        "shell.phar",
        "shell.asp;.jpg",
        "shell.jsp",
        "shell.php%00.jpg",
        "shell.php.",
        "a.php::$DATA",
        ".htaccess",
        ".user.ini",
        "web.config",
        "../a.jpg",
        "C:\\a.jpg",
        "photo\u{202e}gpj.jpg",
        "a",
        "aux.jpg",
    ];
    names.into_iter().map(|name| (name, "image/jpeg", jpeg())).collect()
}

fn documents() -> Vec<Bad> {
    let word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    let sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    let basic = [("Basic/Standard/Module1.xml", &b"<script:module/>"[..])];
    let macros = ole(&[("WordDocument", b""), ("VBA", b""), ("_VBA_PROJECT", b"")]);
    vec![
        ("a.pdf", "application/pdf", pdf("/OpenAction << /S /JavaScript /JS (app.alert(1)) >>")),
        ("a.pdf", "application/pdf", pdf("/OpenAction << /S /Launch /F (cmd.exe) >>")),
        ("a.pdf", "application/pdf", pdf("/Names << /EmbeddedFiles 9 0 R >>")),
        ("a.pdf", "application/pdf", with(pdf(""), b"MZ and a program")),
        ("a.docx", word, docx("hello", &[("word/vbaProject.bin", b"x")])),
        ("a.docx", word, docx("hello", &[("word/activeX/activeX1.bin", b"x")])),
        ("a.docx", word, docx("DDEAUTO c:\\\\windows", &[])),
        ("a.xlsx", sheet, xlsx("<a/>", &[("xl/macrosheets/sheet1.xml", b"<a/>")])),
        ("a.doc", "application/msword", macros),
        ("a.odt", "application/vnd.oasis.opendocument.text", open_document("text", "<a/>", &basic)),
        ("a.rtf", "application/rtf", b"{\\rtf1{\\object\\objemb{\\*\\objdata 0105}}}".to_vec()),
    ]
}

fn drawings_and_texts() -> Vec<Bad> {
    vec![
        ("a.svg", "image/svg+xml", svg("<script>alert(1)</script>")),
        ("a.svg", "image/svg+xml", svg("<g onload=\"alert(1)\"/>")),
        ("a.svg", "image/svg+xml", svg("<foreignObject><body/></foreignObject>")),
        ("a.svg", "image/svg+xml", svg("<use href=\"https://e.example/x#a\"/>")),
        ("a.svg", "image/svg+xml", svg("<a href=\"java&#x73;cript:a()\">x</a>")),
        ("a.xml", "text/xml", b"<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>".to_vec()),
        ("a.txt", "text/plain", eicar()),
        ("a.txt", "text/plain", with(b"hello ".to_vec(), &shell())),
        ("a.csv", "text/csv", b"a,b\n<script>alert(1)</script>,2\n".to_vec()),
        ("a.html", "text/html", b"<!DOCTYPE html><p>hello".to_vec()),
    ]
}

fn archives_and_programs() -> Vec<Bad> {
    let packed = "application/zip";
    let deep = (0..6).fold(zip(&[("a.txt", b"x")]), |inner, _| zip(&[("a.zip", &inner)]));
    vec![
        ("a.zip", packed, zip(&[("eicar.txt", &eicar())])),
        ("a.zip", packed, zip(&[("../../a.txt", b"x")])),
        ("a.zip", packed, zip(&[("invoice.pdf.exe", PROGRAM)])),
        ("a.zip", packed, zip(&[("a.php", b"x")])),
        ("a.zip", packed, zip(&[("a.txt", &vec![0; 16 << 20])])),
        ("a.zip", packed, deep),
        ("a.tar", "application/x-tar", tar(&[("../a.txt", b"x")])),
        ("a.gz", "application/gzip", gzip(&vec![0; 16 << 20])),
        ("a.7z", "application/octet-stream", b"7z\xbc\xaf\x27\x1c\0\x04".to_vec()),
        ("a.rar", "application/octet-stream", b"Rar!\x1a\x07\x01\0".to_vec()),
        ("a.exe", "application/octet-stream", PROGRAM.to_vec()),
        ("a.elf", "application/octet-stream", b"\x7fELF\x02\x01\x01".to_vec()),
        ("a.sh", "text/plain", b"#!/bin/sh\nid\n".to_vec()),
        ("a.txt", "text/plain", Vec::new()),
    ]
}

fn all() -> Vec<Bad> {
    [pictures(), names(), documents(), drawings_and_texts(), archives_and_programs()].concat()
}

async fn answer(front: &Front, request: Vec<u8>) -> u16 {
    let mut wire = front.plain().await;
    // The answer may come before all was sent.
    let _ = wire.try_send(request).await;
    soon(wire.response()).await.unwrap().status
}

#[track_caller]
fn untouched(shop: &Shop) {
    assert_eq!(shop.requests(), 0, "something came through: {:?}", shop.seen().last());
}

#[tokio::test]
async fn seventy_bad_files_are_refused_in_a_form() {
    let shop = echo().await;
    let quarantine = std::sync::Arc::new(Memory::default());
    let front = Setup::of(&[&shop]).upload("mode = \"block\"").quarantine(&quarantine).start();
    let bad = all();
    assert!(bad.len() >= 70, "{}", bad.len());
    for (number, (name, declared, content)) in bad.iter().enumerate() {
        let status = answer(&front, upload(name, declared, content)).await;
        assert_eq!(status, 403, "{number}: {name}, {declared}");
    }
    untouched(&shop);
    let refused = front.events.all().iter().filter(|event| event.kind == "upload.refused").count();
    assert_eq!((refused, quarantine.all().len()), (bad.len(), bad.len()));
    for ((facts, kept), (.., content)) in quarantine.all().iter().zip(&bad) {
        assert!(kept == content && !facts.reasons.is_empty(), "{}", facts.name);
    }
}

#[tokio::test]
async fn a_bad_file_is_refused_beside_good_ones_wherever_it_stands() {
    let shop = echo().await;
    let front = front("block", "", &shop);
    let (good, bad) = (jpeg(), with(png(), &shell()));
    for place in 0..3 {
        let mut files = vec![("a.jpg", "image/jpeg", &good[..]); 3];
        files[place] = ("b.png", "image/png", &bad[..]);
        assert_eq!(answer(&front, request("POST", "/", FORM, &form(&files))).await, 403, "{place}");
    }
    untouched(&shop);
}

#[tokio::test]
async fn bodies_that_are_files_are_refused() {
    let shop = echo().await;
    let front = front("block", "", &shop);
    let bad = with(png(), &shell());
    for (method, path, headers) in [
        ("POST", "/upload", "Content-Type: image/png\r\n"),
        ("PUT", "/files/a.png", "Content-Type: image/png\r\n"),
        ("POST", "/upload", "Content-Type: application/octet-stream\r\n"),
        ("POST", "/upload", ""),
        ("PATCH", "/upload", "Content-Type: application/x-whatever\r\n"),
        ("POST", "/upload", "Content-Type: multipart/mixed; boundary=x\r\n"),
    ] {
        assert_eq!(answer(&front, request(method, path, headers, &bad)).await, 403, "{method} {headers}");
    }
    let good = "Content-Type: image/png\r\n";
    let text = "Content-Type: text/plain\r\n";
    assert_eq!(answer(&front, request("PUT", "/files/a.php", text, &shell())).await, 403);
    let disposed = format!("{good}Content-Disposition: attachment; filename=\"a.php\"\r\n");
    assert_eq!(answer(&front, request("POST", "/files", &disposed, &png())).await, 403);
    untouched(&shop);
    assert_eq!(answer(&front, request("PUT", "/files/a.png", good, &png())).await, 200);
    // Calls of an old interface.
    assert_eq!(answer(&front, request("PUT", "/api.php", text, b"a=1&b=2")).await, 200);
    assert_eq!(answer(&front, request("PUT", "/upload.php", good, &png())).await, 200);
}

/// The request by which holes in Magento were used in 2026.
fn poly_shell(name: &str, file: &[u8]) -> Vec<u8> {
    let data = BASE64.encode(file);
    let body = format!(
        r#"{{"cartItem":{{"sku":"a","qty":1,"product_option":{{"extension_attributes":{{"custom_options":[{{
           "option_id":"1","option_value":"file","extension_attributes":{{"file_info":{{
           "base64_encoded_data":"{data}","type":"image/png","name":"{name}"}}}}}}]}}}}}}}}"#
    );
    let path = "/rest/default/V1/guest-carts/1/items";
    request("POST", path, "Content-Type: application/json\r\n", body.as_bytes())
}

#[tokio::test]
async fn files_in_json_are_refused_and_kept_decoded() {
    let shop = echo().await;
    let quarantine = std::sync::Arc::new(Memory::default());
    let front = Setup::of(&[&shop]).upload("mode = \"certain\"").quarantine(&quarantine).start();
    let bad = with(b"GIF89a".to_vec(), &shell());
    assert_eq!(answer(&front, poly_shell("a.png", &bad)).await, 403);
    assert_eq!(answer(&front, poly_shell("a.php", &png())).await, 403);
    // Under the type that curl sends, which many programs do not look at.
    let data = BASE64.encode(&bad);
    let body = format!("{{\"name\":\"a.gif\",\"content\":\"{data}\"}}");
    for declared in ["application/x-www-form-urlencoded", "text/plain"] {
        let request = request("POST", "/", &format!("Content-Type: {declared}\r\n"), body.as_bytes());
        assert_eq!(answer(&front, request).await, 403, "{declared}");
    }
    untouched(&shop);
    assert_eq!(quarantine.all()[0].1, bad);
    assert_eq!(answer(&front, poly_shell("a.png", &png())).await, 200);
}

#[tokio::test]
async fn what_no_reader_reads_alike_is_refused() {
    let shop = echo().await;
    let front = front("block", "", &shop);
    let whole = form(&[("a.txt", "text/plain", b"a text that is long enough to be cut")]);
    let json = "Content-Type: application/json\r\n";
    for (headers, body) in [
        (FORM, &whole[..whole.len() - 20]),
        ("Content-Type: multipart/form-data\r\n", &whole[..]),
        ("Content-Type: multipart/form-data; boundary=other\r\n", &whole[..]),
        (json, b"{\"a\":"),
        (json, "[".repeat(200).as_bytes()),
    ] {
        assert_eq!(answer(&front, request("POST", "/", headers, body)).await, 413, "{headers}");
    }
    untouched(&shop);
}

#[tokio::test]
async fn the_customer_gets_a_calm_page_with_the_reference_of_the_event() {
    let shop = echo().await;
    let front = front("block", "", &shop);
    let mut wire = front.plain().await;
    wire.send(upload("a.exe", "application/octet-stream", PROGRAM)).await;
    let answer = soon(wire.response()).await.unwrap();
    assert_eq!((answer.status, answer.header("connection")), (403, "close"));
    assert!(answer.text().contains("Tidewater Tea does not take this file"), "{}", answer.text());
    let event = front.events.first("upload.refused").await;
    assert!(answer.text().contains(&entity(&event, "request")));
    assert_eq!(field(&event, "kind"), "Windows program");
    assert_eq!(field(&event, "kept"), "false");
}
