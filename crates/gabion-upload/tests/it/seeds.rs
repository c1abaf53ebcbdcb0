//! The fuzzer's seeds, run as tests.

use std::path::Path;

use gabion_upload::fuzz;

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
fn seeds_of_the_inspection_hold() {
    each("upload_file", fuzz::file);
    each("upload_archive", fuzz::archive);
    each("upload_rules", fuzz::rule_file);
}

proptest::proptest! {
    #[test]
    fn any_bytes_have_a_verdict(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..600)) {
        fuzz::file(&bytes);
        fuzz::archive(&bytes);
        fuzz::rule_file(&bytes);
    }
}
