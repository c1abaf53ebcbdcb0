//! Case files, of both generations.

use std::path::Path;

use yaml_rust2::{Yaml, YamlLoader};

use super::FtwError;
use crate::transformation::Transformation;

/// One test.
#[derive(Clone, Debug)]
pub struct Case {
    /// Rule and number, such as `942100-1`.
    pub id: String,
    /// Whether its file says that it is not to be run.
    pub disabled: bool,
    /// Requests, one after the other.
    pub stages: Vec<Stage>,
}

/// One request and what is expected of it.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The request.
    pub input: Input,
    /// What is expected.
    pub expected: Expectation,
}

/// A request as a case describes it.
#[derive(Clone, Debug)]
pub struct Input {
    /// The method.
    pub method: String,
    /// The target.
    pub uri: String,
    /// The version.
    pub version: String,
    /// Headers, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub data: Option<Vec<u8>>,
    /// Everything, as it is to be sent; nothing else counts then.
    pub raw: Option<Vec<u8>>,
    /// Whether missing headers are added and form data is encoded.
    pub autocomplete: bool,
    /// Whose requests these are.
    pub generation: Generation,
}

/// Which runner a case was written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// The one in Python: it sends no length without a body, and forms as they are written.
    Ftw,
    /// The one in Go.
    GoFtw,
}

/// What is expected of a request.
#[derive(Clone, Debug, Default)]
pub struct Expectation {
    /// One of these statuses; any, if there is none.
    pub status: Vec<u16>,
    /// All of these rules log.
    pub ids: Vec<u64>,
    /// None of these rules logs.
    pub no_ids: Vec<u64>,
    /// Each of these patterns is in the log.
    pub log: Vec<String>,
    /// None of these patterns is in the log.
    pub no_log: Vec<String>,
    /// This pattern is in the response.
    pub response: Option<String>,
    /// A server that refuses the request is right.
    pub error: bool,
    /// No other rule logs.
    pub isolated: bool,
}

impl Input {
    /// Everything that goes over the wire, as go-ftw would send it.
    pub fn to_bytes(&self) -> Vec<u8> {
        super::request::build(self)
    }
}

impl Case {
    /// Reads the cases of a file; none if it is empty.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub fn read(path: &Path, text: &str) -> Result<Vec<Self>, FtwError> {
        let schema = |what: &str| FtwError::Schema { path: path.to_owned(), what: what.to_owned() };
        let file = document(path, text)?;
        if file.is_null() {
            return Ok(Vec::new());
        }
        let disabled = file["meta"]["enabled"].as_bool() == Some(false);
        let rule = scalar(&file["rule_id"]);
        let tests = file["tests"].as_vec().ok_or_else(|| schema("no tests"))?;
        let read = |test: &Yaml| {
            let number = scalar(&test["test_id"]).or_else(|| scalar(&test["id"]));
            let id = match (scalar(&test["test_title"]), &rule, number) {
                (Some(title), _, _) => title,
                (None, Some(rule), Some(number)) => format!("{rule}-{number}"),
                _ => return Err(schema("a test without an id")),
            };
            let stages = test["stages"].as_vec().ok_or_else(|| schema("a test without stages"))?;
            let stages = stages.iter().map(|stage| {
                // The old generation has one level more.
                let (stage, generation) = match &stage["stage"] {
                    Yaml::BadValue => (stage, Generation::GoFtw),
                    inner => (inner, Generation::Ftw),
                };
                let expected =
                    expectation(&stage["output"]).ok_or_else(|| schema(&format!("the output of {id}")))?;
                let input = input(&stage["input"], &file["template"], &test["payload"], generation)
                    .ok_or_else(|| schema(&format!("the input of {id}")))?;
                Ok(Stage { input, expected })
            });
            Ok(Self { stages: stages.collect::<Result<_, FtwError>>()?, id, disabled })
        };
        tests.iter().map(read).collect()
    }
}

