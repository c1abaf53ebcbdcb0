//! Load that needs to know TLS better than wrk and h2load do. Runs as its own process, on the load generator's core.

mod checkout;
mod handshakes;
mod http;
mod idle;
mod quiet;
mod tls;

use clap::Subcommand;

use crate::task::Outcome;

/// What the client does.
#[derive(Debug, Subcommand)]
pub(crate) enum Client {
    /// Opens a connection, sends one request, closes, and starts over.
    Handshakes(handshakes::Handshakes),
    /// Opens many connections and lets them lie.
    Idle(idle::Idle),
    /// Asks for a page at a steady pace.
    Quiet(quiet::Quiet),
    /// Buys in the demo shop without scripts.
    Checkout(checkout::Checkout),
}

/// Runs one client to its end. The last line is `result key=value ...`.
pub(crate) fn run(client: &Client) -> Outcome {
    match client {
        Client::Handshakes(handshakes) => handshakes.run(),
        Client::Idle(idle) => idle.run(),
        Client::Quiet(quiet) => quiet.run(),
        Client::Checkout(checkout) => checkout.run(),
    }
}
