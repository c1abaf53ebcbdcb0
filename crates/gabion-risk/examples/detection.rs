//! Reads sign-ins from a CSV file and prints how well the simple scorer tells owners from thieves:
//! `cargo run --release -p gabion-risk --example detection -- FILE [OWNERS]`.
//!
//! The file has the columns of the *Login Data Set for Risk-Based Authentication* (Wiefling and others, 2022), in any
//! order; rows need not be sorted. The first 20,000 owners are read, or as many as the second argument says. The data set
//! has neither cookies nor places nor TLS, so no device is known and journeys are not judged. Its account takeovers are
//! the thieves; as there are few, three more kinds are made of what other owners use: *naive* with anybody's network and
//! browser, *VPN* with a network in the victim's country and anybody's browser, *targeted* with a network in the victim's
//! country and the victim's own browser.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool talks to whoever started it")]

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::process::ExitCode;

use gabion_core::Timestamp;
use gabion_risk::{Agent, Client, Country, Origin};

#[path = "../tests/it/evaluate.rs"]
mod evaluate;

use evaluate::{SignIn, Theft, replay};

/// Owners read unless told otherwise: about a minute's work.
const OWNERS_READ: usize = 20_000;
/// Bytes of a line. Longer ones are no sign-ins.
const LINE_BYTES_MAX: usize = 8192;
/// After this many sign-ins of owners come made-up thieves.
const SIGN_INS_PER_THEFT: usize = 5;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("detection: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("which file?")?;
    let owners = arguments.next().map_or(Ok(OWNERS_READ), |number| number.parse())?;
    let mut read =
        read(BufReader::new(File::open(&path).map_err(|error| format!("{path}: {error}"))?), owners)?;
    println!(
        "{} sign-ins, {} takeovers, {} lines skipped\n",
        read.sign_ins.len(),
        read.takeovers,
        read.skipped
    );
    let mut pool = Pool { sign_ins: &read.sign_ins, at: 0 };
    let evaluation = replay(&read.sign_ins, false, |last| {
        let own = read.thefts.remove(&(last.owner, last.at)).unwrap_or_default();
        own.into_iter().chain(pool.thefts(last)).collect()
    });
    println!("{}", evaluation.table());
    Ok(())
}

#[derive(Default)]
struct Read {
    sign_ins: Vec<SignIn>,
    /// The takeovers that follow an owner's sign-in of that time.
    thefts: HashMap<(u32, Timestamp), Vec<Theft>>,
    takeovers: usize,
    skipped: usize,
}

fn read(file: impl BufRead, owners: usize) -> Result<Read, Box<dyn Error>> {
    let mut lines = file.lines();
    let (columns, takeover) = Columns::of(&cells(&lines.next().ok_or("the file is empty")??))?;
    let (mut read, mut numbers, mut takeovers) = (Read::default(), HashMap::new(), Vec::new());
    for line in lines {
        let line = line?;
        let Some(row) =
            (line.len() <= LINE_BYTES_MAX).then(|| columns.row(&cells(&line), takeover)).flatten()
        else {
            read.skipped += 1;
            continue;
        };
        if !row.succeeded || (numbers.len() == owners && !numbers.contains_key(&row.owner)) {
            continue;
        }
        let next = u32::try_from(numbers.len())?;
        let owner = *numbers.entry(row.owner).or_insert(next);
        let Row { at, origin, client, .. } = row;
        if row.takeover {
            let theft = Theft { by: "takeovers", victim: owner, at, origin, client };
            takeovers.push(theft);
        } else {
            read.sign_ins.push(SignIn { owner, at, origin, client, cookie: None, failures: 0 });
        }
    }
    read.sign_ins.sort_by_key(|sign_in| sign_in.at);
    let mut times: HashMap<u32, Vec<Timestamp>> = HashMap::new();
    for sign_in in &read.sign_ins {
        times.entry(sign_in.owner).or_default().push(sign_in.at);
    }
    // A takeover without an earlier sign-in has nothing to compare with.
    for theft in takeovers {
        let times = times.get(&theft.victim).map_or(&[][..], Vec::as_slice);
        let before = times.partition_point(|at| *at <= theft.at);
        if let Some(last) = before.checked_sub(1) {
            read.takeovers += 1;
            read.thefts.entry((theft.victim, times[last])).or_default().push(theft);
        }
    }
    Ok(read)
}

