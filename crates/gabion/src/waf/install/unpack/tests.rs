use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, Header};

use super::*;

/// An archive with these entries: name, kind, content.
fn archive(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, kind, content) in entries {
        let mut header = Header::new_ustar();
        // Not by `set_path`, which refuses what an attacker would write.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, *content).expect("memory takes everything");
    }
    builder.into_inner().and_then(GzEncoder::finish).expect("memory takes everything")
}

/// What is left of the names in a folder after unpacking, and how it went.
fn unpack_in(folder: &Path, archive: &[u8]) -> Result<(), UnpackError> {
    let to = folder.join("crs");
    unpack(archive, &to)?.keep(&to)
}

#[track_caller]
fn check_refused(archive: &[u8], said: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let error = unpack_in(folder.path(), archive).expect_err("refused");
    assert!(gabion_core::blame::chain(&error).contains(said), "{error:?}");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing is left");
}

#[test]
fn what_a_rule_set_needs_is_unpacked_and_nothing_else() {
    use EntryType::{Directory, Regular, XGlobalHeader};
    let archive = archive(&[
        ("pax_global_header", XGlobalHeader, b"52 comment=0123456789012345678901234567890123456789\n"),
        ("crs-1/", Directory, b""),
        ("crs-1/crs-setup.conf.example", Regular, b"setup"),
        ("crs-1/rules/a.conf", Regular, b"a"),
        ("crs-1/rules/words.data", Regular, b"words"),
        ("crs-1/plugins/b-before.conf", Regular, b"b"),
        ("crs-1/util/run.sh", Regular, b"rm"),
        ("crs-1/rules/deep/a.conf", Regular, b"x"),
        ("rules/a.conf", Regular, b"x"),
    ]);
    let folder = tempfile::tempdir().expect("a folder");
    unpack_in(folder.path(), &archive).expect("unpacked");
    let read = |path: &str| fs::read_to_string(folder.path().join("crs").join(path)).expect(path);
    assert_eq!((read("crs-setup.conf.example"), read("rules/a.conf")), ("setup".into(), "a".into()));
    assert_eq!((read("rules/words.data"), read("plugins/b-before.conf")), ("words".into(), "b".into()));
    let count = |path: &Path| fs::read_dir(path).expect("a folder").count();
    assert_eq!((count(folder.path()), count(&folder.path().join("crs"))), (1, 3));
    assert_eq!(count(&folder.path().join("crs/rules")), 2);
}

#[test]
fn entries_that_attack_whoever_unpacks_are_refused() {
    use EntryType::{Block, Char, Fifo, Link, Regular, Symlink};
    for name in ["../a.conf", "crs/rules/../../../a.conf", "/etc/a.conf", "crs/.."] {
        check_refused(&archive(&[(name, Regular, b"x")]), "a path that leads out of the folder");
    }
    for kind in [Symlink, Link] {
        check_refused(&archive(&[("crs/rules/a.conf", kind, b"")]), "a link");
    }
    for kind in [Block, Char, Fifo] {
        check_refused(&archive(&[("crs/rules/a.conf", kind, b"")]), "neither a file nor a folder");
    }
    let good_first = archive(&[("crs/rules/a.conf", Regular, b"a"), ("crs/rules/b.conf", Symlink, b"")]);
    check_refused(&good_first, "a link");
}

#[test]
fn archives_have_limits_and_damaged_ones_are_refused() {
    let large = vec![b'x'; usize::try_from(FILE_BYTES_MAX).expect("it fits") + 1];
    check_refused(&archive(&[("crs/rules/a.conf", EntryType::Regular, &large)]), "bytes in one file");
    let half = vec![b'x'; usize::try_from(UNPACKED_BYTES_MAX / 2).expect("it fits")];
    let bomb = [("crs/a", EntryType::Regular, half.as_slice()); 2];
    check_refused(&archive(&bomb), "bytes, unpacked");
    let many = vec![("crs/a", EntryType::Regular, &b""[..]); ENTRIES_MAX + 1];
    check_refused(&archive(&many), "entries");
    let whole = archive(&[("crs/rules/a.conf", EntryType::Regular, &large[..4096])]);
    check_refused(&whole[..whole.len() / 2], "the archive cannot be read");
    check_refused(b"<html>", "the archive cannot be read");
}

#[test]
fn what_is_there_is_not_replaced() {
    let archive = archive(&[("crs/rules/a.conf", EntryType::Regular, b"a")]);
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("crs");
    let unpacked = unpack(&archive, &to).expect("unpacked");
    fs::create_dir(&to).expect("made");
    assert!(matches!(unpacked.keep(&to), Err(UnpackError::Write { .. })));
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    assert_eq!(fs::read_dir(&to).expect("a folder").count(), 0);
}
