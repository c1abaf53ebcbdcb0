//! Runs the cases through an engine and prints what each costs: `name<TAB>microseconds<TAB>stopped`.
//!
//! Arguments: `RULES SECONDS CASE...`. The first line is `load<TAB>milliseconds<TAB>kibibytes resident`.

use std::error::Error;

use crate::cost::{cpu, memory};

/// Seconds of processor time over which one cost is averaged.
const BATCH_SECONDS: f64 = 0.01;

/// A request of a case.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Loads rules and asks them about each case, as the arguments of the process say. `ask` says whether a request is
/// stopped.
pub(crate) fn measure<R>(
    load: impl FnOnce(&str) -> Result<R, Box<dyn Error>>,
    mut ask: impl FnMut(&R, &Request) -> Result<bool, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let rules = words.next().ok_or("no rules")?;
    let seconds: f64 = words.next().ok_or("no seconds")?.parse()?;
    let (start, before) = (cpu(), memory("VmRSS")?);
    let rules = load(&rules)?;
    println!("load\t{:.0}\t{}", (cpu() - start) * 1e3, memory("VmRSS")?.saturating_sub(before));
    for name in words {
        let request = read(&name)?;
        let stopped = ask(&rules, &request)?;
        let mut best = f64::MAX;
        let end = cpu() + seconds;
        while cpu() < end {
            let (begin, mut now, mut rounds) = (cpu(), 0.0, 0.0);
            while now < BATCH_SECONDS {
                ask(&rules, &request)?;
                rounds += 1.0;
                now = cpu() - begin;
            }
            best = best.min(now / rounds);
        }
        println!("{name}\t{:.2}\t{}", best * 1e6, u8::from(stopped));
    }
    Ok(())
}

/// Reads a request: its line, its headers, an empty line, its body.
fn read(path: &str) -> Result<Request, Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    let end = bytes.windows(2).position(|pair| pair == b"\n\n").ok_or("no end of the headers")?;
    let head = str::from_utf8(&bytes[..end])?;
    let mut lines = head.split('\n');
    let (method, target) = lines.next().and_then(|line| line.split_once(' ')).ok_or("no request line")?;
    let headers = lines.map(|line| line.split_once(": ").ok_or("a header without a colon"));
    Ok(Request {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: headers
            .map(|header| header.map(|(name, value)| (name.to_owned(), value.to_owned())))
            .collect::<Result<_, _>>()?,
        body: bytes[end + 2..].to_vec(),
    })
}
