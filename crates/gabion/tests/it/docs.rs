//! The documentation against the code: what the pages say is there, and what is there is on the pages.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gabion_test::product::{self, configuration};
use gabion_test::{Shop, body};
use http::Response;

use crate::binary;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every Markdown page of the documentation, by path.
fn pages() -> Vec<(String, String)> {
    let top = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"].map(PathBuf::from);
    let mut pages: Vec<_> = top.to_vec();
    for folder in ["guides", "concepts", "reference", "operations", "threat-model", "design"] {
        let files = std::fs::read_dir(root().join("docs").join(folder)).unwrap();
        pages.extend(files.map(|file| Path::new("docs").join(folder).join(file.unwrap().file_name())));
    }
    pages.into_iter().map(|path| path.display().to_string()).map(|path| (path.clone(), read(&path))).collect()
}

fn gabion(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).env_remove("GABION_CONFIG").output().unwrap()
}

fn check(text: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("gabion.toml");
    std::fs::write(&config, text).unwrap();
    let output = gabion(&["check", "--config", config.to_str().unwrap()]);
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// The contents of the fenced blocks in `language`.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    page.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// The first cells of the tables below each `## ` heading: names in backticks, the heading's own without brackets.
fn names_by_heading(page: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut heading = String::new();
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            heading = title.replace(['`', '[', ']'], "");
        } else if let Some((name, _)) = line.strip_prefix("| `").and_then(|row| row.split_once('`')) {
            assert!(names.entry(heading.clone()).or_default().insert(name.to_owned()), "{name} stands twice");
        }
    }
    names
}

/// The keys of every table in `text`, by dotted path. Arrays of tables count as one.
fn keys(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut section = String::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        match line.split_once(" = ") {
            Some((key, _)) => drop(keys.entry(section.clone()).or_default().insert(key.to_owned())),
            None => section = line.trim_matches(['[', ']']).to_owned(),
        }
    }
    keys
}

/// The sections of the file, and where in the code each is declared.
const SECTIONS: &[(&str, &str, &str)] = &[
    ("site", "gabion-edge/src/config/site.rs", "SiteSection"),
    ("site.headers", "gabion-edge/src/header_policy.rs", "HeaderSection"),
    ("listen", "gabion-edge/src/config/listen.rs", "ListenSection"),
    ("limits", "gabion-edge/src/config/limits.rs", "LimitsSection"),
    ("limits.http2", "gabion-edge/src/config/limits/http2.rs", "Http2Section"),
    ("access_log", "gabion-edge/src/config/access_log.rs", "AccessLogSection"),
    ("telemetry", "gabion-edge/src/config/telemetry.rs", "TelemetrySection"),
    ("waf", "gabion-edge/src/config/waf.rs", "WafSection"),
    ("waf.audit_log", "gabion-edge/src/config/waf/audit_log.rs", "AuditLogSection"),
    ("waf.exclusion", "gabion-edge/src/config/waf/exclusion.rs", "ExclusionSection"),
    ("waf.machine", "gabion-edge/src/config/waf/machine.rs", "MachineSection"),
    ("pages", "gabion-edge/src/config/pages.rs", "PagesSection"),
    ("looks", "gabion-pages/src/config.rs", "LooksSection"),
    ("upload", "gabion-edge/src/config/upload.rs", "UploadSection"),
    ("tls", "gabion-edge/src/tls/config.rs", "TlsSettings"),
    ("tls.certificates", "gabion-edge/src/tls/config.rs", "CertificateFiles"),
    ("tls.acme", "gabion-edge/src/tls/acme/config.rs", "AcmeSection"),
    ("storage", "gabion-store/src/config.rs", "StorageConfig"),
    ("heartbeat", "gabion/src/heartbeat.rs", "HeartbeatSection"),
    ("mail", "gabion-outbound/src/mail/config.rs", "MailSection"),
    ("identity", "gabion-identity/src/config.rs", "IdentityConfig"),
    ("customers", "gabion-identity/src/customer/config.rs", "CustomersConfig"),
    ("upstream", "gabion-edge/src/config/upstream.rs", "UpstreamSection"),
    ("upstream.secret_header", "gabion-edge/src/config/upstream.rs", "SecretHeaderSection"),
    ("upstream.health", "gabion-edge/src/config/upstream.rs", "HealthSection"),
    ("upstream.eject", "gabion-edge/src/config/balance.rs", "EjectSection"),
    ("upstream.breaker", "gabion-edge/src/config/balance.rs", "BreakerSection"),
    ("upstream.retry", "gabion-edge/src/config/balance.rs", "RetrySection"),
    ("route", "gabion-edge/src/config/route.rs", "RouteSection"),
    ("route.canary", "gabion-edge/src/config/route.rs", "CanarySection"),
    ("route.mirror", "gabion-edge/src/config/route.rs", "MirrorSection"),
    ("rate_limit", "gabion-edge/src/config/rate_limit.rs", "RateLimitSection"),
];

