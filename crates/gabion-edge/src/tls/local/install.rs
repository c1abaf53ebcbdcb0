//! Makes a machine trust the local root, and takes that back.
//!
//! [`plan`] decides from facts what would be run and runs nothing; [`step::run`] runs a plan. Whoever prefers to do it
//! by hand prints the plan: every step reads as the shell command it is.

pub mod facts;
pub mod step;

use std::path::{Path, PathBuf};

use super::Authority;
use facts::{Facts, JAVA_STORE, Os};
use step::Step;

/// What to do with the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Trust it.
    Install,
    /// Trust it no longer.
    Uninstall,
}

/// The root as the stores of a machine know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Where the PEM file lies.
    pub path: PathBuf,
    /// The name it is listed by.
    pub name: String,
}

impl From<&Authority> for Root {
    fn from(authority: &Authority) -> Self {
        Self { path: authority.root_path().to_owned(), name: authority.common_name().to_owned() }
    }
}

/// The steps that make this machine trust `root`, or no longer: the system's store, then the stores of Chromium
/// and Firefox, which have their own. Needs nothing and changes nothing.
pub fn plan(facts: &Facts, root: &Root, action: Action) -> Vec<Step> {
    let mut steps = system_steps(facts, root, action);
    steps.extend(browser_steps(facts, root, action));
    steps
}

fn system_steps(facts: &Facts, root: &Root, action: Action) -> Vec<Step> {
    let (folder, refresh): (&str, &[&str]) = match facts.os {
        Os::Debian => ("/usr/local/share/ca-certificates", &["update-ca-certificates"]),
        Os::Fedora => ("/etc/pki/ca-trust/source/anchors", &["update-ca-trust", "extract"]),
        Os::Arch => ("/etc/ca-certificates/trust-source/anchors", &["update-ca-trust", "extract"]),
        Os::OtherLinux | Os::MacOs | Os::Windows => {
            return vec![Step::Advise(advice(facts.os, root, action))];
        }
    };
    let file = root.name.replace(' ', "-").to_ascii_lowercase();
    let target = format!("{folder}/{file}.crt");
    let source = root.path.display().to_string();
    let change = match action {
        Action::Install => {
            facts.as_root("trust it system-wide", &["install", "-D", "-m", "0644", &source, &target])
        }
        Action::Uninstall => facts.as_root("trust it no longer", &["rm", "-f", &target]),
    };
    // Debian only forgets removed certificates when it starts afresh.
    let fresh = facts.os == Os::Debian && action == Action::Uninstall;
    let refresh = [refresh, if fresh { &["--fresh"] } else { &[] }].concat();
    let mut steps = vec![change, facts.as_root("rebuild the system's list", &refresh)];
    if facts.java_store && action == Action::Uninstall {
        steps.push(java_step(facts, &file));
    }
    steps
}

/// Debian copies the list into Java's own store, under this alias, but never takes anything back.
fn java_step(facts: &Facts, file: &str) -> Step {
    let alias = format!("debian:{file}.pem");
    let store = ["-keystore", JAVA_STORE, "-storepass", "changeit"]; // the password everybody has
    let command = [&["keytool", "-delete", "-noprompt"][..], &store, &["-alias", &alias]].concat();
    facts.as_root("trust it no longer in Java", &command).that_may_find_nothing()
}

fn advice(os: Os, root: &Root, action: Action) -> String {
    let (path, name) = (root.path.display(), &root.name);
    match (os, action) {
        (Os::MacOs, Action::Install) => format!(
            "on the Mac, run: sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain '{path}'"
        ),
        (Os::MacOs, Action::Uninstall) => {
            format!(
                "on the Mac, run: sudo security delete-certificate -c '{name}' /Library/Keychains/System.keychain"
            )
        }
        (Os::Windows, Action::Install) => {
            format!("on Windows, run as administrator: certutil -addstore -f ROOT \"{path}\"")
        }
        (Os::Windows, Action::Uninstall) => {
            format!("on Windows, run as administrator: certutil -delstore ROOT \"{name}\"")
        }
        (_, Action::Install) => format!(
            "this system's certificate store is unknown here: add {path} with its own tool (look for update-ca-certificates or update-ca-trust)"
        ),
        (_, Action::Uninstall) => {
            format!("this system's certificate store is unknown here: remove \"{name}\" with its own tool")
        }
    }
}

