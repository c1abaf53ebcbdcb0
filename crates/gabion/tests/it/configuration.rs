//! Wrong configuration ends with 64 before anything is bound; `init` writes one that runs.

use std::path::Path;
use std::process::{Command, Output};

use crate::binary;

fn gabion(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[track_caller]
fn refused(configuration: &str, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("gabion.toml"), configuration).unwrap();
    for command in ["run", "check"] {
        let output = gabion(folder.path(), &[command]);
        assert_eq!(output.status.code(), Some(64), "{}", text(&output.stderr));
        assert_eq!(text(&output.stderr), format!("gabion: {expected}\n"));
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was made");
}

#[test]
fn wrong_configuration_names_file_line_reason_and_nearest_name() {
    refused(
        "[[site]]\nname = \"Tea\"\norigin = \"https://shop.example\"\n",
        "gabion.toml:3:1: unknown key `origin` in [[site]]; did you mean `origins`?",
    );
    refused("[listen]\nhttps = [\"nowhere\"]\n", "gabion.toml:2:10: invalid socket address syntax");
    refused("[[site]\n", "gabion.toml:1:8: unclosed array table, expected `]`");
}

/// A site with a route that asks for something.
fn gate(asks: &str, customers: &str) -> String {
    format!(
        "[[site]]\nname = \"Tea\"\norigins = [\"https://shop.example\"]\n\
         [[upstream]]\nname = \"shop\"\nendpoints = [\"http://127.0.0.1:8000\"]\n\
         [[route]]\npath = \"/\"\nupstream = \"shop\"\n{asks}\n{customers}"
    )
}

#[test]
fn accounts_that_could_not_work_are_refused_with_what_is_missing() {
    refused(
        &gate("requires = \"customer\"", ""),
        "gabion.toml:10:12: requires = \"customer\" needs accounts, and site tea has none: nobody could sign in there",
    );
    refused(
        &gate("requires = \"customer\"", "[customers]\nenabled = true\n"),
        "gabion.toml: [customers] needs [mail]: the code that shows that an address is somebody's comes by letter",
    );
    refused(
        &gate("requires = \"staff\"", "[customers]\nenabled = true\n"),
        "gabion.toml:10:12: staff sign in at the console only; use \"second_factor\" or \"customer\"",
    );
}

#[test]
fn a_missing_file_says_how_to_make_one() {
    let folder = tempfile::tempdir().unwrap();
    let output = gabion(folder.path(), &["run"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output.stderr).contains("gabion init"), "{}", text(&output.stderr));
}

#[test]
fn a_wrong_command_line_ends_with_64_and_help_with_0() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(gabion(folder.path(), &["rnu"]).status.code(), Some(64));
    assert_eq!(gabion(folder.path(), &["--help"]).status.code(), Some(0));
    assert_eq!(gabion(folder.path(), &["completions", "bash"]).status.code(), Some(0));
}

#[test]
fn what_init_writes_is_checked_and_explained() {
    let folder = tempfile::tempdir().unwrap();
    let shop = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", shop.local_addr().unwrap());
    let init = gabion(folder.path(), &["init", "--origin", &origin, "--domain", "shop.example"]);
    assert!(init.status.success(), "{}", text(&init.stderr));
    let again = gabion(folder.path(), &["init", "--origin", &origin, "--domain", "shop.example"]);
    assert_eq!(again.status.code(), Some(73), "an existing file is not touched");

    let check = gabion(folder.path(), &["check"]);
    assert!(check.status.success(), "{}", text(&check.stderr));
    for words in ["Protected", "Not protected", "Going back to before", "answers"] {
        assert!(text(&check.stdout).contains(words), "{words}");
    }
    drop(shop);
    assert_eq!(gabion(folder.path(), &["check"]).status.code(), Some(69), "no endpoint answers");
}
