//! Clients that flood an HTTP/2 connection with frames: cut off, counted, and nobody else notices.

use std::time::Duration;

use bytes::Bytes;
use gabion_edge::{Cut, Plane};
use gabion_test::{Shop, body, client};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::front::{Front, Setup, field, get2, shop, soon};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const MAX_CONCURRENT_STREAMS: u8 = 3;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `GET https://shop.example/`. RFC 7541 section 6.
const GET: &[u8] = b"\x82\x87\x84\x41\x0cshop.example";
/// The same as POST.
const POST: &[u8] = b"\x83\x87\x84\x41\x0cshop.example";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Makes the frames for a stream.
type Frames<'a> = &'a dyn Fn(u32) -> Vec<u8>;

/// An HTTP/2 connection on which any frames can be sent.
struct Attacker(TlsStream<TcpStream>);

impl Attacker {
    async fn connect(front: &Front) -> Self {
        let config = client::tls(front.authority.root_der(), &["h2"]);
        let stream = client::connect_tls(front.address(Plane::Https), "shop.example", config);
        let mut attacker = Self(soon(stream).await.unwrap());
        let begin = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &[])].concat();
        attacker.send(&begin).await;
        attacker
    }

    /// Sends bytes; the edge may be gone.
    async fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok() && self.0.flush().await.is_ok()
    }

    /// The streams that the edge's first frame allows.
    async fn streams_max(&mut self) -> Option<u8> {
        let mut bytes = Vec::new();
        while streams_max(&bytes).is_none() {
            let read = soon(self.0.read_buf(&mut bytes)).await.unwrap();
            assert!(read > 0, "the edge sends its settings before it closes");
        }
        streams_max(&bytes)
    }

    /// Reads until the edge closes, and says what came.
    async fn rest(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        let mut buffer = vec![0; 16_384];
        while let Ok(read @ 1..) = soon(self.0.read(&mut buffer)).await {
            all.extend_from_slice(&buffer[..read]);
        }
        all
    }
}

/// The payload of the first frame of a kind.
fn payload(mut bytes: &[u8], kind: u8) -> Option<&[u8]> {
    while let Some(head) = bytes.first_chunk::<9>() {
        let length = usize::from(head[1]) * 256 + usize::from(head[2]);
        if head[3] == kind {
            return bytes.get(9..9 + length);
        }
        bytes = bytes.get(9 + length..)?;
    }
    None
}

/// The error code of the GOAWAY among frames.
fn goaway(bytes: &[u8]) -> Option<u8> {
    payload(bytes, GOAWAY)?.get(7).copied()
}

/// The streams that the SETTINGS among frames allow. RFC 9113 section 6.5.2.
fn streams_max(bytes: &[u8]) -> Option<u8> {
    let settings = payload(bytes, SETTINGS)?;
    settings.chunks_exact(6).find(|setting| setting[1] == MAX_CONCURRENT_STREAMS).map(|setting| setting[5])
}

/// Floods with what `flood` makes of the number of the round, until the edge closes; then holds what is told of it
/// against `expected`, and asks for a page as somebody else.
async fn cut_off(setup: Setup, flood: impl Fn(u32) -> Vec<u8>, expected: Cut) {
    let front = setup.start();
    let mut other = front.http2().await;
    assert_eq!(soon(other.send_request(get2("/"))).await.unwrap().status(), 200);
    let mut attacker = Attacker::connect(&front).await;
    let bytes: Vec<u8> = (0..700).flat_map(&flood).collect();
    attacker.send(&bytes).await;
    let rest = attacker.rest().await;
    assert_eq!(goaway(&rest), Some(0xb), "ENHANCE_YOUR_CALM for {expected:?}");
    let event = front.events.first("edge.connection_cut").await;
    assert_eq!(field(&event, "reason"), expected.as_str());
    assert!(field(&event, "ja4").starts_with("t13d"));
    assert_eq!(front.edge.metrics().connections_cut.count(expected), 1);
    assert_eq!(soon(other.send_request(get2("/"))).await.unwrap().status(), 200, "others go on");
}

