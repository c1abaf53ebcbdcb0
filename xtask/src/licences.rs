//! The licences of what is in the binary, held against `deny.toml`.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, PackageId};
use spdx::{Expression, LicenseReq};

use crate::task::{Outcome, root};

/// Locked packages at most: above it, something heavy came in.
const PACKAGES_MAX: usize = 500;

/// Every package in the binary whose licence the policy does not allow, in words.
pub(crate) fn violations(metadata: &Metadata) -> Outcome<Vec<String>> {
    let allowed = allowed()?;
    let mut wrong = Vec::new();
    let locked = read("Cargo.lock")?.matches("[[package]]").count();
    if locked > PACKAGES_MAX {
        wrong.push(format!("{locked} locked packages, at most {PACKAGES_MAX} are wanted"));
    }
    let in_binary = reachable(metadata)?;
    for package in metadata.packages.iter().filter(|package| in_binary.contains(&package.id)) {
        let licence = package.license.as_deref().unwrap_or("none");
        let fine = Expression::parse_mode(licence, spdx::ParseMode::LAX)
            .is_ok_and(|expression| expression.evaluate(|requirement| permits(&allowed, requirement)));
        if !fine {
            wrong
                .push(format!("{} {}: licence {licence} is not in deny.toml", package.name, package.version));
        }
    }
    wrong.extend(notice_missing()?);
    Ok(wrong)
}

/// A line of libinjection's notice that a binary would go without.
fn notice_missing() -> Outcome<Option<String>> {
    let (tables, notices) =
        (read("crates/gabion-waf/src/injection/sqli/words.txt")?, read("THIRD-PARTY-NOTICES")?);
    let notice = tables.lines().skip_while(|line| !line.starts_with("# Copyright"));
    let mut lines = notice.take_while(|line| line.starts_with('#')).map(|line| line.trim_start_matches("# "));
    let missing = lines.find(|line| *line != "#" && !notices.contains(line));
    Ok(missing.map(|line| format!("THIRD-PARTY-NOTICES lacks {line:?} of libinjection's notice")))
}

fn permits(allowed: &BTreeSet<String>, requirement: &LicenseReq) -> bool {
    requirement.license.id().is_some_and(|licence| allowed.contains(licence.name))
}

fn allowed() -> Outcome<BTreeSet<String>> {
    let text =
        std::fs::read_to_string(root().join("deny.toml")).map_err(|error| format!("deny.toml: {error}"))?;
    let policy: toml::Table = text.parse().map_err(|error| format!("deny.toml: {error}"))?;
    let list =
        policy.get("licenses").and_then(|licences| licences.get("allow")).and_then(toml::Value::as_array);
    let list = list.ok_or("deny.toml: licenses.allow is missing")?;
    Ok(list.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect())
}

fn read(file: &str) -> Outcome<String> {
    std::fs::read_to_string(root().join(file)).map_err(|error| format!("{file}: {error}"))
}

/// The packages that the binary links or is built with.
fn reachable(metadata: &Metadata) -> Outcome<BTreeSet<PackageId>> {
    let resolve = metadata.resolve.as_ref().ok_or("cargo metadata without a resolved graph")?;
    let nodes: BTreeMap<_, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let binary = metadata.packages.iter().find(|package| package.name.as_str() == "gabion");
    let mut open = vec![binary.ok_or("no package named gabion")?.id.clone()];
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        let Some(node) = nodes.get(&id) else { continue };
        let linked = node.deps.iter().filter(|dependency| {
            dependency.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development)
        });
        open.extend(linked.map(|dependency| dependency.pkg.clone()));
    }
    Ok(seen)
}
