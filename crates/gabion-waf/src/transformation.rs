//! Transformations: what a value looks like to whoever reads it next. Each does what libmodsecurity does with the
//! same bytes, unless its own comment says otherwise.

mod base64;
mod comment;
mod digest;
mod entity;
mod escape;
mod hex;
mod path;
mod space;
mod unicode;
mod url;

pub(crate) use unicode::UnicodeMap;
pub(crate) use url::is_malformed;

use crate::error::Fault;

macro_rules! transformations {
    ($($name:ident $($text:literal)+;)*) => {
        /// One step from a value to another.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(crate) enum Transformation { $($name),* }

        impl Transformation {
            /// All of them, with their names; where there are several, all mean the same.
            pub(crate) const NAMES: &[(Self, &str)] = &[$($((Self::$name, $text)),+),*];

            /// How many there are.
            pub(crate) const COUNT: usize = [$(Self::$name),*].len();
        }
    };
}

transformations! {
    Base64Decode "base64Decode";
    Base64DecodeExt "base64DecodeExt";
    Base64Encode "base64Encode";
    CmdLine "cmdLine";
    CompressWhitespace "compressWhitespace";
    CssDecode "cssDecode";
    EscapeSeqDecode "escapeSeqDecode";
    HexDecode "hexDecode";
    HexEncode "hexEncode";
    HtmlEntityDecode "htmlEntityDecode";
    JsDecode "jsDecode";
    Length "length";
    Lowercase "lowercase";
    Md5 "md5";
    NormalizePath "normalizePath" "normalisePath";
    NormalizePathWin "normalizePathWin" "normalisePathWin";
    ParityEven7bit "parityEven7bit";
    ParityOdd7bit "parityOdd7bit";
    ParityZero7bit "parityZero7bit";
    RemoveComments "removeComments";
    RemoveCommentsChar "removeCommentsChar";
    RemoveNulls "removeNulls";
    RemoveWhitespace "removeWhitespace";
    ReplaceComments "replaceComments";
    ReplaceNulls "replaceNulls";
    Sha1 "sha1";
    SqlHexDecode "sqlHexDecode";
    Trim "trim";
    TrimLeft "trimLeft";
    TrimRight "trimRight";
    Uppercase "uppercase";
    UrlDecode "urlDecode";
    UrlDecodeUni "urlDecodeUni";
    UrlEncode "urlEncode";
    Utf8ToUnicode "utf8toUnicode";
}

impl Transformation {
    /// The transformation of that name, in any case; `none` is `None`.
    pub(crate) fn find(name: &str) -> Result<Option<Self>, Fault> {
        if name.eq_ignore_ascii_case("none") {
            return Ok(None);
        }
        Self::NAMES
            .iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(name))
            .map(|(found, _)| Some(*found))
            .ok_or_else(|| Fault::unknown("transformation", name))
    }

    /// Writes the transformed value to `out`, whose old content goes. False: the value stays as it is, and `out`
    /// means nothing. Takes time linear in the value, and writes at most 6 bytes for each one read.
    pub(crate) fn apply(self, input: &[u8], out: &mut Vec<u8>, map: Option<&UnicodeMap>) -> bool {
        out.clear();
        match self {
            Self::Base64Decode => base64::decode(input, out),
            Self::Base64DecodeExt => base64::decode_forgiving(input, out),
            Self::Base64Encode => base64::encode(input, out),
            Self::CmdLine => space::command_line(input, out),
            Self::CompressWhitespace => space::compress(input, out),
            Self::CssDecode => escape::css(input, out),
            Self::EscapeSeqDecode => escape::ansi_c(input, out),
            Self::HexDecode => hex::decode(input, out),
            Self::HexEncode => hex::encode(input, out),
            Self::HtmlEntityDecode => entity::decode(input, out),
            Self::JsDecode => escape::javascript(input, out),
            Self::Length => {
                out.extend_from_slice(input.len().to_string().as_bytes());
                true
            }
            Self::Lowercase => map_bytes(input, out, |byte| byte.to_ascii_lowercase()),
            Self::Md5 => {
                out.extend_from_slice(&digest::md5(input));
                true
            }
            Self::NormalizePath => path::normalize(input, out),
            Self::NormalizePathWin => path::normalize_windows(input, out),
            Self::ParityEven7bit => map_bytes(input, out, |byte| with_parity(byte, 0)),
            Self::ParityOdd7bit => map_bytes(input, out, |byte| with_parity(byte, 1)),
            Self::ParityZero7bit => map_bytes(input, out, |byte| byte & 0x7f),
            Self::RemoveComments => comment::remove(input, out),
            Self::RemoveCommentsChar => comment::remove_marks(input, out),
            Self::RemoveNulls => filter_bytes(input, out, |byte| byte != 0),
            Self::RemoveWhitespace => filter_bytes(input, out, |byte| !space::is_space_or_nbsp(byte)),
            Self::ReplaceComments => comment::replace(input, out),
            Self::ReplaceNulls => map_bytes(input, out, |byte| if byte == 0 { b' ' } else { byte }),
            Self::Sha1 => {
                out.extend_from_slice(&digest::sha1(input));
                true
            }
            Self::SqlHexDecode => hex::decode_sql(input, out),
            Self::Trim => shorter(input, out, space::trim_left(space::trim_right(input))),
            Self::TrimLeft => shorter(input, out, space::trim_left(input)),
            Self::TrimRight => shorter(input, out, space::trim_right(input)),
            Self::Uppercase => map_bytes(input, out, |byte| byte.to_ascii_uppercase()),
            Self::UrlDecode => url::decode(input, out),
            Self::UrlDecodeUni => url::decode_unicode(input, out, map),
            Self::UrlEncode => url::encode(input, out),
            Self::Utf8ToUnicode => unicode::escape(input, out),
        }
    }
}

/// Replaces each byte.
fn map_bytes(input: &[u8], out: &mut Vec<u8>, map: impl Fn(u8) -> u8) -> bool {
    if input.iter().all(|byte| map(*byte) == *byte) {
        return false;
    }
    out.extend(input.iter().map(|byte| map(*byte)));
    true
}

/// Keeps some bytes.
fn filter_bytes(input: &[u8], out: &mut Vec<u8>, keep: impl Fn(u8) -> bool) -> bool {
    if input.iter().all(|byte| keep(*byte)) {
        return false;
    }
    out.extend(input.iter().copied().filter(|byte| keep(*byte)));
    true
}

fn shorter(input: &[u8], out: &mut Vec<u8>, part: &[u8]) -> bool {
    out.extend_from_slice(part);
    part.len() != input.len()
}

/// The low seven bits with the eighth set so that the number of ones is even (0) or odd (1).
fn with_parity(byte: u8, odd: u32) -> u8 {
    let low = byte & 0x7f;
    if low.count_ones() % 2 == odd { low } else { low | 0x80 }
}

/// The number in two hexadecimal digits.
fn hex_pair(high: u8, low: u8) -> Option<u8> {
    Some(hex_digit(high)? << 4 | hex_digit(low)?)
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
