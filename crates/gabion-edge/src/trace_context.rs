//! W3C Trace Context: which trace a request belongs to.
//!
//! A trace is continued only when a believed proxy names it: anybody else could force traces to be recorded, or mix
//! theirs with others' (the recommendation's section on denial of service asks for that). One is started where there
//! is somewhere to send it to. Otherwise the shop gets no trace, and may start its own.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::RequestId;

pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub(crate) const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Bytes of a `traceparent` of version 00.
const BYTES: usize = 55;
/// Flags: the caller records, and the last seven bytes of the trace's id are random.
const SAMPLED: u8 = 1;
const RANDOM: u8 = 2;
/// Bytes and members of a `tracestate`; a longer one is left out, as a receiver may.
const STATE_BYTES_MAX: usize = 512;
const STATE_MEMBERS_MAX: usize = 32;

/// What a `traceparent` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceParent {
    /// The trace; never 0.
    pub(crate) trace_id: u128,
    /// The span that the request belongs to; never 0.
    pub(crate) parent_id: u64,
    /// Whether the caller records it.
    pub(crate) sampled: bool,
    /// Whether the trace's id ends in seven random bytes.
    pub(crate) random: bool,
}

impl TraceParent {
    /// Reads a header's value: version 00 exactly, of later versions the part that is known. Strict: lower-case
    /// hexadecimal, no spaces, no zero ids; version ff is none.
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let (known, rest) = value.split_at_checked(BYTES)?;
        let dashes = [2, 35, 52].iter().all(|at| known[*at] == b'-');
        let version = hex(&known[..2])?;
        let trace_id = hex(&known[3..35])?;
        let parent_id = u64::try_from(hex(&known[36..52])?).ok()?;
        let flags = u8::try_from(hex(&known[53..])?).ok()?;
        let rest_fits = rest.is_empty() || (version > 0 && rest[0] == b'-');
        (dashes && rest_fits && version != 0xff && trace_id != 0 && parent_id != 0).then_some(Self {
            trace_id,
            parent_id,
            sampled: flags & SAMPLED != 0,
            random: flags & RANDOM != 0,
        })
    }

    /// The header's value, in version 00.
    pub(crate) fn header(&self) -> HeaderValue {
        let mut text = [b'-'; BYTES];
        let flags = if self.sampled { SAMPLED } else { 0 } | if self.random { RANDOM } else { 0 };
        write_hex(0, &mut text[..2]);
        write_hex(self.trace_id, &mut text[3..35]);
        write_hex(u128::from(self.parent_id), &mut text[36..52]);
        write_hex(u128::from(flags), &mut text[53..]);
        HeaderValue::from_bytes(&text).expect("hexadecimal digits are a header value")
    }
}

/// Lower-case hexadecimal digits, at most 32.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

fn write_hex(number: u128, out: &mut [u8]) {
    let last = out.len() - 1;
    for (i, digit) in out.iter_mut().enumerate() {
        *digit = b"0123456789abcdef"[(number >> (4 * (last - i))) as usize & 15];
    }
}

/// Whether the members of a `tracestate` are ones that may be passed on (section 3.3 of the recommendation).
pub(crate) fn state_is_good(value: &[u8]) -> bool {
    let mut members = 0;
    let member = |member: &[u8]| {
        let member = member.trim_ascii();
        member.is_empty() || {
            members += 1;
            let mut parts = member.splitn(2, |b| *b == b'=');
            let (key, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            key_is_good(key) && value_is_good(value)
        }
    };
    value.len() <= STATE_BYTES_MAX && value.split(|b| *b == b',').all(member) && members <= STATE_MEMBERS_MAX
}

fn key_is_good(key: &[u8]) -> bool {
    let letter = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    key.first().is_some_and(letter)
        && key.len() <= 256
        && key.iter().all(|b| letter(b) || matches!(b, b'_' | b'-' | b'*' | b'/' | b'@'))
}

fn value_is_good(value: &[u8]) -> bool {
    (1..=256).contains(&value.len())
        && value.iter().all(|b| matches!(b, 0x20..=0x7e) && !matches!(b, b',' | b'='))
}

/// The trace of one request: where it hangs, and the ids of our own spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceContext {
    pub(crate) trace_id: u128,
    /// The caller's span, where a believed proxy named one.
    pub(crate) parent_id: Option<u64>,
    /// Our span of the request.
    pub(crate) span_id: u64,
    /// Our span of asking the shop; what the shop sees as its parent.
    pub(crate) shop_span_id: u64,
    pub(crate) sampled: bool,
    random: bool,
}

impl TraceContext {
    /// The trace of a request: the one it brings, if `believed`, or else a new one, recorded for `start_percent` of
    /// requests; none where that is none. A new trace has the bits of the request's id.
    pub(crate) fn of(
        headers: &HeaderMap,
        believed: impl FnOnce() -> bool,
        id: RequestId,
        start_percent: Option<u8>,
    ) -> Option<Self> {
        let span_id = u64::try_from(id.bits() & u128::from(u64::MAX)).unwrap_or(1).max(1);
        // Odd multiples are all different: the two spans of a request never share an id.
        let shop_span_id = span_id.wrapping_mul(0x9e37_79b9_7f4a_7c15).max(2);
        let (trace_id, parent_id, sampled, random) = match brought(headers).filter(|_| believed()) {
            Some(parent) => (parent.trace_id, Some(parent.parent_id), parent.sampled, parent.random),
            None => (id.bits(), None, id.bits() % 100 < u128::from(start_percent?), true),
        };
        Some(Self { trace_id, parent_id, span_id, shop_span_id, sampled, random })
    }

