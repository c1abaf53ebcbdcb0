//! The fuzzer's seeds, run as tests. Here and not in `gabion_test`, which would have this crate's tests build a server.

use std::path::Path;

use gabion_waf::{body, fuzz, injection};

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
fn seeds_of_the_detectors_hold() {
    each("sqli", injection::fuzz::sqli);
    each("xss", injection::fuzz::xss);
}

#[test]
fn seeds_of_the_engine_hold() {
    each("rules", fuzz::rules);
    each("transformations", fuzz::transformations);
    each("transaction", fuzz::transaction);
}

#[test]
fn seeds_of_the_body_readers_hold() {
    each("urlencoded", body::fuzz::urlencoded);
    each("json", body::fuzz::json);
    each("multipart", body::fuzz::multipart);
    each("xml", body::fuzz::xml);
}
