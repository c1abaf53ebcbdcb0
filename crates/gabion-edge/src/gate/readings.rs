//! The ways in which a shop may read a path.
//!
//! Routes compare one normal form of a path, and the shop gets the path as the client wrote it. Servers and frameworks read
//! it in other ways: they decode twice, cut off what follows a semicolon, ignore case, trim dots. A gate has to hold for
//! each of these, or somebody writes the path so that only the shop sees where it leads.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// Readings of one path. Ordinary paths have one, odd ones a dozen; whoever writes one with more is refused.
const READINGS_MAX: usize = 128;
/// Bytes of a path that not everybody reads alike: reading it in all ways costs time. Shops stay below 2 KiB.
const ODD_PATH_BYTES_MAX: usize = 4 * 1024;
/// How often a path is decoded. A path that is still encoded then is refused: no server in use decodes as often.
const DECODED_MAX: usize = 3;

/// The end of a script's name and of its segment.
const SCRIPT: &str = ".php/";

/// Why a path has no readings: it could mean anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unclear;

/// Whether all servers read a path alike: lower-case letters, digits and single marks that nobody gives a meaning.
pub(crate) fn is_plain(path: &str) -> bool {
    let bytes = path.as_bytes();
    let mut before = 0;
    for &byte in bytes {
        let plain = match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => true,
            b'/' => before != b'/' && before != b'.',
            b'.' => before != b'/' && before != b'.',
            _ => false,
        };
        if !plain {
            return false;
        }
        before = byte;
    }
    bytes.first() == Some(&b'/') && before != b'.' && !path.contains(SCRIPT)
}

/// All ways in which a shop may read a path, in lower case: the path itself is the first.
pub(crate) fn readings(path: &str) -> Result<Vec<String>, Unclear> {
    if path.len() > ODD_PATH_BYTES_MAX {
        return Err(Unclear);
    }
    let mut all = Readings(vec![path.to_owned()]);
    // Some look for these before they decode, some behind.
    let marks = |all: &mut Readings| {
        all.also(|path| Ok(without_authority(path)))?;
        all.also(|path| Ok(path.contains(';').then(|| each_segment(path, without_parameters))))
    };
    marks(&mut all)?;
    for _ in 0..DECODED_MAX {
        all.also(decode)?;
    }
    let known = all.0.len();
    all.also(decode)?;
    if all.0.len() > known {
        return Err(Unclear);
    }
    all.also(|path| Ok(path.contains('\\').then(|| path.replace('\\', "/"))))?;
    for mark in ['\0', '#', '?'] {
        all.also(|path| Ok(path.split_once(mark).map(|(path, _)| path.to_owned())))?;
    }
    marks(&mut all)?;
    all.also(|path| Ok(path.contains('+').then(|| path.replace('+', " "))))?;
    let reads: [fn(&str) -> &str; 5] =
        [without_control, without_stream, trimmed, without_dots, without_space];
    for read in reads {
        all.also(|path| Ok(Some(each_segment(path, read))))?;
    }
    let scripts = |all: &mut Readings| {
        all.also(|path| Ok(behind_script(path, path.to_ascii_lowercase().find(SCRIPT))))?;
        all.also(|path| Ok(behind_script(path, path.to_ascii_lowercase().rfind(SCRIPT))))
    };
    scripts(&mut all)?;
    all.also(|path| Ok(Some(resolved(path))))?;
    scripts(&mut all)?;
    Ok(all.0.iter().map(|path| fold(path)).collect())
}

struct Readings(Vec<String>);

impl Readings {
    /// Reads each of them in one more way.
    fn also(&mut self, read: impl Fn(&str) -> Result<Option<String>, Unclear>) -> Result<(), Unclear> {
        for index in 0..self.0.len() {
            if let Some(reading) = read(&self.0[index])?.filter(|reading| !self.0.contains(reading)) {
                self.0.push(reading);
            }
        }
        if self.0.len() > READINGS_MAX { Err(Unclear) } else { Ok(()) }
    }
}

