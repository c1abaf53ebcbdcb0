use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// A connection and the endpoint's side of it.
async fn pair() -> (Http1, TcpStream) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    let (ours, theirs) = tokio::join!(TcpStream::connect(address), listener.accept());
    (Http1::new(Io::Plain(ours.expect("the listener accepts"))), theirs.expect("we connect").0)
}

/// Everything of a request up to an end that only it has.
async fn read_until(endpoint: &mut TcpStream, end: &str) -> String {
    let mut seen = Vec::new();
    while !seen.ends_with(end.as_bytes()) {
        assert_ne!(endpoint.read_buf(&mut seen).await.expect("the connection is open"), 0, "it ended early");
    }
    String::from_utf8(seen).expect("tests use text")
}

fn get() -> Request<Body> {
    Request::get("/tea?x").header("host", "shop").body(Body::empty()).expect("a request")
}

/// Sends a request, answers it, and gives the answer's head and body, and the connection where it can go on.
async fn ask(request: Request<Body>, answer: &str) -> Result<(u16, String, bool), String> {
    let (http1, mut endpoint) = pair().await;
    let answering = async {
        read_until(&mut endpoint, "\r\n\r\n").await;
        endpoint.write_all(answer.as_bytes()).await.expect("the connection is open");
        endpoint.shutdown().await.expect("the connection is open");
    };
    let asking = async {
        let response = http1.send(request.into()).await.map_err(|unanswered| unanswered.error.to_string())?;
        let (head, mut body) = response.into_parts();
        let mut text = Vec::new();
        while let Some(frame) = body.frame().await {
            text.extend_from_slice(&frame.map_err(|e| e.to_string())?.into_data().unwrap_or_default());
        }
        let text = String::from_utf8(text).expect("tests use text");
        Ok((head.status.as_u16(), text, body.connection().is_some()))
    };
    let (answer, ()) = tokio::join!(asking, answering);
    answer
}

#[track_caller]
fn expect(found: Result<(u16, String, bool), String>, status: u16, body: &str, keep: bool) {
    assert_eq!(found, Ok((status, body.to_owned(), keep)));
}

