//! What is in reports because of the customer's own machine: extensions, virus scanners, translators.

/// Schemes of extensions and of the browser itself.
const SCHEMES: [&str; 15] = [
    "about",
    "chrome",
    "chrome-extension",
    "chromenull",
    "edge-extension",
    "moz-extension",
    "ms-browser-extension",
    "ms-appx-web",
    "opera-extension",
    "resource",
    "safari-extension",
    "safari-web-extension",
    "user-script",
    "webkit-masked-url",
    "webviewprogressproxy",
];
/// Hosts that virus scanners put scripts of their own into pages from. Few, for each is a blind spot.
const HOSTS: [&str; 3] = ["kaspersky-labs.com", "kis.scr.kaspersky-labs.com", "scr.kaspersky-labs.com"];

/// Whether an address in a report belongs to the customer's machine and not to the page.
pub fn is_noise(address: &str) -> bool {
    let lower = address.trim().to_ascii_lowercase();
    let inner = lower.strip_prefix("blob:").unwrap_or(&lower);
    let scheme = inner.split(':').next().unwrap_or_default();
    if SCHEMES.contains(&scheme) {
        return true;
    }
    let Some((_, rest)) = inner.split_once("://") else { return false };
    let host = rest.split(['/', ':', '?']).next().unwrap_or_default();
    HOSTS.iter().any(|known| host == *known || host.strip_suffix(known).is_some_and(|sub| sub.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_noise_and_pages_are_not() {
        for address in [
            "moz-extension",
            "chrome-extension://abc/x.js",
            "blob:moz-extension://abc/1",
            "about",
            "about:blank",
            "safari-web-extension://x",
            "https://gc.kis.v2.scr.kaspersky-labs.com/x",
        ] {
            assert!(is_noise(address), "{address}");
        }
        for address in
            ["https://evil.example/", "inline", "data", "blob", "https://notkaspersky-labs.com/", ""]
        {
            assert!(!is_noise(address), "{address}");
        }
    }
}
