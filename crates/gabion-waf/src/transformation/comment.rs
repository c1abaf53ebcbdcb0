//! Comments of C, SQL and HTML.

/// Replaces each `/* ... */` by a space; one that does not end reaches to the end of the value.
pub(super) fn replace(input: &[u8], out: &mut Vec<u8>) -> bool {
    let mut rest = input;
    let mut changed = false;
    while let Some(start) = find(rest, b"/*") {
        changed = true;
        out.extend_from_slice(&rest[..start]);
        out.push(b' ');
        rest = &rest[start + 2..];
        rest = find(rest, b"*/").map_or(&[], |end| &rest[end + 2..]);
    }
    out.extend_from_slice(rest);
    changed
}

/// Removes `/* ... */` and `<!-- ... -->`; everything after `--` or `#` becomes one space, as does a comment that
/// does not end.
pub(super) fn remove(input: &[u8], out: &mut Vec<u8>) -> bool {
    let mut rest = input;
    let mut changed = false;
    while !rest.is_empty() {
        let (open, close): (&[u8], &[&[u8]]) = if rest.starts_with(b"/*") || rest.starts_with(b"<!--") {
            (if rest[0] == b'/' { b"/*" } else { b"<!--" }, &[b"*/", b"-->"])
        } else if rest.starts_with(b"--") || rest[0] == b'#' {
            out.push(b' ');
            return true;
        } else {
            out.push(rest[0]);
            rest = &rest[1..];
            continue;
        };
        changed = true;
        rest = &rest[open.len()..];
        // Either end closes either comment, as in the reference.
        let end = close.iter().filter_map(|mark| Some((find(rest, mark)?, mark.len()))).min();
        match end {
            Some((at, length)) => rest = &rest[at + length..],
            None => {
                out.push(b' ');
                rest = &[];
            }
        }
    }
    changed
}

/// Removes the marks of comments and leaves what is inside.
pub(super) fn remove_marks(input: &[u8], out: &mut Vec<u8>) -> bool {
    const MARKS: [&[u8]; 6] = [b"/*", b"*/", b"<!--", b"-->", b"--", b"#"];
    let mut rest = input;
    while let Some((first, after)) = rest.split_first() {
        match MARKS.iter().find(|mark| rest.starts_with(mark)) {
            Some(mark) => rest = &rest[mark.len()..],
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out.len() != input.len()
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, wanted)
}
