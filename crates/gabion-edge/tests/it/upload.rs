//! Uploads as customers, attackers and operators meet them.

mod bad;
#[allow(clippy::print_stderr, reason = "whoever runs the tests should see what was not run")]
mod clamav;
#[allow(dead_code, reason = "the engine's own tests make more of them")]
#[path = "../../../gabion-upload/tests/it/files.rs"]
mod files;
mod modes;
mod ordinary;
mod privacy;
mod scripts;

use std::io;
use std::sync::Mutex;

use gabion_edge::config::QuarantineLimits;
use gabion_edge::upload::{Quarantine, StoppedFile};
use gabion_test::{Shop, body};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::front::{Front, Setup};

/// A shop that answers with what it got.
async fn echo() -> Shop {
    Shop::start(|request: Request<Incoming>| async move {
        match request.into_body().collect().await {
            Ok(body) => Ok(Response::new(body::whole(body.to_bytes()))),
            Err(_) => Err(body::Broken),
        }
    })
    .await
}

/// An edge in this mode, and what else the section says.
fn front(mode: &str, more: &str, shop: &Shop) -> Front {
    Setup::of(&[shop]).upload(&format!("mode = \"{mode}\"\n{more}")).start()
}

/// Remembers what was stopped.
#[derive(Default)]
struct Memory(Mutex<Vec<(StoppedFile, Vec<u8>)>>);

impl Quarantine for Memory {
    fn keep(&self, facts: &StoppedFile, content: &[u8]) -> io::Result<bool> {
        self.0.lock().unwrap().push((facts.clone(), content.to_vec()));
        Ok(true)
    }

    fn limit(&self, _: QuarantineLimits) {}
}

impl Memory {
    fn all(&self) -> Vec<(StoppedFile, Vec<u8>)> {
        self.0.lock().unwrap().clone()
    }
}

/// A request with a body.
fn request(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: plain.example\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A body of `multipart/form-data` with a field and these files: name, type, content.
fn form(files: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut form = b"--b0undary\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\ntea\r\n".to_vec();
    for (name, declared, content) in files {
        let name = name.replace('\\', "\\\\").replace('"', "\\\"");
        let head =
            format!("--b0undary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n");
        form.extend(head.as_bytes());
        if !declared.is_empty() {
            form.extend(format!("Content-Type: {declared}\r\n").as_bytes());
        }
        form.extend(b"\r\n");
        form.extend_from_slice(content);
        form.extend(b"\r\n");
    }
    form.extend(b"--b0undary--\r\n");
    form
}

const FORM: &str = "Content-Type: multipart/form-data; boundary=b0undary\r\n";

/// A form with one file.
fn upload(name: &str, declared: &str, content: &[u8]) -> Vec<u8> {
    request("POST", "/reviews", FORM, &form(&[(name, declared, content)]))
}

/// PHP that runs what a request says.
fn shell() -> Vec<u8> {
    ["<", "?php sys", "tem($_GET['c']); ?>"].concat().into_bytes()
}

/// A picture with code behind it: certain.
fn shell_in_a_picture() -> Vec<u8> {
    [files::gif(), shell()].concat()
}

/// A program: of no allowed kind, and not certain.
const PROGRAM: &[u8] = b"MZ\x90\0\x03\0\0\0";
