//! What rules do not look at, as the console's changes hold it: tables of the overlay, each by a key of its own.

use gabion_console::control::ExclusionEntry;
use gabion_edge::config::{Exclusion, Part};

use crate::config::Config;
use crate::config::overlay::{EXCLUSION, Overlay};

/// All that are in force. The console's follow those of the file, in the order of their keys.
pub(super) fn entries(in_force: &Config, overlay: &Overlay) -> Vec<ExclusionEntry> {
    let exclusions = in_force.edge().waf.exclusions;
    let added: Vec<_> = overlay
        .0
        .iter()
        .filter_map(|(path, value)| Some((path.strip_prefix(EXCLUSION)?.to_owned(), reason(value))))
        .collect();
    let of_file = exclusions.len().saturating_sub(added.len());
    let names = std::iter::repeat_n((None, String::new()), of_file)
        .chain(added.into_iter().map(|(key, reason)| (Some(key), reason)));
    names
        .zip(exclusions)
        .map(|((key, reason), exclusion)| ExclusionEntry { key, exclusion, reason })
        .collect()
}

fn reason(value: &toml::Value) -> String {
    value.get("reason").and_then(toml::Value::as_str).unwrap_or_default().to_owned()
}

/// Adds exclusions, named after the version of the settings that brings them.
pub(super) fn add(overlay: &mut Overlay, version: i64, exclusions: &[Exclusion], reason: &str) {
    for (number, exclusion) in exclusions.iter().enumerate() {
        overlay.0.insert(format!("{EXCLUSION}{version:06}-{}", number + 1), value(exclusion, reason));
    }
}

/// The exclusion as the file would say it.
fn value(exclusion: &Exclusion, reason: &str) -> toml::Value {
    let (kind, name) = match &exclusion.part {
        Part::Parameter(name) => ("parameter", name),
        Part::Cookie(name) => ("cookie", name),
        Part::Header(name) => ("header", name),
    };
    let rules = exclusion.rules.iter().filter_map(|rule| i64::try_from(*rule).ok());
    toml::Value::Table(toml::Table::from_iter([
        ("path".to_owned(), exclusion.path.clone().into()),
        ("rules".to_owned(), rules.collect::<Vec<_>>().into()),
        (kind.to_owned(), name.clone().into()),
        ("reason".to_owned(), reason.into()),
    ]))
}