/// Expectations that replace those of some cases, each with its reason, in the schema of CRS.
#[derive(Clone, Debug, Default)]
pub struct Overrides(Vec<(String, Expectation, String)>);

impl Overrides {
    /// Reads an overrides file.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub fn read(path: &Path, text: &str) -> Result<Self, FtwError> {
        let schema = |what: &str| FtwError::Schema { path: path.to_owned(), what: what.to_owned() };
        let file = document(path, text)?;
        let mut overrides = Vec::new();
        for entry in file["test_overrides"].as_vec().into_iter().flatten() {
            let rule = scalar(&entry["rule_id"]).ok_or_else(|| schema("an override without a rule"))?;
            let reason = scalar(&entry["reason"]).ok_or_else(|| schema("an override without a reason"))?;
            let expected =
                expectation(&entry["output"]).ok_or_else(|| schema("an override without an output"))?;
            for test in entry["test_ids"].as_vec().into_iter().flatten().filter_map(scalar) {
                overrides.push((format!("{rule}-{test}"), expected.clone(), reason.clone()));
            }
        }
        Ok(Self(overrides))
    }

    /// These, and others for cases that these say nothing of.
    #[must_use]
    pub fn or(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Why the expectations of a case are others, and which.
    pub fn of(&self, case: &str) -> Option<(&Expectation, &str)> {
        self.0.iter().find(|(id, _, _)| id == case).map(|(_, expected, reason)| (expected, reason.as_str()))
    }

    /// The cases that are overridden.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(id, _, _)| id.as_str())
    }
}

fn document(path: &Path, text: &str) -> Result<Yaml, FtwError> {
    let mut documents = YamlLoader::load_from_str(text)
        .map_err(|error| FtwError::Yaml { path: path.to_owned(), message: error.to_string() })?;
    Ok(if documents.is_empty() { Yaml::Null } else { documents.swap_remove(0) })
}

/// The text of a scalar, whatever type YAML gives it.
fn scalar(yaml: &Yaml) -> Option<String> {
    match yaml {
        Yaml::String(text) | Yaml::Real(text) => Some(text.clone()),
        Yaml::Integer(number) => Some(number.to_string()),
        Yaml::Boolean(truth) => Some(truth.to_string()),
        Yaml::Null => Some(String::new()),
        _ => None,
    }
}

fn input(yaml: &Yaml, template: &Yaml, payload: &Yaml, generation: Generation) -> Option<Input> {
    let field = |name: &str| match &yaml[name] {
        Yaml::BadValue => &template[name],
        own => own,
    };
    let text = |name: &str, default: &str| match field(name) {
        Yaml::BadValue => Some(default.to_owned()),
        found => scalar(found),
    };
    let filled = |text: String| match scalar(payload) {
        Some(payload) => text.replace("{{payload}}", &payload),
        None => text,
    };
    let mut headers = Vec::new();
    for (name, value) in field("headers").as_hash().into_iter().flatten() {
        headers.push((scalar(name)?, filled(scalar(value)?)));
    }
    for header in field("ordered_headers").as_vec().into_iter().flatten() {
        headers.push((scalar(&header["name"])?, filled(scalar(&header["value"])?)));
    }
    let encoded = scalar(field("encoded_data")).map(|text| base64(&text));
    let data = match field("data") {
        // Lines, in the old generation.
        Yaml::Array(lines) => Some(lines.iter().map(scalar).collect::<Option<Vec<_>>>()?.join("\r\n")),
        text => scalar(text),
    };
    let data = data.map(|text| filled(text).into_bytes());
    let raw = scalar(field("encoded_request")).filter(|text| !text.is_empty()).map(|text| base64(&text));
    let raw = raw.or_else(|| scalar(field("raw_request")).map(String::into_bytes));
    let stopped = field("stop_magic").as_bool() == Some(true);
    Some(Input {
        method: text("method", "GET")?,
        uri: filled(text("uri", "/")?),
        version: text("version", "HTTP/1.1")?,
        headers,
        data: encoded.or(data),
        raw,
        autocomplete: field("autocomplete_headers").as_bool().unwrap_or(!stopped),
        generation,
    })
}

