//! Ordinary files over the wire: all reach the shop, byte for byte.

use gabion_test::client::Wire;
use image::ImageFormat;

use super::files::{canvas, docx, encode, gif, jpeg, open_document, pdf_with, pptx, webp, xlsx, zip};
use super::{FORM, echo, form, front, request, upload};
use crate::front::{Setup, soon};
use crate::waf::rules;

type Ordinary = (&'static str, &'static str, Vec<u8>);

fn pictures() -> Vec<Ordinary> {
    let formats = [
        ("IMG_2026.JPG", "image/jpeg", ImageFormat::Jpeg),
        ("a b.png", "image/png", ImageFormat::Png),
        ("a.gif", "image/gif", ImageFormat::Gif),
        ("a.webp", "image/webp", ImageFormat::WebP),
        ("a.bmp", "image/bmp", ImageFormat::Bmp),
    ];
    let sizes = [(1, 1), (2, 3), (16, 16), (33, 17), (64, 64), (100, 75), (120, 90), (200, 50), (129, 77)];
    let mut all = Vec::new();
    for (number, (width, height)) in sizes.into_iter().enumerate() {
        for seed in 0..6 {
            let picture = canvas(width, height, seed + 6 * u32::try_from(number).unwrap());
            all.extend(formats.map(|(name, declared, format)| (name, declared, encode(&picture, format))));
        }
    }
    all
}

fn documents() -> Vec<Ordinary> {
    let office = "application/vnd.openxmlformats-officedocument.";
    let kinds = ["wordprocessingml.document", "spreadsheetml.sheet", "presentationml.presentation"];
    let [word, sheet, slides] = kinds.map(|kind| &*format!("{office}{kind}").leak());
    let mut all = Vec::new();
    for number in 0..35 {
        let text = format!("Invoice {number}: {} EUR, less than 5 %", number * 7919 % 1000);
        let page = format!("BT ({text}) Tj ET");
        all.push(("Rechnung.pdf", "application/pdf", pdf_with("/Lang (de)", "", page.as_bytes())));
        all.push(("letter.docx", word, docx(&text, &[("word/media/image1.jpeg", &jpeg())])));
        all.push(("prices.xlsx", sheet, xlsx(&format!("<worksheet>{text}</worksheet>"), &[])));
        all.push(("talk.pptx", slides, pptx(&format!("<p>{text}</p>"))));
        all.push(("a.odt", "application/vnd.oasis.opendocument.text", open_document("text", &text, &[])));
        all.push(("notes.txt", "text/plain; charset=utf-8", text.clone().into_bytes()));
        all.push(("a.zip", "application/zip", zip(&[("a.txt", text.as_bytes()), ("b/c.jpg", &jpeg())])));
    }
    all
}

#[tokio::test]
async fn five_hundred_ordinary_files_pass_unchanged() {
    let shop = echo().await;
    let front = front("block", "", &shop);
    let files = [pictures(), documents()].concat();
    assert!(files.len() >= 500, "{}", files.len());
    let mut wire = front.plain().await;
    for (number, (name, declared, content)) in files.iter().enumerate() {
        let sent = upload(name, declared, content);
        let answer = soon(wire.ask(&sent)).await;
        assert_eq!(answer.status, 200, "{number}: {name}");
        assert!(sent.ends_with(&answer.body), "{number}: {name} was changed");
    }
    assert_eq!(front.events.all().len(), 0);
}

#[tokio::test]
async fn pictures_are_written_anew_on_request_and_nothing_else_changes() {
    let shop = echo().await;
    let front = front("block", "rewrite_pictures = true", &shop);
    let comment = b"\xff\xfe\x00\x0ePier 3, door";
    let (plain, moving, text) = (jpeg(), gif(), "notes of an ordinary day\n".repeat(4_000));
    let marked = [&plain[..2], comment, &plain[2..]].concat();
    let files = [
        ("a.jpg", "image/jpeg", &marked[..]),
        ("a.gif", "image/gif", &moving[..]),
        ("b.txt", "text/plain", text.as_bytes()),
        ("b.jpg", "image/jpeg", &marked[..]),
    ];
    let headers = format!("{FORM}Content-MD5: abc\r\n");
    let answer = soon(front.plain().await.ask(request("POST", "/reviews", &headers, &form(&files)))).await;
    assert_eq!(answer.status, 200);
    let anew = gabion_upload::picture::write_anew(gabion_upload::Kind::Jpeg, &plain).unwrap().unwrap();
    let expected =
        form(&[(files[0].0, files[0].1, &anew), files[1], files[2], (files[3].0, files[3].1, &anew)]);
    assert!(answer.body == expected, "{}", String::from_utf8_lossy(&answer.body));
    let seen = shop.only();
    assert_eq!(seen.header("content-length"), expected.len().to_string());
    assert_eq!(seen.header("content-md5"), "");
    assert_eq!(front.events.all().len(), 0);
}

#[tokio::test]
async fn calls_that_carry_no_file_pass_without_a_look() {
    let shop = echo().await;
    let front = front("block", "", &shop);
    let mut wire = front.plain().await;
    for (declared, body) in [
        ("application/x-www-form-urlencoded", "a=%3C%3Fphp&b=2"),
        (
            "application/json",
            r#"{"name":"Mug","text":"A mug of 300 ml, dishwasher-safe, made of stoneware, blue."}"#,
        ),
        ("text/xml", "<order><item>1</item></order>"),
        ("text/plain", "beacon"),
        ("application/grpc-web+proto", "\0\0\0\0\x01a"),
    ] {
        let headers = format!("Content-Type: {declared}\r\n");
        assert_eq!(
            soon(wire.ask(request("POST", "/", &headers, body.as_bytes()))).await.status,
            200,
            "{declared}"
        );
    }
    let inspected = &front.edge.metrics().upload_inspected;
    assert_eq!(inspected.load(std::sync::atomic::Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_body_that_the_waf_held_in_part_is_held_further_and_arrives_unchanged() {
    let shop = echo().await;
    let front = Setup::of(&[&shop]).waf("mode = \"detect\"", &rules()).upload("mode = \"block\"").start();
    // In memory, in a file, and longer than the WAF holds.
    for length in [1_000, 70_000, 3_000_000] {
        let text = "a line of an ordinary text\n".repeat(length / 27);
        let sent = upload("notes.txt", "text/plain", text.as_bytes());
        let mut wire: Wire = front.plain().await;
        let answer = soon(wire.ask(&sent)).await;
        assert!(answer.status == 200 && sent.ends_with(&answer.body), "{length}");
    }
    let pictures = [jpeg(), gif(), webp()];
    let sent = upload("a.jpg", "image/jpeg", &pictures[0]);
    assert_eq!(soon(front.plain().await.ask(sent)).await.status, 200);
    assert_eq!(front.edge.metrics().upload_inspected.load(std::sync::atomic::Ordering::Relaxed), 4);
}
