//! The file: a line `GABION BACKUP 1`, then frames.
//!
//! A frame is its length (4 bytes, big-endian), its content, and the SHA-256 of the digest before it and the
//! content: any change, cut or exchange shows at its place. The first byte of the content is its kind:
//! `H` header (JSON), `T` table (JSON: name and columns), `R` rows of the last table, `E` end (JSON: counts).
//! A row is its values in the order of the columns, each a kind byte (`0` null, `i` 8 bytes, `f` 8 bytes, `t` and
//! `b` 4 bytes of length and content), numbers big-endian.

use std::io::{self, Read, Write};

use gabion_core::Timestamp;
use gabion_crypto::digest::Sha256;
use serde::{Deserialize, Serialize};

use crate::Param;

const MAGIC: &[u8] = b"GABION BACKUP 1\n";

/// Bytes of one frame. A row must fit into one.
const FRAME_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A frame of rows is written when it has as many bytes.
pub(super) const ROWS_BYTES: usize = 256 * 1024;

/// The first frame.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) created_at: Timestamp,
    pub(super) epoch: i64,
    pub(super) position: i64,
    pub(super) migrations: Vec<Step>,
}

/// One applied migration.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Step {
    pub(super) domain: String,
    pub(super) version: i64,
    pub(super) checksum: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct End {
    pub(super) tables: u64,
    pub(super) rows: u64,
}

/// One frame, read.
pub(super) enum Frame {
    Header(Header),
    Table(Table),
    Rows(Vec<u8>),
    End(End),
}

pub(super) struct FrameWriter<W> {
    out: W,
    digest: [u8; 32],
}

impl<W: Write> FrameWriter<W> {
    pub(super) fn new(mut out: W) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        Ok(Self { out, digest: [0; 32] })
    }

    pub(super) fn json(&mut self, kind: u8, content: &impl Serialize) -> io::Result<()> {
        self.frame(kind, &serde_json::to_vec(content)?)
    }

    pub(super) fn rows(&mut self, rows: &[u8]) -> io::Result<()> {
        self.frame(b'R', rows)
    }

    /// Gives the stream back, with the digest over everything.
    pub(super) fn finish(self) -> (W, [u8; 32]) {
        (self.out, self.digest)
    }

    fn frame(&mut self, kind: u8, content: &[u8]) -> io::Result<()> {
        let length = content.len() + 1;
        if length > FRAME_BYTES_MAX {
            return Err(damaged(format!("a row of {length} bytes does not fit into a backup")));
        }
        let length = u32::try_from(length).map_err(|_| damaged("a frame is too long"))?;
        self.digest = chained(&self.digest, kind, content);
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(&[kind])?;
        self.out.write_all(content)?;
        self.out.write_all(&self.digest)
    }
}

pub(super) struct FrameReader<R> {
    from: R,
    digest: [u8; 32],
}

impl<R: Read> FrameReader<R> {
    pub(super) fn new(mut from: R) -> io::Result<Self> {
        let mut magic = [0; MAGIC.len()];
        from.read_exact(&mut magic).map_err(cut)?;
        if magic != MAGIC {
            return Err(damaged("it does not begin with GABION BACKUP 1"));
        }
        Ok(Self { from, digest: [0; 32] })
    }

    /// Reads and checks the next frame.
    pub(super) fn next(&mut self) -> io::Result<Frame> {
        let mut length = [0; 4];
        self.from.read_exact(&mut length).map_err(cut)?;
        let length = u32::from_be_bytes(length) as usize;
        if !(1..=FRAME_BYTES_MAX).contains(&length) {
            return Err(damaged("a frame has an impossible length"));
        }
        let mut content = Vec::new();
        (&mut self.from).take(length as u64).read_to_end(&mut content)?;
        let mut digest = [0; 32];
        self.from.read_exact(&mut digest).map_err(cut)?;
        let Some((&kind, body)) = content.split_first().filter(|_| content.len() == length) else {
            return Err(damaged("it is cut short"));
        };
        self.digest = chained(&self.digest, kind, body);
        if self.digest != digest {
            return Err(damaged("a checksum does not fit"));
        }
        match kind {
            b'H' => Ok(Frame::Header(serde_json::from_slice(body)?)),
            b'T' => Ok(Frame::Table(serde_json::from_slice(body)?)),
            b'R' => Ok(Frame::Rows(content.split_off(1))),
            b'E' => Ok(Frame::End(serde_json::from_slice(body)?)),
            _ => Err(damaged("a frame of an unknown kind")),
        }
    }

