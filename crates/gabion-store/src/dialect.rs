//! Where the two databases speak differently.

use std::borrow::Cow;

/// Which database a transaction runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite: STRICT tables, one writer.
    Sqlite,
    /// PostgreSQL: SERIALIZABLE transactions.
    Postgres,
}

/// Rewrites `$n` to `?n`. For SQLite `$1` is a *named* parameter, numbered by first appearance, so that
/// `SET a = $2 WHERE id = $1` would bind swapped. Quoted text and comments stay as they are.
pub(crate) fn numbered(sql: &str) -> Cow<'_, str> {
    if !sql.contains('$') {
        return Cow::Borrowed(sql);
    }
    let bytes = sql.as_bytes();
    let mut out = String::with_capacity(sql.len());
    let mut copied = 0;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'\'' | b'"') => at = after_quoted(bytes, at, quote),
            b'-' if bytes.get(at + 1) == Some(&b'-') => at = after(bytes, at, b"\n"),
            b'/' if bytes.get(at + 1) == Some(&b'*') => at = after(bytes, at + 2, b"*/"),
            b'$' if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => {
                out.push_str(&sql[copied..at]);
                out.push('?');
                at += 1;
                copied = at;
            }
            _ => at += 1,
        }
    }
    out.push_str(&sql[copied..]);
    Cow::Owned(out)
}

/// The place behind a quoted run that starts at `start`. A doubled quote starts a second run at once.
fn after_quoted(bytes: &[u8], start: usize, quote: u8) -> usize {
    after(bytes, start + 1, &[quote])
}

fn after(bytes: &[u8], from: usize, end: &[u8]) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.windows(end.len()).position(|window| window == end).map_or(bytes.len(), |at| from + at + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sql: &str, expected: &str) {
        assert_eq!(numbered(sql), expected);
    }

    #[test]
    fn placeholders_are_numbered() {
        check("UPDATE t SET a=$2 WHERE id=$1", "UPDATE t SET a=?2 WHERE id=?1");
        check("VALUES ($1,$12)", "VALUES (?1,?12)");
        check("SELECT 1", "SELECT 1");
    }

    #[test]
    fn quotes_and_comments_stay() {
        check("SELECT '$1', $1", "SELECT '$1', ?1");
        check("SELECT 'it''s $1', $1", "SELECT 'it''s $1', ?1");
        check("SELECT \"a$1\", $1", "SELECT \"a$1\", ?1");
        check("SELECT $1 -- not $2\n, $2", "SELECT ?1 -- not $2\n, ?2");
        check("SELECT /* $1 */ $1", "SELECT /* $1 */ ?1");
        check("SELECT '$1", "SELECT '$1");
        check("SELECT 'é' || $1 || $x", "SELECT 'é' || ?1 || $x");
    }
}
