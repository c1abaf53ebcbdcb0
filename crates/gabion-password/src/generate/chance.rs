//! How likely it is that characters drawn blindly fit a recipe. From it follow the bits of what is kept.

use std::collections::BTreeMap;

use super::alphabet::Alphabet;

/// The chance that `length` characters drawn from `alphabet` have one of each of `required`, and none of them more than
/// `run_max` times in a row.
pub(super) fn fits(alphabet: Alphabet, required: &[Alphabet], length: usize, run_max: usize) -> f64 {
    let groups = groups(alphabet, required);
    let characters: f64 = groups.iter().map(|(_, size)| size).sum();
    let full = (1_usize << required.len()) - 1;
    let run_max = run_max.min(length);
    // state[run - 1][group][met]: of what was drawn so far, this group was last, that often in a row, and the sets in
    // `met` are there. It fits so far.
    let empty = vec![vec![vec![0.0; full + 1]; groups.len()]; run_max];
    let mut state = empty.clone();
    for (group, (met, size)) in groups.iter().enumerate() {
        state[0][group][*met] = size / characters;
    }
    for _ in 1..length {
        let mut next = empty.clone();
        for met in 0..=full {
            let by_group = |group: usize| state.iter().map(|run| run[group][met]).sum::<f64>();
            let ending: Vec<f64> = (0..groups.len()).map(by_group).collect();
            let any: f64 = ending.iter().sum();
            for (group, (sets, size)) in groups.iter().enumerate() {
                // Another character of this group: one choice fewer where it was last.
                next[0][group][met | sets] += (any * size - ending[group]) / characters;
                for run in 1..run_max {
                    next[run][group][met] += state[run - 1][group][met] / characters;
                }
            }
        }
        state = next;
    }
    state.iter().flatten().map(|met| met[full]).sum()
}

/// The characters by the required sets that they are in (a bit for each), and how many there are.
fn groups(alphabet: Alphabet, required: &[Alphabet]) -> Vec<(usize, f64)> {
    let mut groups = BTreeMap::new();
    for byte in alphabet.bytes() {
        let sets = required.iter().enumerate().filter(|(_, set)| set.has(byte));
        *groups.entry(sets.fold(0, |met, (place, _)| met | 1 << place)).or_insert(0.0) += 1.0;
    }
    groups.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_are_those_of_counting() {
        let check = |alphabet: &[u8], required: &[&[u8]], length: usize, run_max: usize| {
            let (set, sets) = (Alphabet::of(alphabet), required.iter().map(|set| Alphabet::of(set)));
            let sets: Vec<_> = sets.collect();
            let all = alphabet.len().pow(u32::try_from(length).unwrap());
            let fitting = (0..all).filter(|number| {
                let mut rest = *number;
                let text: Vec<u8> = (0..length)
                    .map(|_| {
                        let byte = alphabet[rest % alphabet.len()];
                        rest /= alphabet.len();
                        byte
                    })
                    .collect();
                sets.iter().all(|set| text.iter().any(|byte| set.has(*byte)))
                    && text.chunk_by(|a, b| a == b).all(|run| run.len() <= run_max)
            });
            let (counted, said) = (fitting.count() as f64 / all as f64, fits(set, &sets, length, run_max));
            assert!((counted - said).abs() < 1e-12, "{counted} {said}");
        };
        check(b"abc01", &[b"01"], 4, 4);
        check(b"abc01", &[b"01", b"abc"], 5, 2);
        check(b"abc01", &[b"0a", b"ab", b"1"], 5, 1);
        check(b"abc", &[], 6, 1);
        check(b"a", &[b"a"], 3, 2);
        check(b"abcd", &[b"abcd"], 1, 1);
    }
}
