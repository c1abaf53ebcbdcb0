//! The software on the other side, as its connection shows it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::agent::Agent;

/// A JA4 fingerprint of the ClientHello: ten, an underscore, twelve, an underscore, twelve characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ja4([u8; 36]);

/// A text that is no JA4 fingerprint.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a JA4 fingerprint")]
pub struct InvalidJa4;

impl Ja4 {
    /// As text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only ASCII was accepted")
    }
}

impl Ja4 {
    /// Whether both can be the same program over the same transport. Only TLS version and cipher suites are compared:
    /// resuming a session adds an extension, which changes the rest. Over another transport nothing is said.
    pub fn is_like(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.0, &other.0);
        ours[0] != theirs[0] || (ours[1..3] == theirs[1..3] && ours[11..23] == theirs[11..23])
    }
}

impl FromStr for Ja4 {
    type Err = InvalidJa4;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes: [u8; 36] = text.as_bytes().try_into().map_err(|_| InvalidJa4)?;
        let fits = |(at, byte): (usize, &u8)| match at {
            10 | 23 => *byte == b'_',
            _ => byte.is_ascii_alphanumeric(),
        };
        if bytes.iter().enumerate().all(fits) { Ok(Self(bytes)) } else { Err(InvalidJa4) }
    }
}

impl TryFrom<String> for Ja4 {
    type Error = InvalidJa4;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Ja4> for String {
    fn from(ja4: Ja4) -> Self {
        ja4.as_str().to_owned()
    }
}

impl fmt::Display for Ja4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Ja4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The version of TLS that was spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

/// The version of HTTP that was spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/1.0 or 1.1.
    V1,
    /// HTTP/2.
    V2,
    /// HTTP/3.
    V3,
}

/// What is known of the software.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// What it says of itself. None when it said nothing.
    pub agent: Option<Agent>,
    /// How it begins TLS. None without TLS, or behind a proxy that ends it.
    pub ja4: Option<Ja4>,
    /// The version of TLS, if any.
    pub tls: Option<TlsVersion>,
    /// The version of HTTP, if known.
    pub http: Option<HttpVersion>,
}

impl Client {
    /// Whether it cannot be the software that a cookie was last seen with: another browser or system, or the very same
    /// one that begins TLS differently. An update changes both and is no other software.
    pub(crate) fn differs_from(&self, agent: Option<Agent>, ja4: Option<Ja4>) -> bool {
        let other_family = self.agent.zip(agent).is_some_and(|(now, then)| !now.is_like(&then));
        let updated = self.agent.zip(agent).is_some_and(|(now, then)| now != then);
        let other_tls = self.ja4.zip(ja4).is_some_and(|(now, then)| !now.is_like(&then));
        other_family || (other_tls && !updated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_have_one_shape() {
        let good = "t13d1516h2_8daaf6152771_e5627efa2ab1";
        assert_eq!(good.parse::<Ja4>().unwrap().to_string(), good);
        for bad in ["", "t13d1516h2", &good.replace('_', "-"), &format!("{good}0"), &good.replace('t', "é")]
        {
            assert_eq!(bad.parse::<Ja4>(), Err(InvalidJa4), "{bad}");
        }
    }

    #[test]
    fn a_resumed_session_is_the_same_program_and_other_ciphers_are_not() {
        let ja4 = |text: &str| text.parse::<Ja4>().unwrap();
        let first = ja4("t13d1516h2_8daaf6152771_e5627efa2ab1");
        assert!(first.is_like(&ja4("t13d1517h2_8daaf6152771_b0da82dd1658")), "with a pre-shared key");
        assert!(first.is_like(&ja4("q13d0312h3_55b375c5d22e_06cda9e17597")), "over QUIC");
        assert!(!first.is_like(&ja4("t13d190900_9dc949149365_97f8aa674fd9")), "a program");
    }

    #[test]
    fn updates_are_told_from_other_software() {
        let firefox = |version: u16| {
            Some(Agent::parse(&format!("Mozilla/5.0 (X11; Linux x86_64; rv:{version}) Firefox/{version}")))
        };
        let [ja4, other] = ["t13d1516h2_8daaf6152771_e5627efa2ab1", "t13d190900_9dc949149365_97f8aa674fd9"];
        let [ja4, other] = [ja4, other].map(|text| text.parse::<Ja4>().ok());
        let client = Client { agent: firefox(140), ja4, ..Client::default() };
        for (agent, ja4, differs) in [
            (firefox(140), ja4, false),
            (firefox(139), other, false),
            (firefox(140), other, true),
            (Some(Agent::parse("curl/8.14.1")), ja4, true),
            (None, other, true),
            (firefox(139), None, false),
            (None, None, false),
        ] {
            assert_eq!(client.differs_from(agent, ja4), differs, "{agent:?} {ja4:?}");
        }
    }
}
