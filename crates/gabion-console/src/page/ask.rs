//! The page between a wish and its act: what will happen, why, and a button. Works without scripts.

use askama::Template;
use gabion_page::shell::Shell;

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
    /// What was wrong with it.
    pub(crate) reason_error: String,
    /// Why the change was not made.
    pub(crate) refused: String,
    /// What the button says.
    pub(crate) label: String,
    /// Where to go instead.
    pub(crate) back: &'static str,
}
