//! Countries, providers and software of the made-up world.

use super::{Agent, Chance, Client, Network, Origin, Place, Range};

pub(crate) struct Country {
    code: &'static str,
    latitude: f64,
    longitude: f64,
    /// Share of the shop's customers.
    customers: f64,
    /// Share of the addresses that thieves can get.
    botnet: f64,
}

const fn country(code: &'static str, place: (f64, f64), customers: f64, botnet: f64) -> Country {
    Country { code, latitude: place.0, longitude: place.1, customers, botnet }
}

pub(crate) const COUNTRIES: [Country; 12] = [
    country("DE", (50.0, 9.0), 75.0, 5.0),
    country("AT", (47.5, 14.0), 8.0, 1.0),
    country("CH", (46.8, 8.0), 5.0, 1.0),
    country("FR", (46.6, 2.4), 3.0, 5.0),
    country("NL", (52.1, 5.3), 3.0, 5.0),
    country("US", (39.8, -98.6), 2.0, 20.0),
    country("PL", (52.1, 19.4), 2.0, 3.0),
    country("GB", (52.5, -1.5), 2.0, 5.0),
    country("BR", (-10.8, -52.9), 0.0, 15.0),
    country("IN", (22.9, 79.6), 0.0, 15.0),
    country("VN", (16.6, 106.3), 0.0, 15.0),
    country("RU", (61.9, 96.7), 0.0, 10.0),
];

/// Cities of each country, 1.2 degrees of latitude apart.
const CITIES: u32 = 8;
/// Networks of a provider in a city.
const NETWORKS_PER_CITY: u32 = 200;
/// Networks of a mobile carrier, for the whole country.
const NETWORKS_OF_CARRIER: u32 = 60;
/// Networks of a data center.
const NETWORKS_OF_HOSTER: u32 = 30;

pub(crate) fn home(chance: &mut Chance) -> usize {
    pick_country(chance, |country| country.customers)
}

pub(crate) fn botnet(chance: &mut Chance) -> usize {
    pick_country(chance, |country| country.botnet)
}

fn pick_country(chance: &mut Chance, weight: impl Fn(&Country) -> f64) -> usize {
    let numbered: Vec<usize> = (0..COUNTRIES.len()).collect();
    *chance.pick(&numbered, |number| weight(&COUNTRIES[*number]))
}

pub(crate) fn country_of(code: Option<gabion_risk::Country>) -> usize {
    let code = code.expect("every origin has a country");
    COUNTRIES.iter().position(|country| country.code.as_bytes() == code.as_bytes()).expect("one of ours")
}

/// The city that a place is in.
pub(crate) fn city_of(origin: &Origin) -> u32 {
    let (latitude, _) = origin.place.expect("every origin has a place").into();
    let country = &COUNTRIES[country_of(origin.country)];
    (0..CITIES)
        .find(|city| (country.latitude_of(*city) - latitude).abs() < 0.1)
        .expect("places are in cities")
}

impl Country {
    fn latitude_of(&self, city: u32) -> f64 {
        self.latitude + (f64::from(city) - f64::from(CITIES) / 2.0) * 1.2
    }
}

/// An autonomous system in a country.
#[derive(Clone, Copy)]
pub(crate) struct System {
    country: usize,
    number: u32,
    range: Range,
}

impl System {
    /// A provider of homes and offices, by its share of the market.
    pub(crate) fn fixed(country: usize, chance: &mut Chance) -> Self {
        let number = *chance.pick(&[0, 1, 2, 3, 4, 5], |number| 1.0 / f64::from(number + 1));
        Self { country, number, range: Range::Ordinary }
    }

    pub(crate) fn mobile(country: usize, chance: &mut Chance) -> Self {
        Self { country, number: 10 + chance.below(3), range: Range::Mobile }
    }

    pub(crate) fn hosting(country: usize, chance: &mut Chance) -> Self {
        Self { country, number: 20 + chance.below(5), range: Range::Hosting }
    }

    pub(crate) fn in_city(self, city: u32, chance: &mut Chance) -> Origin {
        self.network(city, chance.below(NETWORKS_PER_CITY))
    }

