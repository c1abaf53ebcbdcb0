//! A PostgreSQL of our own for the tests: a new cluster in a temporary folder, on a free loopback port.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::task::{Outcome, run};

/// A running cluster; stopped and deleted when dropped.
pub(crate) struct Postgres {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
}

impl Postgres {
    /// Starts a cluster. The server refuses to run as root, so root hands it to the user `postgres`.
    pub(crate) fn start() -> Outcome<Self> {
        let programs = programs()?;
        let folder = std::env::temp_dir().join(format!("gabion-postgres-{}", std::process::id()));
        let io = |error: std::io::Error| format!("{}: {error}", folder.display());
        std::fs::create_dir_all(&folder).map_err(io)?;
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&folder))?;
        }
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).map_err(io)?.port();
        let postgres = Self { folder, programs, port };
        let data = postgres.folder.join("data").display().to_string();
        postgres
            .command("initdb", &["-D", &data, "-U", "gabion", "-A", "trust", "-E", "UTF8", "--no-sync"])?;
        let options = format!(
            "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='{}'",
            postgres.folder.display()
        );
        let log = postgres.folder.join("log").display().to_string();
        postgres.command("pg_ctl", &["-D", &data, "-w", "-l", &log, "-o", &options, "start"])?;
        Ok(postgres)
    }

    /// The address tests get in `GABION_TEST_POSTGRES`.
    pub(crate) fn url(&self) -> String {
        format!("postgres://gabion@127.0.0.1:{}", self.port)
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Outcome {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        run(command.args(arguments))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.folder.join("data").display().to_string();
        if let Err(error) = self.command("pg_ctl", &["-D", &data, "-m", "immediate", "stop"]) {
            eprintln!("xtask: PostgreSQL was not stopped: {error}");
        }
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            eprintln!("xtask: {} was not removed: {error}", self.folder.display());
        }
    }
}

/// Debian keeps the server's programs out of the path, by version.
fn programs() -> Outcome<PathBuf> {
    let versions =
        std::fs::read_dir("/usr/lib/postgresql").map_err(|error| format!("PostgreSQL: {error}"))?;
    let mut folders: Vec<PathBuf> =
        versions.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).collect();
    folders.sort();
    folders
        .pop()
        .filter(|folder| folder.join("initdb").exists())
        .ok_or_else(|| "PostgreSQL: no server programs".into())
}

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(Path::new("/proc/self")).is_ok_and(|metadata| metadata.uid() == 0)
}
