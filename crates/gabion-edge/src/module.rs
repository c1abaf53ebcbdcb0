//! The protections that `gabion bypass` can turn off one by one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A protection of the edge that can be bypassed while TLS and proxying go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Module {
    /// Security headers on responses.
    Headers,
    /// Limits of one client's connections, of request bodies and of upstreams.
    Limits,
    /// Watching the shop's pages, and holding them to what people decided.
    Pages,
    /// The rules against attacks inside requests.
    Waf,
    /// The look at uploaded files.
    Uploads,
}

impl Module {
    /// Every module, in the order they are shown.
    pub const ALL: [Self; 5] = [Self::Headers, Self::Limits, Self::Pages, Self::Waf, Self::Uploads];

    /// The name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Headers => "headers",
            Self::Limits => "limits",
            Self::Pages => "pages",
            Self::Waf => "waf",
            Self::Uploads => "uploads",
        }
    }

    /// What it protects from, in a few words.
    pub const fn what(self) -> &'static str {
        match self {
            Self::Headers => "security headers on the shop's responses",
            Self::Limits => {
                "limits of one client's connections, request body limits, rate limits, the block list, shedding and \
                 the upstream's queue"
            }
            Self::Pages => "watching the shop's pages, and holding them to what people decided",
            Self::Waf => "rules against attacks inside requests",
            Self::Uploads => "the look at uploaded files, and the refusal to run them",
        }
    }
}

impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name of no module.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such module; there are headers, limits, pages, waf and uploads")]
pub struct UnknownModule;

impl FromStr for Module {
    type Err = UnknownModule;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|module| module.as_str() == text).ok_or(UnknownModule)
    }
}
