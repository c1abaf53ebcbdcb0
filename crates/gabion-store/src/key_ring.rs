//! The rows of the key ring and the file that seals them. The engine is in `gabion-crypto`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use gabion_core::entropy::draw;
use gabion_core::{Entropy, Secret, Timestamp};
use gabion_crypto::{KeyRing, KeyRow, Seal};

use crate::{OpenError, Row, StoreError, Tx, params};

/// Bytes of the seal key file.
const SEAL_BYTES: usize = 32;

/// Opens the ring with the seal in `file`. On a database without keys a missing file is made, readable by its
/// owner only; on a database with keys a missing file is an error, because a new key would open nothing.
pub(crate) fn open(
    tx: &mut Tx<'_>,
    file: Option<&Path>,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<(KeyRing, Seal), OpenError> {
    let rows = rows(tx)?;
    let seal = match file {
        Some(path) => sealed_by_file(path, rows.is_empty(), entropy)?,
        None => Seal::File(Secret::new(draw(entropy))),
    };
    let broken = |error: gabion_crypto::ring::RingError| OpenError::KeyRing { reason: error.to_string() };
    let mut ring = KeyRing::open(seal.clone(), rows).map_err(broken)?;
    for row in ring.new_rows_needed(now, entropy) {
        insert(tx, &row)?;
        ring.add(&row).map_err(broken)?;
    }
    Ok((ring, seal))
}

/// Stores one row.
pub(crate) fn insert(tx: &mut Tx<'_>, row: &KeyRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO gabion_key_ring (key_use, epoch, wrapped, checked, seal_checked, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let KeyRow { key_use, epoch, wrapped, check, seal_check, created_at } = row;
    tx.execute(sql, params![key_use.as_str(), *epoch, wrapped, check, seal_check, *created_at])?;
    Ok(())
}

/// All rows, oldest first.
pub(crate) fn rows(tx: &mut Tx<'_>) -> Result<Vec<KeyRow>, StoreError> {
    let rows = tx.query("SELECT * FROM gabion_key_ring ORDER BY key_use, epoch", params![])?;
    rows.iter().map(key_row).collect()
}

fn key_row(row: &Row) -> Result<KeyRow, StoreError> {
    let sized = |column: &str| {
        let bytes: Vec<u8> = row.get(column)?;
        let wrong = |bytes: Vec<u8>| StoreError::Column {
            column: column.to_owned(),
            detail: format!("{} bytes", bytes.len()),
        };
        <[u8; gabion_crypto::ring::CHECK_BYTES]>::try_from(bytes).map_err(wrong)
    };
    Ok(KeyRow {
        key_use: row.parse("key_use")?,
        epoch: row.get("epoch")?,
        wrapped: row.get("wrapped")?,
        check: sized("checked")?,
        seal_check: sized("seal_checked")?,
        created_at: row.get("created_at")?,
    })
}

fn sealed_by_file(path: &Path, may_create: bool, entropy: &dyn Entropy) -> Result<Seal, OpenError> {
    let failed = |source| OpenError::File { path: path.to_owned(), source };
    match read_seal(path) {
        Ok(seal) => Ok(seal),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
        Err(_) if !may_create => Err(OpenError::SealMissing { path: path.to_owned() }),
        Err(_) => create_seal(path, entropy).map_err(failed),
    }
}

fn read_seal(path: &Path) -> io::Result<Seal> {
    let file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode();
    if mode & 0o077 != 0 {
        let reason = format!("the seal key can be read by others (mode {:o}); set it to 600", mode & 0o777);
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
    }
    let mut bytes = Vec::with_capacity(SEAL_BYTES + 1);
    file.take(SEAL_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    let bytes = Secret::new(bytes);
    let key = <[u8; SEAL_BYTES]>::try_from(bytes.expose().as_slice()).map_err(|_| {
        let reason = format!("a seal key has {SEAL_BYTES} bytes, this file does not");
        io::Error::new(io::ErrorKind::InvalidData, reason)
    })?;
    Ok(Seal::File(Secret::new(key)))
}

/// Writes the key under its final name only when all of it is on the disk.
fn create_seal(path: &Path, entropy: &dyn Entropy) -> io::Result<Seal> {
    let key = Secret::new(draw::<SEAL_BYTES>(entropy));
    let draft = path.with_added_extension("new");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(key.expose())?;
    file.sync_all()?;
    std::fs::rename(&draft, path)?;
    crate::durable::sync_folder_of(path)?;
    Ok(Seal::File(key))
}
