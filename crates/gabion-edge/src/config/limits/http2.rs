//! `[limits.http2]`: what an HTTP/2 connection may do beside asking and being answered.

use serde::Deserialize;

/// `[limits.http2]`: frames of one connection that cost us something and bring the shop nothing. Where a number is
/// exceeded, the connection is closed. "A second" is the last one, sliding.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http2Section {
    /// Requests taken back before they were answered, less the requests that were (CVE-2023-44487).
    pub resets_before_response_max: u32,
    /// Streams that the client resets, a second.
    pub resets_max: u32,
    /// Streams that we had to reset because of what the client sent, in all (CVE-2025-8671).
    pub emitted_resets_max: u32,
    /// CONTINUATION frames of one head (CVE-2024-27316).
    pub continuations_max: u32,
    /// Bytes of one head as sent, all its frames together.
    pub head_bytes_max: u32,
    /// PING frames a second.
    pub pings_max: u32,
    /// SETTINGS frames a second.
    pub settings_max: u32,
    /// DATA frames that bring no data and end nothing, a second.
    pub empty_data_max: u32,
    /// WINDOW_UPDATE frames a second, beyond those that our own data explains.
    pub window_updates_max: u32,
    /// PRIORITY frames and frames of unknown kinds, a second.
    pub priorities_max: u32,
    /// All of the above that are counted by the second, and resets that we had to send, together.
    pub glitches_max: u32,
    /// Requests of an address in a row that were refused: by a rate limit, the list, or shedding.
    pub refusals_max: u32,
    /// Requests at a time that an address may have on all its connections, about: each new connection may have half
    /// of what is left, at least 6 and at most 100.
    pub streams_per_address_max: u32,
}

impl Http2Section {
    /// Nothing is too much: while limits are bypassed.
    pub(crate) const UNLIMITED: Self = Self {
        resets_before_response_max: u32::MAX,
        resets_max: u32::MAX,
        emitted_resets_max: u32::MAX,
        continuations_max: u32::MAX,
        head_bytes_max: u32::MAX,
        pings_max: u32::MAX,
        settings_max: u32::MAX,
        empty_data_max: u32::MAX,
        window_updates_max: u32::MAX,
        priorities_max: u32::MAX,
        glitches_max: u32::MAX,
        refusals_max: u32::MAX,
        streams_per_address_max: u32::MAX,
    };
}

impl Default for Http2Section {
    fn default() -> Self {
        Self {
            resets_before_response_max: 50,
            resets_max: 100,
            emitted_resets_max: 500,
            continuations_max: 20,
            head_bytes_max: 64 * 1024,
            pings_max: 100,
            settings_max: 50,
            empty_data_max: 100,
            window_updates_max: 100,
            priorities_max: 100,
            glitches_max: 150,
            refusals_max: 200,
            streams_per_address_max: 128,
        }
    }
}