    /// Writes the headers for the shop: ours instead of what the request brought.
    pub(crate) fn pass_on(context: Option<&Self>, headers: &mut HeaderMap) {
        let Some(context) = context else {
            headers.remove(TRACEPARENT);
            headers.remove(TRACESTATE);
            return;
        };
        let state = headers.get_all(TRACESTATE).iter().map(HeaderValue::as_bytes).collect::<Vec<_>>();
        if context.parent_id.is_none() || !state_is_good(&state.join(&b","[..])) {
            headers.remove(TRACESTATE);
        }
        let Self { trace_id, shop_span_id, sampled, random, .. } = *context;
        let parent = TraceParent { trace_id, parent_id: shop_span_id, sampled, random };
        headers.insert(TRACEPARENT, parent.header());
    }
}

/// The one `traceparent` of a request. Several are none.
fn brought(headers: &HeaderMap) -> Option<TraceParent> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    TraceParent::parse(value.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[track_caller]
    fn check(value: &str, good: bool) {
        assert_eq!(TraceParent::parse(value.as_bytes()).is_some(), good, "{value}");
    }

    #[test]
    fn the_examples_of_the_recommendation_are_read_and_written() {
        let parent = TraceParent::parse(GOOD.as_bytes()).expect("it is good");
        assert_eq!(parent.trace_id, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        assert_eq!((parent.parent_id, parent.sampled, parent.random), (0xb7ad_6b71_6920_3331, true, false));
        assert_eq!(parent.header(), GOOD);
        check("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", true);
    }

    #[test]
    fn later_versions_are_read_as_far_as_they_are_known() {
        check(&GOOD.replacen("00", "cc", 1), true);
        check(&format!("{}-more", GOOD.replacen("00", "cc", 1)), true);
        check(&format!("{}.more", GOOD.replacen("00", "cc", 1)), false);
        check(&format!("{GOOD}-more"), false);
    }

    #[test]
    fn everything_else_is_no_traceparent() {
        for wrong in [
            "",
            "00",
            &GOOD[..54],
            &GOOD.to_uppercase(),
            &GOOD.replace('-', "_"),
            &GOOD.replacen("00", "ff", 1),
            &format!(" {}", &GOOD[..54]),
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g",
            "00-0af7651916cd43dd8448eb211c80319ü-b7ad6b7169203331-01",
        ] {
            check(wrong, false);
        }
    }

    #[test]
    fn only_well_formed_states_are_passed_on() {
        for (state, good) in [
            ("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", true),
            ("a=1, ,b@c=2", true),
            ("", true),
            ("A=1", false),
            ("a", false),
            ("a=1=2", false),
            ("a=\u{1}", false),
        ] {
            assert_eq!(state_is_good(state.as_bytes()), good, "{state}");
        }
        let many = |count: usize| (0..count).map(|i| format!("k{i}=v")).collect::<Vec<_>>().join(",");
        assert!(state_is_good(many(32).as_bytes()) && !state_is_good(many(33).as_bytes()));
        assert!(!state_is_good(format!("a={}", "x".repeat(257)).as_bytes()));
    }

    #[test]
    fn strangers_start_anew_and_believed_proxies_go_on() {
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, HeaderValue::from_static(GOOD));
        headers.insert(TRACESTATE, HeaderValue::from_static("a=1"));
        let id = RequestId::from_bits(1 << 100 | 99);
        assert_eq!(TraceContext::of(&headers, || false, id, None), None);
        let new = TraceContext::of(&headers, || false, id, Some(99)).expect("one is started");
        assert_eq!((new.trace_id, new.parent_id, new.sampled), (id.bits(), None, id.bits() % 100 < 99));
        assert_ne!(new.span_id, new.shop_span_id);
        let on = TraceContext::of(&headers, || true, id, None).expect("it goes on");
        assert_eq!((on.parent_id, on.sampled), (Some(0xb7ad_6b71_6920_3331), true));

        let mut to_shop = headers.clone();
        TraceContext::pass_on(Some(&on), &mut to_shop);
        assert_eq!(to_shop[TRACEPARENT].to_str().expect("ASCII")[..36], GOOD[..36]);
        assert_ne!(to_shop[TRACEPARENT], GOOD, "the shop's parent is our span");
        assert_eq!(to_shop[TRACESTATE], "a=1");
        let mut to_shop = headers.clone();
        TraceContext::pass_on(Some(&new), &mut to_shop);
        assert!(!to_shop.contains_key(TRACESTATE), "a new trace has no state of another");
        TraceContext::pass_on(None, &mut headers);
        assert!(headers.is_empty(), "a stranger's trace never reaches the shop");
    }

    #[test]
    fn of_several_headers_none_counts() {
        let mut headers = HeaderMap::new();
        headers.append(TRACEPARENT, HeaderValue::from_static(GOOD));
        headers.append(TRACEPARENT, HeaderValue::from_static(GOOD));
        assert_eq!(brought(&headers), None);
    }
}
