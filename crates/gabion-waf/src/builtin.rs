//! Gabion's own rules, for shops without the OWASP Core Rule Set, and what shops need beside that set.
//!
//! The rules are SecLang like any others and are compiled in; what each file is for stands at its head.

use crate::source::Source;

macro_rules! embedded {
    ($($name:literal)*) => {
        &[$((concat!("builtin/", $name), include_str!(concat!("../rules/", $name)))),*]
    };
}

/// The rules, in the order of loading: set-up, one file for each kind of attack, the decision.
const RULES: &[(&str, &str)] = embedded! {
    "00-setup.conf" "02-shop.conf" "10-protocol.conf" "12-scanner.conf" "20-path.conf" "22-upload.conf" "30-sql.conf" "32-xss.conf"
    "34-command.conf" "36-code.conf" "38-query.conf" "40-ssrf.conf" "42-object.conf" "44-session.conf"
    "80-response.conf" "90-decide.conf"
};

const SHOP_PRESET: &str = include_str!("../rules/shop-exclusions.conf");

/// Gabion's own rules, for [`RuleSet::load`](crate::RuleSet::load). They block what reaches
/// `tx.inbound_anomaly_score_threshold` (5 unless set before them), and answers that reach
/// `tx.outbound_anomaly_score_threshold` (4). Ids 10000 to 19999 are theirs.
pub fn sources() -> Vec<Source> {
    RULES.iter().map(|(name, text)| Source::text(*name, *text)).collect()
}

/// What CRS must be told so that it lets shops work: for 3.3.4 and 4, after their set-up and before their rules.
pub fn shop_preset_before_crs() -> Source {
    Source::text("builtin/shop-exclusions.conf", SHOP_PRESET)
}
