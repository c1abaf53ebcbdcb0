//! Power cuts: what a disk holds that never got what was not synced.
//!
//! The database lives on a file system inside an image file. What its files received but nobody synced stays in
//! the memory of the machine; a copy of the image at any moment is the disk as a power cut would have left it.
//! Needs the right to mount; without it the case says so and passes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gabion_store::{Db, StorageConfig, StoreError};

use crate::place::{TEA, add_tea, deps, happened, record, teas};

const CUTS: i64 = 6;
const WRITES_BETWEEN_CUTS: i64 = 30;

/// A mounted image.
struct Disk {
    mount: tempfile::TempDir,
}

impl Disk {
    fn new(image: &Path) -> Option<Self> {
        std::fs::File::create(image).unwrap().set_len(32 << 20).unwrap();
        if succeeds(Command::new("/sbin/mkfs.ext4").args(["-q", "-F"]).arg(image)) {
            return Self::mount(image);
        }
        None
    }

    fn mount(image: &Path) -> Option<Self> {
        let mount = tempfile::tempdir().unwrap();
        let mounted = succeeds(Command::new("mount").args(["-o", "loop"]).arg(image).arg(mount.path()));
        mounted.then_some(Self { mount })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.mount.path().join(name)
    }

    async fn open(&self) -> Db {
        let url = format!("sqlite:{}", self.file("gabion.db").display());
        let db = Db::open(StorageConfig::new(url), deps()).await.unwrap();
        db.migrate(&[TEA]).await.unwrap();
        db
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        assert!(succeeds(Command::new("umount").arg("-l").arg(self.mount.path())));
    }
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

#[tokio::test]
async fn acknowledged_writes_survive_a_power_cut() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::new(&folder.path().join("image")) else {
        println!("skipped: a disk image cannot be mounted here");
        return;
    };
    let db = disk.open().await;
    for cut in 0..CUTS {
        write_together(&db, cut * WRITES_BETWEEN_CUTS).await;
        std::fs::write(disk.file("unsynced"), vec![7; 10_000]).unwrap();
        std::fs::copy(folder.path().join("image"), folder.path().join(format!("cut-{cut}"))).unwrap();
        std::fs::remove_file(disk.file("unsynced")).unwrap();
    }
    for cut in 0..CUTS {
        let disk = Disk::mount(&folder.path().join(format!("cut-{cut}"))).unwrap();
        let lost = std::fs::metadata(disk.file("unsynced")).map_or(0, |file| file.len());
        assert_eq!(lost, 0, "what was not synced is gone: the cut is a cut");
        let db = disk.open().await;
        let acknowledged = (cut + 1) * WRITES_BETWEEN_CUTS;
        assert_eq!(teas(&db).await.len() as i64, acknowledged);
        assert_eq!((db.journal().newest(), db.rolled_back()), (acknowledged, None));
        db.close().await;
    }
}

/// Several clients at once, each write with its event; returns when all are acknowledged.
async fn write_together(db: &Db, first: i64) {
    let write = |id: i64| {
        let db = db.clone();
        tokio::spawn(async move {
            add_tea(&db, id, &format!("tea {id}")).await?;
            record(&db, happened()).await;
            Ok::<_, StoreError>(())
        })
    };
    for written in (first..first + WRITES_BETWEEN_CUTS).map(write).collect::<Vec<_>>() {
        written.await.unwrap().unwrap();
    }
}
