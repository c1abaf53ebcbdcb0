//! Names of files: what they say, and what they could do to a server that stores the file under them.

use crate::Kind;
use crate::reason::{Code, Reasons, shown};

/// Bytes of one name. File systems take 255.
const NAME_BYTES_MAX: usize = 255;

/// Extensions that some server, shell or browser runs: refused at the end of a name.
const RUNS: &str = "\
    apk app appx ashx asmx asp aspx asa axd bat cdx cer cfc cfm cgi chm class cmd com cpl deb dll dmg elf \
    exe fcgi gadget hta htm html inc inf iso jar jnlp js jse jsp jspf jspx jsw lnk mht mhtml mjs msc msi msp \
    pht phar php phpt phtm phtml phps pif pl pm ps1 psm1 py pyc rb reg rpm scf scr sct sh shtm shtml so stm \
    swf url vb vbe vbs wasm wsc wsf wsh xap xht xhtml xsl xslt docm dotm xlsm xltm xlam xlsb xll pptm potm \
    ppsm ppam one library-ms search-ms settingcontent-ms";

/// Extensions that web servers act on anywhere in a name: Apache's `mod_mime` looks at all of them, old IIS stops at a
/// semicolon. Not here: `com`, `pl`, `sh`, `js` and others that stand in names as part of a domain.
const RUNS_ANYWHERE: &str = "\
    ashx asmx asp aspx asa bat cer cfm cgi exe fcgi hta htm html jsp jspf jspx phar php pht phtm phtml phps \
    phpt scr shtm shtml stm vbs xhtml";

/// Extensions that web servers hand to an interpreter, wherever in a name they stand, and at its end only.
const SERVER_ANYWHERE: &str = "\
    ashx asmx asp aspx asa cfc cfm jsp jspf jspx jsw phar php pht phtm phtml phps phpt shtm shtml stm";
const SERVER_AT_END: &str = "cgi fcgi pl py rb sh";
/// Files that tell a web server what else it has to run.
const SERVER_SETTINGS: &str = ".htaccess .user.ini php.ini web.config";

/// Names that configure a server or a shop when they lie in a folder.
const RESERVED: &str = "\
    .htaccess .htpasswd .htgroup .user.ini .env .npmrc .profile .bashrc .gitconfig .gitattributes \
    .gitmodules .ssh authorized_keys autorun.inf composer.json crossdomain.xml clientaccesspolicy.xml \
    desktop.ini global.asa package.json php.ini robots.txt thumbs.db web.config web.xml sw.js \
    service-worker.js";

/// Devices of Windows, whatever extension follows.
const DEVICES: &[&str] = &["con", "prn", "aux", "nul", "clock$"];

/// Characters that some program takes for a dot.
const DOTS: &[char] = &['.', '\u{2024}', '\u{3002}', '\u{fe52}', '\u{ff0e}', '\u{ff61}'];

/// Notes everything wrong with a declared name by itself. An empty name says nothing and is not wrong.
pub(crate) fn check(name: &[u8], reasons: &mut Reasons) {
    if name.is_empty() {
        return;
    }
    if name.len() > NAME_BYTES_MAX {
        reasons.add(Code::NameTooLong, format!("{} bytes, {NAME_BYTES_MAX} are allowed", name.len()));
    }
    let Ok(text) = std::str::from_utf8(name) else {
        reasons.add(Code::NameHasControls, "not UTF-8");
        return;
    };
    let plain = text.trim_matches([' ', '.', '\0']);
    if text.contains(char::is_control) || text.contains("%00") {
        reasons.add(Code::NameHasControls, "");
    }
    if text.contains(is_invisible) {
        reasons.add(Code::NameHasDirection, "");
    }
    if text.contains(['/', '\\', '\u{2215}', '\u{ff0f}', '\u{ff3c}']) || is_drive(text) || plain.is_empty() {
        reasons.add(Code::NameHasPath, "");
    }
    let lower = text.to_ascii_lowercase();
    if ["%2f", "%5c", "%2e"].iter().any(|escape| lower.contains(escape)) {
        reasons.add(Code::NameHasPath, "escaped");
    }
    if text.ends_with([' ', '.']) || text.starts_with(' ') {
        reasons.add(Code::NameEnds, "");
    }
    if is_reserved(&lower) {
        reasons.add(Code::NameReserved, shown(name));
    }
    if let Some(extension) = running_extension(text) {
        reasons.add(Code::NameRuns, format!(".{extension}"));
    }
}

