//! Listening sockets from the starter, and to the process that comes after: a restart refuses no connection.
//!
//! A restart replaces the program inside the same process (`exec`), with the same arguments, environment and listening
//! sockets. Between the old program's last and the new one's first accepted connection, connections wait in the
//! system's queue. The database has one owner at a time, so the old program closes it first. What can be checked is
//! checked before, by running the new program beside the old one: see [`preflight`].

use std::ffi::OsString;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use command_fds::{CommandFdExt, FdMapping};
use gabion_core::blame::chain;
use gabion_core::{SystemClock, Timestamp};
use gabion_crypto::SystemEntropy;
use gabion_edge::Sockets;
use gabion_edge::tls::{CertificateSource, Challenges, SourceDeps, TlsMode};
use gabion_store::AppliedSteps;
use listenfd::ListenFd;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::admin::{self, AdminError, Answer, Ask};
use crate::config::Config;
use crate::exit::{Failure, UNAVAILABLE, USAGE};
use crate::mail;
use crate::run::DOMAINS;

/// The first descriptor handed on (sd_listen_fds(3)).
const FIRST_DESCRIPTOR: i32 = 3;
/// Set for the program that takes over: sockets that its configuration does not want are closed, not refused.
const TAKING_OVER: &str = "GABION_TAKING_OVER";
/// How long the new program may take to check itself.
const PREFLIGHT_TIMEOUT: Duration = Duration::from_secs(30);

/// The program as it was started: its path stays when another one is put there.
static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Takes the sockets that systemd or the program before left open (`LISTEN_FDS`), and notes which program this is.
/// Must be called while the process has one thread, because it takes the variables out of the environment.
///
/// # Errors
/// When something else than listening TCP sockets was handed in.
pub(crate) fn handed_in() -> Result<Arc<Sockets>, Failure> {
    PROGRAM.get_or_init(program);
    let mut handed = ListenFd::from_env();
    let mut sockets = Vec::new();
    for index in 0..handed.len() {
        let wrong = |error| {
            let hint = "a socket unit may name addresses with ports only: ListenStream=[::]:443";
            Failure::new(USAGE, format!("a socket was handed in that cannot be used ({error}): {hint}"))
        };
        sockets.extend(handed.take_tcp_listener(index).map_err(wrong)?);
    }
    Ok(Arc::new(Sockets::handed_in(sockets)?))
}

/// The path that was asked for where it is one, so that a link is followed anew; else the program's own.
fn program() -> PathBuf {
    let asked = std::env::args_os().next().map(PathBuf::from);
    let asked = asked.filter(|path| path.components().count() > 1);
    asked
        .and_then(|path| std::path::absolute(path).ok())
        .or_else(|| std::env::current_exe().ok())
        .unwrap_or_default()
}

/// Refuses sockets that no setting names. After a restart with a new configuration they are closed instead.
///
/// # Errors
/// Which one, and what to do.
pub(crate) fn settle(sockets: &Sockets, config: &Config) -> Result<(), Failure> {
    let unwanted = sockets.unwanted(&addresses(config));
    if std::env::var_os(TAKING_OVER).is_some() {
        for address in unwanted {
            tracing::info!(%address, "No longer listening on {address}");
            sockets.discard(address);
        }
        return Ok(());
    }
    match unwanted.first() {
        None => Ok(()),
        Some(address) => Err(Failure::new(
            USAGE,
            format!(
                "a socket for {address} was handed in, but nothing listens there: add it to listen.https, listen.http \
                 or listen.control, or take it out of the socket unit"
            ),
        )),
    }
}

fn addresses(config: &Config) -> Vec<SocketAddr> {
    let listen = &config.sections.listen;
    listen.https.iter().chain(&listen.http).chain([&listen.control]).copied().collect()
}

/// What a program that takes over has to fit.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// When the running program started.
    pub(crate) started: Timestamp,
    /// Where it listens.
    pub(crate) listening: Vec<SocketAddr>,
    /// What was done to the tables.
    pub(crate) applied: AppliedSteps,
}

impl Standing {
    /// As it goes over the socket.
    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("a standing is JSON")
    }
}

/// Asks the running program.
///
/// # Errors
/// When none runs, or its database does not answer.
pub(crate) async fn standing(data_folder: &Path) -> Result<Standing, AdminError> {
    match admin::ask(data_folder, &Ask::Standing).await? {
        Answer::Done(text) => serde_json::from_str(&text).map_err(|_| AdminError::Strange),
        Answer::Failed(_) => Err(AdminError::Strange),
    }
}

