//! What the numbers were measured on.

use std::fmt::Write;
use std::process::Command;

/// The processor and its cores, as a name of a folder.
pub(crate) fn slug() -> String {
    let name: String = model()
        .to_lowercase()
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
        .collect();
    let words: Vec<_> = name.split('-').filter(|word| !word.is_empty()).take(4).collect();
    format!("{}-{}-cores", words.join("-"), cores())
}

/// Cores of this machine that a program may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The machine and the versions of everything measured, as a Markdown list.
pub(crate) fn describe() -> String {
    let mut text = format!("- processor: {}, {} cores\n", model(), cores());
    for (name, program, arguments) in [
        ("kernel", "uname", &["-sr"][..]),
        ("nginx", "nginx", &["-v"]),
        ("OpenSSL", "openssl", &["version"]),
        ("wrk", "wrk", &["-v"]),
        ("h2load", "h2load", &["--version"]),
        ("rustc", "rustc", &["--version"]),
        ("commit", "git", &["log", "-1", "--format=%h %s"]),
    ] {
        writeln!(text, "- {name}: {}", first_line(program, arguments)).expect("a string takes every line");
    }
    text
}

/// The load averages of the last 1, 5 and 15 minutes.
pub(crate) fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn model() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or_else(|| "unknown processor".to_owned(), |(_, name)| name.trim().to_owned())
}

fn first_line(program: &str, arguments: &[&str]) -> String {
    let Ok(output) = Command::new(program).args(arguments).current_dir(crate::task::root()).output() else {
        return "not there".to_owned();
    };
    // Some programs tell their version on standard error.
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).lines().next().unwrap_or_default().trim().to_owned()
}
