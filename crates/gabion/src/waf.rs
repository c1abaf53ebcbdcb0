//! From `[waf]` to rules that are proven to work, loaded again only when something about them changed.

pub(crate) mod command;
mod exclusion;
mod explain;
mod files;
mod install;
mod list;
mod replay;
mod shown;
mod sources;
mod test;
mod trial;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use gabion_core::blame::chain;
use gabion_core::{Clock, Timestamp};
use gabion_edge::EdgeConfig;
use gabion_edge::config::{RuleSource, WafConfig};
use gabion_edge::waf::{ProvenRules, Toothless};
use gabion_waf::{LoadError, MemoryCollections, RuleSet, Services, Source};

use files::Seen;

/// Addresses, sessions and users that rules count at a time; new ones are not counted while so many are. CRS 3 keeps a
/// few short entries of each.
const COLLECTION_KEYS_MAX: usize = 100_000;

/// Why there are no rules. Those in force stay.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RulesError {
    /// A directive that cannot be understood or used.
    #[error("{}: {}: {}", .0.location, .0.directive, chain(&.0.fault))]
    Directive(Box<LoadError>),
    /// A path of `[waf] rules` that leads to no rules.
    #[error("[waf] rules: {}: {what}", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// An exclusion of a rule that is not there.
    #[error(transparent)]
    Exclusion(#[from] exclusion::NoSuchRule),
    /// A preset that the rule set does not have.
    #[error(
        "[waf] presets: no rule file has exclusions for {name:?}; CRS 4 has them as plugins, which belong into its \
         folder plugins"
    )]
    Preset {
        /// Its name.
        name: String,
    },
    /// The rules do not stop attacks.
    #[error(transparent)]
    Toothless(#[from] Toothless),
    /// The thread that loaded them is gone.
    #[error("loading the rules broke off: {0}")]
    BrokenOff(#[from] tokio::task::JoinError),
}

impl From<LoadError> for RulesError {
    fn from(error: LoadError) -> Self {
        Self::Directive(Box::new(error))
    }
}

/// Loads the rules that `[waf]` names. Reads files: not for an asynchronous task.
///
/// # Errors
/// The first thing that cannot be used.
pub(crate) fn load(waf: &WafConfig) -> Result<RuleSet, RulesError> {
    Ok(read(waf)?.rules)
}

/// Rules and what they were made of.
struct Read {
    rules: RuleSet,
    sources: Vec<Source>,
    seen: Seen,
}

fn read(waf: &WafConfig) -> Result<Read, RulesError> {
    let sources = sources::of(waf)?;
    let recorder = files::Recorder::default();
    let rules = RuleSet::load(&sources, &recorder)?;
    exclusion::check(&waf.exclusions, &rules)?;
    Ok(Read { rules, sources, seen: recorder.seen() })
}

/// The rules of this process. Clones are the same.
#[derive(Clone)]
pub(crate) struct Rulebook(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    services: Services,
    // Held while rules load, by a thread that may wait.
    last: Mutex<Option<Last>>,
}

/// The rules that were loaded last.
struct Last {
    waf: WafConfig,
    sources: Vec<Source>,
    seen: Seen,
    rules: Arc<ProvenRules>,
}

impl Last {
    /// Whether loading again would lead to the same rules.
    fn is_current(&self, waf: &WafConfig) -> bool {
        self.waf == *waf
            && sources::of(waf).is_ok_and(|sources| sources == self.sources)
            && self.seen.is_unchanged()
    }
}

impl Rulebook {
    /// Without rules yet.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let collections = MemoryCollections::new(COLLECTION_KEYS_MAX);
        let services = Services { collections: Some(Arc::new(collections)), ..Services::default() };
        Self(Arc::new(Inner { clock, services, last: Mutex::default() }))
    }

    /// Gives a configuration the rules that it wants, loaded on a thread that may wait.
    ///
    /// # Errors
    /// Why there are none.
    pub(crate) async fn equip(&self, mut edge: EdgeConfig) -> Result<EdgeConfig, RulesError> {
        if edge.wants_rules() {
            let (book, waf) = (self.clone(), edge.waf.clone());
            edge.rules = Some(tokio::task::spawn_blocking(move || book.rules(waf)).await??);
        }
        Ok(edge)
    }

    fn rules(&self, waf: WafConfig) -> Result<Arc<ProvenRules>, RulesError> {
        let Inner { clock, services, last } = self.0.as_ref();
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = last.as_ref().filter(|last| last.is_current(&waf)) {
            return Ok(Arc::clone(&last.rules));
        }
        let Read { rules, sources, seen } = read(&waf)?;
        let rules = Arc::new(prove(rules, &waf, services.clone(), clock.now())?);
        tracing::info!(
            rules = rules.rules().len(),
            sources = %rules.sources().join(", "),
            "WAF rules loaded; they stop the canary attacks"
        );
        *last = Some(Last { waf, sources, seen, rules: Arc::clone(&rules) });
        Ok(rules)
    }
}

