//! From `[upload] rules` to who looks at files with them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gabion_edge::EdgeConfig;
use gabion_edge::config::UploadConfig;
use gabion_upload::rules::RuleError;
use gabion_upload::{Inspector, Rules};

/// Bytes of one rule file that are read; the engine takes fewer and says so.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// Why nobody can look at files. Who did before goes on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadRulesError {
    /// A path that leads to no text.
    #[error("[upload] rules: {}: {source}", path.display())]
    File {
        /// The path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A rule that cannot be understood or used.
    #[error("[upload] rules: {0}")]
    Rule(#[from] RuleError),
    /// The thread that loaded them is gone.
    #[error("loading the rules for uploads broke off: {0}")]
    BrokenOff(#[from] tokio::task::JoinError),
}

/// Gives a configuration somebody who looks at files, where it wants that; loads rules on a thread that may wait.
///
/// # Errors
/// The first rule file that cannot be used.
pub(crate) async fn equip(mut edge: EdgeConfig) -> Result<EdgeConfig, UploadRulesError> {
    if edge.wants_inspector() {
        let upload = edge.upload.clone();
        edge.inspector = Some(Arc::new(tokio::task::spawn_blocking(move || load(&upload)).await??));
    }
    Ok(edge)
}

/// Loads the rules that come along and those of the operator's files. Reads files: not for an asynchronous task.
///
/// # Errors
/// As [`equip`].
pub(crate) fn load(upload: &UploadConfig) -> Result<Inspector, UploadRulesError> {
    if upload.rules.is_empty() {
        return Ok(Inspector::default());
    }
    let read = |path: &PathBuf| {
        let text = read(path).map_err(|source| UploadRulesError::File { path: path.clone(), source })?;
        Ok::<_, UploadRulesError>((path.display().to_string(), text))
    };
    let files: Vec<_> = upload.rules.iter().map(read).collect::<Result<_, _>>()?;
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    Ok(Inspector::new(Rules::load(&files)?))
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gabion_edge::config::QuarantineLimits;
    use gabion_upload::{Policy, Upload};

    use super::*;

    fn upload(rules: &[&Path]) -> UploadConfig {
        UploadConfig {
            rules: rules.iter().map(|path| (*path).to_owned()).collect(),
            clamav: None,
            body_bytes_max: 1 << 20,
            rewrites_pictures: false,
            quarantine: QuarantineLimits { bytes_max: 0, age_max: Duration::from_secs(1) },
        }
    }

    #[test]
    fn own_rules_stand_beside_those_that_come_along() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("own.yar");
        std::fs::write(&file, "rule tea { strings: $a = \"oolong\" condition: $a }").expect("written");
        let inspector = load(&upload(&[&file])).expect("good rules");
        let refused = |bytes: &[u8]| {
            let upload = Upload { name: b"a.txt", declared_type: b"", bytes };
            !inspector.inspect(&upload, &Policy::documents()).passes()
        };
        assert!(refused(b"a cup of oolong"));
        assert!(refused(["<", "?php sys", "tem($_GET['c']);"].concat().as_bytes()));
        assert!(!refused(b"a cup of assam"));
    }

    #[test]
    fn a_mistake_is_told_with_file_and_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("own.yar");
        std::fs::write(&file, "rule tea {\n    condition: nonsense\n}\n").expect("written");
        let said = load(&upload(&[&file])).expect_err("refused").to_string();
        assert!(said.starts_with(&format!("[upload] rules: {}:2: ", file.display())), "{said}");
        let missing = folder.path().join("missing.yar");
        let said = load(&upload(&[&missing])).expect_err("refused").to_string();
        assert!(said.starts_with(&format!("[upload] rules: {}: ", missing.display())), "{said}");
    }
}
