//! `requires` of a `[[route]]`: who may come in.

use std::collections::BTreeSet;
use std::time::Duration;

use gabion_core::SiteId;
use serde::{Deserialize, Serialize};

use super::{Invalid, RouteSection, Site};

/// Minutes that a sign-in may be old on a route: 30 days. Sessions hardly live longer.
const WITHIN_MINUTES_MAX: u32 = 30 * 24 * 60;

/// Who may come in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Requires {
    /// Everybody.
    #[default]
    Nothing,
    /// Customers who are signed in.
    Customer,
    /// Customers who are signed in with a second factor.
    SecondFactor,
    /// Staff of the shop.
    Staff,
}

impl Requires {
    /// The name in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Customer => "customer",
            Self::SecondFactor => "second_factor",
            Self::Staff => "staff",
        }
    }
}

/// The gate in front of a route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    /// Who may come in.
    pub requires: Requires,
    /// How old their sign-in may be; any age when absent.
    pub within: Option<Duration>,
}

impl Gate {
    /// Whether everybody may come in.
    pub const fn is_open(self) -> bool {
        matches!(self.requires, Requires::Nothing)
    }

    /// The gate that lets in whom both let in; none where nobody could be both, a customer and staff.
    pub(crate) fn and(self, other: Self) -> Option<Self> {
        let requires = match (self.requires, other.requires) {
            (Requires::Nothing, requires) | (requires, Requires::Nothing) => requires,
            (Requires::Staff, Requires::Staff) => Requires::Staff,
            (Requires::Staff, _) | (_, Requires::Staff) => return None,
            (Requires::Customer, Requires::Customer) => Requires::Customer,
            _ => Requires::SecondFactor,
        };
        let within = [self.within, other.within].into_iter().flatten().min();
        Some(Self { requires, within })
    }
}

/// Checks what a route asks for, and that people can sign in on each of its sites.
pub(super) fn check_gate(
    section: &RouteSection,
    sites: &[Site],
    accounts: &BTreeSet<SiteId>,
) -> Result<(Gate, bool), Invalid> {
    let requires = section.requires.as_ref().map_or(Requires::Nothing, |requires| *requires.get_ref());
    let forwards = section.forward_identity.as_ref().is_some_and(|forward| *forward.get_ref());
    let minutes = section.requires_within_minutes.as_ref().map_or(0, |minutes| *minutes.get_ref());
    let gate = Gate { requires, within: (minutes > 0).then(|| Duration::from_secs(u64::from(minutes) * 60)) };
    if let Some(span) = section.requires_within_minutes.as_ref().filter(|_| minutes > 0) {
        if gate.is_open() {
            let message = "requires_within_minutes says how old a sign-in may be, and requires asks for none";
            return Err(Invalid::at(span, message));
        }
        if minutes > WITHIN_MINUTES_MAX {
            return Err(Invalid::at(
                span,
                format!("requires_within_minutes is at most {WITHIN_MINUTES_MAX}"),
            ));
        }
    }
    let host = section.host.as_ref().map(|host| host.get_ref().to_ascii_lowercase());
    let here = |site: &&Site| {
        host.as_ref().is_none_or(|host| site.origins.iter().any(|origin| origin.host == *host))
    };
    let Some(closed) = sites.iter().filter(here).find(|site| !accounts.contains(&site.id)) else {
        return Ok((gate, forwards));
    };
    let without = |what: &str| {
        format!("{what} needs accounts, and site {} has none: nobody could sign in there", closed.id)
    };
    match (&section.requires, &section.forward_identity) {
        (Some(span), _) if !gate.is_open() => {
            Err(Invalid::at(span, without(&format!("requires = \"{}\"", requires.as_str()))))
        }
        (_, Some(span)) if forwards => Err(Invalid::at(span, without("forward_identity"))),
        _ => Ok((gate, forwards)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_gates_let_in_whom_both_let_in() {
        let gate = |requires, minutes: u64| Gate {
            requires,
            within: (minutes > 0).then(|| Duration::from_secs(minutes * 60)),
        };
        let open = Gate::default();
        for (one, other, both) in [
            (open, open, Some(open)),
            (open, gate(Requires::Staff, 5), Some(gate(Requires::Staff, 5))),
            (
                gate(Requires::Customer, 9),
                gate(Requires::SecondFactor, 0),
                Some(gate(Requires::SecondFactor, 9)),
            ),
            (gate(Requires::Customer, 9), gate(Requires::Customer, 5), Some(gate(Requires::Customer, 5))),
            (gate(Requires::Staff, 0), gate(Requires::Staff, 7), Some(gate(Requires::Staff, 7))),
            (gate(Requires::Staff, 0), gate(Requires::Customer, 0), None),
        ] {
            assert_eq!((one.and(other), other.and(one)), (both, both), "{one:?} {other:?}");
        }
    }
}
