//! Families of browsers: the coarse part of a `User-Agent`.

use gabion_crypto::digest::sha256;
use serde::{Deserialize, Serialize};

/// Bytes of a `User-Agent` that are read. Browsers send under 300; the rest counts for nothing.
pub const USER_AGENT_BYTES_READ_MAX: usize = 1024;

/// A browser's family, without its version: versions change every month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Browser {
    /// Chrome and Chromium.
    Chrome,
    /// Microsoft Edge.
    Edge,
    /// Firefox.
    Firefox,
    /// Opera.
    Opera,
    /// Safari, and what else stands on Apple's engine.
    Safari,
    /// Samsung Internet.
    Samsung,
    /// Anything else.
    Other,
}

/// An operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Os {
    /// Android.
    Android,
    /// ChromeOS.
    ChromeOs,
    /// iOS, and iPadOS as far as it says so.
    Ios,
    /// Linux.
    Linux,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
    /// Anything else.
    Other,
}

/// What kind of device it runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// A computer.
    Desktop,
    /// A telephone.
    Phone,
    /// A tablet.
    Tablet,
    /// Anything else: programs, televisions.
    Other,
}

/// What a browser says of itself. Anybody can say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Agent {
    /// Digest of the whole text, with its versions.
    pub digest: [u8; 8],
    /// Its family.
    pub browser: Browser,
    /// Its operating system.
    pub os: Os,
    /// Its kind of device.
    pub device: DeviceKind,
}

impl Agent {
    /// Reads a `User-Agent`. What is not known is `Other`; only the first [`USER_AGENT_BYTES_READ_MAX`] bytes count.
    pub fn parse(user_agent: &str) -> Self {
        let text = &user_agent[..user_agent.floor_char_boundary(USER_AGENT_BYTES_READ_MAX)];
        let digest = *sha256(text.as_bytes()).first_chunk().expect("8 of 32 bytes");
        let (browser, os) = (browser(text), os(text));
        Self { digest, browser, os, device: device(text, os) }
    }

    /// Whether it is the same family on the same system: what an update leaves as it was.
    pub fn is_like(&self, other: &Self) -> bool {
        (self.browser, self.os, self.device) == (other.browser, other.os, other.device)
    }
}

/// The first mark that is found says it: most browsers name the ones they want to be taken for as well.
fn browser(text: &str) -> Browser {
    let marks = [
        ("Edg", Browser::Edge),
        ("OPR/", Browser::Opera),
        ("SamsungBrowser/", Browser::Samsung),
        ("Firefox/", Browser::Firefox),
        ("FxiOS/", Browser::Firefox),
        ("Chrome/", Browser::Chrome),
        ("CriOS/", Browser::Chrome),
        ("Safari/", Browser::Safari),
    ];
    first(text, &marks).unwrap_or(Browser::Other)
}

fn os(text: &str) -> Os {
    let marks = [
        ("Android", Os::Android),
        ("CrOS", Os::ChromeOs),
        ("iPhone", Os::Ios),
        ("iPad", Os::Ios),
        ("Windows", Os::Windows),
        ("Mac OS X", Os::MacOs),
        ("Linux", Os::Linux),
    ];
    first(text, &marks).unwrap_or(Os::Other)
}

fn device(text: &str, os: Os) -> DeviceKind {
    match os {
        Os::Ios if text.contains("iPad") => DeviceKind::Tablet,
        Os::Ios => DeviceKind::Phone,
        Os::Android if text.contains("Mobile") => DeviceKind::Phone,
        Os::Android => DeviceKind::Tablet,
        Os::ChromeOs | Os::Linux | Os::MacOs | Os::Windows => DeviceKind::Desktop,
        Os::Other => DeviceKind::Other,
    }
}

fn first<T: Copy>(text: &str, marks: &[(&str, T)]) -> Option<T> {
    marks.iter().find(|(mark, _)| text.contains(mark)).map(|(_, what)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(user_agent: &str, browser: Browser, os: Os, device: DeviceKind) {
        let agent = Agent::parse(user_agent);
        assert_eq!((agent.browser, agent.os, agent.device), (browser, os, device), "{user_agent}");
    }

    #[test]
    fn families_are_known() {
        let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                      Chrome/140.0.0.0 Safari/537.36";
        check(chrome, Browser::Chrome, Os::Windows, DeviceKind::Desktop);
        check(&format!("{chrome} Edg/140.0.0.0"), Browser::Edge, Os::Windows, DeviceKind::Desktop);
        check(&format!("{chrome} OPR/120.0.0.0"), Browser::Opera, Os::Windows, DeviceKind::Desktop);
        check(
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 \
             Chrome/130.0.0.0 Mobile Safari/537.36",
            Browser::Samsung,
            Os::Android,
            DeviceKind::Phone,
        );
        check(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
             Version/18.5 Mobile/15E148 Safari/604.1",
            Browser::Safari,
            Os::Ios,
            DeviceKind::Phone,
        );
        check(
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0",
            Browser::Firefox,
            Os::MacOs,
            DeviceKind::Desktop,
        );
        check("curl/8.14.1", Browser::Other, Os::Other, DeviceKind::Other);
        check("", Browser::Other, Os::Other, DeviceKind::Other);
    }

    #[test]
    fn an_update_changes_the_digest_and_not_the_family() {
        let [old, new] = ["140.0", "141.0"].map(|version| {
            Agent::parse(&format!(
                "Mozilla/5.0 (X11; Linux x86_64; rv:{version}) Gecko/20100101 Firefox/{version}"
            ))
        });
        assert_ne!(old.digest, new.digest);
        assert!(old.is_like(&new));
    }

    #[test]
    fn endless_texts_are_cut_at_a_character() {
        let long = "é".repeat(USER_AGENT_BYTES_READ_MAX);
        assert_eq!(Agent::parse(&long), Agent::parse(&format!("{long}Firefox/140.0")));
    }
}
