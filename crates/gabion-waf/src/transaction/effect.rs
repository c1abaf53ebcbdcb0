//! What rules do.

use std::net::IpAddr;
use std::time::Duration;

use super::{Entry, Opened, Transaction};
use crate::collection::{EntryChange, Update};
use crate::operator::integer;
use crate::seclang::action::{Effect, Phase};
use crate::seclang::ctl::{Ctl, PartsChange};
use crate::seclang::setvar::{Change, Entry as Named, SetVar};
use crate::settings::BodyProcessor;
use crate::values::ValueId;
use crate::variable::Variable;

/// Changes of one persistent collection in one transaction; more are dropped.
const UPDATES_MAX: usize = 256;

impl Transaction {
    pub(super) fn act(&mut self, effect: &Effect) {
        match effect {
            Effect::SetVar(set) => self.set_var(set),
            Effect::ExpireVar { entry, seconds } => {
                let seconds = u64::try_from(integer(&self.expanded(seconds))).unwrap_or(0);
                let name = self.expanded(&entry.key).to_ascii_lowercase();
                let at = self.now.after(Duration::from_secs(seconds));
                self.update(entry.collection, Update { name, change: EntryChange::Expire(at) });
            }
            Effect::InitCol { collection, key } => {
                let key = self.expanded(key);
                self.open(*collection, key);
            }
            Effect::SetUid(key) => self.identify(Variable::UserId, Variable::User, &self.expanded(key)),
            Effect::SetSid(key) => self.identify(Variable::SessionId, Variable::Session, &self.expanded(key)),
            Effect::SetRsc(key) => {
                let key = self.expanded(key);
                self.open(Variable::Resource, key);
            }
            Effect::SetEnv { name, value } => {
                let (name, value) = (self.expanded(name), self.expanded(value));
                self.put(Variable::Env, &name, Some(&value));
            }
            Effect::Ctl(ctl) => self.control(ctl),
        }
    }

    fn identify(&mut self, id: Variable, collection: Variable, key: &[u8]) {
        self.state.set(id, key);
        self.open(collection, key.to_vec());
    }

    fn set_var(&mut self, set: &SetVar) {
        let SetVar { entry, change } = set;
        if entry.collection == Variable::Tx {
            return self.set_tx_var(entry, change);
        }
        let name = self.expanded(&entry.key).to_ascii_lowercase();
        let (shown, change) = match change {
            Change::Remove => (None, EntryChange::Remove),
            Change::Set(value) => {
                let value = self.expanded(value);
                (Some(value.clone()), EntryChange::Set(value))
            }
            Change::Add(amount) | Change::Subtract(amount) => {
                let amount = integer(&self.expanded(amount));
                let amount = if matches!(change, Change::Add(_)) { amount } else { -amount };
                let now = integer(self.persistent(entry.collection, &name)).saturating_add(amount);
                (Some(now.to_string().into_bytes()), EntryChange::Add(amount))
            }
        };
        if self.update(entry.collection, Update { name: name.clone(), change }) {
            self.put(entry.collection, &name, shown.as_deref());
        }
    }

    fn set_tx_var(&mut self, entry: &Named, change: &Change) {
        let slot = match entry.slot {
            Some(slot) => Some(slot),
            None => {
                let name = self.expanded(&entry.key);
                self.tx_slot_or_new(&name)
            }
        };
        let Some(slot) = slot else { return };
        match change {
            Change::Remove => self.state.tx.values[slot.0] = None,
            Change::Set(value) => match value.constant() {
                Some(text) => self.state.set_tx(slot, text),
                None => {
                    let text = self.expanded(value);
                    self.state.set_tx(slot, &text);
                }
            },
            Change::Add(amount) | Change::Subtract(amount) => {
                let amount = match amount.constant() {
                    Some(text) => integer(text),
                    None => integer(&self.expanded(amount)),
                };
                let before = self.state.tx_integer(slot).unwrap_or(0);
                let after = match change {
                    Change::Add(_) => before.saturating_add(amount),
                    _ => before.saturating_sub(amount),
                };
                self.state.tx.values[slot.0] = Some(super::tx::TxValue::Number(after));
            }
        }
    }

    /// The value of an entry of a persistent collection, empty without one.
    fn persistent(&self, collection: Variable, name: &[u8]) -> &[u8] {
        let entries = &self.state.collections[collection as usize];
        let found = entries.iter().find(|entry| self.state.values.get(entry.name).eq_ignore_ascii_case(name));
        found.map_or(b"", |entry| self.state.values.get(entry.value))
    }

