//! `[upload]`: which files customers and staff may upload, and what happens to the others.

mod clamav;
pub(crate) mod folders;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gabion_upload::{Kind, Policy};
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::{Invalid, OverLimit};
pub use clamav::{ClamAvAddress, ClamAvConfig};
pub use folders::UploadFolders;

/// The preset that holds where the file says nothing: everything that is harmless once looked at.
const ANY_HARMLESS: &str = "any-harmless";
/// The most of one request body that may be held and looked at. A body of this size is in memory as a whole while it is.
const BODY_BYTES_MAX: u64 = 256 << 20;
/// Rule files of one configuration.
const RULE_FILES_MAX: usize = 50;
/// Days for which stopped files may be kept: who needs one for longer takes it out.
const QUARANTINE_DAYS_MAX: u32 = 365;

/// `[upload]`: files inside requests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UploadSection {
    /// What happens to files that are refused.
    pub mode: UploadMode,
    /// What may pass: presets (`pictures`, `documents`, `any-harmless`) and single kinds such as `svg`.
    pub allow: Spanned<Vec<Spanned<String>>>,
    /// Whether documents and archives that only a password opens may pass, which nobody can look into.
    pub allow_encrypted: bool,
    /// Whether PDF documents may carry attached files, as electronic invoices do.
    pub allow_pdf_attachments: bool,
    /// Bytes of one file; a larger one is refused.
    pub file_bytes_max: u64,
    /// Bytes of one request body that are held and looked at before the shop gets any.
    pub body_bytes_max: Spanned<u64>,
    /// What happens to a request whose files could not be looked at as a whole.
    pub over_limit: OverLimit,
    /// Whether JPEG and PNG pictures are decoded and written anew before the shop gets them.
    pub rewrite_pictures: bool,
    /// Rule files of your own, beside those that come along.
    pub rules: Spanned<Vec<PathBuf>>,
    /// Where ClamAV listens: the path of its socket, or `host:port`. It is not asked without.
    pub clamav: Option<Spanned<String>>,
    /// Seconds that ClamAV may take for one file.
    pub clamav_timeout_seconds: u64,
    /// Files that ClamAV looks at, at a time.
    pub clamav_connections_max: usize,
    /// What happens to files while ClamAV does not answer.
    pub when_down: WhenDown,
    /// Folders of the shop in which nothing is ever run.
    pub folders: Spanned<Vec<String>>,
    /// Bytes of stopped files that are kept; the oldest goes. 0 keeps none.
    pub quarantine_bytes_max: u64,
    /// Days for which a stopped file is kept.
    pub quarantine_days: Spanned<u32>,
}

impl Default for UploadSection {
    fn default() -> Self {
        Self {
            mode: UploadMode::default(),
            allow: Spanned::new(0..0, vec![Spanned::new(0..0, ANY_HARMLESS.to_owned())]),
            allow_encrypted: false,
            allow_pdf_attachments: false,
            file_bytes_max: 50 << 20,
            body_bytes_max: Spanned::new(0..0, 64 << 20),
            over_limit: OverLimit::default(),
            rewrite_pictures: false,
            rules: Spanned::new(0..0, Vec::new()),
            clamav: None,
            clamav_timeout_seconds: 15,
            clamav_connections_max: 4,
            when_down: WhenDown::default(),
            folders: Spanned::new(0..0, folders::usual()),
            quarantine_bytes_max: 256 << 20,
            quarantine_days: Spanned::new(0..0, 30),
        }
    }
}

/// What happens to uploaded files that are refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UploadMode {
    /// Nothing is looked at.
    Off,
    /// They pass, and an event says that they would have been stopped.
    Detect,
    /// What neither a customer nor an owner sends on purpose is stopped, all else passes with an event.
    #[default]
    Certain,
    /// They are stopped.
    Block,
}

impl UploadMode {
    /// Every mode, from the mildest on.
    pub const ALL: [Self; 4] = [Self::Off, Self::Detect, Self::Certain, Self::Block];

