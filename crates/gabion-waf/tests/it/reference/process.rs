//! A small program that asks the reference, in a process of its own.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

pub(crate) struct Program {
    process: Child,
    questions: BufWriter<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// Programs that are built, or why they cannot be.
static BUILT: Mutex<BTreeMap<&str, Result<PathBuf, String>>> = Mutex::new(BTreeMap::new());

fn build(compiler: &str, source: &str) -> Result<PathBuf, String> {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(source).with_extension("oracle");
    // Another run of the tests may be using the program of that name.
    let unfinished = program.with_extension(std::process::id().to_string());
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/reference").join(source);
    let compiled = Command::new(compiler)
        .args(["-O2", "-w", "-o"])
        .args([&unfinished, &source])
        .arg("-l:libmodsecurity.so.3")
        .output()
        .map_err(|error| format!("{compiler} does not run: {error}"))?;
    if !compiled.status.success() {
        let complaint = String::from_utf8_lossy(&compiled.stderr);
        return Err(format!("libmodsecurity-dev is missing: {complaint}"));
    }
    fs::rename(unfinished, &program).map_err(|error| format!("the program does not stay: {error}"))?;
    Ok(program)
}

impl Program {
    /// Starts the program of one of the sources beside this one, which is compiled once.
    ///
    /// # Errors
    /// Why there is no reference to ask.
    pub(crate) fn start(compiler: &str, source: &'static str) -> Result<Self, String> {
        let mut built = BUILT.lock().expect("no build panics");
        let program = built.entry(source).or_insert_with(|| build(compiler, source)).clone()?;
        drop(built);
        let mut process = Command::new(&program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the program does not run: {error}"))?;
        let questions = BufWriter::new(process.stdin.take().expect("it is piped"));
        let answers = BufReader::new(process.stdout.take().expect("it is piped"));
        Ok(Self { process, questions, answers })
    }

    pub(crate) fn write_number(&mut self, number: u32) {
        self.questions.write_all(&number.to_le_bytes()).expect("the program reads");
    }

    /// A block of bytes with its length.
    pub(crate) fn write(&mut self, block: &[u8]) {
        self.write_number(u32::try_from(block.len()).expect("inputs are short"));
        self.questions.write_all(block).expect("the program reads");
    }

    pub(crate) fn flush(&mut self) {
        self.questions.flush().expect("the program reads");
    }

    pub(crate) fn read(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.answers.read_exact(&mut bytes).expect("the program answers");
        bytes
    }

    pub(crate) fn read_byte(&mut self) -> u8 {
        self.read(1)[0]
    }

    pub(crate) fn read_block(&mut self) -> Vec<u8> {
        let length: [u8; 4] = self.read(4).try_into().expect("four bytes");
        self.read(usize::try_from(u32::from_le_bytes(length)).expect("blocks are short"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