/// The fields of a section in the code, without those that are sections of their own.
fn fields(section: &str, file: &str, name: &str) -> BTreeSet<String> {
    let source = read(&format!("crates/{file}")).replace("pub(crate) ", "pub ");
    let start = format!("pub struct {name} {{");
    let body = source.split(&start).nth(1).unwrap_or_else(|| panic!("{name} is not in {file}"));
    let body = body.split("\n}").next().unwrap();
    let fields = body.lines().filter_map(|line| line.strip_prefix("    pub ")?.split_once(':'));
    let own = |field: &&str| {
        let path = format!("{section}.{field}");
        SECTIONS.iter().all(|(section, ..)| *section != path)
    };
    fields.map(|(field, _)| field).filter(own).map(str::to_owned).collect()
}

#[test]
fn the_configuration_page_has_every_key_of_the_code_and_no_other() {
    let page = read("docs/reference/configuration.md");
    let documented = names_by_heading(&page);
    let specimen = keys(blocks(&page, "toml").last().unwrap());
    for (section, file, name) in SECTIONS {
        let declared = fields(section, file, name);
        assert!(!declared.is_empty(), "{name} has fields");
        assert_eq!(documented.get(*section), Some(&declared), "the table of {section}");
        assert_eq!(specimen.get(*section), Some(&declared), "the specimen of {section}");
    }
    assert_eq!(documented.len(), SECTIONS.len());
}

#[test]
fn the_configuration_with_every_key_is_accepted_and_unknown_keys_are_refused() {
    let page = read("docs/reference/configuration.md");
    let specimen = *blocks(&page, "toml").last().unwrap();
    let (code, error) = check(specimen);
    assert!(matches!(code, Some(0 | 69)), "only the shop may be missing: {error}");
    for header in specimen.lines().filter(|line| line.starts_with('[')) {
        let wrong = specimen.replacen(&format!("{header}\n"), &format!("{header}\nno_such_key = 1\n"), 1);
        let (code, error) = check(&wrong);
        assert_eq!(code, Some(64), "{header}");
        assert!(error.contains("unknown key `no_such_key`"), "{header}: {error}");
    }
}

/// The page with every help text as the binary prints it now.
fn with_current_help(page: &str) -> String {
    let mut parts = page.split("\n## `");
    let mut fresh = parts.next().unwrap().to_owned();
    for part in parts {
        let command = part.split('`').next().unwrap();
        let arguments: Vec<_> = command.split(' ').skip(1).chain(["--help"]).collect();
        let help = String::from_utf8(gabion(&arguments).stdout).unwrap();
        let help: Vec<_> = help.lines().map(str::trim_end).collect();
        fresh.push_str(&format!("\n## `{command}`\n\n```text\n{}\n```\n", help.join("\n").trim_end()));
    }
    fresh
}

#[test]
fn the_command_line_page_is_what_help_says() {
    const PAGE: &str = "docs/reference/command-line.md";
    let page = read(PAGE);
    let fresh = with_current_help(&page);
    if std::env::var_os("GABION_DOCS_WRITE").is_some() {
        std::fs::write(root().join(PAGE), &fresh).unwrap();
    } else {
        assert!(page == fresh, "{PAGE} is stale: run this test once with GABION_DOCS_WRITE=1");
    }
    let help = String::from_utf8(gabion(&["--help"]).stdout).unwrap();
    let commands = help.split("Commands:").nth(1).unwrap().split("\n\n").next().unwrap();
    for command in commands.lines().filter_map(|line| line.split_whitespace().next()) {
        assert!(
            command == "help" || page.contains(&format!("\n## `gabion {command}`")),
            "{command} is missing"
        );
    }
}

