//! Upgraded connections: bytes in both directions until one side ends or both are silent for too long.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::metrics::{Gauge, Metrics};
use crate::upstream::http1::Switched;

/// How long a tunnel is kept.
#[derive(Clone, Copy)]
struct Limits {
    /// Silence in both directions.
    silence: Duration,
    /// How long one direction may go on after the other has ended. WebSocket has no half-closed state: what is
    /// still under way is the answer to a close frame.
    last_words: Duration,
}

const LIMITS: Limits = Limits { silence: Duration::from_secs(3600), last_words: Duration::from_secs(10) };
/// Bytes buffered in each direction.
const BUFFER_BYTES: usize = 16 * 1024;

/// The shop's side of a tunnel.
pub(crate) enum ShopSide {
    /// A connection that has switched.
    Http1(Switched),
    /// A stream among others, once it has switched.
    Http2(OnUpgrade),
}

/// Opens tunnels; they end with the edge.
#[derive(Clone)]
pub(crate) struct Tunnels {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

impl Tunnels {
    /// Joins two sides once both have switched protocols. Keeps `guard` until the tunnel ends.
    pub(crate) fn open(&self, customer: OnUpgrade, endpoint: ShopSide, guard: impl Send + 'static) {
        let gauge = Gauge::raise(&self.metrics, |metrics| &metrics.tunnels);
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let joined = async {
                match endpoint {
                    ShopSide::Http1(endpoint) => join(TokioIo::new(customer.await?), endpoint, LIMITS).await,
                    ShopSide::Http2(endpoint) => {
                        let (customer, endpoint) = tokio::try_join!(customer, endpoint)?;
                        join(TokioIo::new(customer), TokioIo::new(endpoint), LIMITS).await;
                    }
                }
                Ok::<_, hyper::Error>(())
            };
            if let Some(Err(error)) = stop.run_until_cancelled(joined).await {
                tracing::debug!(%error, "Upgrade did not finish");
            }
            drop((gauge, guard));
        });
    }
}

async fn join(customer: impl AsyncRead + AsyncWrite, endpoint: impl AsyncRead + AsyncWrite, limits: Limits) {
    let (from_customer, to_customer) = tokio::io::split(customer);
    let (from_endpoint, to_endpoint) = tokio::io::split(endpoint);
    let talk = Talk { began: Instant::now(), last_ms: AtomicU64::new(0), silence: limits.silence };
    let mut up = std::pin::pin!(copy(from_customer, to_endpoint, &talk));
    let mut down = std::pin::pin!(copy(from_endpoint, to_customer, &talk));
    // One side that ends closes its direction; the other gets its last words.
    let other = tokio::select! {
        () = &mut up => timeout(limits.last_words, down).await,
        () = &mut down => timeout(limits.last_words, up).await,
    };
    if other.is_err() {
        tracing::debug!("One side of a tunnel stayed open after the other had ended");
    }
}

/// When either side last said something.
struct Talk {
    began: Instant,
    /// Milliseconds after `began`.
    last_ms: AtomicU64,
    silence: Duration,
}

impl Talk {
    fn note(&self) {
        let since = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(since, Ordering::Relaxed);
    }

    fn over(&self) -> Instant {
        self.began + Duration::from_millis(self.last_ms.load(Ordering::Relaxed)) + self.silence
    }
}

/// Copies one direction until it ends, nobody takes what it says, or neither direction says anything.
async fn copy(from: impl AsyncRead, to: impl AsyncWrite, talk: &Talk) {
    let (mut from, mut to) = (std::pin::pin!(from), std::pin::pin!(to));
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = match timeout_at(talk.over(), from.read(&mut buffer)).await {
            Ok(Ok(read)) if read > 0 => read,
            Err(_) if talk.over() > Instant::now() => continue,
            _ => break,
        };
        talk.note();
        let pass = async {
            to.write_all(&buffer[..read]).await?;
            to.flush().await
        };
        if !matches!(timeout(talk.silence, pass).await, Ok(Ok(()))) {
            break;
        }
    }
    if let Err(error) = to.shutdown().await {
        tracing::debug!(%error, "Other side of a tunnel was gone already");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_tunnel_lives_as_long_as_one_side_talks() {
        let (mut customer, near) = tokio::io::duplex(64);
        let (far, mut endpoint) = tokio::io::duplex(64);
        let limits = Limits { silence: Duration::from_secs(1), last_words: Duration::ZERO };
        let tunnel = tokio::spawn(join(near, far, limits));
        let began = Instant::now();
        let mut tick = tokio::time::interval(Duration::from_millis(100));
        let mut word = [0; 4];
        while began.elapsed() < Duration::from_millis(1500) {
            tick.tick().await;
            endpoint.write_all(b"news").await.expect("the tunnel is open");
            customer.read_exact(&mut word).await.expect("the tunnel is open");
        }
        tunnel.await.expect("the tunnel does not panic");
        assert!(began.elapsed() >= Duration::from_millis(2500), "it ended before the silence was over");
    }

    #[tokio::test]
    async fn the_last_words_of_a_side_pass_but_not_forever() {
        let (customer, near) = tokio::io::duplex(64);
        let (far, mut endpoint) = tokio::io::duplex(64);
        let limits = Limits { last_words: Duration::from_secs(1), ..LIMITS };
        let tunnel = tokio::spawn(join(near, far, limits));
        let (mut from_tunnel, mut to_tunnel) = tokio::io::split(customer);
        to_tunnel.shutdown().await.expect("the tunnel is open");
        assert_eq!(endpoint.read(&mut [0; 4]).await.expect("the tunnel is open"), 0);
        endpoint.write_all(b"bye!").await.expect("the tunnel is open");
        let mut word = [0; 4];
        from_tunnel.read_exact(&mut word).await.expect("the tunnel is open");
        tunnel.await.expect("the tunnel does not panic");
        assert_eq!(&word, b"bye!");
    }
}
