//! Stylesheet and script of these pages, built in, at addresses that change with their content.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use gabion_crypto::digest::sha256;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use super::trouble::{Trouble, nothing_here};

/// A built-in file.
#[derive(Debug)]
pub(super) struct Asset {
    path: String,
    content_type: &'static str,
    content: &'static str,
}

pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("account", "css", "text/css; charset=utf-8", include_str!("../../../assets/account.css"))
});
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("account", "js", "text/javascript; charset=utf-8", include_str!("../../../assets/account.js"))
});

impl Asset {
    fn new(stem: &str, ending: &str, content_type: &'static str, content: &'static str) -> Self {
        let version = HEXLOWER.encode(&sha256(content.as_bytes())[..8]);
        Self { path: format!("/.gabion/assets/{stem}.{version}.{ending}"), content_type, content }
    }

    /// Its address.
    pub(super) fn path(&self) -> &str {
        &self.path
    }
}

pub(super) async fn file(Path(name): Path<String>) -> Result<Response, Trouble> {
    let found = [&*STYLE, &*SCRIPT].into_iter().find(|asset| asset.path.ends_with(&format!("/{name}")));
    let Some(asset) = found else { return Err(nothing_here().await) };
    let mut response = asset.content.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(gabion_page::asset::CACHE_CONTROL));
    Ok(response)
}
