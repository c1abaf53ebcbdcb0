//! What a local root may vouch for: the name constraints of RFC 5280 section 4.2.1.10.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rcgen::{CidrSubnet, GeneralSubtree, NameConstraints};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

use crate::tls::certificate::address;
use crate::tls::name::Name;

/// Domains, each with everything below it, and networks. Both lists are never empty: an absent kind would mean
/// that every name of that kind is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permitted {
    domains: Vec<String>,
    networks: Vec<Network>,
}

/// An address and the mask of the bits that must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Network {
    V4(Ipv4Addr, Ipv4Addr),
    V6(Ipv6Addr, Ipv6Addr),
}

impl Permitted {
    /// What a root for `names` needs: their domains and addresses, `localhost`, 127.0.0.0/8 and ::1.
    pub fn for_names(names: &[Name]) -> Self {
        let own = names.iter().filter_map(Name::domain).map(str::to_owned);
        let mut domains: Vec<String> = own.collect::<BTreeSet<_>>().into_iter().collect();
        domains.retain(|domain| domain != "localhost");
        domains.push("localhost".to_owned());
        let loopback = [
            Network::V4(Ipv4Addr::new(127, 0, 0, 0), Ipv4Addr::new(255, 0, 0, 0)),
            Network::host(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        ];
        let addresses: BTreeSet<IpAddr> = names
            .iter()
            .filter_map(|name| if let Name::Address(address) = name { Some(*address) } else { None })
            .filter(|address| !loopback.iter().any(|network| network.contains(*address)))
            .collect();
        let networks = loopback.into_iter().chain(addresses.into_iter().map(Network::host)).collect();
        Self { domains, networks }
    }

    /// Reads the constraints of a root; none when it has none, or leaves domains or addresses open.
    pub(super) fn of(root: &X509Certificate<'_>) -> Option<Self> {
        let constraints = root.name_constraints().ok()??.value;
        let (mut domains, mut networks) = (Vec::new(), Vec::new());
        for subtree in constraints.permitted_subtrees.as_ref()? {
            match &subtree.base {
                GeneralName::DNSName(domain) => domains.push((*domain).to_owned()),
                GeneralName::IPAddress(bytes) => networks.push(Network::from_bytes(bytes)?),
                _ => {} // Gabion writes no other kind, and issues no other name.
            }
        }
        (!domains.is_empty() && !networks.is_empty()).then_some(Self { domains, networks })
    }

    /// Whether a certificate for `name` would be accepted under this root.
    pub fn covers(&self, name: &Name) -> bool {
        match name {
            Name::Host(name) | Name::Wildcard(name) => {
                self.domains.iter().any(|domain| is_or_is_below(name, domain))
            }
            Name::Address(address) => self.networks.iter().any(|network| network.contains(*address)),
        }
    }

    pub(super) fn to_extension(&self) -> NameConstraints {
        let domains = self.domains.iter().cloned().map(GeneralSubtree::DnsName);
        let networks = self.networks.iter().map(|network| GeneralSubtree::IpAddress(network.to_subnet()));
        NameConstraints {
            permitted_subtrees: domains.chain(networks).collect(),
            excluded_subtrees: Vec::new(),
        }
    }
}

fn is_or_is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

impl fmt::Display for Permitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.domains.join(", "))?;
        self.networks.iter().try_for_each(|network| write!(f, ", {network}"))
    }
}

impl Network {
    fn host(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(address, Ipv4Addr::BROADCAST),
            IpAddr::V6(address) => Self::V6(address, Ipv6Addr::from_bits(u128::MAX)),
        }
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (network, mask) = bytes.split_at(bytes.len() / 2);
        match (address(network)?, address(mask)?) {
            (IpAddr::V4(network), IpAddr::V4(mask)) => Some(Self::V4(network, mask)),
            (IpAddr::V6(network), IpAddr::V6(mask)) => Some(Self::V6(network, mask)),
            _ => None,
        }
    }

    fn contains(self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::V4(network, mask), IpAddr::V4(address)) => address & mask == network & mask,
            (Self::V6(network, mask), IpAddr::V6(address)) => address & mask == network & mask,
            _ => false,
        }
    }

    fn to_subnet(self) -> CidrSubnet {
        match self {
            Self::V4(network, mask) => CidrSubnet::V4(network.octets(), mask.octets()),
            Self::V6(network, mask) => CidrSubnet::V6(network.octets(), mask.octets()),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(network, Ipv4Addr::BROADCAST) => write!(f, "{network}"),
            Self::V4(network, mask) => write!(f, "{network}/{}", mask.to_bits().leading_ones()),
            Self::V6(network, mask) if mask.to_bits() == u128::MAX => write!(f, "{network}"),
            Self::V6(network, mask) => write!(f, "{network}/{}", mask.to_bits().leading_ones()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str]) -> Vec<Name> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn names_domains_below_and_loopback_are_covered_and_nothing_else() {
        let permitted = Permitted::for_names(&names(&["shop.test", "*.img.test", "192.0.2.7", "127.0.0.1"]));
        for name in names(&[
            "shop.test",
            "www.shop.test",
            "*.shop.test",
            "a.img.test",
            "*.img.test",
            "localhost",
            "shop.localhost",
            "127.1.2.3",
            "::1",
            "192.0.2.7",
        ]) {
            assert!(permitted.covers(&name), "{name}");
        }
        for name in names(&["test", "myshop.test", "shop.test.example", "192.0.2.8", "::2", "8.8.8.8"]) {
            assert!(!permitted.covers(&name), "{name}");
        }
        assert_eq!(permitted.to_string(), "img.test, shop.test, localhost, 127.0.0.0/8, ::1, 192.0.2.7");
    }

    #[test]
    fn without_names_only_the_machine_itself_is_covered() {
        assert_eq!(Permitted::for_names(&[]).to_string(), "localhost, 127.0.0.0/8, ::1");
    }
}
