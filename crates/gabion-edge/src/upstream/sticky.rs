//! Keeps a customer at one endpoint with a cookie.
//!
//! The cookie holds a code (HMAC) of the endpoint's address under a key of this installation: nobody can read the
//! address from it, and a code that is no endpoint's is as good as none. It grants nothing.

use gabion_crypto::mac::MacKey;
use http::header::{CACHE_CONTROL, COOKIE};
use http::{HeaderMap, HeaderValue};

use crate::config::UpstreamConfig;
use crate::upstream::balance::hash;

/// Bytes of the code of an endpoint: two are never the same by accident.
const CODE_BYTES: usize = 8;

/// The cookies of an upstream's endpoints.
pub(crate) struct Sticky {
    /// Gabion's own prefix: it never reaches the shop.
    name: String,
    codes: Vec<String>,
}

impl Sticky {
    /// The cookies of an upstream that wants them.
    pub(crate) fn new(config: &UpstreamConfig, key: &MacKey) -> Option<Self> {
        let code = |url: String| hex(&key.sign(format!("{}\n{url}", config.name).as_bytes())[..CODE_BYTES]);
        config.sticky.then(|| Self {
            name: format!("__Host-gabion-sticky-{:08x}", hash(config.name.as_bytes()) >> 32),
            codes: config.endpoints.iter().map(|endpoint| code(endpoint.url.to_string())).collect(),
        })
    }

    /// The endpoint that a customer's cookie names.
    pub(crate) fn read(&self, headers: &HeaderMap) -> Option<usize> {
        let code = cookie(headers, &self.name)?;
        self.codes.iter().position(|known| known.as_bytes() == code)
    }

    /// The cookie for an endpoint, unless the answer may be kept for others. A cookie of the session; sent from
    /// everywhere (`SameSite=None`), because customers come back from payment pages by cross-site requests.
    pub(crate) fn write(&self, index: usize, response: &HeaderMap) -> Option<HeaderValue> {
        let shared = |value: &HeaderValue| {
            let directives = value.to_str().unwrap_or_default().to_ascii_lowercase();
            directives.contains("public") || directives.contains("s-maxage")
        };
        if response.get_all(CACHE_CONTROL).iter().any(shared) {
            return None;
        }
        let text = format!("{}={}; Path=/; Secure; HttpOnly; SameSite=None", self.name, self.codes[index]);
        HeaderValue::try_from(text).ok()
    }
}

/// The value of the first cookie with this name.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let fields = headers.get_all(COOKIE).iter();
    let mut pairs = fields.flat_map(|field| field.as_bytes().split(|b| *b == b';').map(<[u8]>::trim_ascii));
    pairs.find_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use gabion_core::Secret;

    use super::*;

    fn sticky(key: u8) -> Sticky {
        let config = UpstreamConfig::of(
            "endpoints = [\"http://10.0.0.5:8080\", \"http://10.0.0.6:8080\"]\nsticky = true",
        );
        Sticky::new(&config, &MacKey::new(&Secret::new([key; 32]))).expect("it was asked for")
    }

    fn sent(cookie: &HeaderValue) -> HeaderMap {
        let pair = cookie.to_str().unwrap().split(';').next().unwrap();
        HeaderMap::from_iter([(COOKIE, format!("a=1; {pair}; b=2").parse().unwrap())])
    }

    #[test]
    fn a_cookie_leads_back_to_its_endpoint_and_a_foreign_one_nowhere() {
        let sticky = sticky(1);
        for index in 0..2 {
            let cookie = sticky.write(index, &HeaderMap::new()).expect("a cookie");
            assert_eq!(sticky.read(&sent(&cookie)), Some(index));
            assert_eq!(self::sticky(2).read(&sent(&cookie)), None, "under another key");
        }
        let forged = format!("{}=0000000000000000", sticky.name).parse().unwrap();
        assert_eq!(sticky.read(&HeaderMap::from_iter([(COOKIE, forged)])), None);
        assert_eq!(sticky.read(&HeaderMap::new()), None);
    }

    #[test]
    fn the_cookie_is_our_own_and_tells_no_address() {
        let cookie = sticky(1).write(0, &HeaderMap::new()).expect("a cookie");
        let text = cookie.to_str().unwrap();
        assert!(
            text.starts_with("__Host-gabion-sticky-") && !text.contains("10.0") && !text.contains("8080")
        );
        assert!(text.ends_with("; Path=/; Secure; HttpOnly; SameSite=None"), "{text}");
    }

    #[test]
    fn answers_that_are_kept_for_others_get_none() {
        let with =
            |value: &'static str| HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static(value))]);
        assert!(sticky(1).write(0, &with("Public, max-age=60")).is_none());
        assert!(sticky(1).write(0, &with("s-maxage=60")).is_none());
        assert!(sticky(1).write(0, &with("private, max-age=60")).is_some());
    }
}
