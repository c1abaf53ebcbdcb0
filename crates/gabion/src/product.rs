//! The running product: the configuration in force, its changes, and what the console may ask of it.

mod exclusion;
mod machine;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gabion_console::control::{
    Access, AccessWish, Author, BoxFuture, Bypass, Change, ChangeError, Control, Demo, ExclusionEntry,
    MachineEntry, Setting, Version, Wanted,
};
use gabion_core::blame::chain;
use gabion_core::limits::cut;
use gabion_core::{Actor, Clock, Entropy, Event, EventId, EventKind, Severity};
use gabion_edge::access::Subject;
use gabion_edge::config::{Exclusion, Machine};
use gabion_edge::tls::{CertificateInfo, TlsMode};
use gabion_edge::{Edge, EdgeConfig, EventSink, Module};
use gabion_identity::customer::Customers;
use gabion_store::{Db, StoreError};

use crate::access::AccessBook;
use crate::bypass::{BYPASS_ENDED, BYPASS_STARTED, BypassFile};
use crate::certificates::Certificates;
use crate::config::overlay::{EXCLUSION, MACHINE, Overlay};
use crate::config::store::{self, InsertError, SETTINGS_CHANGED, Stored};
use crate::config::{Config, settings};
use crate::uploads;
use crate::waf::Rulebook;

/// A new configuration was read after SIGHUP.
pub(crate) const CONFIG_RELOADED: EventKind = EventKind::new("config.reloaded", 1, Severity::Info);
/// A new configuration was not taken; the old one stays in force.
pub(crate) const CONFIG_REFUSED: EventKind = EventKind::new("config.refused", 1, Severity::Warning);

/// Bytes of a reason.
const REASON_BYTES_MAX: usize = 500;
/// How often the bypass file is looked at.
const BYPASS_PERIOD: Duration = Duration::from_secs(1);

/// The running product. Clones are the same.
#[derive(Clone)]
pub(crate) struct Product(Arc<Inner>);

/// What the product is built from.
pub(crate) struct Deps {
    /// The front door.
    pub(crate) edge: Edge,
    /// Who is let in or kept out.
    pub(crate) access: AccessBook,
    /// Its rules.
    pub(crate) rulebook: Rulebook,
    /// Its certificates.
    pub(crate) certificates: Certificates,
    /// Customers' accounts.
    pub(crate) customers: Customers,
    /// The database.
    pub(crate) db: Db,
    /// Events that must be told with the database dead.
    pub(crate) events: Arc<dyn EventSink>,
    /// Time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Ids.
    pub(crate) entropy: Arc<dyn Entropy>,
    /// The demo's addresses when this is one.
    pub(crate) demo: Option<Demo>,
}

struct Inner {
    deps: Deps,
    bypass_file: BypassFile,
    // Changed by `change`, `rollback` and `reload`, one at a time; never held across an await.
    active: Mutex<Active>,
    changing: tokio::sync::Mutex<()>,
    // Changed by `look_at_bypass` only.
    bypass: Mutex<Option<Bypass>>,
}

/// The configuration in force.
struct Active {
    file: Arc<Config>,
    in_force: Arc<Config>,
    overlay: Overlay,
    version: i64,
}

/// The configuration at the start: the file with the newest version of the console's changes over it. Changes that
/// the file has no place for any more are left out and logged.
pub(crate) fn compose(file: &Config, newest: Option<&Stored>) -> (Config, Overlay, i64) {
    let version = newest.map_or(0, |stored| stored.version.number);
    let (overlay, lost) = newest.map(|stored| stored.overlay.clone()).unwrap_or_default().prune(&file.table);
    for path in lost {
        tracing::warn!(%path, "The console's change of {path} has no place in the file any more");
    }
    match file.with(&overlay) {
        Ok(in_force) => (in_force, overlay, version),
        Err(error) => {
            tracing::error!(%error, "The console's changes do not fit the file; the file alone is in force");
            let alone = file.with(&Overlay::default()).expect("an empty overlay changes nothing");
            (alone, Overlay::default(), version)
        }
    }
}

impl Product {
    /// The product around a started edge, with the configuration it was started with.
    pub(crate) fn new(deps: Deps, file: Config, in_force: Config, overlay: Overlay, version: i64) -> Self {
        let bypass_file = BypassFile::of(&file.data_folder());
        let active = Active { file: Arc::new(file), in_force: Arc::new(in_force), overlay, version };
        Self(Arc::new(Inner {
            deps,
            bypass_file,
            active: Mutex::new(active),
            changing: tokio::sync::Mutex::new(()),
            bypass: Mutex::new(None),
        }))
    }

