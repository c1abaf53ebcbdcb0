//! From rule files to a program.

mod change;
mod compile;
mod draft;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Fault, LoadError, Location};
use crate::operator::{Context, Test};
use crate::program::Program;
use crate::seclang::action::{self, Action, Phase};
use crate::seclang::ctl::Rules;
use crate::seclang::line::{self, Directive};
use crate::seclang::target::Targets;
use crate::settings::{Applied, Settings};
use crate::source::{Files, Source, expand};
use crate::transformation::UnicodeMap;
use draft::{Draft, DraftLink, Item, phase_of};

/// Files inside one another by `Include`.
const INCLUDE_DEPTH_MAX: usize = 16;
/// Rules of one set, chained ones included. Ten times CRS.
const RULES_MAX: usize = 10_000;

/// Loads a rule set.
///
/// # Errors
/// The first directive that cannot be understood or used.
pub(crate) fn load(sources: &[Source], files: &dyn Files) -> Result<Program, LoadError> {
    let mut loader = Loader {
        files,
        settings: Settings::default(),
        datasets: HashMap::new(),
        defaults: Default::default(),
        items: Vec::new(),
        places: HashMap::new(),
        links: 0,
        depth: 0,
    };
    for source in sources {
        match source {
            Source::File(path) => {
                let start = Location { file: Arc::from(path.as_path()), line: 0 };
                let error =
                    |fault| LoadError { location: start.clone(), directive: "Include".to_owned(), fault };
                loader.include(path, false).map_err(|stop| stop.at(error))?;
            }
            Source::Text { name, text } => loader.text(&Arc::from(name.as_path()), text)?,
        }
    }
    loader.finish()
}

struct Loader<'f> {
    files: &'f dyn Files,
    settings: Settings,
    datasets: HashMap<String, Vec<u8>>,
    defaults: [Option<Arc<[Action]>>; 5],
    items: Vec<Item>,
    /// Where each id was first used.
    places: HashMap<u64, Location>,
    links: usize,
    depth: usize,
}

/// Why an inclusion failed: at the place of the directive, or in the included file.
enum Stop {
    Here(Fault),
    There(LoadError),
}

impl Stop {
    fn at(self, error: impl FnOnce(Fault) -> LoadError) -> LoadError {
        match self {
            Self::Here(fault) => error(fault),
            Self::There(inner) => inner,
        }
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Here(fault)
    }
}

impl From<LoadError> for Stop {
    fn from(error: LoadError) -> Self {
        Self::There(error)
    }
}

