//! `gabion password` and `gabion breach`.

use std::path::Path;

use crate::said::{Said, run_with};

/// SHA-1 of "password", "123456" and "letmein", in order.
const LEAKED: [&str; 3] = [
    "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8",
    "7C4A8D09CA3762AF61E59520943DC26494F8941B",
    "B7A875FC1EA228B9061041B7CEC4BD3C52AB3CE3",
];

fn gabion(arguments: &[&str]) -> Said {
    run_with(b"", arguments)
}

fn generated(arguments: &[&str]) -> Vec<String> {
    let said = gabion(&[&["password", "generate"], arguments].concat());
    assert_eq!(said.code, Some(0), "{}", said.err);
    said.out.lines().map(str::to_owned).collect()
}

/// Builds a filter of `source` in `folder`.
fn build(folder: &Path, source: &Path, more: &[&str]) -> Said {
    let out = folder.join("leaked.gabion");
    let arguments = ["breach", "build", source.to_str().unwrap(), "--out", out.to_str().unwrap()];
    gabion(&[&arguments, more].concat())
}

fn whole_list(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("list.txt");
    let counts = [9_545_824, 37_359_195, 5];
    let lines = LEAKED.iter().zip(counts).map(|(digest, count)| format!("{digest}:{count}\r\n"));
    std::fs::write(&path, lines.collect::<String>()).unwrap();
    path
}

fn listed(folder: &Path, password: &str) -> Option<i32> {
    let file = folder.join("leaked.gabion");
    let said = run_with(password.as_bytes(), &["breach", "check", "--file", file.to_str().unwrap()]);
    let answers = ["listed: this password has leaked; use another one everywhere\n", "not listed\n"];
    assert!(answers.contains(&&*said.out) && said.err.is_empty(), "{}{}", said.out, said.err);
    said.code
}

#[test]
fn passwords_are_what_was_asked_for() {
    let plain = generated(&["--count", "3"]);
    assert_eq!(plain.len(), 3);
    assert!(plain.iter().all(|password| password.len() == 20) && plain[0] != plain[1]);
    let digits = generated(&["--length", "12", "--classes", "digit"]);
    assert!(digits[0].len() == 12 && digits[0].bytes().all(|b| b.is_ascii_digit()), "{digits:?}");
    assert_eq!(generated(&["--words", "7"])[0].split('-').count(), 7);
    let by_rules = generated(&["--rules", "maxlength: 14; required: lower; required: [!]"]);
    assert!(by_rules[0].len() == 14 && by_rules[0].contains('!'), "{by_rules:?}");
    let readable = generated(&["--readable", "--length", "128"]);
    assert!(!readable[0].contains(['0', 'O', 'l', 'I', '1']), "{readable:?}");
}

#[test]
fn what_makes_no_password_is_a_wrong_command_line() {
    for (arguments, why) in [
        (&["--length", "8"][..], "12 to 128 characters"),
        (&["--words", "3"], "5 to 20 words"),
        (&["--classes", "greek"], "lower, upper, digit, symbol"),
        (&["--rules", "maxlength: 8"], "at most 8 characters"),
        (&["--rules", "secret: 8"], "expected required, allowed"),
        (&["--words", "7", "--length", "20"], "cannot be used with"),
        (&["--count", "1001"], "1001 is not in 1..=1000"),
    ] {
        let said = gabion(&[&["password", "generate"], arguments].concat());
        assert_eq!((said.code, said.out.as_str()), (Some(64), ""), "{arguments:?}");
        assert!(said.err.contains(why), "{arguments:?}: {}", said.err);
    }
}

#[test]
fn a_list_in_one_file_becomes_a_filter_that_knows_its_passwords() {
    let folder = tempfile::tempdir().unwrap();
    let more = ["--min-count", "10", "--date", "2026-01-31", "--name", "a test's list"];
    let said = build(folder.path(), &whole_list(folder.path()), &more);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains(": 2 entries in "), "{}", said.out);
    assert_eq!(listed(folder.path(), "password\n"), Some(1));
    assert_eq!(listed(folder.path(), "123456\r\n"), Some(1));
    assert_eq!(listed(folder.path(), "letmein"), Some(0), "it was seen five times only");
    assert_eq!(listed(folder.path(), "kettle harbor mirror"), Some(0));
    let file = folder.path().join("leaked.gabion");
    let said = gabion(&["breach", "info", file.to_str().unwrap()]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(
        said.out
            .starts_with("made of a test's list, 2026-01-31, entries seen at least 10 times\n2 entries in ")
    );
    assert!(said.out.ends_with("\nevery byte is as it was written\n"), "{}", said.out);
}

