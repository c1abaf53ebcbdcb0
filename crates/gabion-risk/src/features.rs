//! Where somebody is and what with, as keyed digests: enough to recognize, not enough to read back.

use gabion_core::Secret;
use gabion_crypto::mac::MacKey;
use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::network::{Network, Origin};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feature {
    /// The network.
    Network,
    /// The autonomous system.
    Asn,
    /// The country.
    Country,
    /// The whole `User-Agent`.
    Agent,
    /// The browser's family.
    Browser,
    /// The operating system.
    Os,
    /// The kind of device.
    DeviceKind,
}

impl Feature {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Network, Self::Asn, Self::Country, Self::Agent, Self::Browser, Self::Os, Self::DeviceKind];
}

/// A feature with its value, as a keyed digest. 64 bits: among 32,768 of them, two are the same once in 30 billion times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FeatureKey(u64);

/// Makes [`FeatureKey`]s. With another key nothing is recognized any more.
#[derive(Debug)]
pub struct FeatureKeys(MacKey);

impl FeatureKeys {
    /// With 32 secret bytes, used for nothing else.
    pub fn new(key: &Secret<[u8; 32]>) -> Self {
        Self(MacKey::new(key))
    }

    /// The features of a request.
    pub fn features(&self, origin: &Origin, client: &Client) -> Features {
        let network = match &origin.network {
            Network::V4(prefix) => self.key(Feature::Network, prefix),
            Network::V6(prefix) => self.key(Feature::Network, prefix),
        };
        let agent = client.agent;
        Features([
            Some(network),
            origin.asn.map(|asn| self.key(Feature::Asn, &asn.to_be_bytes())),
            origin.country.map(|country| self.key(Feature::Country, country.as_bytes())),
            agent.map(|agent| self.key(Feature::Agent, &agent.digest)),
            agent.map(|agent| self.key(Feature::Browser, &[agent.browser as u8])),
            agent.map(|agent| self.key(Feature::Os, &[agent.os as u8])),
            agent.map(|agent| self.key(Feature::DeviceKind, &[agent.device as u8])),
        ])
    }

    fn key(&self, feature: Feature, value: &[u8]) -> FeatureKey {
        let tag = self.0.sign(&[&[feature as u8], value].concat());
        FeatureKey(u64::from_be_bytes(*tag.first_chunk().expect("8 of 32 bytes")))
    }
}

/// The features of one request. What is not known is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features([Option<FeatureKey>; Feature::ALL.len()]);

impl Features {
    /// The key of a feature, if its value is known.
    pub const fn get(&self, feature: Feature) -> Option<FeatureKey> {
        self.0[feature as usize]
    }

    /// What is known.
    pub fn iter(&self) -> impl Iterator<Item = (Feature, FeatureKey)> {
        Feature::ALL.into_iter().filter_map(|feature| Some((feature, self.get(feature)?)))
    }
}
