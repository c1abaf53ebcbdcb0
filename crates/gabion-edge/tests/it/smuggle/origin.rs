//! Servers that other people wrote, each on a socket in a folder of its own, each telling what it saw.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;
use tokio::net::UnixStream;

use super::tap::Request;

/// A running server. Stopped with [`Origin::stop`], killed when dropped.
pub(super) struct Origin {
    pub(super) name: &'static str,
    process: Child,
    folder: TempDir,
}

/// One line of what a server tells.
#[derive(Deserialize)]
struct Line {
    id: String,
    method: String,
    target: String,
    /// As text, or in hexadecimal digits where the server cannot quote.
    #[serde(default)]
    body: String,
    #[serde(default)]
    body_hex: String,
    status: u16,
}

impl Origin {
    /// nginx, passing on to itself so that it reads bodies.
    pub(super) fn nginx() -> Option<Self> {
        Self::start("nginx", "nginx-light", |folder| {
            let path = folder.display();
            let configuration = format!(
                "daemon off; master_process off; pid {path}/pid; error_log {path}/errors;
                 events {{}}
                 http {{
                   log_format seen escape=json '{{\"id\":\"$http_x_request_id\",\"method\":\"$request_method\",\
                     \"target\":\"$request_uri\",\"body\":\"$request_body\",\"status\":$status}}';
                   client_body_temp_path {path}/a; proxy_temp_path {path}/b; fastcgi_temp_path {path}/c;
                   uwsgi_temp_path {path}/d; scgi_temp_path {path}/e;
                   client_body_buffer_size 1m; client_body_in_single_buffer on;
                   server {{ listen unix:{path}/socket; access_log {path}/seen seen;
                     location / {{ proxy_pass http://unix:{path}/behind:; }} }}
                   server {{ listen unix:{path}/behind; access_log off; return 200 ok; }}
                 }}"
            );
            std::fs::write(folder.join("configuration"), configuration).unwrap();
            let mut command = Command::new("nginx");
            command.arg("-p").arg(folder).arg("-c").arg(folder.join("configuration"));
            command.stdout(Stdio::null());
            command
        })
    }

    /// HAProxy, answering by itself once it has the body.
    pub(super) fn haproxy() -> Option<Self> {
        Self::start("haproxy", "haproxy", |folder| {
            let configuration = format!(
                "global\n log stdout len 60000 format raw local0\n tune.bufsize 65536\n\
                 defaults\n mode http\n log global\n timeout client 10s\n timeout server 10s\n timeout connect 10s\n\
                 frontend front\n bind unix@{}/socket\n option http-buffer-request\n option dontlognull\n\
                 http-request set-var(txn.id) req.hdr(x-request-id)\n\
                 http-request set-var(txn.target) pathq\n\
                 http-request wait-for-body time 5s at-least 60000\n\
                 http-request set-var(txn.body) req.body,hex\n\
                 log-format '{{\"id\":\"%[var(txn.id)]\",\"method\":\"%HM\",\"target\":\"%[var(txn.target)]\",\
                 \"body_hex\":\"%[var(txn.body)]\",\"status\":%ST}}'\n\
                 http-request return status 200 content-type text/plain string ok\n",
                folder.display()
            );
            std::fs::write(folder.join("configuration"), configuration).unwrap();
            let mut command = Command::new("haproxy");
            command.arg("-db").arg("-f").arg(folder.join("configuration"));
            command.stdout(File::create(folder.join("seen")).unwrap());
            command
        })
    }

    /// The `http.server` of Python's library.
    pub(super) fn python() -> Option<Self> {
        Self::script("python3", "python3", "origin.py")
    }

    /// The `http` module of Node.js.
    pub(super) fn node() -> Option<Self> {
        Self::script("node", "nodejs", "origin.mjs")
    }

    fn script(program: &'static str, package: &str, script: &str) -> Option<Self> {
        Self::start(program, package, |folder| {
            let mut command = Command::new(program);
            command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/smuggle").join(script));
            command.arg(folder.join("socket"));
            command.stdout(File::create(folder.join("seen")).unwrap());
            command
        })
    }

    fn start(name: &'static str, package: &str, command: impl FnOnce(&Path) -> Command) -> Option<Self> {
        let there = Command::new(name).arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
        if !there {
            eprintln!("skipped: {name} is not installed (Debian package {package})");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut command = command(folder.path());
        let errors = File::create(folder.path().join("stderr")).unwrap();
        let process = command.current_dir(folder.path()).stdin(Stdio::null()).stderr(errors).spawn().unwrap();
        Some(Self { name, process, folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.path("socket")
    }

    /// Waits until it accepts connections.
    pub(super) async fn ready(&self) {
        while UnixStream::connect(self.socket()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends the server in its own way, then reads what it told.
    pub(super) async fn stop(mut self) -> Vec<Request> {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        while self.process.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let told = std::fs::read_to_string(self.path("seen")).unwrap();
        let lines = told.lines().filter(|line| line.starts_with('{'));
        lines
            .map(|line| request(serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))))
            .collect()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        // An error means that it has ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn request(line: Line) -> Request {
    let Line { id, method, target, body, body_hex, status } = line;
    let hex = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    // HAProxy writes a hyphen where there is nothing.
    let bytes: Vec<u8> = body_hex.trim_matches('-').as_bytes().chunks(2).map(hex).collect();
    let body = if body.is_empty() { String::from_utf8(bytes).unwrap() } else { body };
    Request { id, method, target, body, whole: status == 200 }
}
