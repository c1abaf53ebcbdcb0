//! What passes, when, and what the service finds at the gate.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;
use crate::guard::Arrival;

const PATIENCE: Patience = Patience { head: Duration::from_secs(10), idle: Duration::from_secs(60) };

/// A client, the guard's far side as hyper sees it, and the gate.
fn connection() -> (DuplexStream, Guarded<DuplexStream>, Gate) {
    let (client, server) = duplex(1 << 20);
    let gate = Gate::default();
    (client, Guarded::new(server, gate.clone(), PATIENCE), gate)
}

fn post(body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Reads exactly so many bytes, with a buffer of `step` at a time.
async fn take(guarded: &mut Guarded<DuplexStream>, len: usize, step: usize) -> String {
    let mut taken = Vec::new();
    while taken.len() < len {
        let mut buffer = vec![0; step.min(len - taken.len())];
        let read = guarded.read(&mut buffer).await.expect("the guard passes it");
        assert!(read > 0, "it ended after {} bytes", taken.len());
        taken.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8(taken).expect("text")
}

/// Whether the guard has something to pass at once.
async fn passes(guarded: &mut Guarded<DuplexStream>) -> bool {
    let mut buffer = [0; 64];
    tokio::select! {
        biased;
        _ = guarded.read(&mut buffer) => true,
        () = std::future::ready(()) => false,
    }
}

#[tokio::test]
async fn a_request_passes_and_the_next_one_waits_for_its_turn() {
    for step in [1, 7, 8192] {
        let (mut client, mut guarded, gate) = connection();
        let (first, second) = (post("one"), post("second"));
        client.write_all(format!("{first}{second}").as_bytes()).await.expect("open");
        assert_eq!(take(&mut guarded, first.len(), step).await, first);
        let Arrival { head, turn } = gate.arrive();
        assert_eq!(head.expect("a head").method(), "POST");
        assert!(!passes(&mut guarded).await);
        drop(turn);
        assert_eq!(take(&mut guarded, second.len(), step).await, second);
        assert!(gate.arrive().head.is_ok());
    }
}

#[tokio::test]
async fn a_head_in_pieces_passes_only_when_it_is_whole() {
    let (mut client, mut guarded, _gate) = connection();
    let request = post("body");
    for byte in request.bytes().take(request.len() - 4) {
        assert!(!passes(&mut guarded).await);
        client.write_all(&[byte]).await.expect("open");
    }
    client.write_all(b"body").await.expect("open");
    assert_eq!(take(&mut guarded, request.len(), 8192).await, request);
}

#[tokio::test]
async fn a_refused_head_becomes_a_stand_in_and_nothing_follows() {
    let (mut client, mut guarded, gate) = connection();
    client
        .write_all(b"GET /x?y HTTP/1.1\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .expect("open");
    assert_eq!(take(&mut guarded, STAND_IN.len(), 10).await.as_bytes(), STAND_IN);
    let arrival = gate.arrive();
    let refused = arrival.head.expect_err("it was refused");
    assert_eq!(
        (refused.fault, refused.method(), refused.path()),
        (Fault::LineEnd, "GET".into(), "/x".into())
    );
    drop(arrival.turn);
    assert!(!passes(&mut guarded).await);
}

#[tokio::test]
async fn a_broken_body_ends_in_an_error_after_its_head() {
    let (mut client, mut guarded, gate) = connection();
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    client.write_all(format!("{head}x\r\n").as_bytes()).await.expect("open");
    assert_eq!(take(&mut guarded, head.len(), 8192).await, head);
    assert!(gate.arrive().head.is_ok());
    for _ in 0..2 {
        let error = guarded.read(&mut [0; 64]).await.expect_err("broken");
        let fault = error.get_ref().and_then(|inner| inner.downcast_ref::<Fault>());
        assert_eq!(fault, Some(&Fault::ChunkSize));
    }
}

#[tokio::test]
async fn after_a_switch_everything_passes() {
    let (mut client, mut guarded, gate) = connection();
    let request = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n";
    client.write_all(format!("{request}\0early").as_bytes()).await.expect("open");
    assert_eq!(take(&mut guarded, request.len(), 8192).await, request);
    let arrival = gate.arrive();
    assert!(!passes(&mut guarded).await, "bytes wait for the answer");
    arrival.turn.switch();
    drop(arrival);
    assert_eq!(take(&mut guarded, 6, 8192).await, "\0early");
    client.write_all(b"\nlate").await.expect("open");
    assert_eq!(take(&mut guarded, 5, 8192).await, "\nlate");
}

#[tokio::test]
async fn the_end_of_a_client_is_seen_while_its_request_is_answered() {
    let (mut client, mut guarded, gate) = connection();
    let request = post("");
    client.write_all(request.as_bytes()).await.expect("open");
    assert_eq!(take(&mut guarded, request.len(), 8192).await, request);
    let _arrival = gate.arrive();
    drop(client);
    assert_eq!(guarded.read(&mut [0; 64]).await.expect("an end"), 0);
}

/// Short enough to wait for, the silence longer than the head.
const SHORT: Patience = Patience { head: Duration::from_millis(100), idle: Duration::from_millis(400) };

fn impatient() -> (DuplexStream, Guarded<DuplexStream>, Gate) {
    let (client, server) = duplex(1 << 20);
    let gate = Gate::default();
    (client, Guarded::new(server, gate.clone(), SHORT), gate)
}

#[tokio::test]
async fn a_slow_head_is_refused_and_a_silent_connection_ends() {
    let started = Instant::now();
    let (mut client, mut guarded, gate) = impatient();
    client.write_all(b"GET /slow HT").await.expect("open");
    assert_eq!(take(&mut guarded, STAND_IN.len(), 8192).await.as_bytes(), STAND_IN);
    let refused = gate.arrive().head.expect_err("it was refused");
    assert_eq!((refused.fault, refused.path()), (Fault::Slow, "/slow".into()));
    assert!(started.elapsed() >= SHORT.head);

    let (_client, mut guarded, _gate) = impatient();
    let started = Instant::now();
    assert_eq!(guarded.read(&mut [0; 64]).await.expect("an end"), 0);
    assert!(started.elapsed() >= SHORT.head);
}

#[tokio::test]
async fn between_requests_there_is_more_time_and_an_answer_may_take_any() {
    let (mut client, mut guarded, gate) = impatient();
    let request = post("");
    client.write_all(request.as_bytes()).await.expect("open");
    assert_eq!(take(&mut guarded, request.len(), 8192).await, request);
    let arrival = gate.arrive();
    tokio::time::sleep(SHORT.idle * 2).await;
    assert!(!passes(&mut guarded).await, "the answer is still being made");
    guarded.write_all(b"answer").await.expect("open");
    let quiet = Instant::now();
    drop(arrival);
    assert_eq!(guarded.read(&mut [0; 64]).await.expect("an end"), 0);
    assert!(quiet.elapsed() >= SHORT.idle);
}

#[tokio::test]
async fn a_later_head_that_has_begun_gets_the_time_of_a_head() {
    let (mut client, server) = duplex(1 << 20);
    let gate = Gate::default();
    let patience = Patience { head: SHORT.head, idle: Duration::from_secs(3600) };
    let mut guarded = Guarded::new(server, gate.clone(), patience);
    let request = post("");
    client.write_all(request.as_bytes()).await.expect("open");
    assert_eq!(take(&mut guarded, request.len(), 8192).await, request);
    drop(gate.arrive());
    assert!(!passes(&mut guarded).await);
    client.write_all(b"G").await.expect("open");
    let begun = Instant::now();
    assert_eq!(take(&mut guarded, STAND_IN.len(), 8192).await.as_bytes(), STAND_IN);
    assert!(begun.elapsed() >= SHORT.head);
}
