//! Which refusals are beyond reasonable doubt: what neither a customer nor an owner sends on purpose.
//!
//! Owners upload archives with programs, scripts and lists of malware in them: extensions of their shop. What only stands
//! inside an archive is therefore never certain, unless the archive itself is an attack on whoever unpacks it.

use crate::name::{changes_server, runs_on_server};
use crate::reason::{Code, Reason};
use crate::{Inspection, Kind};

impl Inspection {
    /// Whether the file is refused for something that no honest file has: code of servers in a picture, a name that a
    /// server would run, two kinds in one file, an archive that leaves its folder or unpacks to gigabytes, a rule.
    /// Never for a kind, a size, or a type that disagrees.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.reasons().iter().any(|reason| is_certain(reason, self.facts.kind, &self.facts.name))
    }
}

fn is_certain(reason: &Reason, kind: Option<Kind>, name: &str) -> bool {
    let is_archive = matches!(kind, Some(Kind::Zip | Kind::Tar | Kind::Gzip));
    match reason.code {
        Code::RatioTooHigh | Code::TooDeep | Code::PathInArchive => true,
        Code::Rule => !is_archive,
        Code::ServerCode | Code::Polyglot => !is_archive && reason.inside.is_empty(),
        Code::NameRuns => runs_on_server(name).is_some(),
        Code::NameReserved => changes_server(name),
        Code::KindNotAllowed => matches!(kind, Some(Kind::Php | Kind::ServerPage | Kind::MagickScript)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::{Inspector, Policy, Rules, Upload};

    #[track_caller]
    fn check(name: &str, bytes: &[u8], expected: bool) {
        let inspector = Inspector::new(Rules::builtin());
        let upload = Upload { name: name.as_bytes(), declared_type: b"", bytes };
        let inspection = inspector.inspect(&upload, &Policy::pictures());
        assert!(!inspection.passes(), "{name}");
        assert_eq!(inspection.is_certain(), expected, "{name}: {:?}", inspection.reasons());
    }

    fn shell() -> Vec<u8> {
        ["<", "?php sys", "tem($_GET['c']); ?>"].concat().into_bytes()
    }

    #[test]
    fn code_of_servers_and_names_that_run_are_certain() {
        check("a.gif", &[&b"GIF89a"[..], &shell()].concat(), true);
        check("notes.txt", &shell(), true);
        check("a.php", b"hello", true);
        check("a.phtml.jpg", b"hello", true);
        check(".htaccess", b"Options None", true);
    }

    #[test]
    fn kinds_sizes_types_and_programs_are_not() {
        check("a.pdf", b"%PDF-1.7", false);
        check("setup.exe", b"MZ\x90\0\x03\0\0\0", false);
        check("page.html", b"<!DOCTYPE html><p>hello", false);
        check("robots.txt", b"User-agent: *", false);
        check("a.jpg", b"hello", false);
    }
}
