//! Paths.

/// Takes out empty segments, `.`, and `..` with the segment before it. A path that begins with a slash does not
/// leave its root; in any other, a `..` without a segment before it stays.
pub(super) fn normalize(input: &[u8], out: &mut Vec<u8>) -> bool {
    if input.is_empty() {
        return false;
    }
    let absolute = input[0] == b'/';
    let trailing = input.len() > 1 && input.ends_with(b"/");
    let mut segments: Vec<&[u8]> = Vec::new();
    for segment in input.split(|byte| *byte == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => match segments.last() {
                Some(&last) if last != b".." => {
                    segments.pop();
                }
                _ if absolute => {}
                _ => segments.push(segment),
            },
            _ => segments.push(segment),
        }
    }
    if absolute {
        out.push(b'/');
    }
    for (place, segment) in segments.iter().enumerate() {
        if place > 0 {
            out.push(b'/');
        }
        out.extend_from_slice(segment);
    }
    if trailing && !segments.is_empty() {
        out.push(b'/');
    }
    out != input
}

/// The same after all backslashes became slashes.
pub(super) fn normalize_windows(input: &[u8], out: &mut Vec<u8>) -> bool {
    let slashes: Vec<u8> = input.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect();
    if !normalize(&slashes, out) {
        out.clear();
        out.extend_from_slice(&slashes);
    }
    out != input
}
