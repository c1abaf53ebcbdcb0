//! Origins, as browsers write them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::RpId;

/// A web page's scheme, host and port, in the one form that browsers write (RFC 6454 section 6.2): lower case, no path,
/// the port only where it is not the scheme's own. Plain http is taken for localhost alone, as browsers do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin(String);

/// The text is no origin that passkeys work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an origin such as https://shop.example")]
pub struct InvalidOrigin;

impl Origin {
    /// The origin as browsers write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host, without the port.
    pub fn host(&self) -> &str {
        let authority = self.0.split_once("://").map_or("", |(_, authority)| authority);
        authority.split(':').next().unwrap_or(authority)
    }

    /// Whether it is reached over TLS.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let (scheme, authority) = text.split_once("://").ok_or(InvalidOrigin)?;
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        };
        let host: RpId = host.parse().map_err(|_| InvalidOrigin)?;
        let local = host.as_str() == "localhost" || host.as_str().ends_with(".localhost");
        let own_port = match scheme {
            "https" => 443,
            "http" if local => 80,
            _ => return Err(InvalidOrigin),
        };
        if let Some(port) = port {
            let number: u16 = port.parse().map_err(|_| InvalidOrigin)?;
            if number == 0 || number == own_port || number.to_string() != port {
                return Err(InvalidOrigin);
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Origin {
    type Error = InvalidOrigin;

    fn try_from(text: String) -> Result<Self, InvalidOrigin> {
        text.parse()
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_have_one_form() {
        for valid in [
            "https://shop.example",
            "https://shop.example:8443",
            "http://localhost:8080",
            "http://a.localhost",
        ] {
            let origin: Origin = valid.parse().unwrap();
            assert_eq!(origin.as_str(), valid);
        }
        for wrong in [
            "",
            "shop.example",
            "https://",
            "https://shop.example/",
            "https://shop.example:443",
            "https://Shop.example",
            "http://shop.example",
            "https://shop.example:",
            "https://shop.example:08443",
            "https://shop.example:+1",
            "https://shop.example:70000",
            "https://u@shop.example",
            "https://shop.example?",
            "https://127.0.0.1",
            "https://[::1]",
            "http://localhost:80",
            "ftp://shop.example",
            "https://shop.example:1:2",
            "null",
        ] {
            assert_eq!(wrong.parse::<Origin>(), Err(InvalidOrigin), "{wrong}");
        }
    }

    #[test]
    fn the_host_is_without_scheme_and_port() {
        let origin: Origin = "https://shop.example:8443".parse().unwrap();
        assert_eq!((origin.host(), origin.is_https()), ("shop.example", true));
    }
}
