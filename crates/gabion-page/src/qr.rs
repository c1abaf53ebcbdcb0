//! QR codes as SVG, without scripts and styles.

use std::fmt::Write;

use qrcodegen::{QrCode, QrCodeEcc};

/// Modules of quiet around a code, ISO/IEC 18004 section 6.3.8.
const QUIET: i32 = 4;

/// A text as a QR code: black on white, whatever the page's colors are, as readers want it. None for a text that is too long,
/// at about 2,300 bytes.
#[must_use]
pub fn svg(text: &str) -> Option<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let size = code.size();
    let mut path = String::new();
    for y in 0..size {
        for x in (0..size).filter(|x| code.get_module(*x, y)) {
            let _ = write!(path, "M{} {}h1v1h-1z", x + QUIET, y + QUIET);
        }
    }
    let whole = size + 2 * QUIET;
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {whole} {whole}\" role=\"img\" aria-label=\"QR code\" \
         shape-rendering=\"crispEdges\"><rect width=\"{whole}\" height=\"{whole}\" fill=\"#ffffff\"/><path d=\"{path}\" \
         fill=\"#000000\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_drawn_and_one_that_is_too_long_is_not() {
        let drawn = svg("otpauth://totp/Tea:ann@tea.example?secret=ABC").expect("it fits");
        // Version 4 has 33 modules; the corner of the first finder pattern is dark.
        assert!(drawn.contains("viewBox=\"0 0 41 41\""), "{}", &drawn[..120]);
        assert!(drawn.contains("M4 4h1v1h-1z"));
        assert!(svg(&"x".repeat(3_000)).is_none());
    }
}
