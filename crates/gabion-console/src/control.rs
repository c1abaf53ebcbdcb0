//! What the console may ask of the running product. The binary implements it over configuration, edge and bypass.

use std::collections::BTreeSet;
use std::pin::Pin;

use gabion_core::{Actor, Timestamp};
use gabion_edge::Module;
use gabion_edge::access::{Subject, Verdict};
use gabion_edge::config::{Exclusion, Machine};
use gabion_edge::tls::CertificateInfo;

/// A future that a trait object can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One setting that the console can change.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Setting {
    /// Dotted path in the configuration, such as `upstream.shop.maintenance`.
    pub path: String,
    /// The group it is shown under: "Upstream shop".
    pub group: String,
    /// What it is called: "Maintenance mode".
    pub title: &'static str,
    /// What it does, in a sentence, with its unit.
    pub help: &'static str,
    /// What may be entered.
    pub kind: SettingKind,
    /// The value in force, as TOML.
    pub value: String,
    /// The value without the console's changes, as TOML.
    pub file_value: String,
    /// Whether the console's value is in force.
    pub overlaid: bool,
}

/// What may be entered for a setting.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SettingKind {
    /// `true` or `false`.
    Switch,
    /// A whole number.
    Integer {
        /// Smallest allowed.
        min: i64,
        /// Largest allowed.
        max: i64,
    },
    /// One of these.
    Choice {
        /// The allowed values.
        values: Vec<String>,
    },
    /// Any of these.
    Choices {
        /// The allowed values.
        values: Vec<String>,
    },
}

/// A change of settings, as it is kept: the newest one is in force.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Version {
    /// Counts from 1; 0 is the file alone.
    pub number: i64,
    /// When it was made.
    pub at: Timestamp,
    /// Who made it.
    pub author: Actor,
    /// The author's name as people know it.
    pub author_name: String,
    /// Why.
    pub reason: String,
    /// What is different from the version before.
    pub changes: Vec<Change>,
}

/// One difference between two versions.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Change {
    /// Path of the setting.
    pub path: String,
    /// TOML value before; none where the file's value was in force.
    pub before: Option<String>,
    /// TOML value after; none where the file's value is in force again.
    pub after: Option<String>,
}

/// What somebody wants changed.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The version they saw; a newer one refuses the change.
    pub base: i64,
    /// Path and TOML value; none puts the file's value back in force.
    pub values: Vec<(String, Option<String>)>,
    /// Why; 1 to 500 bytes.
    pub reason: String,
}

/// Who changes something.
#[derive(Clone, Debug)]
pub struct Author {
    /// For the record.
    pub actor: Actor,
    /// For people.
    pub name: String,
}

/// Why a change was not made. Nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// A value cannot work.
    #[error("{path}: {message}")]
    Invalid {
        /// The setting.
        path: String,
        /// What is wrong and what would be right.
        message: String,
    },
    /// Somebody changed something meanwhile.
    #[error("settings were changed meanwhile; look at version {current} and try again")]
    Stale {
        /// The version in force.
        current: i64,
    },
    /// No version has this number.
    #[error("there is no version {number}")]
    NoVersion {
        /// The number asked for.
        number: i64,
    },
    /// The edge refused the resulting configuration.
    #[error("not put in force: {reason}")]
    Refused {
        /// What it said.
        reason: String,
    },
    /// The database does not take writes now.
    #[error("the change could not be stored: {reason}")]
    Unavailable {
        /// What it said.
        reason: String,
    },
}

/// Protections turned off for a time.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Bypass {
    /// Which.
    pub modules: BTreeSet<Module>,
    /// Until when.
    pub until: Timestamp,
    /// Who turned them off, as people know them.
    pub by: String,
}

/// A client that is let in or kept out for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Whom it is about. Personal where it is an address.
    pub subject: Subject,
    /// What happens to them.
    pub verdict: Verdict,
    /// Until when.
    pub until: Timestamp,
    /// When it was made.
    pub at: Timestamp,
    /// Who made it, as people know them.
    pub by: String,
    /// Why; may be empty.
    pub reason: String,
}