impl Loader<'_> {
    /// Reads the files that a path names. An optional one may be missing.
    fn include(&mut self, path: &Path, optional: bool) -> Result<(), Stop> {
        if self.depth == INCLUDE_DEPTH_MAX {
            return Err(Fault::Limit { what: "files inside one another", limit: INCLUDE_DEPTH_MAX }.into());
        }
        let read = |path: &Path, source| Fault::Read { path: path.to_owned(), source };
        let paths = match expand(path, self.files) {
            Ok(paths) => paths,
            Err(_) if optional => return Ok(()),
            Err(source) => return Err(read(path, source).into()),
        };
        self.depth += 1;
        for path in paths {
            match self.files.read(&path) {
                Ok(text) => self.text(&Arc::from(path.as_path()), &text)?,
                Err(_) if optional => {}
                Err(source) => return Err(read(&path, source).into()),
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn text(&mut self, file: &Arc<Path>, text: &[u8]) -> Result<(), LoadError> {
        for directive in line::directives(file, text)? {
            self.directive(&directive).map_err(|stop| stop.at(|fault| directive.error(fault)))?;
        }
        self.chain_is_closed()
    }

    /// A chain does not go on in the next file.
    fn chain_is_closed(&self) -> Result<(), LoadError> {
        let Some(Item::Rule(draft)) = self.items.last() else { return Ok(()) };
        if draft.is_open() {
            let fault = Fault::Syntax("the chain has no next rule");
            return Err(LoadError {
                location: draft.location.clone(),
                directive: draft.directive.clone(),
                fault,
            });
        }
        Ok(())
    }

    fn directive(&mut self, directive: &Directive) -> Result<(), Stop> {
        let words: Vec<&[u8]> = directive.words.iter().map(Vec::as_slice).collect();
        let text = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
        match (directive.name.to_ascii_lowercase().as_str(), words.as_slice()) {
            ("secrule", [targets, test]) => self.rule(directive, Some((targets, test)), b"")?,
            ("secrule", [targets, test, actions]) => self.rule(directive, Some((targets, test)), actions)?,
            ("secaction", [actions]) => self.rule(directive, None, actions)?,
            ("secmarker", [name]) => {
                self.chain_is_closed()?;
                self.items.push(Item::Marker((*name).into()));
            }
            ("secdefaultaction", [actions]) => self.default_action(actions)?,
            ("secruleremovebyid", [_, ..]) => {
                for range in words.iter().flat_map(|word| word.split(|byte| matches!(byte, b',' | b' '))) {
                    let rules = Rules::ids(&text(range))?;
                    self.remove(&rules);
                }
            }
            ("secruleremovebytag", [_, ..]) => {
                words.iter().for_each(|tag| self.remove(&Rules::Tag(text(tag).into())))
            }
            ("secruleremovebymsg", [_, ..]) => {
                words.iter().for_each(|msg| self.remove(&Rules::Message((*msg).into())))
            }
            ("secruleupdatetargetbyid", [rules, change @ ..]) => {
                self.update_targets(&Rules::ids(&text(rules))?, change)?
            }
            ("secruleupdatetargetbytag", [tag, change @ ..]) => {
                self.update_targets(&Rules::Tag(text(tag).into()), change)?;
            }
            ("secruleupdatetargetbymsg", [msg, change @ ..]) => {
                self.update_targets(&Rules::Message((*msg).into()), change)?;
            }
            ("secruleupdateactionbyid", [rules, actions]) => {
                self.update_actions(&Rules::ids(&text(rules))?, actions)?
            }
            ("secdataset", [name, lines]) => {
                self.datasets.insert(text(name), lines.to_vec());
            }
            ("include", [path]) => self.include(&directive.folder().join(text(path)), false)?,
            ("includeoptional", [path]) => self.include(&directive.folder().join(text(path)), true)?,
            (
                "secrule"
                | "secaction"
                | "secmarker"
                | "secdefaultaction"
                | "secruleremovebyid"
                | "secruleremovebytag"
                | "secruleremovebymsg"
                | "secruleupdatetargetbyid"
                | "secruleupdatetargetbytag"
                | "secruleupdatetargetbymsg"
                | "secruleupdateactionbyid"
                | "secdataset"
                | "include"
                | "includeoptional",
                _,
            ) => return Err(Fault::Syntax("the directive has too few or too many words").into()),
            _ => self.setting(directive)?,
        }
        Ok(())
    }

    fn setting(&mut self, directive: &Directive) -> Result<(), Fault> {
        match self.settings.apply(&directive.name, &directive.words)? {
            Applied::Yes => Ok(()),
            Applied::NotASetting => Err(Fault::unknown("directive", &directive.name)),
            Applied::UnicodeMap { file, page } => {
                let path = directive.folder().join(file);
                let text = self.files.read(&path).map_err(|source| Fault::Read { path, source })?;
                let map = UnicodeMap::parse(&String::from_utf8_lossy(&text), page)?;
                self.settings.unicode_map = Some(Arc::new(map));
                Ok(())
            }
        }
    }

    /// Reads a rule or an action, or adds it to the chain that waits for it.
    fn rule(
        &mut self,
        directive: &Directive,
        condition: Option<(&[u8], &[u8])>,
        actions: &[u8],
    ) -> Result<(), Fault> {
        self.links += 1;
        if self.links > RULES_MAX {
            return Err(Fault::Limit { what: "rules", limit: RULES_MAX });
        }
        let folder = directive.folder();
        let context = Context { folder: &folder, files: self.files, datasets: &self.datasets };
        let condition = match condition {
            Some((targets, test)) => Some((Targets::parse(targets)?, Test::parse(test, &context)?)),
            None => None,
        };
        if condition.as_ref().is_some_and(|(targets, _)| targets.included.is_empty()) {
            return Err(Fault::Syntax("the rule looks at nothing"));
        }
        let link = DraftLink { condition, actions: action::parse(actions)? };
        if let Some(Item::Rule(draft)) = self.items.last_mut()
            && draft.is_open()
        {
            if link
                .actions
                .iter()
                .any(|action| matches!(action, Action::Id(_) | Action::Phase(_) | Action::Disrupt(_)))
            {
                return Err(Fault::Syntax(
                    "only the first rule of a chain has an id, a phase and a disruptive action",
                ));
            }
            draft.links.push(link);
            return Ok(());
        }
        let id = link.actions.iter().find_map(|action| match action {
            Action::Id(id) => Some(*id),
            _ => None,
        });
        let id = id.ok_or(Fault::Syntax("the rule has no id"))?;
        if let Some(first) = self.places.insert(id, directive.location.clone()) {
            return Err(Fault::Duplicate { id, first });
        }
        let phase = phase_of(&link.actions).unwrap_or(Phase::RequestBody);
        let defaults = self.defaults[phase as usize].clone().unwrap_or_default();
        self.items.push(Item::Rule(Draft {
            location: directive.location.clone(),
            directive: directive.name.clone(),
            id,
            phase,
            defaults,
            links: vec![link],
        }));
        Ok(())
    }

    fn default_action(&mut self, actions: &[u8]) -> Result<(), Fault> {
        let actions = action::parse(actions)?;
        let phase = phase_of(&actions).ok_or(Fault::Syntax("the default action has no phase"))?;
        let disrupts = actions.iter().any(|action| matches!(action, Action::Disrupt(_)));
        if !disrupts {
            return Err(Fault::Syntax("the default action has no disruptive action"));
        }
        let forbidden = |action: &Action| {
            matches!(
                action,
                Action::Id(_) | Action::Block | Action::Chain | Action::Skip(_) | Action::SkipAfter(_)
            )
        };
        if actions.iter().any(forbidden) {
            return Err(Fault::Syntax("a default action has no id, block, chain or skip"));
        }
        self.defaults[phase as usize] = Some(actions.into());
        Ok(())
    }

    fn finish(self) -> Result<Program, LoadError> {
        compile::compile(self.settings, self.items)
    }
}

impl Directive {
    /// The folder that relative names are resolved against.
    fn folder(&self) -> PathBuf {
        self.location.file.parent().map(Path::to_owned).unwrap_or_default()
    }
}
