//! Which addresses of this machine a port is listened on: `/proc/net/tcp` and `/proc/net/tcp6` (proc_net(5)).

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The state of a listening socket in the table.
const LISTEN: &str = "0A";

/// The addresses on which somebody listens on `port`.
///
/// # Errors
/// When the tables cannot be read, as where there is no `/proc`.
pub(super) fn on(port: u16) -> io::Result<BTreeSet<IpAddr>> {
    let mut found = listeners(&std::fs::read_to_string("/proc/net/tcp")?, port);
    match std::fs::read_to_string("/proc/net/tcp6") {
        Ok(table) => found.extend(listeners(&table, port)),
        // A machine without IPv6 has no such table.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(found)
}

fn listeners(table: &str, port: u16) -> BTreeSet<IpAddr> {
    let row = |line: &str| {
        let mut columns = line.split_whitespace().skip(1);
        let (address, found) = columns.next()?.split_once(':')?;
        let listens = columns.nth(1)? == LISTEN && u16::from_str_radix(found, 16).ok()? == port;
        if listens { address_of(address) } else { None }
    };
    table.lines().filter_map(row).collect()
}

/// The kernel writes each 32-bit word of an address as the machine's own number.
fn address_of(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| Some(u32::from_str_radix(hex.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    match hex.len() {
        8 => Some(IpAddr::V4(Ipv4Addr::from(word(0)?))),
        32 => {
            let mut bytes = [0; 16];
            for (index, chunk) in bytes.chunks_exact_mut(4).enumerate() {
                chunk.copy_from_slice(&word(index * 8)?);
            }
            Some(IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn listeners_of_this_machine_are_found_with_their_address() {
        let loopback = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = loopback.local_addr().expect("an address").port();
        assert_eq!(on(port).expect("Linux"), BTreeSet::from([IpAddr::from([127, 0, 0, 1])]));
        drop(loopback);
        assert!(on(port).expect("Linux").is_empty());
    }

    #[test]
    fn a_wildcard_is_seen_as_one_in_both_families() {
        let four = "   0: 00000000:1F90 00000000:0000 0A 00000000:00000000";
        let six = format!("   0: {0}:1F90 {0}:0000 0A 00000000:00000000", "0".repeat(32));
        assert_eq!(listeners(four, 8080), BTreeSet::from([IpAddr::from([0, 0, 0, 0])]));
        assert_eq!(listeners(&six, 8080), BTreeSet::from([IpAddr::from([0_u16; 8])]));
        assert!(listeners(four, 8081).is_empty());
    }

    #[test]
    fn rows_that_are_no_listeners_are_passed_over() {
        let table =
            "  sl  local_address rem_address   st\n   0: 0100007F:1F90 00000000:0000 01\n   1: nonsense\n";
        assert!(listeners(table, 8080).is_empty());
    }
}