    /// The network of that number in a city.
    pub(crate) fn network(self, city: u32, number: u32) -> Origin {
        let country = &COUNTRIES[self.country];
        let index = u32::try_from(self.country).expect("few countries");
        let asn = 1000 + index * 100 + self.number;
        let [_, a, b, c] =
            ((index * 30 + self.number) * CITIES * NETWORKS_PER_CITY + city * NETWORKS_PER_CITY + number)
                .to_be_bytes();
        Origin {
            network: Network::V4([a, b, c]),
            asn: Some(asn),
            country: country.code.parse().ok(),
            place: Place::new(country.latitude_of(city), country.longitude).ok(),
            range: self.range,
        }
    }

    /// Somewhere in the country: a home anywhere, or one of the few networks of a carrier or hoster.
    pub(crate) fn anywhere(self, chance: &mut Chance) -> Origin {
        let city = chance.below(CITIES);
        match self.range {
            Range::Ordinary => self.in_city(city, chance),
            Range::Mobile => self.network(city, chance.below(NETWORKS_OF_CARRIER / CITIES)),
            Range::Hosting => self.network(city, chance.below(NETWORKS_OF_HOSTER / CITIES)),
        }
    }
}

/// A kind of browser on a kind of device.
pub(crate) struct Software {
    /// `VERSION` stands for its version.
    agent: &'static str,
    /// How it begins TLS, but for the last part.
    ja4: &'static str,
    /// Days between its versions.
    release: f64,
    share: f64,
    pub phone: bool,
}

const fn software(agent: &'static str, ja4: &'static str, release: f64, share: f64, phone: bool) -> Software {
    Software { agent, ja4, release, share, phone }
}

#[rustfmt::skip]
pub(crate) const SOFTWARE: [Software; 8] = [
    software("Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/VERSION Mobile/15E148 Safari/604.1", "t13d2014h2_a09f3c656075", 60.0, 24.0, true),
    software("Mozilla/5.0 (Linux; Android 10; K) Chrome/VERSION.0.0.0 Mobile Safari/537.36", "t13d1516h2_8daaf6152771", 28.0, 26.0, true),
    software("Mozilla/5.0 (Linux; Android 10; K) SamsungBrowser/VERSION Chrome/130.0.0.0 Mobile Safari/537.36", "t13d1516h2_8daaf6152772", 60.0, 6.0, true),
    software("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/VERSION.0.0.0 Safari/537.36", "t13d1516h2_8daaf6152771", 28.0, 20.0, false),
    software("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/VERSION.0.0.0 Safari/537.36 Edg/VERSION.0.0.0", "t13d1516h2_8daaf6152771", 28.0, 8.0, false),
    software("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:VERSION) Gecko/20100101 Firefox/VERSION", "t13d1717h2_5b57614c22b0", 28.0, 7.0, false),
    software("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/VERSION Safari/605.1.15", "t13d2014h2_a09f3c656075", 60.0, 7.0, false),
    software("Mozilla/5.0 (X11; Linux x86_64; rv:VERSION) Gecko/20100101 Firefox/VERSION", "t13d1717h2_5b57614c22b0", 28.0, 2.0, false),
];

/// What thieves' programs are when they do not pretend.
pub(crate) const SCRIPT: Software =
    software("python-requests/2.VERSION", "t13d1812h1_85036bcba153", 200.0, 0.0, false);

/// By its share among customers.
pub(crate) fn popular(chance: &mut Chance) -> &'static Software {
    chance.pick(&SOFTWARE, |software| software.share)
}

impl Software {
    pub(crate) fn share(&self) -> f64 {
        self.share
    }

    /// As it shows itself on that day, so many versions behind the newest.
    pub(crate) fn client(&self, day: f64, behind: u32) -> Client {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few dozen versions")]
        let version = 120 + (day / self.release) as u32 - behind;
        let agent = self.agent.replace("VERSION", &version.to_string());
        Client {
            agent: Some(Agent::parse(&agent)),
            ja4: format!("{}_e5627efa2ab1", self.ja4).parse().ok(),
            ..Client::default()
        }
    }
}
