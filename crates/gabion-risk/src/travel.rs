//! Journeys nobody makes: evidence, and no verdict, as addresses are often not where feeds say.

use std::time::Duration;

use gabion_core::Timestamp;

use crate::history::LastSignIn;
use crate::network::{Origin, Range};

/// Faster than airliners fly.
pub const SPEED_KMH_MAX: f64 = 900.0;
/// Nearer is not looked at: feeds are wrong by as much.
pub const DISTANCE_KM_MIN: f64 = 100.0;

/// What a journey looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Journey {
    /// Somebody can have made it, or not enough is known.
    Possible,
    /// Nobody can have made it, but one end is a mobile carrier's or a data center's.
    Doubtful,
    /// Nobody can have made it.
    Impossible,
}

/// Judges the way from the last sign-in to here. Within one autonomous system nothing is a journey: carriers move
/// addresses between cities.
pub fn journey(last: &LastSignIn, origin: &Origin, now: Timestamp) -> Journey {
    let (Some(from), Some(to)) = (last.place, origin.place) else { return Journey::Possible };
    let same_system = last.asn.is_some() && last.asn == origin.asn;
    let kilometers = from.kilometers_to(to);
    if same_system || kilometers < DISTANCE_KM_MIN || kilometers <= reach(now.since(last.at)) {
        return Journey::Possible;
    }
    match (last.range, origin.range) {
        (Range::Ordinary, Range::Ordinary) => Journey::Impossible,
        _ => Journey::Doubtful,
    }
}

/// Kilometers that can be traveled in that time.
fn reach(time: Duration) -> f64 {
    SPEED_KMH_MAX * time.as_secs_f64() / 3600.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Place;

    const THEN: Timestamp = Timestamp::from_seconds(1_700_000_000);

    fn at(latitude: f64, longitude: f64, asn: u32) -> Origin {
        let place = Some(Place::new(latitude, longitude).unwrap());
        Origin { asn: Some(asn), place, ..Origin::of([192, 0, 2, 1].into()) }
    }

    #[track_caller]
    fn check(from: Origin, to: Origin, hours: f64, expected: Journey) {
        let last = LastSignIn { at: THEN, place: from.place, asn: from.asn, range: from.range };
        assert_eq!(journey(&last, &to, THEN.after(Duration::from_secs_f64(hours * 3600.0))), expected);
    }

    #[test]
    fn only_what_no_airliner_does_is_impossible() {
        let (berlin, tokyo) = (at(52.52, 13.405, 1), at(35.68, 139.69, 2));
        check(berlin, tokyo, 1.0, Journey::Impossible);
        check(berlin, tokyo, 9.8, Journey::Impossible);
        check(berlin, tokyo, 10.0, Journey::Possible);
        check(berlin, tokyo, 0.0, Journey::Impossible);
    }

    #[test]
    fn short_ways_and_ways_within_one_system_do_not_count() {
        let berlin = at(52.52, 13.405, 1);
        check(berlin, at(52.4, 13.07, 2), 0.0, Journey::Possible);
        check(berlin, at(48.14, 11.58, 1), 0.0, Journey::Possible);
        check(berlin, at(48.14, 11.58, 2), 0.0, Journey::Impossible);
    }

    #[test]
    fn mobile_and_hosted_addresses_make_it_doubtful_and_unknown_places_possible() {
        let (berlin, munich) = (at(52.52, 13.405, 1), at(48.14, 11.58, 2));
        for range in [Range::Mobile, Range::Hosting] {
            check(berlin, Origin { range, ..munich }, 0.0, Journey::Doubtful);
            check(Origin { range, ..berlin }, munich, 0.0, Journey::Doubtful);
        }
        check(berlin, Origin { place: None, ..munich }, 0.0, Journey::Possible);
    }
}
