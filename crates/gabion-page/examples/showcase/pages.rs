//! Sample pages that use every component once; drawn by the example and checked by the tests.

use askama::Template;
use gabion_page::chart::{self, Bar, BarChart, Ink, LineChart, Meter, Series, Svg, Unit};
use gabion_page::shell::{Banner, Icon, NavItem, Shell, StaffBadge, Status, Tab, Tone};

#[derive(Template)]
#[template(path = "overview.html", config = "examples/showcase/askama.toml")]
struct Overview<'a> {
    shell: &'a Shell,
    spark: Svg,
    times: Svg,
    statuses: Svg,
    limits: Vec<Svg>,
    tabs: Vec<Tab>,
    endpoints: Vec<(&'static str, Status, &'static str)>,
}

#[derive(Template)]
#[template(path = "settings.html", config = "examples/showcase/askama.toml")]
struct Settings<'a> {
    shell: &'a Shell,
    saved: Tone,
    refused: Tone,
    state: Status,
}

#[derive(Template)]
#[template(path = "sign_in.html", config = "examples/showcase/askama.toml")]
struct SignIn<'a> {
    shell: &'a Shell,
    refused: Tone,
}

/// Every sample page with its file name.
pub(crate) fn pages() -> Vec<(&'static str, String)> {
    let overview = Overview {
        shell: &shell("Overview"),
        spark: chart::sparkline("Requests", &[12.0, 13.0, 11.0, 15.0, 13.4], Ink::Gabion, Unit::PerSecond),
        times: chart::stacked_area(&times()),
        statuses: chart::bars(&statuses()),
        limits: vec![
            limit("Connections", 61.0, 100.0),
            limit("Queue", 78.0, 100.0),
            limit("Disk", 95.0, 100.0),
        ],
        tabs: vec![tab("All", true), tab("Unhealthy", false), tab("Drained", false)],
        endpoints: vec![
            ("10.0.0.5:8080", Status::Ok, "healthy"),
            ("10.0.0.6:8080", Status::Degraded, "slow"),
            ("10.0.0.7:8080", Status::Down, "not reachable"),
            ("10.0.0.8:8080", Status::Drained, "drained"),
            ("10.0.0.9:8080", Status::Maintenance, "maintenance"),
            ("10.0.0.10:8080", Status::Neutral, "not checked"),
        ],
    };
    let settings = Settings {
        shell: &Shell { refresh: None, ..shell("Settings") },
        saved: Tone::Ok,
        refused: Tone::Danger,
        state: Status::Ok,
    };
    let sign_in = SignIn {
        shell: &Shell {
            title: "Sign in".to_owned(),
            site_name: "Tidewater Tea".to_owned(),
            ..Shell::default()
        },
        refused: Tone::Danger,
    };
    vec![
        ("overview.html", overview.render().expect("templates write only to memory")),
        ("settings.html", settings.render().expect("templates write only to memory")),
        ("sign_in.html", sign_in.render().expect("templates write only to memory")),
    ]
}

fn shell(title: &str) -> Shell {
    let item = |label: &str, icon, badge: Option<&str>| NavItem {
        label: label.to_owned(),
        href: format!("/{}", label.to_lowercase()),
        icon,
        current: label == title,
        badge: badge.map(str::to_owned),
    };
    let banner = |tone, text: &str, action: Option<(&str, &str)>| Banner {
        tone,
        text: text.to_owned(),
        action: action.map(|(label, href)| (label.to_owned(), href.to_owned())),
    };
    Shell {
        title: title.to_owned(),
        nav: vec![
            item("Overview", Icon::Overview, None),
            item("Events", Icon::Events, Some("3")),
            item("Upstreams", Icon::Upstreams, None),
            item("Certificates", Icon::Certificates, None),
            item("Protection", Icon::Protection, None),
            item("Settings", Icon::Settings, None),
            item("History", Icon::History, None),
            item("Staff", Icon::Staff, None),
            item("Keys", Icon::Keys, None),
            item("Demo", Icon::Demo, None),
        ],
        staff: Some(StaffBadge { name: "Mara Lindqvist".to_owned(), role: "Owner".to_owned() }),
        banners: vec![
            banner(
                Tone::Danger,
                "Protections are bypassed until 12:30 UTC.",
                Some(("End bypass", "/protection")),
            ),
            banner(
                Tone::Warn,
                "One of two endpoints of shop is not reachable.",
                Some(("Look", "/upstreams")),
            ),
            banner(Tone::Info, "This is the demo. Its data is thrown away.", None),
        ],
        csrf: "sample".to_owned(),
        site_name: "Tidewater Tea".to_owned(),
        refresh: Some(5),
        ..Shell::default()
    }
}

fn times() -> LineChart {
    let shop = |at: u32| Some(86.0 + 24.0 * (f64::from(at) / 5.0).sin() + f64::from(at * 37 % 11));
    let gabion = |at: u32| Some(4.0 + f64::from(at * 13 % 3));
    let gap = |at: &u32| !(30..33).contains(at);
    let series = |name: &str, ink, value: &dyn Fn(u32) -> Option<f64>| Series {
        name: name.to_owned(),
        ink,
        points: (0..60).map(|at| Some(at).filter(gap).and_then(value)).collect(),
    };
    LineChart {
        title: "Time for an answer".to_owned(),
        series: vec![series("Shop", Ink::Shop, &shop), series("Gabion", Ink::Gabion, &gabion)],
        labels: (0..60).map(|minute| format!("12:{minute:02}")).collect(),
        unit: Unit::Milliseconds,
        height: 220,
    }
}

fn statuses() -> BarChart {
    let bar = |label: &str, value, ink| Bar { label: label.to_owned(), value, ink };
    BarChart {
        title: "Answers by status".to_owned(),
        bars: vec![
            bar("2xx, answers", 45_120.0, Ink::Ok),
            bar("3xx, redirects", 2_310.0, Ink::Second),
            bar("4xx, client errors", 764.0, Ink::Warn),
            bar("5xx, server errors", 19.0, Ink::Danger),
        ],
        unit: Unit::Count,
    }
}

fn limit(label: &str, value: f64, limit: f64) -> Svg {
    chart::meter(&Meter { label: label.to_owned(), value, limit, unit: Unit::Count })
}

fn tab(label: &str, current: bool) -> Tab {
    Tab { label: label.to_owned(), href: "/upstreams".to_owned(), current }
}
