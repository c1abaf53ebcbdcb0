//! Rules of a shop's own: a part of the YARA language, enough to name what is in a file and where.
//!
//! ```text
//! rule hidden_shell {
//!     meta:
//!         description = "code behind a picture"
//!     strings:
//!         $head = { FF D8 FF ?? [2-4] 4A }
//!         $call = "passthru" nocase fullword
//!         $name = /\$_(GET|POST)\s*\[/
//!     condition:
//!         $head at 0 and #name > 1 and (any of ($call, $name) or filesize < 4KB)
//! }
//! ```
//!
//! Strings: text with `nocase`, `wide`, `ascii`, `fullword`; hexadecimal with `??`, `4?`, `[4]`, `[2-6]` and `(A|B)`;
//! regular expressions with `i` and `s`. Conditions: `and`, `or`, `not`, `true`, `false`, `$a`, `$a at 0`,
//! `$a in (0..100)`, `#a > 2`, `filesize < 1MB`, `any`, `all`, `none` or a number `of them` or `of ($a, $b*)`. There is
//! no `for`, no `import`, no arithmetic. All literals are sought in one pass; a pattern is run only where one of its
//! own literals was seen.

mod condition;
mod lex;
mod parse;
mod pattern;
mod scan;

use std::fmt;

use condition::Condition;
use pattern::Pattern;
use scan::Scan;

/// Bytes of one rule file.
const FILE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Rules of one set, and strings of all of them. More would make every upload slow.
const RULES_MAX: usize = 2_000;
const STRINGS_MAX: usize = 10_000;

/// The rules that come with this crate. Written here; each file says what it looks for.
const BUILTIN: &[(&str, &str)] = &[
    ("builtin/test-file.yar", include_str!("../rules/test-file.yar")),
    ("builtin/shells.yar", include_str!("../rules/shells.yar")),
    ("builtin/polyshell.yar", include_str!("../rules/polyshell.yar")),
    ("builtin/office.yar", include_str!("../rules/office.yar")),
    ("builtin/pages.yar", include_str!("../rules/pages.yar")),
];

/// Rules, ready to run.
#[derive(Debug)]
pub struct Rules {
    rules: Vec<Rule>,
    scan: Scan,
}

/// One rule.
#[derive(Debug)]
struct Rule {
    name: String,
    description: String,
    condition: Condition,
}

/// Why a rule file cannot be used, and where. None of its rules is in force then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {fault}")]
pub struct RuleError {
    /// The file, as it was named when it was loaded.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// What is wrong there.
    pub fault: RuleFault,
}

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleFault {
    /// Something else should stand there.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What should.
        expected: String,
        /// What does.
        found: String,
    },
    /// A part of YARA that is not spoken here.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// A name that nothing has.
    #[error("there is no string {0}")]
    UnknownString(String),
    /// A name given twice.
    #[error("{0} is already there")]
    Duplicate(String),
    /// A string that no condition looks at.
    #[error("{0} is never used")]
    Unused(String),
    /// A pattern that cannot be searched for.
    #[error("bad pattern: {0}")]
    Pattern(String),
    /// More than is allowed.
    #[error("more than {limit} {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
}

/// A rule as a list shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleView<'r> {
    /// Its name.
    pub name: &'r str,
    /// Its `description`; empty where it has none.
    pub description: &'r str,
}

impl Rules {
    /// No rules.
    #[must_use]
    pub fn none() -> Self {
        Self { rules: Vec::new(), scan: Scan::new(Vec::new()).expect("nothing can be sought") }
    }

    /// The rules that come with this crate.
    #[must_use]
    pub fn builtin() -> Self {
        Self::load(&[]).expect("tests load the rules that come with this crate")
    }

    /// The rules that come with this crate and those of files, each with its name and text.
    ///
    /// # Errors
    /// The first thing in them that cannot be understood or used.
    pub fn load(files: &[(&str, &str)]) -> Result<Self, RuleError> {
        Self::load_only(&[BUILTIN, files].concat())
    }

    /// The rules of files and no others.
    ///
    /// # Errors
    /// As [`Rules::load`].
    pub fn load_only(files: &[(&str, &str)]) -> Result<Self, RuleError> {
        let mut rules: Vec<Rule> = Vec::new();
        let mut patterns: Vec<Pattern> = Vec::new();
        for (file, text) in files {
            let wrong = |line: u32, fault: RuleFault| RuleError { file: (*file).to_owned(), line, fault };
            if text.len() > FILE_BYTES_MAX {
                return Err(wrong(1, RuleFault::Limit { what: "bytes", limit: FILE_BYTES_MAX }));
            }
            let mut parser = parse::Parser::new(text, patterns.len());
            while let Some(rule) = parser.rule().map_err(|(line, fault)| wrong(line, fault))? {
                let line = rule.line;
                if rules.iter().any(|other| other.name == rule.name) {
                    return Err(wrong(line, RuleFault::Duplicate(format!("rule {}", rule.name))));
                }
                patterns.extend(rule.patterns);
                if rules.len() == RULES_MAX {
                    return Err(wrong(line, RuleFault::Limit { what: "rules", limit: RULES_MAX }));
                }
                if patterns.len() > STRINGS_MAX {
                    return Err(wrong(line, RuleFault::Limit { what: "strings", limit: STRINGS_MAX }));
                }
                rules.push(Rule {
                    name: rule.name,
                    description: rule.description,
                    condition: rule.condition,
                });
            }
        }
        let last = files.last().map_or("", |(file, _)| file);
        let scan =
            Scan::new(patterns).map_err(|fault| RuleError { file: last.to_owned(), line: 1, fault })?;
        Ok(Self { rules, scan })
    }

    /// All rules, in the order of the files.
    pub fn list(&self) -> impl Iterator<Item = RuleView<'_>> {
        self.rules.iter().map(|rule| RuleView { name: &rule.name, description: &rule.description })
    }

    /// The names of the rules that hold for these bytes.
    pub fn matching<'r>(&'r self, bytes: &'r [u8]) -> impl Iterator<Item = &'r str> {
        let seen = self.scan.run(bytes);
        self.rules.iter().filter(move |rule| rule.condition.holds(&seen)).map(|rule| rule.name.as_str())
    }
}

impl fmt::Display for RuleView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.description.is_empty() {
            f.write_str(self.name)
        } else {
            write!(f, "{}: {}", self.name, self.description)
        }
    }
}

#[cfg(test)]
mod tests;
