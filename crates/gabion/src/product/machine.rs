//! Machines that were confirmed in the console: tables of the overlay, each by a key of its own.

use gabion_console::control::MachineEntry;
use gabion_edge::config::Machine;

use crate::config::Config;
use crate::config::overlay::{MACHINE, Overlay};

/// All that are in force. The console's follow those of the file, in the order of their keys.
pub(super) fn entries(in_force: &Config, overlay: &Overlay) -> Vec<MachineEntry> {
    let machines = in_force.edge().machines;
    let added: Vec<_> = overlay.0.keys().filter_map(|path| path.strip_prefix(MACHINE)).collect();
    let of_file = machines.len().saturating_sub(added.len());
    let keys = std::iter::repeat_n(None, of_file).chain(added.into_iter().map(|key| Some(key.to_owned())));
    keys.zip(machines).map(|(key, machine)| MachineEntry { key, machine }).collect()
}

/// Adds a machine, named after the version of the settings that brings it.
pub(super) fn add(overlay: &mut Overlay, version: i64, machine: &Machine, reason: &str) {
    let from = machine.from.iter().map(|network| toml::Value::from(network.to_string()));
    let table = toml::Table::from_iter([
        ("name".to_owned(), machine.name.clone().into()),
        ("from".to_owned(), from.collect::<Vec<_>>().into()),
        ("user_agent".to_owned(), machine.user_agent.clone().into()),
        ("path".to_owned(), machine.path.clone().into()),
        ("reason".to_owned(), reason.into()),
    ]);
    overlay.0.insert(format!("{MACHINE}{version:06}"), toml::Value::Table(table));
}

#[cfg(test)]
mod tests {
    use gabion_edge::config::WafSection;

    use super::*;

    #[test]
    fn what_is_confirmed_is_what_the_file_would_say() {
        let machine = Machine {
            name: "payment webhook".into(),
            from: vec!["198.51.100.0/24".parse().expect("a network")],
            user_agent: "Stripe".into(),
            path: "/webhooks/stripe".into(),
        };
        let mut overlay = Overlay::default();
        add(&mut overlay, 7, &machine, "ours");
        assert_eq!(overlay.0.keys().collect::<Vec<_>>(), ["waf.machine.000007"]);
        let table = overlay.apply(toml::Table::new()).expect("there is a place");
        let text = toml::to_string(&table["waf"]).expect("tables can be written");
        let section: WafSection = toml::from_str(&text).expect("a section");
        assert_eq!(section.machines(), Ok(vec![machine]));
    }
}
