//! Pieces of the texts that hashes are written in.

use std::sync::LazyLock;

use data_encoding::{BASE64, BASE64_NOPAD, BitOrder, Encoding, HEXLOWER_PERMISSIVE, Specification};

use super::LegacyError;

/// The alphabet of phpass, which counts bits from the lowest.
pub(super) static PHPASS: LazyLock<Encoding> = LazyLock::new(|| {
    encoding(
        "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        BitOrder::LeastSignificantFirst,
    )
});

/// The alphabet of bcrypt. The bits that a salt or digest does not fill are ignored, as all implementations do.
pub(super) static BCRYPT: LazyLock<Encoding> = LazyLock::new(|| {
    encoding(
        "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
        BitOrder::MostSignificantFirst,
    )
});

fn encoding(symbols: &str, bit_order: BitOrder) -> Encoding {
    let mut specification = Specification::new();
    specification.symbols.push_str(symbols);
    specification.bit_order = bit_order;
    specification.check_trailing_bits = false;
    specification.encoding().expect("64 different symbols make an encoding")
}

/// Hex of either case.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()
}

/// Base64 with padding or without.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let encoding = if text.ends_with('=') { BASE64 } else { BASE64_NOPAD };
    encoding.decode(text.as_bytes()).ok()
}

/// A decimal number without a sign.
pub(super) fn number(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// `N` numbers behind their names: `m=65536,t=2,p=1`.
pub(super) fn numbers<const N: usize>(text: &str, names: [&str; N]) -> Option<[u64; N]> {
    let mut parts = text.split(',');
    let mut out = [0; N];
    for (out, name) in out.iter_mut().zip(names) {
        *out = number(parts.next()?.strip_prefix(name)?.strip_prefix('=')?)?;
    }
    parts.next().is_none().then_some(out)
}

/// The number, which is within `max`.
pub(super) fn at_most<T: Copy + Into<u64> + TryFrom<u64>>(
    what: &'static str,
    given: u64,
    max: T,
) -> Result<T, LegacyError> {
    let too_costly = LegacyError::TooCostly { what, given, max: max.into() };
    if given > max.into() { Err(too_costly) } else { T::try_from(given).map_err(|_| too_costly) }
}