/// A path decoded once; none where nothing is encoded. Overlong UTF-8, which some decoders take for dots and slashes
/// (RFC 3629 section 10), can only be meant badly.
fn decode(path: &str) -> Result<Option<String>, Unclear> {
    if !path.contains('%') {
        return Ok(None);
    }
    let bytes: Cow<'_, [u8]> = percent_decode(path.as_bytes()).into();
    let overlong = bytes
        .windows(2)
        .any(|pair| matches!(pair, [0xc0 | 0xc1, 0x80..=0xbf] | [0xe0, 0x80..=0x9f] | [0xf0, 0x80..=0x8f]));
    if overlong {
        return Err(Unclear);
    }
    let decoded = String::from_utf8_lossy(&bytes).into_owned();
    Ok((decoded != path).then_some(decoded))
}

fn each_segment(path: &str, read: fn(&str) -> &str) -> String {
    path.split('/').map(read).collect::<Vec<_>>().join("/")
}

/// Java's servers cut off the parameters of a segment. RFC 3986 section 3.3.
fn without_parameters(segment: &str) -> &str {
    segment.split(';').next().unwrap_or_default()
}

/// Some end a name at a control character.
fn without_control(segment: &str) -> &str {
    segment.split(char::is_control).next().unwrap_or_default()
}

/// Windows takes what follows a colon for a stream of the file before it.
fn without_stream(segment: &str) -> &str {
    segment.split(':').next().unwrap_or_default()
}

/// Windows ignores dots and spaces at the end of a name. What are dots alone then may still lead upwards.
fn trimmed(segment: &str) -> &str {
    let segment = segment.trim_end_matches(' ');
    if segment.bytes().all(|byte| byte == b'.') { segment } else { segment.trim_end_matches(['.', ' ']) }
}

/// The same where dots alone are a name like any other.
fn without_dots(segment: &str) -> &str {
    segment.trim_end_matches(['.', ' '])
}

fn without_space(segment: &str) -> &str {
    segment.trim_start_matches(' ')
}

/// What stands before the path where `//host/path` is read as an address without its scheme. RFC 3986 section 4.2.
fn without_authority(path: &str) -> Option<String> {
    let rest = path.strip_prefix("//")?.trim_start_matches('/');
    Some(rest.find('/').map_or("/", |slash| &rest[slash..]).to_owned())
}

/// What a script gets as its own path, that of the first or the last: `/index.php/admin` is `/admin` to most PHP shops.
fn behind_script(path: &str, at: Option<usize>) -> Option<String> {
    Some(path[at? + SCRIPT.len() - 1..].to_owned())
}

/// Without empty segments and dots. RFC 3986 section 5.2.4.
fn resolved(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    format!("/{}", segments.join("/"))
}

