//! Mail from the command line: explained, tried, and refused where a file cannot be used.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::thread::JoinHandle;

use gabion_test::product::configuration;

use crate::binary;

/// A mail server for one letter: answers each command in turn and gives back what it heard.
fn server(recipient: &'static str) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = String::new();
        stream.write_all(b"220 mail.test\r\n").unwrap();
        let mut in_letter = false;
        for line in BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok) {
            heard.push_str(&line);
            heard.push('\n');
            let answer = match line.split(' ').next().unwrap() {
                _ if in_letter && line != "." => continue,
                "." => "250 2.0.0 queued as 7",
                "DATA" => "354 go on",
                "RCPT" => recipient,
                "QUIT" => break,
                _ => "250 OK",
            };
            in_letter = line == "DATA";
            stream.write_all(format!("{answer}\r\n").as_bytes()).unwrap();
        }
        heard
    });
    (address, serving)
}

fn gabion(folder: &Path, mail: &str, arguments: &[&str]) -> Output {
    let config = folder.join("gabion.toml");
    let endpoint = TcpListener::bind("127.0.0.1:0").unwrap();
    let shop = format!("http://{}", endpoint.local_addr().unwrap());
    let text = configuration(&[shop], "url = \"sqlite:data/gabion.db\"", "") + "[mail]\n" + mail;
    std::fs::write(&config, text).unwrap();
    Command::new(binary()).args(arguments).arg("--config").arg(config).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

const TEST: [&str; 4] = ["mail", "test", "--to", "ann@shop.example"];

#[test]
fn a_test_letter_goes_straight_to_the_server_and_its_answer_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let (address, serving) = server("250 OK");
    let mail = format!("from = \"Tea <tea@shop.example>\"\nsmtp = \"smtp+plain://{address}\"\n");
    let output = gabion(folder.path(), &mail, &TEST);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("The server said: 250 2.0.0 queued as 7"), "{}", said(&output));
    let heard = serving.join().unwrap();
    for line in [
        "MAIL FROM:<tea@shop.example>",
        "RCPT TO:<ann@shop.example>",
        "Subject: A test from Tidewater Tea",
        "From: Tea <tea@shop.example>",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(heard.contains(line), "{line} in {heard}");
    }
    assert!(!folder.path().join("data").exists(), "a trial needs no database");
}

#[test]
fn what_a_server_refuses_is_printed_and_ends_with_69() {
    let folder = tempfile::tempdir().unwrap();
    let (address, serving) = server("550 5.7.1 relaying denied");
    let mail = format!("from = \"tea@shop.example\"\nsmtp = \"smtp+plain://{address}\"\n");
    let output = gabion(folder.path(), &mail, &TEST);
    assert_eq!(output.status.code(), Some(69));
    assert!(said(&output).contains("550 5.7.1 relaying denied"), "{}", said(&output));
    serving.join().unwrap();
    let capture = "from = \"tea@shop.example\"\ncapture = true\n";
    let output = gabion(folder.path(), capture, &TEST);
    assert_eq!(output.status.code(), Some(64));
    assert!(said(&output).contains("no server to try"), "{}", said(&output));
    let output = gabion(folder.path(), capture, &["mail", "test", "--to", "ann"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(said(&output).contains("not a mail address"), "{}", said(&output));
}

#[test]
fn check_explains_mail_and_refuses_a_password_that_others_read() {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "hunter2\n").unwrap();
    let mode = |mode| std::fs::set_permissions(&password, std::fs::Permissions::from_mode(mode)).unwrap();
    let mail =
        "from = \"tea@shop.example\"\nsmtp = \"smtps://tea@mail.example\"\npassword_file = \"password\"\n";
    mode(0o644);
    for command in [&["check"][..], &["run"], &TEST] {
        let output = gabion(folder.path(), mail, command);
        assert_eq!(output.status.code(), Some(69), "{command:?}: {}", said(&output));
        assert!(said(&output).contains("can be read by others (mode 644)"), "{}", said(&output));
    }
    mode(0o600);
    let text = said(&gabion(folder.path(), mail, &["check"]));
    assert!(
        text.contains("Mail: from tea@shop.example, by mail.example, port 465, over TLS, as tea"),
        "{text}"
    );
    assert!(!text.contains("others") && !text.contains("hunter2"), "{text}");
    let text = said(&gabion(folder.path(), "from = \"tea@shop.example\"\ncapture = true\n", &["check"]));
    assert!(text.contains("kept in the console's mailbox"), "{text}");
}
