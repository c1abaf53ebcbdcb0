//! The page between a wish and its act: what will happen, why, and a button. Works without scripts.

use askama::Template;
use gabion_page::shell::Shell;
use gabion_web::Problem;

use crate::control::ChangeError;
use crate::problem;

/// A question before something changes.
#[derive(Template)]
#[template(path = "ask.html")]
pub(crate) struct Ask<'a> {
    pub(crate) shell: &'a Shell,
    /// What will happen, in sentences.
    pub(crate) explanation: Vec<String>,
    /// Where the answer goes.
    pub(crate) action: &'static str,
    /// Fields sent along.
    pub(crate) hidden: Vec<(&'static str, String)>,
    /// The reason as it was typed; none where none is asked for.
    pub(crate) reason: Option<String>,
    /// Why it is asked again.
    pub(crate) mistake: Mistake,
    /// What the button says.
    pub(crate) label: String,
    /// Where to go instead.
    pub(crate) back: &'static str,
}

/// Why a question is asked again; empty where it is asked for the first time.
#[derive(Default)]
pub(crate) struct Mistake {
    /// What is wrong with the reason.
    pub(crate) reason: String,
    /// Why the change was not made.
    pub(crate) refused: String,
}

impl Mistake {
    pub(crate) fn in_reason(reason: String) -> Self {
        Self { reason, ..Self::default() }
    }

    /// A change that was refused; a problem where asking again would not help.
    pub(crate) fn of_change(error: &ChangeError) -> Result<Self, Problem> {
        match error {
            ChangeError::Unavailable { .. } | ChangeError::NoVersion { .. } => Err(problem::of_change(error)),
            _ => Ok(Self { refused: error.to_string(), ..Self::default() }),
        }
    }
}
