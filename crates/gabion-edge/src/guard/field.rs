//! Names and values of fields: which bytes they may have, and which names matter to framing.

use super::Fault;

/// Bytes that names and methods are made of. RFC 9110 section 5.6.2.
static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let b = byte as u8;
        table[byte] = b.is_ascii_alphanumeric()
            || matches!(
                b,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        byte += 1;
    }
    table
};

/// Bytes that no line may have: control characters other than HTAB. RFC 9110 section 5.5. Bytes from 0x80 on pass in
/// values: they mean nothing to framing, and shops have cookies with them.
static CONTROL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = byte != 0x09;
        byte += 1;
    }
    table[0x7f] = true;
    table
};

/// Letters of the fields that say where a request ends or what becomes of its connection, and the names they are in.
/// A server that cannot tell one mark from another, as in CGI's variables, would take other spellings for them
/// (RFC 3875 section 4.1.18).
const FRAMING: [(&[u8], &[u8]); 6] = [
    (b"contentlength", b"content-length"),
    (b"transferencoding", b"transfer-encoding"),
    (b"contentencoding", b"content-encoding"),
    (b"keepalive", b"keep-alive"),
    (b"proxyconnection", b"proxy-connection"),
    (b"proxyauthorization", b"proxy-authorization"),
];
/// Whether all bytes are of a token.
pub(super) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|b| TOKEN[usize::from(*b)])
}

/// Where the first control character is.
pub(super) fn control(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    // Eight bytes at a time; a word that has something odd is looked at byte by byte.
    while let Some(word) = bytes[at..].first_chunk::<8>() {
        if maybe_control(u64::from_le_bytes(*word))
            && let Some(found) = word.iter().position(|b| CONTROL[usize::from(*b)])
        {
            return Some(at + found);
        }
        at += 8;
    }
    bytes[at..].iter().position(|b| CONTROL[usize::from(*b)]).map(|found| at + found)
}

/// Whether one of eight bytes is below 0x20 or is 0x7f. Never wrong when it says no.
const fn maybe_control(word: u64) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let low = word.wrapping_sub(ONES * 0x20) & !word;
    let delete = word ^ (ONES * 0x7f);
    let delete = delete.wrapping_sub(ONES) & !delete;
    (low | delete) & HIGH != 0
}

/// Splits `name: value`; the value without the white space around it.
///
/// # Errors
/// When there is no name before the colon, it has other bytes than a token's, or shadows one of framing.
pub(super) fn split(line: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    let end = line.iter().position(|b| !TOKEN[usize::from(*b)]).ok_or(Fault::FieldName)?;
    if end == 0 || line[end] != b':' {
        return Err(Fault::FieldName);
    }
    let (name, value) = (&line[..end], &line[end + 1..]);
    if shadows(name) {
        return Err(Fault::FieldShadow);
    }
    Ok((name, value))
}

/// Whether a name has the letters of one of framing and other marks between them.
pub(super) fn shadows(name: &[u8]) -> bool {
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return false };
    // Nearly all names end the question here.
    let ends = match (first | 0x20, last | 0x20) {
        (b'c', b'h' | b'g') | (b't', b'g') | (b'k', b'e') | (b'p', b'n') => true,
        _ => !first.is_ascii_alphanumeric() || !last.is_ascii_alphanumeric(),
    };
    let letters = || name.iter().filter(|b| b.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase);
    let shadow = |(known, own): &(&[u8], &[u8])| {
        letters().eq(known.iter().copied()) && !name.eq_ignore_ascii_case(own)
    };
    ends && FRAMING.iter().any(shadow)
}

/// The value without the white space around it. RFC 9112 section 5.
pub(super) const fn trim(value: &[u8]) -> &[u8] {
    value.trim_ascii()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn control_characters_are_found_wherever_they_are(bytes in prop::collection::vec(
            prop_oneof![20 => any::<u8>().prop_map(|b| b | 0x20), 1 => any::<u8>()], 0..40,
        )) {
            let plain = bytes.iter().position(|b| b.is_ascii_control() && *b != b'\t');
            prop_assert_eq!(control(&bytes), plain);
        }
    }

    #[test]
    fn other_spellings_of_framing_are_shadows() {
        for name in [
            "Content_Length",
            "transfer_encoding",
            "Transfer.Encoding",
            "PROXY_CONNECTION",
            "Keep~Alive",
            "Transfer--Encoding",
            "_ContentLength",
        ] {
            assert!(shadows(name.as_bytes()), "{name}");
        }
        for name in [
            "Content-Length",
            "Content_Lengths",
            "X_Custom",
            "cart_id",
            "Keep-Alive",
            "Contentxlength",
            "X-Content-Length",
        ] {
            assert!(!shadows(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn names_stand_right_before_the_colon() {
        assert_eq!(split(b"A: b "), Ok((&b"A"[..], &b" b "[..])));
        for line in [&b": b"[..], b"A : b", b"A\t: b", b"A b: c", b"no colon", b"\xc3\xa4: b", b"(A): b"] {
            assert_eq!(split(line), Err(Fault::FieldName), "{line:?}");
        }
    }
}