fn expectation(yaml: &Yaml) -> Option<Expectation> {
    let mut expected = Expectation::default();
    let log = &yaml["log"];
    let numbers = |yaml: &Yaml| match yaml {
        Yaml::Array(list) => list.iter().map(Yaml::as_i64).collect::<Option<Vec<_>>>(),
        Yaml::Integer(number) => Some(vec![*number]),
        _ => Some(Vec::new()),
    };
    let ids =
        |yaml: &Yaml| numbers(yaml)?.into_iter().map(|id| u64::try_from(id).ok()).collect::<Option<Vec<_>>>();
    let texts = |fields: [&Yaml; 2]| fields.into_iter().filter_map(scalar).collect();
    expected.status = numbers(&yaml["status"])?
        .into_iter()
        .filter(|status| *status != 0)
        .map(|status| u16::try_from(status).ok())
        .collect::<Option<_>>()?;
    expected.ids = ids(&log["expect_ids"])?;
    expected.no_ids = ids(&log["no_expect_ids"])?;
    expected.log = texts([&log["match_regex"], &yaml["log_contains"]]);
    expected.no_log = texts([&log["no_match_regex"], &yaml["no_log_contains"]]);
    expected.response = scalar(&yaml["response_contains"]);
    expected.error = yaml["expect_error"].as_bool() == Some(true);
    expected.isolated = yaml["isolated"].as_bool() == Some(true);
    Some(expected)
}

/// Decodes base64 that may have line ends in it.
pub(super) fn base64(text: &str) -> Vec<u8> {
    let mut decoded = Vec::new();
    Transformation::Base64DecodeExt.apply(text.as_bytes(), &mut decoded, None);
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_generations_are_read() {
        let new = "rule_id: 942100\ntests:\n  - test_id: 1\n    stages:\n      - input:\n          headers:\n            Host: h\n          data: a=b\n        output:\n          log:\n            expect_ids: [942100]\n";
        let old = "meta:\n  enabled: true\ntests:\n  -\n    test_title: 942100-1\n    stages:\n    -\n      stage:\n        input:\n          version: HTTP/1.0\n          stop_magic: true\n        output:\n          status: [200, 404]\n          no_log_contains: id \"942100\"\n";
        let new = Case::read(Path::new("new.yaml"), new).expect("cases");
        let old = Case::read(Path::new("old.yaml"), old).expect("cases");
        assert_eq!((new[0].id.as_str(), old[0].id.as_str()), ("942100-1", "942100-1"));
        assert_eq!(new[0].stages[0].expected.ids, [942_100]);
        assert!(!new[0].disabled && !old[0].disabled);
        let text = "meta:\n  enabled: false\ntests:\n  - test_title: 1-1\n    stages: []\n";
        assert!(Case::read(Path::new("off.yaml"), text).expect("cases")[0].disabled);
        assert_eq!(new[0].stages[0].input.headers, [("Host".to_owned(), "h".to_owned())]);
        assert!(new[0].stages[0].input.autocomplete && !old[0].stages[0].input.autocomplete);
        assert_eq!(old[0].stages[0].expected.status, [200, 404]);
        assert_eq!(old[0].stages[0].expected.no_log, ["id \"942100\""]);
        assert!(Case::read(Path::new("x.yaml"), "tests:\n  - desc: x\n").is_err());
    }

    #[test]
    fn overrides_carry_their_reason() {
        let text = "test_overrides:\n  - rule_id: 1\n    test_ids: [2]\n    reason: because\n    output:\n      log:\n        no_expect_ids: [1]\n";
        let overrides = Overrides::read(Path::new("o.yaml"), text).expect("overrides");
        let (expected, reason) = overrides.of("1-2").expect("an override");
        assert_eq!((expected.no_ids.as_slice(), reason), (&[1][..], "because"));
        assert!(overrides.of("1-3").is_none());
    }
}
