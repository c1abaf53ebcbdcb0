use super::*;

#[track_caller]
fn check(strings: &str, condition: &str, bytes: &[u8], expected: bool) {
    let strings = if strings.is_empty() { String::new() } else { format!("strings: {strings}") };
    let text = format!("rule r {{ {strings} condition: {condition} }}");
    let rules = Rules::load_only(&[("t.yar", &text)]).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(rules.matching(bytes).count() == 1, expected, "{text} on {}", String::from_utf8_lossy(bytes));
}

#[track_caller]
fn check_error(text: &str, expected: &str) {
    match Rules::load_only(&[("t.yar", text)]) {
        Ok(_) => panic!("{text:?} loads"),
        Err(error) => assert_eq!(error.to_string(), expected, "{text}"),
    }
}

#[test]
fn texts_are_found_as_their_modifiers_say() {
    check("$a = \"abc\"", "$a", b"xxabcxx", true);
    check("$a = \"abc\"", "$a", b"xxABCxx", false);
    check("$a = \"abc\" nocase", "$a", b"xxABCxx", true);
    check("$a = \"abc\" wide", "$a", b"a\0b\0c\0", true);
    check("$a = \"abc\" wide", "$a", b"abc", false);
    check("$a = \"abc\" wide ascii", "$a", b"abc", true);
    check("$a = \"abc\" fullword", "$a", b"(abc)", true);
    check("$a = \"abc\" fullword", "$a", b"abcd abc1", false);
    check("$a = \"a\\x00\\n\\\"\\\\\"", "$a", b"a\0\n\"\\", true);
}

#[test]
fn bytes_have_gaps_and_choices() {
    check("$a = { FF D8 ?? E0 }", "$a", b"\xff\xd8x\xe0", true);
    check("$a = { ff d8 4? }", "$a", b"\xff\xd8\x4f", true);
    check("$a = { ff d8 ?f }", "$a", b"\xff\xd8\x40", false);
    check("$a = { 41 42 [2-4] 43 // a comment\n }", "$a", b"AB\n\n\nC", true);
    check("$a = { 41 42 [2] 43 }", "$a", b"AB1C", false);
    check("$a = { 41 (42 | 43 44) 45 }", "$a", b"ACDE", true);
}

#[test]
fn expressions_are_bytes_and_not_characters() {
    check("$a = /a.c/", "$a", b"a\xffc", true);
    check("$a = /a.c/", "$a", b"a\nc", false);
    check("$a = /a.c/s", "$a", b"a\nc", true);
    check("$a = /http:\\/\\/[a-z]+/i", "$a", b"HTTP://x", true);
    check("$a = /[0-9]+/ fullword", "$a", b"x12 34x", false);
    check("$a = /[0-9]+/ fullword", "$a", b"x12 34", true);
}

#[test]
fn places_counts_and_sizes_are_conditions() {
    check("$a = \"ab\"", "$a at 2", b"xxab", true);
    check("$a = \"ab\"", "$a at 1", b"xxab", false);
    check("$a = /ab+/", "$a at 2", b"abxabb", false);
    check("$a = /ab+/", "$a in (1..3)", b"abxabb", true);
    check("$a = \"ab\"", "$a in (1..1KB)", b"ab", false);
    check("$a = \"aa\"", "#a > 2", b"aaaa", true);
    check("$a = \"aa\"", "#a == 2", b"aaaa", false);
    check("", "filesize < 1MB and filesize >= 0x02", b"ab", true);
    check("$a = \"aa\"", "$a at 1500 and not $a at 3000", &b"a".repeat(2_000), true);
}

#[test]
fn quantities_and_logic_are_conditions() {
    let strings = "$a1 = \"aa\" $a2 = \"bb\" $b = \"cc\"";
    check(strings, "any of them", b"cc", true);
    check(strings, "all of them", b"aabb", false);
    check(strings, "all of ($a*) and not $b", b"aabb", true);
    check(strings, "2 of ($a*, $b)", b"aacc", true);
    check(strings, "none of ($a*) and $b", b"cc", true);
    check(strings, "$a1 or $a2 and $b", b"aa", true);
    check(strings, "($a1 or $a2) and $b", b"aa", false);
    check("", "true and not false", b"", true);
}

#[test]
fn mistakes_are_told_with_file_line_and_what_was_expected() {
    check_error("rule\n{", "t.yar:2: expected the name of the rule, found {");
    check_error("rule a {\n condition: $b }", "t.yar:2: there is no string $b");
    check_error(
        "rule a {\n strings: $a = \"x\"\n condition: true }",
        "t.yar:2: bad pattern: shorter than 2 bytes",
    );
    check_error("rule a { strings: $a = \"xx\"\n\n condition: true }", "t.yar:1: $a is never used");
    check_error("rule a { strings: $a = \"xx\" $a = \"yy\" condition: $a }", "t.yar:1: $a is already there");
    check_error("rule a { condition: true }\nrule a { condition: true }", "t.yar:2: rule a is already there");
    check_error("import \"pe\"", "t.yar:1: import is not supported");
    check_error("rule a { strings: $a = { 41 4 } condition: $a }", "t.yar:1: bad pattern: half a byte: 4");
    check_error(
        "rule a { strings: $a = { 41 [2-] 42 } condition: $a }",
        "t.yar:1: a jump without an end is not supported",
    );
    check_error("rule a { strings: $a = /a(/ condition: $a }", "t.yar:1: bad pattern: error: unclosed group");
    check_error(
        "rule a { strings: $a = /a*/ condition: $a }",
        "t.yar:1: bad pattern: it matches nothing at all, so it is everywhere",
    );
    check_error(
        "rule a { strings: $a = \"aa\n\" condition: $a }",
        "t.yar:1: expected \" at the end of the text, found the end of the line",
    );
    check_error(
        "rule a { strings: $a = \"aa\" condition: #a > 5000 }",
        "t.yar:1: more than 999 counted places",
    );
    check_error("rule a { condition: for any i in (1..2) : (true) }", "t.yar:1: for is not supported");
    check_error(
        "rule a { condition: filesize < 1GB }",
        "t.yar:1: expected a number such as 10, 0x1F, 4KB or 1MB, found 1GB",
    );
    check_error("rule a { /* ", "t.yar:1: expected */ at the end of the comment, found the end of the file");
    let deep = format!("rule a {{ condition: {}true", "(".repeat(1_000));
    check_error(&deep, "t.yar:1: more than 32 conditions inside one another");
}

#[test]
fn large_expressions_are_refused_and_not_compiled() {
    let text = "rule a { strings: $a = /(a{500}){500}/ condition: $a }";
    let error = Rules::load_only(&[("t.yar", text)]).expect_err("too large");
    assert!(matches!(error.fault, RuleFault::Pattern(_)), "{error}");
}

#[test]
fn the_rules_that_come_along_load_and_describe_themselves() {
    let rules = Rules::builtin();
    assert!(rules.list().count() >= 15);
    for rule in rules.list() {
        assert!(!rule.description.is_empty(), "{}", rule.name);
    }
    assert_eq!(rules.matching(b"an ordinary text").count(), 0);
}