    /// The front door.
    pub(crate) fn edge(&self) -> &Edge {
        &self.0.deps.edge
    }

    /// Reads the file again and puts it in force, with the console's changes over it.
    ///
    /// # Errors
    /// What is wrong; the old configuration stays in force.
    pub(crate) async fn reload(&self) -> Result<(), String> {
        let _one_at_a_time = self.0.changing.lock().await;
        let (path, overlay, version) = {
            let active = self.active();
            (active.file.path.clone(), active.overlay.clone(), active.version)
        };
        let result = self.take(&path, overlay, version).await;
        let actor = Actor::Shell;
        match &result {
            Ok(()) => self.tell(&CONFIG_RELOADED, actor, |event| event),
            Err(error) => self.tell(&CONFIG_REFUSED, actor, |event| event.field("reason", error.as_str())),
        }
        result
    }

    async fn take(&self, path: &Path, overlay: Overlay, version: i64) -> Result<(), String> {
        let file = Config::load(path).map_err(|error| error.to_string())?;
        let (kept, lost) = overlay.prune(&file.table);
        let in_force = file.with(&kept).map_err(|error| error.to_string())?;
        self.put_in_force(&in_force).await?;
        for path in lost {
            tracing::warn!(%path, "The console's change of {path} has no place in the file any more");
        }
        *self.active() =
            Active { file: Arc::new(file), in_force: Arc::new(in_force), overlay: kept, version };
        Ok(())
    }

    /// The folder beside the database.
    pub(crate) fn data_folder(&self) -> std::path::PathBuf {
        self.active().file.data_folder()
    }

    /// The root of the local authority, where the sites' certificates come from it.
    pub(crate) fn local_authority(&self) -> Option<std::path::PathBuf> {
        let active = self.active();
        let is_local = active.in_force.tls_mode() == TlsMode::Local;
        is_local.then(|| active.file.data_folder().join("ca").join("root.crt"))
    }

    /// What the console changed, for `gabion check`.
    pub(crate) fn changes_as_text(&self) -> String {
        let changed: Vec<_> = self.settings().into_iter().filter(|setting| setting.overlaid).collect();
        if changed.is_empty() {
            return "The console has changed nothing: the file alone is in force.".into();
        }
        let lines = changed.iter().map(|s| format!("\n  {} = {} (file: {})", s.path, s.value, s.file_value));
        format!("Changed in the console, version {}:{}", self.version(), lines.collect::<String>())
    }

    async fn put_in_force(&self, config: &Config) -> Result<(), String> {
        let deps = &self.0.deps;
        let (rules_before, inspector_before) = (deps.edge.rules(), deps.edge.inspector());
        let edge = deps.rulebook.equip(config.edge()).await.map_err(|error| error.to_string())?;
        let edge = uploads::equip(edge).await.map_err(|error| error.to_string())?;
        deps.edge.reload(edge).map_err(|error| chain(&error))?;
        match deps.certificates.reload(config) {
            Ok(Some(tls)) => deps.edge.set_tls(tls),
            Ok(None) => {}
            Err(error) => {
                // The edge already has the new routes; take them back so that nothing is half in force.
                let before = self.active().in_force.edge();
                let before = EdgeConfig { rules: rules_before, inspector: inspector_before, ..before };
                deps.edge.reload(before).map_err(|error| chain(&error))?;
                return Err(chain(&error));
            }
        }
        deps.customers.set_sites(config.customers());
        Ok(())
    }

    /// Follows the bypass file until the task is dropped.
    pub(crate) async fn watch_bypass(self) {
        let mut tick = tokio::time::interval(BYPASS_PERIOD);
        loop {
            tick.tick().await;
            self.look_at_bypass();
        }
    }

