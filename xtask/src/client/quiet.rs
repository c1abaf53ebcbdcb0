//! One well-behaved customer: asks for a page at a steady pace and measures how long each answer takes.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use rustls::ClientConfig;

use super::http;
use super::tls::{Curve, Stream, config, connect};
use crate::statistics::percentile;
use crate::task::{Outcome, pause};

/// Time between two requests. At the planned moment of each the clock starts, so that a stall counts for all of them.
const PACE: Duration = Duration::from_millis(20);
/// Requests on one connection: a tenth of the answers include a handshake.
const REQUESTS_PER_CONNECTION: u32 = 10;

/// One well-behaved customer.
#[derive(Debug, Args)]
pub(crate) struct Quiet {
    /// The proxy under test.
    #[arg(long)]
    to: SocketAddr,
    /// The address of the customer.
    #[arg(long)]
    from: IpAddr,
    /// What is asked for.
    #[arg(long, default_value = "/")]
    path: String,
    /// How long.
    #[arg(long)]
    seconds: f64,
}

impl Quiet {
    /// Runs and prints `result ...`.
    pub(crate) fn run(&self) -> Outcome {
        let config = config(Curve::X25519, true)?;
        // The first handshake of a process also wakes its crypto library, for tens of milliseconds.
        self.ask(&config, None)?;
        let started = Instant::now();
        let mut micros = Vec::new();
        let mut failed = 0;
        let mut open = None;
        for number in 0.. {
            let planned = started + PACE * number;
            if planned.duration_since(started).as_secs_f64() >= self.seconds {
                break;
            }
            pause(planned.saturating_duration_since(Instant::now()));
            if number % REQUESTS_PER_CONNECTION == 0 {
                open = None;
            }
            match self.ask(&config, open.take()) {
                Ok(stream) => open = Some(stream),
                Err(error) => {
                    failed += 1;
                    eprintln!("request {number}: {error}");
                }
            }
            micros.push(u64::try_from(planned.elapsed().as_micros()).unwrap_or(u64::MAX));
        }
        micros.sort_unstable();
        println!(
            "result requests={} failed={failed} p50_us={} p99_us={} max_us={}",
            micros.len(),
            percentile(&micros, 50),
            percentile(&micros, 99),
            percentile(&micros, 100)
        );
        Ok(())
    }

    fn ask(&self, config: &Arc<ClientConfig>, open: Option<Stream>) -> Outcome<Stream> {
        let mut stream = match open {
            Some(stream) => stream,
            None => connect(config, self.to, Some(SocketAddr::new(self.from, 0)))?,
        };
        let request = format!("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", self.path, self.to);
        match http::ask(&mut stream, request.as_bytes())?.status {
            200 => Ok(stream),
            status => Err(format!("status {status}")),
        }
    }
}
