//! Writing what was seen of scripts.

use gabion_core::Severity;
use gabion_markup::holding::ScriptKey;
use gabion_markup::{Address, PageClass};

use super::super::assess::Assessment;
use super::super::fact::{Content, ScriptFact};
use super::super::raise::{Found, limit, severity};
use super::{NOTED_EVERY, There, Writer};
use crate::change::ChangeKind;
use crate::decision::state::{State, Subject};
use crate::identity::site_bits;
use crate::script::{REPORTED_SCRIPTS_PER_CLASS_MAX, SCRIPTS_PER_CLASS_MAX, ScriptForm, ScriptView};
use crate::store::day::{number_of, start_of};
use crate::store::version;
use crate::{PagesError, ScriptId, SeenBy, Status, company, store};

impl Writer<'_, '_> {
    pub(super) fn script(&mut self, there: There<'_>, fact: &ScriptFact) -> Result<(), PagesError> {
        let key = fact.key.to_string();
        if let Some(known) = store::script::by_key(self.tx, there.site, fact.class, &key)? {
            return self.seen_again(there, fact, &known);
        }
        if let Some(skeleton) = &fact.skeleton {
            if let Some(known) = store::script::by_key(self.tx, there.site, fact.class, skeleton)? {
                return self.seen_again(there, fact, &known);
            }
            if self.fold(there, fact, skeleton)? {
                return Ok(());
            }
        }
        // A page whose scripts differ in every answer is known by their skeletons, which a report does not tell.
        let is_unknowable = fact.by == SeenBy::HASH_REPORT
            && matches!(fact.key, ScriptKey::Inline(_))
            && store::script::has_skeletons(self.tx, there.site, fact.class)?;
        if is_unknowable || !self.has_room(there, fact)? {
            return Ok(());
        }
        self.appeared(there, fact, &key)
    }

