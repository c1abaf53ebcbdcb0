//! The fuzzer's seeds, run as tests. Here and not in `gabion_test`, which would have this crate's tests build a server.

use std::path::Path;

use gabion_markup::fuzz;

/// Gives every seed of a fuzz target to `run`, which panics where the target would.
fn each(target: &str, run: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let mut count = 0;
    for seed in std::fs::read_dir(folder).expect("the seeds are there") {
        run(&std::fs::read(seed.expect("a file").path()).expect("seeds can be read"));
        count += 1;
    }
    assert!(count > 0, "no seeds for {target}");
}

#[test]
fn page_seeds_hold() {
    each("page", fuzz::page);
}

#[test]
fn report_seeds_hold() {
    each("reports", fuzz::reports);
}

#[test]
fn policy_seeds_hold() {
    each("policy", fuzz::policy);
}

#[test]
fn script_seeds_hold() {
    each("script", fuzz::script);
}

#[test]
fn leak_seeds_hold() {
    each("leaks", fuzz::leaks);
}
