//! Attacks of our own on freshly loaded rules: rules that let these pass protect nobody, whatever they say.

use std::net::{IpAddr, Ipv4Addr};

use gabion_core::Timestamp;
use gabion_waf::{Connection, Engine, RequestHead, RuleSet};

/// An address for documentation (RFC 5737): nobody attacks from there.
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// What any rule set has to stop, and what it is. Sent to a path of Gabion's own, under a name that no shop has: what an
/// operator excludes from rules is not tried.
const ATTACKS: [(&str, &[u8]); 2] = [
    (
        "an SQL injection",
        b"/.gabion/canary?canary=1%27%20UNION%20SELECT%20login%2C%20password%20FROM%20users--%20-",
    ),
    ("a script in a parameter", b"/.gabion/canary?canary=%3Cscript%3Ealert(document.cookie)%3C%2Fscript%3E"),
];

/// Rules that let an attack pass.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the rules let {attack} pass that was sent to try them ({matched} of them matched): [waf] rules lists no set that \
     stops attacks, or inbound_threshold is too high"
)]
pub struct Toothless {
    /// What they let pass.
    pub attack: &'static str,
    /// Rules that saw something in it.
    pub matched: usize,
}

/// Sends the attacks.
///
/// # Errors
/// The first that passes.
pub(super) fn attack(rules: &RuleSet, now: Timestamp) -> Result<(), Toothless> {
    ATTACKS.iter().try_for_each(|(attack, target)| {
        let connection = Connection { client: (CLIENT, 0), server: (CLIENT, 443), id: "canary" };
        let mut transaction = rules.transaction(&connection, now, None);
        transaction.set_engine(Engine::On);
        let headers: [(&[u8], &[u8]); 3] =
            [(b"Host", b"shop.example"), (b"User-Agent", b"Mozilla/5.0"), (b"Accept", b"*/*")];
        let head = RequestHead { method: b"GET", target, version: b"HTTP/1.1", headers: &headers };
        let _ = transaction.request_head(&head);
        if transaction.interruption().is_none() {
            let _ = transaction.request_body(b"");
        }
        let matched = transaction.matches().len();
        if transaction.interruption().is_some() { Ok(()) } else { Err(Toothless { attack, matched }) }
    })
}

#[cfg(test)]
mod tests {
    use gabion_waf::{Disk, Source};

    use super::*;

    const BOTH: &str = "SecRule ARGS \"@detectSQLi\" \"id:1,phase:2,deny\"\n\
                        SecRule ARGS \"@detectXSS\" \"id:2,phase:2,deny\"\n";

    #[track_caller]
    fn check(rules: &str, expected: Result<(), Toothless>) {
        let rules = RuleSet::load(&[Source::text("rules.conf", rules)], &Disk).expect("the rules load");
        assert_eq!(attack(&rules, Timestamp::from_seconds(1_800_000_000)), expected);
    }

    #[test]
    fn rules_have_to_stop_both_attacks() {
        check(BOTH, Ok(()));
        check("", Err(Toothless { attack: "an SQL injection", matched: 0 }));
        check(
            "SecRule ARGS \"@detectSQLi\" \"id:1,phase:1,deny\"\nSecRule ARGS \"@detectXSS\" \"id:2,phase:1,pass,log\"",
            Err(Toothless { attack: "a script in a parameter", matched: 1 }),
        );
    }

    #[test]
    fn rules_are_tried_as_they_would_decide_even_where_their_files_turn_them_off() {
        check(&format!("SecRuleEngine Off\n{BOTH}"), Ok(()));
    }
}
