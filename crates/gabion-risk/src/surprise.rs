//! How surprising it is to see this person there and with that: the likelihood of Freeman and others.
//!
//! Freeman, Jain, Dürmuth, Biggio, Giacinto: *Who Are You? A Statistical Approach to Measuring User Authenticity*, NDSS
//! 2016, with the features and shares that Wiefling, Lo Iacono and Dürmuth measured (*Is This Really You?*, IFIP SEC 2019,
//! and das-group/rba-algorithm). For each feature it is `p(value | everyone) / p(value | this person)`.
//!
//! Three things differ. The parts of a feature (network, autonomous system, country) are compared each by itself and their
//! doublings weighed: weighing the likelihoods first lets the country alone excuse everything, and with otherwise the same
//! weights it caught 24 % of the made-up thieves with a VPN in place of 97 %. A value that this person never had is not
//! given a fixed share: [`PRIOR`] sign-ins of everyone are mixed into each history, so that nothing is surprising at first
//! and ever more is with each sign-in. And the paper's last factor, how often this person signs in compared with others, is
//! left out: customers come a few times a year, and that alone is not suspicious.

use gabion_core::Timestamp;

use crate::counts::Counts;
use crate::features::{Feature, FeatureKey, Features};

/// How many sign-ins of everyone are mixed into a person's history.
const PRIOR: f64 = 0.5;
/// Shares of what says where.
const NETWORK: [(Feature, f64); 3] = [(Feature::Network, 0.6), (Feature::Asn, 0.3), (Feature::Country, 0.1)];
/// Shares of what says with which software.
const CLIENT: [(Feature, f64); 4] =
    [(Feature::Agent, 0.539), (Feature::Browser, 0.268), (Feature::Os, 0.188), (Feature::DeviceKind, 0.005)];

/// How much likelier it is to see this of somebody than of this person, in doublings: 3 means eight times, below zero
/// means that it is like this person. Zero when nothing is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Surprise {
    /// By network, autonomous system and country.
    pub network: f64,
    /// By `User-Agent`, browser, system and kind of device.
    pub client: f64,
}

impl Surprise {
    /// Compares `features` with those of one person and of everyone.
    pub fn of(features: &Features, person: &Counts, everyone: &Counts, now: Timestamp) -> Self {
        let doublings = |shares: &[(Feature, f64)]| doublings(shares, features, person, everyone, now);
        Self { network: doublings(&NETWORK), client: doublings(&CLIENT) }
    }
}

fn doublings(
    shares: &[(Feature, f64)],
    features: &Features,
    person: &Counts,
    everyone: &Counts,
    now: Timestamp,
) -> f64 {
    let (mut weighted, mut known) = (0.0, 0.0);
    for (feature, share) in shares {
        if let Some(key) = features.get(*feature) {
            let of_everyone = of_everyone(everyone, *feature, key, now);
            let seen = person.count(key, now) + PRIOR * of_everyone;
            let of_person = seen / (person.total(*feature, now) + PRIOR);
            weighted += share * (of_everyone / of_person).log2();
            known += share;
        }
    }
    if known > 0.0 { weighted / known } else { 0.0 }
}

/// The share of everyone's sign-ins with this value. One is added, so that nothing is impossible.
fn of_everyone(everyone: &Counts, feature: Feature, key: FeatureKey, now: Timestamp) -> f64 {
    (everyone.count(key, now) + 1.0) / (everyone.total(feature, now) + 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Client;
    use crate::features::FeatureKeys;
    use crate::history::Profile;
    use crate::network::Origin;
    use gabion_core::Secret;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

    fn origin(third: u8, asn: u32, country: &str) -> Origin {
        let country = Some(country.parse().unwrap());
        Origin { asn: Some(asn), country, ..Origin::of([192, 0, third, 1].into()) }
    }

    /// The surprise by network of seeing somebody at `there` who came `times` from the same place.
    fn surprise(times: u32, there: Origin) -> f64 {
        let keys = FeatureKeys::new(&Secret::new([1; 32]));
        let mut everyone = Profile::default().counts;
        for n in 0..200 {
            let country = if n < 180 { "DE" } else { "FR" };
            everyone.add(&keys.features(&origin(n, u32::from(n % 20), country), &Client::default()), NOW);
        }
        let home = origin(1, 1, "DE");
        let features = |origin| keys.features(&origin, &Client::default());
        let person = (0..times).fold(Profile::default(), |p, _| p.with(&features(home), &home, NOW));
        Surprise::of(&features(there), &person.counts, &everyone, NOW).network
    }

    #[test]
    fn nothing_surprises_at_first() {
        assert_eq!(surprise(0, origin(9, 9, "FR")), 0.0);
    }

    #[test]
    fn it_grows_with_what_is_known_of_the_person_and_with_the_distance() {
        let (home, other_network) = (origin(1, 1, "DE"), origin(99, 1, "DE"));
        let (other_system, abroad) = (origin(99, 9, "DE"), origin(99, 9, "FR"));
        for times in [2, 5, 20] {
            let by_distance = [home, other_network, other_system, abroad].map(|there| surprise(times, there));
            assert!(by_distance.is_sorted(), "{by_distance:?}");
            assert!(by_distance[0] < 0.0);
        }
        assert!(surprise(20, abroad) > surprise(5, abroad));
        assert!(surprise(5, abroad) > 2.0);
    }
}