/// What a line says.
struct Row {
    owner: String,
    at: Timestamp,
    origin: Origin,
    client: Client,
    succeeded: bool,
    takeover: bool,
}

/// Where each column stands.
struct Columns([usize; 7]);

impl Columns {
    const NAMES: [&str; 7] = [
        "Login Timestamp",
        "User ID",
        "IP Address",
        "Country",
        "ASN",
        "User Agent String",
        "Login Successful",
    ];

    fn of(header: &[String]) -> Result<(Self, usize), Box<dyn Error>> {
        let find = |name: &str| {
            let at = header.iter().position(|cell| cell == name);
            at.ok_or_else(|| format!("the file has no column {name}"))
        };
        let mut places = [0; 7];
        for (place, name) in places.iter_mut().zip(Self::NAMES) {
            *place = find(name)?;
        }
        Ok((Self(places), find("Is Account Takeover")?))
    }

    fn row(&self, cells: &[String], takeover: usize) -> Option<Row> {
        let cell = |place: usize| cells.get(place).map(String::as_str);
        let [at, owner, address, country, asn, agent, succeeded] = self.0.map(cell);
        let address: IpAddr = address?.parse().ok()?;
        let country: Option<Country> = country?.parse().ok();
        Some(Row {
            owner: owner?.to_owned(),
            at: format!("{}Z", at?.replace(' ', "T")).parse().ok()?,
            origin: Origin { country, asn: asn?.parse().ok(), ..Origin::of(address) },
            client: Client { agent: Some(Agent::parse(agent?)), ..Client::default() },
            succeeded: succeeded? == "True",
            takeover: cell(takeover)? == "True",
        })
    }
}

/// The cells of a line of CSV. Quoted cells hold commas and doubled quotes (RFC 4180), but no line ends.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        let cell = cells.last_mut().expect("there is always a cell");
        match c {
            '"' if quoted && rest.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            c => cell.push(c),
        }
    }
    cells
}

/// Other owners' sign-ins, for making thieves of: taken in strides, so that every run makes the same.
struct Pool<'a> {
    sign_ins: &'a [SignIn],
    at: usize,
}

impl Pool<'_> {
    fn thefts(&mut self, last: &SignIn) -> Vec<Theft> {
        self.at += 1;
        if !self.at.is_multiple_of(SIGN_INS_PER_THEFT) {
            return Vec::new();
        }
        let theft = |by, origin, client| Theft { by, victim: last.owner, at: last.at, origin, client };
        let mut thefts = Vec::new();
        if let Some(other) = self.other(last, false) {
            thefts.push(theft("naive", other.origin, other.client));
        }
        if let (Some(network), Some(browser)) = (self.other(last, true), self.other(last, false)) {
            thefts.push(theft("VPN", network.origin, browser.client));
            thefts.push(theft("targeted", network.origin, last.client));
        }
        thefts
    }

    /// The next sign-in of somebody else, in the victim's country if asked; none when there is none nearby.
    fn other(&mut self, last: &SignIn, same_country: bool) -> Option<SignIn> {
        const TRIES: usize = 200;
        const STRIDE: usize = 7919;
        for _ in 0..TRIES {
            self.at = self.at.wrapping_add(STRIDE * SIGN_INS_PER_THEFT);
            let other = &self.sign_ins[self.at % self.sign_ins.len()];
            let fits = !same_country || other.origin.country == last.origin.country;
            if other.owner != last.owner && fits {
                return Some(other.clone());
            }
        }
        None
    }
}
