//! What a mode stops, route by route, and what becomes of what cannot be looked at.

use std::sync::atomic::Ordering;

use gabion_edge::Module;
use gabion_test::Shop;

use super::files::{jpeg, png};
use super::{FORM, PROGRAM, echo, form, front, request, shell_in_a_picture, upload};
use crate::front::{Front, Setup, field, soon};

async fn ask(front: &Front, request: Vec<u8>) -> u16 {
    let mut wire = front.plain().await;
    let _ = wire.try_send(request).await;
    soon(wire.response()).await.unwrap().status
}

async fn certain(front: &Front) -> u16 {
    ask(front, upload("a.gif", "image/gif", &shell_in_a_picture())).await
}

async fn uncertain(front: &Front) -> u16 {
    ask(front, upload("a.exe", "application/octet-stream", PROGRAM)).await
}

#[tokio::test]
async fn each_mode_stops_what_it_says() {
    for (mode, expected) in
        [("off", (200, 200)), ("detect", (200, 200)), ("certain", (403, 200)), ("block", (403, 403))]
    {
        let shop = echo().await;
        let front = front(mode, "", &shop);
        assert_eq!((certain(&front).await, uncertain(&front).await), expected, "{mode}");
        let metrics = front.edge.metrics();
        let counts =
            [&metrics.upload_refused, &metrics.upload_flagged].map(|count| count.load(Ordering::Relaxed));
        let events = |kind: &str| front.events.all().iter().filter(|event| event.kind == kind).count() as u64;
        assert_eq!(counts, [events("upload.refused"), events("upload.flagged")], "{mode}");
        let told: u64 = counts.iter().sum();
        assert_eq!(told, if mode == "off" { 0 } else { 2 }, "{mode}");
    }
}

#[tokio::test]
async fn a_route_has_its_own_mode_kinds_and_sizes() {
    let shop = echo().await;
    let front = Setup::of(&[&shop])
        .upload("mode = \"block\"\nallow = [\"pictures\"]")
        .more("[[route]]\npath = \"/admin\"\nupstream = \"shop\"\nupload_allow = [\"any-harmless\"]\nupload_file_bytes_max = 100")
        .more("[[route]]\npath = \"/raw\"\nupstream = \"shop\"\nupload = \"off\"")
        .start();
    let put =
        |path: &str, name: &str, content: &[u8]| request("POST", path, FORM, &form(&[(name, "", content)]));
    assert_eq!(ask(&front, put("/", "a.jpg", &jpeg())).await, 200);
    assert_eq!(ask(&front, put("/", "a.txt", b"hello")).await, 403);
    assert_eq!(ask(&front, put("/admin", "a.txt", b"hello")).await, 200);
    assert_eq!(ask(&front, put("/admin", "a.txt", &[b'a'; 101])).await, 403);
    assert_eq!(ask(&front, put("/raw", "a.exe", PROGRAM)).await, 200);
}

#[tokio::test]
async fn a_reload_changes_the_mode_in_place_and_a_bypass_turns_it_off() {
    let shop = echo().await;
    let setup = |mode: &str| Setup::of(&[&shop]).upload(&format!("mode = \"{mode}\""));
    let front = setup("detect").start();
    assert_eq!(certain(&front).await, 200);
    front.edge.reload(setup("block").config()).unwrap();
    assert_eq!(certain(&front).await, 403);
    front.edge.set_bypass([Module::Uploads].into());
    assert_eq!(certain(&front).await, 200);
}

async fn above_the_limit(over_limit: &str, mode: &str) -> (u16, String, Shop) {
    let shop = echo().await;
    let front = front(mode, &format!("body_bytes_max = 100000\nover_limit = \"{over_limit}\""), &shop);
    let large = vec![b'a'; 300_000];
    let files = [("a.png", "image/png", &png()[..]), ("a.txt", "text/plain", &large[..])];
    let status = ask(&front, request("POST", "/", FORM, &form(&files))).await;
    let event = front.events.first("upload.partial").await;
    assert_eq!(field(&event, "what"), "body_bytes");
    (status, field(&event, "refused"), shop)
}

#[tokio::test]
async fn what_is_longer_than_is_held_is_refused_or_passes_as_the_route_says() {
    let (status, refused, shop) = above_the_limit("refuse", "block").await;
    assert_eq!((status, refused.as_str(), shop.requests()), (413, "true", 0));
    let (status, refused, shop) = above_the_limit("partial", "block").await;
    assert_eq!((status, refused.as_str(), shop.requests()), (200, "false", 1));
    let (status, refused, _) = above_the_limit("refuse", "certain").await;
    assert_eq!((status, refused.as_str()), (200, "false"));
}

#[tokio::test]
async fn of_a_body_that_is_too_long_the_files_that_are_held_count() {
    let shop = echo().await;
    let front = front("certain", "body_bytes_max = 100000\nover_limit = \"partial\"", &shop);
    let large = vec![b'a'; 300_000];
    let bad = shell_in_a_picture();
    let files = [("a.gif", "image/gif", &bad[..]), ("a.txt", "text/plain", &large[..])];
    assert_eq!(ask(&front, request("POST", "/", FORM, &form(&files))).await, 403);
    assert_eq!(shop.requests(), 0);
}

#[tokio::test]
async fn more_files_than_are_looked_at_are_not_passed_in_block() {
    let shop = echo().await;
    let front = front("block", "", &shop);
    let files = vec![("a.txt", "text/plain", &b"hello"[..]); 101];
    assert_eq!(ask(&front, request("POST", "/", FORM, &form(&files))).await, 413);
    assert_eq!(field(&front.events.first("upload.partial").await, "what"), "files");
}
