//! The console, spoken to as browsers and programs do.
#![allow(clippy::unwrap_used)]

mod access;
mod api;
mod edge;
mod events;
mod fake;
mod harness;
mod inventory;
mod inventory_api;
mod inventory_forms;
mod mailbox;
mod pages;
mod probes;
mod quarantine;
mod settings;
mod sights;
mod uploads;
mod waf;
