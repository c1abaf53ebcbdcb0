//! Stylesheet, icon and scripts, built in and served under addresses that change with their content.
//!
//! Because the address holds a hash of the bytes, answers may be cached forever ([`CACHE_CONTROL`]).

use std::sync::LazyLock;

/// `Cache-Control` of every asset.
pub const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

/// One built-in file.
#[derive(Debug)]
pub struct Asset {
    /// Name without hash, as templates say it: `gabion.css`.
    pub name: &'static str,
    /// Address on the console: `/assets/gabion.<hash>.css`.
    pub path: String,
    /// Value for `Content-Type`.
    pub content_type: &'static str,
    /// The whole content.
    pub bytes: &'static [u8],
}

/// Finds the file that is served under this address; `None` for anything else, old hashes included.
#[must_use]
pub fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

/// Address of the file with this name, with its hash.
///
/// # Panics
///
/// When no such file is built in. Names are literals in templates, so the first test that draws the page finds it.
#[must_use]
pub fn url(name: &str) -> &'static str {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    &asset.expect("templates name only built-in assets").path
}

/// Every built-in file.
#[must_use]
pub fn all() -> &'static [Asset] {
    &*ASSETS
}

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

static ASSETS: LazyLock<[Asset; 6]> = LazyLock::new(|| {
    [
        asset("gabion.css", CSS, include_bytes!("../assets/gabion.css")),
        asset("icon.svg", SVG, include_bytes!("../assets/icon.svg")),
        asset("live.js", SCRIPT, include_bytes!("../assets/live.js")),
        asset("refresh.js", SCRIPT, include_bytes!("../assets/refresh.js")),
        asset("copy.js", SCRIPT, include_bytes!("../assets/copy.js")),
        asset("confirm.js", SCRIPT, include_bytes!("../assets/confirm.js")),
    ]
});

fn asset(name: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Asset {
    let (stem, extension) = name.split_once('.').expect("asset names have an extension");
    Asset { name, path: format!("/assets/{stem}.{:016x}.{extension}", fnv1a(bytes)), content_type, bytes }
}

/// FNV-1a, 64 bit. It names a version for caches and protects nothing.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn every_asset_is_found_under_its_address_and_no_other() {
        for asset in all() {
            assert_eq!(find(url(asset.name)).unwrap().name, asset.name);
            assert!(find(&format!("/assets/{}", asset.name)).is_none());
        }
        assert!(find("/assets/../gabion.css").is_none());
    }

    #[test]
    fn fnv_matches_the_published_vectors() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        for asset in all() {
            let text = std::str::from_utf8(asset.bytes).unwrap();
            let text = text.replace("http://www.w3.org/2000/svg", "");
            for foreign in ["http:", "https:", "@import", "url(", "eval("] {
                assert!(!text.contains(foreign), "{} holds {foreign}", asset.name);
            }
        }
    }

    #[test]
    fn text_and_marks_reach_aa_contrast_in_both_schemes() {
        let css = std::str::from_utf8(find(url("gabion.css")).unwrap().bytes).unwrap();
        let (light, rest) = css.split_once("@media (prefers-color-scheme: dark)").unwrap();
        let dark = rest.split_once("/* Elements */").unwrap().0;
        for (scheme, tokens) in [("light", tokens(light)), ("dark", tokens(dark))] {
            for (ink, ground, ratio_min) in pairs() {
                let ratio = contrast(tokens[ink], tokens[ground]);
                assert!(ratio >= ratio_min, "{scheme}: {ink} on {ground} is {ratio:.2}");
            }
        }
    }

    /// WCAG 2.2, 1.4.3 (text: 4.5) and 1.4.11 (marks and borders of controls: 3).
    fn pairs() -> Vec<(&'static str, &'static str, f64)> {
        let mut pairs = vec![("on-accent", "accent", 4.5), ("on-accent", "accent-strong", 4.5)];
        for ground in ["bg", "surface", "sunken"] {
            pairs.extend(["ink", "muted", "accent", "accent-strong"].map(|ink| (ink, ground, 4.5)));
        }
        pairs.push(("accent-strong", "accent-soft", 4.5));
        for (ink, soft) in [
            ("ok", "ok-soft"),
            ("warn", "warn-soft"),
            ("danger", "danger-soft"),
            ("danger", "surface"),
            ("info", "info-soft"),
            ("rest", "rest-soft"),
            ("care", "care-soft"),
        ] {
            pairs.push((ink, soft, 4.5));
        }
        for ink in ["shop", "gabion", "ok", "warn", "danger", "first", "second", "third", "fourth"] {
            pairs.push((Box::leak(format!("chart-{ink}").into_boxed_str()), "surface", 3.0));
        }
        pairs.push(("line-strong", "surface", 3.0));
        pairs
    }

    fn tokens(css: &str) -> HashMap<&str, [f64; 3]> {
        css.lines()
            .filter_map(|line| line.trim().strip_prefix("--")?.split_once(": #"))
            .map(|(name, hex)| (name, [0, 2, 4].map(|at| channel(&hex[at..at + 2]))))
            .collect()
    }

    fn channel(hex: &str) -> f64 {
        let value = f64::from(u8::from_str_radix(hex, 16).unwrap()) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    }

    fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
        let luminance = |[r, g, b]: [f64; 3]| 0.2126 * r + 0.7152 * g + 0.0722 * b;
        let (a, b) = (luminance(one), luminance(other));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }
}