/// Notes where name, declared type and content disagree.
pub(crate) fn check_agreement(
    name: &[u8],
    declared_type: &[u8],
    kind: Kind,
    required: bool,
    reasons: &mut Reasons,
) {
    match extension(name) {
        Some(extension) if !kind.fits_extension(&extension) => {
            reasons.add(Code::ExtensionDisagrees, format!(".{extension}, but a {}", kind.title()));
        }
        None if required && !name.is_empty() => reasons.add(Code::ExtensionMissing, ""),
        _ => {}
    }
    let fits = std::str::from_utf8(declared_type).is_ok_and(|declared| kind.fits_media_type(declared));
    if !fits {
        reasons.add(Code::TypeDisagrees, format!("{}, but a {}", shown(declared_type), kind.title()));
    }
}

/// The last extension of a name, in lower case, shortened to what can be shown.
fn extension(name: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(name);
    let (stem, extension) = text.trim_end_matches([' ', '.']).rsplit_once('.')?;
    let named = !stem.is_empty() && !extension.is_empty();
    named.then(|| shown(extension.to_ascii_lowercase().as_bytes()))
}

/// The extension for which some web server would run a file of this name, tricks with the name included. A segment of
/// a path may be given as it is written, escapes and all.
#[must_use]
pub fn runs_on_server(name: &str) -> Option<String> {
    find_extension(name, SERVER_ANYWHERE, SERVER_AT_END)
}

/// Whether a file of this name changes what a web server runs.
pub(crate) fn changes_server(name: &str) -> bool {
    lists(SERVER_SETTINGS, name.to_ascii_lowercase().trim_end_matches(['.', ' ']))
}

/// The extension for which something would run a file of this name.
pub(crate) fn running_extension(name: &str) -> Option<String> {
    find_extension(name, RUNS_ANYWHERE, RUNS)
}

fn find_extension(name: &str, anywhere: &str, at_end: &str) -> Option<String> {
    let lower = name.to_lowercase();
    let separators = |character: char| {
        DOTS.contains(&character) || matches!(character, ';' | ':' | '/' | '\\') || character.is_control()
    };
    let decoded = lower.replace("%00", "\0").replace("%2e", ".").replace("%20", " ");
    let mut segments = decoded.split(separators).map(str::trim).skip(1).peekable();
    while let Some(segment) = segments.next() {
        // What follows may be nothing but dots and spaces, which Windows drops.
        let is_last = segments.clone().all(str::is_empty);
        let numbered =
            segment.strip_prefix("php").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
        if numbered || lists(anywhere, segment) || (is_last && lists(at_end, segment)) {
            return Some(shown(segment.as_bytes()));
        }
    }
    None
}

/// Whether an entry of an archive would be written outside the folder it is unpacked to.
pub(crate) fn leaves_folder(name: &[u8]) -> bool {
    let name = &name[..name.len().min(NAME_BYTES_MAX * 16)];
    let absolute = matches!(name.first(), Some(b'/' | b'\\'));
    let drive = name.get(1) == Some(&b':') && name[0].is_ascii_alphabetic();
    absolute
        || drive
        || name.contains(&0)
        || name.split(|byte| matches!(byte, b'/' | b'\\')).any(|part| part == b"..")
}

/// Characters that turn the direction of what follows, or that nobody sees. Not here: the joiners and marks that
/// Persian, Arabic, Hebrew and emoji need.
pub(crate) fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{061c}' | '\u{200b}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

/// Whether a list of words has this one.
fn lists(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|listed| listed == word)
}

fn is_drive(name: &str) -> bool {
    name.as_bytes().get(1) == Some(&b':') && name.as_bytes()[0].is_ascii_alphabetic()
}

