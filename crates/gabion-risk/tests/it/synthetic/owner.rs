//! One customer's life.

use super::world::{self, System};
use super::{Chance, DAYS, Origin, SOFTWARE, START, SignIn, Software, days};

struct Machine {
    software: &'static Software,
    /// Versions behind the newest.
    behind: u32,
    /// The day it is replaced.
    until: f64,
    cookie: Option<u64>,
    use_share: f64,
}

pub(crate) struct Owner {
    number: u32,
    country: usize,
    city: u32,
    home: System,
    home_network: u32,
    /// Days between new addresses at home; a few never change.
    home_renewal: f64,
    work: Option<Origin>,
    carrier: System,
    uses_vpn: bool,
    travels: bool,
    /// Never keeps cookies.
    private: bool,
    machines: Vec<Machine>,
    cookies_given: u64,
    /// Days between sign-ins.
    pause: f64,
}

impl Owner {
    pub(crate) fn new(number: u32, chance: &mut Chance) -> Self {
        let country = world::home(chance);
        let city = chance.below(8);
        let home = System::fixed(country, chance);
        let mut owner = Self {
            number,
            country,
            city,
            home,
            home_network: chance.below(200),
            home_renewal: if chance.happens(0.5) { 60.0 } else { 2000.0 },
            work: chance.happens(0.4).then(|| System::fixed(country, chance).in_city(city, chance)),
            carrier: System::mobile(country, chance),
            uses_vpn: chance.happens(0.05),
            travels: chance.happens(0.4),
            private: chance.happens(0.05),
            machines: Vec::new(),
            cookies_given: 0,
            pause: 10.0 + chance.share() * 50.0,
        };
        for _ in 0..=chance.below(3) {
            let machine = owner.machine(0.0, chance);
            owner.machines.push(machine);
        }
        owner
    }

    pub(crate) fn live(mut self, chance: &mut Chance) -> Vec<SignIn> {
        let mut sign_ins = Vec::new();
        let (mut day, mut address_until, mut trip_until) = (chance.share() * 100.0, 0.0, -1.0);
        let mut abroad = None;
        while day < DAYS {
            if day > address_until {
                address_until = day + chance.wait(self.home_renewal);
                self.home_network = chance.below(200);
            }
            if chance.happens(0.007) {
                self.home = System::fixed(self.country, chance);
            }
            if self.travels && day > trip_until {
                // Two weeks of every half a year.
                abroad = chance.happens(0.08).then(|| self.trip(chance));
                trip_until = day + if abroad.is_some() { 14.0 } else { 0.0 };
            }
            sign_ins.push(self.sign_in(day, abroad.filter(|_| day <= trip_until), chance));
            day += if chance.happens(0.15) { chance.wait(0.5) } else { chance.wait(self.pause) };
        }
        sign_ins
    }

    /// Country and city of a trip: half of them at home.
    fn trip(&self, chance: &mut Chance) -> (usize, u32) {
        let country =
            if chance.happens(0.5) { self.country } else { usize::try_from(chance.below(8)).expect("few") };
        (country, chance.below(8))
    }

    fn sign_in(&mut self, day: f64, trip: Option<(usize, u32)>, chance: &mut Chance) -> SignIn {
        let numbers: Vec<usize> = (0..self.machines.len()).collect();
        let number = *chance.pick(&numbers, |number| self.machines[*number].use_share);
        if day > self.machines[number].until {
            self.machines[number] = self.machine(day, chance);
        }
        if chance.happens(0.04) {
            self.machines[number].cookie = self.cookie();
        }
        let machine = &self.machines[number];
        let (software, behind, cookie) = (machine.software, machine.behind, machine.cookie);
        let cookie = if self.private { self.cookie() } else { cookie };
        SignIn {
            owner: self.number,
            at: START.after(days(day)),
            origin: self.origin(software.phone, trip, chance),
            client: software.client(day, behind),
            cookie,
            failures: self.mistakes(chance),
        }
    }

    fn mistakes(&self, chance: &mut Chance) -> u32 {
        match chance.below(100) {
            0..2 => 4,
            2..14 => 1 + chance.below(2),
            _ => 0,
        }
    }

    fn origin(&self, phone: bool, trip: Option<(usize, u32)>, chance: &mut Chance) -> Origin {
        if self.uses_vpn && chance.happens(0.3) {
            let country = if chance.happens(0.6) { self.country } else { world::botnet(chance) };
            return System::hosting(country, chance).anywhere(chance);
        }
        // Telephones abroad appear at home: carriers bring them there.
        if phone && chance.happens(0.45) {
            return self.carrier.anywhere(chance);
        }
        if let Some((country, city)) = trip {
            return System::fixed(country, chance).in_city(city, chance);
        }
        match (self.work, chance.share()) {
            (_, share) if share < 0.05 => System::fixed(self.country, chance).in_city(self.city, chance),
            (Some(work), share) if share < 0.30 => work,
            _ => self.home.network(self.city, self.home_network),
        }
    }

    fn machine(&mut self, day: f64, chance: &mut Chance) -> Machine {
        let software = chance.pick(&SOFTWARE, Software::share);
        let until = day + chance.wait(700.0);
        let cookie = self.cookie();
        Machine { software, behind: chance.below(2), until, cookie, use_share: 0.2 + chance.share() }
    }

    fn cookie(&mut self) -> Option<u64> {
        self.cookies_given += 1;
        Some(u64::from(self.number) << 32 | self.cookies_given)
    }
}
