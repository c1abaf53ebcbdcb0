//! Writes sample pages, error pages and assets to a folder, to look at them in a browser.
//!
//! `cargo run -p gabion-page --example showcase -- FOLDER`

use gabion_page::asset;
use gabion_page::error_page::{ErrorKind, ErrorPage, error_page};
use gabion_page::text::Language;
use std::path::Path;
use std::{env, fs, io};

mod pages;

fn main() -> io::Result<()> {
    let folder = env::args().nth(1).unwrap_or_else(|| "target/showcase".to_owned());
    let folder = Path::new(&folder);
    fs::create_dir_all(folder.join("assets"))?;
    for asset in asset::all() {
        fs::write(folder.join(&asset.path[1..]), asset.bytes)?;
    }
    for (name, html) in pages::pages() {
        // Files have no root, so addresses become relative.
        fs::write(folder.join(name), html.replace("\"/assets/", "\"assets/"))?;
    }
    for language in Language::ALL {
        for kind in ErrorKind::ALL {
            let site_name = (kind != ErrorKind::NotFoundSite).then_some("Tidewater Tea");
            let request_id = "req_01JD8Q2V5N7X";
            let retry_after_seconds = matches!(kind, ErrorKind::Busy | ErrorKind::Maintenance).then_some(120);
            let page = ErrorPage { language, status: 503, kind, site_name, request_id, retry_after_seconds };
            fs::write(folder.join(format!("error-{}-{language}.html", kind.code())), error_page(page).html)?;
        }
    }
    Ok(())
}
