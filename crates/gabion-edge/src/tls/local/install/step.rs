//! The steps of a plan: shown as shell commands, run one after the other.

use std::fmt;
use std::io::{self, Write};
use std::process::Command;

/// One step of a plan. Displays as a comment and a shell command, or as advice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A program to run.
    Run {
        /// What it is for.
        purpose: String,
        /// The program, found through `PATH`.
        program: String,
        /// Its arguments.
        arguments: Vec<String>,
        /// Whether the program's error means that there was nothing left to do.
        may_find_nothing: bool,
    },
    /// Something only a person can do.
    Advise(String),
}

/// Why a plan stopped. The steps before it have been done; running a plan again is harmless.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The program could not be started.
    #[error("{command}: cannot be started")]
    NotStarted {
        /// The step as a shell command.
        command: String,
        /// Why.
        source: io::Error,
    },
    /// The program reported an error; it has printed why.
    #[error("{command}: ended with {status}")]
    Unsuccessful {
        /// The step as a shell command.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// The output is gone.
    #[error("the progress cannot be written")]
    Output(#[from] io::Error),
}

/// Runs the steps in order and tells `out` each before it starts. Advice is printed where it stands. Removing
/// what is not there is no error. Blocks; programs may ask for a password on the terminal.
///
/// # Errors
/// The first step that does not work; the rest is not tried.
pub fn run(steps: &[Step], out: &mut dyn Write) -> Result<(), InstallError> {
    for step in steps {
        writeln!(out, "{step}")?;
        let Step::Run { program, arguments, may_find_nothing, .. } = step else { continue };
        let command = || step.command();
        let status = Command::new(program)
            .args(arguments)
            .status()
            .map_err(|source| InstallError::NotStarted { command: command(), source })?;
        if !status.success() && !may_find_nothing {
            return Err(InstallError::Unsuccessful { command: command(), status });
        }
    }
    Ok(())
}

impl Step {
    pub(super) fn run(purpose: &str, program: &str, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self::Run {
            purpose: purpose.to_owned(),
            program: program.to_owned(),
            arguments,
            may_find_nothing: false,
        }
    }

    /// The same step, for a program that reports an error when there is nothing to remove.
    pub(super) fn that_may_find_nothing(mut self) -> Self {
        if let Self::Run { may_find_nothing, .. } = &mut self {
            *may_find_nothing = true;
        }
        self
    }

    /// The step as one line for a shell; empty for advice.
    fn command(&self) -> String {
        let Self::Run { program, arguments, .. } = self else { return String::new() };
        let words = std::iter::once(program).chain(arguments);
        words.map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run { purpose, .. } => write!(f, "# {purpose}\n{}", self.command()),
            Self::Advise(text) => write!(f, "# {text}"),
        }
    }
}

/// Quotes a word for a POSIX shell where it needs it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=+@%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_stops_at_the_first_step_that_does_not_work_and_says_which() {
        let step = |program| Step::run("try it", program, &["it's"]);
        let mut out = Vec::new();
        let error =
            run(&[Step::Advise("look".to_owned()), step("true"), step("false"), step("true")], &mut out);
        assert_eq!(error.unwrap_err().to_string(), r"false 'it'\''s': ended with exit status: 1");
        let shown = String::from_utf8(out).unwrap();
        assert_eq!(shown, "# look\n# try it\ntrue 'it'\\''s'\n# try it\nfalse 'it'\\''s'\n");
        assert!(run(&[step("false").that_may_find_nothing()], &mut Vec::new()).is_ok());
        let missing = run(&[step("/nonexistent/program")], &mut Vec::new()).unwrap_err();
        assert!(matches!(missing, InstallError::NotStarted { .. }));
    }
}