fn browser_steps(facts: &Facts, root: &Root, action: Action) -> Vec<Step> {
    if facts.nss_databases.is_empty() {
        return Vec::new();
    }
    if !facts.certutil {
        let package = match facts.os {
            Os::Debian => "libnss3-tools",
            Os::Fedora => "nss-tools",
            _ => "nss",
        };
        return vec![Step::Advise(format!(
            "Chromium and Firefox keep their own lists: install the package {package} (it brings certutil) and run this again"
        ))];
    }
    facts.nss_databases.iter().map(|folder| browser_step(folder, root, action)).collect()
}

fn browser_step(folder: &Path, root: &Root, action: Action) -> Step {
    let database = format!("sql:{}", folder.display());
    let source = root.path.display().to_string();
    let (purpose, arguments): (_, &[&str]) = match action {
        Action::Install => (
            "trust it in this browser profile",
            &["-d", &database, "-A", "-t", "C,,", "-n", &root.name, "-i", &source],
        ),
        Action::Uninstall => {
            ("trust it no longer in this browser profile", &["-d", &database, "-D", "-n", &root.name])
        }
    };
    let step = Step::run(purpose, "certutil", arguments);
    match action {
        Action::Install => step,
        Action::Uninstall => step.that_may_find_nothing(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(os: Os) -> Facts {
        let nss_databases = vec!["/home/ada/.pki/nssdb".into()];
        Facts { os, superuser: false, certutil: true, java_store: true, nss_databases }
    }

    #[track_caller]
    fn check(facts: &Facts, action: Action, expected: &[&str]) {
        let root = Root { path: "/data/my ca/root.crt".into(), name: "Gabion local CA 0a1b2c3d".to_owned() };
        let lines: Vec<String> = plan(facts, &root, action).iter().map(Step::to_string).collect();
        let commands: Vec<&str> = lines.iter().map(|line| line.rsplit('\n').next().unwrap()).collect();
        assert_eq!(commands, expected);
    }

    #[test]
    fn debian_installs_into_the_system_and_the_browsers() {
        check(
            &facts(Os::Debian),
            Action::Install,
            &[
                "sudo install -D -m 0644 '/data/my ca/root.crt' /usr/local/share/ca-certificates/gabion-local-ca-0a1b2c3d.crt",
                "sudo update-ca-certificates",
                "certutil -d sql:/home/ada/.pki/nssdb -A -t C,, -n 'Gabion local CA 0a1b2c3d' -i '/data/my ca/root.crt'",
            ],
        );
        check(
            &Facts { superuser: true, ..facts(Os::Debian) },
            Action::Uninstall,
            &[
                "rm -f /usr/local/share/ca-certificates/gabion-local-ca-0a1b2c3d.crt",
                "update-ca-certificates --fresh",
                "keytool -delete -noprompt -keystore /etc/ssl/certs/java/cacerts -storepass changeit -alias debian:gabion-local-ca-0a1b2c3d.pem",
                "certutil -d sql:/home/ada/.pki/nssdb -D -n 'Gabion local CA 0a1b2c3d'",
            ],
        );
    }

    #[test]
    fn fedora_and_arch_have_their_own_folders() {
        for (os, folder) in [
            (Os::Fedora, "/etc/pki/ca-trust/source/anchors"),
            (Os::Arch, "/etc/ca-certificates/trust-source/anchors"),
        ] {
            let copy = format!(
                "sudo install -D -m 0644 '/data/my ca/root.crt' {folder}/gabion-local-ca-0a1b2c3d.crt"
            );
            let facts = Facts { nss_databases: vec![], ..facts(os) };
            check(&facts, Action::Install, &[&copy, "sudo update-ca-trust extract"]);
        }
    }

    #[test]
    fn other_systems_get_advice() {
        for (os, word) in [
            (Os::MacOs, "security add-trusted-cert"),
            (Os::Windows, "certutil -addstore"),
            (Os::OtherLinux, "own tool"),
        ] {
            let root = Root { path: "root.crt".into(), name: "Gabion".to_owned() };
            let facts = Facts { nss_databases: vec![], ..facts(os) };
            let steps = plan(&facts, &root, Action::Install);
            assert!(matches!(&steps[..], [Step::Advise(text)] if text.contains(word)), "{steps:?}");
        }
    }

    #[test]
    fn without_certutil_the_package_is_named() {
        let facts = Facts { certutil: false, ..facts(Os::Debian) };
        let root = Root { path: "root.crt".into(), name: "Gabion".to_owned() };
        let steps = plan(&facts, &root, Action::Install);
        assert!(matches!(steps.last(), Some(Step::Advise(text)) if text.contains("libnss3-tools")));
    }
}
