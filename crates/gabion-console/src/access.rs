//! Whom somebody wants let in or kept out, as pages and API ask for it.

use gabion_edge::access::{Subject, Verdict};

use crate::control::AccessWish;
use crate::steer;

/// Longest time in minutes: 30 days. Whoever should stay out for good belongs into the firewall.
pub(crate) const MINUTES_MAX: u32 = 43_200;
/// Shortest prefixes, IPv4 and IPv6: a wider entry is a slip of the finger that shuts out a part of the world.
const BITS_MIN: (u8, u8) = (8, 16);

/// What cannot work in a wish: the field and the sentence for whoever wrote it.
pub(crate) type Wrong = (&'static str, String);

/// A wish as it can be carried out. The reason may be empty.
///
/// # Errors
/// The first field that is wrong.
pub(crate) fn wish(subject: &str, verdict: Verdict, minutes: u32, reason: &str) -> Result<AccessWish, Wrong> {
    let subject = self::subject(subject)?;
    if !(1..=MINUTES_MAX).contains(&minutes) {
        return Err(("minutes", format!("minutes is a number from 1 to {MINUTES_MAX}")));
    }
    let reason = match reason.trim() {
        "" => String::new(),
        text => steer::reason(text).map_err(|error| ("reason", error))?,
    };
    Ok(AccessWish { subject, verdict, minutes, reason })
}

/// Whom an entry is about.
///
/// # Errors
/// When it is nobody, or too many.
pub(crate) fn subject(text: &str) -> Result<Subject, Wrong> {
    let subject: Subject = text.trim().parse().map_err(|error| ("subject", format!("{error}")))?;
    if let Subject::Network(network) = subject {
        let bits = if network.address().is_ipv4() { BITS_MIN.0 } else { BITS_MIN.1 };
        if network.bits() < bits {
            return Err((
                "subject",
                format!("a network has at least {bits} bits here, such as {}", example(bits)),
            ));
        }
    }
    Ok(subject)
}

const fn example(bits: u8) -> &'static str {
    if bits == BITS_MIN.0 { "10.0.0.0/8" } else { "2001:db8::/32" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, minutes: u32, reason: &str, wrong: Option<&str>) {
        let field = wish(text, Verdict::Block, minutes, reason).map_err(|(field, _)| field).err();
        assert_eq!(field, wrong, "{text} {minutes} {reason}");
    }

    #[test]
    fn wishes_are_checked_field_by_field() {
        check(" 192.0.2.7 ", 60, "", None);
        check("192.0.2.0/24", MINUTES_MAX, " floods ", None);
        check("t13d1516h2_8daaf6152771_02713d6af862", 1, "", None);
        check("shop.example", 60, "", Some("subject"));
        check("192.0.0.0/7", 60, "", Some("subject"));
        check("2001::/15", 60, "", Some("subject"));
        check("192.0.2.7", 0, "", Some("minutes"));
        check("192.0.2.7", MINUTES_MAX + 1, "", Some("minutes"));
        check("192.0.2.7", 60, &"x".repeat(501), Some("reason"));
    }
}
