//! Configurations under `bench/` with names to fill in.

use std::path::{Path, PathBuf};

use crate::task::{Outcome, root};

/// Replaces every `{{name}}` of a template by its value and writes the result.
///
/// # Errors
/// When a file cannot be read or written, or a name has no value.
pub(crate) fn fill(template: &str, to: PathBuf, values: &[(&str, String)]) -> Outcome<PathBuf> {
    let source = root().join("bench").join(template);
    let text = std::fs::read_to_string(&source).map_err(|error| format!("{}: {error}", source.display()))?;
    let filled =
        values.iter().fold(text, |text, (name, value)| text.replace(&["{{", name, "}}"].concat(), value));
    if let Some((_, rest)) = filled.split_once("{{") {
        let name = rest.split("}}").next().unwrap_or_default();
        return Err(format!("{template}: nothing to fill in for {name}"));
    }
    write(&to, filled.as_bytes())?;
    Ok(to)
}

/// Writes a file.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Outcome {
    std::fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))
}