    fn seen_again(
        &mut self,
        there: There<'_>,
        fact: &ScriptFact,
        known: &ScriptView,
    ) -> Result<(), PagesError> {
        if known.seen_by.is_hearsay() && !fact.by.is_hearsay() {
            self.renew(there.site);
        }
        let is_noted = known.seen_by.has(fact.by)
            && known.reads.has(fact.entered)
            && there.at.since(known.last_seen) < NOTED_EVERY;
        if !is_noted {
            store::script::touch(self.tx, known.id, there.at, fact.by, fact.entered, &fact.page)?;
        }
        if known.status == Status::Denied {
            self.denied_seen(there, fact, known)?;
        }
        match (&fact.content, known.form) {
            (Some(content), ScriptForm::Web) => {
                // Of the shop's own files Gabion saw more than a browser tells.
                let is_known_better = known.is_own && fact.by == SeenBy::HASH_REPORT && known.hash.is_some();
                if is_known_better { Ok(()) } else { self.content(there, &known.key, content, fact.by) }
            }
            (Some(content), ScriptForm::Inline | ScriptForm::Handler) if !is_noted => {
                version::note(self.tx, there.site, &known.key, as_seen(content), fact.by, there.at)?;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn denied_seen(
        &mut self,
        there: There<'_>,
        fact: &ScriptFact,
        known: &ScriptView,
    ) -> Result<(), PagesError> {
        let found = Found {
            kind: ChangeKind::ScriptDeniedSeen,
            class: fact.class,
            page: &fact.page,
            subject: &known.key,
            sentence: format!("A denied script is in the page: {}.", known.label),
            script: Some(known.id),
            hash_before: None,
            hash_after: known.hash.clone(),
            assessment: None,
            by: fact.by,
            severity: Severity::Warning,
            once: start_of(number_of(there.at)).to_string(),
        };
        self.raise(there, found)
    }

    fn has_room(&mut self, there: There<'_>, fact: &ScriptFact) -> Result<bool, PagesError> {
        let (all, told) = store::script::counts(self.tx, there.site, fact.class)?;
        if all >= SCRIPTS_PER_CLASS_MAX as u64 {
            limit(self.tx, there.site, there.at, "scripts", fact.class, all)?;
            return Ok(false);
        }
        if fact.by.is_hearsay() && told >= REPORTED_SCRIPTS_PER_CLASS_MAX as u64 {
            limit(self.tx, there.site, there.at, "reported_scripts", fact.class, told)?;
            return Ok(false);
        }
        Ok(true)
    }

    fn appeared(&mut self, there: There<'_>, fact: &ScriptFact, key: &str) -> Result<(), PagesError> {
        let mut view = self.view(there, fact, key);
        // Content of a file may be known from before it was on these pages.
        if view.hash.is_none() {
            view.hash = version::newest(self.tx, there.site, key)?;
        }
        store::script::insert(self.tx, there.site, &view, fact.skeleton.as_deref())?;
        self.renew(there.site);
        if let Some(content) = &fact.content {
            version::note(self.tx, there.site, key, as_seen(content), fact.by, there.at)?;
        }
        let assessment = fact.content.as_ref().and_then(|content| content.assessment.as_ref());
        let is_approved = self.is_approved(there, fact.class)?;
        let whose = view.company.map(|company| format!(" ({company})")).unwrap_or_default();
        let found = Found {
            kind: ChangeKind::ScriptAppeared,
            class: fact.class,
            page: &fact.page,
            subject: key,
            sentence: format!("{}: {}{whose}.", appeared_as(view.form), view.label),
            script: Some(view.id),
            hash_before: None,
            hash_after: view.hash.clone(),
            assessment,
            by: fact.by,
            severity: severity(fact.class, is_approved, false, assessment),
            once: there.at.micros().to_string(),
        };
        self.raise(there, found)
    }

    fn view(&self, there: There<'_>, fact: &ScriptFact, key: &str) -> ScriptView {
        let known = match &fact.key {
            ScriptKey::Web(address) => company::of_host(Address::host(address)),
            _ => None,
        };
        let assessment = fact.content.as_ref().and_then(|content| content.assessment.as_ref());
        ScriptView {
            id: script_id(there, fact.class, key),
            class: fact.class,
            key: key.to_owned(),
            form: key.parse().map_or(ScriptForm::of(&fact.key), |key| ScriptForm::of(&key)),
            label: fact.label.clone(),
            origin: fact.origin.clone(),
            is_own: fact.is_own,
            company: known.map(|known| known.company),
            changes_by_itself: known.is_some_and(|known| known.changes_by_itself),
            first_seen: there.at,
            last_seen: there.at,
            seen_by: fact.by,
            page: fact.page.clone(),
            reads: fact.entered,
            hash: fact.content.as_ref().map(|content| content.hash.clone()),
            risk: assessment.and_then(|assessment| assessment.severity),
            status: Status::New,
            owner: None,
            justification: None,
            decided_by: None,
            decided_at: None,
            pin: None,
        }
    }

    /// Makes one script of those that are the same but for numbers and tokens. What people decided about one of them counts
    /// for all: they send to the same places and read the same fields.
    fn fold(&mut self, there: There<'_>, fact: &ScriptFact, skeleton: &str) -> Result<bool, PagesError> {
        let site = there.site;
        let same = store::script::with_skeleton(self.tx, site, fact.class, skeleton)?;
        let Some(first) = same.first() else { return Ok(false) };
        let mut whole = self.view(there, fact, skeleton);
        whole.label.clone_from(&first.label);
        let decided = |status| same.iter().find(|one| one.status == status);
        let decided = decided(Status::Denied).or_else(|| decided(Status::Authorized)).cloned();
        for one in same.iter().filter(|one| one.status == Status::New) {
            whole.first_seen = whole.first_seen.min(one.first_seen);
            whole.seen_by.0 |= one.seen_by.0;
            whole.reads = whole.reads | one.reads;
            whole.risk = whole.risk.max(one.risk);
            store::change::delete_about_script(self.tx, one.id)?;
            store::script::delete(self.tx, one.id)?;
            if store::script::classes_of(self.tx, site, &one.key)?.is_empty() {
                version::forget(self.tx, site, &one.key)?;
            }
        }
        store::script::insert(self.tx, site, &whole, None)?;
        if let Some(ScriptView { status, owner, justification, decided_by: by, decided_at: at, .. }) = decided
        {
            let state = State::Script { status, owner, justification, by, at, pin: None };
            store::state::set(self.tx, site, &Subject::Script(whole.id), &state)?;
        }
        if let Some(content) = &fact.content {
            version::note(self.tx, site, skeleton, as_seen(content), fact.by, there.at)?;
        }
        self.renew(site);
        let found = Found {
            kind: ChangeKind::ScriptAppeared,
            class: fact.class,
            page: &fact.page,
            subject: skeleton,
            sentence: format!("{}: {}.", appeared_as(ScriptForm::Skeleton), whole.label),
            script: Some(whole.id),
            hash_before: None,
            hash_after: whole.hash.clone(),
            assessment: None,
            by: fact.by,
            // The first of those that are one now was told by itself.
            severity: Severity::Info,
            once: there.at.micros().to_string(),
        };
        self.raise(there, found)?;
        Ok(true)
    }

    /// What a script at an address says was seen.
    pub(super) fn content(
        &mut self,
        there: There<'_>,
        key: &str,
        content: &Content,
        by: SeenBy,
    ) -> Result<(), PagesError> {
        let scripts = store::script::all_with_key(self.tx, there.site, key)?;
        if scripts.is_empty() && !version::has_room(self.tx, there.site)? {
            return Ok(limit(
                self.tx,
                there.site,
                there.at,
                "versions",
                PageClass::Other,
                version::UNUSED_PER_SITE_MAX,
            )?);
        }
        let is_new = version::note(self.tx, there.site, key, as_seen(content), by, there.at)?;
        let is_known_better = by.is_hearsay() && version::newest_seen(self.tx, there.site, key)?.is_some();
        // There is an assessment only when the text was not seen before.
        let is_telling = content.assessment.as_ref().is_some_and(Assessment::is_critical);
        for script in &scripts {
            let before = script.hash.as_ref().filter(|hash| **hash != content.hash);
            if script.hash.as_ref() != Some(&content.hash) && !is_known_better {
                let risk = content.assessment.as_ref().and_then(|found| found.severity).map(store::rank);
                store::script::set_content(self.tx, script.id, &content.hash, risk)?;
            }
            if (is_new && before.is_some()) || is_telling {
                self.changed(there, script, before, content, by)?;
            }
        }
        Ok(())
    }

    fn changed(
        &mut self,
        there: There<'_>,
        script: &ScriptView,
        before: Option<&String>,
        content: &Content,
        by: SeenBy,
    ) -> Result<(), PagesError> {
        let is_approved = self.is_approved(there, script.class)?;
        let assessment = content.assessment.as_ref();
        let sentence = match before {
            Some(_) => format!("The script says something else: {}.", script.label),
            None => format!("What the script says was seen, and is worth a look: {}.", script.label),
        };
        let found = Found {
            kind: ChangeKind::ScriptChanged,
            class: script.class,
            page: &script.page,
            subject: &script.key,
            sentence,
            script: Some(script.id),
            hash_before: before.cloned(),
            hash_after: Some(content.hash.clone()),
            assessment,
            by,
            severity: severity(script.class, is_approved, script.changes_by_itself, assessment),
            once: format!("{} {}", content.hash, there.at.micros()),
        };
        self.raise(there, found)
    }
}

fn script_id(there: There<'_>, class: PageClass, key: &str) -> ScriptId {
    ScriptId::from_bits(site_bits(there.at, there.site, &["script", class.as_str(), key]))
}

fn as_seen(content: &Content) -> version::Content<'_> {
    version::Content { hash: &content.hash, bytes: content.bytes, beginning: content.beginning.as_deref() }
}

const fn appeared_as(form: ScriptForm) -> &'static str {
    match form {
        ScriptForm::Web => "A new script is loaded",
        ScriptForm::Inline => "A new script stands in the page",
        ScriptForm::Skeleton => "A script in the page is different in every answer",
        ScriptForm::Handler => "A new event handler is in the page",
        ScriptForm::Opaque => "A new script comes from an address that is not of the web",
    }
}