    /// The name in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Detect => "detect",
            Self::Certain => "certain",
            Self::Block => "block",
        }
    }

    /// Whether anything is stopped.
    pub(crate) const fn stops(self) -> bool {
        matches!(self, Self::Certain | Self::Block)
    }
}

/// What happens to files that ClamAV could not look at. On `detect` they pass in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenDown {
    /// 503.
    #[default]
    Refuse,
    /// They pass on the word of Gabion's own inspection, with an event.
    Pass,
}

/// What holds for all routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadConfig {
    /// Rule files, in order.
    pub rules: Vec<PathBuf>,
    /// Who else is asked.
    pub clamav: Option<ClamAvConfig>,
    /// Bytes of one request body that are held and looked at.
    pub body_bytes_max: usize,
    /// Whether pictures are written anew.
    pub rewrites_pictures: bool,
    /// How stopped files are kept.
    pub quarantine: QuarantineLimits,
}

/// How stopped files are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuarantineLimits {
    /// Bytes of all of them; 0 keeps none.
    pub bytes_max: u64,
    /// How long each is kept.
    pub age_max: Duration,
}

/// What is looked for on a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteUpload {
    /// What happens to files that are refused.
    pub mode: UploadMode,
    /// What may pass.
    pub policy: Arc<Policy>,
    /// What happens to what could not be looked at as a whole.
    pub over_limit: OverLimit,
    /// What happens while ClamAV does not answer.
    pub when_down: WhenDown,
    /// Where nothing is run.
    pub folders: Arc<UploadFolders>,
}

/// What a route says about uploads; what it leaves out holds as everywhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfRoute<'r> {
    pub(super) mode: Option<UploadMode>,
    pub(super) allow: Option<&'r Spanned<Vec<Spanned<String>>>>,
    pub(super) file_bytes_max: Option<u64>,
    pub(super) over_limit: Option<OverLimit>,
    pub(super) when_down: Option<WhenDown>,
    pub(super) folders: Option<&'r Spanned<Vec<String>>>,
}

impl UploadSection {
    /// Checks the section.
    ///
    /// # Errors
    /// The first thing that cannot work, with its place in the file.
    pub fn check(&self) -> Result<UploadConfig, Invalid> {
        let bytes_max = *self.body_bytes_max.get_ref();
        if bytes_max > BODY_BYTES_MAX {
            let message = format!("body_bytes_max is at most {BODY_BYTES_MAX}");
            return Err(Invalid::at(&self.body_bytes_max, message));
        }
        if self.rules.get_ref().len() > RULE_FILES_MAX {
            return Err(Invalid::at(&self.rules, format!("more than {RULE_FILES_MAX} rule files")));
        }
        let days = *self.quarantine_days.get_ref();
        if !(1..=QUARANTINE_DAYS_MAX).contains(&days) {
            let message =
                format!("quarantine_days is 1 to {QUARANTINE_DAYS_MAX}; quarantine_bytes_max = 0 keeps none");
            return Err(Invalid::at(&self.quarantine_days, message));
        }
        Ok(UploadConfig {
            rules: self.rules.get_ref().clone(),
            clamav: self.clamav.as_ref().map(|address| self.clamav(address)).transpose()?,
            body_bytes_max: usize::try_from(bytes_max).expect("256 MiB are a usize"),
            rewrites_pictures: self.rewrite_pictures,
            quarantine: QuarantineLimits {
                bytes_max: self.quarantine_bytes_max,
                age_max: Duration::from_secs(u64::from(days) * 24 * 60 * 60),
            },
        })
    }

    fn clamav(&self, address: &Spanned<String>) -> Result<ClamAvConfig, Invalid> {
        Ok(ClamAvConfig {
            address: ClamAvAddress::parse(address.get_ref()).ok_or_else(|| {
                Invalid::at(
                    address,
                    "clamav is the path of a socket such as /run/clamav/clamd.ctl, or host:port",
                )
            })?,
            timeout: Duration::from_secs(self.clamav_timeout_seconds.max(1)),
            connections_max: self.clamav_connections_max.max(1),
        })
    }

