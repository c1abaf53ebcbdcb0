//! The demo: the naked and the protected shop side by side, and what to try.

use askama::Template;
use axum::extract::State;
use gabion_edge::config::WafMode;
use gabion_page::shell::{Shell, Status};
use gabion_web::{Problem, Viewer};

use crate::Console;
use crate::problem::{Drawn, draw};

/// What the demo shop gets wrong: words, path, and whether rules stop it on `block`.
const MISTAKES: [(&str, &str, bool); 4] = [
    (
        "SQL injection in the search: customers and their passwords",
        "/search?q=%27%20UNION%20SELECT%20%27x%27,%20email,%20password_hash,%200%20FROM%20customers%20--",
        true,
    ),
    ("Database errors for everybody", "/search?q=%27", false),
    ("A file from outside the folder", "/download?file=../config/shop.conf", true),
    ("Somebody else's order", "/orders/1007", false),
];

#[derive(Template)]
#[template(path = "demo.html")]
struct Page<'a> {
    shell: &'a Shell,
    shielded: String,
    naked: Option<String>,
    examples: Vec<Example>,
    /// Whether the rules are on `block` everywhere just now.
    blocks: bool,
    upstream: String,
    commands: Commands,
}

/// What to type into a terminal.
struct Commands {
    headers_shielded: String,
    headers_naked: Option<String>,
    foreign_host: String,
    large_body: String,
}

impl Commands {
    fn new(shielded: &str, naked: Option<&str>) -> Self {
        let status = "curl -sk -o /dev/null -w '%{http_code}\\n'";
        Self {
            headers_shielded: format!("curl -skI {shielded}/"),
            headers_naked: naked.map(|naked| format!("curl -sI {naked}/")),
            foreign_host: format!("{status} -H 'Host: evil.example' {shielded}/"),
            large_body: format!("head -c 200000000 /dev/zero | {status} --data-binary @- {shielded}/cart"),
        }
    }
}

struct Example {
    words: &'static str,
    stopped: bool,
    shielded: String,
    naked: Option<String>,
}

pub(super) async fn show(State(console): State<Console>, Viewer(staff): Viewer) -> Drawn {
    let demo = console.0.control.demo();
    let demo = demo.ok_or_else(|| Problem::not_found("this is no demo; start one with gabion demo"))?;
    let blocks = console.0.edge.waf().is_some_and(|waf| !waf.bypassed && waf.modes == [WafMode::Block]);
    let example = |(words, path, stopped): (&'static str, &str, bool)| Example {
        words,
        stopped: stopped && blocks,
        shielded: format!("{}{path}", demo.shielded),
        naked: demo.naked.as_ref().map(|naked| format!("{naked}{path}")),
    };
    // What the made-up shop gets wrong says nothing about a real one.
    let examples = if demo.naked.is_some() { MISTAKES.map(example).into() } else { Vec::new() };
    draw(&Page {
        shell: &console.frame(&staff, "Demo", "/demo"),
        examples,
        blocks,
        commands: Commands::new(&demo.shielded, demo.naked.as_deref()),
        upstream: console.0.edge.upstreams().into_iter().next().map_or_else(String::new, |first| first.name),
        shielded: demo.shielded,
        naked: demo.naked,
    })
}
