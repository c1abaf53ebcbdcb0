//! Gabion's own rules, for shops without a rule set.

use crate::source::Source;

/// The rules, in the order of loading.
pub fn sources() -> Vec<Source> {
    vec![Source::text("builtin.conf", include_str!("builtin/rules.conf"))]
}