    /// Sets or removes an entry of a collection, as this transaction sees it.
    fn put(&mut self, collection: Variable, name: &[u8], value: Option<&[u8]>) {
        let state = &mut self.state;
        let (name, value) = (state.values.intern(name), value.map(|value| state.values.intern(value)));
        let entries = &mut state.collections[collection as usize];
        entries.retain(|entry| entry.name != name);
        entries.extend(value.map(|value| Entry { name, value }));
    }

    /// Opens a persistent collection. The first key stays; without storage there is nothing to open.
    fn open(&mut self, collection: Variable, key: Vec<u8>) {
        let Some(storage) = self.services.collections.clone() else { return };
        if self.state.opened.iter().any(|opened| opened.collection == collection) {
            return;
        }
        for (name, value) in storage.load(collection.name(), &key, self.now) {
            self.state.add(collection, &name, &value);
        }
        self.state.opened.push(Opened { collection, key, updates: Vec::new() });
    }

    /// Notes a change of a persistent collection; false if it is not open.
    fn update(&mut self, collection: Variable, update: Update) -> bool {
        let Some(opened) = self.state.opened.iter_mut().find(|opened| opened.collection == collection) else {
            return false;
        };
        if opened.updates.len() < UPDATES_MAX {
            opened.updates.push(update);
        }
        true
    }

    /// Hands all changes of persistent collections to the storage.
    pub(super) fn store_collections(&mut self) {
        let Some(storage) = &self.services.collections else { return };
        let idle = Duration::from_secs(self.program.settings.collection_seconds);
        for opened in self.state.opened.drain(..).filter(|opened| !opened.updates.is_empty()) {
            storage.update(opened.collection.name(), &opened.key, &opened.updates, self.now, idle);
        }
    }

    fn control(&mut self, ctl: &Ctl) {
        let phase = self.state.phase;
        let state = &mut self.state;
        match ctl {
            Ctl::RuleEngine(engine) => state.engine = *engine,
            Ctl::AuditEngine(engine) => state.audit_engine = *engine,
            Ctl::AuditLogParts(change) => {
                state.audit_parts = match change {
                    PartsChange::Set(parts) => *parts,
                    PartsChange::Add(parts) => state.audit_parts | *parts,
                    PartsChange::Remove(parts) => state.audit_parts & !*parts,
                }
            }
            // How a body is read cannot change once it was.
            Ctl::RequestBodyAccess(access) if phase == Phase::RequestHeaders => {
                state.request_body_access = *access
            }
            Ctl::RequestBodyLimit(limit) if phase == Phase::RequestHeaders => {
                state.request_body_bytes_max = *limit
            }
            Ctl::RequestBodyProcessor(processor) if phase == Phase::RequestHeaders => {
                state.use_processor(*processor)
            }
            Ctl::ForceRequestBodyVariable(force) => state.force_request_body = *force,
            Ctl::ResponseBodyAccess(access) if phase <= Phase::ResponseHeaders => {
                state.response_body_access = *access
            }
            Ctl::ResponseBodyLimit(limit) if phase <= Phase::ResponseHeaders => {
                state.response_body_bytes_max = *limit
            }
            Ctl::ForceResponseBodyVariable(force) => state.force_response_body = *force,
            Ctl::ResponseBodyProcessor(BodyProcessor::Raw) => state.force_response_body = true,
            Ctl::RemoveRules(_, places) => {
                places.iter().for_each(|place| state.removed[*place] = true);
            }
            Ctl::RemoveTarget(removal) => state.remove_target(removal),
            Ctl::RequestBodyAccess(_)
            | Ctl::RequestBodyLimit(_)
            | Ctl::RequestBodyProcessor(_)
            | Ctl::ResponseBodyAccess(_)
            | Ctl::ResponseBodyLimit(_)
            | Ctl::ResponseBodyProcessor(_) => {}
        }
    }

    /// Fills GEO with what is known of an address.
    pub(super) fn geo_look_up(&mut self, address: ValueId) -> bool {
        let (Some(geo), Some(address)) = (self.services.geo.clone(), self.address(address)) else {
            return false;
        };
        let Some(entries) = geo.look_up(address) else { return false };
        self.state.collections[Variable::Geo as usize].clear();
        for (name, value) in entries {
            self.state.add(Variable::Geo, name.as_bytes(), value.as_bytes());
        }
        true
    }

    pub(super) fn is_on_block_list(&self, list: &str, address: ValueId) -> bool {
        let (Some(lists), Some(address)) = (&self.services.block_list, self.address(address)) else {
            return false;
        };
        lists.lists(list, address)
    }

    fn address(&self, value: ValueId) -> Option<IpAddr> {
        str::from_utf8(self.state.values.get(value)).ok()?.parse().ok()
    }
}
