//! Made-up sign-in histories of a shop in Germany, the same for the same seed.
//!
//! Owners move between home, work, mobile networks and other people's wireless, travel, change telephones and providers,
//! lose cookies, update browsers, mistype passwords; a few use a VPN. Thieves are those of Wiefling, Dürmuth and Lo Iacono
//! (*What's in Score for Website Users*, FC 2021): *naive* ones come from anywhere with common software, *VPN* ones from a
//! data center in the victim's country, *targeted* ones from the victim's city with the victim's own browser. All have the
//! right password and no cookie. The shares are guesses, not measurements.

use std::time::Duration;

use gabion_core::Timestamp;
use gabion_risk::{Agent, Client, Network, Origin, Place, Range};

use crate::evaluate::{SignIn, Theft};

mod chance;
mod owner;
mod world;

pub(crate) use chance::Chance;
use owner::Owner;
use world::{SOFTWARE, Software, System};

const START: Timestamp = Timestamp::from_seconds(1_700_000_000);
const DAYS: f64 = 600.0;

fn days(days: f64) -> Duration {
    Duration::from_secs_f64(days * 86_400.0)
}

/// Sign-ins of `owners` people over 600 days, in the order of time.
pub(crate) fn sign_ins(seed: u64, owners: u32) -> Vec<SignIn> {
    let mut chance = Chance::new(seed);
    let mut all: Vec<SignIn> =
        (0..owners).flat_map(|number| Owner::new(number, &mut chance).live(&mut chance)).collect();
    all.sort_by_key(|sign_in| (sign_in.at, sign_in.owner));
    all
}

/// Thieves who come after a fifth of the sign-ins, within a month.
pub(crate) fn thieves(seed: u64) -> impl FnMut(&SignIn) -> Vec<Theft> {
    let mut chance = Chance::new(seed);
    move |last| if chance.happens(0.2) { thefts(last, &mut chance) } else { Vec::new() }
}

fn thefts(last: &SignIn, chance: &mut Chance) -> Vec<Theft> {
    let day = last.at.since(START).as_secs_f64() / 86_400.0;
    let victim_country = world::country_of(last.origin.country);
    let victim_city = world::city_of(&last.origin);

    let country = world::botnet(chance);
    let system =
        if chance.happens(0.5) { System::hosting(country, chance) } else { System::fixed(country, chance) };
    let software = if chance.happens(0.2) { &world::SCRIPT } else { world::popular(chance) };
    let naive = (system.anywhere(chance), software.client(day, chance.below(6)));

    let vpn = System::hosting(victim_country, chance).anywhere(chance);
    let vpn = (vpn, world::popular(chance).client(day, chance.below(3)));

    let near = System::fixed(victim_country, chance).in_city(victim_city, chance);
    let targeted = (near, last.client);

    [("naive", naive), ("VPN", vpn), ("targeted", targeted)]
        .map(|(by, (origin, client))| {
            let at = last.at.after(days(chance.share() * 30.0));
            Theft { by, victim: last.owner, at, origin, client }
        })
        .into()
}
