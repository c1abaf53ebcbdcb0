//! Both detectors, on the cases of CRS, on generated inputs and on mutations of both.

use super::generate::Generator;
use super::process::Program;
use super::random::Random;
use super::{corpus, number};

/// Inputs of an ordinary run.
const INPUTS: usize = 200_000;
/// Inputs between two looks at the answers: few enough that the answers fit a pipe.
const BATCH: usize = 2_000;
/// Disagreements that are shown.
const SHOWN: usize = 20;

/// Has the program write out its answers.
const FLUSH: u32 = u32::MAX;

/// What is thought of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Verdict {
    /// The fingerprint; empty when it is no SQL injection.
    sqli: Vec<u8>,
    xss: bool,
}

struct Oracle(Program);

impl Oracle {
    fn ask(&mut self, input: &[u8]) -> Verdict {
        self.ask_all(&[input.to_vec()]).pop().expect("one answer for one question")
    }

    fn ask_all(&mut self, inputs: &[Vec<u8>]) -> Vec<Verdict> {
        inputs.iter().for_each(|input| self.0.write(input));
        self.0.write_number(FLUSH);
        self.0.flush();
        inputs.iter().map(|_| self.answer()).collect()
    }

    fn answer(&mut self) -> Verdict {
        let length = usize::from(self.0.read_byte());
        Verdict { sqli: self.0.read(length), xss: self.0.read_byte() == 1 }
    }
}

fn ours(input: &[u8]) -> Verdict {
    let sqli = gabion_waf::injection::sqli(input);
    Verdict {
        sqli: sqli.map(|found| found.as_bytes().to_vec()).unwrap_or_default(),
        xss: gabion_waf::injection::xss(input),
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "what a run compared, and why it did not")]
fn verdicts_equal_those_of_the_original() {
    let mut oracle = match Program::start("gcc", "injection.c") {
        Ok(program) => Oracle(program),
        Err(reason) => return eprintln!("skipped: {reason}"),
    };
    let corpus = corpus::inputs();
    let mut generator = Generator::new(Random::new(number("GABION_SEED", 1) as u64), corpus.clone());
    let mut disagreements = Vec::new();
    let mut tally = Tally::default();

    for inputs in corpus.chunks(BATCH) {
        tally.judge(&mut oracle, inputs, &mut disagreements);
    }
    let wanted = number("GABION_SOAK", INPUTS);
    while tally.inputs < wanted && disagreements.len() < SHOWN {
        let inputs: Vec<Vec<u8>> = (0..BATCH).map(|_| generator.input()).collect();
        tally.judge(&mut oracle, &inputs, &mut disagreements);
    }

    eprintln!("{tally:?}, {} of them from cases", corpus.len());
    // A run in which hardly anything is found compares nothing.
    assert!(tally.sqli > tally.inputs / 20 && tally.xss > tally.inputs / 20, "{tally:?}");
    let shown: Vec<String> = disagreements
        .iter()
        .take(SHOWN)
        .map(|input: &Vec<u8>| {
            let input = shrink(&mut oracle, input);
            format!(
                "{:?}: ours {:?}, theirs {:?}",
                input.escape_ascii().to_string(),
                ours(&input),
                oracle.ask(&input)
            )
        })
        .collect();
    assert!(shown.is_empty(), "{} disagreements:\n{}", disagreements.len(), shown.join("\n"));
}

#[derive(Debug, Default)]
struct Tally {
    inputs: usize,
    sqli: usize,
    xss: usize,
}

impl Tally {
    fn judge(&mut self, oracle: &mut Oracle, inputs: &[Vec<u8>], disagreements: &mut Vec<Vec<u8>>) {
        for (input, theirs) in inputs.iter().zip(oracle.ask_all(inputs)) {
            self.inputs += 1;
            self.sqli += usize::from(!theirs.sqli.is_empty());
            self.xss += usize::from(theirs.xss);
            if ours(input) != theirs {
                disagreements.push(input.clone());
            }
        }
    }
}

/// A shorter input over which there is still disagreement.
fn shrink(oracle: &mut Oracle, input: &[u8]) -> Vec<u8> {
    let mut input = input.to_vec();
    let mut piece = input.len() / 2;
    while piece > 0 {
        let mut at = 0;
        while at < input.len() {
            let mut shorter = input.clone();
            shorter.drain(at..(at + piece).min(input.len()));
            if ours(&shorter) == oracle.ask(&shorter) {
                at += piece;
            } else {
                input = shorter;
            }
        }
        piece /= 2;
    }
    input
}
