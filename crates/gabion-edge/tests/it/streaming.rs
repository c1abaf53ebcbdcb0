//! Bodies pass while they are made: nothing waits for their end, in either direction.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use gabion_test::{Shop, body};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::mpsc;

use crate::front::{Setup, get, get2, soon};

/// A shop that answers every request with the body the test feeds.
async fn feeding_shop(kind: &'static str) -> (Shop, body::Feed) {
    let (feed, body) = body::fed();
    let body = Mutex::new(Some(body));
    let shop = Shop::start(move |_: Request<Incoming>| {
        let body = body.lock().unwrap().take().unwrap();
        async move { Ok(Response::builder().header("content-type", kind).body(body).unwrap()) }
    })
    .await;
    (shop, feed)
}

/// A shop that reports every frame of a request body as it arrives, then answers.
async fn listening_shop() -> (Shop, mpsc::UnboundedReceiver<String>) {
    let (told, frames) = mpsc::unbounded_channel();
    let shop = Shop::start(move |request: Request<Incoming>| {
        let told = told.clone();
        async move {
            let mut body = request.into_body();
            while let Some(frame) = body.frame().await {
                let text = match frame.unwrap().into_data() {
                    Ok(data) => String::from_utf8(data.to_vec()).unwrap(),
                    Err(frame) => format!("{:?}", frame.into_trailers().unwrap()),
                };
                told.send(text).unwrap();
            }
            Ok(Response::new(body::whole("thanks")))
        }
    })
    .await;
    (shop, frames)
}

