//! The regression cases of the OWASP Core Rule Set, run against the rules as they are published.
//!
//! The cases are data beside the repository (`GABION_SHARED`, or `../shared`), the rules come from Debian's package
//! `modsecurity-crs` and from a checkout that `GABION_CRS` names. What is not there is not run, and the test says so.

use std::path::{Path, PathBuf};

use gabion_waf::ftw::{Overrides, Summary, cases, run, sources};
use gabion_waf::{Disk, RuleSet};

/// Where Debian has CRS 3.
const DEBIAN_SETUP: &str = "/etc/modsecurity/crs/crs-setup.conf";
const DEBIAN_RULES: &str = "/usr/share/modsecurity-crs/rules";

/// The folder of shared data.
pub(crate) fn shared() -> PathBuf {
    std::env::var_os("GABION_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from)
}

/// Cases of CRS 4 that may go otherwise than expected, each with its reason in the overrides.
const MISSES_4_MAX: usize = 5;
/// The same for CRS 3: one in a hundred.
const MISSES_3_MAX: usize = 23;

/// Runs all cases of a generation, or says why not.
#[expect(clippy::print_stderr, reason = "a test that is not run says so")]
fn conform(generation: &str, rules: &[PathBuf], overrides: &str) -> Option<Summary> {
    let folder = shared().join("crs").join(generation);
    let missing = std::iter::once(&folder).chain(rules).find(|path| !path.parent().is_some_and(Path::exists));
    if let Some(missing) = missing.or_else(|| (!folder.exists()).then_some(&folder)) {
        eprintln!("skipped: the cases of CRS {generation} need {}", missing.display());
        return None;
    }
    let rules = RuleSet::load(&sources(rules), &Disk).expect("the rules load");
    let cases = cases(&folder).expect("the cases are read");
    let overrides = Overrides::read(Path::new("overrides.yaml"), overrides).expect("the overrides are read");
    let summary = run(&rules, &cases, &overrides, |_| ());
    for failure in &summary.failed {
        eprintln!("{}: {}; logged {:?}", failure.id, failure.why.join(", "), failure.logged);
    }
    for (id, reason) in &summary.overridden {
        eprintln!("{id}: overridden: {reason}");
    }
    eprintln!(
        "CRS {generation}: {} of {} passed, {} as overridden, {} failed",
        summary.passed,
        cases.len() - summary.skipped,
        summary.overridden.len(),
        summary.failed.len()
    );
    Some(summary)
}

#[test]
fn crs_3_of_debian_passes() {
    let rules = [DEBIAN_SETUP.into(), Path::new(DEBIAN_RULES).join("*.conf")];
    let Some(summary) = conform("v3", &rules, include_str!("overrides-v3.yaml")) else { return };
    assert!(summary.overridden.len() <= MISSES_3_MAX && summary.passed > 2_000);
    assert!(summary.failed.is_empty(), "{} cases failed", summary.failed.len());
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is not run says so")]
fn crs_4_passes() {
    let Some(crs) = std::env::var_os("GABION_CRS").map(PathBuf::from) else {
        eprintln!("skipped: GABION_CRS names no checkout of CRS 4");
        return;
    };
    let rules = [crs.join("crs-setup.conf.example"), crs.join("rules/*.conf")];
    let Some(summary) = conform("v4", &rules, include_str!("overrides-v4.yaml")) else { return };
    assert!(summary.overridden.len() <= MISSES_4_MAX && summary.passed > 5_000);
    assert!(summary.failed.is_empty(), "{} cases failed", summary.failed.len());
}