/// Whom somebody wants let in or kept out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessWish {
    /// Whom it is about.
    pub subject: Subject,
    /// What happens to them.
    pub verdict: Verdict,
    /// For how long; at least 1.
    pub minutes: u32,
    /// Why; 0 to 500 bytes.
    pub reason: String,
}

/// A part of requests that some rules do not look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExclusionEntry {
    /// What names it for [`Control::include`]; none where the operator's file says it.
    pub key: Option<String>,
    /// Which part, and which rules.
    pub exclusion: Exclusion,
    /// Why; empty where the file says it.
    pub reason: String,
}

/// A machine that was confirmed: it is inspected and never stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineEntry {
    /// What names it for [`Control::remove_machine`]; none where the operator's file says it.
    pub key: Option<String>,
    /// Which one.
    pub machine: Machine,
}

/// The addresses of a running demo.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Demo {
    /// The shop behind Gabion: `https://shop.localhost:8443`.
    pub shielded: String,
    /// The same shop without it; none when `--origin` put a real shop in its place.
    pub naked: Option<String>,
}

/// The running product, as the console sees it. Reads come from memory; changes are durable before they answer.
pub trait Control: Send + Sync + 'static {
    /// The settings that can be changed here, in the order they are shown.
    fn settings(&self) -> Vec<Setting>;

    /// The number of the version in force; 0 when only the file counts.
    fn version(&self) -> i64;

    /// Past versions, newest first, at most `limit`.
    fn history(&self, limit: usize) -> BoxFuture<'_, Result<Vec<Version>, ChangeError>>;

    /// Makes a new version and puts it in force.
    fn change(&self, by: Author, wanted: Wanted) -> BoxFuture<'_, Result<Version, ChangeError>>;

    /// Makes a new version that says what version `number` said; 0 goes back to the file alone.
    fn rollback(
        &self,
        by: Author,
        number: i64,
        reason: String,
    ) -> BoxFuture<'_, Result<Version, ChangeError>>;

    /// The whole configuration in force, as TOML, secrets left out.
    fn export(&self) -> String;

    /// What is bypassed now.
    fn bypass(&self) -> Option<Bypass>;

    /// Turns modules off for some minutes (1 to 1440), or all on again when `modules` is empty. Works with the
    /// database dead.
    fn set_bypass(
        &self,
        by: Author,
        modules: BTreeSet<Module>,
        minutes: u32,
    ) -> BoxFuture<'_, Result<(), ChangeError>>;

    /// Who is let in or kept out now, the newest entry first.
    fn access(&self) -> Vec<Access>;

    /// Lets a client in or keeps it out for a time, instead of what was said about it before.
    fn set_access(&self, by: Author, wish: AccessWish) -> BoxFuture<'_, Result<Access, ChangeError>>;

    /// Removes the entry about a client. Says whether there was one.
    fn remove_access(&self, by: Author, subject: Subject) -> BoxFuture<'_, Result<bool, ChangeError>>;

    /// What rules do not look at: what the file says, then what was said here.
    fn exclusions(&self) -> Vec<ExclusionEntry>;

    /// Takes parts of requests from the sight of rules, all in one new version of the settings.
    fn exclude(
        &self,
        by: Author,
        exclusions: Vec<Exclusion>,
        reason: String,
    ) -> BoxFuture<'_, Result<Version, ChangeError>>;

    /// Takes one such entry back.
    fn include(&self, by: Author, key: String, reason: String)
    -> BoxFuture<'_, Result<Version, ChangeError>>;

    /// The machines that were confirmed: what the file says, then what was said here.
    fn machines(&self) -> Vec<MachineEntry>;

    /// Confirms a machine: from now on it is never stopped.
    fn confirm_machine(
        &self,
        by: Author,
        machine: Machine,
        reason: String,
    ) -> BoxFuture<'_, Result<Version, ChangeError>>;

    /// Takes one such entry back.
    fn remove_machine(
        &self,
        by: Author,
        key: String,
        reason: String,
    ) -> BoxFuture<'_, Result<Version, ChangeError>>;

    /// The certificates being served.
    fn certificates(&self) -> Vec<CertificateInfo>;

    /// The demo's addresses when this is one.
    fn demo(&self) -> Option<Demo>;

    /// Name of the installation, as pages show it: the first site's.
    fn name(&self) -> String;
}
