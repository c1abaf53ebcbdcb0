//! Connections that are refused or ended because of a limit: counted by reason, and told.

use std::net::IpAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use gabion_core::Actor;

use crate::tls::Ja4;
use crate::{Edge, event};

/// Which limit ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a limit was reached: {}", self.as_str())]
pub enum Cut {
    /// `connections_max`.
    Connections,
    /// `connections_per_address_max`.
    ConnectionsPerAddress,
    /// `handshakes_max`.
    Handshakes,
    /// `handshake_timeout_seconds`.
    HandshakeTimeout,
    /// A configured peer sent no PROXY header, or a malformed one.
    ProxyHeader,
    /// `write_timeout_seconds`: the client's system takes nothing.
    WriteTimeout,
    /// `head_timeout_seconds`: the first bytes of HTTP/2 did not come.
    Http2Preface,
    /// `head_timeout_seconds`: the head of an HTTP/2 request did not end.
    Http2HeadTimeout,
    /// `write_timeout_seconds`: an HTTP/2 client opens no window for a response.
    Http2Window,
    /// An HTTP/2 client opens streams and waits for nothing.
    Http2Streams,
    /// `http2.resets_before_response_max`.
    Http2ResetsBeforeResponse,
    /// `http2.resets_max`.
    Http2Resets,
    /// `http2.emitted_resets_max`.
    Http2EmittedResets,
    /// `http2.continuations_max`.
    Http2Continuations,
    /// `http2.head_bytes_max`.
    Http2HeadBytes,
    /// `http2.pings_max`.
    Http2Pings,
    /// `http2.settings_max`.
    Http2Settings,
    /// `http2.empty_data_max`.
    Http2EmptyData,
    /// `http2.window_updates_max`.
    Http2WindowUpdates,
    /// `http2.priorities_max`.
    Http2Priorities,
    /// `http2.glitches_max`.
    Http2Glitches,
    /// `http2.refusals_max`.
    Http2Refusals,
}

impl Cut {
    /// Every reason.
    pub const ALL: [Self; 22] = [
        Self::Connections,
        Self::ConnectionsPerAddress,
        Self::Handshakes,
        Self::HandshakeTimeout,
        Self::ProxyHeader,
        Self::WriteTimeout,
        Self::Http2Preface,
        Self::Http2HeadTimeout,
        Self::Http2Window,
        Self::Http2Streams,
        Self::Http2ResetsBeforeResponse,
        Self::Http2Resets,
        Self::Http2EmittedResets,
        Self::Http2Continuations,
        Self::Http2HeadBytes,
        Self::Http2Pings,
        Self::Http2Settings,
        Self::Http2EmptyData,
        Self::Http2WindowUpdates,
        Self::Http2Priorities,
        Self::Http2Glitches,
        Self::Http2Refusals,
    ];

    /// The name in events and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::ConnectionsPerAddress => "connections_per_address",
            Self::Handshakes => "handshakes",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::ProxyHeader => "proxy_header",
            Self::WriteTimeout => "write_timeout",
            Self::Http2Preface => "http2_preface",
            Self::Http2HeadTimeout => "http2_head_timeout",
            Self::Http2Window => "http2_window",
            Self::Http2Streams => "http2_streams",
            Self::Http2ResetsBeforeResponse => "http2_resets_before_response",
            Self::Http2Resets => "http2_resets",
            Self::Http2EmittedResets => "http2_emitted_resets",
            Self::Http2Continuations => "http2_continuations",
            Self::Http2HeadBytes => "http2_head_bytes",
            Self::Http2Pings => "http2_pings",
            Self::Http2Settings => "http2_settings",
            Self::Http2EmptyData => "http2_empty_data",
            Self::Http2WindowUpdates => "http2_window_updates",
            Self::Http2Priorities => "http2_priorities",
            Self::Http2Glitches => "http2_glitches",
            Self::Http2Refusals => "http2_refusals",
        }
    }
}

/// How many connections were cut, by reason.
#[derive(Default)]
pub struct Cuts([AtomicU64; Cut::ALL.len()]);

impl Cuts {
    /// So far.
    pub fn count(&self, cut: Cut) -> u64 {
        self.0[cut as usize].load(Ordering::Relaxed)
    }

    fn add(&self, cut: Cut) {
        self.0[cut as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// Why one connection was cut, if it was: noted where it happens, told where the connection ends.
#[derive(Default)]
pub(crate) struct Ending(OnceLock<Cut>);

impl Ending {
    /// Notes the reason; the first one counts.
    pub(crate) fn because(&self, cut: Cut) {
        self.0.get_or_init(|| cut);
    }

    /// The reason.
    pub(crate) fn cut(&self) -> Option<Cut> {
        self.0.get().copied()
    }
}

impl Edge {
    /// Counts a connection that was cut, and tells of it.
    pub(crate) fn tell_cut(&self, cut: Cut, address: IpAddr, ja4: Option<Ja4>) {
        self.metrics().connections_cut.add(cut);
        self.recorder().record(&event::CONNECTION_CUT, Actor::Visitor, |event| {
            let event = match ja4 {
                Some(ja4) => event.field("ja4", ja4.as_str()),
                None => event,
            };
            event.field("reason", cut.as_str()).personal("address", address.to_canonical().to_string())
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_place_and_a_name_of_its_own() {
        for (i, cut) in Cut::ALL.into_iter().enumerate() {
            assert_eq!(cut as usize, i);
            assert_eq!(Cut::ALL.iter().filter(|other| other.as_str() == cut.as_str()).count(), 1);
        }
    }

    #[test]
    fn the_first_reason_counts() {
        let ending = Ending::default();
        ending.because(Cut::ProxyHeader);
        ending.because(Cut::WriteTimeout);
        assert_eq!(ending.cut(), Some(Cut::ProxyHeader));
    }
}
