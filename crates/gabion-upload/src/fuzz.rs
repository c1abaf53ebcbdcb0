//! What the fuzzer holds against the engine. The seeds in `fuzz/seeds` run as tests.

use std::sync::OnceLock;

use crate::json::JsonLimits;
use crate::picture::write_anew;
use crate::policy::ArchiveLimits;
use crate::reason::REASONS_MAX;
use crate::{Inspection, Inspector, Kind, Policy, Rules, Upload, clamav};

fn inspector() -> &'static Inspector {
    static INSPECTOR: OnceLock<Inspector> = OnceLock::new();
    INSPECTOR.get_or_init(|| Inspector::new(Rules::builtin()))
}

/// Small limits, so that a bomb costs the fuzzer nothing and every limit is met.
fn policy() -> Policy {
    let archive =
        ArchiveLimits { depth_max: 3, entries_max: 50, unpacked_bytes_max: 1 << 20, ratio_max: 100 };
    Policy { archive, ..Policy::any_harmless() }
}

fn inspect(name: &[u8], declared_type: &[u8], bytes: &[u8]) -> Inspection {
    let inspection = inspector().inspect(&Upload { name, declared_type, bytes }, &policy());
    assert!(inspection.reasons().len() <= REASONS_MAX);
    assert_eq!(inspection.passes(), inspection.reasons().is_empty());
    assert!(inspection.facts.trailing_bytes <= bytes.len());
    assert!(inspection.facts.unpacked_bytes <= policy().archive.unpacked_bytes_max);
    inspection
}

/// Any bytes under any name have one verdict, and the same again. The first line is the name.
pub fn file(bytes: &[u8]) {
    let end = memchr::memchr(b'\n', bytes).unwrap_or(0);
    let (name, content) = bytes.split_at(end);
    let first = inspect(name, b"image/png", content);
    assert_eq!(inspect(name, b"image/png", content), first);
    let _ =
        inspector().inspect_json(content, &policy(), &JsonLimits { body_bytes_max: 1 << 16, files_max: 8 });
    let _ = clamav::Answer::parse(content);
    for kind in [Kind::Jpeg, Kind::Png] {
        if let Ok(Some(anew)) = write_anew(kind, content) {
            assert_eq!(inspect(b"", b"", &anew).facts.kind, Some(kind));
        }
    }
}

/// Any bytes are an archive of the kinds that are unpacked, in one way or another.
pub fn archive(bytes: &[u8]) {
    for magic in [&b""[..], b"PK\x03\x04", b"\x1f\x8b\x08", crate::ole::MAGIC] {
        inspect(b"", b"", &[magic, bytes].concat());
    }
}

/// Any text is rules or a mistake in a line of it, and rules that load run.
pub fn rule_file(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match Rules::load_only(&[("fuzz.yar", &text)]) {
        Ok(rules) => {
            let all = rules.list().count();
            assert!(rules.matching(bytes).count() <= all);
            assert!(rules.matching(b"").count() <= all);
        }
        Err(error) => {
            let lines = text.matches('\n').count() + 1;
            assert!((1..=lines).contains(&(error.line as usize)), "{error}");
        }
    }
}
