//! The public request-smuggling cases, sent through the edge.
//!
//! The data lies beside the repository and is read by path; without it the test says so and checks nothing.

use std::collections::BTreeMap;
use std::path::Path;

use gabion_test::{Shop, body};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::front::{Setup, soon};

/// Where the cases lie, seen from a folder above this one.
const FOLDER: &str = "shared/data/http-desync";

/// What the corpus calls ambiguous and the edge forwards all the same, because its own framing makes it plain: a body,
/// or a length of zero, where the method does not ask for one.
const REFRAMED: &[&str] =
    &["GetHeadZeroContentLength", "UndefinedContentLengthSemantics", "UndefinedTransferEncodingSemantics"];

/// One case of the corpus.
#[derive(Default)]
struct Case {
    name: String,
    method: String,
    uri: String,
    version: String,
    fields: Vec<(String, String)>,
    tier: String,
    reason: String,
}

/// Reads the small part of YAML that the corpus is written in.
fn parse(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut expected = false;
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let (indent, line) = (line.len() - line.trim_start().len(), line.trim());
        let Some((key, value)) = line.strip_prefix("- ").unwrap_or(line).split_once(':') else { continue };
        let value = scalar(value.trim());
        if line.starts_with("- ") && indent == 0 {
            cases.push(Case::default());
            expected = false;
        }
        let case = cases.last_mut().expect("a case begins with its name");
        match (key, indent, expected) {
            ("name", 0, _) => case.name = value,
            ("uri", 2, _) => case.uri = value,
            ("method", 2, _) => case.method = value,
            ("version", 2, _) => case.version = value,
            ("expected", 2, _) => expected = true,
            ("name", _, false) => case.fields.push((value, String::new())),
            ("value", _, false) => case.fields.last_mut().expect("a name before its value").1 = value,
            ("tier", _, true) => case.tier = value,
            ("reason", _, true) => case.reason = value,
            _ => {}
        }
    }
    cases
}

/// A plain, single- or double-quoted scalar. Each char stands for one byte.
fn scalar(text: &str) -> String {
    if let Some(rest) = text.strip_prefix('\'') {
        return rest.trim_end_matches('\'').replace("''", "'");
    }
    let Some(rest) = text.strip_prefix('"') else { return text.to_owned() };
    let mut chars = rest.chars();
    let mut value = String::new();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => value.push(match chars.next() {
                Some('t') => '\t',
                Some('r') => '\r',
                Some('n') => '\n',
                Some('v') => '\u{b}',
                Some('f') => '\u{c}',
                Some('b') => '\u{8}',
                Some('0') => '\0',
                Some('x') => {
                    let digits: String = chars.by_ref().take(2).collect();
                    char::from(u8::from_str_radix(&digits, 16).unwrap())
                }
                other => other.unwrap(),
            }),
            c => value.push(c),
        }
    }
    value
}

impl Case {
    /// The request on the wire, with a body where it declares one that can be read.
    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} {}\r\n", self.method, self.uri, self.version);
        let named = |known: &str| self.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(known));
        if named("host").is_none() {
            head += "Host: plain.example\r\n";
        }
        for (name, value) in &self.fields {
            let own = name.eq_ignore_ascii_case("host") && !value.is_empty();
            head += &format!("{name}: {}\r\n", if own { "plain.example" } else { value });
        }
        head += "\r\n";
        let length = named("content-length").and_then(|(_, value)| value.parse::<usize>().ok());
        head += &match length {
            Some(length) if length <= 1 << 20 => "a".repeat(length),
            _ if named("transfer-encoding").is_some() => "0\r\n\r\n".to_owned(),
            _ => String::new(),
        };
        head.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
    }
}

/// A shop that reads every body and says how long it was.
async fn measuring_shop() -> Shop {
    Shop::start(|request: Request<Incoming>| async {
        let length = request.into_body().collect().await.map_err(|_| body::Broken)?.to_bytes().len();
        Ok(Response::new(body::whole(length.to_string())))
    })
    .await
}

#[tokio::test]
async fn ambiguous_and_severe_cases_of_the_public_corpus_are_not_forwarded_as_they_came() {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let Some(folder) =
        above.map(|folder| folder.join(FOLDER)).find_map(|folder| std::fs::read_dir(folder).ok())
    else {
        eprintln!("skipped: no request-smuggling cases in {FOLDER} of any folder above");
        return;
    };
    let mut files: Vec<_> = folder.map(|file| file.unwrap().path()).collect();
    files.sort();
    let yaml = files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let cases: Vec<_> = yaml.flat_map(|path| parse(&std::fs::read_to_string(path).unwrap())).collect();
    assert!(cases.len() >= 159, "{} cases", cases.len());
    let mut table: BTreeMap<(String, &str), usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    let shop = measuring_shop().await;
    let front = Setup::of(&[&shop]).start();
    for case in &cases {
        let before = shop.requests();
        let mut wire = front.plain().await;
        wire.send(case.bytes()).await;
        let answered = soon(wire.head()).await.map_or(0, |head| head.status);
        let forwarded = shop.requests() > before;
        let outcome = match (forwarded, answered) {
            (true, _) => "forwarded",
            (false, 308 | 421) => "not for this shop",
            (false, _) => "refused",
        };
        *table.entry((case.tier.clone(), outcome)).or_default() += 1;
        let plain = case.tier == "Compliant" || case.tier == "Acceptable";
        let reframed = REFRAMED.contains(&case.reason.as_str());
        if forwarded && !plain && !reframed {
            wrong.push(format!("{} ({}, {}): {answered}", case.name, case.tier, case.reason));
        }
        if !forwarded && case.tier == "Compliant" {
            eprintln!("stricter: {} {:?}: {answered}", case.name, case.bytes().escape_ascii().to_string());
        }
        for seen in shop.seen().into_iter().skip(before) {
            let framings = [seen.header("content-length"), seen.header("transfer-encoding")];
            assert!(framings.iter().any(|framing| framing.is_empty()), "{}: {seen:?}", case.name);
        }
    }
    for ((tier, outcome), count) in &table {
        eprintln!("{tier:<12} {outcome:<18} {count:>4}");
    }
    assert!(wrong.is_empty(), "laxer than the corpus:\n{}", wrong.join("\n"));
}