#[tokio::test]
async fn answers_end_where_their_head_says() {
    expect(ask(get(), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntea").await, 200, "tea", true);
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntea\r\n0\r\n\r\n";
    expect(ask(get(), chunked).await, 200, "tea", true);
    expect(ask(get(), "HTTP/1.1 200 OK\r\n\r\ntea").await, 200, "tea", false);
    expect(ask(get(), "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\ntea").await, 200, "tea", false);
    expect(ask(get(), "HTTP/1.1 204 No Content\r\n\r\n").await, 204, "", true);
    expect(ask(get(), "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n").await, 304, "", true);
    let closing = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\ntea";
    expect(ask(get(), closing).await, 200, "tea", false);
    let mut head = get();
    *head.method_mut() = Method::HEAD;
    expect(ask(head, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n").await, 200, "", true);
}

#[tokio::test]
async fn interim_answers_are_skipped() {
    let answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n\
                  HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    expect(ask(get(), answer).await, 200, "", true);
}

#[tokio::test]
async fn an_answer_that_could_be_split_in_two_ends_its_connection() {
    let both = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    expect(ask(get(), both).await, 200, "", false);
    let twice = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\ntea!";
    assert_eq!(ask(get(), twice).await, Err("malformed answer: two content lengths".into()));
    let gzip = "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(ask(get(), gzip).await, Err("malformed answer: a transfer coding other than chunked".into()));
}

#[tokio::test]
async fn answers_that_are_cut_or_no_http_are_errors() {
    for (answer, error) in [
        ("", "connection closed before the answer was complete"),
        ("HTTP/1.1 200 OK\r\n", "connection closed before the answer was complete"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ntea",
            "connection closed before the answer was complete",
        ),
        ("SSH-2.0-OpenSSH\r\n\r\n", "malformed answer: version"),
        ("HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\n", "malformed answer: content length"),
        ("HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n", "malformed answer: field name"),
    ] {
        assert_eq!(ask(get(), answer).await, Err(error.to_owned()), "{answer}");
    }
    let long = format!("HTTP/1.1 200 OK\r\nA: {}", "x".repeat(RESPONSE_HEAD_BYTES_MAX + HEAD_READ_BYTES));
    assert_eq!(ask(get(), &long).await, Err("malformed answer: head too long".into()));
}

#[tokio::test]
async fn requests_are_framed_anew() {
    let channel = || {
        let (mut sender, body) = http_body_util::channel::Channel::<Bytes, BoxError>::new(2);
        tokio::spawn(async move {
            sender.send_data(Bytes::from_static(b"tea")).await.expect("the body is read");
        });
        Body::wrap(body)
    };
    let post = || Request::post("/").header("content-length", "99").header("transfer-encoding", "gzip");
    for (request, expected) in [
        (get(), "GET /tea?x HTTP/1.1\r\nhost: shop\r\n\r\n"),
        (post().body(Body::empty()).expect("a request"), "POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n"),
        (
            post().body(Body::from(String::from("tea"))).expect("a request"),
            "POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\ntea",
        ),
        (
            post().body(channel()).expect("a request"),
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\ntea\r\n0\r\n\r\n",
        ),
    ] {
        let (http1, mut endpoint) = pair().await;
        let asking = tokio::spawn(http1.send(request.into()));
        assert_eq!(read_until(&mut endpoint, &expected[expected.len() - 5..]).await, expected);
        drop(endpoint);
        assert!(asking.await.expect("no panic").is_err());
    }
}

#[tokio::test]
async fn an_idle_connection_that_was_closed_is_seen() {
    let (mut http1, endpoint) = pair().await;
    assert!(http1.is_open());
    drop(endpoint);
    let Io::Plain(stream) = &http1.io else { panic!("the pair is plain") };
    stream.readable().await.expect("the end can be seen");
    assert!(!http1.is_open());
}

#[tokio::test]
async fn a_request_that_was_sent_does_not_come_back() {
    let (http1, mut endpoint) = pair().await;
    let post = Request::post("/").body(Body::from(String::from("tea"))).expect("a request");
    let asking = tokio::spawn(http1.send(post.into()));
    read_until(&mut endpoint, "tea").await;
    drop(endpoint);
    let unanswered = asking.await.expect("no panic").err().expect("nobody answers");
    assert!(matches!(unanswered.request, Fate::Sent(_)), "{}", unanswered.error);
}

#[tokio::test]
async fn the_next_request_goes_over_the_same_connection() {
    let (mut http1, mut endpoint) = pair().await;
    for _ in 0..3 {
        let asking = tokio::spawn(http1.send(get().into()));
        read_until(&mut endpoint, "\r\n\r\n").await;
        endpoint.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntea").await.expect("open");
        let response = asking.await.expect("no panic");
        let mut body = response.map_err(|unanswered| unanswered.error).expect("an answer").into_body();
        while body.frame().await.is_some() {}
        http1 = body.connection().expect("both sides keep it open");
    }
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_request_passes_while_the_request_goes_on() {
    let (http1, mut endpoint) = pair().await;
    let (mut customer, body) = http_body_util::channel::Channel::<Bytes, BoxError>::new(1);
    let request = Request::post("/").body(Body::wrap(body)).expect("a request");
    let asking = tokio::spawn(http1.send(request.into()));
    read_until(&mut endpoint, "\r\n\r\n").await;
    endpoint.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nearly!").await.expect("open");
    let response = asking.await.expect("no panic").map_err(|unanswered| unanswered.error);
    // Nobody reads the answer, and still the request goes on.
    let response = response.expect("an answer");
    for _ in 0..10 {
        customer.send_data(Bytes::from_static(b"more")).await.expect("the body is read");
        read_until(&mut endpoint, "4\r\nmore\r\n").await;
    }
    endpoint.write_all(b"later!").await.expect("open");
    let body = response.into_body().collect().await.expect("a whole answer").to_bytes();
    assert_eq!(body, "early!later!");
}

/// A body that knows its end with its last frame but not its length, as over HTTP/2.
struct Known(Option<Bytes>);

impl http_body::Body for Known {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, BoxError>>> {
        Poll::Ready(self.0.take().map(|data| Ok(http_body::Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }
}

#[tokio::test]
async fn the_end_of_a_body_is_written_once_however_slowly_the_endpoint_reads() {
    let (http1, mut endpoint) = pair().await;
    // More than the sockets hold, so that the end of the body has to wait.
    let length = 16 << 20;
    let body = Known(Some(Bytes::from(vec![b'x'; length])));
    let request = Request::post("/").body(Body::wrap(body)).expect("a request");
    let asking = tokio::spawn(http1.send(request.into()));
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n0\r\n\r\n") {
        assert_ne!(endpoint.read_buf(&mut seen).await.expect("open"), 0);
        // Lets the client write into a socket that is full again.
        tokio::task::yield_now().await;
    }
    endpoint.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.expect("open");
    // The connection closes with the answer that holds it.
    drop(asking.await.expect("no panic").map_err(|unanswered| unanswered.error).expect("an answer"));
    endpoint.read_to_end(&mut seen).await.expect("open");
    assert!(seen.ends_with(b"x\r\n0\r\n\r\n"), "nothing follows the end of the request");
}

#[tokio::test]
async fn a_customer_who_leaves_an_early_answer_ends_the_connection() {
    let (http1, mut endpoint) = pair().await;
    let (mut customer, body) = http_body_util::channel::Channel::<Bytes, BoxError>::new(1);
    let request = Request::post("/").body(Body::wrap(body)).expect("a request");
    let asking = tokio::spawn(http1.send(request.into()));
    read_until(&mut endpoint, "\r\n\r\n").await;
    endpoint.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n").await.expect("open");
    drop(asking.await.expect("no panic"));
    assert_eq!(endpoint.read(&mut [0; 9]).await.unwrap_or_default(), 0, "the shop learns of it");
    assert!(customer.send_data(Bytes::from_static(b"more")).await.is_err());
}

#[tokio::test]
async fn a_body_that_breaks_off_breaks_an_early_answer_off() {
    let (http1, mut endpoint) = pair().await;
    let (customer, body) = http_body_util::channel::Channel::<Bytes, BoxError>::new(1);
    let request = Request::post("/").body(Body::wrap(body)).expect("a request");
    let asking = tokio::spawn(http1.send(request.into()));
    read_until(&mut endpoint, "\r\n\r\n").await;
    let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    endpoint.write_all(answer).await.expect("open");
    let response = asking.await.expect("no panic").map_err(|unanswered| unanswered.error);
    customer.abort("the customer left".into());
    let error = response.expect("an answer").into_body().collect().await.expect_err("half a request");
    assert_eq!(error.to_string(), "request body broke off");
}

#[tokio::test]
async fn a_body_that_breaks_off_never_looks_complete() {
    let (http1, mut endpoint) = pair().await;
    let (mut customer, body) = http_body_util::channel::Channel::<Bytes, BoxError>::new(1);
    let request = Request::post("/").body(Body::wrap(body)).expect("a request");
    let asking = tokio::spawn(http1.send(request.into()));
    customer.send_data(Bytes::from_static(b"tea")).await.expect("the body is read");
    read_until(&mut endpoint, "3\r\ntea\r\n").await;
    customer.abort("the customer left".into());
    let unanswered = asking.await.expect("no panic").err().expect("the request broke off");
    assert_eq!(unanswered.error.to_string(), "request body broke off");
    let mut rest = Vec::new();
    // Reset or closed: either way the endpoint sees no last chunk.
    endpoint.read_to_end(&mut rest).await.unwrap_or_default();
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn what_follows_a_switch_is_not_lost() {
    let (http1, mut endpoint) = pair().await;
    let asking = tokio::spawn(http1.send(get().into()));
    read_until(&mut endpoint, "\r\n\r\n").await;
    endpoint.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\nfirst").await.expect("open");
    let response = asking.await.expect("no panic").map_err(|unanswered| unanswered.error);
    let mut switched = response.expect("an answer").into_body().switched().expect("it switched");
    endpoint.write_all(b" words").await.expect("open");
    let mut words = [0; 11];
    switched.read_exact(&mut words).await.expect("words");
    assert_eq!(&words, b"first words");
    switched.write_all(b"yes").await.expect("open");
    read_until(&mut endpoint, "yes").await;
}
