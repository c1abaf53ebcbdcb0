//! The fuzzer's seeds, run as tests.

use std::path::Path;

/// Gives every seed of a fuzz target to `run`, which panics where the target would.
///
/// # Panics
/// When there are no seeds, or one cannot be read.
pub fn each(target: &str, run: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let mut count = 0;
    for seed in std::fs::read_dir(folder).expect("the seeds are there") {
        run(&std::fs::read(seed.expect("a file").path()).expect("seeds can be read"));
        count += 1;
    }
    assert!(count > 0, "no seeds for {target}");
}