/// The arguments of every `gabion` command in a shell block.
fn commands(page: &str) -> Vec<Vec<String>> {
    let lines = blocks(page, "sh").into_iter().flat_map(str::lines);
    let words = lines.map(|line| line.replace("cargo run --release -- ", "gabion "));
    let words = words.map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    words.filter_map(|words| arguments(&words)).collect()
}

fn arguments(words: &[String]) -> Option<Vec<String>> {
    let prefix = |word: &&String| word.contains('=') || matches!(word.as_str(), "sudo" | "-u");
    let mut rest = words.iter().skip_while(prefix).peekable();
    if words.first().is_some_and(|word| word == "sudo") && words.get(1).is_some_and(|word| word == "-u") {
        rest.next();
    }
    (rest.next()? == "gabion").then(|| rest.cloned().collect())
}

#[test]
fn every_command_on_the_pages_is_one_the_binary_knows() {
    let mut seen = 0;
    for (path, page) in pages() {
        for command in commands(&page) {
            let mut arguments: Vec<_> = command.iter().map(String::as_str).collect();
            arguments.push("--help");
            let output = gabion(&arguments);
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{path}: gabion {}: {error}", command.join(" "));
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen} commands were found on the pages");
}

#[test]
fn every_test_that_the_pages_name_exists() {
    let mut sources = String::new();
    collect_rust(&root().join("crates"), &mut sources);
    collect_rust(&root().join("xtask"), &mut sources);
    let mut seen = 0;
    for path in ["docs/operations/failures.md", "ARCHITECTURE.md"] {
        let page = read(path);
        let words = page.split('`').skip(1).step_by(2);
        let is_test = |word: &&str| {
            word.matches('_').count() > 2
                && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        for test in words.filter(is_test) {
            assert!(sources.contains(&format!("fn {test}(")), "{path}: there is no test {test}");
            seen += 1;
        }
    }
    assert!(seen > 40, "only {seen} tests were found on the pages");
}

#[test]
fn every_constant_on_the_limits_page_exists() {
    let mut sources = String::new();
    collect_rust(&root().join("crates"), &mut sources);
    let names: Vec<_> =
        names_by_heading(&read("docs/operations/limits.md")).into_values().flatten().collect();
    let constants = names.iter().filter(|name| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'));
    let mut seen = 0;
    for constant in constants {
        assert!(sources.contains(&format!("const {constant}:")), "there is no constant {constant}");
        seen += 1;
    }
    assert!(seen > 40, "only {seen} constants were found on the page");
}

fn collect_rust(folder: &Path, sources: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_rust(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// A running product with a shop behind it, and what its control plane answers to `path`.
async fn served(path: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let shop = Shop::start(|_| async { Ok(Response::new(body::whole("tea"))) }).await;
    let text = configuration(&[shop.url()], "url = \"sqlite:data/gabion.db\"", "");
    let product = product::start(&binary(), folder.path(), &text, &[]);
    let ask = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    product.console().await.ask(ask).await.text().to_owned()
}

#[tokio::test]
async fn the_metrics_page_has_every_name_that_is_served() {
    let metrics = served("/metrics").await;
    let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let served: BTreeSet<_> = types.map(|(name, _)| name.to_owned()).collect();
    let documented = names_by_heading(&read("docs/reference/metrics.md"));
    assert_eq!(documented.into_values().flatten().collect::<BTreeSet<_>>(), served);
}

#[tokio::test]
async fn the_api_page_has_every_path_of_the_document() {
    let document: serde_json::Value = serde_json::from_str(&served("/api/openapi.json").await).unwrap();
    let served: BTreeSet<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(names_by_heading(&read("docs/reference/api.md")).get("Paths"), Some(&served));
}
