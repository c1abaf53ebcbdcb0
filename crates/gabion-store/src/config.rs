//! The `[storage]` settings.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;

use crate::OpenError;

/// Waiting writes. Above it a write answers [`crate::StoreError::Busy`] at once. At 1,000 commits a second the
/// last of them waits 4 seconds, which is as long as anyone looks at a page that does not come.
pub const QUEUE_LENGTH_DEFAULT: usize = 4096;
/// Range of `queue_length`: below 16 a single page load may be refused, above 65,536 answers come too late.
pub const QUEUE_LENGTH: std::ops::RangeInclusive<usize> = 16..=65_536;
/// Reading threads and connections.
pub const READERS_DEFAULT: usize = 4;
/// Range of `readers`.
pub const READERS: std::ops::RangeInclusive<usize> = 1..=64;
/// Writing connections to PostgreSQL. SQLite has one writer whatever the setting.
pub const WRITERS_DEFAULT: usize = 4;
/// Range of `writers`.
pub const WRITERS: std::ops::RangeInclusive<usize> = 1..=64;

/// `[storage]`: where the data lives and how many may ask for it at once.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageConfig {
    /// `sqlite:PATH` or `postgres://USER@HOST/DATABASE`. A relative path is relative to the working directory.
    pub url: String,
    /// Folder of the files beside the database: seal key, high-water mark. The folder of the SQLite file when
    /// not set; required for PostgreSQL.
    #[serde(default)]
    pub files: Option<PathBuf>,
    /// The file that opens the key ring; beside the database when not set. Keep a copy of it apart from backups:
    /// without it their personal fields stay closed.
    #[serde(default)]
    pub seal_key: Option<PathBuf>,
    /// Waiting writes before `Busy`, [`QUEUE_LENGTH`].
    #[serde(default = "queue_length_default")]
    pub queue_length: usize,
    /// Reading threads, [`READERS`].
    #[serde(default = "readers_default")]
    pub readers: usize,
    /// Writing connections on PostgreSQL, [`WRITERS`].
    #[serde(default = "writers_default")]
    pub writers: usize,
}

fn queue_length_default() -> usize {
    QUEUE_LENGTH_DEFAULT
}

fn readers_default() -> usize {
    READERS_DEFAULT
}

fn writers_default() -> usize {
    WRITERS_DEFAULT
}

impl StorageConfig {
    /// Settings with defaults for everything but the address.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            files: None,
            seal_key: None,
            queue_length: QUEUE_LENGTH_DEFAULT,
            readers: READERS_DEFAULT,
            writers: WRITERS_DEFAULT,
        }
    }

    /// Checks everything that can be checked without touching the database.
    ///
    /// # Errors
    /// [`OpenError::Config`] with the setting and what would be right.
    pub fn check(&self) -> Result<(), OpenError> {
        self.target().map(drop)
    }

    pub(crate) fn target(&self) -> Result<Target, OpenError> {
        in_range("queue_length", self.queue_length, &QUEUE_LENGTH)?;
        in_range("readers", self.readers, &READERS)?;
        in_range("writers", self.writers, &WRITERS)?;
        if self.url == "sqlite::memory:" {
            return Ok(Target::Memory);
        }
        if let Some(path) = self.url.strip_prefix("sqlite:") {
            return sqlite_target(path, self.files.as_deref());
        }
        if self.url.starts_with("postgres://") || self.url.starts_with("postgresql://") {
            return postgres_target(&self.url, self.files.as_deref());
        }
        Err(wrong("url", "expected sqlite:PATH or postgres://USER@HOST/DATABASE"))
    }
}

/// Where the data lives, checked.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Memory,
    Sqlite { path: PathBuf, beside: Beside },
    Postgres { config: Box<::postgres::Config>, beside: Beside },
}

/// The files beside a database: `gabion.db.key`, `gabion.db.mark` and so on.
#[derive(Clone, Debug)]
pub(crate) struct Beside {
    folder: PathBuf,
    stem: String,
}

impl Beside {
    pub(crate) fn file(&self, extension: &str) -> PathBuf {
        self.folder.join(format!("{}.{extension}", self.stem))
    }
}

fn sqlite_target(path: &str, files: Option<&Path>) -> Result<Target, OpenError> {
    let path = PathBuf::from(path.strip_prefix("//").unwrap_or(path));
    let name = path.file_name().and_then(|name| name.to_str());
    let Some(stem) = name.map(str::to_owned) else {
        return Err(wrong("url", "sqlite: needs the path of a file"));
    };
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let folder = files.map_or(parent, Path::to_owned);
    Ok(Target::Sqlite { path, beside: Beside { folder, stem } })
}

/// TLS to PostgreSQL is not built: the server has to be on this machine, or reached through a tunnel that ends here.
fn postgres_target(url: &str, files: Option<&Path>) -> Result<Target, OpenError> {
    // The message of the parser could quote the password.
    let config = ::postgres::Config::from_str(url).map_err(|_| wrong("url", "not a postgres:// address"))?;
    for host in config.get_hosts() {
        if let ::postgres::config::Host::Tcp(name) = host
            && !is_loopback(name)
        {
            let reason = format!(
                "{name} is not this machine: connections to PostgreSQL are not encrypted, so only a socket or a \
                 loopback address is allowed (a tunnel to the server works)"
            );
            return Err(wrong("url", reason));
        }
    }
    let Some(stem) = config.get_dbname().filter(|name| is_file_stem(name)).map(str::to_owned) else {
        return Err(wrong("url", "needs a database name of letters, digits, _ and -"));
    };
    let Some(folder) = files.map(Path::to_owned) else {
        return Err(wrong("files", "PostgreSQL needs a folder for the seal key and the high-water mark"));
    };
    Ok(Target::Postgres { config: Box::new(config), beside: Beside { folder, stem } })
}

fn is_loopback(name: &str) -> bool {
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_file_stem(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

fn in_range(
    setting: &'static str,
    value: usize,
    range: &std::ops::RangeInclusive<usize>,
) -> Result<(), OpenError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(wrong(setting, format!("{value} is not between {} and {}", range.start(), range.end())))
}

fn wrong(setting: &'static str, reason: impl Into<String>) -> OpenError {
    OpenError::Config { setting, reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(url: &str, expected: &str) {
        let mut config = StorageConfig::new(url);
        config.files = Some("data".into());
        let error = config.check().expect_err("a wrong address");
        assert!(error.to_string().contains(expected), "{error}");
    }

    #[test]
    fn addresses_are_checked_before_anything_is_opened() {
        refused("mysql://localhost/x", "expected sqlite:PATH or postgres://");
        refused("sqlite:", "needs the path of a file");
        refused("postgres://gabion:hunter2@db.example/gabion", "db.example is not this machine");
        refused("postgres://localhost", "needs a database name");
        refused("postgres://localhost/../etc", "needs a database name");
    }

    #[test]
    fn passwords_do_not_reach_the_message() {
        let error = StorageConfig::new("postgres://u:hunter2@[::1/x").check().expect_err("a wrong address");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn limits_are_named_in_the_message() {
        let mut config = StorageConfig::new("sqlite:gabion.db");
        config.readers = 0;
        let error = config.check().expect_err("too few readers");
        assert_eq!(error.to_string(), "storage.readers: 0 is not between 1 and 64");
    }

    #[test]
    fn files_lie_beside_the_database() {
        let Ok(Target::Sqlite { beside, .. }) = StorageConfig::new("sqlite:data/gabion.db").target() else {
            panic!("a SQLite address");
        };
        assert_eq!(beside.file("key"), Path::new("data/gabion.db.key"));
    }
}
