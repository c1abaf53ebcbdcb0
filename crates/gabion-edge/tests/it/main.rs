//! The edge as customers, shops and operators meet it: real sockets on loopback, a fake shop behind it.

#![allow(clippy::unwrap_used)]

mod access_log;
mod acme;
mod admission;
mod balance;
mod bodies;
mod canary;
mod connections;
mod ejection;
mod failures;
mod forwarding;
mod front;
mod gates;
#[allow(clippy::print_stderr, reason = "whoever runs the tests should see the table")]
mod guard;
mod hello;
mod http2_floods;
mod lifecycle;
mod malformed;
mod own;
mod pages;
mod rate_limits;

mod reload_storm;
mod responses;
mod routing;
#[allow(clippy::print_stdout, clippy::print_stderr, reason = "whoever runs the tests should see the table")]
mod smuggle;
mod sticky;
mod streaming;
mod telemetry;
mod upload;
mod upstream_http2;
mod upstream_tls;
mod waf;
mod websocket;
