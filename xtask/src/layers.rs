//! The layer arrows: which crate may know which. The table of the design, held against `cargo metadata`.

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, Metadata, Package};

/// L1 in its inner order: each may use the ones before it.
const MECHANISMS: &[&str] =
    &["gabion-crypto", "gabion-store", "gabion-outbound", "gabion-web", "gabion-page"];
/// L2: pure engines.
const ENGINES: &[&str] = &[
    "gabion-waf",
    "gabion-upload",
    "gabion-markup",
    "gabion-risk",
    "gabion-merkle",
    "gabion-webauthn",
    "gabion-password",
];
/// L3: domains.
const DOMAINS: &[&str] = &[
    "gabion-edge",
    "gabion-identity",
    "gabion-pages",
    "gabion-vault",
    "gabion-payments",
    "gabion-fraud",
    "gabion-ledger",
    "gabion-watch",
    "gabion-assure",
];
/// Crates that encrypt, sign or hash. Only `gabion-crypto` names them; TLS (rustls, rcgen) is edge's.
const CIPHERS: &[&str] = &[
    "aws-lc-rs",
    "ring",
    "openssl",
    "sha2",
    "sha1",
    "md-5",
    "blake2",
    "hmac",
    "hkdf",
    "aes-gcm",
    "chacha20poly1305",
    "ed25519-dalek",
    "p256",
    "rsa",
    "argon2",
    "bcrypt",
    "scrypt",
    "pbkdf2",
];

/// Every arrow that points the wrong way, in words.
pub(crate) fn violations(metadata: &Metadata) -> Vec<String> {
    let members = metadata.workspace_packages();
    let ours: BTreeMap<&str, &Package> =
        members.iter().map(|package| (package.name.as_str(), *package)).collect();
    let mut wrong = Vec::new();
    for (name, package) in &ours {
        let normal =
            package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        for dependency in normal {
            let to = dependency.name.as_str();
            if ours.contains_key(to) {
                wrong.extend(arrow(name, to).err());
            } else if CIPHERS.contains(&to) && *name != "gabion-crypto" {
                wrong.push(format!("{name} names the cipher crate {to}: only gabion-crypto may"));
            }
            if ENGINES.contains(name) && matches!(to, "tokio" | "rusqlite" | "postgres") {
                wrong.push(format!("{name} is pure and cannot use {to}"));
            }
        }
    }
    wrong
}

/// Whether `from` may use `to`.
fn arrow(from: &str, to: &str) -> Result<(), String> {
    let refuse = |why: &str| Err(format!("{from} -> {to}: {why}"));
    if to == "gabion-test" {
        return refuse("gabion-test is for development only");
    }
    match (level(from), level(to)) {
        (None, _) => refuse("the crate has no layer: add it to the table in xtask/src/layers.rs"),
        (Some(_), None) => refuse("the crate has no layer: add it to the table in xtask/src/layers.rs"),
        _ if from == "gabion-demo" => refuse("the demo depends on no crate of ours"),
        _ if from == "gabion-edge" && to == "gabion-store" => refuse("edge has no database"),
        (Some(2), Some(level)) if level > 0 && to != "gabion-crypto" => {
            refuse("engines use core and crypto only")
        }
        (Some(1), Some(1)) if position(from) <= position(to) => refuse("wrong order inside the mechanisms"),
        (Some(3), Some(3)) if (from, to) != ("gabion-payments", "gabion-vault") => {
            refuse("domains know each other through traits from below")
        }
        (Some(below), Some(above)) if below < above => refuse("arrows point down"),
        _ => Ok(()),
    }
}

fn position(name: &str) -> Option<usize> {
    MECHANISMS.iter().position(|candidate| *candidate == name)
}

fn level(name: &str) -> Option<u8> {
    match name {
        "gabion-core" => Some(0),
        "gabion-console" => Some(4),
        "gabion" | "gabion-demo" | "gabion-test" | "xtask" => Some(5),
        _ if MECHANISMS.contains(&name) => Some(1),
        _ if ENGINES.contains(&name) => Some(2),
        _ if DOMAINS.contains(&name) => Some(3),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_point_down() {
        for (from, to, allowed) in [
            ("gabion-edge", "gabion-page", true),
            ("gabion-edge", "gabion-store", false),
            ("gabion-edge", "gabion-identity", false),
            ("gabion-payments", "gabion-vault", true),
            ("gabion-vault", "gabion-payments", false),
            ("gabion-store", "gabion-crypto", true),
            ("gabion-crypto", "gabion-store", false),
            ("gabion-outbound", "gabion-store", true),
            ("gabion-outbound", "gabion-web", false),
            ("gabion-waf", "gabion-crypto", true),
            ("gabion-waf", "gabion-store", false),
            ("gabion-upload", "gabion-crypto", true),
            ("gabion-upload", "gabion-waf", false),
            ("gabion-edge", "gabion-markup", true),
            ("gabion-markup", "gabion-web", false),
            ("gabion-password", "gabion-crypto", true),
            ("gabion-password", "gabion-store", false),
            ("gabion-core", "gabion-crypto", false),
            ("gabion-console", "gabion-identity", true),
            ("gabion-identity", "gabion-console", false),
            ("gabion", "gabion-console", true),
            ("gabion-demo", "gabion-core", false),
            ("gabion", "gabion-test", false),
            ("gabion", "gabion-unheard", false),
        ] {
            assert_eq!(arrow(from, to).is_ok(), allowed, "{from} -> {to}");
        }
    }
}
