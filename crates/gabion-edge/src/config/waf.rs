//! `[waf]`: which rules requests and answers are held against, and what happens to those that match.

mod audit_log;
mod bought;
mod exclusion;
mod machine;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::Invalid;
pub use audit_log::AuditLogSection;
pub use bought::BoughtPages;
pub use exclusion::{Exclusion, ExclusionSection, Part};
pub(crate) use machine::product;
pub use machine::{Machine, MachineSection};

/// The word in `rules` for Gabion's own rules.
const BUILTIN: &str = "builtin";
/// The preset for shops of any kind.
pub const SHOP: &str = "shop";
/// Paranoia levels of the OWASP Core Rule Set.
const PARANOIA_LEVELS: std::ops::RangeInclusive<u8> = 1..=4;
/// A score of zero is what every request has; a match is worth five at most, and above a thousand nothing is stopped.
const THRESHOLDS: std::ops::RangeInclusive<u32> = 1..=1_000;
/// The most of one request body that may be held and inspected. A body of this size is in memory as a whole while it is.
const REQUEST_BODY_BYTES_MAX: u64 = 256 << 20;

/// `[waf]`: rules against attacks inside requests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WafSection {
    /// What happens to what the rules would stop.
    pub mode: WafMode,
    /// `builtin`, SecLang files, and folders of rule sets; in this order.
    pub rules: Spanned<Vec<Spanned<String>>>,
    /// What a rule set is told of the shop behind it, so that it lets its customers and owners work.
    pub presets: Spanned<Vec<Spanned<String>>>,
    /// How strict the rules are: 1 lets customers pass, 4 stops whatever is odd.
    pub paranoia_level: Spanned<u8>,
    /// Score from which a request is stopped.
    pub inbound_threshold: Spanned<u32>,
    /// Score from which an answer is stopped.
    pub outbound_threshold: Spanned<u32>,
    /// Bytes of one request body that are held and inspected before the shop gets any.
    pub request_body_bytes_max: Spanned<u64>,
    /// What happens to a request that could not be inspected as a whole.
    pub over_limit: OverLimit,
    /// Whether answers are inspected; they are then asked for uncompressed, and held until that is done.
    pub responses: bool,
    /// Where it is written what rules found.
    pub audit_log: AuditLogSection,
    /// Pages that thank for a purchase: what their visitors sent before was hardly an attack.
    pub bought: Spanned<Vec<String>>,
    /// What rules do not look at.
    pub exclusion: Vec<ExclusionSection>,
    /// Programs that are inspected and never stopped.
    pub machine: Vec<MachineSection>,
}

impl Default for WafSection {
    fn default() -> Self {
        Self {
            mode: WafMode::default(),
            rules: Spanned::new(0..0, vec![Spanned::new(0..0, BUILTIN.to_owned())]),
            presets: Spanned::new(0..0, vec![Spanned::new(0..0, SHOP.to_owned())]),
            paranoia_level: Spanned::new(0..0, 1),
            inbound_threshold: Spanned::new(0..0, 5),
            outbound_threshold: Spanned::new(0..0, 4),
            request_body_bytes_max: Spanned::new(0..0, 12 << 20),
            over_limit: OverLimit::default(),
            responses: false,
            audit_log: AuditLogSection::default(),
            bought: Spanned::new(0..0, bought::usual()),
            exclusion: Vec::new(),
            machine: Vec::new(),
        }
    }
}

/// What happens to requests and answers that the rules would stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WafMode {
    /// Nothing is inspected.
    Off,
    /// They pass, and an event says that they would have been stopped.
    Detect,
    /// What is near-certain is stopped, all else passes with an event.
    #[default]
    Learn,
    /// They are stopped.
    Block,
}

impl WafMode {
    /// Every mode, from the mildest on.
    pub const ALL: [Self; 4] = [Self::Off, Self::Detect, Self::Learn, Self::Block];

    /// The name in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Detect => "detect",
            Self::Learn => "learn",
            Self::Block => "block",
        }
    }
}

/// What happens to a request that could not be inspected as a whole: its body is longer than is held, or has more parts
/// than are read. Only where the mode is `block`; otherwise it passes. There is an event in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OverLimit {
    /// 413.
    #[default]
    Refuse,
    /// What was read is inspected, and all of it goes to the shop.
    Partial,
}