#[test]
fn a_folder_of_ranges_becomes_the_same_and_says_that_it_is_not_whole() {
    let folder = tempfile::tempdir().unwrap();
    let ranges = folder.path().join("ranges");
    std::fs::create_dir(&ranges).unwrap();
    for digest in LEAKED {
        let (range, suffix) = digest.split_at(5);
        std::fs::write(ranges.join(format!("{range}.txt")), format!("{suffix}:3\n")).unwrap();
    }
    std::fs::write(ranges.join("README.txt"), "not a range").unwrap();
    let said = build(folder.path(), &ranges, &[]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains("The folder has 3 of 1048576 ranges"), "{}", said.out);
    for password in ["password", "letmein", "123456"] {
        assert_eq!(listed(folder.path(), password), Some(1), "{password}");
    }
}

#[test]
fn a_list_that_cannot_be_read_leaves_the_filter_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(build(folder.path(), &whole_list(folder.path()), &[]).code, Some(0));
    let file = folder.path().join("leaked.gabion");
    let before = std::fs::read(&file).unwrap();
    let list = folder.path().join("wrong.txt");
    for (text, why) in [
        (format!("{}:1\n{}:1\n", LEAKED[2], LEAKED[0]), "line 2: the range 5BAA6 comes after B7A87"),
        (format!("{}:1\n<html>\n", LEAKED[0]), "line 2: expected 40 hexadecimal digits before a colon"),
        (format!("{}:1\n", &LEAKED[0][..32]), "line 1: this is a list of NTLM digests"),
        (format!("{}:{}\n", LEAKED[0], "1".repeat(100)), "line 1: expected a count"),
        (String::new(), "no entry was seen that often"),
    ] {
        std::fs::write(&list, text).unwrap();
        let said = build(folder.path(), &list, &[]);
        assert_eq!(said.code, Some(64), "{}", said.err);
        assert!(said.err.contains(why), "{}", said.err);
    }
    assert_eq!(build(folder.path(), &folder.path().join("nowhere"), &[]).code, Some(69));
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    assert!(build(folder.path(), &empty, &[]).err.contains("there are no files such as 5BAA6.txt"));
    assert!(std::fs::read(&file).unwrap() == before);
    assert!(!folder.path().join("leaked.gabion.part").exists());
}

#[test]
fn two_builds_do_not_write_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("leaked.gabion.part"), "somebody else's").unwrap();
    let said = build(folder.path(), &whole_list(folder.path()), &[]);
    assert_eq!(said.code, Some(73));
    assert!(said.err.contains("somebody else is building"), "{}", said.err);
    assert_eq!(std::fs::read(folder.path().join("leaked.gabion.part")).unwrap(), b"somebody else's");
}

#[test]
fn damaged_filters_and_other_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    build(folder.path(), &whole_list(folder.path()), &[]);
    let file = folder.path().join("leaked.gabion");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[12] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let said = gabion(&["breach", "info", file.to_str().unwrap()]);
    assert!(said.code == Some(64) && said.err.contains("damaged"), "{}", said.err);
    std::fs::write(&file, "not a filter, but longer than the shortest one could possibly be").unwrap();
    let said = run_with(b"password", &["breach", "check", "--file", file.to_str().unwrap()]);
    assert!(said.code == Some(64) && said.err.contains("no filter of leaked passwords"), "{}", said.err);
    assert_eq!(gabion(&["breach", "info", "/nowhere"]).code, Some(69));
}

#[test]
fn a_password_is_one_line_of_text() {
    let folder = tempfile::tempdir().unwrap();
    build(folder.path(), &whole_list(folder.path()), &[]);
    let file = folder.path().join("leaked.gabion");
    let check = |input: &[u8]| run_with(input, &["breach", "check", "--file", file.to_str().unwrap()]);
    for (input, why) in [
        (&b""[..], "write the password on standard input"),
        (b"\n", "write the password on standard input"),
        (b"\xff\xfe", "UTF-8"),
        (&[b'a'; 1_025], "at most 1024 bytes"),
    ] {
        let said = check(input);
        assert!(said.code == Some(64) && said.err.contains(why), "{}", said.err);
    }
    assert_eq!(check(&[b'a'; 1_024]).code, Some(0));
}
