//! A product that keeps its settings in memory.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use gabion_console::control::{
    Access, AccessWish, Author, BoxFuture, Bypass, Change, ChangeError, Control, Demo, ExclusionEntry,
    MachineEntry, Setting, SettingKind, Version, Wanted,
};
use gabion_core::{Clock, Timestamp};
use gabion_edge::Module;
use gabion_edge::access::Subject;
use gabion_edge::config::{Exclusion, Machine};
use gabion_edge::tls::certificate::{KeyType, Source};
use gabion_edge::tls::{CertificateInfo, Validity};
use gabion_test::TestClock;

/// Settings, versions and a bypass, without an edge behind them.
pub(crate) struct FakeControl {
    pub(crate) state: Mutex<State>,
    clock: TestClock,
}

/// What a test may set and look at.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) versions: Vec<Version>,
    pub(crate) values: Vec<(String, String)>,
    pub(crate) bypass: Option<Bypass>,
    pub(crate) demo: Option<Demo>,
    pub(crate) access: Vec<Access>,
    pub(crate) exclusions: Vec<ExclusionEntry>,
    pub(crate) machines: Vec<MachineEntry>,
    /// Days until the certificate expires.
    pub(crate) certificate_days: i32,
    /// Whether changes cannot be stored.
    pub(crate) dead: bool,
}

impl FakeControl {
    pub(crate) fn new(clock: TestClock) -> Self {
        Self { state: Mutex::new(State { certificate_days: 80, ..State::default() }), clock }
    }

    fn setting(
        &self,
        path: &str,
        title: &'static str,
        help: &'static str,
        kind: SettingKind,
        file: &str,
    ) -> Setting {
        let state = self.state.lock().unwrap();
        let own = state.values.iter().rev().find(|(known, _)| known == path).map(|(_, value)| value.clone());
        Setting {
            path: path.to_owned(),
            group: "Upstream shop".to_owned(),
            title,
            help,
            kind,
            value: own.clone().unwrap_or_else(|| file.to_owned()),
            file_value: file.to_owned(),
            overlaid: own.is_some(),
        }
    }

    fn push(&self, by: Author, changes: Vec<Change>, reason: String) -> Version {
        let mut state = self.state.lock().unwrap();
        for change in &changes {
            state.values.retain(|(path, _)| *path != change.path);
            if let Some(value) = &change.after {
                state.values.push((change.path.clone(), value.clone()));
            }
        }
        let number = i64::try_from(state.versions.len()).unwrap() + 1;
        let version =
            Version { number, at: self.clock.now(), author: by.actor, author_name: by.name, reason, changes };
        state.versions.insert(0, version.clone());
        version
    }
}

impl Control for FakeControl {
    fn settings(&self) -> Vec<Setting> {
        let balance = SettingKind::Choice { values: vec!["least-load".into(), "round-robin".into()] };
        let endpoints = vec!["http://127.0.0.1:8081".to_owned(), "http://127.0.0.1:8082".to_owned()];
        let drained = SettingKind::Choices { values: endpoints };
        let number = SettingKind::Integer { min: 1, max: 65_536 };
        vec![
            self.setting(
                "upstream.shop.maintenance",
                "Maintenance mode",
                "Shows every customer a calm page instead of the shop.",
                SettingKind::Switch,
                "false",
            ),
            self.setting(
                "upstream.shop.balance",
                "Balancing",
                "How requests are spread over endpoints.",
                balance,
                "\"least-load\"",
            ),
            self.setting(
                "upstream.shop.requests_max",
                "Requests in flight",
                "Requests that all endpoints answer at once.",
                number,
                "1024",
            ),
            self.setting(
                "upstream.shop.drained",
                "Drained endpoints",
                "These get no new requests.",
                drained,
                "[]",
            ),
        ]
    }

    fn version(&self) -> i64 {
        i64::try_from(self.state.lock().unwrap().versions.len()).unwrap()
    }

