//! What is asked.

use gabion_core::{SiteId, SubjectId, Timestamp};

use crate::agent::Agent;
use crate::client::{Client, Ja4};
use crate::digest::DeviceId;
use crate::history::Profile;
use crate::network::Origin;

/// What somebody is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Sign in.
    SignIn,
    /// Open an account.
    Registration,
    /// Get back into an account.
    Recovery,
    /// Change a password, passkey, second factor or e-mail address.
    CredentialChange,
    /// Pay.
    Payment,
}

/// Whose account it is.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The person.
    pub id: SubjectId,
    /// What is remembered of their sign-ins; [`Profile::default`] before the first.
    pub profile: Profile,
}

/// The device, known by its cookie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// No cookie, or none that this account was ever used with.
    #[default]
    Unknown,
    /// A device that this account signed in from before.
    Known {
        /// Its id.
        id: DeviceId,
        /// The first sign-in from it.
        since: Timestamp,
        /// How it began TLS the last time, if known.
        ja4: Option<Ja4>,
        /// What it said of itself the last time, if known.
        agent: Option<Agent>,
    },
}

/// What they showed to be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// Nothing yet: a registration, or a recovery that was only asked for.
    None,
    /// A password.
    Password {
        /// Whether it is on a list of breached ones.
        breached: bool,
    },
    /// A code by mail or from an app.
    Code,
    /// A passkey.
    Passkey {
        /// Whether the authenticator verified its owner (UV).
        user_verified: bool,
    },
}

/// Failures lately: as the caller's [`Throttle`](crate::Throttle) or its store counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// Of this account, from wherever.
    pub account: u32,
    /// From this device.
    pub device: u32,
    /// From this network.
    pub network: u32,
}

/// What the [`StuffingDetector`](crate::StuffingDetector) says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// Lists of passwords are being tried from this network.
    pub network: bool,
    /// Lists of passwords are being tried with this kind of client.
    pub client: bool,
}

/// A question to an [`Assess`](crate::Assess): everything that is known at that moment. What is not known is left out
/// and counts neither way.
#[derive(Clone, Debug)]
pub struct Assessment {
    /// What they are about to do.
    pub purpose: Purpose,
    /// Where.
    pub site: SiteId,
    /// Whose account. None when nobody has that name: asked all the same, so that it takes as long.
    pub subject: Option<Subject>,
    /// Where from.
    pub origin: Origin,
    /// With which software.
    pub client: Client,
    /// From which device.
    pub device: Device,
    /// What they showed.
    pub credential: Credential,
    /// What failed lately.
    pub failures: Failures,
    /// Whether network or client were noticed.
    pub watched: Watched,
}
