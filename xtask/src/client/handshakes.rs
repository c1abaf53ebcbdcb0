//! New connections, one request each: full handshakes, or resumed ones. Counts which it really got.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use clap::Args;
use rustls::HandshakeKind;

use super::http;
use super::tls::{Curve, config, connect};
use crate::statistics::percentile;
use crate::task::Outcome;

/// Opens a connection, sends one request, closes, and starts over.
#[derive(Debug, Args)]
pub(crate) struct Handshakes {
    /// The proxy under test.
    #[arg(long)]
    to: SocketAddr,
    /// What is asked for.
    #[arg(long)]
    path: String,
    /// How long.
    #[arg(long)]
    seconds: f64,
    /// Connections at a time.
    #[arg(long)]
    threads: usize,
    /// Resume the session of the connection before.
    #[arg(long)]
    resume: bool,
    /// The key exchange.
    #[arg(long, value_enum, default_value_t = Curve::X25519)]
    curve: Curve,
}

/// What one thread saw.
#[derive(Default)]
struct Seen {
    micros: Vec<u64>,
    full: u64,
    resumed: u64,
    failed: u64,
}

impl Handshakes {
    /// Runs and prints `result ...`.
    pub(crate) fn run(&self) -> Outcome {
        let started = Instant::now();
        let until = started + Duration::from_secs_f64(self.seconds);
        let threads: Vec<_> = std::thread::scope(|scope| {
            let running: Vec<_> = (0..self.threads).map(|_| scope.spawn(|| self.repeat(until))).collect();
            running.into_iter().map(|thread| thread.join().expect("a client thread does not panic")).collect()
        });
        let mut all = Seen::default();
        for seen in threads {
            let seen = seen?;
            all.micros.extend(seen.micros);
            all.full += seen.full;
            all.resumed += seen.resumed;
            all.failed += seen.failed;
        }
        all.micros.sort_unstable();
        println!(
            "result requests={} seconds={:.3} p50_us={} p99_us={} failed={} full={} resumed={}",
            all.micros.len(),
            started.elapsed().as_secs_f64(),
            percentile(&all.micros, 50),
            percentile(&all.micros, 99),
            all.failed,
            all.full,
            all.resumed
        );
        Ok(())
    }

    fn repeat(&self, until: Instant) -> Outcome<Seen> {
        let config = config(self.curve, self.resume)?;
        let request =
            format!("GET {} HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", self.path, self.to.port()).into_bytes();
        let mut seen = Seen::default();
        while Instant::now() < until {
            let started = Instant::now();
            let mut stream = connect(&config, self.to, None)?;
            match http::ask(&mut stream, &request) {
                Ok(answer) if answer.status == 200 => {}
                Ok(_) | Err(_) => {
                    seen.failed += 1;
                    continue;
                }
            }
            seen.micros.push(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX));
            match stream.conn.handshake_kind() {
                Some(HandshakeKind::Resumed) => seen.resumed += 1,
                _ => seen.full += 1,
            }
        }
        Ok(seen)
    }
}
