//! Files inside JSON bodies.

use gabion_upload::json::{JsonError, JsonInspection, JsonLimits};
use gabion_upload::{Code, Kind, Policy};

use crate::files::{inspector, jpeg, png};

/// The alphabet of RFC 4648 section 4, or 5.
fn base64(bytes: &[u8], url_safe: bool) -> String {
    let mut alphabet: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').collect();
    alphabet.extend(if url_safe { ['-', '_'] } else { ['+', '/'] });
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte))
            << (8 * (3 - group.len()));
        for digit in 0..4 {
            let character = alphabet[bits >> (18 - 6 * digit) & 63];
            out.push(if digit <= group.len() { character } else { '=' });
        }
    }
    out
}

fn inspect(body: &str) -> Vec<JsonInspection> {
    inspector().inspect_json(body.as_bytes(), &Policy::pictures(), &JsonLimits::default()).expect("JSON")
}

#[track_caller]
fn check(body: &str, expected: &[&[Code]]) {
    let found: Vec<Vec<Code>> = inspect(body)
        .iter()
        .map(|found| found.inspection.reasons().iter().map(|reason| reason.code).collect())
        .collect();
    assert_eq!(found.len(), expected.len(), "{found:?}: {body}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(expected.iter().all(|code| found.contains(code)), "{found:?} has not all of {expected:?}");
        assert_eq!(found.is_empty(), expected.is_empty(), "{found:?}: {body}");
    }
}

fn shell() -> Vec<u8> {
    ["<", "?php ev", "al($_", "POST['a']); ?>"].concat().into_bytes()
}

/// The request by which the holes of 2026 in Magento were used.
fn poly_shell(name: &str, file: &[u8]) -> String {
    let data = base64(file, false);
    format!(
        r#"{{"cartItem":{{"sku":"a","qty":1,"product_option":{{"extension_attributes":{{"custom_options":[{{
           "option_id":"1","option_value":"file","extension_attributes":{{"file_info":{{
           "base64_encoded_data":"{data}","type":"image/png","name":"{name}"}}}}}}]}}}}}}}}"#
    )
}

#[test]
fn poly_shells_are_refused_by_content_and_by_name() {
    let gif = [&b"GIF89a"[..], &shell()].concat();
    check(&poly_shell("a.gif", &gif), &[&[Code::ServerCode, Code::Rule, Code::Malformed]]);
    let behind = [png(), shell()].concat();
    check(&poly_shell("a.png", &behind), &[&[Code::ServerCode, Code::TrailingBytes]]);
    check(&poly_shell("a.php", &png()), &[&[Code::NameRuns]]);
    check(&poly_shell("a.png.phtml", &png()), &[&[Code::NameRuns]]);
    check(&poly_shell("a.png", &png()), &[&[]]);
}

#[test]
fn files_are_found_however_they_are_written() {
    let bad = [jpeg(), shell()].concat();
    let plain = base64(&bad, false);
    let safe = base64(&bad, true);
    check(&format!(r#"{{"picture":"data:image/jpeg;base64,{plain}"}}"#), &[&[Code::ServerCode]]);
    check(&format!(r#"[["{plain}"]]"#), &[&[Code::ServerCode]]);
    check(&format!(r#"{{"a":"{}"}}"#, plain.replace('/', "\\/")), &[&[Code::ServerCode]]);
    let broken: String =
        plain.chars().map(|next| if next == 'A' { "!A".to_owned() } else { next.to_string() }).collect();
    check(&format!(r#"{{"base64_encoded_data":"{broken}"}}"#), &[&[Code::ServerCode]]);
    assert!(inspect(&format!(r#"{{"content":"{safe}"}}"#)).iter().any(|found| !found.inspection.passes()));
    let lines: Vec<&str> =
        plain.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    check(&format!(r#"{{"a":"{}"}}"#, lines.join("\\r\\n")), &[&[Code::ServerCode]]);
    // The code alone, which is no file that anybody knows.
    let code = [vec![b' '; 99], b"x = 1; ".to_vec(), shell()].concat();
    check(&format!(r#"{{"note":"{}"}}"#, base64(&code, false)), &[&[Code::ServerCode]]);
}

#[test]
fn short_programs_are_found_under_the_keys_of_files_and_short_words_pass() {
    let data = base64(&shell(), false);
    assert!(data.len() < 86);
    check(&format!(r#"{{"name":"a.php","content":"{data}"}}"#), &[&[Code::ServerCode, Code::NameRuns]]);
    check(&format!(r#"{{"file":"{data}"}}"#), &[&[Code::ServerCode]]);
    check(
        r#"{"name":"a.txt","content":"HelloWorldHelloWorld","body":"0123456789abcdef0123456789abcdef"}"#,
        &[],
    );
}

#[test]
fn two_names_for_one_file_are_refused() {
    let data = base64(&png(), false);
    check(&format!(r#"{{"name":"a.png","base64":"{data}","name":"a.php"}}"#), &[&[Code::NameAmbiguous]]);
    check(&format!(r#"{{"name":"a.png","base64":"{data}","name":"a.png"}}"#), &[&[]]);
}

#[test]
fn ordinary_bodies_have_no_files() {
    check(
        r#"{"name":"Mug","description":"A mug of 300 ml, dishwasher-safe, made of stoneware. It comes in blue, in green, and in a box."}"#,
        &[],
    );
    check(&format!(r#"{{"token":"{}"}}"#, "eyJhbGciOiJIUzI1NiJ9".repeat(8)), &[]);
    let hash = "0123456789abcdef".repeat(8);
    check(&format!(r#"{{"name":"a.jpg","sha512":"{hash}"}}"#), &[]);
    let product =
        format!(r#"{{"name":"Mug 2.0","type":"simple","picture":{{"base64":"{}"}}}}"#, base64(&png(), false));
    check(&product, &[&[]]);
    check(r#"[1, 2.5, -3, true, null, {"a": []}]"#, &[]);
    let found = inspect(&format!(r#"{{"file":"photo.jpg","data":"{}"}}"#, base64(&jpeg(), false)));
    assert_eq!(found[0].key, "data");
    assert_eq!(found[0].inspection.facts.kind, Some(Kind::Jpeg));
    assert!(found[0].inspection.passes());
}

#[test]
fn bodies_beyond_the_limits_are_errors_and_not_passed() {
    let inspect = |body: &str, limits: JsonLimits| {
        inspector().inspect_json(body.as_bytes(), &Policy::pictures(), &limits).map(|found| found.len())
    };
    let small = JsonLimits { body_bytes_max: 100, files_max: 2 };
    assert!(matches!(inspect(&"1".repeat(101), small), Err(JsonError::TooLarge(100))));
    assert!(matches!(inspect("{\"a\":", small), Err(JsonError::Syntax(_))));
    assert!(matches!(inspect(&"[".repeat(100), small), Err(JsonError::Syntax(_))));
    assert!(matches!(inspect("{} {}", small), Err(JsonError::Syntax(_))));
    let three = r#"["data:a;base64,AA","data:a;base64,AA","data:a;base64,AA"]"#;
    assert!(matches!(inspect(three, small), Err(JsonError::TooManyFiles(2))));
}
