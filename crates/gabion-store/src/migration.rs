//! Bringing tables up to date, step by step, each recorded with the digest of its text.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use gabion_core::Timestamp;
use gabion_crypto::digest::Sha256;

use crate::dialect::Dialect;
use crate::{MigrateError, StoreError, Tx, params};

/// The steps of one domain. A step that was released never changes; a change is a new step.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// The domain's name, also the prefix of its tables.
    pub domain: &'static str,
    /// The steps, numbered 1, 2, 3 and so on.
    pub steps: &'static [Migration],
}

/// One step, in both dialects: `Migration { version: 1, name: "accounts",
/// sqlite: include_str!("../migrations/sqlite/0001_accounts.sql"), postgres: include_str!(…) }`.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its number.
    pub version: i64,
    /// What it does, in a word or two; the name of its file.
    pub name: &'static str,
    /// Statements for SQLite.
    pub sqlite: &'static str,
    /// Statements for PostgreSQL.
    pub postgres: &'static str,
}

impl Migration {
    const fn sql(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        }
    }

    /// The same on both databases, so that a backup of one can be restored on the other.
    fn checksum(&self) -> String {
        let mut digest = Sha256::new();
        digest.update_framed(self.sqlite.as_bytes());
        digest.update_framed(self.postgres.as_bytes());
        HEXLOWER.encode(&digest.finish())
    }
}

impl Migrations {
    /// The steps that are not applied yet, after checking those that are.
    pub(crate) fn pending(
        &self,
        applied: &BTreeMap<i64, String>,
    ) -> Result<&'static [Migration], MigrateError> {
        if self.steps.iter().zip(1..).any(|(step, number)| step.version != number) {
            return Err(MigrateError::Disordered { domain: self.domain });
        }
        let known = self.steps.len() as i64;
        let found = applied.keys().next_back().copied().unwrap_or(0);
        if found > known {
            return Err(MigrateError::Newer { domain: self.domain.to_owned(), found, known });
        }
        for step in self.steps.iter().filter(|step| step.version <= found) {
            if applied.get(&step.version) != Some(&step.checksum()) {
                let (domain, name) = (self.domain.to_owned(), step.name.to_owned());
                return Err(MigrateError::Changed { domain, version: step.version, name });
            }
        }
        let count = applied.len().min(self.steps.len());
        Ok(&self.steps[count..])
    }
}

/// The applied steps of a domain with their checksums.
pub(crate) fn applied(tx: &mut Tx<'_>, domain: &str) -> Result<BTreeMap<i64, String>, StoreError> {
    let sql = "SELECT version, checksum FROM gabion_migration WHERE domain = $1 ORDER BY version";
    let rows = tx.query(sql, params![domain])?;
    rows.iter().map(|row| Ok((row.get("version")?, row.get("checksum")?))).collect()
}

/// Applies one step and records it, in the caller's transaction.
pub(crate) fn apply(
    tx: &mut Tx<'_>,
    domain: &'static str,
    step: &Migration,
    at: Timestamp,
) -> Result<(), MigrateError> {
    let failed = |source| MigrateError::Step { domain, version: step.version, name: step.name, source };
    tx.batch(step.sql(tx.dialect())).map_err(failed)?;
    let sql =
        "INSERT INTO gabion_migration (domain, version, name, checksum, at) VALUES ($1, $2, $3, $4, $5)";
    tx.execute(sql, params![domain, step.version, step.name, step.checksum(), at]).map_err(failed)?;
    Ok(())
}

/// The checksums of applied steps, by domain and number.
pub type AppliedSteps = BTreeMap<String, BTreeMap<i64, String>>;

/// All steps a database has seen.
///
/// # Errors
/// When the database does not answer.
pub fn applied_steps(tx: &mut Tx<'_>) -> Result<AppliedSteps, StoreError> {
    let mut steps = AppliedSteps::new();
    for row in tx.query("SELECT domain, version, checksum FROM gabion_migration", params![])? {
        steps.entry(row.get("domain")?).or_default().insert(row.get("version")?, row.get("checksum")?);
    }
    Ok(steps)
}

/// How many steps this program would add to a database that has seen `applied`. Changes nothing and needs no database:
/// a program asks before it takes the place of another.
///
/// # Errors
/// When this program is older than the database, or knows other steps than the applied ones.
pub fn pending_steps(domains: &[Migrations], applied: &AppliedSteps) -> Result<usize, MigrateError> {
    let none = BTreeMap::new();
    let pending = |list: &Migrations| Ok(list.pending(applied.get(list.domain).unwrap_or(&none))?.len());
    std::iter::once(&STORE).chain(domains).map(pending).sum()
}

/// The tables of this crate.
pub(crate) const STORE: Migrations = Migrations {
    domain: "store",
    steps: &[
        Migration {
            version: 1,
            name: "store",
            sqlite: include_str!("../migrations/sqlite/0001_store.sql"),
            postgres: include_str!("../migrations/postgres/0001_store.sql"),
        },
        Migration {
            version: 2,
            name: "counter",
            sqlite: include_str!("../migrations/sqlite/0002_counter.sql"),
            postgres: include_str!("../migrations/postgres/0002_counter.sql"),
        },
    ],
};

/// What must be there before anything else: the table of migrations and the lease.
pub(crate) fn bootstrap(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => include_str!("../migrations/sqlite/0000_bootstrap.sql"),
        Dialect::Postgres => include_str!("../migrations/postgres/0000_bootstrap.sql"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn step(version: i64, sqlite: &'static str) -> Migration {
        Migration { version, name: "tea", sqlite, postgres: "" }
    }

    const TWO: Migrations = Migrations { domain: "test", steps: &[step(1, "a"), step(2, "b")] };

    fn applied(texts: &[&'static str]) -> BTreeMap<i64, String> {
        texts.iter().zip(1..).map(|(text, version)| (version, step(version, text).checksum())).collect()
    }

    #[test]
    fn pending_steps_are_counted_over_all_domains() {
        let steps = AppliedSteps::from([("test".to_owned(), applied(&["a"]))]);
        assert_eq!(pending_steps(&[TWO], &steps).expect("fits"), 1 + STORE.steps.len());
        let newer = AppliedSteps::from([("test".to_owned(), applied(&["a", "b", "c"]))]);
        assert!(matches!(pending_steps(&[TWO], &newer), Err(MigrateError::Newer { found: 3, .. })));
    }

    #[track_caller]
    fn check(texts: &[&'static str], expected: &str) {
        let outcome = match TWO.pending(&applied(texts)) {
            Ok(steps) => steps.iter().map(|step| step.sqlite).collect(),
            Err(error) => error.to_string(),
        };
        assert_eq!(outcome, expected);
    }

    #[test]
    fn only_steps_that_are_new_and_fit_are_applied() {
        check(&[], "ab");
        check(&["a"], "b");
        check(&["a", "b"], "");
        check(&["x"], "test migration 1 (tea) was applied with another text");
        check(
            &["a", "b", "c"],
            "the test tables are at version 3, this program knows 2: it is older than its database",
        );
    }

    #[test]
    fn disordered_lists_are_refused() {
        const LIST: Migrations = Migrations { domain: "test", steps: &[step(2, "a")] };
        assert!(matches!(LIST.pending(&BTreeMap::new()), Err(MigrateError::Disordered { domain: "test" })));
    }
}
