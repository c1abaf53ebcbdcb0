//! Where lines go: standard output, or a file that is put aside by size.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::config::LogTarget;

/// The owner writes, a group such as `adm` reads, nobody else: lines hold addresses of customers.
const MODE: u32 = 0o640;

/// The open target.
pub(super) enum Output {
    Stdout,
    File(LogFile),
}

/// An open file.
pub(super) struct LogFile {
    path: PathBuf,
    rotate_bytes: u64,
    keep: u32,
    file: File,
    bytes: u64,
    /// Whether the last write may have ended inside a line.
    torn: bool,
}

impl Output {
    pub(super) fn open(target: LogTarget) -> io::Result<Self> {
        let LogTarget::File { path, rotate_bytes, keep } = target else { return Ok(Self::Stdout) };
        let (file, bytes) = append(&path)?;
        Ok(Self::File(LogFile { path, rotate_bytes, keep, file, bytes, torn: false }))
    }

    /// An open file, as tests need it.
    #[cfg(test)]
    pub(super) fn of(path: PathBuf, file: File) -> Self {
        Self::File(LogFile { path, rotate_bytes: 0, keep: 1, file, bytes: 0, torn: false })
    }

    /// Writes whole lines. On an error some of them may be lost; the next write begins on a line of its own.
    pub(super) fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(lines)?;
                stdout.flush()
            }
            Self::File(file) => file.write(lines),
        }
    }

    /// Opens the file under its path again. On an error the old one stays.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout => Ok(()),
            Self::File(file) => file.reopen(),
        }
    }
}

impl LogFile {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let full = self.bytes > 0 && self.bytes.saturating_add(lines.len() as u64) > self.rotate_bytes;
        if self.rotate_bytes > 0 && full {
            self.put_aside()?;
        }
        if self.torn {
            self.file.write_all(b"\n")?;
            self.torn = false;
        }
        self.bytes += lines.len() as u64;
        self.file.write_all(lines).inspect_err(|_| self.torn = true)
    }

    fn reopen(&mut self) -> io::Result<()> {
        (self.file, self.bytes) = append(&self.path)?;
        self.torn = false;
        Ok(())
    }

    /// `path` becomes `path.1`, `path.1` becomes `path.2`, and so on; the last one goes.
    fn put_aside(&mut self) -> io::Result<()> {
        for number in (1..self.keep).rev() {
            rename_if_there(&self.numbered(number), &self.numbered(number + 1))?;
        }
        rename_if_there(&self.path, &self.numbered(1))?;
        self.reopen()
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(format!(".{number}"));
        path.into()
    }
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Opens for appending; says how long the file is. Pipes and devices are refused: writing to them could wait forever.
fn append(path: &Path) -> io::Result<(File, u64)> {
    if std::fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
        return Err(io::Error::other("not a regular file"));
    }
    let file = OpenOptions::new().append(true).create(true).mode(MODE).open(path)?;
    let bytes = file.metadata()?.len();
    Ok((file, bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn output(path: &Path, rotate_bytes: u64, keep: u32) -> Output {
        Output::open(LogTarget::File { path: path.to_owned(), rotate_bytes, keep })
            .expect("the folder is there")
    }

    fn read(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap_or_default()
    }

    #[test]
    fn the_file_is_put_aside_by_size_and_the_oldest_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("access.log");
        let mut output = output(&path, 8, 2);
        for line in ["first\n", "second\n", "third\n", "fourth\n"] {
            output.write(line.as_bytes()).expect("there is room");
        }
        let aside = |number: u32| read(&folder.path().join(format!("access.log.{number}")));
        assert_eq!(
            (read(&path), aside(1), aside(2)),
            ("fourth\n".into(), "third\n".into(), "second\n".into())
        );
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 3, "the first is gone");
    }

    #[test]
    fn strangers_cannot_read_the_file_and_old_lines_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("access.log");
        output(&path, 0, 1).write(b"a\n").expect("there is room");
        output(&path, 0, 1).write(b"b\n").expect("there is room");
        assert_eq!(read(&path), "a\nb\n");
        let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o007, 0, "{mode:o}");
    }

    #[test]
    fn a_renamed_file_is_left_behind_when_asked() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, aside) = (folder.path().join("access.log"), folder.path().join("yesterday"));
        let mut output = output(&path, 0, 1);
        output.write(b"a\n").expect("there is room");
        std::fs::rename(&path, &aside).expect("it is there");
        output.write(b"b\n").expect("there is room");
        output.reopen().expect("the folder is there");
        output.write(b"c\n").expect("there is room");
        assert_eq!((read(&aside), read(&path)), ("a\nb\n".into(), "c\n".into()));
    }

    #[test]
    fn pipes_and_folders_are_no_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = LogTarget::File { path: folder.path().to_owned(), rotate_bytes: 0, keep: 1 };
        assert!(Output::open(target).is_err());
    }

    #[test]
    fn after_a_torn_line_the_next_begins_on_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("access.log");
        let mut output = output(&path, 0, 1);
        if let Output::File(file) = &mut output {
            file.file.write_all(b"half of a li").expect("there is room");
            file.torn = true;
        }
        output.write(b"whole\n").expect("there is room");
        assert_eq!(read(&path), "half of a li\nwhole\n");
    }
}
