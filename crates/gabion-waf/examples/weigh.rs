//! Says what loading rules again and again, and inspecting large bodies, takes in time and memory. `cargo xtask bench waf`
//! runs it.
//!
//! - `weigh RULES reloads COUNT` loads the rules so many times, each time while the ones before are still in force, and
//!   prints `number<TAB>kibibytes resident` after each.
//! - `weigh RULES body KIND BYTES` inspects one body and prints `milliseconds<TAB>kibibytes at most<TAB>rules that
//!   logged<TAB>what was not inspected`. The process is to be a fresh one, or its memory says nothing.

#![expect(clippy::print_stdout, reason = "a tool talks to whoever started it")]

#[path = "../../../bench/waf/cost.rs"]
mod cost;

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};

use cost::{cpu, memory};
use gabion_core::Timestamp;
use gabion_waf::{Connection, Disk, Engine, RequestHead, RuleSet, Source};

/// Fields of a form with many: under the limit of arguments, so that all are inspected.
const FIELDS: usize = 900;
/// What a customer might write, over and over.
const PROSE: &str = "The kettle arrived on Tuesday in a box with straw. Its handle is warm to the touch and the lid sits \
                     well. My aunt, who knows tea, would buy it again for the price. ";
/// What brings rules to look closely everywhere, and matches few of them.
const NEAR: &str = "select some from the union where an order is by group <b>script on load</b> ../ etc passwd or like ; \
                    cat if then else exec system php data: file:// ${x} eval ( document . cookie ) ";

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [rules, "reloads", count] => reloads(rules, count.parse()?),
        [rules, "body", kind, bytes] => body(rules, kind, bytes.parse()?),
        _ => Err("usage: weigh RULES reloads COUNT | weigh RULES body KIND BYTES".into()),
    }
}

fn load(rules: &str) -> Result<RuleSet, Box<dyn Error>> {
    let limits = "SecRequestBodyLimit 16777216\nSecRequestBodyNoFilesLimit 16777216\n";
    Ok(RuleSet::load(&[Source::File(rules.into()), Source::text("limits.conf", limits)], &Disk)?)
}

fn reloads(path: &str, count: usize) -> Result<(), Box<dyn Error>> {
    let mut rules = load(path)?;
    for number in 1..=count {
        // The old ones stand until the new ones have proven themselves.
        let fresh = load(path)?;
        inspect(&fresh, "text/plain", b"");
        drop(std::mem::replace(&mut rules, fresh));
        println!("{number}\t{}", memory("VmRSS")?);
    }
    Ok(())
}

fn body(path: &str, kind: &str, bytes: usize) -> Result<(), Box<dyn Error>> {
    let (media_type, body) = make(kind, bytes)?;
    let rules = load(path)?;
    inspect(&rules, "text/plain", b"");
    let (before, start) = (memory("VmRSS")?, cpu());
    let (logged, partial) = inspect(&rules, media_type, &body);
    let taken = cpu() - start;
    println!("{:.1}\t{}\t{logged}\t{partial}", taken * 1e3, memory("VmHWM")?.saturating_sub(before));
    Ok(())
}

/// One request, with all rules at work whatever they find. How many logged, and what was not inspected as a whole.
fn inspect(rules: &RuleSet, media_type: &str, body: &[u8]) -> (usize, String) {
    let connection = Connection {
        client: (IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), 40_000),
        server: (IpAddr::V4(Ipv4Addr::LOCALHOST), 80),
        id: "weigh",
    };
    let mut transaction = rules.transaction(&connection, Timestamp::from_seconds(1_800_000_000), None);
    transaction.set_engine(Engine::DetectionOnly);
    let length = body.len().to_string();
    let headers: [(&[u8], &[u8]); 5] = [
        (b"Host", b"shop.example"),
        (b"User-Agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        (b"Accept", b"*/*"),
        (b"Content-Type", media_type.as_bytes()),
        (b"Content-Length", length.as_bytes()),
    ];
    let head = RequestHead { method: b"POST", target: b"/reviews", version: b"HTTP/1.1", headers: &headers };
    let _ = transaction.request_head(&head);
    let _ = transaction.request_body(body);
    let report = transaction.finish().0;
    let partial: Vec<String> = report.partial.iter().map(|partial| format!("{partial:?}")).collect();
    (report.matches.iter().filter(|rule| rule.log).count(), partial.join(" "))
}

/// A body of about so many bytes, and its type.
fn make(kind: &str, bytes: usize) -> Result<(&'static str, Vec<u8>), Box<dyn Error>> {
    const FORM: &str = "application/x-www-form-urlencoded";
    let repeat = |text: &str, bytes: usize| text.repeat(bytes.div_ceil(text.len()));
    let prose = repeat(PROSE, bytes / FIELDS);
    // No two fields are equal: the engine would look at one of them only.
    let each = |number| format!("{number}. {prose}");
    let form = |note: String| (FORM, format!("note={}", note.replace(' ', "+")).into_bytes());
    Ok(match kind {
        "form" => {
            let fields = (0..FIELDS).map(|number| format!("note{number}={}", each(number).replace(' ', "+")));
            (FORM, fields.collect::<Vec<_>>().join("&").into_bytes())
        }
        "one-field" => form(repeat(PROSE, bytes)),
        "one-field-near" => form(repeat(NEAR, bytes)),
        "json" => {
            let notes = (0..FIELDS).map(|number| format!("\"note{number}\":\"{}\"", each(number)));
            ("application/json", format!("{{{}}}", notes.collect::<Vec<_>>().join(",")).into_bytes())
        }
        "multipart" => {
            let part = |number| {
                format!(
                    "--b\r\nContent-Disposition: form-data; name=\"note{number}\"\r\n\r\n{}\r\n",
                    each(number)
                )
            };
            let parts: String = (0..FIELDS).map(part).collect();
            ("multipart/form-data; boundary=b", format!("{parts}--b--\r\n").into_bytes())
        }
        "upload" => {
            let head = "--b\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"tea.jpg\"\r\n\
                        Content-Type: image/jpeg\r\n\r\n";
            let picture: Vec<u8> =
                (0..bytes).map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()[2]).collect();
            let body = [head.as_bytes(), &picture, b"\r\n--b--\r\n"].concat();
            ("multipart/form-data; boundary=b", body)
        }
        "text" => ("text/plain", repeat(PROSE, bytes).into_bytes()),
        _ => return Err(format!("no kind of body is called {kind}").into()),
    })
}
