//! `[[waf.machine]]`: a program of the shop's own business, such as a payment provider's webhook, that is inspected and
//! never stopped.

use std::net::IpAddr;

use serde::Deserialize;
use toml::Spanned;

use super::super::{Invalid, listen};
use crate::network::Network;

/// Machines of one configuration: requests are compared with them one after the other.
const MACHINES_MAX: usize = 100;
/// Networks of one machine.
const NETWORKS_MAX: usize = 50;
/// Bits that a network of a machine fixes at least: who owns more than that is no single machine.
const BITS_MIN: (u8, u8) = (16, 32);
/// Bytes of a name or a path.
const TEXT_BYTES_MAX: usize = 512;
/// Bytes of a product in a User-Agent.
const PRODUCT_BYTES_MAX: usize = 64;
/// What a whole segment of a path is written as.
const ANY_SEGMENT: &str = "*";

/// `[[waf.machine]]`. Only requests that match address, User-Agent and path are its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineSection {
    /// What it is, for events.
    pub name: Spanned<String>,
    /// Addresses and networks it calls from; at least one, since everything else can be pretended.
    pub from: Spanned<Vec<Spanned<String>>>,
    /// The product in its User-Agent, with a version or without: `Stripe/1.0`, `Stripe`.
    pub user_agent: Spanned<String>,
    /// The path it calls, whole and decoded; `*` stands for one segment.
    pub path: Spanned<String>,
    /// Why, for whoever reads this later.
    #[serde(default)]
    pub reason: String,
}

/// A machine whose requests are inspected and never stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// What it is.
    pub name: String,
    /// Where it calls from, at least one network.
    pub from: Vec<Network>,
    /// The product in its User-Agent, with a version or without.
    pub user_agent: String,
    /// The path it calls, `*` for one segment.
    pub path: String,
}

impl Machine {
    /// Whether a request to this decoded path, from this address and with this product in its User-Agent is its own.
    pub fn sends(&self, address: IpAddr, product: &str, path: &str) -> bool {
        self.from.iter().any(|network| network.contains(address))
            && (self.user_agent == product || Some(self.user_agent.as_str()) == product.split('/').next())
            && self.is_path(path)
    }

    fn is_path(&self, path: &str) -> bool {
        let mut wanted = self.path.split('/');
        let found = path.split('/').all(|found| {
            wanted.next().is_some_and(|wanted| wanted == found || wanted == ANY_SEGMENT && !found.is_empty())
        });
        found && wanted.next().is_none()
    }
}

/// What a program calls itself: the first product of its User-Agent, as in `Stripe/1.0 (+https://stripe.com)`, or the one
/// that it names after `compatible`. None for browsers. RFC 9110 section 10.1.5.
pub(crate) fn product(agent: &str) -> Option<&str> {
    let own = match agent.split_once("compatible;") {
        Some((_, own)) => own,
        None if agent.starts_with("Mozilla/") => return None,
        None => agent,
    };
    let product = own.trim_start_matches([' ', '+']).split([' ', '+', ';', ',', '(', ')']).next()?;
    // Internet Explorer called itself compatible, too.
    (is_product(product) && product != "MSIE").then_some(product)
}

fn is_product(text: &str) -> bool {
    let stops = [' ', '+', ';', ',', '(', ')', '"', '\\'];
    !text.is_empty()
        && text.len() <= PRODUCT_BYTES_MAX
        && !text.starts_with('/')
        && text.chars().all(|c| c.is_ascii_graphic() && !stops.contains(&c))
}

pub(super) fn check_machines(sections: &[MachineSection]) -> Result<Vec<Machine>, Invalid> {
    if let Some(section) = sections.get(MACHINES_MAX) {
        return Err(Invalid::at(&section.name, format!("more than {MACHINES_MAX} machines")));
    }
    sections.iter().map(MachineSection::check).collect()
}

impl MachineSection {
    fn check(&self) -> Result<Machine, Invalid> {
        let name = self.name.get_ref();
        if name.trim().is_empty() || name.len() > TEXT_BYTES_MAX || name.chars().any(char::is_control) {
            return Err(Invalid::at(
                &self.name,
                "name says what the machine is, such as \"payment webhook\"",
            ));
        }
        let product = self.user_agent.get_ref();
        if !is_product(product) || product.starts_with("Mozilla") {
            let message = "user_agent is the product that the machine calls itself, such as \"Stripe\" or \
                           \"Stripe/1.0\", and not what browsers say";
            return Err(Invalid::at(&self.user_agent, message));
        }
        Ok(Machine {
            name: name.clone(),
            from: self.networks()?,
            user_agent: product.clone(),
            path: self.path()?,
        })
    }

