//! Measures what reading a page costs. `cargo xtask bench pages` runs it.
//!
//! `pages pass SECONDS ONLY` prints for each page and reader whose names, with a slash between, contain ONLY: both names,
//! microseconds at p50 and p99, megabytes a second, passes.
//! `pages long PAGE MIB` prints milliseconds, the most KiB of memory beyond what there was before, and what was not read.

#![expect(clippy::print_stdout, reason = "a tool talks to whoever started it")]

#[path = "../../../../bench/waf/cost.rs"]
mod cost;
mod documents;
mod readers;

use std::error::Error;
use std::time::{Duration, Instant};

use documents::DOCUMENTS;
use readers::READERS;

/// Bytes of a page that comes in at once, as from a shop.
const PIECE_BYTES: usize = 16 * 1024;
/// Bytes of the pages that are timed.
const PAGE_BYTES: usize = 100 * 1024;
/// Passes before any is counted.
const WARM: usize = 50;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["pass", seconds, only] => pass(Duration::from_secs_f64(seconds.parse()?), only),
        ["long", page, mib] => long(page, mib.parse()?),
        _ => Err("pages pass SECONDS ONLY, or pages long PAGE MIB".into()),
    }
}

fn pass(time: Duration, only: &str) -> Result<(), Box<dyn Error>> {
    for (page, make) in DOCUMENTS {
        let document = make(PAGE_BYTES);
        for (reader, read) in READERS {
            if !format!("{page}/{reader}").contains(only) {
                continue;
            }
            for _ in 0..WARM {
                read(&document);
            }
            let mut nanoseconds = Vec::new();
            let start = Instant::now();
            while start.elapsed() < time {
                let began = Instant::now();
                read(&document);
                nanoseconds.push(u64::try_from(began.elapsed().as_nanos())?);
            }
            nanoseconds.sort_unstable();
            let at = |percent: usize| {
                nanoseconds[(nanoseconds.len() * percent).div_ceil(100).max(1) - 1] as f64 / 1e3
            };
            let pace = document.len() as f64 / at(50);
            println!("{page}\t{reader}\t{:.1}\t{:.1}\t{pace:.1}\t{}", at(50), at(99), nanoseconds.len());
        }
    }
    Ok(())
}

fn long(page: &str, mib: usize) -> Result<(), Box<dyn Error>> {
    let (_, make) = DOCUMENTS.iter().find(|(name, _)| *name == page).ok_or("no such page")?;
    let part = make(PAGE_BYTES);
    let before = cost::memory("VmRSS")?;
    let began = cost::cpu();
    let found = readers::long(&part, (mib << 20).div_ceil(part.len()));
    let milliseconds = (cost::cpu() - began) * 1e3;
    let memory = cost::memory("VmHWM")?.saturating_sub(before);
    println!("{milliseconds:.1}\t{memory}\t{:?}", found.partial);
    Ok(())
}
