#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

/// Checks that every tag is closed by its own end tag and every attribute is quoted.
#[track_caller]
fn check_well_formed(html: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html;
    while let Some((text, from)) = rest.split_once('<') {
        assert!(!text.contains('>'), "stray > in {text}");
        let (tag, after) = from.split_once('>').expect("every tag ends");
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        assert!(tag.matches('"').count().is_multiple_of(2), "unbalanced quotes in {tag}");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "{html}");
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        rest = after;
    }
    assert!(open.is_empty(), "left open: {open:?}");
    for wrong in ["NaN", "inf", "&&"] {
        assert!(!html.contains(wrong), "{wrong} in {html}");
    }
}

fn chart(series: Vec<Vec<Option<f64>>>) -> LineChart {
    let inks = [Ink::Shop, Ink::Gabion];
    let series = series
        .into_iter()
        .enumerate()
        .map(|(at, points)| Series { name: format!("curve {at}"), ink: inks[at % 2], points })
        .collect();
    let labels = (0..5).map(|at| format!("12:0{at}")).collect();
    LineChart { title: "Times".to_owned(), series, labels, unit: Unit::Milliseconds, height: 200 }
}

fn paths(svg: &Svg) -> Vec<&str> {
    svg.as_str().split(" d=\"").skip(1).map(|part| part.split_once('"').unwrap().0).collect()
}

#[test]
fn a_line_leaves_gaps_where_values_are_missing() {
    let svg = line(&chart(vec![vec![Some(0.0), Some(4.0), None, Some(2.0), Some(f64::NAN)]]));
    assert_eq!(paths(&svg), ["M0.0 1000.0h0L250.0 0.0M750.0 500.0h0"]);
}

#[test]
fn a_stack_adds_up_and_breaks_only_where_every_series_is_missing() {
    let shop = vec![Some(2.0), Some(3.0), None];
    let gabion = vec![Some(2.0), None, None];
    let svg = stacked_area(&chart(vec![shop, gabion]));
    assert_eq!(
        paths(&svg),
        [
            "M0.0 500.0L500.0 250.0L500.0 1000.0L0.0 1000.0Z",
            "M0.0 500.0h0L500.0 250.0",
            "M0.0 0.0L500.0 250.0L500.0 250.0L0.0 500.0Z",
            "M0.0 0.0h0L500.0 250.0",
        ]
    );
}

#[test]
fn a_stacked_series_has_no_line_where_it_is_zero() {
    let lines = |failed: [f64; 5]| {
        let svg = stacked_area(&chart(vec![vec![Some(2.0); 5], failed.map(Some).to_vec()]));
        let of_failed = svg
            .as_str()
            .split("chart-line ink-gabion")
            .nth(1)
            .map(|part| part.split(" d=\"").nth(1).unwrap().split('"').next().unwrap().to_owned());
        of_failed.unwrap_or_default()
    };
    assert_eq!(lines([0.0; 5]), "");
    assert_eq!(lines([0.0, 0.0, 2.0, 0.0, 0.0]), "M250.0 500.0h0L500.0 0.0L750.0 500.0");
    let apart = "M0.0 0.0h0L250.0 500.0M750.0 500.0h0L1000.0 0.0";
    assert_eq!(lines([2.0, 0.0, 0.0, 0.0, 2.0]), apart);
}

#[test]
fn the_sentence_says_what_the_picture_shows() {
    let svg = line(&chart(vec![vec![Some(80.0), Some(300.0), Some(120.0)], vec![Some(5.0)], vec![]]));
    let told = svg.as_str().split("aria-label=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(
        told.replace('\u{202f}', "_"),
        "Times: curve 0: latest 120_ms, between 80_ms and 300_ms; curve 1: 5_ms throughout; curve 2: no values yet"
    );
}

#[test]
fn names_and_labels_are_escaped() {
    let mut chart = chart(vec![vec![Some(1.0), Some(2.0)]]);
    chart.title = "<script>\"&'\u{0}".to_owned();
    chart.series[0].name.clone_from(&chart.title);
    chart.labels = vec![chart.title.clone(), chart.title.clone()];
    let svg = line(&chart);
    check_well_formed(svg.as_str());
    assert!(!svg.as_str().contains("<script"));
    assert!(svg.as_str().contains("&lt;script&gt;&quot;&amp;&#39;"));
}