    fn look_at_bypass(&self) {
        let now = self.0.deps.clock.now();
        let found = match self.0.bypass_file.read(now) {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "The bypass file counts for nothing");
                None
            }
        };
        let mut bypass = self.0.bypass.lock().unwrap_or_else(PoisonError::into_inner);
        if *bypass == found {
            return;
        }
        self.0.deps.edge.set_bypass(found.as_ref().map(|found| found.modules.clone()).unwrap_or_default());
        match &found {
            Some(found) => {
                let modules = join(&found.modules);
                tracing::warn!(%modules, until = %found.until, by = %found.by, "Bypassed until {}: {modules}", found.until);
                self.tell(&BYPASS_STARTED, Actor::System, |event| {
                    event
                        .field("modules", modules)
                        .field("until", found.until.to_string())
                        .field("by", found.by.as_str())
                });
            }
            None => {
                tracing::info!("Nothing is bypassed any more");
                self.tell(&BYPASS_ENDED, Actor::System, |event| event);
            }
        }
        *bypass = found;
    }

    /// Tells an event through the edge's lane, which works with the database dead.
    pub(crate) fn tell(&self, kind: &EventKind, actor: Actor, fill: impl FnOnce(Event) -> Event) {
        let now = self.0.deps.clock.now();
        let id = EventId::new(now, self.0.deps.entropy.as_ref());
        self.0.deps.events.offer(fill(Event::new(kind, id, now, actor)));
    }

    fn active(&self) -> std::sync::MutexGuard<'_, Active> {
        self.0.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a version with the overlay as `edit` leaves it, which is told the version's number and the reason. One change at
    /// a time.
    fn edit_overlay<'a>(
        &'a self,
        by: Author,
        reason: String,
        edit: impl FnOnce(&mut Overlay, i64, &str) + Send + 'a,
    ) -> BoxFuture<'a, Result<Version, ChangeError>> {
        Box::pin(async move {
            let _one_at_a_time = self.0.changing.lock().await;
            let mut overlay = self.active().overlay.clone();
            edit(&mut overlay, self.version() + 1, &reason);
            self.make_version(by, reason, overlay).await
        })
    }

    /// Stores the next version and puts it in force. The edge takes it first: what it refuses is not stored.
    async fn make_version(
        &self,
        by: Author,
        reason: String,
        overlay: Overlay,
    ) -> Result<Version, ChangeError> {
        let reason = cut(reason.trim(), REASON_BYTES_MAX).into_owned();
        if reason.is_empty() {
            return Err(ChangeError::Invalid {
                path: "reason".into(),
                message: "say why, for those who come after".into(),
            });
        }
        let (file, before, version) = {
            let active = self.active();
            (Arc::clone(&active.file), active.overlay.clone(), active.version)
        };
        let in_force =
            file.with(&overlay).map_err(|error| ChangeError::Refused { reason: error.to_string() })?;
        let now = self.0.deps.clock.now();
        let stored = Stored {
            version: Version {
                number: version + 1,
                at: now,
                author: by.actor.clone(),
                author_name: by.name,
                reason,
                changes: differences(&before, &overlay),
            },
            overlay,
        };
        if stored.version.changes.is_empty() {
            return Err(ChangeError::Invalid {
                path: "values".into(),
                message: "nothing is different".into(),
            });
        }
        self.put_in_force(&in_force).await.map_err(|reason| ChangeError::Refused { reason })?;
        let event = event_of(&stored.version, EventId::new(now, self.0.deps.entropy.as_ref()), by.actor);
        if let Err(error) = self.insert(stored.clone(), event).await {
            let before = Arc::clone(&self.active().in_force);
            self.put_in_force(&before).await.map_err(|reason| ChangeError::Refused { reason })?;
            return Err(error);
        }
        *self.active() = Active {
            file,
            in_force: Arc::new(in_force),
            overlay: stored.overlay,
            version: stored.version.number,
        };
        Ok(stored.version)
    }

    async fn insert(&self, stored: Stored, event: Event) -> Result<(), ChangeError> {
        let result = self.0.deps.db.write(move |tx| store::insert(tx, &stored, &event)).await;
        result.map_err(|error| match error {
            InsertError::Stale { current } => ChangeError::Stale { current },
            InsertError::Store(error) => unavailable(&error),
        })
    }
}

fn unavailable(error: &StoreError) -> ChangeError {
    ChangeError::Unavailable { reason: error.to_string() }
}

fn join(modules: &BTreeSet<Module>) -> String {
    modules.iter().map(|module| module.as_str()).collect::<Vec<_>>().join(", ")
}