/// Whether this program could take the place of the running one: the configuration (read before), certificates, trust
/// in upstreams, new listeners, and whether the database's tables are ones it knows. Changes nothing.
///
/// # Errors
/// What would keep it from starting.
pub(crate) async fn preflight(config: &Config) -> Result<(), Failure> {
    let failed = |error: &dyn std::error::Error| Failure::new(UNAVAILABLE, chain(error));
    let mode = config.tls_mode();
    // The local authority would issue a certificate.
    if mode != TlsMode::Local {
        let deps = SourceDeps {
            data: config.data_folder(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy::default()),
            challenges: Challenges::default(),
        };
        CertificateSource::open(&mode, &[], &[], &deps).map_err(|error| failed(&error))?;
    }
    for upstream in config.edge().upstreams {
        gabion_edge::upstream::try_files(&upstream).map_err(|error| failed(&error))?;
    }
    mail::try_files(config)?;
    let standing = standing(&config.data_folder()).await.map_err(|error| failed(&error))?;
    gabion_store::pending_steps(&DOMAINS, &standing.applied).map_err(|error| failed(&error))?;
    let taken = |address: &SocketAddr| address.port() == 0 || standing.listening.contains(address);
    for address in addresses(config).iter().filter(|address| !taken(address)) {
        TcpListener::bind(address)
            .map_err(|error| Failure::new(UNAVAILABLE, format!("cannot listen on {address}: {error}")))?;
    }
    Ok(())
}

/// Has the program on disk check itself, and asks for the restart when it is fine.
///
/// # Errors
/// Why it could not take over; then nothing happens.
pub(crate) async fn ask_successor(restart: mpsc::Sender<()>) -> Result<String, Failure> {
    let checked = check_program().await;
    if let Err(failure) = &checked {
        tracing::error!(reason = failure.message(), "Not restarted: {}", failure.message());
    }
    checked?;
    // A full channel holds a request to restart already.
    match restart.try_send(()) {
        Ok(()) | Err(mpsc::error::TrySendError::Full(())) => {}
        Err(mpsc::error::TrySendError::Closed(())) => {
            return Err(Failure::new(UNAVAILABLE, "Gabion is stopping"));
        }
    }
    Ok("The program on disk can take over. Restarting; new connections wait meanwhile.".into())
}

/// The arguments of this process, with another command in the place of `run`.
fn arguments(command: Option<&str>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let (Some(command), Some(first)) = (command, arguments.first_mut()) {
        *first = command.into();
    }
    arguments
}

async fn check_program() -> Result<(), Failure> {
    let program = PROGRAM.get_or_init(program);
    let failed =
        |error: String| Failure::new(UNAVAILABLE, format!("{} cannot take over: {error}", program.display()));
    let output = tokio::process::Command::new(program)
        .args(arguments(Some("preflight")))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PREFLIGHT_TIMEOUT, output)
        .await
        .map_err(|_| failed(format!("it did not check itself within {}s", PREFLIGHT_TIMEOUT.as_secs())))?
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.trim().lines().last().unwrap_or("it says nothing");
    Err(failed(last.trim_start_matches("gabion: ").to_owned()))
}

/// The program that comes after, and the sockets it gets.
#[derive(Debug)]
pub(crate) struct Successor {
    sockets: Vec<OwnedFd>,
}

impl Successor {
    /// Hands on these sockets.
    pub(crate) fn new(sockets: Vec<OwnedFd>) -> Self {
        Self { sockets }
    }

    /// Becomes the new program. Returns only when that fails.
    pub(crate) fn take_over(self) -> Failure {
        let count = self.sockets.len().to_string();
        let mappings = (FIRST_DESCRIPTOR..)
            .zip(self.sockets)
            .map(|(child_fd, parent_fd)| FdMapping { parent_fd, child_fd })
            .collect();
        let program = PROGRAM.get_or_init(program);
        let mut command = Command::new(program);
        command
            .args(arguments(None))
            .env("LISTEN_FDS", count)
            .env("LISTEN_PID", std::process::id().to_string());
        command.env_remove("LISTEN_FDNAMES").env(TAKING_OVER, "1");
        if let Some(asked) = std::env::args_os().next() {
            command.arg0(asked);
        }
        let error = match command.fd_mappings(mappings) {
            Ok(command) => command.exec().to_string(),
            Err(error) => error.to_string(),
        };
        Failure::new(UNAVAILABLE, format!("{} cannot be started: {error}", program.display()))
    }
}
