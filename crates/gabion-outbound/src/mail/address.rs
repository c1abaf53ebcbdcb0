//! Mail addresses, parsed once.

use std::fmt;
use std::str::FromStr;

/// Bytes of the longest address. Longer ones are refused. Source: RFC 5321 section 4.5.3.1.3.
pub const ADDRESS_BYTES_MAX: usize = 254;

/// Bytes of the longest name in front of an address. Longer ones are refused.
pub const NAME_BYTES_MAX: usize = 200;

/// Where a letter goes, such as `ann@shop.example`. Its domain is in ASCII (`xn--`), whatever way it was written.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address(lettre::Address);

/// A text that is no mail address. It is not repeated here: it may be somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a mail address: write it as name@domain")]
pub struct InvalidAddress;

impl Address {
    /// The address as text.
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }

    /// What is before the `@`.
    pub(crate) fn user(&self) -> &str {
        self.0.user()
    }

    /// What is behind the `@`, in ASCII.
    pub(crate) fn domain(&self) -> &str {
        self.0.domain()
    }

    pub(crate) fn as_lettre(&self) -> &lettre::Address {
        &self.0
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (user, domain) = text.rsplit_once('@').ok_or(InvalidAddress)?;
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| InvalidAddress)?;
        let short = user.len() + 1 + domain.len() <= ADDRESS_BYTES_MAX;
        // A quoted user part may hold spaces, brackets and `@`: nobody has one, and programs disagree about them.
        let plain =
            !user.contains(|c: char| c.is_control() || c.is_whitespace() || "\"<>()[]\\,;:@".contains(c));
        let named = domain.contains('.') || domain == "localhost";
        let address = lettre::Address::new(user, domain).map_err(|_| InvalidAddress)?;
        if short && plain && named { Ok(Self(address)) } else { Err(InvalidAddress) }
    }
}

/// Says nothing of the address: it is somebody's.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(..)")
    }
}

/// Who a letter is from: an address with a name, such as `Tidewater Tea <shop@shop.example>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The name readers see; none where there is only an address.
    pub name: Option<String>,
    /// The address.
    pub address: Address,
}

impl Sender {
    pub(crate) fn as_lettre(&self) -> lettre::message::Mailbox {
        lettre::message::Mailbox::new(self.name.clone(), self.address.as_lettre().clone())
    }
}

impl FromStr for Sender {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((name, rest)) = text.split_once('<') else {
            return Ok(Self { name: None, address: text.trim().parse()? });
        };
        let address = rest.trim_end().strip_suffix('>').ok_or(InvalidAddress)?.parse()?;
        let name = name.trim().trim_matches('"');
        if name.len() > NAME_BYTES_MAX || name.contains(char::is_control) {
            return Err(InvalidAddress);
        }
        Ok(Self { name: (!name.is_empty()).then(|| name.to_owned()), address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let parsed = text.parse::<Address>().ok();
        assert_eq!(parsed.as_ref().map(Address::as_str), expected, "{text:?}");
    }

    #[test]
    fn ordinary_addresses_are_taken() {
        for text in ["ann@shop.example", "a.b+c@mail.shop.example", "o'neil@shop.example", "root@localhost"] {
            check(text, Some(text));
        }
        check("ann@Bücher.Example", Some("ann@xn--bcher-kva.example"));
        check("jörg@shop.example", Some("jörg@shop.example"));
    }

    #[test]
    fn what_could_become_a_second_address_or_header_is_refused() {
        for text in [
            "",
            "ann",
            "@shop.example",
            "ann@",
            "ann@shop",
            "ann@shop.example\r\nBcc: bob@shop.example",
            "ann\r\n@shop.example",
            "ann@shop.example, bob@shop.example",
            "ann@shop.example>",
            "<ann@shop.example>",
            "\"ann bob\"@shop.example",
            "ann@@shop.example",
            "ann@bob@shop.example",
            "ann\0@shop.example",
            "ann@shop .example",
            "ann@shop.example\n",
            "ann@[192.0.2.1]",
        ] {
            check(text, None);
        }
        check(&format!("{}@shop.example", "a".repeat(250)), None);
        check(&format!("ann@{}.example", "a.".repeat(130)), None);
    }

    #[test]
    fn senders_have_a_name_or_none() {
        let sender =
            |text: &str| text.parse::<Sender>().ok().map(|s| (s.name, s.address.as_str().to_owned()));
        let address = || "shop@shop.example".to_owned();
        assert_eq!(sender("shop@shop.example"), Some((None, address())));
        assert_eq!(
            sender("\"Tidewater Tea\" <shop@shop.example>"),
            Some((Some("Tidewater Tea".to_owned()), address()))
        );
        assert_eq!(
            sender("Müller, Tee <shop@shop.example>").map(|s| s.0),
            Some(Some("Müller, Tee".to_owned()))
        );
        for bad in ["Tea <shop@shop.example", "Tea\r\nBcc: <shop@shop.example>", "Tea <>", ""] {
            assert_eq!(sender(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn addresses_are_not_printed() {
        let sender: Sender = "Tea <shop@shop.example>".parse().expect("an address");
        assert!(!format!("{sender:?}").contains("shop@"));
    }
}
