//! What of a match may be told: the part that matched, never a secret, never a whole body.

use gabion_core::limits::cut;

use crate::access_log::{is_secret, masked};

/// Bytes of a matched part that are told.
const BYTES_SHOWN: usize = 200;
/// What stands in place of a value that is not told.
pub(super) const MASKED: &str = "[masked]";
/// Variables that hold many values, secrets among them.
const WHOLE: [&str; 9] = [
    "REQUEST_BODY",
    "FULL_REQUEST",
    "RESPONSE_BODY",
    "XML",
    "REQUEST_COOKIES",
    "REQUEST_URI",
    "REQUEST_URI_RAW",
    "REQUEST_LINE",
    "QUERY_STRING",
];
/// How the log data of CRS begins, and what comes after the part that matched.
const CRS: (&str, &str) = ("Matched Data: ", " found within ");

/// The matched part of a variable such as `ARGS:q`, fit to be told.
pub(super) fn matched(variable: &[u8], data: &[u8]) -> String {
    let variable = String::from_utf8_lossy(variable);
    let (collection, name) = variable.split_once(':').unwrap_or((&variable, ""));
    let data = String::from_utf8_lossy(data);
    let part = data.strip_prefix(CRS.0).and_then(|rest| Some(rest.split_once(CRS.1)?.0));
    let cookie = name.eq_ignore_ascii_case("cookie");
    if is_secret(name.as_bytes()) || part.is_none() && (cookie || WHOLE.contains(&collection)) {
        return MASKED.to_owned();
    }
    cut(&masked(part.unwrap_or(&data).as_bytes()), BYTES_SHOWN).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(variable: &str, data: &str, expected: &str) {
        assert_eq!(matched(variable.as_bytes(), data.as_bytes()), expected, "{variable} {data}");
    }

    #[test]
    fn the_part_that_matched_is_told() {
        check("ARGS:q", "1' or 1=1--", "1' or 1=1--");
        check("ARGS:q", "Matched Data: s&1c found within ARGS:q: a long text", "s&1c");
        check("REQUEST_BODY", "Matched Data: <script found within REQUEST_BODY: all of it", "<script");
        check("ARGS:q", &"x".repeat(1000), &format!("{}…", "x".repeat(BYTES_SHOWN - 3)));
    }

    #[test]
    fn secrets_whole_bodies_and_card_numbers_are_not() {
        check("ARGS:password", "hunter2' --", MASKED);
        check("ARGS:user[password]", "Matched Data: hunter2 found within ARGS:user[password]: x", MASKED);
        check("REQUEST_BODY", "a=1&password=hunter2", MASKED);
        check("REQUEST_HEADERS:Cookie", "PHPSESSID=1", MASKED);
        check("REQUEST_COOKIES:cart", "1'--", MASKED);
        check("ARGS:n", "4242 4242 4242 4242", "[card …4242]");
    }
}
