//! What a plan needs to know about the machine.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{env, fs};

use super::step::Step;

/// Browser profiles looked at. A home folder with more is cut: each costs one run of certutil.
const PROFILES_MAX: usize = 64;

/// Folders under the home that are NSS databases: Chromium, Chrome and everything that shares theirs.
const SHARED_DATABASES: [&str; 3] =
    [".pki/nssdb", ".local/share/pki/nssdb", "snap/chromium/current/.pki/nssdb"];

/// Folders under the home that hold one NSS database per Firefox profile.
const PROFILE_FOLDERS: [&str; 4] = [
    ".mozilla/firefox",
    ".config/mozilla/firefox",
    "snap/firefox/common/.mozilla/firefox",
    ".var/app/org.mozilla.firefox/.mozilla/firefox",
];

/// Java's certificate store on Debian, filled from the system's by the package ca-certificates-java.
pub(super) const JAVA_STORE: &str = "/etc/ssl/certs/java/cacerts";

/// Operating systems by how their certificate store is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Os {
    /// Debian, Ubuntu and their relatives.
    Debian,
    /// Fedora, RHEL and their relatives.
    Fedora,
    /// Arch and its relatives.
    Arch,
    /// A Linux that none of the others fits.
    OtherLinux,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
}

/// What a plan needs to know about the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The operating system.
    pub os: Os,
    /// Whether system files may be written without sudo.
    pub superuser: bool,
    /// Whether NSS's certutil is installed.
    pub certutil: bool,
    /// Whether Java's tools and Debian's store for them are installed.
    pub java_store: bool,
    /// Existing NSS databases of this account's browsers.
    pub nss_databases: Vec<PathBuf>,
}

impl Facts {
    /// Looks at this machine and account: `/etc/os-release`, `PATH`, and the browser profiles in `HOME`. What is
    /// missing counts as absent. Blocks on file access.
    pub fn read() -> Self {
        let home = env::var_os("HOME").map(PathBuf::from);
        let path = env::var_os("PATH").unwrap_or_default();
        Self {
            os: Os::of_this_machine(),
            superuser: rustix::process::geteuid().is_root(),
            certutil: has_program(&path, "certutil"),
            java_store: has_program(&path, "keytool") && Path::new(JAVA_STORE).is_file(),
            nss_databases: home.map(|home| nss_databases(&home)).unwrap_or_default(),
        }
    }

    /// A step that writes system files.
    pub(super) fn as_root(&self, purpose: &str, command: &[&str]) -> Step {
        match (self.superuser, command) {
            (true, [program, arguments @ ..]) => Step::run(purpose, program, arguments),
            _ => Step::run(purpose, "sudo", command),
        }
    }
}

impl Os {
    fn of_this_machine() -> Self {
        match env::consts::OS {
            "macos" => Self::MacOs,
            "windows" => Self::Windows,
            _ => {
                fs::read_to_string("/etc/os-release").map_or(Self::OtherLinux, |text| Self::of_release(&text))
            }
        }
    }

    /// Reads os-release(5): `ID`, then `ID_LIKE` from the closest relative to the farthest.
    fn of_release(text: &str) -> Self {
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default().trim_matches(['"', '\''])
        };
        let known = |id: &str| match id {
            "debian" | "ubuntu" => Some(Self::Debian),
            "fedora" | "rhel" | "centos" => Some(Self::Fedora),
            "arch" => Some(Self::Arch),
            _ => None,
        };
        known(value("ID")).or_else(|| value("ID_LIKE").split(' ').find_map(known)).unwrap_or(Self::OtherLinux)
    }
}

fn has_program(path: &OsStr, program: &str) -> bool {
    env::split_paths(path).any(|folder| folder.join(program).is_file())
}

fn nss_databases(home: &Path) -> Vec<PathBuf> {
    let shared = SHARED_DATABASES.iter().map(|folder| home.join(folder));
    let profiles = PROFILE_FOLDERS.iter().flat_map(|folder| subfolders(&home.join(folder)));
    let databases = shared.chain(profiles).filter(|folder| folder.join("cert9.db").is_file());
    databases.take(PROFILES_MAX).collect()
}

/// The folders in `folder`, in a stable order; none when it cannot be read.
fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::testing::Folder;

    #[test]
    fn relatives_of_known_systems_are_recognized() {
        for (text, expected) in [
            ("PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n", Os::Debian),
            ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", Os::Debian),
            ("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", Os::Fedora),
            ("ID=endeavouros\nID_LIKE=\"arch\"\n", Os::Arch),
            ("ID=alpine\n", Os::OtherLinux),
            ("", Os::OtherLinux),
        ] {
            assert_eq!(Os::of_release(text), expected, "{text}");
        }
    }

    #[test]
    fn browser_profiles_are_found_where_they_hold_a_database() {
        let home = Folder::new();
        for folder in [".pki/nssdb", ".mozilla/firefox/b.default", ".mozilla/firefox/a.default"] {
            fs::create_dir_all(home.path(folder)).unwrap();
            home.replace(&format!("{folder}/cert9.db"), "");
        }
        fs::create_dir_all(home.path(".mozilla/firefox/Crash Reports")).unwrap();
        let expected = [".pki/nssdb", ".mozilla/firefox/a.default", ".mozilla/firefox/b.default"];
        assert_eq!(nss_databases(&home.path("")), expected.map(|folder| home.path("").join(folder)));
    }

    #[test]
    fn programs_are_found_through_the_path() {
        let folder = Folder::new();
        folder.replace("certutil", "");
        let path = env::join_paths([Path::new("/nonexistent"), &folder.path("")]).unwrap();
        assert!(has_program(&path, "certutil"));
        assert!(!has_program(&path, "sudo"));
    }
}