#[tokio::test]
async fn the_first_part_of_an_upload_reaches_the_shop_before_the_last_is_sent() {
    let (shop, mut frames) = listening_shop().await;
    let front = Setup::of(&[&shop]).start();
    let mut wire = front.tls().await;
    wire.send("POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        .await;
    assert_eq!(soon(frames.recv()).await.unwrap(), "first");
    wire.send("4\r\nlast\r\n0\r\n\r\n").await;
    assert_eq!(soon(frames.recv()).await.unwrap(), "last");
    assert_eq!(soon(wire.response()).await.unwrap().text(), "thanks");
    assert_eq!(shop.only().header("transfer-encoding"), "chunked");

    wire.send("POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 9\r\n\r\nfirst").await;
    assert_eq!(soon(frames.recv()).await.unwrap(), "first");
    wire.send("last").await;
    assert_eq!(soon(wire.response()).await.unwrap().text(), "thanks");
    assert_eq!(shop.seen()[1].header("content-length"), "9");
    assert!(shop.connections() <= 2, "one for requests, used again, and that of the health check");
}

#[tokio::test]
async fn the_same_over_http2() {
    let (shop, mut frames) = listening_shop().await;
    let front = Setup::of(&[&shop]).start();
    let (mut feed, body) = body::fed();
    let mut sender = front.http2().await;
    let answer = sender.send_request(Request::post("https://shop.example/").body(body).unwrap());
    let rest = async {
        feed.send_data(Bytes::from("first")).await.unwrap();
        assert_eq!(frames.recv().await.unwrap(), "first");
        feed.send_data(Bytes::from("last")).await.unwrap();
        assert_eq!(frames.recv().await.unwrap(), "last");
        drop(feed);
    };
    let (answer, ()) = soon(async { tokio::join!(answer, rest) }).await;
    assert_eq!(answer.unwrap().status(), 200);
}

#[tokio::test]
async fn the_first_part_of_a_response_arrives_while_the_shop_still_makes_the_rest() {
    let (shop, mut feed) = feeding_shop("text/html").await;
    let front = Setup::of(&[&shop]).start();
    let mut wire = front.tls().await;
    wire.send(get("/", "")).await;
    feed.send_data(Bytes::from("first")).await.unwrap();
    assert_eq!(soon(wire.head()).await.unwrap().header("transfer-encoding"), "chunked");
    assert_eq!(soon(wire.chunk()).await.unwrap().unwrap(), b"first");
    feed.send_data(Bytes::from("last")).await.unwrap();
    assert_eq!(soon(wire.chunk()).await.unwrap().unwrap(), b"last");
    drop(feed);
    assert_eq!(soon(wire.chunk()).await.unwrap(), None);
}

#[tokio::test]
async fn the_response_head_arrives_before_any_of_its_body() {
    let (shop, _feed) = feeding_shop("text/html").await;
    let front = Setup::of(&[&shop]).start();
    let mut sender = front.http2().await;
    assert_eq!(soon(sender.send_request(get2("/"))).await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_event_stream_may_be_silent_for_longer_than_other_bodies() {
    let (events, mut feed) = feeding_shop("Text/Event-Stream; charset=utf-8").await;
    let (other, mut other_feed) = feeding_shop("text/html").await;
    let limit = "read_timeout_seconds = 1";
    let front = Setup::of(&[&events]).upstream(limit).start();
    let other_front = Setup::of(&[&other]).upstream(limit).start();
    let (mut wire, mut other_wire) = (front.tls().await, other_front.tls().await);
    wire.send(get("/", "")).await;
    other_wire.send(get("/", "")).await;
    feed.send_data(Bytes::from("data: 1\n\n")).await.unwrap();
    other_feed.send_data(Bytes::from("<p>")).await.unwrap();
    soon(wire.head()).await.unwrap();
    soon(other_wire.head()).await.unwrap();
    assert_eq!(soon(wire.chunk()).await.unwrap().unwrap(), b"data: 1\n\n");
    // The other body is cut when its second of silence is over; the event stream, as silent for as long, is not.
    assert_eq!(soon(other_wire.rest()).await, b"3\r\n<p>\r\n");
    feed.send_data(Bytes::from("data: 2\n\n")).await.unwrap();
    assert_eq!(soon(wire.chunk()).await.unwrap().unwrap(), b"data: 2\n\n");
}

#[tokio::test]
async fn trailers_of_an_upload_reach_the_shop_and_it_learns_who_takes_them() {
    let (shop, mut frames) = listening_shop().await;
    let front = Setup::of(&[&shop]).start();
    let mut wire = front.tls().await;
    wire.send(
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n\
         1\r\na\r\n0\r\nx-sum: 7\r\n\r\n",
    )
    .await;
    assert_eq!(soon(frames.recv()).await.unwrap(), "a");
    assert!(soon(frames.recv()).await.unwrap().contains("\"x-sum\": \"7\""));

    let (shop, mut feed) = feeding_shop("text/plain").await;
    let front = Setup::of(&[&shop]).start();
    let mut wire = front.tls().await;
    wire.send(get("/", "TE: trailers\r\n")).await;
    feed.send_data(Bytes::from("a")).await.unwrap();
    drop(feed);
    assert_eq!(soon(wire.response()).await.unwrap().text(), "a");
    assert_eq!((shop.only().header("te"), shop.only().header("connection")), ("trailers", "te"));
}

#[tokio::test]
async fn announced_trailers_of_the_shop_reach_http1_and_http2_customers() {
    use tokio::io::AsyncWriteExt;
    let address = gabion_test::shop::raw(|mut stream, _| async move {
        while !gabion_test::shop::read_head(&mut stream).await.is_empty() {
            let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: application/grpc\r\n\
                          trailer: grpc-status\r\n\r\n5\r\nreply\r\n0\r\ngrpc-status: 0\r\n\r\n";
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await;
    let front = Setup::at(address).start();
    let answer = soon(front.tls().await.ask(get("/", "TE: trailers\r\n"))).await;
    assert_eq!((answer.text(), answer.trailers["grpc-status"].to_str().unwrap()), ("reply", "0"));
    let mut request = get2("/");
    request.headers_mut().insert("te", "trailers".parse().unwrap());
    let answer = soon(front.http2().await.send_request(request)).await.unwrap();
    let answer = soon(answer.into_body().collect()).await.unwrap();
    assert_eq!(answer.trailers().unwrap()["grpc-status"], "0");
    assert_eq!(answer.to_bytes(), "reply");
}

#[tokio::test]
async fn a_hundred_megabytes_pass_both_ways_without_being_kept() {
    const CHUNK: usize = 256 * 1024;
    const CHUNKS: usize = 400;
    let shop = Shop::start(|request: Request<Incoming>| async move {
        Ok(Response::new(request.into_body().map_err(|_| body::Broken).boxed_unsync()))
    })
    .await;
    let front = Setup::of(&[&shop]).start();
    let before = resident_bytes();
    let (mut feed, body) = body::fed();
    let mut sender = front.http2().await;
    let request = Request::post("https://shop.example/").body(body).unwrap();
    let chunk = Bytes::from(vec![b'x'; CHUNK]);
    let upload = tokio::spawn(async move {
        for _ in 0..CHUNKS {
            feed.send_data(chunk.clone()).await.unwrap();
        }
    });
    let mut answer = soon(sender.send_request(request)).await.unwrap().into_body();
    let (mut received, mut most) = (0, 0);
    while let Some(frame) = soon(answer.frame()).await {
        received += frame.unwrap().into_data().unwrap().len();
        most = most.max(resident_bytes());
    }
    upload.await.unwrap();
    assert_eq!(received, CHUNK * CHUNKS);
    let grown = most.saturating_sub(before) / (1 << 20);
    assert!(grown < 40, "the process grew by {grown} MB");
}

/// Memory of this process. Linux: `/proc/self/statm`, second number, in pages of 4 KiB.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[tokio::test]
async fn a_customer_who_leaves_ends_the_work_of_the_shop() {
    let (left, mut noticed) = mpsc::unbounded_channel();
    let (begun, mut started) = mpsc::unbounded_channel();
    let shop = Shop::start(move |_: Request<Incoming>| {
        let (begun, left) = (begun.clone(), Tell(left.clone()));
        async move {
            begun.send(()).unwrap();
            std::future::pending::<()>().await;
            drop(left);
            Err(body::Broken)
        }
    })
    .await;
    let front = Setup::of(&[&shop]).start();
    let mut wire = front.tls().await;
    wire.send(get("/", "")).await;
    soon(started.recv()).await.unwrap();
    drop(wire);
    soon(noticed.recv()).await.unwrap();

    let mut sender = front.http2().await;
    let answer = sender.send_request(get2("/"));
    let answer = tokio::spawn(answer);
    soon(started.recv()).await.unwrap();
    answer.abort();
    soon(noticed.recv()).await.unwrap();
}

/// Says when it is dropped.
struct Tell(mpsc::UnboundedSender<()>);

impl Drop for Tell {
    fn drop(&mut self) {
        // Nobody listens any more when the test is over.
        self.0.send(()).ok();
    }
}

#[tokio::test]
async fn a_customer_who_leaves_in_the_middle_of_a_response_frees_its_place() {
    let (shop, mut feed) = feeding_shop("text/html").await;
    let front = Setup::of(&[&shop]).start();
    let mut wire = front.tls().await;
    wire.send(get("/", "")).await;
    feed.send_data(Bytes::from("first")).await.unwrap();
    soon(wire.head()).await.unwrap();
    assert_eq!(front.edge.upstreams()[0].in_flight, 1);
    drop(wire);
    // The shop notices: its body is not read any more.
    soon(async {
        while feed.send_data(Bytes::from("more")).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    assert_eq!(front.edge.upstreams()[0].in_flight, 0);
}
