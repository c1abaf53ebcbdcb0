//! Notices replaced certificate files and serves the new ones.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use gabion_core::Timestamp;

use super::{FileError, Warning, load};
use crate::tls::certificate::ServedCertificate;
use crate::tls::config::CertificateFiles;
use crate::tls::source::CertificateEvent;

/// Looks in a row that must find a pair broken before it is reported. Certificate and key are replaced one after
/// the other: the first look may fall between.
const LOOKS_BEFORE_REPORT: u32 = 2;

/// The configured pairs with the last good certificate of each.
#[derive(Debug)]
pub struct FileCertificates {
    pairs: Vec<Pair>,
}

#[derive(Debug)]
struct Pair {
    files: CertificateFiles,
    /// Of the files as last loaded; `None` while the last look found them broken.
    stamp: Option<[Stamp; 2]>,
    certificate: ServedCertificate,
    broken_looks: u32,
}

/// What changes when a file is replaced or rewritten, or its mode changes. All zero for a missing file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified_ns: (i64, i64),
    changed_ns: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Self {
        // An unreadable file is reported by the load that follows.
        fs::metadata(path).map_or_else(
            |_| Self::default(),
            |meta| Self {
                device: meta.dev(),
                inode: meta.ino(),
                bytes: meta.size(),
                modified_ns: (meta.mtime(), meta.mtime_nsec()),
                changed_ns: (meta.ctime(), meta.ctime_nsec()),
            },
        )
    }

    fn of_pair(files: &CertificateFiles) -> [Self; 2] {
        [Self::of(&files.cert), Self::of(&files.key)]
    }
}

impl FileCertificates {
    /// Loads every pair. Blocks on file reads.
    ///
    /// # Errors
    /// The first pair that cannot be served: at start, nothing is better than half.
    pub fn open(files: &[CertificateFiles], now: Timestamp) -> Result<(Self, Vec<Warning>), FileError> {
        let mut pairs = Vec::with_capacity(files.len());
        let mut warnings = Vec::new();
        for files in files {
            let stamp = Some(Stamp::of_pair(files));
            let (certificate, found) = load(files, now)?;
            warnings.extend(found);
            pairs.push(Pair { files: files.clone(), stamp, certificate, broken_looks: 0 });
        }
        Ok((Self { pairs }, warnings))
    }

    /// The last good certificate of every pair, in the configured order.
    pub fn certificates(&self) -> Vec<ServedCertificate> {
        self.pairs.iter().map(|pair| pair.certificate.clone()).collect()
    }

    /// Looks once and loads what changed. A pair that is broken keeps its old certificate, is tried again at
    /// every look, and is reported once, at the second. Blocks on file reads.
    pub fn look(&mut self, now: Timestamp) -> Vec<CertificateEvent> {
        self.pairs.iter_mut().flat_map(|pair| pair.look(now)).collect()
    }
}

impl Pair {
    fn look(&mut self, now: Timestamp) -> Vec<CertificateEvent> {
        // Taken before reading: a file replaced in between is seen as changed at the next look.
        let stamp = Stamp::of_pair(&self.files);
        if self.stamp == Some(stamp) {
            return Vec::new();
        }
        match load(&self.files, now) {
            Ok((certificate, warnings)) => {
                self.certificate = certificate.clone();
                self.stamp = Some(stamp);
                self.broken_looks = 0;
                vec![CertificateEvent::Loaded { certificate, warnings }]
            }
            Err(error) => {
                self.stamp = None;
                self.broken_looks = self.broken_looks.saturating_add(1);
                let report = self.broken_looks == LOOKS_BEFORE_REPORT;
                report.then(|| CertificateEvent::from(error)).into_iter().collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::testing::{Ca, DAY, Folder, NOW};

    struct Shop {
        folder: Folder,
        ca: Ca,
        watched: FileCertificates,
    }

    impl Shop {
        fn new() -> Self {
            let (folder, ca) = (Folder::new(), Ca::new());
            let pair = ca.pair(&["shop.example"]);
            let files = folder.write_pair(&pair);
            let (watched, warnings) = FileCertificates::open(&[files], NOW).unwrap();
            assert_eq!(warnings, []);
            Self { folder, ca, watched }
        }

        fn names(&self) -> String {
            self.watched.certificates()[0].names()[0].to_string()
        }

        #[track_caller]
        fn check(&mut self, expected: &str, serving: &str) {
            let events: Vec<String> = self.watched.look(NOW).iter().map(|event| event.to_string()).collect();
            let events = events.join("\n");
            assert!(events.contains(expected) && events.is_empty() == expected.is_empty(), "{events:?}");
            assert_eq!(self.names(), serving);
        }
    }

    #[test]
    fn unchanged_files_are_left_alone_and_a_new_pair_is_served() {
        let mut shop = Shop::new();
        shop.check("", "shop.example");
        shop.folder.write_pair(&shop.ca.pair(&["new.example"]));
        shop.check("new.example", "new.example");
        shop.check("", "new.example");
    }

    #[test]
    fn a_pair_caught_half_replaced_is_served_once_it_is_whole() {
        let mut shop = Shop::new();
        let pair = shop.ca.pair(&["new.example"]);
        shop.folder.replace("cert.pem", &pair.cert);
        shop.check("", "shop.example");
        shop.folder.replace("key.pem", &pair.key);
        shop.check("new.example", "new.example");
    }

    #[test]
    fn a_broken_pair_keeps_the_old_certificate_and_is_reported_once() {
        let mut shop = Shop::new();
        shop.folder.replace("cert.pem", "-----BEGIN CERTIFICATE-----\n");
        shop.check("", "shop.example");
        shop.check("cert.pem:1: this section has no matching -----END", "shop.example");
        shop.check("", "shop.example");
        shop.folder.replace("cert.pem", "empty");
        shop.check("", "shop.example");
        shop.folder.write_pair(&shop.ca.pair(&["new.example"]));
        shop.check("new.example", "new.example");
        std::fs::remove_file(shop.folder.path("key.pem")).unwrap();
        shop.check("", "new.example");
        shop.check("key.pem: cannot be read", "new.example");
    }

    #[test]
    fn one_broken_pair_does_not_hold_back_another() {
        let (one, two, ca) = (Folder::new(), Folder::new(), Ca::new());
        let files = [one.write_pair(&ca.pair(&["one.example"])), two.write_pair(&ca.pair(&["two.example"]))];
        let (mut watched, _) = FileCertificates::open(&files, NOW).unwrap();
        one.replace("key.pem", "gone");
        two.write_pair(&ca.pair(&["renewed.example"]));
        watched.look(NOW);
        let names: Vec<String> =
            watched.certificates().iter().map(|served| served.names()[0].to_string()).collect();
        assert_eq!(names, ["one.example", "renewed.example"]);
    }

    #[test]
    fn an_expired_replacement_is_served_with_a_warning() {
        let mut shop = Shop::new();
        shop.folder.write_pair(&shop.ca.pair_until(&["late.example"], NOW.before(DAY)));
        shop.check("expired at", "late.example");
    }
}
