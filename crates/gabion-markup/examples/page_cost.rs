//! Reads pages and prints what that costs: `name<TAB>bytes<TAB>microseconds, median<TAB>slowest of 100`.
//!
//! Usage: `page_cost [FILE...]`. Without files it makes pages: a checkout of 100 KiB that is only read, the same with
//! scripts judged, and one of 50 MiB with an endless script, for which it also prints how much memory came in use.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool talks to whoever started it")]

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use gabion_markup::page::{Page, Script};
use gabion_markup::script::{compare, risks};
use gabion_markup::{Address, Collector, Judge, Judgement, Rewrite};
use rustix::time::{ClockId, clock_gettime};

/// Rounds of one page.
const ROUNDS: usize = 2000;
/// Bytes that arrive at once.
const PIECE_BYTES: usize = 16 * 1024;

struct AuthorizeAll;

impl Judge for AuthorizeAll {
    fn judge(&self, _: &Script, _: bool) -> Judgement {
        Judgement::Authorize { integrity: None }
    }
}

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("page_cost: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), Box<dyn Error>> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    for file in &files {
        time(file, &std::fs::read(file)?, &Rewrite::default())?;
    }
    if files.is_empty() {
        let page = checkout(100 * 1024);
        let found = time("read", &page, &Rewrite::default())?;
        println!(
            "found\t{} scripts\t{} handlers\t{} forms\t{} links",
            found.scripts.len(),
            found.handlers.len(),
            found.forms.len(),
            found.links.len()
        );
        let judged = Rewrite {
            judge: Some(Arc::new(AuthorizeAll)),
            nonce: Some("MTIzNDU2Nzg5MDEyMzQ1Ng==".parse()?),
            head: Some("<script src=\"/.gabion/page.js\"></script>".parse()?),
        };
        time("judged", &page, &judged)?;
        let before = resident()?;
        let start = microseconds();
        let endless = format!("<script>{}", "x".repeat(50 * 1024 * 1024));
        let text = resident()?;
        run(endless.as_bytes(), &judged, &Address::parse("https://shop.example/").ok_or("no address")?);
        println!("endless\t{}\t{:.0}", endless.len(), microseconds() - start);
        println!("memory\t{} KiB for the page\t{} KiB more", text - before, resident()?.saturating_sub(text));
        let script: String = (0..4000).map(|n| format!("function f{n}(a,b){{return a+b*{n}}}")).collect();
        let start = microseconds();
        let count = risks(&script).len() + compare(&script, &script.replace("f7", "g7")).added;
        println!("script\t{}\t{:.0}\t{count}", script.len(), microseconds() - start);
    }
    Ok(())
}

fn time(name: &str, page: &[u8], rewrite: &Rewrite) -> Result<Page, Box<dyn Error>> {
    let address = Address::parse("https://shop.example/checkout").ok_or("no address")?;
    let mut costs: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = microseconds();
            run(page, rewrite, &address);
            microseconds() - start
        })
        .collect();
    costs.sort_by(f64::total_cmp);
    println!("{name}\t{}\t{:.0}\t{:.0}", page.len(), costs[ROUNDS / 2], costs[ROUNDS - ROUNDS / 100]);
    Ok(run(page, rewrite, &address))
}

fn run(page: &[u8], rewrite: &Rewrite, address: &Address) -> Page {
    let mut collector = Collector::new(address, Some("utf-8"), rewrite.clone());
    let mut out = Vec::with_capacity(PIECE_BYTES * 2);
    for piece in page.chunks(PIECE_BYTES) {
        collector.write(piece, &mut out);
        out.clear();
    }
    collector.finish(&mut out)
}

/// A page as shops have them: a head with scripts and styles, products, a form, inline scripts.
fn checkout(bytes: usize) -> Vec<u8> {
    let mut page =
        String::from("<!doctype html><html lang=\"de\"><head><meta charset=\"utf-8\"><title>Kasse</title>");
    for n in 0..12 {
        page += &format!(
            "<link rel=\"stylesheet\" href=\"/static/css/{n}.css?v=3\"><script src=\"/static/js/{n}.js\" defer></script>"
        );
    }
    page += "<script src=\"https://js.pay.example/v3/\"></script></head><body class=\"checkout page\">";
    page += "<form action=\"/pay\" method=\"post\"><input name=\"email\"><input autocomplete=\"cc-number\"></form>";
    let mut n = 0;
    while page.len() < bytes {
        n += 1;
        page += &format!(
            "<div class=\"product-card col-md-4\" data-id=\"{n}\"><a class=\"link\" href=\"/p/{n}?ref=list\">\
             <img src=\"/media/{n}.jpg\" alt=\"Bild {n}\" width=\"300\" loading=\"lazy\"></a><h3 class=\"title\">Größe {n}</h3>\
             <p class=\"price\"><span class=\"amount\">{n},99</span> <span>EUR</span></p><ul><li>rot</li><li>blau</li></ul>\
             <button type=\"button\" class=\"btn btn-primary\">In den Korb</button></div>\n"
        );
        if n % 20 == 0 {
            page += &format!(
                "<script>window.shop=window.shop||[];shop.push({{id:{n},name:\"Größe\",tags:[1,2,3]}});</script>"
            );
        }
    }
    (page + "</body></html>").into_bytes()
}

/// Processor time that this process has had.
fn microseconds() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as f64 * 1e6 + now.tv_nsec as f64 / 1e3
}

/// Kibibytes in memory.
fn resident() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no resident memory")?;
    Ok(line.trim_end_matches("kB").trim().parse()?)
}