fn is_reserved(lower: &str) -> bool {
    // NTFS opens `a.php::$DATA` as `a.php`, and `.htaccess.` as `.htaccess`.
    let name = lower.trim().trim_end_matches(['.', ' ']);
    let name = name.strip_suffix("::$data").unwrap_or(name);
    let stem = name.split('.').next().unwrap_or_default();
    let numbered = |device: &str| {
        stem.strip_prefix(device)
            .is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    let stream = lower.contains("::$");
    lists(RESERVED, name) || DEVICES.contains(&stem) || numbered("com") || numbered("lpt") || stream
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_name(name: &str, expected: &[Code]) {
        let mut reasons = Reasons::default();
        check(name.as_bytes(), &mut reasons);
        let codes: Vec<Code> = reasons.into_list().iter().map(|reason| reason.code).collect();
        assert_eq!(codes, expected, "{name:?}");
    }

    #[test]
    fn ordinary_names_pass() {
        for name in [
            "photo.jpg",
            "Rechnung 2026-11 (Kopie).pdf",
            "invoice_amazon.com.pdf",
            "faktura.allegro.pl.pdf",
            "node.js.notes.txt",
            "écran 1.PNG",
            "写真.jpeg",
            "می\u{200c}خواهم.jpg",
            "archive.tar.gz",
            ".jpg",
            "phpinfo explained.pdf",
            "blob",
            "common.txt",
            "",
        ] {
            check_name(name, &[]);
        }
    }

    #[test]
    fn names_that_run_are_told() {
        for name in [
            "shell.php",
            "shell.PhP7",
            "shell.php.jpg",
            "shell.phtml.png",
            "shell.asp;.jpg",
            "shell.pHAr.gif",
            "invoice.pdf.exe",
            "page.html",
            "x.jpg.shtml",
            "shell.php%20",
            "a\u{ff0e}php",
            "run.js",
            "budget.xlsm",
        ] {
            check_name(name, &[Code::NameRuns]);
        }
    }

    #[test]
    fn names_with_tricks_are_told() {
        check_name("shell.php\0.jpg", &[Code::NameHasControls, Code::NameRuns]);
        check_name("shell.php%00.jpg", &[Code::NameHasControls, Code::NameRuns]);
        check_name("a\r\nb.jpg", &[Code::NameHasControls]);
        check_name("photo\u{202e}gpj.txt", &[Code::NameHasDirection]);
        check_name("../../a.jpg", &[Code::NameHasPath]);
        check_name("..%2fa.jpg", &[Code::NameHasPath]);
        check_name("C:\\a.jpg", &[Code::NameHasPath]);
        check_name("..", &[Code::NameHasPath, Code::NameEnds]);
        check_name("a.jpg.", &[Code::NameEnds]);
        check_name("shell.php. ", &[Code::NameEnds, Code::NameRuns]);
        check_name(".htaccess", &[Code::NameReserved]);
        check_name(".User.ini", &[Code::NameReserved]);
        check_name("WEB.config", &[Code::NameReserved]);
        check_name("aux.png", &[Code::NameReserved]);
        check_name("COM1.jpg", &[Code::NameReserved]);
        check_name("a.php::$DATA", &[Code::NameReserved, Code::NameRuns]);
        check_name(&"a".repeat(300), &[Code::NameTooLong]);
    }

    #[test]
    fn what_a_server_would_run_is_told() {
        for name in [
            "x.php",
            "x.PHP7",
            "x.phtml.jpg",
            "x.phar",
            "x.php.",
            "x.php%20",
            "x.php%00.jpg",
            "x.php::$DATA",
            "x.jsp;.jpg",
            ".php",
            "x.cgi",
        ] {
            assert!(runs_on_server(name).is_some(), "{name}");
        }
        for name in ["php", "x.jpg", "page.html", "app.js", "x.cgi.txt", "phpinfo explained.pdf", "x.svg", ""]
        {
            assert_eq!(runs_on_server(name), None, "{name}");
        }
        assert!(
            changes_server(".htaccess") && changes_server("WEB.config.") && !changes_server("robots.txt")
        );
    }

    #[test]
    fn names_that_leave_their_folder_are_told() {
        for name in ["../a", "a/../../b", "/etc/a", "\\a", "C:a", "a\\..\\b", "a\0b"] {
            assert!(leaves_folder(name.as_bytes()), "{name:?}");
        }
        for name in ["a", "a/b.txt", "..a/b", "a..b", ""] {
            assert!(!leaves_folder(name.as_bytes()), "{name:?}");
        }
    }
}
