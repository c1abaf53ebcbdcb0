//! White space and command lines.

/// White space as C has it.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | 0x09..=0x0d)
}

/// The same and the no-break space of Latin-1.
pub(super) fn is_space_or_nbsp(byte: u8) -> bool {
    is_space(byte) || byte == 0xa0
}

pub(super) fn trim_left(input: &[u8]) -> &[u8] {
    let start = input.iter().position(|byte| !is_space(*byte)).unwrap_or(input.len());
    &input[start..]
}

pub(super) fn trim_right(input: &[u8]) -> &[u8] {
    let end = input.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1);
    &input[..end]
}

/// Makes one space of each run of white space.
pub(super) fn compress(input: &[u8], out: &mut Vec<u8>) -> bool {
    let mut inside = false;
    for &byte in input {
        let space = is_space_or_nbsp(byte);
        if !space {
            out.push(byte);
        } else if !inside {
            out.push(b' ');
        }
        inside = space;
    }
    out != input
}

/// Undoes what shells ignore: quotes, backslashes and carets go; commas, semicolons and white space become one
/// space, none before a slash or a parenthesis; letters become lower case.
pub(super) fn command_line(input: &[u8], out: &mut Vec<u8>) -> bool {
    for &byte in input {
        match byte {
            b'"' | b'\'' | b'\\' | b'^' => {}
            b' ' | b',' | b';' | b'\t' | b'\r' | b'\n' => {
                if out.last() != Some(&b' ') {
                    out.push(b' ');
                }
            }
            b'/' | b'(' => {
                if out.last() == Some(&b' ') {
                    out.pop();
                }
                out.push(byte);
            }
            _ => out.push(byte.to_ascii_lowercase()),
        }
    }
    out != input
}
