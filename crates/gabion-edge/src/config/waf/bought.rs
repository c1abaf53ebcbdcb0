//! `[waf] bought`: the pages that thank for a purchase. Whoever reaches one was hardly an attacker.

use std::fmt;

use toml::Spanned;

use super::super::Invalid;

/// Pages of one configuration. A shop has one of them, in a few languages.
const PAGES_MAX: usize = 50;
/// Bytes of one.
const PAGE_BYTES_MAX: usize = 512;
/// What a whole segment of a path is written as.
const ANY_SEGMENT: &str = "*";
/// Where shops thank a buyer: Shopware and Magento, WooCommerce, Magento's one-page checkout, others.
const USUAL: [&str; 5] = [
    "/checkout/success",
    "/checkout/finish",
    "/order-received",
    "/checkout/onepage/success",
    "/order-confirmation",
];

/// Pages that only a buyer comes to. Each is a run of whole segments, wherever in a path it stands: `/order-received`
/// is in `/de/checkout/order-received/7`. `*` stands for one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoughtPages(Vec<String>);

impl Default for BoughtPages {
    fn default() -> Self {
        Self(USUAL.map(str::to_owned).into())
    }
}

impl fmt::Display for BoughtPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

impl BoughtPages {
    /// These pages; without any, nothing counts as a purchase.
    ///
    /// # Errors
    /// What is wrong with the first one that cannot be a page, or that there are too many.
    pub fn new(pages: &[String]) -> Result<Self, String> {
        if pages.len() > PAGES_MAX {
            return Err(format!("more than {PAGES_MAX} pages"));
        }
        pages.iter().try_for_each(|page| check(page))?;
        Ok(Self(pages.to_vec()))
    }

    /// Whether a decoded path leads to one of them.
    pub fn contain(&self, path: &str) -> bool {
        let starts = path.match_indices('/').map(|(start, _)| &path[start..]);
        starts.into_iter().any(|rest| self.0.iter().any(|page| begins(rest, page)))
    }
}

fn begins(path: &str, page: &str) -> bool {
    let mut segments = path.split('/').skip(1);
    let is = |wanted: &str, found: &str| wanted == found || wanted == ANY_SEGMENT && !found.is_empty();
    page.split('/').skip(1).all(|wanted| segments.next().is_some_and(|found| is(wanted, found)))
}

fn check(page: &str) -> Result<(), String> {
    let plain = page.len() <= PAGE_BYTES_MAX && !page.contains(['%', '?', '#']);
    let mut segments = page.split('/').skip(1).peekable();
    let named = segments.peek().is_some()
        && segments
            .clone()
            .all(|segment| !segment.is_empty() && (segment == ANY_SEGMENT || !segment.contains(ANY_SEGMENT)))
        && segments.any(|segment| segment != ANY_SEGMENT);
    if page.starts_with('/') && plain && named {
        return Ok(());
    }
    Err(format!("{page:?} is no page: write whole segments such as \"/checkout/success\"; * stands for one"))
}

pub(super) fn check_bought(pages: &Spanned<Vec<String>>) -> Result<BoughtPages, Invalid> {
    BoughtPages::new(pages.get_ref()).map_err(|message| Invalid::at(pages, format!("bought: {message}")))
}

/// What holds where the file says nothing.
pub(super) fn usual() -> Vec<String> {
    BoughtPages::default().0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_found_by_whole_segments_anywhere_in_a_path() {
        let usual = BoughtPages::default();
        for path in ["/checkout/success", "/de/checkout/order-received/7/", "/shop/checkout/finish"] {
            assert!(usual.contain(path), "{path}");
        }
        for path in ["/", "", "/checkout", "/checkout/successful", "/reorder-received", "/finish/checkout"] {
            assert!(!usual.contain(path), "{path}");
        }
    }

    #[test]
    fn a_star_is_one_segment() {
        let pages = BoughtPages::new(&["/order/*/thanks".to_owned()]).expect("a page");
        assert!(pages.contain("/order/7/thanks") && pages.contain("/en/order/7/thanks/print"));
        assert!(!pages.contain("/order/thanks") && !pages.contain("/order//thanks"));
        assert!(!pages.contain("/order/7/8/thanks"));
    }

    #[test]
    fn what_would_be_any_page_is_refused() {
        for bad in ["", "/", "thanks", "/*", "/a//b", "/thank*", "/a?b", "/a%20b"] {
            assert!(BoughtPages::new(&[bad.to_owned()]).is_err(), "{bad}");
        }
        assert!(BoughtPages::new(&vec!["/a".to_owned(); PAGES_MAX + 1]).is_err());
        assert!(!BoughtPages::new(&[]).expect("none is a choice").contain("/checkout/success"));
    }
}
