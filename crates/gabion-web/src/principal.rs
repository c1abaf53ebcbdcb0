//! Who is asking: the vocabulary of roles, scopes and verified identities.

use std::fmt;
use std::str::FromStr;

use gabion_core::Actor;
use serde::{Deserialize, Serialize};

gabion_core::id!(
    /// A member of staff.
    pub StaffId, "stf"
);
gabion_core::id!(
    /// An API key. Not the key itself.
    pub ApiKeyId, "key"
);
gabion_core::id!(
    /// A session. Not the secret in the cookie.
    pub SessionId, "ses"
);

/// What a member of staff may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything, including staff, roles and API keys.
    Owner,
    /// Runs the shop's protection: upstreams, settings, bypass.
    Operator,
    /// Looks and answers customers; changes no protection.
    Support,
    /// Reads everything with personal fields masked; changes nothing.
    Auditor,
}

impl Role {
    /// All roles, most powerful first.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Operator, Self::Support, Self::Auditor];

    /// The lower-case name, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Operator => "operator",
            Self::Support => "support",
            Self::Auditor => "auditor",
        }
    }

    /// Whether this role may do what an operator does.
    pub const fn operates(self) -> bool {
        matches!(self, Self::Owner | Self::Operator)
    }

    /// Whether personal fields are shown to this role; masked otherwise.
    pub const fn sees_personal(self) -> bool {
        !matches!(self, Self::Auditor)
    }
}

/// A text that names no role or scope; tells which there are.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not one of {known}")]
pub struct UnknownName {
    given: String,
    known: String,
}

fn named<T: Copy + fmt::Display>(all: &[T], text: &str) -> Result<T, UnknownName> {
    all.iter().copied().find(|item| item.to_string() == text).ok_or_else(|| UnknownName {
        given: gabion_core::limits::cut(text, 40).into_owned(),
        known: all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    })
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        named(&Self::ALL, text)
    }
}

/// What an API key may do. Staff and keys themselves are changed only by an owner in person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Read state: overview, upstreams, certificates, metrics, settings.
    #[serde(rename = "read")]
    Read,
    /// Read events, with personal fields.
    #[serde(rename = "events:read")]
    EventsRead,
    /// Read who is on the staff.
    #[serde(rename = "staff:read")]
    StaffRead,
    /// Change settings.
    #[serde(rename = "config:write")]
    ConfigWrite,
    /// Drain upstreams, maintenance mode, bypass.
    #[serde(rename = "edge:write")]
    EdgeWrite,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 5] =
        [Self::Read, Self::EventsRead, Self::StaffRead, Self::ConfigWrite, Self::EdgeWrite];

    /// The name, as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::EventsRead => "events:read",
            Self::StaffRead => "staff:read",
            Self::ConfigWrite => "config:write",
            Self::EdgeWrite => "edge:write",
        }
    }

    /// One line for the page on which a key is made.
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::Read => "Read the overview, upstreams, certificates, metrics and settings.",
            Self::EventsRead => "Read events, including personal fields.",
            Self::StaffRead => "Read who is on the staff.",
            Self::ConfigWrite => "Change settings.",
            Self::EdgeWrite => "Drain upstreams, switch maintenance mode and bypass.",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        named(&Self::ALL, text)
    }
}

/// A set of scopes; written as names joined by single spaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(std::collections::BTreeSet<Scope>);

impl Scopes {
    /// Whether `scope` is in the set.
    pub fn allow(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// Whether the set is empty: a key that may do nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scopes in a stable order.
    pub fn iter(&self) -> impl Iterator<Item = Scope> + '_ {
        self.0.iter().copied()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, scope) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

impl FromStr for Scopes {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split_ascii_whitespace().map(str::parse).collect()
    }
}

/// A member of staff with a live session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staff {
    /// Their id.
    pub id: StaffId,
    /// The name they are shown with.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The session they act in.
    pub session: SessionId,
}

/// A live API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// The name its maker gave it.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
}

/// Whoever made the request, after verification. A handler receives one only through an extractor, and those
/// read only what [`crate::auth::layer`] verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A person at the console.
    Staff(Staff),
    /// A program.
    ApiKey(ApiKey),
}

impl Principal {
    /// The actor to write into events.
    pub fn actor(&self) -> Actor {
        match self {
            Self::Staff(staff) => Actor::Staff(staff.id.to_string()),
            Self::ApiKey(key) => Actor::ApiKey(key.id.to_string()),
        }
    }

    /// Whether personal fields are shown; masked otherwise.
    pub fn sees_personal(&self) -> bool {
        match self {
            Self::Staff(staff) => staff.role.sees_personal(),
            Self::ApiKey(key) => key.scopes.allow(Scope::EventsRead),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_in_text_and_json() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).expect("JSON"), role.as_str());
        }
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
            assert_eq!(serde_json::to_value(scope).expect("JSON"), scope.as_str());
        }
    }

    #[test]
    fn unknown_names_are_told_with_the_known_ones() {
        let error = "root".parse::<Role>().expect_err("no such role");
        assert_eq!(error.to_string(), "\"root\" is not one of owner, operator, support, auditor");
    }

    #[test]
    fn scopes_are_a_set_written_with_spaces() {
        let scopes: Scopes = "edge:write read read".parse().expect("known scopes");
        assert_eq!(scopes.to_string(), "read edge:write");
        assert!(scopes.allow(Scope::Read) && !scopes.allow(Scope::EventsRead));
        assert!("".parse::<Scopes>().expect("an empty set").is_empty());
    }
}
