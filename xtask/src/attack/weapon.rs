//! The attacks: which tool sends them, and what in its output shows that the attacker was held.

use std::process::Command;

use crate::lab::server::{Server, other_cores, pinned_low};
use crate::lab::{self};
use crate::task::{Outcome, root};

/// Connections that Gabion may have open at most while slow clients of one address attack: 64 of theirs, as many toward
/// the shop, and those of customers.
const OPEN_MAX: u64 = 144;
/// Where the demo shop reads a form before it answers.
const FORM: &str = "/account/sign-in";

/// A kind of attack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weapon {
    /// Its row in the table.
    pub(crate) name: &'static str,
    tool: Tool,
}

/// What sends it.
#[derive(Clone, Copy, Debug)]
enum Tool {
    /// Slow clients.
    Slowhttptest(&'static [&'static str]),
    /// Requests over HTTP/1.1 as fast as they go.
    Wrk(&'static [&'static str]),
    /// Requests over HTTP/2 as fast as they go.
    H2load(&'static [&'static str]),
    /// Frames of `bench/attack/http2.py`.
    Http2(&'static str),
    /// Requests of `bench/attack/http1.py`.
    Http1(&'static str),
}

const fn weapon(name: &'static str, tool: Tool) -> Weapon {
    Weapon { name, tool }
}

/// All of them.
pub(crate) const WEAPONS: &[Weapon] = &[
    weapon("slow-headers", Tool::Slowhttptest(&["-H", "-i", "5"])),
    weapon("slow-body", Tool::Slowhttptest(&["-B", "-i", "5", "-s", "8192"])),
    weapon(
        "slow-read",
        Tool::Slowhttptest(&["-X", "-k", "10", "-w", "10", "-y", "20", "-n", "5", "-z", "5"]),
    ),
    weapon("connection-flood", Tool::Wrk(&["-c256", "-HConnection: close"])),
    weapon("request-flood-h1", Tool::Wrk(&["-c60"])),
    weapon("request-flood-h2", Tool::H2load(&["-c60", "-m100"])),
    weapon("rapid-reset", Tool::Http2("rapid_reset")),
    weapon("continuation-flood", Tool::Http2("continuation")),
    weapon("reset-window-zero", Tool::Http2("reset_window_zero")),
    weapon("reset-window-overflow", Tool::Http2("reset_window_overflow")),
    weapon("reset-headers-closed", Tool::Http2("reset_headers_closed")),
    weapon("reset-data-closed", Tool::Http2("reset_data_closed")),
    weapon("reset-priority-length", Tool::Http2("reset_priority_length")),
    weapon("reset-priority-self", Tool::Http2("reset_priority_self")),
    weapon("ping-flood", Tool::Http2("ping")),
    weapon("settings-flood", Tool::Http2("settings")),
    weapon("empty-data-flood", Tool::Http2("empty_data")),
    weapon("window-update-flood", Tool::Http2("window_update")),
    weapon("hpack-bomb", Tool::Http2("hpack_bomb")),
    weapon("many-headers-h2", Tool::Http2("many_headers")),
    weapon("many-headers-h1", Tool::Http1("many_headers")),
    weapon("long-header", Tool::Http1("long_header")),
    weapon("query-keys", Tool::Http1("query_keys")),
    weapon("colliding-keys", Tool::Http1("colliding_keys")),
    weapon("decompression-bomb", Tool::Http1("bomb")),
];

/// Whether the attacker got what it wanted.
#[derive(Debug)]
pub(crate) struct Held {
    /// It did not.
    pub(crate) held: bool,
    /// How far it came, in words.
    pub(crate) told: String,
}

impl Weapon {
    /// The command that attacks a server for some seconds, from an address of its own, and ends by itself.
    pub(crate) fn command(&self, server: &Server, seconds: u64) -> Command {
        let cores = other_cores();
        let url = format!("https://{}/", server.address);
        match self.tool {
            Tool::Slowhttptest(arguments) => {
                let url = format!("https://{}{FORM}", server.address);
                let mut command = pinned_low(&cores, "slowhttptest");
                command.args(["-c", "1000", "-r", "500", "-p", "3", "-u", &url]);
                command.args(["-l", &seconds.to_string()]).args(arguments);
                command
            }
            Tool::Wrk(arguments) => {
                let mut command = pinned_low(&cores, "wrk");
                command
                    .args(["-t1", &format!("-d{seconds}s")])
                    .arg("-s")
                    .arg(root().join("bench/edge/wrk.lua"));
                command.args(arguments).arg(url);
                command
            }
            Tool::H2load(arguments) => {
                let mut command = pinned_low(&cores, "h2load");
                command.args(["-t1", &format!("-D{seconds}")]).args(arguments).arg(url);
                command
            }
            Tool::Http2(attack) => script(&cores, "http2.py", attack, server, seconds),
            Tool::Http1(attack) => script(&cores, "http1.py", attack, server, seconds),
        }
    }

    /// What the output of the attack says about it, and the connections that Gabion had open at most.
    ///
    /// # Errors
    /// When the output is not what the tool prints.
    pub(crate) fn judge(&self, raw: &str, open: u64) -> Outcome<Held> {
        match self.tool {
            Tool::Slowhttptest(_) => slow(raw, open),
            Tool::Wrk(_) => flood(lab::result(raw, "requests")?, lab::result(raw, "failed")?),
            Tool::H2load(_) => {
                let failed = lab::h2load_count(raw, " failed")? + lab::h2load_count(raw, " errored")?;
                flood(lab::h2load_count(raw, " succeeded")? + failed, failed)
            }
            Tool::Http2(_) => frames(raw),
            Tool::Http1("bomb") => swallowed(raw),
            Tool::Http1(_) => requests(raw),
        }
    }
}

fn script(cores: &str, script: &str, attack: &str, server: &Server, seconds: u64) -> Command {
    let mut command = pinned_low(cores, "/usr/bin/python3");
    command.arg(root().join("bench/attack").join(script)).arg(attack);
    let (address, port) = (server.address.ip().to_string(), server.address.port().to_string());
    command.args(["--address", &address, "--host", &address, "--source", &address, "--port", &port]);
    command.args(["--seconds", &seconds.to_string()]);
    command
}

/// What slowhttptest tried, by the last status it printed. What became of its connections it knows badly: one that was
/// closed before TLS stays "pending" with it.
fn slow(raw: &str, open: u64) -> Outcome<Held> {
    let plain = without_colors(raw);
    let count = |name: &str| -> Outcome<u64> {
        let line = plain.lines().rev().find_map(|line| line.trim().strip_prefix(name));
        line.and_then(|number| number.trim().parse().ok()).ok_or_else(|| format!("no `{name}` in:\n{raw}"))
    };
    let tried = count("connected:")? + count("pending:")? + count("closed:")? + count("error:")?;
    Ok(Held {
        // Of an attacker who hardly began nothing is learned.
        held: tried >= 2 * OPEN_MAX && open <= OPEN_MAX,
        told: format!("{tried} connections tried, at most {open} open at a time"),
    })
}

/// A terminal's text without its colors: ESC, `[`, and all up to a letter.
fn without_colors(raw: &str) -> String {
    let mut parts = raw.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + part.trim_start_matches(|c: char| !c.is_ascii_alphabetic()).get(1..).unwrap_or_default()
    })
}

