//! Mistakes in rule files, and where they are told to be.

use gabion_waf::{Disk, RuleSet, Source};

use crate::harness::{check, get, ids, send, try_load};

#[test]
fn every_mistake_names_file_line_and_directive() {
    for (rules, message) in [
        ("\nSecNonsense On", "rules.conf:2: SecNonsense: unknown directive \"SecNonsense\""),
        ("SecRule ARG \"x\" \"id:1\"", "rules.conf:1: SecRule: unknown variable \"ARG\""),
        ("SecRule ARGS \"@foo x\" \"id:1\"", "rules.conf:1: SecRule: unknown operator \"@foo\""),
        ("SecRule ARGS \"x\" \"id:1,t:foo\"", "rules.conf:1: SecRule: unknown transformation \"foo\""),
        ("SecRule ARGS \"x\" \"id:1,foo\"", "rules.conf:1: SecRule: unknown action \"foo\""),
        ("SecRule ARGS \"x\" \"id:1,ctl:foo=1\"", "rules.conf:1: SecRule: unknown ctl option \"foo\""),
        ("SecRule ARGS \"x\" \"phase:1\"", "rules.conf:1: SecRule: the rule has no id"),
        ("SecRule ARGS", "rules.conf:1: SecRule: the directive has too few or too many words"),
        ("SecRule !ARGS:a \"x\" \"id:1\"", "rules.conf:1: SecRule: the rule looks at nothing"),
        (
            "SecAction \"id:1,pass\"\n\nSecAction \"id:1,pass\"",
            "rules.conf:3: SecAction: rule 1 is also at rules.conf:1",
        ),
        ("SecRule ARGS \"x\" \"id:1,chain\"", "rules.conf:1: SecRule: the chain has no next rule"),
        (
            "SecRule ARGS \"x\" \"id:1,chain\"\nSecMarker A",
            "rules.conf:1: SecRule: the chain has no next rule",
        ),
        (
            "SecRule ARGS \"x\" \"id:1,chain\"\nSecRule ARGS \"x\" \"deny\"",
            "rules.conf:2: SecRule: only the first rule of a chain has an id, a phase and a disruptive action",
        ),
        (
            "SecDefaultAction \"phase:1,log\"",
            "rules.conf:1: SecDefaultAction: the default action has no disruptive action",
        ),
        ("SecDefaultAction \"log,deny\"", "rules.conf:1: SecDefaultAction: the default action has no phase"),
        (
            "SecRuleUpdateActionById 1 \"id:2\"",
            "rules.conf:1: SecRuleUpdateActionById: an update changes no id, phase or chain",
        ),
        ("Include /nowhere/x.conf", "rules.conf:1: Include: cannot read /nowhere/x.conf"),
        ("Include /nowhere/*.conf", "rules.conf:1: Include: cannot read /nowhere/*.conf"),
        (
            "SecHashEngine On",
            "rules.conf:1: SecHashEngine: SecHashEngine is not supported: responses are not rewritten",
        ),
        ("SecUnicodeMapFile /nowhere/map 20127", "rules.conf:1: SecUnicodeMapFile: cannot read /nowhere/map"),
    ] {
        assert_eq!(try_load(rules).expect_err(rules).to_string(), message);
    }
    assert!(
        try_load("SecRule ARGS \"@rx (\" \"id:1\"")
            .expect_err("a pattern")
            .to_string()
            .contains("bad pattern")
    );
}

#[test]
fn files_include_others_beside_them() {
    let folder = std::env::temp_dir().join(format!("gabion-waf-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("rules")).expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("a file");
    write("main.conf", "Include rules/*.conf\nIncludeOptional missing.conf\nSecAction \"id:3,phase:1,pass\"");
    write("rules/b.conf", "SecRule ARGS \"@pmFromFile words.data\" \"id:2,phase:1,pass\"");
    write("rules/a.conf", "SecAction \"id:1,phase:1,pass\"");
    write("rules/words.data", "# comment\nneedle\n");
    let loaded = RuleSet::load(&[Source::File(folder.join("main.conf"))], &Disk);
    write("loop.conf", "Include loop.conf");
    let looping = RuleSet::load(&[Source::File(folder.join("loop.conf"))], &Disk);
    let missing = RuleSet::load(&[Source::File(folder.join("none.conf"))], &Disk);
    std::fs::remove_dir_all(&folder).expect("the folder goes");
    let rules = loaded.expect("the rules load");
    assert_eq!(rules.len(), 3);
    assert_eq!(ids(&send(&rules, get("GET /?q=a+needle"))), [1, 2, 3]);
    let error = looping.expect_err("a loop").to_string();
    assert!(error.ends_with("Include: more than 16 files inside one another"), "{error}");
    assert!(missing.expect_err("no file").to_string().contains("none.conf"));
}

#[test]
fn datasets_are_lists() {
    let rules = "SecDataset words `\none\ntwo\n`\nSecDataset nets `\n192.0.2.0/24\n`\n\
                 SecRule ARGS \"@pmFromDataset words\" \"id:1,phase:1,pass\"\n\
                 SecRule REMOTE_ADDR \"@ipMatchFromDataset nets\" \"id:2,phase:1,pass\"";
    check(rules, get("GET /?q=TWO"), &[1, 2]);
}

#[test]
fn settings_are_those_of_the_files() {
    let rules = try_load("SecRequestBodyLimit 77\nSecWebAppId shop").expect("rules");
    assert_eq!(rules.settings().request_body_bytes_max, 77);
    assert!(rules.is_empty());
}
