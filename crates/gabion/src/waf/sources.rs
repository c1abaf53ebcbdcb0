//! What is loaded, in which order.
//!
//! Later directives win over earlier ones, and a rule set keeps a variable that is already set. So: what is Gabion's
//! default comes first, then the set-up files of rule sets, then what `gabion.toml` says of scores and strictness, then
//! its exclusions, the rules, and last what `gabion.toml` says of the engine.

use std::path::{Path, PathBuf};

use gabion_edge::config::{RuleSource, SHOP, WafConfig};
use gabion_waf::{Source, builtin};

use super::{RulesError, exclusion};

/// What holds unless rule files say otherwise.
const DEFAULTS: &str = include_str!("defaults.conf");
/// Ids of the rules that presets become.
const PRESET_IDS: std::ops::Range<u64> = 9_000_100..9_000_200;
/// Names of the file with which a rule set is set up. A checkout of CRS brings the second.
const SETUP: [&str; 2] = ["crs-setup.conf", "crs-setup.conf.example"];
/// Debian keeps what the operator edits elsewhere than the rules. Source: its `owasp-crs.load`.
const DEBIAN: Split = Split {
    rules: "/usr/share/modsecurity-crs",
    setup: "/etc/modsecurity/crs/crs-setup.conf",
    before: "/etc/modsecurity/crs/REQUEST-900-EXCLUSION-RULES-BEFORE-CRS.conf",
    after: "/etc/modsecurity/crs/RESPONSE-999-EXCLUSION-RULES-AFTER-CRS.conf",
};

struct Split {
    rules: &'static str,
    setup: &'static str,
    before: &'static str,
    after: &'static str,
}

/// Everything that is loaded, in order.
///
/// # Errors
/// A path that leads to no rules.
pub(super) fn of(waf: &WafConfig) -> Result<Vec<Source>, RulesError> {
    let (mut setup, mut rules) = (Vec::new(), Vec::new());
    for source in &waf.rules {
        match source {
            RuleSource::Builtin => rules.extend(builtin::sources()),
            RuleSource::Path(path) if path.is_dir() => {
                let set = RuleFolder::read(path)?;
                setup.extend(set.setup.into_iter().map(Source::File));
                rules.extend(set.rules.into_iter().map(Source::File));
            }
            RuleSource::Path(path) if path.is_file() => rules.push(Source::File(path.clone())),
            RuleSource::Path(path) => return Err(wrong(path, "there is no such file or folder")),
        }
    }
    let first = Source::text("gabion/defaults.conf", DEFAULTS);
    let scores = Source::text("gabion/scores.conf", scores(waf));
    let exclusions = Source::text("gabion/exclusions.conf", exclusion::directives(&waf.exclusions));
    let engine = Source::text("gabion/engine.conf", engine(waf));
    Ok([first]
        .into_iter()
        .chain(setup)
        .chain([scores, exclusions])
        .chain(presets(waf, &rules)?)
        .chain(rules)
        .chain([engine])
        .collect())
}

/// What CRS is told of the shop. Gabion's own rules need none of it, and where there are only those, nothing is loaded.
fn presets(waf: &WafConfig, rules: &[Source]) -> Result<Vec<Source>, RulesError> {
    let files: Vec<_> = rules
        .iter()
        .filter_map(|source| match source {
            Source::File(path) => Some(path.file_name()?.to_string_lossy().to_lowercase()),
            Source::Text { .. } => None,
        })
        .collect();
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let mut sources = Vec::new();
    for (id, name) in PRESET_IDS.zip(&waf.presets) {
        if name == SHOP {
            sources.push(builtin::shop_preset_before_crs());
            continue;
        }
        // A file of CRS 3's rules, or of a plugin of CRS 4.
        if !files.iter().any(|file| file.contains(name.as_str()) && file.contains("exclusion")) {
            return Err(RulesError::Preset { name: name.clone() });
        }
        let text =
            format!("SecAction \"id:{id},phase:1,nolog,pass,t:none,setvar:tx.crs_exclusions_{name}=1\"\n");
        sources.push(Source::text(format!("gabion/preset-{name}.conf"), text));
    }
    Ok(sources)
}

fn wrong(path: &Path, what: impl Into<String>) -> RulesError {
    RulesError::Path { path: path.to_owned(), what: what.into() }
}

/// Strictness and thresholds, by the names that CRS 3 and 4 know them by.
fn scores(waf: &WafConfig) -> String {
    let WafConfig { paranoia_level, inbound_threshold, outbound_threshold, .. } = waf;
    let levels =
        ["blocking_paranoia_level", "detection_paranoia_level", "paranoia_level", "executing_paranoia_level"]
            .map(|name| format!("setvar:tx.{name}={paranoia_level}"))
            .join(",");
    format!(
        "SecAction \"id:9000010,phase:1,nolog,pass,t:none,{levels},\
         setvar:tx.inbound_anomaly_score_threshold={inbound_threshold},\
         setvar:tx.outbound_anomaly_score_threshold={outbound_threshold}\"\n"
    )
}

