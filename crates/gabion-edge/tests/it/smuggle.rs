//! Never two views of one byte stream: the edge in front of servers that other people wrote.
//!
//! Between the edge and each of them stands a tap (`tap`), which reads what the edge wrote, byte for byte and strictly.
//! After every case, well-formed or not, each server must have seen exactly the requests that the tap has seen: the
//! same number, methods, targets and bodies. No case may bring its hidden request to a server as a request.

mod cases;
mod origin;
mod tap;

use std::collections::BTreeMap;

use futures_util::StreamExt;

use crate::front::{Front, Setup, soon};
use cases::{Case, Expected};
use origin::Origin;
use tap::{Request, Tap};

/// Cases on their way at a time.
const TOGETHER: usize = 8;

/// Sends a case, with a last request behind it, and says which statuses came back: two, or what came before the edge
/// closed the connection.
async fn run(front: &Front, number: usize, case: &Case) -> Vec<String> {
    let mut wire = front.plain().await;
    wire.send(case.bytes(number)).await;
    let mut statuses = Vec::new();
    while statuses.len() < 2
        && let Ok(response) = soon(wire.response()).await
    {
        statuses.push(response.status.to_string());
    }
    statuses
}

/// Sends all cases through the edge to one server and holds its view against the tap's.
async fn differential(origin: Option<Origin>) {
    let Some(origin) = origin else { return };
    soon(origin.ready()).await;
    let tap = Tap::start(&origin.socket()).await;
    let front = Setup::at(tap.address()).limits("body_idle_seconds = 1").start();
    let cases = cases::all();
    let runs = cases.iter().enumerate().map(|(number, case)| run(&front, number, case));
    let statuses: Vec<_> = futures_util::stream::iter(runs).buffered(TOGETHER).collect().await;
    front.edge.stop_and_drain().await;
    let written = tap.requests();
    let name = origin.name;
    let seen = soon(origin.stop()).await;

    let mut differences = Vec::new();
    let (whole, broken): (Vec<_>, Vec<_>) = written.iter().partition(|request| request.whole);
    // A server may tell of a request whose body broke off; it must not take it for whole.
    let told = |request: &&Request| !broken.iter().any(|broken| broken.id == request.id) || request.whole;
    let mut theirs: BTreeMap<&str, Vec<&Request>> = BTreeMap::new();
    for request in seen.iter().filter(told) {
        theirs.entry(&request.id).or_default().push(request);
    }
    for request in &whole {
        match theirs.remove(request.id.as_str()).as_deref() {
            Some([same]) if same == request => {}
            other => differences.push(format!("written {request:?}\n   seen {other:?}")),
        }
    }
    differences.extend(theirs.into_values().map(|extra| format!("seen and never written: {extra:?}")));
    for (number, case) in cases.iter().enumerate() {
        let at = |target: &str| {
            whole.iter().filter(|request| request.target == format!("/{number}{target}")).count()
        };
        let (main, last, hidden) = (at(""), at("/last"), at("/hidden"));
        let as_expected = match case.expected {
            Expected::Passes => (main, last, hidden) == (1, 1, 0),
            Expected::Refused => (main, last, hidden) == (0, 0, 0),
        };
        let sent = case.name.as_str();
        println!("{name:<8} {number:>3} {sent:<58} {:<12} shop {main}+{last}", statuses[number].join(" "));
        if !as_expected {
            differences.push(format!("{sent}: expected {:?}, shop {main}+{last}+{hidden}", case.expected));
        }
    }
    println!(
        "{name}: {} cases, {} requests written, {} seen, {} broken off",
        cases.len(),
        written.len(),
        seen.len(),
        broken.len()
    );
    assert!(differences.is_empty(), "{name} and the edge differ:\n{}", differences.join("\n"));
}

#[tokio::test]
async fn nginx_sees_what_the_edge_wrote() {
    differential(Origin::nginx()).await;
}

#[tokio::test]
async fn haproxy_sees_what_the_edge_wrote() {
    differential(Origin::haproxy()).await;
}

#[tokio::test]
async fn python_sees_what_the_edge_wrote() {
    differential(Origin::python()).await;
}

#[tokio::test]
async fn node_sees_what_the_edge_wrote() {
    differential(Origin::node()).await;
}
