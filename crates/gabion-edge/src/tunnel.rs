//! Upgraded connections: bytes in both directions until one side ends or both are silent for too long.

use std::sync::Arc;
use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::metrics::{Gauge, Metrics};

/// Silence in one direction after which a tunnel is closed unless the other one still talks.
const SILENCE_MAX: Duration = Duration::from_secs(3600);
/// Bytes buffered in each direction.
const BUFFER_BYTES: usize = 16 * 1024;

/// Opens tunnels; they end with the edge.
#[derive(Clone)]
pub(crate) struct Tunnels {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

impl Tunnels {
    /// Joins two sides once both have switched protocols. Keeps `guard` until the tunnel ends.
    pub(crate) fn open(&self, customer: OnUpgrade, endpoint: OnUpgrade, guard: impl Send + 'static) {
        let gauge = Gauge::raise(&self.metrics, |metrics| &metrics.tunnels);
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let joined = async {
                let (customer, endpoint) = tokio::try_join!(customer, endpoint)?;
                join(TokioIo::new(customer), TokioIo::new(endpoint)).await;
                Ok::<_, hyper::Error>(())
            };
            if let Some(Err(error)) = stop.run_until_cancelled(joined).await {
                tracing::debug!(%error, "Upgrade did not finish");
            }
            drop((gauge, guard));
        });
    }
}

async fn join(customer: impl AsyncRead + AsyncWrite, endpoint: impl AsyncRead + AsyncWrite) {
    let (from_customer, to_customer) = tokio::io::split(customer);
    let (from_endpoint, to_endpoint) = tokio::io::split(endpoint);
    let up = copy(from_customer, to_endpoint);
    let down = copy(from_endpoint, to_customer);
    // One side that ends closes its direction; the tunnel ends when both have.
    tokio::join!(up, down);
}

async fn copy(from: impl AsyncRead, to: impl AsyncWrite) {
    let (mut from, mut to) = (std::pin::pin!(from), std::pin::pin!(to));
    let mut buffer = vec![0; BUFFER_BYTES];
    while let Ok(Ok(read)) = tokio::time::timeout(SILENCE_MAX, from.read(&mut buffer)).await {
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() || to.flush().await.is_err() {
            break;
        }
    }
    if let Err(error) = to.shutdown().await {
        tracing::debug!(%error, "Other side of a tunnel was gone already");
    }
}