    /// Makes sure that nothing follows, and gives the digest over everything.
    pub(super) fn finish(mut self) -> io::Result<[u8; 32]> {
        match self.from.read(&mut [0])? {
            0 => Ok(self.digest),
            _ => Err(damaged("something follows its end")),
        }
    }
}

/// Appends one row.
pub(super) fn encode(row: &[Param], out: &mut Vec<u8>) {
    for value in row {
        match value {
            Param::Null => out.push(b'0'),
            Param::Int(value) => {
                out.push(b'i');
                out.extend_from_slice(&value.to_be_bytes());
            }
            Param::Float(value) => {
                out.push(b'f');
                out.extend_from_slice(&value.to_be_bytes());
            }
            Param::Text(value) => sized(b't', value.as_bytes(), out),
            Param::Bytes(value) => sized(b'b', value, out),
        }
    }
}

fn sized(kind: u8, content: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(content.len()).expect("the databases keep no value of 4 GiB");
    out.push(kind);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(content);
}

/// Takes one row off the front of `rows`.
pub(super) fn decode(rows: &mut &[u8], columns: usize) -> io::Result<Vec<Param>> {
    (0..columns).map(|_| value(rows)).collect()
}

fn value(rows: &mut &[u8]) -> io::Result<Param> {
    let short = || damaged("a row is cut short");
    let (&kind, rest) = rows.split_first().ok_or_else(short)?;
    *rows = rest;
    let number = |rows: &mut &[u8]| {
        let (number, rest) = rows.split_first_chunk::<8>().ok_or_else(short)?;
        *rows = rest;
        Ok::<_, io::Error>(*number)
    };
    let sized = |rows: &mut &[u8]| {
        let (length, rest) = rows.split_first_chunk::<4>().ok_or_else(short)?;
        let length = u32::from_be_bytes(*length) as usize;
        let (content, rest) = rest.split_at_checked(length).ok_or_else(short)?;
        *rows = rest;
        Ok::<_, io::Error>(content.to_vec())
    };
    Ok(match kind {
        b'0' => Param::Null,
        b'i' => Param::Int(i64::from_be_bytes(number(rows)?)),
        b'f' => Param::Float(f64::from_be_bytes(number(rows)?)),
        b't' => Param::Text(String::from_utf8(sized(rows)?).map_err(|_| damaged("a text is not UTF-8"))?),
        b'b' => Param::Bytes(sized(rows)?),
        _ => return Err(damaged("a value of an unknown kind")),
    })
}

fn chained(before: &[u8; 32], kind: u8, content: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(before);
    digest.update(&[kind]);
    digest.update(content);
    digest.finish()
}

fn damaged(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.into())
}

fn cut(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof { damaged("it is cut short") } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Vec<u8> {
        let mut writer = FrameWriter::new(Vec::new()).expect("memory takes all");
        let header =
            Header { created_at: Timestamp::default(), epoch: 3, position: 7, migrations: Vec::new() };
        writer.json(b'H', &header).expect("memory takes all");
        writer.rows(b"rows").expect("memory takes all");
        writer.json(b'E', &End { tables: 0, rows: 0 }).expect("memory takes all");
        writer.finish().0
    }

    fn read(file: &[u8]) -> io::Result<()> {
        let mut reader = FrameReader::new(file)?;
        while !matches!(reader.next()?, Frame::End(_)) {}
        reader.finish().map(drop)
    }

    #[test]
    fn a_whole_file_is_read() {
        read(&file()).expect("it is whole");
    }

    #[test]
    fn every_cut_and_every_changed_byte_shows() {
        let file = file();
        for end in 0..file.len() {
            assert!(read(&file[..end]).is_err(), "cut at {end}");
        }
        for at in 0..file.len() {
            let mut changed = file.clone();
            changed[at] ^= 1;
            assert!(read(&changed).is_err(), "changed at {at}");
        }
        assert!(read(&[file, vec![0]].concat()).is_err(), "something appended");
    }

    #[test]
    fn rows_round_trip() {
        let row = [
            Param::Null,
            Param::Int(i64::MIN),
            Param::Float(-0.5),
            Param::Text("茶".to_owned()),
            Param::Bytes(vec![0, 255]),
        ];
        let mut encoded = Vec::new();
        encode(&row, &mut encoded);
        encode(&row, &mut encoded);
        let mut rest = encoded.as_slice();
        assert_eq!(decode(&mut rest, row.len()).expect("a row"), row);
        assert_eq!(decode(&mut rest, row.len()).expect("a row"), row);
        assert!(rest.is_empty() && decode(&mut rest, 1).is_err());
    }
}
