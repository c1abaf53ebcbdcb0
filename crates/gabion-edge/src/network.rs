//! Blocks of addresses.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A block of addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// A text that is no network.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address or a network such as 10.0.0.0/8")]
pub struct InvalidNetwork;

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().ok().filter(|bits| *bits <= most).ok_or(InvalidNetwork)?,
            None => most,
        };
        Ok(Self { address, bits })
    }
}

impl fmt::Display for Network {
    /// One address without its bits, otherwise `10.0.0.0/8`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = if self.address.is_ipv4() { 32 } else { 128 };
        if self.bits == one {
            write!(f, "{}", self.address)
        } else {
            write!(f, "{}/{}", self.address, self.bits)
        }
    }
}

impl Network {
    /// The block around an address: its first `v4` bits when it is IPv4, its first `v6` bits otherwise.
    pub fn around(address: IpAddr, v4: u8, v6: u8) -> Self {
        let address = address.to_canonical();
        let bits = if address.is_ipv4() { v4.min(32) } else { v6.min(128) };
        Self { address, bits }.without_host_part()
    }

    /// The first address of the block, in its own family.
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// Bits of an address that the block fixes.
    pub const fn bits(&self) -> u8 {
        self.bits
    }

    /// The same block with the bits that it does not fix at zero.
    #[must_use]
    pub fn without_host_part(self) -> Self {
        if let (IpAddr::V4(address), IpAddr::V6(_)) = (self.address.to_canonical(), self.address) {
            // ::ffff:192.0.2.0/120 is 192.0.2.0/24; a shorter block is wider than IPv4.
            if let Some(bits) = self.bits.checked_sub(96) {
                return Self { address: address.into(), bits }.without_host_part();
            }
        }
        let address = match self.address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                IpAddr::V4((address.to_bits() & mask).into())
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                IpAddr::V6((address.to_bits() & mask).into())
            }
        };
        Self { address, ..self }
    }

    /// Whether the address lies in this network. IPv4-mapped IPv6 addresses count as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(address)) => {
                let shift = 32u32.saturating_sub(self.bits.into());
                (u64::from(net.to_bits()) >> shift) == (u64::from(address.to_bits()) >> shift)
            }
            (IpAddr::V6(net), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.bits);
                net.to_bits().checked_shr(shift) == address.to_bits().checked_shr(shift)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_strict() {
        for bad in ["", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "::/129", "shop.example"] {
            assert_eq!(bad.parse::<Network>(), Err(InvalidNetwork), "{bad}");
        }
        let everything: Network = "::/0".parse().expect("a network");
        assert!(everything.contains("2001:db8::1".parse().expect("an address")));
        assert!(!everything.contains("192.0.2.1".parse().expect("an address")));
        let everything: Network = "0.0.0.0/0".parse().expect("a network");
        assert!(everything.contains("192.0.2.1".parse().expect("an address")));
    }
}
