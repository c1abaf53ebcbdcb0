//! `application/x-www-form-urlencoded` bodies and query strings.

use std::borrow::Cow;

/// How much of a body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Arguments that are delivered; the rest is not, and the reading is partial. 1,000 by default, as in
    /// ModSecurity's recommended `SecArgumentsLimit`.
    pub arguments_max: usize,
    /// Encoded bytes that are read; the argument that crosses the limit is delivered cut. 128 KiB by default, as in
    /// ModSecurity's recommended `SecRequestBodyNoFilesLimit`.
    pub bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { arguments_max: 1_000, bytes_max: 128 * 1024 }
    }
}

/// What a reading was like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Some `%` was not followed by two hexadecimal digits and was delivered as it stood: ModSecurity's
    /// `URLENCODED_ERROR`.
    pub invalid_encoding: bool,
    /// A limit kept something from being delivered.
    pub partial: bool,
}

/// Delivers each argument, decoded, in order; `separator` is `&` nearly everywhere.
///
/// An argument without `=` has an empty value. Between two separators there is an argument without a name, after the
/// last one there is none. Source: ModSecurity 3, `Transaction::extractArguments`.
pub fn parse(
    body: &[u8],
    separator: u8,
    limits: &Limits,
    argument: &mut impl FnMut(&[u8], &[u8]),
) -> Outcome {
    let mut outcome = Outcome { invalid_encoding: false, partial: body.len() > limits.bytes_max };
    let mut rest = &body[..body.len().min(limits.bytes_max)];
    let mut delivered = 0;
    while !rest.is_empty() {
        if delivered == limits.arguments_max {
            outcome.partial = true;
            break;
        }
        let (pair, after) = split_at_byte(rest, separator);
        let (name, value) = split_at_byte(pair, b'=');
        argument(&decode(name, &mut outcome.invalid_encoding), &decode(value, &mut outcome.invalid_encoding));
        delivered += 1;
        rest = after;
    }
    outcome
}

/// What is before and after the first such byte; nothing is after it when there is none.
fn split_at_byte(bytes: &[u8], byte: u8) -> (&[u8], &[u8]) {
    match memchr::memchr(byte, bytes) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[]),
    }
}

/// Undoes `+` and `%XX`; other `%` stay and set the flag.
fn decode<'b>(encoded: &'b [u8], invalid: &mut bool) -> Cow<'b, [u8]> {
    let Some(first) = memchr::memchr2(b'%', b'+', encoded) else { return Cow::Borrowed(encoded) };
    let mut decoded = Vec::with_capacity(encoded.len());
    decoded.extend_from_slice(&encoded[..first]);
    let mut rest = &encoded[first..];
    while let [byte, after @ ..] = rest {
        rest = after;
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => match escaped(after) {
                Some(byte) => {
                    rest = &after[2..];
                    byte
                }
                None => {
                    *invalid = true;
                    b'%'
                }
            },
            byte => *byte,
        });
    }
    Cow::Owned(decoded)
}

/// The byte that the two hexadecimal digits after a `%` stand for.
fn escaped(after: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(after.get(..2)?).ok()?;
    // `from_str_radix` takes a sign.
    if digits.starts_with('+') {
        return None;
    }
    u8::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Argument = (Vec<u8>, Vec<u8>);

    fn run(body: &[u8], separator: u8, limits: Limits) -> (Vec<Argument>, Outcome) {
        let mut arguments = Vec::new();
        let outcome = parse(body, separator, &limits, &mut |name, value| {
            arguments.push((name.to_vec(), value.to_vec()));
        });
        (arguments, outcome)
    }

    #[track_caller]
    fn check(body: &str, expected: &[(&str, &str)], invalid_encoding: bool) {
        let (arguments, outcome) = run(body.as_bytes(), b'&', Limits::default());
        let expected: Vec<Argument> = expected
            .iter()
            .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
            .collect();
        assert_eq!(arguments, expected, "{body:?}");
        assert_eq!(outcome, Outcome { invalid_encoding, partial: false }, "{body:?}");
    }

    #[test]
    fn arguments_are_split_and_decoded() {
        check("", &[], false);
        check("a", &[("a", "")], false);
        check("a=", &[("a", "")], false);
        check("=b", &[("", "b")], false);
        check("=", &[("", "")], false);
        check("a=1&b=2", &[("a", "1"), ("b", "2")], false);
        check("a=1=2", &[("a", "1=2")], false);
        check("a+b=c%20d", &[("a b", "c d")], false);
        check("%61%3d=%26%2B%2b%c3%a4", &[("a=", "&++ä")], false);
        check("a;b=1", &[("a;b", "1")], false);
    }

    #[test]
    fn nothing_between_separators_is_an_argument_but_nothing_after_the_last_is_none() {
        check("&", &[("", "")], false);
        check("a&&b", &[("a", ""), ("", ""), ("b", "")], false);
        check("a&", &[("a", "")], false);
    }

    #[test]
    fn invalid_escapes_stay_and_are_told() {
        for body in ["%", "%4", "%zz", "%4z", "%+1", "%%41"] {
            let (arguments, outcome) = run(body.as_bytes(), b'&', Limits::default());
            assert!(outcome.invalid_encoding, "{body:?}");
            assert_eq!(arguments.len(), 1, "{body:?}");
        }
        check("a=100%&b=%zz%41", &[("a", "100%"), ("b", "%zzA")], true);
        check("a=%+1", &[("a", "% 1")], true);
        check("a=%%41", &[("a", "%A")], true);
    }

    #[test]
    fn another_separator_can_be_chosen() {
        let (arguments, _) = run(b"a=1;b=&2", b';', Limits::default());
        assert_eq!(arguments, [(b"a".to_vec(), b"1".to_vec()), (b"b".to_vec(), b"&2".to_vec())]);
    }

    #[test]
    fn limits_make_a_reading_partial() {
        let limits = Limits { arguments_max: 2, bytes_max: 7 };
        assert!(!run(b"a=1&b=2", b'&', limits).1.partial);
        let (arguments, outcome) = run(b"a&b&c", b'&', limits);
        assert!(outcome.partial);
        assert_eq!(arguments.len(), 2);
        let (arguments, outcome) = run(b"a=123456", b'&', limits);
        assert!(outcome.partial);
        assert_eq!(arguments, [(b"a".to_vec(), b"12345".to_vec())]);
    }

    proptest! {
        #[test]
        fn bytes_that_were_encoded_come_back(pairs in prop::collection::vec((any::<Vec<u8>>(), any::<Vec<u8>>()), 0..9)) {
            let encode = |bytes: &[u8]| bytes.iter().map(|byte| format!("%{byte:02X}")).collect::<String>();
            let body: Vec<String> =
                pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
            let (arguments, outcome) = run(body.join("&").as_bytes(), b'&', Limits::default());
            prop_assert_eq!(arguments, pairs);
            prop_assert_eq!(outcome, Outcome::default());
        }

        #[test]
        fn nothing_is_invented(body in prop::collection::vec(prop_oneof![Just(b'%'), Just(b'&'), Just(b'='), any::<u8>()], 0..99)) {
            let (arguments, _) = run(&body, b'&', Limits::default());
            let delivered: usize = arguments.iter().map(|(name, value)| name.len() + value.len()).sum();
            prop_assert!(delivered <= body.len());
        }
    }
}