/// Sends the canary attacks through rules, under the names that the operator knows them by.
///
/// # Errors
/// The attack that they let pass.
pub(crate) fn prove(
    rules: RuleSet,
    waf: &WafConfig,
    services: Services,
    now: Timestamp,
) -> Result<ProvenRules, RulesError> {
    let name = |source: &RuleSource| match source {
        RuleSource::Builtin => "builtin".to_owned(),
        RuleSource::Path(path) => path.display().to_string(),
    };
    Ok(ProvenRules::prove(rules, waf.rules.iter().map(name).collect(), services, now)?)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use gabion_core::SystemClock;
    use gabion_edge::config::{Exclusion, Part};

    use super::*;

    fn waf(rules: &[&Path]) -> WafConfig {
        let paths = rules.iter().map(|path| RuleSource::Path((*path).to_owned()));
        WafConfig {
            rules: std::iter::once(RuleSource::Builtin).chain(paths).collect(),
            presets: vec!["shop".to_owned()],
            paranoia_level: 1,
            inbound_threshold: 5,
            outbound_threshold: 4,
            request_body_bytes_max: 1 << 20,
            responses: false,
            audit: false,
            exclusions: Vec::new(),
        }
    }

    #[test]
    fn rules_are_loaded_again_only_when_something_changed() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("own.conf");
        let write = |text: &str| std::fs::write(&file, text).expect("written");
        write("SecRule ARGS:a \"@streq b\" \"id:1,phase:2,deny\"\n");
        let book = Rulebook::new(Arc::new(SystemClock));
        let load = |waf: &WafConfig| book.rules(waf.clone());
        let first = load(&waf(&[&file])).expect("they load");
        assert!(Arc::ptr_eq(&first, &load(&waf(&[&file])).expect("they load")));
        // Whatever a file's times say: its content counts.
        write("SecRule ARGS:a \"@streq c\" \"id:1,phase:2,deny\"\n");
        let second = load(&waf(&[&file])).expect("they load");
        assert!(!Arc::ptr_eq(&first, &second));
        let stricter = WafConfig { paranoia_level: 2, ..waf(&[&file]) };
        assert!(!Arc::ptr_eq(&second, &load(&stricter).expect("they load")));
        assert_eq!(second.sources(), ["builtin", file.to_str().expect("a path")]);
    }

    #[test]
    fn exclusions_belong_to_the_rules_and_do_not_make_them_fail_their_trial() {
        let book = Rulebook::new(Arc::new(SystemClock));
        let rules = book.rules(waf(&[])).expect("they load");
        let ids: Vec<u64> = rules.rules().iter().filter(|rule| rule.logs()).map(|rule| rule.id()).collect();
        let part = Part::Parameter("q".into());
        let exclusions = ids.chunks(50).map(|rules| Exclusion {
            path: "/search".into(),
            rules: rules.into(),
            part: part.clone(),
        });
        let excluding = WafConfig { exclusions: exclusions.collect(), ..waf(&[]) };
        let changed = book.rules(excluding).expect("they load, and stop attacks elsewhere");
        assert!(!Arc::ptr_eq(&rules, &changed));
        let unknown = vec![Exclusion { path: "/search".into(), rules: vec![7], part }];
        let refused = book.rules(WafConfig { exclusions: unknown, ..waf(&[]) });
        assert!(matches!(refused, Err(RulesError::Exclusion(_))));
    }

    #[test]
    fn what_cannot_be_loaded_is_named_with_file_line_and_directive() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("own.conf");
        std::fs::write(&file, "SecRuleEngine On\nSecRull ARGS x\n").expect("written");
        let said = load(&waf(&[&file])).expect_err("refused").to_string();
        assert_eq!(said, format!("{}:2: SecRull: unknown directive \"SecRull\"", file.display()));
        let missing = folder.path().join("missing");
        let said = load(&waf(&[&missing])).expect_err("refused").to_string();
        assert!(said.starts_with(&format!("[waf] rules: {}: ", missing.display())), "{said}");
        let said = load(&waf(&[folder.path().join("empty").as_path()])).map(|_| ());
        assert!(said.is_err());
    }

    #[test]
    #[expect(clippy::print_stderr, reason = "a test that is not run says so")]
    fn published_rule_sets_are_read_from_their_folders_and_stop_attacks() {
        let debian = Some(PathBuf::from("/usr/share/modsecurity-crs"));
        for (folder, least) in [(debian, 300), (std::env::var_os("GABION_CRS").map(PathBuf::from), 400)] {
            let Some(folder) = folder.filter(|folder| folder.exists()) else {
                eprintln!(
                    "skipped: Debian's modsecurity-crs, or the checkout that GABION_CRS names, is not there"
                );
                continue;
            };
            let waf = WafConfig { rules: vec![RuleSource::Path(folder)], ..waf(&[]) };
            for paranoia_level in 1..=4 {
                let book = Rulebook::new(Arc::new(SystemClock));
                let rules = book.rules(WafConfig { paranoia_level, ..waf.clone() }).expect("they load");
                assert!(rules.rules().len() > least, "{}", rules.rules().len());
            }
        }
    }

    #[test]
    fn presets_are_packages_that_the_rule_set_has() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
        write("REQUEST-903.9002-WORDPRESS-EXCLUSION-RULES.conf", "");
        write(
            "REQUEST-999.conf",
            "SecRule TX:crs_exclusions_wordpress \"@eq 1\" \"id:5,phase:1,pass,log\"\n",
        );
        let presets = |names: &[&str]| WafConfig {
            rules: vec![RuleSource::Path(folder.path().to_owned())],
            presets: names.iter().map(|name| (*name).to_owned()).collect(),
            ..waf(&[])
        };
        let ids = |rules: &RuleSet| rules.iter().map(|rule| rule.id()).collect::<Vec<_>>();
        let shop = load(&presets(&["shop", "wordpress"])).expect("both are there");
        assert!([9_000_101, 10_700].iter().all(|id| ids(&shop).contains(id)));
        let plain = load(&presets(&[])).expect("none is wanted");
        assert!(!ids(&plain).contains(&10_700));
        let said = load(&presets(&["magento"])).expect_err("there is no such package").to_string();
        assert!(said.contains("\"magento\""), "{said}");
    }

    #[test]
    fn a_threshold_that_no_attack_reaches_is_refused() {
        let lax = WafConfig { inbound_threshold: 1_000, ..waf(&[]) };
        let book = Rulebook::new(Arc::new(SystemClock));
        assert!(matches!(book.rules(lax), Err(RulesError::Toothless(_))));
    }
}
