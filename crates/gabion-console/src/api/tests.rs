#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use serde_json::Value;

use super::{OPENAPI, routes};

fn document() -> Value {
    serde_json::from_str(OPENAPI).unwrap()
}

/// Path, method and description of everything in the document.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.push((path.as_str(), method.as_str(), operation));
        }
    }
    operations
}

/// Every reference inside a value.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn the_document_has_the_paths_that_are_answered_and_no_others() {
    let document = document();
    let answered: BTreeSet<_> = routes().into_iter().map(|(path, _)| path).collect();
    // Identity answers for its own paths.
    let ours = |operation: &Value| operation["tags"][0] != "identity";
    let documented: BTreeSet<_> = operations(&document)
        .into_iter()
        .filter(|(_, _, operation)| ours(operation))
        .map(|(path, ..)| path)
        .collect();
    assert_eq!(documented, answered);
}

#[test]
fn every_reference_leads_somewhere_and_every_part_is_used() {
    let document = document();
    let mut used = BTreeSet::new();
    references(&document, &mut used);
    for reference in &used {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    for room in ["schemas", "parameters", "responses"] {
        for name in document["components"][room].as_object().unwrap().keys() {
            assert!(used.contains(&format!("#/components/{room}/{name}")), "{room}/{name} is not used");
        }
    }
}

#[test]
fn operations_are_named_once_and_say_what_they_need() {
    let document = document();
    let mut names = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        assert!(names.insert(operation["operationId"].as_str().unwrap()), "{method} {path}");
        assert!(operation["description"].as_str().unwrap().contains("Needs "), "{method} {path}");
        assert!(operation["responses"].as_object().unwrap().keys().any(|status| status.starts_with('2')));
        let in_path: Vec<_> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        for name in in_path {
            assert!(parameters.iter().any(|parameter| parameter["name"] == name), "{method} {path}");
        }
    }
}

#[test]
fn every_act_takes_an_idempotency_key() {
    let document = document();
    for (path, method, operation) in operations(&document) {
        let key = "#/components/parameters/IdempotencyKey";
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let takes_key = parameters.iter().any(|parameter| parameter["$ref"] == key);
        assert_eq!(takes_key, method == "post", "{method} {path}");
    }
}
