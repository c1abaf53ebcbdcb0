//! The real binary in a folder of its own, on ports the system chooses.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::client::Wire;

/// How long the product may take until it serves, on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How long it may take to end.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// A running `gabion run`; killed when dropped.
pub struct Product {
    /// Its folder, with `gabion.toml` and `data`.
    pub folder: PathBuf,
    /// Where it serves HTTPS.
    pub https: SocketAddr,
    /// Where it serves HTTP.
    pub http: SocketAddr,
    /// Where its console is.
    pub control: SocketAddr,
    /// From the start of the process until it served.
    pub started_in: Duration,
    child: Child,
    log: Mutex<Receiver<String>>,
    lines: Vec<String>,
}

/// A configuration with one site, `shop.localhost`, and one upstream, `shop`, at the given URLs.
pub fn configuration(endpoints: &[String], storage: &str, more: &str) -> String {
    let endpoints: Vec<_> = endpoints.iter().map(|url| format!("{url:?}")).collect();
    format!(
        "[[site]]\nname = \"Tidewater Tea\"\norigins = [\"https://shop.localhost\"]\n\
         [listen]\nhttps = [\"127.0.0.1:0\"]\nhttp = [\"127.0.0.1:0\"]\ncontrol = \"127.0.0.1:0\"\ndrain_seconds = 5\n\
         [limits]\noverload_lag_ms = 0\n\
         [storage]\n{storage}\n\
         [[upstream]]\nname = \"shop\"\nendpoints = [{}]\n{more}\n\
         [[route]]\npath = \"/\"\nupstream = \"shop\"\n",
        endpoints.join(", ")
    )
}

/// Starts the product in `folder` with a configuration. `wrapper` is a command put in front, such as one that limits
/// something.
///
/// # Panics
/// When it does not serve in time: with its log.
pub fn start(binary: &Path, folder: &Path, configuration: &str, wrapper: &[&str]) -> Product {
    let mut words = wrapper.iter().copied().map(PathBuf::from).chain([binary.to_owned()]);
    let mut command = Command::new(words.next().expect("the binary is there"));
    command.args(words);
    start_prepared(command, folder, configuration)
}

/// As [`start`], with a command that says how the binary is to be called.
///
/// # Panics
/// As [`start`].
pub fn start_prepared(mut command: Command, folder: &Path, configuration: &str) -> Product {
    std::fs::write(folder.join("gabion.toml"), configuration).expect("the folder can be written");
    command.arg("run").arg("--config").arg(folder.join("gabion.toml"));
    let begun = Instant::now();
    let mut child = command
        .env("GABION_LOG_FORMAT", "json")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary can be started");
    let stderr = child.stderr.take().expect("it is piped");
    let (lines, log) = channel();
    std::thread::spawn(move || {
        // Ends with the process, or when nobody wants the lines any more.
        BufReader::new(stderr).lines().map_while(Result::ok).try_for_each(|line| lines.send(line))
    });
    let nowhere = SocketAddr::from(([0; 4], 0));
    let mut product = Product {
        folder: folder.to_owned(),
        https: nowhere,
        http: nowhere,
        control: nowhere,
        started_in: Duration::ZERO,
        child,
        log: Mutex::new(log),
        lines: Vec::new(),
    };
    product.control = product.address("Console on https://", START_TIMEOUT);
    product.https = product.address("Serving https://", START_TIMEOUT);
    product.http = product.address("Serving http://", START_TIMEOUT);
    product.started_in = begun.elapsed();
    product
}

impl Product {
    /// Waits for a log line that contains `text` and gives it.
    ///
    /// # Panics
    /// When none comes in time.
    pub fn wait_for(&mut self, text: &str, timeout: Duration) -> String {
        let deadline = Instant::now() + timeout;
        loop {
            match self.next_line(deadline) {
                Ok(line) => {
                    self.lines.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("no line with {text:?} in the log:\n{}", self.lines.join("\n"));
                }
            }
        }
    }

    fn next_line(&mut self, deadline: Instant) -> Result<String, RecvTimeoutError> {
        let log = self.log.get_mut().unwrap_or_else(PoisonError::into_inner);
        log.recv_timeout(deadline.saturating_duration_since(Instant::now()))
    }

    fn address(&mut self, before: &str, timeout: Duration) -> SocketAddr {
        let line = self.wait_for(before, timeout);
        let rest = line.split(before).nth(1).expect("the line contains it");
        let end = rest.find(['"', ' ']).unwrap_or(rest.len());
        rest[..end].parse().expect("the log tells an address")
    }

    /// The certificate that its local authority signs with.
    ///
    /// # Panics
    /// When there is none.
    pub fn root(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(self.folder.join("data/ca/root.crt")).expect("the root is there")
    }

    /// A TLS connection to the shop.
    pub async fn shop(&self) -> Wire {
        Wire::tls(self.https, "shop.localhost", &self.root()).await
    }

    /// A TLS connection to the console.
    pub async fn console(&self) -> Wire {
        Wire::tls(self.control, "localhost", &self.root()).await
    }

    /// Sends a signal by name, such as `HUP`.
    ///
    /// # Panics
    /// When `kill` cannot be run.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.expect("kill can be run").success(), "the product is running");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end in time.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + STOP_TIMEOUT;
        // The log's end is the process's end: no polling.
        while let Ok(line) = self.next_line(deadline) {
            self.lines.push(line);
        }
        assert!(Instant::now() < deadline, "still running:\n{}", self.lines.join("\n"));
        self.child.wait().expect("the child can be waited for")
    }

    /// Resident memory in bytes.
    ///
    /// # Panics
    /// When the process is gone.
    pub fn resident_bytes(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it is running");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux tells VmRSS");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        if self.child.kill().is_ok() {
            self.child.wait().expect("a killed child can be waited for");
        }
    }
}
