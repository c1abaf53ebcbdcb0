//! Where somebody is, as far as their address says.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A neighborhood of addresses: the /24 of an IPv4 address, the /56 of an IPv6 address, which is what providers give to
/// one household. Nothing finer is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Network {
    /// The first 24 bits.
    V4([u8; 3]),
    /// The first 56 bits.
    V6([u8; 7]),
}

impl From<IpAddr> for Network {
    /// IPv4 addresses written as IPv6 count as what they are.
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                Self::V4([a, b, c])
            }
            IpAddr::V6(address) => {
                let octets = address.octets();
                Self::V6(*octets.first_chunk().expect("7 of 16 bytes"))
            }
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4([a, b, c]) => write!(f, "{}/24", Ipv4Addr::new(*a, *b, *c, 0)),
            Self::V6(prefix) => {
                let mut octets = [0; 16];
                octets[..7].copy_from_slice(prefix);
                write!(f, "{}/56", Ipv6Addr::from(octets))
            }
        }
    }
}

/// A country's two letters (ISO 3166-1 alpha-2), upper case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

/// A text that is not two letters.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a country is two letters")]
pub struct InvalidCountry;

impl Country {
    /// Its letters.
    pub fn as_bytes(&self) -> &[u8; 2] {
        &self.0
    }
}

impl FromStr for Country {
    type Err = InvalidCountry;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let letters: [u8; 2] = text.as_bytes().try_into().map_err(|_| InvalidCountry)?;
        if letters.iter().all(u8::is_ascii_alphabetic) {
            Ok(Self(letters.map(|letter| letter.to_ascii_uppercase())))
        } else {
            Err(InvalidCountry)
        }
    }
}

/// A point on earth, in degrees.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "(f64, f64)", into = "(f64, f64)")]
pub struct Place {
    latitude: f64,
    longitude: f64,
}

/// Degrees that are nowhere.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("latitude is -90 to 90 degrees, longitude -180 to 180")]
pub struct InvalidPlace;

impl Place {
    /// A point.
    ///
    /// # Errors
    /// When latitude is not within ±90 or longitude not within ±180 degrees.
    pub fn new(latitude: f64, longitude: f64) -> Result<Self, InvalidPlace> {
        if (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude) {
            Ok(Self { latitude, longitude })
        } else {
            Err(InvalidPlace)
        }
    }

    /// Kilometers to `other` on the great circle (haversine), on a sphere of 6371 km.
    pub fn kilometers_to(self, other: Self) -> f64 {
        const EARTH_RADIUS_KM: f64 = 6371.0;
        let (from, to) = (self.latitude.to_radians(), other.latitude.to_radians());
        let across = (other.longitude - self.longitude).to_radians() / 2.0;
        let up = (to - from) / 2.0;
        let h = up.sin().powi(2) + from.cos() * to.cos() * across.sin().powi(2);
        2.0 * EARTH_RADIUS_KM * h.min(1.0).sqrt().asin()
    }
}

impl TryFrom<(f64, f64)> for Place {
    type Error = InvalidPlace;

    fn try_from((latitude, longitude): (f64, f64)) -> Result<Self, Self::Error> {
        Self::new(latitude, longitude)
    }
}

impl From<Place> for (f64, f64) {
    fn from(place: Place) -> Self {
        (place.latitude, place.longitude)
    }
}

/// What a range of addresses is used for, as far as a feed says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Range {
    /// Homes and offices, or nobody said.
    #[default]
    Ordinary,
    /// A mobile carrier: its addresses say little about where somebody is.
    Mobile,
    /// A data center, VPN or relay: as above.
    Hosting,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Origin {
    /// Its network.
    pub network: Network,
    /// The number of its autonomous system, if known.
    pub asn: Option<u32>,
    /// Its country, if known.
    pub country: Option<Country>,
    /// Its place, if known.
    pub place: Option<Place>,
    /// What the addresses are used for.
    pub range: Range,
}

impl Origin {
    /// Of an address of which nothing else is known: without feeds.
    pub fn of(address: IpAddr) -> Self {
        Self { network: address.into(), asn: None, country: None, place: None, range: Range::Ordinary }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, network: &str) {
        assert_eq!(Network::from(address.parse::<IpAddr>().unwrap()).to_string(), network);
    }

    #[test]
    fn addresses_become_networks() {
        check("203.0.113.77", "203.0.113.0/24");
        check("::ffff:203.0.113.77", "203.0.113.0/24");
        check("2001:db8:1:2345::1", "2001:db8:1:2300::/56");
    }

    #[test]
    fn countries_are_two_letters() {
        assert_eq!("de".parse::<Country>().unwrap().as_bytes(), b"DE");
        for bad in ["", "D", "DEU", "D1", "é"] {
            assert_eq!(bad.parse::<Country>(), Err(InvalidCountry), "{bad}");
        }
    }

    #[test]
    fn distances_follow_the_great_circle() {
        let place = |latitude, longitude| Place::new(latitude, longitude).unwrap();
        let (berlin, tokyo) = (place(52.52, 13.405), place(35.68, 139.69));
        assert!((berlin.kilometers_to(tokyo) - 8918.0).abs() < 20.0);
        assert!(berlin.kilometers_to(berlin) < 1e-6);
        assert!((place(0.0, 0.0).kilometers_to(place(0.0, 180.0)) - 20_015.0).abs() < 1.0);
    }

    #[test]
    fn nowhere_is_refused() {
        for (latitude, longitude) in [(91.0, 0.0), (0.0, 181.0), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert_eq!(Place::new(latitude, longitude), Err(InvalidPlace));
        }
    }
}