#[test]
fn a_meter_changes_color_towards_its_limit() {
    #[track_caller]
    fn check(value: f64, limit: f64, ink: &str) {
        let svg = meter(&Meter { label: "Disk".to_owned(), value, limit, unit: Unit::Bytes });
        check_well_formed(svg.as_str());
        assert!(svg.as_str().contains(&format!("chart-bar ink-{ink}\"")), "{value} of {limit}");
    }
    check(10.0, 100.0, "gabion");
    check(75.0, 100.0, "warn");
    check(90.0, 100.0, "danger");
    check(1e300, 1.0, "danger");
    check(1.0, 0.0, "danger");
    check(0.0, 0.0, "gabion");
    check(f64::NAN, f64::NAN, "gabion");
}

#[test]
fn bars_are_as_long_as_their_share_of_the_longest() {
    let bar = |value| Bar { label: "a".to_owned(), value, ink: Ink::First };
    let svg = bars(&BarChart {
        title: "Paths".to_owned(),
        bars: [4.0, 1.0, -3.0, f64::NAN].map(bar).to_vec(),
        unit: Unit::Count,
    });
    check_well_formed(svg.as_str());
    let widths: Vec<&str> = svg
        .as_str()
        .split("chart-bar ink-first")
        .skip(1)
        .map(|part| part.split("width=\"").nth(1).unwrap().split('"').next().unwrap())
        .collect();
    assert_eq!(widths, ["100.00%", "25.00%", "0.00%", "0.00%"]);
}

#[test]
fn long_series_keep_their_latest_points() {
    let mut points = vec![Some(9.0); POINTS_MAX];
    points.extend(vec![Some(1.0); POINTS_MAX]);
    let svg = line(&chart(vec![points]));
    assert!(svg.as_str().contains("throughout"));
}

proptest! {
    #[test]
    fn every_chart_of_any_values_is_well_formed(
        series in prop::collection::vec(prop::collection::vec(prop::option::of(prop::num::f64::ANY), 0..12), 0..10),
        text in "\\PC{0,12}",
        height in any::<u32>(),
    ) {
        let values: Vec<f64> = series.iter().flatten().flatten().copied().collect();
        let mut chart = chart(series);
        chart.height = height;
        chart.labels.push(text.clone());
        for unit in [Unit::Count, Unit::PerSecond, Unit::Milliseconds, Unit::Bytes, Unit::Share] {
            chart.unit = unit;
            check_well_formed(line(&chart).as_str());
            check_well_formed(stacked_area(&chart).as_str());
            check_well_formed(sparkline("spark", &values, Ink::Ok, unit).as_str());
            let bar = |value: &f64| Bar { label: text.clone(), value: *value, ink: Ink::Warn };
            let chart = BarChart { title: text.clone(), bars: values.iter().map(bar).collect(), unit };
            check_well_formed(bars(&chart).as_str());
        }
    }
}

fn flow_chart(names: &[&str]) -> FlowChart {
    let end = |name: &&str| FlowEnd { name: (*name).to_owned(), note: "reads <all>".to_owned() };
    let flow = |to| Flow { from: 0, to, ink: Ink::Danger, is_cut: to == 1 };
    FlowChart {
        title: "Who gets what".to_owned(),
        left: vec!["Payment pages".to_owned()],
        right: names.iter().map(end).collect(),
        flows: (0..names.len() + 1).map(flow).collect(),
        legend: vec![(Ink::Danger, "could read cards".to_owned())],
    }
}

#[test]
fn flows_lead_from_side_to_side_and_are_told_in_words() {
    let svg = flows(&flow_chart(&["pay.example", "\"><script>.example"]));
    check_well_formed(svg.as_str());
    assert_eq!(paths(&svg), ["M0 44C50 44 50 22 100 22", "M0 44C50 44 50 66 100 66"]);
    assert!(svg.as_str().contains("chart-cut"));
    let told = "aria-label=\"Who gets what: Payment pages to pay.example (reads &lt;all&gt;); Payment pages to \
                &quot;&gt;&lt;script&gt;.example (reads &lt;all&gt;, stopped)\"";
    assert!(svg.as_str().contains(told), "{}", svg.as_str());
}

#[test]
fn of_long_names_the_end_is_shown_and_all_of_it_is_told() {
    let name = format!("{}.tagmanager.example", "x".repeat(60));
    let svg = flows(&flow_chart(&[&name]));
    assert!(svg.as_str().contains(&format!(">…tagmanager.example<title>{name}</title>")), "{}", svg.as_str());
    let nobody = flows(&flow_chart(&[]));
    check_well_formed(nobody.as_str());
    assert!(nobody.as_str().contains("Who gets what: nothing yet"));
}
