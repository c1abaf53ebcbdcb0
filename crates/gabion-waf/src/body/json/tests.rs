use proptest::prelude::*;

use super::*;

type Argument = (String, Vec<u8>);

fn run(body: &[u8], limits: Limits) -> (Vec<Argument>, Outcome) {
    let mut arguments = Vec::new();
    let outcome = parse(body, &limits, &mut |name, value| {
        arguments.push((String::from_utf8(name.to_vec()).expect("names are UTF-8"), value.to_vec()));
    });
    (arguments, outcome)
}

#[track_caller]
fn check(body: &str, expected: &[(&str, &str)], error: Option<Error>) {
    let (arguments, outcome) = run(body.as_bytes(), Limits::default());
    let expected: Vec<Argument> =
        expected.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
    assert_eq!(arguments, expected, "{body}");
    assert_eq!(outcome, Outcome { error, partial: false }, "{body}");
}

#[test]
fn names_are_flattened_as_modsecurity_does() {
    check("5", &[("json", "5")], None);
    check(r#"{"a":1}"#, &[("json.a", "1")], None);
    check(r#"{"a":{"b":1},"c":2}"#, &[("json.a.b", "1"), ("json.c", "2")], None);
    check("[1,2]", &[("json.array_0", "1"), ("json.array_1", "2")], None);
    check(
        "[[1],[2,3]]",
        &[("json.array_0.array_0", "1"), ("json.array_1.array_0", "2"), ("json.array_1.array_1", "3")],
        None,
    );
    check(
        r#"{"a":[2,{"d":3},[],4]}"#,
        &[("json.a.array_0", "2"), ("json.a.array_1.d", "3"), ("json.a.array_3", "4")],
        None,
    );
    check(r#"{"":1,"x":{"":{"y":2}}}"#, &[("json.empty-key", "1"), ("json.x.empty-key.y", "2")], None);
    check(r#"{"a":{},"b":[]}"#, &[], None);
    check(r#"{"a":1,"a":2}"#, &[("json.a", "1"), ("json.a", "2")], None);
    check(r#" { "() { :; }" : "foo" } "#, &[("json.() { :; }", "foo")], None);
}

#[test]
fn scalars_are_unescaped_or_as_written() {
    check(
        "[true,false,null]",
        &[("json.array_0", "true"), ("json.array_1", "false"), ("json.array_2", "")],
        None,
    );
    for number in ["0", "-0", "10", "1.50", "1e5", "1E+05", "-1.2e-3", "123456789012345678901234567890"] {
        check(number, &[("json", number)], None);
    }
    check(r#""\"\\\/\b\f\n\r\t""#, &[("json", "\"\\/\u{8}\u{c}\n\r\t")], None);
    check(r#""\u0041\u00e4\u20AC\uD83D\uDE00\u0000""#, &[("json", "Aä€😀\0")], None);
    check(r#""a\ud83dz\ude00\ud83d\u0041""#, &[("json", "a?z??A")], None);
    check(r#"{"\u003cscript>":"ä"}"#, &[("json.<script>", "ä")], None);
}

#[test]
fn what_was_read_before_a_fault_is_delivered() {
    let syntax = |at| Some(Error::Syntax { at });
    check(r#"{"a":"<script>","b":}"#, &[("json.a", "<script>")], syntax(20));
    check(r#"{"a":1}}"#, &[("json.a", "1")], syntax(7));
    check(r#"{"a":1"#, &[("json.a", "1")], Some(Error::Truncated));
    check("[1,]", &[("json.array_0", "1")], syntax(3));
}

#[test]
fn what_is_no_json_is_refused() {
    for (body, at) in [
        ("[,]", 1),
        ("{,}", 1),
        (r#"{"a"}"#, 4),
        (r#"{"a":1,}"#, 7),
        ("{a:1}", 1),
        ("[1 2]", 3),
        ("01", 1),
        ("+1", 0),
        (".5", 0),
        ("1.e5", 2),
        ("- 1", 1),
        ("nul!", 3),
        ("True", 0),
        ("'a'", 0),
        ("\"a\nb\"", 2),
        (r#""\x41""#, 2),
        (r#""\u00g0""#, 5),
        (r#""\ud83d\u00g0""#, 11),
        ("\u{feff}1", 0),
        ("[1]//", 3),
        ("1\0", 1),
    ] {
        let (_, outcome) = run(body.as_bytes(), Limits::default());
        assert_eq!(outcome.error, Some(Error::Syntax { at }), "{body}");
    }
    for body in ["", " ", "[", "{", r#"{"a""#, r#"{"a":"#, "\"", r#""\"#, r#""\u00"#, "-", "1.", "1e", "tru"]
    {
        let (_, outcome) = run(body.as_bytes(), Limits::default());
        assert_eq!(outcome.error, Some(Error::Truncated), "{body}");
    }
}

#[test]
fn bytes_that_are_not_utf_8_are_refused_where_they_are() {
    let (arguments, outcome) = run(b"{\"a\":1,\"b\":\"\xff\"}", Limits::default());
    assert_eq!(arguments, [("json.a".to_owned(), b"1".to_vec())]);
    assert_eq!(outcome.error, Some(Error::Encoding { at: 12 }));
    assert_eq!(run(b"1\xff", Limits::default()).1.error, Some(Error::Encoding { at: 1 }));
}

#[test]
fn depth_is_limited_without_recursion() {
    let limits = Limits { depth_max: 3, ..Limits::default() };
    assert_eq!(run(b"[[[1]]]", limits).1, Outcome::default());
    assert_eq!(run(b"[1,[[[1]]]]", limits).1.error, Some(Error::Depth { at: 5 }));
    let deep = Limits { depth_max: usize::MAX, name_bytes_max: usize::MAX, ..Limits::default() };
    let body = ["[".repeat(100_000), "]".repeat(100_000)].concat();
    assert_eq!(run(body.as_bytes(), deep).1, Outcome::default());
}

#[test]
fn limits_of_arguments_and_names_make_a_reading_partial() {
    let limits = Limits { arguments_max: 2, ..Limits::default() };
    let (arguments, outcome) = run(b"[1,2,3]", limits);
    assert_eq!(arguments.len(), 2);
    assert_eq!(outcome, Outcome { error: None, partial: true });
    assert_eq!(run(b"[1,2]", limits).1, Outcome::default());
    let limits = Limits { name_bytes_max: 7, ..Limits::default() };
    assert_eq!(run(br#"{"ab":1}"#, limits).1, Outcome::default());
    assert!(run(br#"{"abc":1}"#, limits).1.partial);
}

proptest! {
    #[test]
    fn serde_json_accepts_and_refuses_the_same(
        body in r#"[\[\]{}:, \n]{0,3}("(\\["\\/bfnrtu]|\\u[0-9a-f]{4}|[a-c\t]){0,4}"|-?[0-9]{1,3}(\.[0-9]{0,2})?([eE][+-]?[0-9]{0,2})?|true|false|nul?l|[\[\]{}:,]){0,12}[\]}]{0,3}"#,
    ) {
        let ours = run(body.as_bytes(), Limits { depth_max: 100, ..Limits::default() }).1;
        let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&body);
        prop_assert_eq!(ours.error.is_none(), theirs.is_ok(), "{} {:?}", body, ours);
    }

    #[test]
    fn broken_json_is_refused_like_serde_json_does(
        value in json_value(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut body = value.to_string().into_bytes();
        prop_assert_eq!(run(&body, Limits::default()).1, Outcome::default());
        let at = at.index(body.len());
        body[at] = byte;
        let theirs = std::str::from_utf8(&body)
            .is_ok_and(|body| serde_json::from_str::<serde::de::IgnoredAny>(body).is_ok());
        prop_assert_eq!(run(&body, Limits::default()).1.error.is_none(), theirs);
    }

    #[test]
    fn values_arrive_as_serde_json_has_them(value in json_value()) {
        let mut expected = Vec::new();
        flatten("json".to_owned(), &value, &mut expected);
        let (arguments, outcome) = run(value.to_string().as_bytes(), Limits::default());
        prop_assert_eq!(outcome, Outcome::default());
        prop_assert_eq!(arguments, expected);
    }

    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..64)) {
        let (arguments, _) = run(&body, Limits::default());
        prop_assert!(arguments.len() <= body.len());
    }
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The same names by recursion over somebody else's tree.
fn flatten(name: String, value: &serde_json::Value, arguments: &mut Vec<Argument>) {
    use serde_json::Value;
    match value {
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                flatten(format!("{name}.array_{index}"), element, arguments);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                let key = if key.is_empty() { "empty-key" } else { key };
                flatten(format!("{name}.{key}"), member, arguments);
            }
        }
        Value::Null => arguments.push((name, Vec::new())),
        Value::String(text) => arguments.push((name, text.clone().into_bytes())),
        scalar => arguments.push((name, scalar.to_string().into_bytes())),
    }
}