/// Letters without their case and width, so that what some system takes for equal is equal: also `ſ` and the Kelvin sign.
pub(crate) fn fold(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    let narrow = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        c => c,
    };
    path.chars().map(narrow).flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(path: &str) -> String {
        percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned()
    }

    fn without_empty(path: &str) -> String {
        let segments: Vec<_> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        segments.join("/")
    }

    /// Dots resolved as most servers do it, and slashes merged.
    fn dots(path: &str) -> String {
        let mut segments = Vec::new();
        for segment in path.split('/').filter(|segment| !matches!(*segment, "" | ".")) {
            if segment == ".." {
                segments.pop();
            } else {
                segments.push(segment);
            }
        }
        segments.join("/")
    }

    type Server = fn(&str) -> String;

    /// Servers as they read paths, written down from what they document and not from what is above.
    const SERVERS: [(&str, Server); 9] = [
        ("nginx", |path| dots(&decoded(path))),
        ("express", |path| path.to_ascii_lowercase()),
        ("tomcat", |path| {
            let cut: Vec<_> =
                path.split('/').map(|segment| segment.split(';').next().unwrap_or("")).collect();
            dots(&decoded(&cut.join("/")))
        }),
        ("spring behind tomcat", |path| {
            let path = decoded(path);
            let cut: Vec<_> =
                path.split('/').map(|segment| segment.split(';').next().unwrap_or("")).collect();
            dots(&cut.join("/"))
        }),
        ("iis", |path| {
            let path = dots(&decoded(path).replace('\\', "/")).to_lowercase();
            let trim = |segment: &str| segment.trim_end_matches(['.', ' ']).to_owned();
            path.split('/').map(trim).collect::<Vec<_>>().join("/")
        }),
        ("a proxy before a server", |path| dots(&decoded(&decoded(path)))),
        ("php", |path| {
            let path = format!("/{}", dots(&decoded(path)));
            path.split_once(".php/").map_or(path.clone(), |(_, info)| info.to_owned())
        }),
        ("parse_url", |path| {
            let rest = path.strip_prefix("//").map(|rest| rest.split_once('/').map_or("", |(_, path)| path));
            dots(&decoded(rest.unwrap_or(path)))
        }),
        ("c", |path| decoded(&decoded(path)).split('\0').next().unwrap_or("").to_owned()),
    ];

    #[track_caller]
    fn check(path: &str) {
        let Ok(readings) = readings(path) else { return };
        assert!(readings.len() <= READINGS_MAX, "{path}: {}", readings.len());
        let known: Vec<_> = readings.iter().map(|reading| without_empty(reading)).collect();
        for (server, read) in SERVERS {
            let reading = without_empty(&fold(&read(path)));
            assert!(known.contains(&reading), "{server} reads {path} as {reading}, and we as {known:?}");
            assert!(!is_plain(path) || reading == without_empty(path), "{server} reads {path} as {reading}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_server_reads_is_among_the_readings(
            pieces in proptest::collection::vec(
                proptest::sample::select(vec![
                    "/", "/", "/", "//", "admin", "Admin", "public", "index.php", ".", "..", "..;", ";x=1", "%2e", "%2E%2e",
                    "%2f", "%5c", "%252e", "%252f", "%61", "%2561", "%20", ".", "%00", "%2500", ":$data", "x", "~", "+",
                    "%c3%a4", "%ef%bc%a1", "%e4", "%3b", "%3f", "%23",
                ]),
                0..12,
            )
        ) {
            check(&format!("/{}", pieces.concat()));
        }

        #[test]
        fn any_path_can_be_read(path in "/[ -~]{0,40}") {
            check(&path);
        }
    }

    #[test]
    fn ordinary_paths_are_plain_and_tricks_are_not() {
        for path in ["/", "/tea", "/tea/oolong-2/", "/static/app.min.js", "/index.php", "/a.b/c_d"] {
            assert!(is_plain(path), "{path}");
        }
        for path in [
            "",
            "tea",
            "/Tea",
            "//tea",
            "/tea//",
            "/./tea",
            "/../tea",
            "/tea/..",
            "/tea.",
            "/tea./x",
            "/tea..x",
            "/te%61",
            "/tea;x",
            "/tea:x",
            "/tea+x",
            "/index.php/tea",
            "/tea\\x",
            "/té",
        ] {
            assert!(!is_plain(path), "{path}");
        }
    }

    #[test]
    fn what_could_be_anything_is_unclear() {
        for path in ["/%c0%ae%c0%ae/", "/%25c0%25ae/", "/%e0%80%ae", "/%2525252561dmin", "/%252525252f"] {
            assert_eq!(readings(path), Err(Unclear), "{path}");
        }
        assert_eq!(readings(&format!("/%20{}", "a".repeat(ODD_PATH_BYTES_MAX))), Err(Unclear));
        for path in ["/100%25", "/caf%e9", "/caf%c3%a9", "/%d0%bf%d1%80", "/a%20b;c=d/E.F:g+h%2Fi"] {
            assert!(readings(path).is_ok(), "{path}");
        }
    }
}
