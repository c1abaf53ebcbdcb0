//! A reverse proxy with nothing on: hyper, rustls, and connections to the origin that are kept. `cargo xtask bench layers`
//! measures it as the floor under everything that Gabion does for a request.
//!
//! `bare LISTEN ORIGIN CERT_PEM KEY_PEM`

#![expect(clippy::print_stderr, reason = "an example is a program")]

use std::env::args;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response, Uri, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

type Error = Box<dyn std::error::Error + Send + Sync>;
type Answer = Response<BoxBody<Bytes, hyper::Error>>;

/// The origin and the connections to it that wait for a request.
struct Origin {
    address: SocketAddr,
    idle: Mutex<Vec<SendRequest<Incoming>>>,
}

impl Origin {
    async fn connection(&self) -> Result<SendRequest<Incoming>, Error> {
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            match idle {
                Some(connection) if connection.is_closed() => {}
                Some(connection) => return Ok(connection),
                None => break,
            }
        }
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn ask(self: Arc<Self>, mut request: Request<Incoming>) -> Result<Answer, Error> {
        *request.version_mut() = Version::HTTP_11;
        if let Some(authority) = request.uri().authority() {
            let host = authority.as_str().parse()?;
            request.headers_mut().insert(hyper::header::HOST, host);
        }
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
        *request.uri_mut() = Uri::try_from(path)?;
        let mut connection = self.connection().await?;
        connection.ready().await?;
        let mut answer = connection.send_request(request).await?;
        *answer.version_mut() = Version::HTTP_11;
        answer.headers_mut().remove(hyper::header::CONNECTION);
        // It is ready again once the body has been read; whoever takes it before waits for that.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).insert(0, connection);
        Ok(answer.map(BodyExt::boxed))
    }
}

fn tls(certificate: &str, key: &str) -> Result<TlsAcceptor, Error> {
    let chain = vec![CertificateDer::from_pem_file(certificate)?];
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, origin: Arc<Origin>) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    let stream = acceptor.accept(stream).await?;
    let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let service = service_fn(move |request| Arc::clone(&origin).ask(request));
    let stream = TokioIo::new(stream);
    if h2 {
        http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await?;
    } else {
        http1::Builder::new().serve_connection(stream, service).await?;
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let usage = "bare LISTEN ORIGIN CERT_PEM KEY_PEM";
    let arguments: Vec<String> = args().skip(1).collect();
    let [listen, origin, certificate, key] = arguments.as_slice() else { return Err(usage.into()) };
    let acceptor = tls(certificate, key)?;
    let origin = Arc::new(Origin { address: origin.parse()?, idle: Mutex::default() });
    let listener = TcpListener::bind(listen).await?;
    loop {
        let (stream, peer) = listener.accept().await?;
        let (acceptor, origin) = (acceptor.clone(), Arc::clone(&origin));
        tokio::spawn(async move {
            if let Err(error) = serve(stream, acceptor, origin).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}
