//! One attack: Gabion alone on its core, the attacker, a quiet customer and a buying one on the others.

use std::fs::File;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::weapon::{Held, Weapon};
use crate::lab::run_folder::RunFolder;
use crate::lab::server::{LOOPBACK, PROXY_CORE, Server, free_port, other_cores, pinned};
use crate::lab::template::fill;
use crate::lab::{self, usage};
use crate::task::{Outcome, pause, root};

/// Memory an attack may take beyond what a quiet customer needs: buffers of the connections that are allowed.
const GROWTH_KIB_MAX: u64 = 32 * 1024;
/// What an attack may add to the p99 of other customers, where twice their quiet value is less.
const P99_ADDED_MS_MAX: f64 = 20.0;
/// Seconds of the quiet customer alone, which everything is held against.
const QUIET_SECONDS: u64 = 5;
/// The attack is on for this long before customers come.
const LEAD: Duration = Duration::from_secs(1);
/// Time between two looks at memory and connections.
const SAMPLE: Duration = Duration::from_millis(100);
/// Time an attacker gets to end by itself after its seconds are over.
const GRACE: Duration = Duration::from_secs(20);

/// Where Gabion listens, and where the attacker comes from.
const ADDRESS: &str = "198.18.0.1";

/// The demo shop and what is under attack with it.
#[derive(Debug)]
pub(crate) struct Battle {
    binary: PathBuf,
    folder: PathBuf,
    shop: Server,
    seconds: u64,
}

/// What one attack did.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) attacker: Held,
    pub(crate) rss_before_kib: u64,
    pub(crate) rss_peak_kib: u64,
    pub(crate) quiet_p99_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    /// Milliseconds the checkout took, or why it did not work.
    pub(crate) checkout: Outcome<u64>,
}

impl Row {
    /// What the p99 of others may be at most.
    pub(crate) fn p99_limit_ms(&self) -> f64 {
        (2.0 * self.quiet_p99_ms).max(self.quiet_p99_ms + P99_ADDED_MS_MAX)
    }

    /// Whether attacker, memory, other customers and the checkout are as promised.
    pub(crate) fn passed(&self) -> bool {
        self.attacker.held
            && self.rss_peak_kib <= self.rss_before_kib + GROWTH_KIB_MAX
            && self.p99_ms <= self.p99_limit_ms()
            && self.failed == 0
            && self.checkout.is_ok()
    }
}

impl Battle {
    /// Starts the demo shop.
    pub(crate) fn prepare(binary: PathBuf, seconds: u64) -> Outcome<Self> {
        let folder = root().join(format!("target/bench/attack-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let port = free_port()?;
        let mut command = pinned(&other_cores(), &binary);
        command.args(["demo-shop", "--listen", &format!("127.0.0.1:{port}"), "--folder"]);
        let shop =
            Server::start(command.arg(folder.join("shop")), (LOOPBACK, port), &folder.join("shop.log"))?;
        Ok(Self { binary, folder, shop, seconds })
    }

    /// Starts Gabion anew, attacks it, and tells what happened.
    pub(crate) fn fight(&self, weapon: &Weapon, folder: &RunFolder) -> Outcome<Row> {
        let gabion = self.gabion(weapon.name)?;
        let quiet = finished(&mut Self::quiet(&gabion, QUIET_SECONDS)?)?;
        let rss_before_kib = usage::rss_kib(gabion.process());
        let open_before = usage::open_files(gabion.process())?;

        let (attack_log, quiet_log) = (self.file("attack"), self.file("quiet"));
        let mut attack = started(&mut weapon.command(&gabion, self.seconds), &attack_log)?;
        pause(LEAD);
        let mut customer = started(&mut Self::quiet(&gabion, self.seconds - 2)?, &quiet_log)?;
        let (checkout, peak) = std::thread::scope(|scope| {
            let buying = scope.spawn(|| Self::checkout(&gabion));
            let peak = watch(&gabion, &mut attack, Duration::from_secs(self.seconds) + GRACE);
            (buying.join().expect("the thread does not panic"), peak)
        });
        let peak = peak?;
        customer.wait().map_err(|error| format!("quiet customer: {error}"))?;

        let (attack, quiet_in_attack) = (read(&attack_log)?, read(&quiet_log)?);
        folder.raw(&format!("{}.attack", weapon.name), &attack)?;
        folder.raw(&format!("{}.quiet", weapon.name), &format!("{quiet}\n{quiet_in_attack}"))?;
        folder.raw(&format!("{}.gabion", weapon.name), &read(&self.file(weapon.name))?)?;
        Ok(Row {
            name: weapon.name,
            attacker: weapon.judge(&attack, peak.open.saturating_sub(open_before)).unwrap_or_else(|_| Held {
                held: false,
                told: format!("did not end by itself: raw/{}.attack.txt", weapon.name),
            }),
            rss_before_kib,
            rss_peak_kib: peak.rss_kib,
            quiet_p99_ms: milliseconds(lab::result(&quiet, "p99_us")?),
            p99_ms: milliseconds(lab::result(&quiet_in_attack, "p99_us")?),
            requests: lab::result(&quiet_in_attack, "requests")?,
            failed: lab::result(&quiet_in_attack, "failed")?,
            checkout,
        })
    }

    fn gabion(&self, name: &str) -> Outcome<Server> {
        let port = free_port()?;
        let values = [
            ("address", ADDRESS.to_owned()),
            ("port", port.to_string()),
            ("control", free_port()?.to_string()),
            ("origin", self.shop.address.port().to_string()),
        ];
        let configuration = fill("attack/gabion.toml", self.folder.join("gabion.toml"), &values)?;
        let mut command = pinned(PROXY_CORE, &self.binary);
        let address: IpAddr = ADDRESS.parse().expect("the constant is an address");
        command.args(["run", "--config"]).arg(configuration);
        Server::start(&mut command, (address, port), &self.file(name))
    }

    fn quiet(gabion: &Server, seconds: u64) -> Outcome<Command> {
        let mut command = Self::client(gabion, "quiet", "198.18.0.2")?;
        command.args(["--path", "/healthz", "--seconds", &seconds.to_string()]);
        Ok(command)
    }

    fn checkout(gabion: &Server) -> Outcome<u64> {
        let said = finished(&mut Self::client(gabion, "checkout", "198.18.0.3")?)?;
        lab::result(&said, "milliseconds")
    }

    fn client(gabion: &Server, name: &str, from: &str) -> Outcome<Command> {
        let mut command = pinned(&other_cores(), lab::client_binary()?);
        command.args(["client", name, "--from", from, "--to", &gabion.address.to_string()]);
        Ok(command)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }
}

impl Drop for Battle {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            eprintln!("xtask: {}: {error}", self.folder.display());
        }
    }
}