    fn networks(&self) -> Result<Vec<Network>, Invalid> {
        let texts = self.from.get_ref();
        if texts.is_empty() || texts.len() > NETWORKS_MAX {
            let message = format!(
                "from lists 1 to {NETWORKS_MAX} addresses or networks: a User-Agent alone can be pretended"
            );
            return Err(Invalid::at(&self.from, message));
        }
        let networks = listen::check_networks(texts)?;
        for (text, network) in texts.iter().zip(&networks) {
            let least = if network.address().to_canonical().is_ipv4() { BITS_MIN.0 } else { BITS_MIN.1 };
            if network.without_host_part().bits() < least {
                return Err(Invalid::at(text, format!("a machine's network is /{least} or narrower")));
            }
        }
        Ok(networks)
    }

    fn path(&self) -> Result<String, Invalid> {
        let path = self.path.get_ref();
        let stars = |segment: &str| segment.contains(ANY_SEGMENT) && segment != ANY_SEGMENT;
        let plain = path.len() <= TEXT_BYTES_MAX && !path.contains(['%', '?', '#']);
        if path.starts_with('/')
            && plain
            && !path.chars().any(char::is_control)
            && !path.split('/').any(stars)
        {
            return Ok(path.clone());
        }
        let message = "path is a whole path such as \"/webhooks/stripe\", without percent signs; * stands for a segment";
        Err(Invalid::at(&self.path, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct File {
        machine: Vec<MachineSection>,
    }

    fn read(from: &str, agent: &str, path: &str) -> Result<Machine, String> {
        let text =
            format!("[[machine]]\nname = \"pay\"\nfrom = {from}\nuser_agent = {agent:?}\npath = {path:?}");
        let file: File = toml::from_str(&text).map_err(|error| error.to_string())?;
        let checked = check_machines(&file.machine).map_err(|invalid| invalid.message);
        checked.map(|machines| machines[0].clone())
    }

    #[test]
    fn only_what_matches_address_product_and_path_is_its_own() {
        let machine = read("[\"198.51.100.0/24\"]", "Stripe", "/webhooks/*").expect("a machine");
        let sends =
            |address: &str, product, path| machine.sends(address.parse().expect("an address"), product, path);
        assert!(sends("198.51.100.7", "Stripe/1.0", "/webhooks/stripe"));
        assert!(sends("198.51.100.7", "Stripe", "/webhooks/stripe"));
        assert!(!sends("198.51.101.7", "Stripe/1.0", "/webhooks/stripe"));
        assert!(!sends("198.51.100.7", "Striped/1.0", "/webhooks/stripe"));
        for path in ["/webhooks", "/webhooks/", "/webhooks/stripe/", "/webhooks/a/b", "/", "/x/stripe"] {
            assert!(!sends("198.51.100.7", "Stripe/1.0", path), "{path}");
        }
        let exact = read("[\"2001:db8::/64\"]", "Stripe/1.0", "/a").expect("a machine");
        assert!(exact.sends("2001:db8::9".parse().expect("an address"), "Stripe/1.0", "/a"));
        assert!(!exact.sends("2001:db8::9".parse().expect("an address"), "Stripe/1.1", "/a"));
    }

    #[test]
    fn a_machine_without_an_address_is_refused() {
        for from in
            ["[]", "[\"0.0.0.0/0\"]", "[\"10.0.0.0/8\"]", "[\"::/0\"]", "[\"2001::/16\"]", "[\"stripe\"]"]
        {
            assert!(read(from, "Stripe", "/a").is_err(), "{from}");
        }
        let one = "[\"192.0.2.1\"]";
        for agent in ["", "Mozilla/5.0", "two words", "/1.0"] {
            assert!(read(one, agent, "/a").is_err(), "{agent}");
        }
        for path in ["", "a", "/a*", "/%61", "/a?b"] {
            assert!(read(one, "Stripe", path).is_err(), "{path}");
        }
    }

    #[test]
    fn programs_are_known_by_their_product_and_browsers_are_none() {
        for (agent, expected) in [
            ("Stripe/1.0 (+https://stripe.com/docs/webhooks)", Some("Stripe/1.0")),
            ("curl/8.1", Some("curl/8.1")),
            (
                "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
                Some("UptimeRobot/2.0"),
            ),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", None),
            ("Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1)", None),
            ("", None),
            ("  ", None),
            ("\u{1f600}", None),
        ] {
            assert_eq!(product(agent), expected, "{agent}");
        }
        assert_eq!(product(&"x".repeat(PRODUCT_BYTES_MAX + 1)), None);
    }
}
