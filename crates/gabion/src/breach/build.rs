//! `gabion breach build`: a filter of a downloaded list.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read};
use std::path::{Path, PathBuf};

use gabion_core::Timestamp;
use gabion_core::blame::chain;
use gabion_password::breach::{
    About, BuildError, Builder, DigestPrefix, LINE_BYTES_MAX, LineError, ListForm,
};

use crate::cli::breach::Build;
use crate::exit::{CANNOT_CREATE, Failure, UNAVAILABLE, USAGE};
use crate::out::say;
use crate::progress::Progress;
use crate::run::End;

/// Bytes that are read or written at a time.
const BLOCK_BYTES: usize = 64 * 1024;
/// Ranges of a whole list.
const RANGES: usize = 1 << 20;
/// Characters of a date in a time.
const DATE_CHARS: usize = 10;

/// Why there is no filter.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{path}, line {line}")]
    Line { path: PathBuf, line: u64, source: LineError },
    #[error("{path}, line {line}")]
    Add { path: PathBuf, line: u64, source: BuildError },
    #[error("{0}: there are no files such as 5BAA6.txt in it")]
    NoRanges(PathBuf),
    #[error("{path}")]
    Build { path: PathBuf, source: BuildError },
    #[error("{path}")]
    Write { path: PathBuf, source: io::Error },
    #[error("{0} exists: somebody else is building, or was stopped; in that case delete it")]
    Part(PathBuf),
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        let code = match &trouble {
            Trouble::Read { .. } => UNAVAILABLE,
            Trouble::Write { .. }
            | Trouble::Part(_)
            | Trouble::Add { source: BuildError::Write(_), .. }
            | Trouble::Build { source: BuildError::Write(_), .. } => CANNOT_CREATE,
            _ => USAGE,
        };
        Self::new(code, chain(&trouble))
    }
}

type ListBuilder = Builder<BufWriter<File>>;

/// Builds a filter beside its name and puts it in place when it is complete and on disk.
///
/// # Errors
/// Why not. What was at that name is still there then.
pub(super) fn run(args: &Build) -> Result<End, Failure> {
    let about = about(args)?;
    let part = Part::create(&args.out)?;
    let cannot = |source| Trouble::Write { path: part.path.clone(), source };
    let file = part.file.try_clone().map_err(cannot)?;
    let out = BufWriter::with_capacity(BLOCK_BYTES, file);
    let broken = |source| Trouble::Build { path: args.source.clone(), source };
    let mut builder = Builder::new(out, about).map_err(broken)?;
    let ranges = if args.source.is_dir() {
        Some(add_folder(&args.source, &mut builder)?)
    } else {
        add_file(&args.source, &mut builder)?;
        None
    };
    let built = builder.finish().map_err(broken)?;
    built.out.into_inner().map_err(|error| cannot(error.into_error()))?;
    part.keep(&args.out)?;
    say(format!("{}: {} entries in {} bytes", args.out.display(), built.entries, built.bytes))?;
    if let Some(ranges) = ranges.filter(|ranges| *ranges < RANGES) {
        say(format!("The folder has {ranges} of {RANGES} ranges: the list is not whole."))?;
    }
    Ok(End::Stopped)
}

fn about(args: &Build) -> Result<About, Failure> {
    let read = |source| Trouble::Read { path: args.source.clone(), source };
    let changed = fs::metadata(&args.source).and_then(|found| found.modified()).map_err(read)?;
    let seconds = changed.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
    let day: String = Timestamp::from_seconds(i64::try_from(seconds).unwrap_or_default())
        .to_string()
        .chars()
        .take(DATE_CHARS)
        .collect();
    let called = args.source.file_name().unwrap_or(args.source.as_os_str()).to_string_lossy();
    let (name, date) = (args.name.as_deref().unwrap_or(&called), args.date.as_deref().unwrap_or(&day));
    About::new(name, date, args.min_count).map_err(|error| Failure::new(USAGE, error))
}

fn add_file(path: &Path, builder: &mut ListBuilder) -> Result<(), Trouble> {
    let read = |source| Trouble::Read { path: path.to_owned(), source };
    let total = fs::metadata(path).map_err(read)?.len();
    let mut progress = Progress::new("reading", Some(total));
    add_lines(path, ListForm::Whole, builder, |bytes| progress.tell(bytes))
}

/// Adds every range of a folder in order, and says how many there are.
fn add_folder(path: &Path, builder: &mut ListBuilder) -> Result<usize, Trouble> {
    let ranges = ranges(path).map_err(|source| Trouble::Read { path: path.to_owned(), source })?;
    if ranges.is_empty() {
        return Err(Trouble::NoRanges(path.to_owned()));
    }
    let mut progress = Progress::new("reading", Some(ranges.len() as u64));
    for (done, range) in ranges.iter().enumerate() {
        add_lines(&path.join(file_name(*range)), ListForm::Range(*range), builder, |_| ())?;
        progress.tell(done as u64);
    }
    Ok(ranges.len())
}

fn ranges(folder: &Path) -> io::Result<Vec<DigestPrefix>> {
    let mut ranges = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let stem = name.to_str().and_then(|name| name.strip_suffix(".txt"));
        let range: Option<DigestPrefix> = stem.and_then(|stem| stem.parse().ok());
        ranges.extend(range.filter(|range| *name == *file_name(*range)));
    }
    ranges.sort_unstable();
    Ok(ranges)
}

/// The name that the downloader gives to the file of a range.
fn file_name(range: DigestPrefix) -> String {
    format!("{range}.txt")
}

/// Adds every line of a file. `read_so_far` hears how many bytes were read.
fn add_lines(
    path: &Path,
    form: ListForm,
    builder: &mut ListBuilder,
    mut read_so_far: impl FnMut(u64),
) -> Result<(), Trouble> {
    /// A line with its end, and a byte that shows that it is longer.
    const ROOM: u64 = LINE_BYTES_MAX as u64 + 3;
    let read = |source| Trouble::Read { path: path.to_owned(), source };
    let mut file = BufReader::with_capacity(BLOCK_BYTES, File::open(path).map_err(read)?);
    let (mut text, mut line, mut bytes) = (Vec::new(), 0, 0);
    loop {
        text.clear();
        let length = file.by_ref().take(ROOM).read_until(b'\n', &mut text).map_err(read)?;
        if length == 0 {
            return Ok(());
        }
        line += 1;
        bytes += length as u64;
        let kept =
            form.read(&text).map_err(|source| Trouble::Line { path: path.to_owned(), line, source })?;
        builder.add(kept).map_err(|source| Trouble::Add { path: path.to_owned(), line, source })?;
        read_so_far(bytes);
    }
}

/// A file beside the one it will be; gone when dropped.
struct Part {
    path: PathBuf,
    file: File,
    kept: bool,
}

impl Part {
    fn create(out: &Path) -> Result<Self, Trouble> {
        let mut name = out.as_os_str().to_owned();
        name.push(".part");
        let path = PathBuf::from(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => Ok(Self { path, file, kept: false }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Trouble::Part(path)),
            Err(source) => Err(Trouble::Write { path, source }),
        }
    }

    /// Gives it its name, when it is on disk.
    fn keep(mut self, out: &Path) -> Result<(), Trouble> {
        let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        self.file
            .sync_all()
            .and_then(|()| fs::rename(&self.path, out))
            .map_err(|source| Trouble::Write { path: out.to_owned(), source })?;
        self.kept = true;
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| Trouble::Write { path: out.to_owned(), source })
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(%error, "{} is left over", self.path.display());
        }
    }
}