/// Somebody who floods has to be refused sometimes.
fn flood(requests: u64, refused: u64) -> Outcome<Held> {
    Ok(Held {
        held: refused > 0,
        told: format!("{} of {requests} let through", requests.saturating_sub(refused)),
    })
}

/// A connection that attacks has to be cut before the attacker's budget is spent, or be answered as any other.
fn frames(raw: &str) -> Outcome<Held> {
    let count = |key: &str| lab::result::<u64>(raw, key);
    let (connections, cut, survived) = (count("connections")?, count("cut")?, count("survived")?);
    let (resets, answered) = (count("resets")?, count("answered")?);
    let harmless = resets == 0 && answered > 0;
    let (unfinished, worst) = (count("unfinished")?, count("worst")?);
    let told = match survived {
        0 if unfinished > 0 => format!(
            "{cut} of {connections} connections cut, {unfinished} open when time was over, at most {worst} frames on one"
        ),
        0 => format!("{cut} of {connections} connections cut, after at most {worst} frames"),
        _ => format!("{survived} of {connections} connections survived; {resets} resets, {answered} answers"),
    };
    Ok(Held { held: (survived == 0 && cut > 0) || harmless, told })
}

/// Every request has to be refused.
fn requests(raw: &str) -> Outcome<Held> {
    let count = |key: &str| lab::result::<u64>(raw, key);
    let (refused, rejected, through) = (count("refused")?, count("rejected")?, count("through")?);
    Ok(Held {
        held: through == 0 && refused + rejected > 0,
        told: format!("{rejected} rejected, {refused} cut off, {through} let through"),
    })
}

/// A compressed body may pass, packed as it came: the memory tells whether it was unpacked.
fn swallowed(raw: &str) -> Outcome<Held> {
    let outcome = requests(raw)?;
    Ok(Held { held: true, ..outcome })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(judged: Outcome<Held>, held: bool, told: &str) {
        let judged = judged.expect("it can be judged");
        assert_eq!((judged.held, judged.told.as_str()), (held, told));
    }

    #[test]
    fn slow_clients_are_held_when_few_are_open_at_a_time() {
        let raw = "pending:  9\nconnected: 900\nerror: 0\nclosed: 3\n\
                   \u{1b}[1;32mpending: \u{1b}[1;32m  0\nconnected:  64\nerror: 0\nclosed:  936\u{1b}[0m\n";
        check(slow(raw, 66), true, "1000 connections tried, at most 66 open at a time");
        check(slow(raw, 640), false, "1000 connections tried, at most 640 open at a time");
        check(slow(&raw.replace("936", "36"), 66), false, "100 connections tried, at most 66 open at a time");
    }

    #[test]
    fn a_flood_is_held_when_something_of_it_is_refused() {
        check(flood(100, 90), true, "10 of 100 let through");
        check(flood(100, 0), false, "100 of 100 let through");
    }

    #[test]
    fn frames_are_held_when_no_connection_survives_or_nothing_is_reset() {
        let raw = "result connections=5 refused=1 cut=5 survived=0 unfinished=0 frames=500 resets=0 answered=0 worst=150";
        check(frames(raw), true, "5 of 5 connections cut, after at most 150 frames");
        check(
            frames(&raw.replace("cut=5", "cut=4").replace("unfinished=0", "unfinished=1")),
            true,
            "4 of 5 connections cut, 1 open when time was over, at most 150 frames on one",
        );
        let raw = raw.replace("survived=0", "survived=2");
        check(frames(&raw), false, "2 of 5 connections survived; 0 resets, 0 answers");
        check(
            frames(&raw.replace("answered=0", "answered=9")),
            true,
            "2 of 5 connections survived; 0 resets, 9 answers",
        );
    }

    #[test]
    fn one_request_let_through_is_one_too_many() {
        check(
            requests("result refused=1 rejected=2 through=0"),
            true,
            "2 rejected, 1 cut off, 0 let through",
        );
        check(
            requests("result refused=1 rejected=2 through=1"),
            false,
            "2 rejected, 1 cut off, 1 let through",
        );
    }
}
