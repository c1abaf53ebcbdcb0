//! The programs under load: started on a core of their own, stopped with their children.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::usage;
use crate::task::{Outcome, pause};

/// How long a program may take until its port is open.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a program may take to stop when asked.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// Open files each program may have: ten thousand connections and what it needs itself.
const FILES_MAX: &str = "16384";

/// The core of the proxy under test.
pub(crate) const PROXY_CORE: &str = "0";

/// This machine as it sees itself.
pub(crate) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The cores of everything else.
pub(crate) fn other_cores() -> String {
    match super::machine::cores() {
        0 | 1 => PROXY_CORE.to_owned(),
        2 => "1".to_owned(),
        cores => format!("1-{}", cores - 1),
    }
}

/// A program that runs on the given cores only.
pub(crate) fn pinned(cores: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("prlimit");
    command.arg(format!("--nofile={FILES_MAX}")).args(["taskset", "-c", cores]).arg(program);
    command
}

/// The same for a program that gives way to every other one on its core, at once (`SCHED_IDLE`): with a low priority
/// only, others wait for the end of its turn, which is milliseconds of the kernel's and not of the proxy under test.
pub(crate) fn pinned_low(cores: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("chrt");
    command.args(["--idle", "0", "taskset", "-c", cores]).arg(program);
    command
}

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts a program and waits until its port is open. What it says goes to a file.
    pub(crate) fn start(command: &mut Command, address: impl Into<SocketAddr>, log: &Path) -> Outcome<Self> {
        let shown = format!("{command:?}");
        let file = File::create(log).map_err(|error| format!("{}: {error}", log.display()))?;
        let file_too = file.try_clone().map_err(|error| format!("{}: {error}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(file_too)
            .spawn()
            .map_err(|error| format!("{shown}: {error}"))?;
        let mut server = Self { child, address: address.into() };
        server.wait(&shown, log)?;
        Ok(server)
    }

    fn wait(&mut self, shown: &str, log: &Path) -> Outcome {
        let until = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(self.address).is_err() {
            let ended = self.child.try_wait().map_err(|error| format!("{shown}: {error}"))?;
            if ended.is_some() || Instant::now() > until {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                return Err(format!("{shown} does not listen on {}:\n{said}", self.address));
            }
            pause(Duration::from_millis(20));
        }
        Ok(())
    }

    /// The process that was started.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Processor seconds of it and its children so far.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        usage::cpu_seconds(self.process())
    }

    /// Sends it a signal such as `HUP`.
    pub(crate) fn signal(&self, name: &str) -> Outcome {
        let process = self.process().to_string();
        let status = Command::new("kill").args(["-s", name, &process]).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("kill -s {name} {process}: {status}")),
            Err(error) => Err(format!("kill: {error}")),
        }
    }

    fn stop(&mut self) -> Outcome {
        if self.child.try_wait().map_err(|error| error.to_string())?.is_some() {
            return Ok(());
        }
        self.signal("TERM")?;
        let until = Instant::now() + STOP_TIMEOUT;
        while self.child.try_wait().map_err(|error| error.to_string())?.is_none() {
            if Instant::now() > until {
                self.child.kill().map_err(|error| error.to_string())?;
            }
            pause(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("xtask: process {} could not be stopped: {error}", self.process());
        }
    }
}

/// A port of loopback that was free a moment ago.
pub(crate) fn free_port() -> Outcome<u16> {
    let listener =
        std::net::TcpListener::bind("127.0.0.1:0").map_err(|error| format!("no free port: {error}"))?;
    Ok(listener.local_addr().map_err(|error| error.to_string())?.port())
}
