//! The original, in a process of its own.

use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const FLUSH: u32 = u32::MAX;

/// What is thought of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The fingerprint; empty when it is no SQL injection.
    pub(crate) sqli: Vec<u8>,
    pub(crate) xss: bool,
}

pub(crate) struct Oracle {
    process: Child,
    questions: BufWriter<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    /// Compiles and starts the program.
    ///
    /// # Errors
    /// Why there is no original to ask.
    pub(crate) fn build() -> Result<Self, String> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/libinjection/oracle.c");
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libinjection-oracle");
        let compiler = Command::new("gcc")
            .args(["-O2", "-w", "-o"])
            .args([&program, &source])
            .arg("-l:libmodsecurity.so.3")
            .output()
            .map_err(|error| format!("gcc does not run: {error}"))?;
        if !compiler.status.success() {
            return Err(format!("libmodsecurity3 is missing: {}", String::from_utf8_lossy(&compiler.stderr)));
        }
        let mut process = Command::new(&program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the program does not run: {error}"))?;
        let questions = BufWriter::new(process.stdin.take().expect("it is piped"));
        let answers = BufReader::new(process.stdout.take().expect("it is piped"));
        Ok(Self { process, questions, answers })
    }

    pub(crate) fn ask(&mut self, input: &[u8]) -> Verdict {
        self.ask_all(&[input.to_vec()]).pop().expect("one answer for one question")
    }

    pub(crate) fn ask_all(&mut self, inputs: &[Vec<u8>]) -> Vec<Verdict> {
        for input in inputs {
            let length = u32::try_from(input.len()).expect("inputs are short");
            self.questions.write_all(&length.to_le_bytes()).expect("the program reads");
            self.questions.write_all(input).expect("the program reads");
        }
        self.questions.write_all(&FLUSH.to_le_bytes()).expect("the program reads");
        self.questions.flush().expect("the program reads");
        inputs.iter().map(|_| self.answer()).collect()
    }

    fn answer(&mut self) -> Verdict {
        let mut sqli = vec![0; usize::from(self.byte())];
        self.answers.read_exact(&mut sqli).expect("the program answers");
        Verdict { sqli, xss: self.byte() == 1 }
    }

    fn byte(&mut self) -> u8 {
        let mut byte = [0];
        self.answers.read_exact(&mut byte).expect("the program answers");
        byte[0]
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
