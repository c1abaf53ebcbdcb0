//! RTF: braces to the last, and objects in them. RTF specification 1.9.1.

use crate::cursor::starts_with_nocase;
use crate::reason::{Code, Reasons};

/// Words that bring another file or a control.
const OBJECTS: &[&[u8]] =
    &[b"objdata", b"objocx", b"objupdate", b"objautlink", b"objlink", b"objclass", b"objemb"];

/// Notes objects, and returns where the document ends; `None` where its braces do not.
pub(crate) fn check(bytes: &[u8], reasons: &mut Reasons) -> Option<usize> {
    let (mut at, mut depth, mut end) = (0, 0_usize, None);
    // Objects count behind the end too: Word does not care for braces as much as others do.
    while let Some(found) = memchr::memchr3(b'{', b'}', b'\\', &bytes[at..]) {
        at += found + 1;
        match bytes[at - 1] {
            b'{' => depth += 1,
            b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && end.is_none() {
                    end = Some(at);
                }
            }
            _ => at += word(&bytes[at..], reasons),
        }
    }
    end
}

/// Notes a word behind a backslash and says how many bytes to skip.
fn word(rest: &[u8], reasons: &mut Reasons) -> usize {
    let length = rest.iter().take(40).take_while(|byte| byte.is_ascii_alphabetic()).count();
    if OBJECTS.iter().any(|object| length == object.len() && starts_with_nocase(rest, object)) {
        reasons.add(Code::EmbeddedObject, String::from_utf8_lossy(&rest[..length]));
    }
    let arguments = &rest[length..];
    if length == 3 && starts_with_nocase(rest, b"bin") {
        let digits = arguments.iter().take(10).take_while(|byte| byte.is_ascii_digit()).count();
        let count: usize = String::from_utf8_lossy(&arguments[..digits]).parse().unwrap_or(0);
        // Raw bytes follow the number and one space.
        let skipped = (length + digits + 1).saturating_add(count);
        return skipped.min(rest.len());
    }
    length.max(usize::from(!rest.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_rtf(text: &[u8], end: Option<usize>, objects: usize) {
        let mut reasons = Reasons::default();
        assert_eq!(check(text, &mut reasons), end, "{}", String::from_utf8_lossy(text));
        assert_eq!(reasons.into_list().len(), objects, "{}", String::from_utf8_lossy(text));
    }

    #[test]
    fn braces_are_counted_and_objects_told() {
        check_rtf(b"{\\rtf1 {a\\{b\\}} c}", Some(18), 0);
        check_rtf(b"{\\rtf1 {a}", None, 0);
        check_rtf(b"{\\rtf1{\\object\\objemb{\\*\\objdata 01}}}", Some(38), 1);
        check_rtf(b"{\\rtf1\\bin3 }}}}x", Some(16), 0);
        check_rtf(b"{\\rtf1\\bin99999999999 }", None, 0);
        check_rtf(b"{\\rtf1}{\\ObjData 01}", Some(7), 1);
    }
}
