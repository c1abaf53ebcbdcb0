//! The console's changes: values by dotted path, laid over the file's table. The file itself is never written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What paths of exclusions begin with.
pub(crate) const EXCLUSION: &str = "waf.exclusion.";
/// What paths of confirmed machines begin with.
pub(crate) const MACHINE: &str = "waf.machine.";
/// Paths that are one more table of an array each, and the array's key.
const ADDED: [(&str, &str); 2] = [(EXCLUSION, "exclusion"), (MACHINE, "machine")];

/// Values by dotted path. `upstream.shop.maintenance` is the key `maintenance` of the `[[upstream]]` named `shop`;
/// sites are named by their id; `waf.exclusion.KEY` is one more `[[waf.exclusion]]`, `waf.machine.KEY` one more
/// `[[waf.machine]]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Overlay(pub BTreeMap<String, toml::Value>);

/// Why an overlay cannot be laid over the file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OverlayError {
    /// The file has no such place, for example because an upstream was removed from it.
    #[error("{path} has no place in the file any more")]
    NoPlace {
        /// The path.
        path: String,
    },
    /// The result is no valid configuration.
    #[error("{message}")]
    Unusable {
        /// What is wrong.
        message: String,
    },
}

impl Overlay {
    /// The file's table with these values in it.
    ///
    /// # Errors
    /// When a path has no place in the file.
    pub(crate) fn apply(&self, mut table: toml::Table) -> Result<toml::Table, OverlayError> {
        for (path, value) in &self.0 {
            let no_place = || OverlayError::NoPlace { path: path.clone() };
            let (section, rest) = path.split_once('.').ok_or_else(no_place)?;
            let (target, keys) = match section {
                "upstream" | "site" => {
                    let (name, keys) = rest.split_once('.').ok_or_else(no_place)?;
                    (element(&mut table, section, name).ok_or_else(no_place)?, keys)
                }
                _ => (sub_table(&mut table, section).ok_or_else(no_place)?, rest),
            };
            if let Some((_, array)) = ADDED.iter().find(|(prefix, _)| path.starts_with(prefix)) {
                let array = target.entry(*array).or_insert_with(|| toml::Value::Array(Vec::new()));
                array.as_array_mut().ok_or_else(no_place)?.push(value.clone());
                continue;
            }
            set(target, keys, value.clone()).ok_or_else(no_place)?;
        }
        Ok(table)
    }

    /// The overlay without paths that the file has no place for, and those paths.
    pub(crate) fn prune(self, table: &toml::Table) -> (Self, Vec<String>) {
        let (kept, lost): (BTreeMap<_, _>, BTreeMap<_, _>) = self.0.into_iter().partition(|(path, value)| {
            Self(BTreeMap::from([(path.clone(), value.clone())])).apply(table.clone()).is_ok()
        });
        (Self(kept), lost.into_keys().collect())
    }
}

fn element<'a>(table: &'a mut toml::Table, section: &str, name: &str) -> Option<&'a mut toml::Table> {
    let elements = table.get_mut(section)?.as_array_mut()?;
    elements.iter_mut().filter_map(toml::Value::as_table_mut).find(|element| match section {
        "site" => site_id(element).as_deref() == Some(name),
        _ => element.get("name").and_then(toml::Value::as_str) == Some(name),
    })
}

fn site_id(site: &toml::Table) -> Option<String> {
    let text = |key: &str| site.get(key).and_then(toml::Value::as_str);
    text("id")
        .map(str::to_owned)
        .or_else(|| Some(gabion_core::SiteId::from_name(text("name")?).ok()?.to_string()))
}

fn sub_table<'a>(table: &'a mut toml::Table, key: &str) -> Option<&'a mut toml::Table> {
    table.entry(key).or_insert_with(|| toml::Value::Table(toml::Table::new())).as_table_mut()
}

fn set(table: &mut toml::Table, keys: &str, value: toml::Value) -> Option<()> {
    match keys.split_once('.') {
        Some((key, rest)) => set(sub_table(table, key)?, rest, value),
        None => {
            table.insert(keys.to_owned(), value);
            Some(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlay(pairs: &[(&str, toml::Value)]) -> Overlay {
        Overlay(pairs.iter().map(|(path, value)| ((*path).to_owned(), value.clone())).collect())
    }

    fn file() -> toml::Table {
        "[[site]]\nname = \"Tidewater Tea\"\n[[upstream]]\nname = \"a\"\n[[upstream]]\nname = \"b\"\n"
            .parse()
            .expect("a table")
    }

    #[test]
    fn values_land_in_the_named_element() {
        let changes = overlay(&[
            ("upstream.b.maintenance", true.into()),
            ("site.tidewater-tea.headers.hsts_seconds", 60.into()),
            ("limits.head_timeout_seconds", 5.into()),
        ]);
        let table = changes.apply(file()).expect("every path has a place");
        assert_eq!(table["upstream"][1]["maintenance"].as_bool(), Some(true));
        assert!(table["upstream"][0].get("maintenance").is_none());
        assert_eq!(table["site"][0]["headers"]["hsts_seconds"].as_integer(), Some(60));
        assert_eq!(table["limits"]["head_timeout_seconds"].as_integer(), Some(5));
    }

    #[test]
    fn exclusions_and_machines_follow_those_of_the_file() {
        let entry = |path: &str| toml::Value::Table(toml::Table::from_iter([("path".into(), path.into())]));
        for array in ["exclusion", "machine"] {
            let path = format!("waf.{array}.000002-1");
            let changes = overlay(&[(path.as_str(), entry("/b"))]);
            let file = format!("[[waf.{array}]]\npath = \"/a\"\n").parse().expect("a table");
            for (file, expected) in [(file, vec!["/a", "/b"]), (toml::Table::new(), vec!["/b"])] {
                let table = changes.apply(file).expect("there is a place");
                let entries = table["waf"][array].as_array().expect("a list").iter();
                let paths: Vec<_> = entries.filter_map(|entry| entry["path"].as_str()).collect();
                assert_eq!(paths, expected);
            }
        }
    }

    #[test]
    fn paths_the_file_lost_are_named_and_can_be_pruned() {
        let changes = overlay(&[("upstream.c.maintenance", true.into()), ("upstream.a.queue_max", 1.into())]);
        assert_eq!(
            changes.apply(file()),
            Err(OverlayError::NoPlace { path: "upstream.c.maintenance".into() })
        );
        let (kept, lost) = changes.prune(&file());
        assert_eq!(kept, overlay(&[("upstream.a.queue_max", 1.into())]));
        assert_eq!(lost, ["upstream.c.maintenance"]);
    }
}
