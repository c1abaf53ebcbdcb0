//! Many customers who read: each connection asked once and lies idle then.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};

use clap::Args;

use super::http;
use super::tls::{Curve, config, connect};
use crate::task::Outcome;

/// Connections from one address: below what Gabion grants one by default.
const PER_ADDRESS: usize = 50;

/// Opens many connections and lets them lie.
#[derive(Debug, Args)]
pub(crate) struct Idle {
    /// The proxy under test.
    #[arg(long)]
    to: SocketAddr,
    /// What each connection asks for once.
    #[arg(long, default_value = "/1k")]
    path: String,
    /// How many.
    #[arg(long)]
    connections: usize,
}

impl Idle {
    /// Opens all, prints `result ...`, and holds them until the standard input ends.
    pub(crate) fn run(&self) -> Outcome {
        let config = config(Curve::X25519, false)?;
        let request = format!("GET {} HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", self.path, self.to.port());
        let mut open = Vec::with_capacity(self.connections);
        for number in 0..self.connections {
            let mut stream = connect(&config, self.to, Some(address(number)))?;
            let answer = http::ask(&mut stream, request.as_bytes())
                .map_err(|error| format!("connection {number}: {error}"))?;
            if answer.status != 200 {
                return Err(format!("connection {number}: status {}", answer.status));
            }
            open.push(stream);
        }
        println!("result open={}", open.len());
        let mut until = Vec::new();
        std::io::stdin().read_to_end(&mut until).map_err(|error| format!("standard input: {error}"))?;
        Ok(())
    }
}

/// 127.0.1.1 for the first fifty, 127.0.1.2 for the next.
fn address(number: usize) -> SocketAddr {
    let last = u8::try_from(number / PER_ADDRESS + 1).unwrap_or(u8::MAX);
    SocketAddr::from((Ipv4Addr::new(127, 0, 1, last), 0))
}