async fn flood(flood: impl Fn(u32) -> Vec<u8>, expected: Cut) {
    let shop = shop("ok").await;
    cut_off(Setup::of(&[&shop]), flood, expected).await;
}

#[tokio::test]
async fn rapid_resets_end_the_connection() {
    let reset = |i: u32| {
        let id = 2 * i + 1;
        [frame(HEADERS, END_STREAM | END_HEADERS, id, GET), frame(RST_STREAM, 0, id, &[0, 0, 0, 8])].concat()
    };
    flood(reset, Cut::Http2ResetsBeforeResponse).await;
}

#[tokio::test]
async fn a_head_of_endless_continuations_ends_the_connection() {
    let more = |i: u32| match i {
        0 => frame(HEADERS, END_STREAM, 1, GET),
        _ => frame(CONTINUATION, 0, 1, b"\x40\x01a\x01b"),
    };
    flood(more, Cut::Http2Continuations).await;
}

#[tokio::test]
async fn floods_of_frames_that_bring_nothing_end_the_connection() {
    flood(|_| frame(PING, 0, 0, &[0; 8]), Cut::Http2Pings).await;
    flood(|_| frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 9]), Cut::Http2Settings).await;
    flood(|i| frame(PRIORITY, 0, 2 * i + 1, &[0, 0, 0, 0, 9]), Cut::Http2Priorities).await;
    flood(|_| frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]), Cut::Http2WindowUpdates).await;
    let empty = |i: u32| match i {
        0 => frame(HEADERS, END_HEADERS, 1, POST),
        _ => frame(DATA, 0, 1, b""),
    };
    flood(empty, Cut::Http2EmptyData).await;
}

