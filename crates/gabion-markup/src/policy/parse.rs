//! Policies as headers carry them.

use serde::Serialize;

use super::source::Source;

/// Policies of one answer that are read; browsers have no limit, shops have one to three.
pub const POLICIES_MAX: usize = 16;
/// Directives of one policy that are read. CSP has about 30.
pub const DIRECTIVES_MAX: usize = 64;
/// Sources of one directive that are read.
pub const SOURCES_MAX: usize = 512;

/// All policies of one answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PolicySet {
    /// The policies in the order of the headers.
    pub policies: Vec<Policy>,
    /// More policies, directives or sources than are read.
    pub is_partial: bool,
}

/// One policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// Whether browsers only report what it forbids.
    pub is_report_only: bool,
    /// Its directives, each name once.
    pub directives: Vec<Directive>,
}

/// One directive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Directive {
    /// The name in lower case.
    pub name: String,
    /// What follows it. Words that are no sources (of `sandbox`, `report-to`) are [`Source::Unknown`] or hosts.
    pub sources: Vec<Source>,
}

impl PolicySet {
    /// Reads the values of the policy headers of one answer. A value with commas is several policies. Text that is not
    /// ASCII is ignored by browsers, and here. CSP level 3, section 2.2.
    pub fn parse<'a>(
        enforced: impl IntoIterator<Item = &'a str>,
        reported: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut set = Self::default();
        enforced.into_iter().for_each(|value| set.header(value, false));
        reported.into_iter().for_each(|value| set.header(value, true));
        set
    }

    /// The policies that browsers keep to.
    pub fn enforced(&self) -> impl Iterator<Item = &Policy> {
        self.policies.iter().filter(|policy| !policy.is_report_only)
    }

    /// The nonce that the shop gives its own scripts, if it does.
    pub fn script_nonce(&self) -> Option<&str> {
        let mut policies = self.enforced().chain(self.policies.iter().filter(|policy| policy.is_report_only));
        policies.find_map(|policy| {
            policy.effective("script-src-elem")?.sources.iter().find_map(|source| match source {
                Source::Nonce(nonce) => Some(nonce.as_str()),
                _ => None,
            })
        })
    }

    fn header(&mut self, value: &str, is_report_only: bool) {
        for text in value.split(',') {
            let (directives, is_partial) = directives(text);
            self.is_partial |= is_partial;
            if directives.is_empty() {
                continue;
            }
            if self.policies.len() < POLICIES_MAX {
                self.policies.push(Policy { is_report_only, directives });
            } else {
                self.is_partial = true;
            }
        }
    }
}

impl Policy {
    /// Reads one policy; commas in it are not looked for.
    pub fn parse(text: &str, is_report_only: bool) -> Self {
        Self { is_report_only, directives: directives(text).0 }
    }

    /// The directive of that name.
    pub fn directive(&self, name: &str) -> Option<&Directive> {
        self.directives.iter().find(|directive| directive.name == name)
    }

    /// The directive that governs what `name` governs: itself, or what stands in for it. CSP level 3, section 6.8.3.
    pub fn effective(&self, name: &str) -> Option<&Directive> {
        fallbacks(name).iter().find_map(|name| self.directive(name))
    }
}

/// Which directives govern what `name` governs, the first that is there.
fn fallbacks(name: &str) -> &'static [&'static str] {
    match name {
        "script-src-elem" => &["script-src-elem", "script-src", "default-src"],
        "script-src-attr" => &["script-src-attr", "script-src", "default-src"],
        "script-src" => &["script-src", "default-src"],
        "style-src-elem" => &["style-src-elem", "style-src", "default-src"],
        "style-src-attr" => &["style-src-attr", "style-src", "default-src"],
        "style-src" => &["style-src", "default-src"],
        "worker-src" => &["worker-src", "child-src", "script-src", "default-src"],
        "frame-src" => &["frame-src", "child-src", "default-src"],
        "connect-src" => &["connect-src", "default-src"],
        "img-src" => &["img-src", "default-src"],
        "font-src" => &["font-src", "default-src"],
        "media-src" => &["media-src", "default-src"],
        "object-src" => &["object-src", "default-src"],
        "manifest-src" => &["manifest-src", "default-src"],
        "form-action" => &["form-action"],
        "frame-ancestors" => &["frame-ancestors"],
        "base-uri" => &["base-uri"],
        _ => &[],
    }
}

fn directives(text: &str) -> (Vec<Directive>, bool) {
    let mut directives: Vec<Directive> = Vec::new();
    let mut is_partial = false;
    for part in text.split(';').filter(|part| part.is_ascii()) {
        let mut words = part.split_ascii_whitespace();
        let Some(name) = words.next().map(str::to_ascii_lowercase) else { continue };
        // Of several with one name the first counts.
        if directives.iter().any(|directive| directive.name == name) {
            continue;
        }
        if directives.len() >= DIRECTIVES_MAX {
            is_partial = true;
            break;
        }
        let sources = words.by_ref().take(SOURCES_MAX).map(Source::parse).collect();
        is_partial |= words.next().is_some();
        directives.push(Directive { name, sources });
    }
    (directives, is_partial)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_split_as_browsers_do() {
        let set = PolicySet::parse(
            ["default-src 'self'; script-src a.example; SCRIPT-SRC b.example;;, img-src *", ""],
            ["script-src 'nonce-abc'"],
        );
        assert_eq!(set.policies.len(), 3);
        assert_eq!(set.policies[0].directives.len(), 2);
        assert_eq!(set.policies[0].directive("script-src").map(|found| found.sources.len()), Some(1));
        assert_eq!(set.enforced().count(), 2);
        assert_eq!(set.script_nonce(), Some("abc"));
        assert!(!set.is_partial);
    }

    #[test]
    fn a_directive_is_stood_in_for() {
        let policy = Policy::parse("default-src 'self'; child-src https:", false);
        let name = |asked| policy.effective(asked).map(|directive| directive.name.as_str());
        assert_eq!(name("frame-src"), Some("child-src"));
        assert_eq!(name("script-src-elem"), Some("default-src"));
        assert_eq!(name("form-action"), None);
    }

    #[test]
    fn more_than_is_read_is_told() {
        assert!(PolicySet::parse(["a,"; POLICIES_MAX + 1], []).is_partial);
        let many: String = (0..=DIRECTIVES_MAX).map(|n| format!("d{n};")).collect();
        assert!(PolicySet::parse([many.as_str()], []).is_partial);
        let long = format!("img-src {}", "a ".repeat(SOURCES_MAX + 1));
        assert!(PolicySet::parse([long.as_str()], []).is_partial);
    }
}
