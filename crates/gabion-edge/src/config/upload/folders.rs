//! `[upload] folders`: where a shop keeps what was uploaded to it, and where nothing is ever run.

use std::fmt;

use gabion_upload::runs_on_server;
use toml::Spanned;

use super::super::Invalid;
use crate::path::normalize;

/// Folders of one configuration. A shop has a few.
const FOLDERS_MAX: usize = 100;
/// Bytes of one.
const FOLDER_BYTES_MAX: usize = 512;
/// What stands before a folder that may lie anywhere.
const ANYWHERE: char = '*';
/// Where shops keep uploads: Magento and Shopware, others, TYPO3, WordPress and Drupal, which often lie deeper.
const USUAL: [&str; 8] = [
    "/media/",
    "/pub/media/",
    "/files/",
    "/uploads/",
    "/upload/",
    "/fileadmin/",
    "*/wp-content/uploads/",
    "*/sites/default/files/",
];

/// Folders in which a web server must not run anything, whoever put it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadFolders(Vec<Folder>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Folder {
    /// In lower case, with a slash at its end.
    path: String,
    anywhere: bool,
}

impl Folder {
    fn parse(text: &str) -> Option<Self> {
        let path = text.strip_prefix(ANYWHERE);
        let (path, anywhere) = (path.unwrap_or(text), path.is_some());
        let inner = path.strip_prefix('/')?;
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let named = |segment: &str| !matches!(segment, "" | "." | "..");
        let plain = text.len() <= FOLDER_BYTES_MAX && !inner.contains(['%', '?', '#', '*', '\\']);
        let path = format!("/{}/", inner.to_ascii_lowercase());
        (plain && inner.split('/').all(named)).then_some(Self { path, anywhere })
    }

    /// What of a path lies below the folder.
    fn rest<'p>(&self, path: &'p str) -> Option<&'p str> {
        if self.anywhere {
            path.split_once(&self.path).map(|(_, rest)| rest)
        } else {
            path.strip_prefix(&self.path)
        }
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.anywhere { "*" } else { "" }, self.path)
    }
}

/// Where a request wants something run that was perhaps uploaded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Script {
    /// The folder, as it is configured.
    pub(crate) folder: String,
    /// The extension for which a server would run it.
    pub(crate) extension: String,
}

impl UploadFolders {
    /// Whether a path, as a client wrote it, leads to something below a folder that some web server would run: by an
    /// extension anywhere in a name, and behind a file, where servers look for the script of a longer path. Escapes are
    /// read twice, as a server behind a server does.
    pub(crate) fn script(&self, path: &str) -> Option<Script> {
        if !path.contains(['.', '%']) {
            return None;
        }
        let once = normalize(path);
        let found = self.look(&once);
        if found.is_some() || !once.contains('%') {
            return found;
        }
        self.look(&normalize(&once))
    }

    fn look(&self, path: &str) -> Option<Script> {
        let path = path.to_ascii_lowercase();
        self.0.iter().find_map(|folder| {
            let extension = folder.rest(&path)?.split('/').find_map(runs_on_server)?;
            Some(Script { folder: folder.to_string(), extension })
        })
    }
}

pub(super) fn check_folders(folders: &Spanned<Vec<String>>) -> Result<UploadFolders, Invalid> {
    let list = folders.get_ref();
    if list.len() > FOLDERS_MAX {
        return Err(Invalid::at(folders, format!("more than {FOLDERS_MAX} folders")));
    }
    let checked = list.iter().map(|text| {
        Folder::parse(text).ok_or_else(|| {
            let message = format!(
                "{text:?} is no folder: write \"/media/\", or \"*/media/\" for one that may lie anywhere"
            );
            Invalid::at(folders, message)
        })
    });
    checked.collect::<Result<_, _>>().map(UploadFolders)
}

/// What holds where the file says nothing.
pub(super) fn usual() -> Vec<String> {
    USUAL.map(str::to_owned).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(list: &[&str]) -> Result<UploadFolders, Invalid> {
        check_folders(&Spanned::new(0..0, list.iter().map(|text| (*text).to_owned()).collect()))
    }

    #[test]
    fn scripts_in_upload_folders_are_seen_however_they_are_written() {
        let usual = folders(&USUAL).expect("good");
        for path in [
            "/media/x.php",
            "/Media/X.PHP",
            "/media/a/b/x.phtml",
            "/media/x.phar",
            "/media/x.php.jpg",
            "/media/x.php/y.jpg",
            "/media/x.jpg/y.php",
            "/media/x%2ephp",
            "/media/x%252ephp",
            "/media/%78.ph%70",
            "/media%2fx.php",
            "/media/x.php%00.jpg",
            "/media/x.php.",
            "/media/x.php%20",
            "/media/x.php::$DATA",
            "/media/x.php;.jpg",
            "/media/.php",
            "//media//x.php",
            "/shop/../media/x.php",
            "/media/x.jsp",
            "/media/x.aspx",
            "/media/run.cgi",
            "/pub/media/custom_options/quote/x.php",
            "/blog/wp-content/uploads/2026/01/x.php5",
            "/sites/default/files/x.php",
        ] {
            assert!(usual.script(path).is_some(), "{path}");
        }
        for path in [
            "/",
            "/index.php",
            "/index.php/media/",
            "/media/",
            "/media/x.jpg",
            "/media/catalog/a.b.c.jpg",
            "/media/php/x.jpg",
            "/mediathek/x.php",
            "/shop/media/x.php",
            "/wp-admin/upload.php",
            "/media/../index.php",
            "/media/page.html",
            "/media/js/app.js",
        ] {
            assert_eq!(usual.script(path), None, "{path}");
        }
    }

    #[test]
    fn what_is_no_folder_is_refused() {
        for bad in ["", "/", "*", "*/", "media", "/a//b", "/a/../b", "/a%20b", "/a*"] {
            assert!(folders(&[bad]).is_err(), "{bad}");
        }
        assert!(folders(&vec!["/a"; FOLDERS_MAX + 1]).is_err());
        assert_eq!(folders(&[]).expect("none is a choice").script("/media/x.php"), None);
        assert!(folders(&["/a"]).expect("good").script("/a/x.php").is_some());
    }
}