/// CVE-2025-8671: valid requests, each followed by something that makes the server reset it.
#[tokio::test]
async fn making_us_reset_streams_ends_the_connection() {
    let open = |id: u32, flags: u8, head: &[u8]| frame(HEADERS, flags | END_HEADERS, id, head);
    let get = |id| open(id, END_STREAM, GET);
    let shop = Shop::start(|_: Request<Incoming>| std::future::pending()).await;
    let ways: [(&str, Frames<'_>); 6] = [
        ("an increment of 0", &|id| frame(WINDOW_UPDATE, 0, id, &[0; 4])),
        ("a window that overflows", &|id| frame(WINDOW_UPDATE, 0, id, &[0x7f, 0xff, 0xff, 0xff])),
        ("a head on a half-closed stream", &|id| open(id, END_STREAM, GET)),
        ("data on a half-closed stream", &|id| frame(DATA, 0, id, b"x")),
        ("a PRIORITY of the wrong length", &|id| frame(PRIORITY, 0, id, &[0; 4])),
        ("a stream that depends on itself", &|id| {
            frame(PRIORITY, 0, id, &[&id.to_be_bytes()[..], &[9]].concat())
        }),
    ];
    for (way, harm) in ways {
        let front = Setup::of(&[&shop]).start();
        let mut attacker = Attacker::connect(&front).await;
        let bytes: Vec<u8> =
            (0..700).map(|i| 2 * i + 1).flat_map(|id| [get(id), harm(id)].concat()).collect();
        attacker.send(&bytes).await;
        let code = goaway(&attacker.rest().await);
        assert!(code.is_some_and(|code| code != 0), "{way}: {code:?}");
        soon(async {
            while front.edge.metrics().in_flight.load(std::sync::atomic::Ordering::Relaxed) > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn bypassed_limits_let_frames_pass() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).start();
    front.edge.set_bypass(gabion_edge::Module::ALL.into());
    let mut attacker = Attacker::connect(&front).await;
    let pings: Vec<u8> = (0..500).flat_map(|_| frame(PING, 0, 0, &[0; 8])).collect();
    assert!(attacker.send(&pings).await);
    let mut answers = vec![0; 500 * 17];
    soon(attacker.0.read_exact(&mut answers)).await.unwrap();
    assert_eq!(front.edge.metrics().connections_cut.count(Cut::Http2Pings), 0);
}

#[tokio::test]
async fn a_connection_that_only_pings_is_closed_when_nobody_asks() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).limits("keepalive_idle_seconds = 1").start();
    let mut attacker = Attacker::connect(&front).await;
    attacker.send(&frame(PING, 0, 0, &[0; 8])).await;
    assert_eq!(goaway(&attacker.rest().await), Some(0), "a polite end");
    assert!(front.events.all().is_empty(), "nothing happened that anybody has to know");
}

#[tokio::test]
async fn heads_and_prefaces_that_do_not_end_are_cut() {
    let shop = shop("ok").await;
    let setup = Setup::of(&[&shop]).limits("head_timeout_seconds = 1");
    cut_off(
        setup.clone(),
        |i| if i == 0 { frame(HEADERS, END_STREAM, 1, GET) } else { Vec::new() },
        Cut::Http2HeadTimeout,
    )
    .await;
    let front = setup.start();
    let config = client::tls(front.authority.root_der(), &["h2"]);
    let stream = client::connect_tls(front.address(Plane::Https), "shop.example", config);
    let mut silent = Attacker(soon(stream).await.unwrap());
    silent.send(b"PRI * ").await;
    silent.rest().await;
    let event = front.events.first("edge.connection_cut").await;
    assert_eq!(field(&event, "reason"), Cut::Http2Preface.as_str());
}

#[tokio::test]
async fn a_client_that_opens_no_window_does_not_hold_its_place() {
    let shop =
        Shop::start(|_: Request<Incoming>| async { Ok(Response::new(body::whole(vec![0; 1 << 20]))) }).await;
    let setup = Setup::of(&[&shop]).limits("write_timeout_seconds = 1");
    let ask = |i: u32| if i == 0 { frame(HEADERS, END_STREAM | END_HEADERS, 1, GET) } else { Vec::new() };
    cut_off(setup, ask, Cut::Http2Window).await;
}

#[tokio::test]
async fn connections_of_an_address_share_streams() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).limits("http2.streams_per_address_max = 100").start();
    let mut connections = Vec::new();
    let mut allowed = Vec::new();
    for _ in 0..5 {
        let mut connection = Attacker::connect(&front).await;
        allowed.push(connection.streams_max().await.unwrap());
        connections.push(connection);
    }
    assert_eq!(allowed, [50, 25, 12, 6, 6], "and never less than a page needs");
}

#[tokio::test]
async fn honest_clients_upload_and_download_a_lot() {
    const MEGABYTES: usize = 32;
    let shop = Shop::start(|request: Request<Incoming>| async move {
        let sent = request.into_body().collect().await.unwrap().to_bytes().len();
        let (mut feed, body) = body::fed();
        tokio::spawn(async move {
            for _ in 0..MEGABYTES {
                feed.send_data(Bytes::from(vec![0; 1 << 20])).await.unwrap();
            }
        });
        Ok(Response::builder().header("x-sent", sent).body(body).unwrap())
    })
    .await;
    let front = Setup::of(&[&shop]).start();
    let mut sender = front.http2().await;
    let (mut feed, body) = body::fed();
    let answer = sender.send_request(Request::post("https://shop.example/").body(body).unwrap());
    tokio::spawn(async move {
        for _ in 0..MEGABYTES * 1024 {
            feed.send_data(Bytes::from_static(&[0; 1024])).await.unwrap();
        }
    });
    let patient = tokio::time::timeout(Duration::from_secs(120), async {
        let answer = answer.await.unwrap();
        assert_eq!(answer.headers()["x-sent"], (MEGABYTES << 20).to_string());
        answer.into_body().collect().await.unwrap().to_bytes().len()
    });
    assert_eq!(patient.await.unwrap(), MEGABYTES << 20);
    assert!(front.events.all().is_empty());
}
