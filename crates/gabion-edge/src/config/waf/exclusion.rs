//! `[[waf.exclusion]]`: one part of requests to one path that some rules do not look at, because they were wrong there.

use serde::Deserialize;
use toml::Spanned;

use super::super::Invalid;

/// Exclusions of one configuration. Who needs more needs other rules.
const EXCLUSIONS_MAX: usize = 1_000;
/// Rules of one exclusion. More than a few are the wrong tool.
const RULES_MAX: usize = 50;
/// Bytes of a path or a name.
const TEXT_BYTES_MAX: usize = 512;
/// What a whole segment of a path is written as.
const ANY_SEGMENT: &str = "*";

/// `[[waf.exclusion]]`. Exactly one of `parameter`, `cookie` and `header` says what is not looked at.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExclusionSection {
    /// The path, whole and decoded, such as `/search`; `*` stands for one segment.
    pub path: Spanned<String>,
    /// Ids of the rules that were wrong.
    pub rules: Spanned<Vec<u64>>,
    /// A parameter of the address, of a form, or of JSON (`json.items.0.name`).
    pub parameter: Option<Spanned<String>>,
    /// A cookie.
    pub cookie: Option<Spanned<String>>,
    /// A header.
    pub header: Option<Spanned<String>>,
    /// Why, for whoever reads this later.
    #[serde(default)]
    pub reason: String,
}

/// A part of requests that rules do not look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// Path of the requests, `*` for one segment.
    pub path: String,
    /// The rules, at least one.
    pub rules: Vec<u64>,
    /// What they do not look at.
    pub part: Part,
}

/// One named part of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A parameter, name and value.
    Parameter(String),
    /// A cookie, name and value.
    Cookie(String),
    /// The value of a header.
    Header(String),
}

impl Exclusion {
    /// Whether the path has a segment that may be anything.
    pub fn has_wildcard(&self) -> bool {
        self.path.split('/').any(|segment| segment == ANY_SEGMENT)
    }
}

pub(super) fn check_exclusions(sections: &[ExclusionSection]) -> Result<Vec<Exclusion>, Invalid> {
    if let Some(section) = sections.get(EXCLUSIONS_MAX) {
        return Err(Invalid::at(&section.path, format!("more than {EXCLUSIONS_MAX} exclusions")));
    }
    sections.iter().map(ExclusionSection::check).collect()
}

impl ExclusionSection {
    fn check(&self) -> Result<Exclusion, Invalid> {
        let rules = self.rules.get_ref();
        if rules.is_empty() || rules.len() > RULES_MAX {
            return Err(Invalid::at(&self.rules, format!("rules lists 1 to {RULES_MAX} ids of rules")));
        }
        let path = self.path.get_ref();
        if !path.starts_with('/') || !is_plain(path) {
            let message =
                "path is a whole path such as \"/search\", without quotes, backslashes and percent signs";
            return Err(Invalid::at(&self.path, message));
        }
        if path.split('/').any(|segment| segment.contains('*') && segment != ANY_SEGMENT) {
            return Err(Invalid::at(&self.path, "* stands for a whole segment, as in \"/product/*/review\""));
        }
        Ok(Exclusion { path: path.clone(), rules: rules.clone(), part: self.part()? })
    }

    fn part(&self) -> Result<Part, Invalid> {
        let named = |name: &Spanned<String>, part: fn(String) -> Part| {
            let text = name.get_ref();
            let good = !text.is_empty() && !text.starts_with('/') && is_plain(text);
            if good && !text.contains([',', ';', '|', ' ']) {
                return Ok(part(text.clone()));
            }
            Err(Invalid::at(name, "write the whole name, without quotes, spaces and , ; | \\ %"))
        };
        match (&self.parameter, &self.cookie, &self.header) {
            (Some(name), None, None) => named(name, Part::Parameter),
            (None, Some(name), None) => named(name, Part::Cookie),
            (None, None, Some(name)) => named(name, Part::Header),
            _ => Err(Invalid::at(&self.path, "an exclusion names one parameter, one cookie or one header")),
        }
    }
}

/// Whether a text means the same in rules as here.
fn is_plain(text: &str) -> bool {
    text.len() <= TEXT_BYTES_MAX
        && !text.chars().any(|c| c.is_control() || matches!(c, '"' | '\'' | '\\' | '%'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct File {
        exclusion: Vec<ExclusionSection>,
    }

    fn read(text: &str) -> Result<Vec<Exclusion>, String> {
        let file: File =
            toml::from_str(&format!("[[exclusion]]\n{text}")).map_err(|error| error.to_string())?;
        check_exclusions(&file.exclusion).map_err(|invalid| invalid.message)
    }

    #[test]
    fn an_exclusion_names_a_path_rules_and_one_part() {
        let part = |text: &str| {
            let read = read(&format!("path = \"/search\"\nrules = [942100]\n{text}"));
            read.map(|exclusions| exclusions[0].part.clone())
        };
        assert_eq!(part("parameter = \"user[name]\""), Ok(Part::Parameter("user[name]".into())));
        assert_eq!(part("cookie = \"_ga\"\nreason = \"x\""), Ok(Part::Cookie("_ga".into())));
        assert_eq!(part("header = \"User-Agent\""), Ok(Part::Header("User-Agent".into())));
        for bad in ["", "parameter = \"a\"\ncookie = \"b\"", "parameter = \"\"", "parameter = \"/a/\""] {
            assert!(part(bad).is_err(), "{bad}");
        }
        for bad in ["a,ctl:ruleEngine=Off", "a' b", "a|b", "a;b", "a\\\\"] {
            assert!(part(&format!("parameter = \"{bad}\"")).is_err(), "{bad}");
        }
    }

    #[test]
    fn paths_are_whole_and_stars_are_segments() {
        let path = |path: &str| {
            let read = read(&format!("path = {path:?}\nrules = [1]\nparameter = \"a\""));
            read.map(|exclusions| exclusions[0].has_wildcard())
        };
        assert_eq!(path("/search"), Ok(false));
        assert_eq!(path("/product/*/review"), Ok(true));
        for bad in ["", "search", "/a*", "/a\"b", "/a%20b", "/a\nb"] {
            assert!(path(bad).is_err(), "{bad}");
        }
        assert!(read("path = \"/a\"\nrules = []\nparameter = \"a\"").is_err());
    }
}
