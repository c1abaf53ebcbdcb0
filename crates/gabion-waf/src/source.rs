//! Where rule files come from.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Something that gives files by name, at load time only.
pub trait Files {
    /// The content of a file.
    ///
    /// # Errors
    /// It is not there or not readable.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The paths of all entries of a folder, in any order.
    ///
    /// # Errors
    /// It is not there or not readable.
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;
}

/// The file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
    }
}

/// One piece of a rule set, in the order of loading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file, or a pattern such as `rules/*.conf` with `*` and `?` in its last part; matches load by name.
    File(PathBuf),
    /// Directives given as text, under a name for messages.
    Text {
        /// What messages call it. Relative names inside are resolved against its folder.
        name: PathBuf,
        /// The directives.
        text: Vec<u8>,
    },
}

impl Source {
    /// Directives given as text.
    pub fn text(name: impl Into<PathBuf>, text: impl Into<Vec<u8>>) -> Self {
        Self::Text { name: name.into(), text: text.into() }
    }
}

/// The files that a path with `*` and `?` in its last part stands for, by name; the path itself if it has neither.
///
/// # Errors
/// The folder is not readable.
pub(crate) fn expand(path: &Path, files: &dyn Files) -> io::Result<Vec<PathBuf>> {
    let Some(pattern) = path.file_name().and_then(|name| name.to_str()) else {
        return Ok(vec![path.to_owned()]);
    };
    if !pattern.contains(['*', '?']) {
        return Ok(vec![path.to_owned()]);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut found: Vec<PathBuf> = files
        .list(folder)?
        .into_iter()
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| wildcard(pattern.as_bytes(), name.as_bytes()))
        })
        .collect();
    found.sort();
    Ok(found)
}

/// Whether a name fits a pattern of `*` and `?`. Takes time in the product of both lengths.
fn wildcard(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=name.len()).any(|skip| wildcard(rest, &name[skip..])),
        (Some((b'?', rest)), Some((_, name))) => wildcard(rest, name),
        (Some((a, rest)), Some((b, name))) => a == b && wildcard(rest, name),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_any_run_and_any_single_byte() {
        for (pattern, name, expected) in [
            ("*.conf", "a.conf", true),
            ("*.conf", "a.conf.example", false),
            ("REQUEST-9??-*.conf", "REQUEST-911-METHOD.conf", true),
            ("*", "", true),
            ("?", "", false),
        ] {
            assert_eq!(wildcard(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }
}