    /// What holds on a route.
    ///
    /// # Errors
    /// As [`UploadSection::check`].
    pub(super) fn on(&self, route: OfRoute<'_>) -> Result<RouteUpload, Invalid> {
        let bytes_max = route.file_bytes_max.unwrap_or(self.file_bytes_max);
        let policy = Policy {
            kinds: check_kinds(route.allow.unwrap_or(&self.allow))?,
            bytes_max: usize::try_from(bytes_max).unwrap_or(usize::MAX),
            encrypted_allowed: self.allow_encrypted,
            pdf_attachments_allowed: self.allow_pdf_attachments,
            ..Policy::any_harmless()
        };
        Ok(RouteUpload {
            mode: route.mode.unwrap_or(self.mode),
            policy: Arc::new(policy),
            over_limit: route.over_limit.unwrap_or(self.over_limit),
            when_down: route.when_down.unwrap_or(self.when_down),
            folders: Arc::new(folders::check_folders(route.folders.unwrap_or(&self.folders))?),
        })
    }
}

/// All kinds of presets and names.
fn check_kinds(allow: &Spanned<Vec<Spanned<String>>>) -> Result<BTreeSet<Kind>, Invalid> {
    let mut kinds = BTreeSet::new();
    for name in allow.get_ref() {
        let text = name.get_ref().as_str();
        match (Policy::preset(text), Kind::from_code(text)) {
            (Some(preset), _) => kinds.extend(preset.kinds),
            (None, Some(kind)) if !kind.extensions().is_empty() => drop(kinds.insert(kind)),
            _ => {
                let message = format!(
                    "{text:?} may not be allowed: name pictures, documents, any-harmless, or a kind such as jpeg, svg or zip"
                );
                return Err(Invalid::at(name, message));
            }
        }
    }
    if kinds.is_empty() {
        return Err(Invalid::at(allow, "allow names nothing: write mode = \"off\", or what may pass"));
    }
    Ok(kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(text: &str) -> UploadSection {
        toml::from_str(text).expect("a section")
    }

    fn route(section: &UploadSection) -> Result<RouteUpload, Invalid> {
        let nothing = OfRoute {
            mode: None,
            allow: None,
            file_bytes_max: None,
            over_limit: None,
            when_down: None,
            folders: None,
        };
        section.on(nothing)
    }

    #[test]
    fn an_empty_section_stops_what_is_certain_and_asks_nobody_else() {
        let section = section("");
        assert_eq!(section.check().expect("good").clamav, None);
        let route = route(&section).expect("good");
        assert_eq!((route.mode, route.when_down), (UploadMode::Certain, WhenDown::Refuse));
        assert_eq!(route.policy.kinds, Policy::any_harmless().kinds);
    }

    #[test]
    fn presets_and_kinds_add_up() {
        let route = route(&section("allow = [\"pictures\", \"svg\", \"pdf\"]")).expect("good");
        let mut expected = Policy::pictures().kinds;
        expected.extend([Kind::Svg, Kind::Pdf]);
        assert_eq!(route.policy.kinds, expected);
    }

    #[test]
    fn what_cannot_be_allowed_or_kept_is_refused() {
        for bad in ["allow = []", "allow = [\"exe\"]", "allow = [\"php\"]", "allow = [\"unknown\"]"] {
            assert!(route(&section(bad)).is_err(), "{bad}");
        }
        for bad in [
            "quarantine_days = 0",
            "quarantine_days = 366",
            "body_bytes_max = 268435457",
            "clamav = \"here\"",
        ] {
            assert!(section(bad).check().is_err(), "{bad}");
        }
        assert!(toml::from_str::<UploadSection>("modes = \"off\"").is_err());
    }
}