fn event_of(version: &Version, id: EventId, actor: Actor) -> Event {
    let paths: Vec<_> = version.changes.iter().map(|change| change.path.as_str()).collect();
    Event::new(&SETTINGS_CHANGED, id, version.at, actor)
        .entity("settings", version.number)
        .field("paths", paths.join(", "))
        .field("reason", version.reason.as_str())
}

/// What is different between two overlays.
fn differences(before: &Overlay, after: &Overlay) -> Vec<Change> {
    let paths: BTreeSet<&String> = before.0.keys().chain(after.0.keys()).collect();
    let text = |overlay: &Overlay, path: &str| overlay.0.get(path).map(ToString::to_string);
    let change =
        |path: &String| Change { path: path.clone(), before: text(before, path), after: text(after, path) };
    paths.into_iter().map(change).filter(|change| change.before != change.after).collect()
}

impl Control for Product {
    fn settings(&self) -> Vec<Setting> {
        let active = self.active();
        settings::all(&active.file, &active.in_force, &active.overlay)
    }

    fn version(&self) -> i64 {
        self.active().version
    }

    fn history(&self, limit: usize) -> BoxFuture<'_, Result<Vec<Version>, ChangeError>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        Box::pin(async move {
            self.0
                .deps
                .db
                .read(move |tx| store::history(tx, limit))
                .await
                .map_err(|error| unavailable(&error))
        })
    }

    fn change(&self, by: Author, wanted: Wanted) -> BoxFuture<'_, Result<Version, ChangeError>> {
        Box::pin(async move {
            let _one_at_a_time = self.0.changing.lock().await;
            let current = self.version();
            if wanted.base != current {
                return Err(ChangeError::Stale { current });
            }
            let known: BTreeMap<String, Setting> =
                self.settings().into_iter().map(|setting| (setting.path.clone(), setting)).collect();
            let mut overlay = self.active().overlay.clone();
            for (path, value) in wanted.values {
                let Some(setting) = known.get(&path) else {
                    return Err(ChangeError::Invalid {
                        path,
                        message: "no such setting can be changed here".into(),
                    });
                };
                match value {
                    None => drop(overlay.0.remove(&path)),
                    Some(text) => match settings::parse(&setting.kind, &text) {
                        Ok(value) => drop(overlay.0.insert(path, value)),
                        Err(message) => return Err(ChangeError::Invalid { path, message }),
                    },
                }
            }
            self.make_version(by, wanted.reason, overlay).await
        })
    }

    fn rollback(
        &self,
        by: Author,
        number: i64,
        reason: String,
    ) -> BoxFuture<'_, Result<Version, ChangeError>> {
        Box::pin(async move {
            let _one_at_a_time = self.0.changing.lock().await;
            let overlay = if number == 0 {
                Overlay::default()
            } else {
                let found = self.0.deps.db.read(move |tx| store::by_number(tx, number)).await;
                found.map_err(|error| unavailable(&error))?.ok_or(ChangeError::NoVersion { number })?.overlay
            };
            self.make_version(by, reason, overlay).await
        })
    }

    fn export(&self) -> String {
        let active = self.active();
        export(&active.in_force, active.version)
    }

    fn bypass(&self) -> Option<Bypass> {
        self.0.bypass.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_bypass(
        &self,
        by: Author,
        modules: BTreeSet<Module>,
        minutes: u32,
    ) -> BoxFuture<'_, Result<(), ChangeError>> {
        Box::pin(async move {
            let written = if modules.is_empty() {
                self.0.bypass_file.remove()
            } else {
                let time = Duration::from_secs(u64::from(minutes.clamp(1, 1440)) * 60);
                let until = self.0.deps.clock.now().after(time);
                self.0.bypass_file.write(&Bypass { modules, until, by: by.name })
            };
            written.map_err(|error| ChangeError::Unavailable { reason: error.to_string() })?;
            self.look_at_bypass();
            Ok(())
        })
    }

    fn access(&self) -> Vec<Access> {
        self.0.deps.access.list()
    }

    fn set_access(&self, by: Author, wish: AccessWish) -> BoxFuture<'_, Result<Access, ChangeError>> {
        Box::pin(self.0.deps.access.set(by, wish))
    }

    fn remove_access(&self, by: Author, subject: Subject) -> BoxFuture<'_, Result<bool, ChangeError>> {
        Box::pin(self.0.deps.access.remove(by, subject))
    }

    fn exclusions(&self) -> Vec<ExclusionEntry> {
        let active = self.active();
        exclusion::entries(&active.in_force, &active.overlay)
    }

    fn exclude(
        &self,
        by: Author,
        exclusions: Vec<Exclusion>,
        reason: String,
    ) -> BoxFuture<'_, Result<Version, ChangeError>> {
        self.edit_overlay(by, reason, move |overlay, version, reason| {
            exclusion::add(overlay, version, &exclusions, reason)
        })
    }

    fn include(
        &self,
        by: Author,
        key: String,
        reason: String,
    ) -> BoxFuture<'_, Result<Version, ChangeError>> {
        self.edit_overlay(by, reason, move |overlay, _, _| {
            overlay.0.remove(&format!("{EXCLUSION}{key}"));
        })
    }

    fn machines(&self) -> Vec<MachineEntry> {
        let active = self.active();
        machine::entries(&active.in_force, &active.overlay)
    }

    fn confirm_machine(
        &self,
        by: Author,
        machine: Machine,
        reason: String,
    ) -> BoxFuture<'_, Result<Version, ChangeError>> {
        self.edit_overlay(by, reason, move |overlay, version, reason| {
            machine::add(overlay, version, &machine, reason)
        })
    }

    fn remove_machine(
        &self,
        by: Author,
        key: String,
        reason: String,
    ) -> BoxFuture<'_, Result<Version, ChangeError>> {
        self.edit_overlay(by, reason, move |overlay, _, _| {
            overlay.0.remove(&format!("{MACHINE}{key}"));
        })
    }

    fn certificates(&self) -> Vec<CertificateInfo> {
        self.0.deps.certificates.inventory(self.0.deps.clock.now())
    }

    fn demo(&self) -> Option<Demo> {
        self.0.deps.demo.clone()
    }

    fn name(&self) -> String {
        self.0.deps.edge.sites().first().map(|site| site.name.clone()).unwrap_or_default()
    }
}

