//! The throwaway folder: everything the shop writes or reads on disk is in here.

use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::fault::Fault;
use crate::server::ShopError;

/// Bytes of one uploaded picture. Above it: 413.
pub(crate) const PICTURE_BYTES_MAX: usize = 5 * 1024 * 1024;
/// Bytes of all uploads together. Above it: 507, until somebody starts with a fresh folder.
const UPLOADS_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Uploaded files, so that tiny ones cannot use up the disk's file table.
const UPLOADS_MAX: usize = 1_000;
/// Bytes of an uploaded file's name, as most file systems have it.
const NAME_BYTES_MAX: usize = 200;
/// Bytes of one file the download page sends.
const DOWNLOAD_BYTES_MAX: u64 = 5 * 1024 * 1024;

/// Brewing guides, as file name and text.
const GUIDES: [(&str, &str); 4] = [
    ("black-tea.txt", include_str!("../guides/black-tea.txt")),
    ("green-tea.txt", include_str!("../guides/green-tea.txt")),
    ("oolong-in-a-gaiwan.txt", include_str!("../guides/oolong-in-a-gaiwan.txt")),
    ("cold-brew.txt", include_str!("../guides/cold-brew.txt")),
];
/// Made-up secrets, here to be found through the download page.
const SHOP_CONF: &str = include_str!("../guides/shop.conf");

/// Handle to the throwaway folder.
#[derive(Clone)]
pub(crate) struct Folder {
    root: Arc<Path>,
    /// Held while the size of all uploads is summed and a new one is written.
    uploading: Arc<Mutex<()>>,
}

impl Folder {
    /// Creates the folder and writes the guides and made-up secrets; orders and uploads of before stay.
    pub(crate) fn create(path: &Path) -> Result<Folder, ShopError> {
        let unusable = |source| ShopError::Folder { path: path.to_owned(), source };
        for sub in ["guides", "config", "uploads"] {
            fs::create_dir_all(path.join(sub)).map_err(unusable)?;
        }
        for (name, text) in GUIDES {
            fs::write(path.join("guides").join(name), text).map_err(unusable)?;
        }
        fs::write(path.join("config/shop.conf"), SHOP_CONF).map_err(unusable)?;
        let root = path.canonicalize().map_err(unusable)?;
        Ok(Folder { root: root.into(), uploading: Arc::new(Mutex::new(())) })
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.root.join("shop.db")
    }

    /// Reads a brewing guide.
    ///
    /// Deliberately naive: `file` is joined as it came, so `../config/shop.conf` leaves the guides' folder.
    /// The check below is not the shop's: it keeps the demo from reading outside its throwaway folder.
    pub(crate) fn guide(&self, file: &str) -> Result<Vec<u8>, Fault> {
        let asked = self.root.join("guides").join(file);
        let found = asked.canonicalize().map_err(|_| Fault::NotFound)?;
        if !found.starts_with(&self.root) || !found.is_file() {
            return Err(Fault::NotFound);
        }
        let mut bytes = Vec::new();
        fs::File::open(found)?.take(DOWNLOAD_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Keeps a customer's picture under the last component of the name the client gave, and returns that name.
    ///
    /// Deliberately naive: name and kind are the client's, nothing looks inside, and the same name replaces
    /// an older file.
    pub(crate) fn keep_upload(&self, client_name: &str, bytes: &[u8]) -> Result<String, Fault> {
        if bytes.len() > PICTURE_BYTES_MAX {
            return Err(Fault::TooLarge("A picture may have up to 5 MB."));
        }
        let name = last_component(client_name)
            .ok_or_else(|| Fault::BadRequest("The picture needs an ordinary file name.".to_owned()))?;
        let _alone = self.uploading.lock().unwrap_or_else(PoisonError::into_inner);
        let (files, total) = self.uploads_size()?;
        if files >= UPLOADS_MAX || total + bytes.len() as u64 > UPLOADS_BYTES_MAX {
            return Err(Fault::Full);
        }
        fs::write(self.root.join("uploads").join(name), bytes)?;
        Ok(name.to_owned())
    }

    /// Reads an uploaded file back.
    pub(crate) fn upload(&self, name: &str) -> Result<Vec<u8>, Fault> {
        let name = last_component(name).ok_or(Fault::NotFound)?;
        match fs::read(self.root.join("uploads").join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Fault::NotFound),
            read => Ok(read?),
        }
    }

    fn uploads_size(&self) -> io::Result<(usize, u64)> {
        fs::read_dir(self.root.join("uploads"))?
            .try_fold((0, 0), |(files, total), entry| Ok((files + 1, total + entry?.metadata()?.len())))
    }
}

/// The final part of a path as any system writes it, if it is a plain and not too long file name.
fn last_component(path: &str) -> Option<&str> {
    let name = path.rsplit(['/', '\\']).next()?;
    let mut components = Path::new(name).components();
    let plain = matches!((components.next(), components.next()), (Some(Component::Normal(_)), None));
    let printable = !name.contains(|letter: char| letter.is_control());
    (plain && printable && name.len() <= NAME_BYTES_MAX).then_some(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret.txt"), "not yours").unwrap();
        let folder = Folder::create(&outside.path().join("shop")).unwrap();
        (outside, folder)
    }

    #[test]
    fn a_guide_path_leaves_the_guides_but_never_the_folder() {
        let (outside, folder) = folder();
        assert!(folder.guide("../config/shop.conf").unwrap().starts_with(b"# Tidewater"));
        let absolute = outside.path().join("secret.txt");
        for file in [
            "../../secret.txt",
            "../../../../../../etc/passwd",
            "/etc/passwd",
            "..",
            "",
            absolute.to_str().unwrap(),
        ] {
            assert!(matches!(folder.guide(file), Err(Fault::NotFound)), "{file}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_does_not_lead_out_of_the_folder() {
        let (outside, folder) = folder();
        std::os::unix::fs::symlink(outside.path().join("secret.txt"), folder.root.join("guides/link.txt"))
            .unwrap();
        assert!(matches!(folder.guide("link.txt"), Err(Fault::NotFound)));
    }

    #[test]
    fn an_upload_lands_in_the_uploads_whatever_its_name_says() {
        let (_outside, folder) = folder();
        for (given, kept) in
            [("cup.png", "cup.png"), ("../../../x.html", "x.html"), ("C:\\tea\\pot.jpg", "pot.jpg")]
        {
            assert_eq!(folder.keep_upload(given, b"bytes").unwrap(), kept);
            assert!(folder.root.join("uploads").join(kept).is_file());
        }
        for refused in ["", "..", "a/..", "/", "nul\0.png"] {
            assert!(
                matches!(folder.keep_upload(refused, b"bytes"), Err(Fault::BadRequest(_))),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn uploads_stop_when_the_folder_is_full() {
        let (_outside, folder) = folder();
        let large = vec![0; PICTURE_BYTES_MAX];
        let kept = (0..).take_while(|n| folder.keep_upload(&format!("{n}.png"), &large).is_ok()).count();
        assert_eq!(kept, 12, "twelve times 5 MiB fit into 64 MiB");
        assert!(matches!(folder.keep_upload("one-more.png", &large), Err(Fault::Full)));
        assert!(matches!(
            folder.keep_upload("huge.png", &vec![0; PICTURE_BYTES_MAX + 1]),
            Err(Fault::TooLarge(_))
        ));
    }
}