    fn history(&self, limit: usize) -> BoxFuture<'_, Result<Vec<Version>, ChangeError>> {
        let versions = self.state.lock().unwrap().versions.iter().take(limit).cloned().collect();
        Box::pin(std::future::ready(Ok(versions)))
    }

    fn change(&self, by: Author, wanted: Wanted) -> BoxFuture<'_, Result<Version, ChangeError>> {
        Box::pin(async move {
            if self.state.lock().unwrap().dead {
                return Err(ChangeError::Unavailable { reason: "disk full".into() });
            }
            if wanted.base != self.version() {
                return Err(ChangeError::Stale { current: self.version() });
            }
            let settings = self.settings();
            let mut changes = Vec::new();
            for (path, after) in wanted.values {
                let known = settings.iter().find(|setting| setting.path == path);
                let known = known.ok_or_else(|| ChangeError::Invalid {
                    path: path.clone(),
                    message: "there is no such setting".into(),
                })?;
                if path.ends_with("requests_max") && after.as_deref() == Some("13") {
                    return Err(ChangeError::Invalid { path, message: "13 brings bad luck; take 14".into() });
                }
                let before = known.overlaid.then(|| known.value.clone());
                changes.push(Change { path, before, after });
            }
            Ok(self.push(by, changes, wanted.reason))
        })
    }

    fn rollback(
        &self,
        by: Author,
        number: i64,
        reason: String,
    ) -> BoxFuture<'_, Result<Version, ChangeError>> {
        Box::pin(async move {
            if number > self.version() {
                return Err(ChangeError::NoVersion { number });
            }
            let settings = self.settings().into_iter().filter(|setting| setting.overlaid);
            let back =
                |setting: Setting| Change { path: setting.path, before: Some(setting.value), after: None };
            let changes = settings.map(back).collect();
            Ok(self.push(by, changes, reason))
        })
    }

    fn export(&self) -> String {
        "[[upstream]]\nname = \"shop\"\n".to_owned()
    }

    fn bypass(&self) -> Option<Bypass> {
        self.state.lock().unwrap().bypass.clone()
    }

    fn set_bypass(
        &self,
        by: Author,
        modules: BTreeSet<Module>,
        minutes: u32,
    ) -> BoxFuture<'_, Result<(), ChangeError>> {
        let until = self.clock.now().after(Duration::from_secs(u64::from(minutes) * 60));
        let bypass = (!modules.is_empty()).then_some(Bypass { modules, until, by: by.name });
        self.state.lock().unwrap().bypass = bypass;
        Box::pin(std::future::ready(Ok(())))
    }

    fn access(&self) -> Vec<Access> {
        self.state.lock().unwrap().access.clone()
    }

    fn set_access(&self, by: Author, wish: AccessWish) -> BoxFuture<'_, Result<Access, ChangeError>> {
        let at = self.clock.now();
        let until = at.after(Duration::from_secs(u64::from(wish.minutes) * 60));
        let AccessWish { subject, verdict, reason, .. } = wish;
        let entry = Access { subject, verdict, until, at, by: by.name, reason };
        let mut state = self.state.lock().unwrap();
        if state.dead {
            let error = ChangeError::Unavailable { reason: "disk full".into() };
            return Box::pin(std::future::ready(Err(error)));
        }
        state.access.retain(|other| other.subject != entry.subject);
        state.access.insert(0, entry.clone());
        Box::pin(std::future::ready(Ok(entry)))
    }

    fn remove_access(&self, _: Author, subject: Subject) -> BoxFuture<'_, Result<bool, ChangeError>> {
        let mut state = self.state.lock().unwrap();
        let before = state.access.len();
        state.access.retain(|entry| entry.subject != subject);
        Box::pin(std::future::ready(Ok(state.access.len() < before)))
    }

    fn exclusions(&self) -> Vec<ExclusionEntry> {
        self.state.lock().unwrap().exclusions.clone()
    }

    fn exclude(
        &self,
        by: Author,
        exclusions: Vec<Exclusion>,
        reason: String,
    ) -> BoxFuture<'_, Result<Version, ChangeError>> {
        Box::pin(async move {
            if self.state.lock().unwrap().dead {
                return Err(ChangeError::Unavailable { reason: "disk full".into() });
            }
            let number = self.version() + 1;
            let entry = |(place, exclusion)| ExclusionEntry {
                key: Some(format!("{number}-{place}")),
                exclusion,
                reason: reason.clone(),
            };
            let entries: Vec<_> = exclusions.into_iter().enumerate().map(entry).collect();
            self.state.lock().unwrap().exclusions.extend(entries);
            Ok(self.push(by, Vec::new(), reason.clone()))
        })
    }

    fn include(
        &self,
        by: Author,
        key: String,
        reason: String,
    ) -> BoxFuture<'_, Result<Version, ChangeError>> {
        self.state.lock().unwrap().exclusions.retain(|entry| entry.key.as_ref() != Some(&key));
        Box::pin(std::future::ready(Ok(self.push(by, Vec::new(), reason))))
    }

    fn machines(&self) -> Vec<MachineEntry> {
        self.state.lock().unwrap().machines.clone()
    }

    fn confirm_machine(
        &self,
        by: Author,
        machine: Machine,
        reason: String,
    ) -> BoxFuture<'_, Result<Version, ChangeError>> {
        let key = Some((self.version() + 1).to_string());
        self.state.lock().unwrap().machines.push(MachineEntry { key, machine });
        Box::pin(std::future::ready(Ok(self.push(by, Vec::new(), reason))))
    }

    fn remove_machine(
        &self,
        by: Author,
        key: String,
        reason: String,
    ) -> BoxFuture<'_, Result<Version, ChangeError>> {
        self.state.lock().unwrap().machines.retain(|entry| entry.key.as_ref() != Some(&key));
        Box::pin(std::future::ready(Ok(self.push(by, Vec::new(), reason))))
    }

    fn certificates(&self) -> Vec<CertificateInfo> {
        let days = i64::from(self.state.lock().unwrap().certificate_days) * 86_400;
        let now = self.clock.now();
        vec![CertificateInfo {
            names: vec!["shop.example".parse().unwrap(), "www.shop.example".parse().unwrap()],
            issuer: "CN=Gabion local authority".to_owned(),
            not_before: now.before(Duration::from_secs(60 * 86_400)),
            not_after: Timestamp::from_seconds(now.seconds() + days),
            sha256: "ab".repeat(32),
            key_type: KeyType::EcdsaP256,
            source: Source::Local,
            default: true,
            validity: if days > 0 { Validity::Valid } else { Validity::Expired },
            serial: "0a1b".to_owned(),
            next_renewal: Some(now.after(Duration::from_secs(60 * 86_400))),
            last_error: None,
        }]
    }

    fn demo(&self) -> Option<Demo> {
        self.state.lock().unwrap().demo.clone()
    }

    fn name(&self) -> String {
        "Tidewater Tea".to_owned()
    }
}
