//! `[pages]`: whether the shop's pages are looked at and held to what people decided.

use serde::Deserialize;
use toml::Spanned;

use super::Invalid;

/// `[pages]`: what the shop's pages hand to customers' browsers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PagesSection {
    /// Whether pages are looked at and held to what people decided.
    pub mode: PagesMode,
    /// Percent of visits whose browsers are asked to report on pages of the class `other`; on all others every browser is.
    pub sample_percent: Spanned<u8>,
    /// Whether card numbers and keys in pages, JSON and other text are masked on their way to customers.
    pub mask_secrets: bool,
}

/// Whether pages are looked at and held to what people decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PagesMode {
    /// They pass as they are, and nobody looks.
    Off,
    /// They are looked at, and what was decided about them holds.
    #[default]
    On,
}

impl Default for PagesSection {
    fn default() -> Self {
        Self { mode: PagesMode::default(), sample_percent: Spanned::new(0..0, 10), mask_secrets: false }
    }
}

impl PagesSection {
    /// The percentage.
    pub(super) fn check(&self) -> Result<u8, Invalid> {
        let percent = *self.sample_percent.get_ref();
        if percent <= 100 {
            return Ok(percent);
        }
        Err(Invalid::at(&self.sample_percent, "a percentage is 0 to 100"))
    }
}