/// A configuration as TOML, with a line that says where it comes from.
pub(crate) fn export(in_force: &Config, version: i64) -> String {
    let over = match version {
        0 => String::new(),
        version => format!(" with version {version} of the console's changes over it"),
    };
    let table = toml::to_string(&without_secrets(in_force.table.clone())).expect("tables can be written");
    format!("# {}{over}\n{table}", in_force.path.display())
}

/// The secrets a file may hold: the password in a database address, and the path of a monitor's address.
fn without_secrets(mut table: toml::Table) -> toml::Table {
    let url = table.get_mut("storage").and_then(|storage| storage.get_mut("url"));
    if let Some(toml::Value::String(url)) = url
        && let Some((scheme, rest)) = url.split_once("://")
        && let Some((user, host)) = rest.rsplit_once('@')
        && let Some((name, _password)) = user.split_once(':')
    {
        *url = format!("{scheme}://{name}:***@{host}");
    }
    let url = table.get_mut("heartbeat").and_then(|heartbeat| heartbeat.get_mut("url"));
    if let Some(toml::Value::String(url)) = url
        && let Some((scheme, rest)) = url.split_once("://")
    {
        *url = format!("{scheme}://{}/***", rest.split(['/', '?']).next().unwrap_or_default());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_hold_no_password() {
        let table =
            "[storage]\nurl = \"postgres://gabion:hunter2@127.0.0.1/gabion\"".parse().expect("a table");
        let shown = without_secrets(table).to_string();
        assert!(shown.contains("postgres://gabion:***@127.0.0.1/gabion"), "{shown}");
        let table = "[heartbeat]\nurl = \"https://monitor.example/ping/hunter2?x\"".parse().expect("a table");
        let shown = without_secrets(table).to_string();
        assert!(shown.contains("https://monitor.example/***") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn differences_name_what_was_set_changed_and_put_back() {
        let overlay = |pairs: &[(&str, i64)]| {
            Overlay(pairs.iter().map(|(path, value)| ((*path).to_owned(), (*value).into())).collect())
        };
        let changes =
            differences(&overlay(&[("a", 1), ("b", 1), ("c", 1)]), &overlay(&[("b", 2), ("c", 1), ("d", 1)]));
        let shown: Vec<_> =
            changes.iter().map(|c| (c.path.as_str(), c.before.as_deref(), c.after.as_deref())).collect();
        assert_eq!(shown, [("a", Some("1"), None), ("b", Some("1"), Some("2")), ("d", None, Some("1"))]);
    }
}
