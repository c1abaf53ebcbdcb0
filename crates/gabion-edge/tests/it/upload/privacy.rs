//! What is told of a file never has anything of what is in it.

use std::sync::Arc;

use super::files::png;
use super::{Memory, PROGRAM, echo, request, shell, upload};
use crate::front::{Setup, soon};

const SECRET: &str = "oolong-is-the-password";

#[tokio::test]
async fn no_event_log_or_fact_has_anything_of_the_content() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    let shop = echo().await;
    let quarantine = Arc::new(Memory::default());
    let front = Setup::of(&[&shop])
        .upload("mode = \"block\"")
        .quarantine(&quarantine)
        .more(&format!("[access_log]\npath = {log:?}"))
        .start();
    let hidden = [&shell()[..], SECRET.as_bytes()].concat();
    let json = format!("{{\"content\":\"{}\"}}", data_encoding::BASE64.encode(&hidden));
    for request in [
        upload("a.png", "image/png", &[&png()[..], &hidden].concat()),
        upload("a.txt", "text/plain", &hidden),
        upload("a.exe", "application/octet-stream", &[PROGRAM, SECRET.as_bytes()].concat()),
        request("POST", "/", "Content-Type: application/json\r\n", json.as_bytes()),
        request("POST", "/", "Content-Type: multipart/form-data\r\n", &hidden),
    ] {
        let mut wire = front.plain().await;
        wire.send(request).await;
        assert!(soon(wire.response()).await.unwrap().status >= 400);
    }
    assert_eq!(front.edge.stop_and_drain().await, 0);
    let facts: Vec<_> = quarantine.all().into_iter().map(|(facts, _)| facts).collect();
    assert!(facts.len() >= 4, "{facts:?}");
    let facts = serde_json::to_string(&facts).unwrap();
    let lines = std::fs::read_to_string(&log).unwrap();
    assert!(lines.contains("\"upload\":\"refused\"") && lines.contains("server-code"), "{lines}");
    let events = front.events.all();
    assert!(events.len() >= 5);
    for told in [format!("{events:?}"), lines, facts] {
        for part in [SECRET, "GET['c']", "b29sb25n"] {
            assert!(!told.contains(part), "{part} in {told}");
        }
    }
}
