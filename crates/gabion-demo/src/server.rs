//! Binds the shop and serves it until told to stop.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tracing::{debug, info, warn};

use crate::db::Db;
use crate::folder::Folder;
use crate::live::Live;
use crate::{page, seed};

/// Host names the demo answers to, without port. Any other name gets 421.
/// `pay.localhost` stands for the payment provider whose script the checkout loads.
pub const DEFAULT_HOSTS: [&str; 6] =
    ["naked.localhost", "shop.localhost", "pay.localhost", "localhost", "127.0.0.1", "[::1]"];

/// Connections at once. Further ones wait in the kernel's backlog: this is one person's machine.
const CONNECTIONS_MAX: usize = 512;
/// Time for a request's head, which is also how long an idle kept-alive connection stays.
const HEAD_TIME_MAX: Duration = Duration::from_secs(75);
/// Time running requests get after the shutdown signal before they are cut off.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(5);

/// Where the shop listens, writes, and which names it answers to.
#[derive(Debug, Clone)]
pub struct ShopConfig {
    /// Address to listen on; must be loopback. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Throwaway folder for the database, guides and uploads; created when missing. Nothing is written elsewhere.
    pub folder: PathBuf,
    /// Accepted `Host` names without port, such as [`DEFAULT_HOSTS`].
    pub hosts: Vec<String>,
}

/// Why the shop cannot open or stay open.
#[derive(Debug, thiserror::Error)]
pub enum ShopError {
    /// The shop is naive on purpose and must not be reachable from a network.
    #[error("the demo shop listens on loopback only, not on {0}")]
    NotLoopback(SocketAddr),
    /// The throwaway folder cannot be created or filled.
    #[error("demo folder {path} is not usable")]
    Folder {
        /// The folder or file that stood in the way.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The address is taken or not ours.
    #[error("address {address} is not available")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The shop's own database cannot be opened or filled.
    #[error("the demo shop's database is not usable")]
    Database(#[from] rusqlite::Error),
    /// The listener broke while serving.
    #[error("the demo shop cannot accept connections any more")]
    Accept(#[source] io::Error),
}

/// What every request handler may use.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) db: Db,
    pub(crate) folder: Folder,
    pub(crate) live: Live,
    pub(crate) hosts: Arc<[String]>,
    /// The port the shop listens on.
    pub(crate) port: u16,
    /// Turns true once, when the shop closes; open streams end then.
    pub(crate) closing: watch::Receiver<bool>,
}

/// The shop, bound and filled with goods: connections wait in the backlog until [`Shop::serve`].
#[derive(Debug)]
pub struct Shop {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    close: watch::Sender<bool>,
}

impl Shop {
    /// Creates the folder, seeds the database on first start and binds the address.
    ///
    /// # Errors
    /// [`ShopError::NotLoopback`] before anything is touched; otherwise what was not usable.
    pub async fn bind(config: ShopConfig) -> Result<Shop, ShopError> {
        if !config.listen.ip().is_loopback() {
            return Err(ShopError::NotLoopback(config.listen));
        }
        let folder = Folder::create(&config.folder)?;
        let db = Db::open(&folder.database())?;
        db.set_up(seed::fill).await?;
        let unavailable = |source| ShopError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(unavailable)?;
        let address = listener.local_addr().map_err(unavailable)?;
        let (close, closing) = watch::channel(false);
        let hosts = config.hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        let router =
            page::router(App { db, folder, live: Live::new(), hosts, port: address.port(), closing });
        Ok(Shop { listener, address, router, close })
    }

    /// The address the shop listens on, with the real port.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves HTTP/1.1 until `shutdown` resolves, then lets running requests finish for up to five seconds.
    ///
    /// # Errors
    /// [`ShopError::Accept`] when the listener breaks.
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), ShopError> {
        let mut shutdown = pin!(shutdown);
        let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let running = GracefulShutdown::new();
        info!(address = %self.address, "Demo shop is open on {}", self.address);
        loop {
            let accepted = tokio::select! {
                accepted = accept(&self.listener, &seats) => accepted,
                () = &mut shutdown => break,
            };
            match accepted {
                Ok((stream, seat)) => spawn_connection(stream, seat, self.router.clone(), &running),
                Err(error) if is_one_connection(&error) => {
                    debug!(%error, "A connection ended before it began")
                }
                Err(error) => return Err(ShopError::Accept(error)),
            }
        }
        drop(self.listener);
        self.close.send_replace(true);
        if tokio::time::timeout(DRAIN_TIME_MAX, running.shutdown()).await.is_err() {
            warn!("Demo shop closed with requests still running");
        }
        Ok(())
    }
}

async fn accept(
    listener: &TcpListener,
    seats: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let seat = seats.clone().acquire_owned().await.expect("the semaphore is never closed");
    let (stream, _) = listener.accept().await?;
    Ok((stream, seat))
}

/// Errors that concern the one connection that was about to be accepted, not the listener.
fn is_one_connection(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

fn spawn_connection(
    stream: TcpStream,
    seat: OwnedSemaphorePermit,
    router: Router,
    running: &GracefulShutdown,
) {
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
    let service = TowerToHyperService::new(router);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    let watched = running.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = watched.await {
            debug!(%error, "A connection broke");
        }
        drop(seat);
    });
}