/// How the engine works. What happens to a body above its limit is the route's to say.
fn engine(waf: &WafConfig) -> String {
    let responses = if waf.responses { "On" } else { "Off" };
    let audit = if waf.audit { "" } else { "SecAuditEngine Off\n" };
    format!(
        "{audit}SecRuleEngine On\n\
         SecRequestBodyAccess On\n\
         SecRequestBodyLimit {}\n\
         SecRequestBodyLimitAction ProcessPartial\n\
         SecResponseBodyAccess {responses}\n\
         SecResponseBodyLimitAction ProcessPartial\n",
        waf.request_body_bytes_max
    )
}

/// The files of a rule set in a folder: its own, those of a `rules` folder in it, and those of its plugins.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RuleFolder {
    pub(super) setup: Vec<PathBuf>,
    pub(super) rules: Vec<PathBuf>,
}

impl RuleFolder {
    pub(super) fn read(folder: &Path) -> Result<Self, RulesError> {
        let split = Some(DEBIAN).filter(|split| folder == Path::new(split.rules));
        let beside = |path: &str| Some(PathBuf::from(path)).filter(|path| path.is_file());
        let own = SETUP.iter().map(|name| folder.join(name)).find(|path| path.is_file());
        let plugins = folder.join("plugins");
        let plugins = if plugins.is_dir() { named(&plugins, "")? } else { Vec::new() };
        let plugins = |ending: &str| -> Vec<PathBuf> {
            plugins.iter().filter(|path| path.to_string_lossy().ends_with(ending)).cloned().collect()
        };
        let inner = folder.join("rules");
        let mut rules = named(if inner.is_dir() { &inner } else { folder }, ".conf")?;
        rules.retain(|path| path.file_name().is_none_or(|name| name != SETUP[0]));
        if rules.is_empty() {
            return Err(wrong(folder, "the folder has no *.conf, and no folder rules with some"));
        }
        let setup = own.or_else(|| beside(split.as_ref()?.setup));
        let before = split.as_ref().and_then(|split| beside(split.before));
        let after = split.as_ref().and_then(|split| beside(split.after));
        Ok(Self {
            setup: setup.into_iter().chain(plugins("-config.conf")).collect(),
            rules: before
                .into_iter()
                .chain(plugins("-before.conf"))
                .chain(rules)
                .chain(plugins("-after.conf"))
                .chain(after)
                .collect(),
        })
    }
}

/// The files of a folder whose names end so, by name.
fn named(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, RulesError> {
    let entries = std::fs::read_dir(folder).map_err(|error| wrong(folder, error.to_string()))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| wrong(folder, error.to_string()))?.path();
        if path.is_file() && path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files of a folder with these in it, by their paths inside.
    #[track_caller]
    fn check(files: &[&str], setup: &[&str], rules: &[&str]) {
        let folder = tempfile::tempdir().expect("a folder");
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, "").expect("written");
        }
        let expected = |names: &[&str]| names.iter().map(|name| folder.path().join(name)).collect();
        let expected = RuleFolder { setup: expected(setup), rules: expected(rules) };
        assert_eq!(RuleFolder::read(folder.path()).expect("it has rules"), expected);
    }

    #[test]
    fn a_checkout_of_crs_is_read_with_its_plugins() {
        check(
            &[
                "crs-setup.conf.example",
                "rules/REQUEST-901-A.conf",
                "rules/REQUEST-900-B.conf.example",
                "rules/REQUEST-911-C.conf",
                "rules/words.data",
                "plugins/x-config.conf",
                "plugins/x-before.conf",
                "plugins/x-after.conf",
            ],
            &["crs-setup.conf.example", "plugins/x-config.conf"],
            &[
                "plugins/x-before.conf",
                "rules/REQUEST-901-A.conf",
                "rules/REQUEST-911-C.conf",
                "plugins/x-after.conf",
            ],
        );
        let both = ["crs-setup.conf", "crs-setup.conf.example", "rules/1.conf"];
        check(&both, &["crs-setup.conf"], &["rules/1.conf"]);
    }

    #[test]
    fn a_folder_of_files_is_read_by_name() {
        check(&["b.conf", "a.conf", "crs-setup.conf", "readme"], &["crs-setup.conf"], &["a.conf", "b.conf"]);
    }

    #[test]
    fn a_folder_without_rules_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(RuleFolder::read(folder.path()).is_err());
    }
}
