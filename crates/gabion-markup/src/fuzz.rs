//! What the fuzzer holds against the engine. The seeds in `fuzz/seeds` run as tests.

use std::sync::Arc;

use crate::answer::{AnswerGuard, Leaks};
use crate::page::{Page, Script, ScriptSource};
use crate::policy::{
    DIRECTIVES_MAX, POLICIES_MAX, Policy, PolicySet, SOURCES_MAX, Subject, Verdict, Where, breakage,
};
use crate::report::{REPORTS_MAX, ReportKind, SAMPLE_BYTES_MAX};
use crate::script::{Layout, compare, lay_out, new_risks, risks};
use crate::{Address, Collector, Judge, Judgement, Rewrite, report};

/// Whatever a page is made of and however it is cut, it leaves as it came, and the same is found in it. The first byte
/// says how it is cut.
pub fn page(bytes: &[u8]) {
    let (cut, page) = bytes.split_first().map_or((1, bytes), |(first, page)| (usize::from(*first) + 1, page));
    let (whole, found) = collect(page, page.len().max(1), Rewrite::default());
    assert!(whole == page, "changed on the way");
    let (pieces, found_in_pieces) = collect(page, cut, Rewrite::default());
    assert!(pieces == page, "changed on the way in pieces");
    assert_eq!(found, found_in_pieces);
    let rewrite = || Rewrite {
        judge: Some(Arc::new(Everything)),
        nonce: Some("MTIzNDU2Nzg5MDEyMzQ1Ng==".parse().expect("a nonce")),
        head: Some("<script src=\"/.gabion/page.js\"></script>".parse().expect("a tag")),
    };
    let (whole, found) = collect(page, page.len().max(1), rewrite());
    let (pieces, found_in_pieces) = collect(page, cut, rewrite());
    assert!(whole == pieces, "the cuts show");
    assert_eq!(found, found_in_pieces);
}

/// Authorizes what is loaded, denies the rest.
struct Everything;

impl Judge for Everything {
    fn judge(&self, script: &Script, _: bool) -> Judgement {
        match script.source {
            ScriptSource::Web(_) => Judgement::Authorize { integrity: None },
            _ => Judgement::Deny,
        }
    }
}

fn collect(page: &[u8], cut: usize, rewrite: Rewrite) -> (Vec<u8>, Page) {
    let address = Address::parse("https://shop.example/checkout/").expect("an address");
    let mut collector = Collector::new(&address, None, rewrite);
    let mut out = Vec::new();
    for piece in page.chunks(cut) {
        collector.write(piece, &mut out);
    }
    let found = collector.finish(&mut out);
    (out, found)
}

/// Whatever is sent as reports, what is kept of it is bounded and has no query and no card number.
pub fn reports(bytes: &[u8]) {
    for content_type in ["application/reports+json", "application/csp-report"] {
        let Ok(batch) = report::parse(content_type, bytes) else { continue };
        assert!(batch.reports.len() + batch.noise + batch.broken <= REPORTS_MAX);
        assert_eq!(batch.broken > 0, batch.first_broken.is_some());
        for report in &batch.reports {
            let key = report.key("payment");
            assert!(!report.page.to_string().contains('?') && !key.what.contains('?'));
            assert!(!gabion_core::card::contains(&format!("{report:?}")));
            if let ReportKind::Violation(violation) = &report.kind {
                assert!(violation.sample.len() <= 2 * SAMPLE_BYTES_MAX);
                let policies = PolicySet::parse(["script-src 'self' 'nonce-abc'; default-src *"], []);
                for policy in &policies.policies {
                    violation.under(policy, &report.page);
                }
            }
        }
    }
}

/// Whatever a policy says, it is read within its limits and weighs everything.
pub fn policy(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let set = PolicySet::parse([&*text], [&*text]);
    assert!(set.policies.len() <= POLICIES_MAX);
    let at = Address::parse("https://shop.example/pay").expect("an address");
    let found = collect(b"<script src=a></script><script>b</script><p onclick=c>", 9, Rewrite::default()).1;
    for policy in &set.policies {
        assert!(policy.directives.len() <= DIRECTIVES_MAX);
        assert!(policy.directives.iter().all(|directive| directive.sources.len() <= SOURCES_MAX));
        assert!(breakage(policy, &found, &at, set.script_nonce()).len() <= 3);
    }
    let reach = Subject::Reach { directive: "connect-src", to: Where::Web(&at) };
    let forbids = |policy: &&Policy| matches!(policy.weigh(&reach, &at), Verdict::Forbidden(_));
    assert_eq!(set.allows(&reach, &at), set.enforced().find(forbids).is_none());
}

/// Whatever a script is, all of it is in its layout, and comparing it with a part of itself ends.
pub fn script(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let layout = lay_out(&text);
    let written = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let lines: String = layout.lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(written(&lines), written(&text));
    assert!(layout.lines.is_sorted_by_key(|line| line.offset));
    let half: String = text.chars().take(text.chars().count() / 2).collect();
    let comparison = compare(&half, &text);
    let half = lay_out(&half);
    let texts = |layout: &'_ Layout| layout.lines.iter().map(|line| line.text.clone()).collect::<Vec<_>>();
    assert_eq!(comparison.added + comparison.removed > 0, texts(&half) != texts(&layout));
    let found = risks(&text);
    assert!(found.iter().all(|risk| risk.place.offset < text.len() && risk.place.line <= layout.lines.len()));
    assert!(new_risks(&text, &text).is_empty());
}

/// However an answer is cut, the same is found in it. The first byte says how it is cut.
pub fn leaks(bytes: &[u8]) {
    let (cut, answer) =
        bytes.split_first().map_or((1, bytes), |(first, rest)| (usize::from(*first) + 1, rest));
    let look = |cut: usize| -> Leaks {
        let mut guard = AnswerGuard::default();
        answer.chunks(cut).for_each(|piece| guard.write(piece));
        guard.finish()
    };
    assert_eq!(look(answer.len().max(1)), look(cut));
    let mask = |cut: usize| -> Vec<u8> {
        let (mut guard, mut out) = (AnswerGuard::masking(), Vec::new());
        answer.chunks(cut).for_each(|piece| guard.pass(piece, &mut out));
        guard.end(&mut out);
        out
    };
    let masked = mask(answer.len().max(1));
    assert_eq!((&masked, masked.len()), (&mask(cut), answer.len()));
}
