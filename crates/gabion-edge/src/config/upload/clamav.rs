//! `[upload] clamav`: who else looks at files.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// How ClamAV is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClamAvConfig {
    /// Where it listens.
    pub address: ClamAvAddress,
    /// What it may take for one file, from connecting to its answer.
    pub timeout: Duration,
    /// Files at a time, at least 1.
    pub connections_max: usize,
}

/// Where ClamAV listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClamAvAddress {
    /// At a socket in the file system.
    Unix(PathBuf),
    /// At a host and a port.
    Tcp(String, u16),
}

impl ClamAvAddress {
    /// What has a slash is a path, and everything else `host:port`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.contains('/') {
            return Some(Self::Unix(text.into()));
        }
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok().filter(|port| *port != 0)?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        (!host.is_empty()).then(|| Self::Tcp(host.to_owned(), port))
    }
}

impl fmt::Display for ClamAvAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => path.display().fmt(f),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_paths_or_hosts_with_a_port() {
        let unix = |path: &str| Some(ClamAvAddress::Unix(path.into()));
        let tcp = |host: &str, port| Some(ClamAvAddress::Tcp(host.into(), port));
        for (text, expected) in [
            ("/run/clamav/clamd.ctl", unix("/run/clamav/clamd.ctl")),
            ("./clamd.ctl", unix("./clamd.ctl")),
            ("127.0.0.1:3310", tcp("127.0.0.1", 3310)),
            ("scanner.internal:3310", tcp("scanner.internal", 3310)),
            ("[::1]:3310", tcp("::1", 3310)),
            ("scanner", None),
            (":3310", None),
            ("scanner:0", None),
            ("scanner:clamd", None),
            ("", None),
        ] {
            assert_eq!(ClamAvAddress::parse(text), expected, "{text}");
        }
    }
}
