//! What a transaction costs, by engine and case.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::statistics;
use crate::task::Outcome;

/// What one engine needed, by case: microseconds, and whether it stopped the request. `load` is milliseconds and KiB.
pub(super) type Costs = BTreeMap<String, (f64, u64)>;

/// Takes over the lower costs of one run.
pub(super) fn keep_fastest(costs: &mut Costs, raw: &str) -> Outcome {
    for line in raw.lines() {
        let wrong = || format!("an engine printed {line:?}");
        let mut words = line.split('\t');
        let (Some(path), Some(cost), Some(stopped)) = (words.next(), words.next(), words.next()) else {
            return Err(wrong());
        };
        let name = Path::new(path).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let (cost, stopped) = (cost.parse().map_err(|_| wrong())?, stopped.parse().map_err(|_| wrong())?);
        let known = costs.entry(name).or_insert((f64::MAX, stopped));
        known.0 = known.0.min(cost);
    }
    Ok(())
}

/// The table of one rule set, and how many times less a transaction costs in the first engine than in the second, as
/// the geometric mean.
pub(super) fn table(name: &str, engines: &[(&str, Costs)]) -> (String, f64) {
    let Some(((own_name, own), others)) = engines.split_first() else { return (String::new(), 0.0) };
    let mut text = format!("\n## {name}\n\n| case | {own_name}, µs |");
    for (other, _) in others {
        let _ = write!(text, " {other}, µs | times less |");
    }
    let _ = writeln!(text, " stopped by |\n|---|---|{}---|", "---|---|".repeat(others.len()));
    let mut paces = vec![Vec::new(); others.len()];
    for (case, (cost, _)) in own.iter().filter(|(case, _)| *case != "load") {
        let _ = write!(text, "| {case} | {cost:.1} |");
        for ((_, other), paces) in others.iter().zip(&mut paces) {
            match other.get(case) {
                Some((other, _)) => {
                    paces.push(other / cost);
                    let _ = write!(text, " {other:.0} | {:.1} |", other / cost);
                }
                None => text.push_str(" | |"),
            }
        }
        let _ = writeln!(text, " {} |", stopped_by(case, engines));
    }
    text.push_str("| **geometric mean** | |");
    for paces in &paces {
        let spread = statistics::Spread::of(paces.iter().copied());
        let _ = write!(text, " | **{:.1}** ({:.1} to {:.1}) |", mean(paces), spread.min, spread.max);
    }
    text.push_str(" |\n");
    for (engine, costs) in engines {
        if let Some((milliseconds, kib)) = costs.get("load") {
            let _ = writeln!(
                text,
                "\n{engine} loads the rules in {milliseconds:.0} ms and takes {} MiB for them.",
                kib / 1024
            );
        }
    }
    (text, paces.first().map_or(0.0, |paces| mean(paces)))
}

/// The engines that stop a case: nobody, all, or some in bold, for there they differ.
fn stopped_by(case: &str, engines: &[(&str, Costs)]) -> String {
    let asked = engines.iter().filter_map(|(name, costs)| Some((*name, costs.get(case)?.1)));
    let (stop, pass): (Vec<_>, Vec<_>) = asked.partition(|(_, stopped)| *stopped == 1);
    match (stop.is_empty(), pass.is_empty()) {
        (true, _) => "nobody".to_owned(),
        (false, true) => "all".to_owned(),
        (false, false) => {
            let names: Vec<_> = stop.into_iter().map(|(name, _)| name).collect();
            format!("**only {}**", names.join(", "))
        }
    }
}

/// The geometric mean; 0 of nothing.
fn mean(values: &[f64]) -> f64 {
    let count = u32::try_from(values.len()).unwrap_or(u32::MAX);
    if count == 0 {
        0.0
    } else {
        (values.iter().map(|value| value.ln()).sum::<f64>() / f64::from(count)).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fastest_round_counts_and_differences_are_shown() {
        let (mut ours, mut theirs) = (Costs::new(), Costs::new());
        keep_fastest(&mut ours, "load\t100\t2048\n/x/a.http\t10.0\t0\n/x/b.http\t10\t1").expect("costs");
        keep_fastest(&mut ours, "/x/a.http\t20.0\t0").expect("costs");
        keep_fastest(&mut theirs, "/x/a.http\t100\t0\n/x/b.http\t400\t0").expect("costs");
        let (table, pace) = table("CRS", &[("Ours", ours.clone()), ("theirs", theirs)]);
        assert!((pace - 20.0).abs() < 0.001, "{pace}");
        assert!(table.contains("| a | 10.0 | 100 | 10.0 | nobody |"), "{table}");
        assert!(table.contains("| b | 10.0 | 400 | 40.0 | **only Ours** |"), "{table}");
        assert!(keep_fastest(&mut ours, "a\tb").is_err());
    }
}
