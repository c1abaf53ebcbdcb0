//! One stopped file on the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use gabion_crypto::envelope::{self, open_once, seal_once};
use gabion_crypto::kdf::{OneTimeKey, one_time_key};
use gabion_crypto::{KeyRing, KeyUse};
use gabion_edge::upload::StoppedFile;
use serde::{Deserialize, Serialize};

use super::{Kept, UploadId, made_at};

/// Bytes of the line with the facts: sixteen reasons, each with the names of entries in archives.
const FACTS_BYTES_MAX: u64 = 64 * 1024;
/// How files end that are whole, and those that are being written.
const WHOLE: &str = "upl";
const PART: &str = "part";

/// Why a stopped file cannot be taken out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// There is none, or it cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Its facts are none.
    #[error("the facts are damaged")]
    Facts(#[from] serde_json::Error),
    /// The key that it was sealed under is not in the ring.
    #[error("the key it was sealed with, epoch {0}, is not there")]
    NoKey(u32),
    /// It was changed, or sealed by another installation.
    #[error(transparent)]
    Sealed(#[from] envelope::OpenError),
}

/// The line in front of the content.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    /// The key that the content's key is derived from.
    key_epoch: u32,
    facts: StoppedFile,
}

/// A file that was opened: its facts were read, its content was not.
pub(super) struct Entry {
    id: UploadId,
    head: Head,
    line: Vec<u8>,
    rest: BufReader<File>,
}

impl Entry {
    pub(super) fn open(path: &Path, id: UploadId) -> Result<Self, OpenError> {
        let mut rest = BufReader::new(File::open(path)?);
        let mut line = Vec::new();
        rest.by_ref().take(FACTS_BYTES_MAX).read_until(b'\n', &mut line)?;
        Ok(Self { id, head: serde_json::from_slice(&line)?, line, rest })
    }

    pub(super) fn kept(self) -> Kept {
        Kept { id: self.id, at: made_at(self.id), facts: self.head.facts }
    }

    /// Decrypts the content.
    pub(super) fn content(&mut self, keys: &KeyRing) -> Result<Vec<u8>, OpenError> {
        let mut sealed = Vec::new();
        self.rest.read_to_end(&mut sealed)?;
        let epoch = self.head.key_epoch;
        let key = key(keys, epoch, self.id).ok_or(OpenError::NoKey(epoch))?;
        Ok(open_once(key, &context(self.id, &self.line), &sealed)?)
    }
}

/// Writes a file so that it is there as a whole or not at all, once its folder is on the disk too. Returns its length.
pub(super) fn write(
    folder: &Path,
    id: UploadId,
    facts: &StoppedFile,
    content: &[u8],
    keys: &KeyRing,
) -> io::Result<u64> {
    let key_epoch = keys.current(KeyUse::Quarantine).epoch;
    let head = Head { key_epoch, facts: facts.clone() };
    let mut line = serde_json::to_vec(&head)?;
    line.push(b'\n');
    let key = key(keys, key_epoch, id).expect("the current epoch is in the ring");
    let sealed = seal_once(key, &context(id, &line), content);
    let part = folder.join(format!("{id}.{PART}"));
    write_new(&part, &[&line, &sealed])?;
    fs::rename(&part, path(folder, id))?;
    Ok((line.len() + sealed.len()) as u64)
}

/// Writes a new file that only its owner can read, and waits until it is on the disk. What was begun goes when it fails.
pub(super) fn write_new(path: &Path, pieces: &[&[u8]]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let written = pieces.iter().try_for_each(|piece| file.write_all(piece)).and_then(|()| file.sync_all());
    written.inspect_err(|_| drop(fs::remove_file(path)))
}

/// The key of one file's content: it seals nothing else, because the id is never given again.
fn key(keys: &KeyRing, epoch: u32, id: UploadId) -> Option<OneTimeKey> {
    let key = keys.by_epoch(KeyUse::Quarantine, epoch)?;
    Some(one_time_key(&key.secret, &[b"stopped upload", &id.bits().to_be_bytes()]))
}

/// The facts belong to the content: neither can be exchanged.
fn context(id: UploadId, line: &[u8]) -> Vec<u8> {
    envelope::context(&[b"quarantine", &id.bits().to_be_bytes(), line])
}

pub(super) fn path(folder: &Path, id: UploadId) -> PathBuf {
    folder.join(format!("{id}.{WHOLE}"))
}

/// The id of a whole file.
pub(super) fn id_of(path: &Path) -> Option<UploadId> {
    path.extension().filter(|extension| *extension == WHOLE)?;
    path.file_stem()?.to_str()?.parse().ok()
}

/// Whether a file was being written when its process ended.
pub(super) fn is_part(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == PART)
}
