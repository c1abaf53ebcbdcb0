//! A command that is given something and says something.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::binary;

/// With which code a command ended, and what it said.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the binary with this on its standard input.
pub(crate) fn run_with(input: &[u8], arguments: &[&str]) -> Said {
    let mut child = Command::new(binary())
        .args(arguments)
        .env_remove("GABION_CONFIG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}
