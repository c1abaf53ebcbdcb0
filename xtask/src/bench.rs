//! `cargo xtask bench`: what Gabion costs, beside nginx and by itself. `bench/README.md` says how to read it.

mod edge;
mod idle;
mod layers;
mod load;
mod pages;
mod profile;
mod reloads;
mod site;
mod waf;
mod waf_edge;

use clap::Subcommand;

use crate::task::Outcome;

/// Debian packages of the benchmark, and the program that tells whether each is there.
const PACKAGES: &[(&str, &str)] = &[
    ("nginx-light", "/usr/sbin/nginx"),
    ("wrk", "/usr/bin/wrk"),
    ("nghttp2-client", "/usr/bin/h2load"),
    ("openssl", "/usr/bin/openssl"),
];

/// What is measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Gabion against nginx as a TLS reverse proxy, in one run on the same core.
    Edge(edge::Edge),
    /// What each layer costs that settings can switch off.
    Layers(layers::Layers),
    /// Ten thousand idle TLS connections.
    Idle(idle::Idle),
    /// New configurations under load.
    Reloads(reloads::Reloads),
    /// The rule engine against libmodsecurity, transaction by transaction.
    Waf(waf::Waf),
    /// What reading a page costs, beside two libraries; a page of 50 MiB.
    Pages(pages::Pages),
    /// What the rules add to a request, beside nginx with libmodsecurity.
    WafEdge(waf_edge::WafEdge),
}

/// Measures.
///
/// # Errors
/// When a tool is missing, a proxy does not start, requests fail, or a gate is not met.
pub(crate) fn run(bench: &Bench) -> Outcome {
    match bench {
        Bench::Edge(edge) => edge.run(),
        Bench::Layers(layers) => layers.run(),
        Bench::Idle(idle) => idle.run(),
        Bench::Reloads(reloads) => reloads.run(),
        Bench::Pages(pages) => pages.run(),
        Bench::Waf(waf) => waf.run(),
        Bench::WafEdge(waf) => waf.run(),
    }
}