/// The most of Gabion during an attack.
#[derive(Default)]
struct Peak {
    rss_kib: u64,
    open: u64,
}

/// Looks at Gabion's memory and connections until the attacker ends.
fn watch(gabion: &Server, attack: &mut Child, patience: Duration) -> Outcome<Peak> {
    let until = Instant::now() + patience;
    let mut peak = Peak::default();
    while attack.try_wait().map_err(|error| format!("attacker: {error}"))?.is_none() {
        if Instant::now() > until {
            attack.kill().map_err(|error| format!("attacker: {error}"))?;
        }
        peak.rss_kib = peak.rss_kib.max(usage::rss_kib(gabion.process()));
        peak.open = peak.open.max(usage::open_files(gabion.process())?);
        pause(SAMPLE);
    }
    Ok(peak)
}

/// Starts a program whose output goes to a file.
fn started(command: &mut Command, log: &Path) -> Outcome<Child> {
    let file = File::create(log).map_err(|error| format!("{}: {error}", log.display()))?;
    let file_too = file.try_clone().map_err(|error| format!("{}: {error}", log.display()))?;
    let child = command.stdin(Stdio::null()).stdout(file).stderr(file_too).spawn();
    child.map_err(|error| format!("{command:?}: {error}"))
}

/// Runs a program to its end and gives back what it said.
fn finished(command: &mut Command) -> Outcome<String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

fn read(path: &Path) -> Outcome<String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn milliseconds(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row {
            name: "ping-flood",
            attacker: Held { held: true, told: String::new() },
            rss_before_kib: 40_000,
            rss_peak_kib: 50_000,
            quiet_p99_ms: 2.0,
            p99_ms: 21.0,
            requests: 900,
            failed: 0,
            checkout: Ok(80),
        }
    }

    #[test]
    fn a_row_passes_when_everything_is_as_promised() {
        assert!(row().passed());
        assert!(!Row { p99_ms: 23.0, ..row() }.passed(), "2 ms and 20 more");
        assert!(Row { quiet_p99_ms: 50.0, p99_ms: 99.0, ..row() }.passed(), "less than twice 50 ms");
        assert!(!Row { failed: 1, ..row() }.passed());
        assert!(!Row { rss_peak_kib: 90_000, ..row() }.passed());
        assert!(!Row { checkout: Err("status 503".into()), ..row() }.passed());
        assert!(!Row { attacker: Held { held: false, told: String::new() }, ..row() }.passed());
    }
}
