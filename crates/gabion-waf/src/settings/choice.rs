//! Settings that are one of a few words.

use std::ops::{BitAnd, BitOr, Not};

use crate::error::Fault;

/// Whether rules run, and whether they decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub enum Engine {
    /// Rules run and decide.
    #[default]
    On,
    /// Rules do not run.
    Off,
    /// Rules run and log, and nothing is stopped.
    DetectionOnly,
}

impl Engine {
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        Ok(match text.to_ascii_lowercase().as_str() {
            "on" => Self::On,
            "off" => Self::Off,
            "detectiononly" => Self::DetectionOnly,
            _ => return Err(Fault::value(text, "On, Off or DetectionOnly")),
        })
    }
}

/// Which transactions have an audit record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditEngine {
    /// All.
    On,
    /// None.
    #[default]
    Off,
    /// Those with a match that is to be audited, or a status that the settings name.
    RelevantOnly,
}

impl AuditEngine {
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        Ok(match text.to_ascii_lowercase().as_str() {
            "on" => Self::On,
            "off" => Self::Off,
            "relevantonly" => Self::RelevantOnly,
            _ => return Err(Fault::value(text, "On, Off or RelevantOnly")),
        })
    }
}

/// Which parts an audit record has, by their letters A to K and Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditParts(u32);

impl Default for AuditParts {
    fn default() -> Self {
        Self::of(b"ABCFHZ")
    }
}

impl AuditParts {
    const fn of(letters: &[u8]) -> Self {
        let mut parts = 0;
        let mut at = 0;
        while at < letters.len() {
            parts |= 1 << (letters[at] - b'A');
            at += 1;
        }
        Self(parts)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let upper = text.to_ascii_uppercase();
        if upper.bytes().all(|letter| matches!(letter, b'A'..=b'K' | b'Z')) {
            return Ok(Self::of(upper.as_bytes()));
        }
        Err(Fault::value(text, "letters of audit parts: A to K, Z"))
    }

    /// Whether the part of that letter is wanted.
    pub fn has(self, letter: u8) -> bool {
        letter.is_ascii_uppercase() && self.0 & 1 << (letter - b'A') != 0
    }
}

impl BitOr for AuditParts {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for AuditParts {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Not for AuditParts {
    type Output = Self;
    fn not(self) -> Self {
        Self(!self.0)
    }
}

/// How a body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyProcessor {
    Urlencoded,
    Multipart,
    Json,
    Xml,
    /// Nothing but REQUEST_BODY.
    Raw,
}

impl BodyProcessor {
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        Ok(match text.to_ascii_uppercase().as_str() {
            "URLENCODED" => Self::Urlencoded,
            "MULTIPART" => Self::Multipart,
            "JSON" => Self::Json,
            "XML" => Self::Xml,
            "RAW" => Self::Raw,
            _ => return Err(Fault::value(text, "URLENCODED, MULTIPART, JSON, XML or RAW")),
        })
    }

    /// The value of REQBODY_PROCESSOR.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Urlencoded => "URLENCODED",
            Self::Multipart => "MULTIPART",
            Self::Json => "JSON",
            Self::Xml => "XML",
            Self::Raw => "RAW",
        }
    }
}

/// What happens to a body above its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OverLimit {
    /// The transaction is denied: status 413 for requests, 500 for responses.
    #[default]
    Reject,
    /// Only the beginning is inspected; INBOUND_DATA_ERROR or OUTBOUND_DATA_ERROR says so.
    ProcessPartial,
}

impl OverLimit {
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        Ok(match text.to_ascii_lowercase().as_str() {
            "reject" => Self::Reject,
            "processpartial" => Self::ProcessPartial,
            _ => return Err(Fault::value(text, "Reject or ProcessPartial")),
        })
    }
}
