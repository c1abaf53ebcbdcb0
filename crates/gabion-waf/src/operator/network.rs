//! Lists of networks.

use std::net::IpAddr;

use crate::error::Fault;

/// Some networks, each an address and how many bits of it count.
#[derive(Clone, Debug)]
pub(crate) struct Networks(Vec<(IpAddr, u8)>);

impl Networks {
    /// Reads addresses and networks such as `10.0.0.0/8`, divided by commas, white space or lines; `#` begins a
    /// comment.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        lines
            .flat_map(|line| line.split(|letter: char| letter == ',' || letter.is_whitespace()))
            .filter(|entry| !entry.is_empty())
            .map(network)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether the value is an address in one of them.
    pub(crate) fn contain(&self, value: &[u8]) -> bool {
        let Some(address) = str::from_utf8(value).ok().and_then(|text| text.parse::<IpAddr>().ok()) else {
            return false;
        };
        let address = address.to_canonical();
        self.0.iter().any(|(network, length)| same_start(*network, address, *length))
    }
}

fn network(text: &str) -> Result<(IpAddr, u8), Fault> {
    let wrong = || Fault::value(text, "an address or a network");
    let (address, length) = text.split_once('/').unwrap_or((text, ""));
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = if length.is_empty() { most } else { length.parse().map_err(|_| wrong())? };
    match (address, address.to_canonical()) {
        _ if length > most => Err(wrong()),
        // An IPv4 address in the clothes of IPv6, as values are undressed, too.
        (IpAddr::V6(_), IpAddr::V4(inner)) if length >= 96 => Ok((IpAddr::V4(inner), length - 96)),
        _ => Ok((address, length)),
    }
}

fn same_start(network: IpAddr, address: IpAddr, length: u8) -> bool {
    match (network, address) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            (a.to_bits() ^ b.to_bits()).checked_shr(32 - u32::from(length)).unwrap_or(0) == 0
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            (a.to_bits() ^ b.to_bits()).checked_shr(128 - u32::from(length)).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_networks_of_their_kind() {
        let networks =
            Networks::parse("127.0.0.1,10.0.0.0/8 2001:db8::/32\n# none\n::1,::ffff:198.51.100.0/120")
                .expect("networks");
        for (value, expected) in [
            ("127.0.0.1", true),
            ("127.0.0.2", false),
            ("10.255.0.1", true),
            ("2001:db8:1::", true),
            ("2001:db9::", false),
            ("::1", true),
            ("::ffff:10.0.0.1", true),
            ("198.51.100.9", true),
            ("::ffff:198.51.100.9", true),
            ("x", false),
            ("", false),
        ] {
            assert_eq!(networks.contain(value.as_bytes()), expected, "{value}");
        }
        assert!(Networks::parse("0.0.0.0/0").expect("all").contain(b"192.0.2.1"));
        for text in ["300.0.0.1", "10.0.0.0/33", "::/129", "a/b"] {
            assert!(Networks::parse(text).is_err(), "{text}");
        }
    }
}