/// Where rules come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleSource {
    /// Gabion's own.
    Builtin,
    /// A SecLang file, or the folder of a rule set.
    Path(PathBuf),
}

/// What rules are loaded with. Rules that were loaded with an equal one, from files that did not change, are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WafConfig {
    /// Where rules come from, at least one.
    pub rules: Vec<RuleSource>,
    /// Names of presets.
    pub presets: Vec<String>,
    /// 1 to 4.
    pub paranoia_level: u8,
    /// Score from which a request is stopped.
    pub inbound_threshold: u32,
    /// Score from which an answer is stopped.
    pub outbound_threshold: u32,
    /// Bytes of one request body that are held and inspected.
    pub request_body_bytes_max: usize,
    /// Whether answers are inspected.
    pub responses: bool,
    /// Whether there is an audit log.
    pub audit: bool,
    /// What rules do not look at.
    pub exclusions: Vec<Exclusion>,
}

/// What the WAF does on a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteWaf {
    /// What happens to what the rules would stop.
    pub mode: WafMode,
    /// What happens to what could not be inspected as a whole.
    pub over_limit: OverLimit,
}

impl WafSection {
    /// Checks the section.
    ///
    /// # Errors
    /// The first thing that cannot work, with its place in the file.
    pub fn check(&self) -> Result<WafConfig, Invalid> {
        if self.rules.get_ref().is_empty() {
            return Err(Invalid::at(&self.rules, "rules names none: write \"builtin\", or mode = \"off\""));
        }
        if !PARANOIA_LEVELS.contains(self.paranoia_level.get_ref()) {
            return Err(Invalid::at(&self.paranoia_level, "paranoia_level is 1 to 4"));
        }
        for (name, threshold) in
            [("inbound", &self.inbound_threshold), ("outbound", &self.outbound_threshold)]
        {
            if !THRESHOLDS.contains(threshold.get_ref()) {
                return Err(Invalid::at(threshold, format!("{name}_threshold is 1 to 1000")));
            }
        }
        let bytes_max = *self.request_body_bytes_max.get_ref();
        if bytes_max > REQUEST_BODY_BYTES_MAX {
            let message = format!("request_body_bytes_max is at most {REQUEST_BODY_BYTES_MAX}");
            return Err(Invalid::at(&self.request_body_bytes_max, message));
        }
        Ok(WafConfig {
            rules: self.rules.get_ref().iter().map(source).collect::<Result<_, _>>()?,
            presets: self.presets.get_ref().iter().map(preset).collect::<Result<_, _>>()?,
            paranoia_level: *self.paranoia_level.get_ref(),
            inbound_threshold: *self.inbound_threshold.get_ref(),
            outbound_threshold: *self.outbound_threshold.get_ref(),
            request_body_bytes_max: usize::try_from(bytes_max).expect("256 MiB are a usize"),
            responses: self.responses,
            audit: self.audit_log.path.is_some(),
            exclusions: exclusion::check_exclusions(&self.exclusion)?,
        })
    }

    /// The pages that thank for a purchase.
    ///
    /// # Errors
    /// The first that is none.
    pub fn bought(&self) -> Result<BoughtPages, Invalid> {
        bought::check_bought(&self.bought)
    }

    /// The programs that are never stopped.
    ///
    /// # Errors
    /// The first that cannot be told from strangers, with its place in the file.
    pub fn machines(&self) -> Result<Vec<Machine>, Invalid> {
        machine::check_machines(&self.machine)
    }

    /// What holds on routes that say nothing else.
    pub(super) fn everywhere(&self) -> RouteWaf {
        RouteWaf { mode: self.mode, over_limit: self.over_limit }
    }
}

/// The name of a preset becomes part of a variable of the rules.
fn preset(name: &Spanned<String>) -> Result<String, Invalid> {
    let text = name.get_ref();
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) {
        return Ok(text.clone());
    }
    Err(Invalid::at(
        name,
        "a preset is shop, or the name of an exclusion package of the rule set, such as wordpress",
    ))
}

fn source(text: &Spanned<String>) -> Result<RuleSource, Invalid> {
    match text.get_ref().as_str() {
        "" => {
            Err(Invalid::at(text, "write \"builtin\", or the path of a SecLang file or a rule set's folder"))
        }
        BUILTIN => Ok(RuleSource::Builtin),
        path => Ok(RuleSource::Path(path.into())),
    }
}
