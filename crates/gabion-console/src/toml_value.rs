//! Values of settings: TOML in the contract, fields in forms, JSON in the API.

use serde_json::Value as Json;
use toml::Value;

use crate::control::SettingKind;

/// A TOML list of texts.
pub(crate) fn list(items: &[String]) -> String {
    Value::Array(items.iter().cloned().map(Value::String).collect()).to_string()
}

/// A TOML value as people read it: `on`, `20`, `least-load`, `a, b`, `none`.
pub(crate) fn words(toml: &str) -> String {
    match parse(toml) {
        Some(Value::Boolean(on)) => if on { "on" } else { "off" }.to_owned(),
        Some(Value::String(text)) => text,
        Some(Value::Array(items)) if items.is_empty() => "none".to_owned(),
        Some(Value::Array(items)) => items.iter().map(text_of).collect::<Vec<_>>().join(", "),
        _ => toml.to_owned(),
    }
}

/// The texts a form's field holds for a TOML value: one, or one for each item of a list.
pub(crate) fn field_texts(toml: &str) -> Vec<String> {
    match parse(toml) {
        Some(Value::Array(items)) => items.iter().map(text_of).collect(),
        Some(value) => vec![text_of(&value)],
        None => vec![toml.to_owned()],
    }
}

/// The TOML value that a form's field means.
///
/// # Errors
/// What would be right, in a sentence.
pub(crate) fn of_field(kind: &SettingKind, texts: &[String]) -> Result<String, String> {
    let text = texts.first().map(|text| text.trim()).unwrap_or_default();
    match kind {
        SettingKind::Switch => match text {
            "true" | "false" => Ok(text.to_owned()),
            _ => Err("choose on or off".to_owned()),
        },
        SettingKind::Integer { min, max } => match text.parse::<i64>() {
            Ok(number) if (*min..=*max).contains(&number) => Ok(number.to_string()),
            Ok(number) => Err(format!("{number} is outside {min} to {max}")),
            Err(_) => Err(format!("write a whole number from {min} to {max}")),
        },
        SettingKind::Choice { values } => match values.iter().find(|value| *value == text) {
            Some(value) => Ok(Value::String(value.clone()).to_string()),
            None => Err(format!("choose one of {}", values.join(", "))),
        },
        SettingKind::Choices { values } => match texts.iter().find(|text| !values.contains(text)) {
            None => Ok(list(texts)),
            Some(unknown) => Err(format!("{unknown} is not one of {}", values.join(", "))),
        },
    }
}

/// A TOML value as JSON.
pub(crate) fn to_json(toml: &str) -> Json {
    let value = parse(toml).and_then(|value| serde_json::to_value(value).ok());
    value.unwrap_or_else(|| Json::String(toml.to_owned()))
}

/// A JSON value as TOML; none for `null`, which no setting can have.
pub(crate) fn of_json(json: &Json) -> Option<String> {
    let value = match json {
        Json::Null | Json::Object(_) => return None,
        Json::Bool(on) => Value::Boolean(*on),
        Json::Number(number) => Value::Integer(number.as_i64()?),
        Json::String(text) => Value::String(text.clone()),
        Json::Array(items) => {
            let texts = items.iter().map(|item| Some(Value::String(item.as_str()?.to_owned())));
            Value::Array(texts.collect::<Option<_>>()?)
        }
    };
    Some(value.to_string())
}

fn parse(toml: &str) -> Option<Value> {
    let mut table: toml::Table = toml::from_str(&format!("value = {toml}")).ok()?;
    table.remove("value")
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_read_as_words() {
        for (toml, expected) in [
            ("true", "on"),
            ("1024", "1024"),
            ("\"least-load\"", "least-load"),
            ("[\"http://a\", \"http://b\"]", "http://a, http://b"),
            ("[]", "none"),
            ("not toml", "not toml"),
        ] {
            assert_eq!(words(toml), expected);
        }
    }

    #[test]
    fn fields_are_checked_before_anything_changes() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let choices = || vec!["a".to_owned(), "b\"c".to_owned()];
        let number = SettingKind::Integer { min: 1, max: 10 };
        let choice = SettingKind::Choice { values: choices() };
        let many = SettingKind::Choices { values: choices() };
        for (kind, given, expected) in [
            (&SettingKind::Switch, texts(&["true"]), Ok("true")),
            (&SettingKind::Switch, texts(&["yes"]), Err("choose on or off")),
            (&number, texts(&[" 7 "]), Ok("7")),
            (&number, texts(&["11"]), Err("11 is outside 1 to 10")),
            (&number, texts(&["ten"]), Err("write a whole number from 1 to 10")),
            (&number, texts(&[]), Err("write a whole number from 1 to 10")),
            (&choice, texts(&["a"]), Ok("\"a\"")),
            (&choice, texts(&["z"]), Err("choose one of a, b\"c")),
            (&many, texts(&[]), Ok("[]")),
            (&many, texts(&["a", "z"]), Err("z is not one of a, b\"c")),
        ] {
            assert_eq!(of_field(kind, &given), expected.map(str::to_owned).map_err(str::to_owned));
        }
        let both = of_field(&many, &choices()).expect("allowed choices");
        assert_eq!(field_texts(&both), choices());
    }

    #[test]
    fn json_and_toml_mean_the_same() {
        for json in [json!(true), json!(42), json!("least-load"), json!(["a", "b"]), json!([])] {
            assert_eq!(to_json(&of_json(&json).expect("a setting's value")), json);
        }
        for impossible in [json!(null), json!({}), json!(1.5), json!([1])] {
            assert_eq!(of_json(&impossible), None, "{impossible}");
        }
    }
}
