//! The form that changes a group of settings.

use gabion_web::Problem;
use serde_json::{Map, Value as Json};

use crate::control::{Setting, SettingKind};
use crate::toml_value;

/// What a field for a setting is called in the form.
const SET: &str = "set:";
/// What the box that takes the file's value again is called.
const FILE: &str = "file:";

/// One setting in the form.
pub(super) struct Row {
    pub(super) path: String,
    pub(super) name: String,
    pub(super) file_name: String,
    pub(super) title: &'static str,
    pub(super) hint: String,
    pub(super) input: Input,
    pub(super) overlaid: bool,
    pub(super) file_value: String,
    /// Whether the file's value shall be in force again.
    pub(super) use_file: bool,
    pub(super) error: String,
}

/// How a setting is entered.
pub(super) enum Input {
    /// Value, word and whether it is chosen.
    One(Vec<(String, String, bool)>),
    /// Value and whether it is chosen.
    Many(Vec<(String, bool)>),
    /// A number as it was typed.
    Number(String),
}

impl Row {
    /// The setting as it is in force.
    pub(super) fn new(setting: &Setting) -> Self {
        Self::with(setting, &toml_value::field_texts(&setting.value))
    }

    fn with(setting: &Setting, texts: &[String]) -> Self {
        let chosen = |value: &str| texts.iter().any(|text| text == value);
        let (input, limits) = match &setting.kind {
            SettingKind::Switch => {
                let option = |value: &str, word: &str| (value.to_owned(), word.to_owned(), chosen(value));
                (Input::One(vec![option("true", "On"), option("false", "Off")]), String::new())
            }
            SettingKind::Choice { values } => {
                let options = values.iter().map(|value| (value.clone(), value.clone(), chosen(value)));
                (Input::One(options.collect()), String::new())
            }
            SettingKind::Choices { values } => (
                Input::Many(values.iter().map(|value| (value.clone(), chosen(value))).collect()),
                String::new(),
            ),
            SettingKind::Integer { min, max } => {
                (Input::Number(texts.first().cloned().unwrap_or_default()), format!(" {min} to {max}."))
            }
        };
        Self {
            path: setting.path.clone(),
            name: format!("{SET}{}", setting.path),
            file_name: format!("{FILE}{}", setting.path),
            title: setting.title,
            hint: format!("{}{limits}", setting.help),
            input,
            overlaid: setting.overlaid,
            file_value: toml_value::words(&setting.file_value),
            use_file: false,
            error: String::new(),
        }
    }
}

/// A form as it was sent.
pub(super) struct Form {
    pub(super) group: String,
    pub(super) base: i64,
    pub(super) reason: String,
    fields: Map<String, Json>,
}

impl Form {
    /// # Errors
    /// 400 when it is not a form of ours.
    pub(super) fn read(fields: &Map<String, Json>) -> Result<Self, Problem> {
        let text = |name: &str| texts(fields, name).pop().unwrap_or_default();
        let base = text("base")
            .parse()
            .map_err(|_| Problem::invalid("the form lacks its version; load it again"))?;
        Ok(Self { group: text("group"), base, reason: text("reason"), fields: fields.clone() })
    }

    /// The rows as they were typed, and what is different from what is in force.
    pub(super) fn apply(&self, settings: &[Setting]) -> (Vec<Row>, Vec<(String, Option<String>)>) {
        let mut values = Vec::new();
        let rows = settings.iter().map(|setting| self.row(setting, &mut values)).collect();
        (rows, values)
    }

    fn row(&self, setting: &Setting, values: &mut Vec<(String, Option<String>)>) -> Row {
        let entered = texts(&self.fields, &format!("{SET}{}", setting.path));
        let mut row = Row::with(setting, &entered);
        row.use_file = setting.overlaid && self.fields.contains_key(&row.file_name);
        if row.use_file {
            values.push((setting.path.clone(), None));
            return row;
        }
        match toml_value::of_field(&setting.kind, &entered) {
            Ok(value) if toml_value::to_json(&value) != toml_value::to_json(&setting.value) => {
                values.push((setting.path.clone(), Some(value)));
            }
            Ok(_) => {}
            Err(error) => row.error = error,
        }
        row
    }
}

/// The texts of a field: none, one, or one for each box that was ticked.
fn texts(fields: &Map<String, Json>, name: &str) -> Vec<String> {
    match fields.get(name) {
        Some(Json::String(text)) => vec![text.clone()],
        Some(Json::Array(items)) => {
            items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn setting(path: &str, kind: SettingKind, value: &str, overlaid: bool) -> Setting {
        Setting {
            path: path.to_owned(),
            group: "Shop".to_owned(),
            title: "Title",
            help: "Help.",
            kind,
            value: value.to_owned(),
            file_value: "false".to_owned(),
            overlaid,
        }
    }

    fn settings() -> Vec<Setting> {
        let urls = vec!["http://a".to_owned(), "http://b".to_owned()];
        vec![
            setting("maintenance", SettingKind::Switch, "true", true),
            setting("requests_max", SettingKind::Integer { min: 1, max: 100 }, "20", false),
            setting("drained", SettingKind::Choices { values: urls }, "[\"http://a\"]", false),
        ]
    }

    fn form(fields: Json) -> Form {
        let mut fields = fields.as_object().expect("an object").clone();
        fields.insert("base".to_owned(), json!("3"));
        Form::read(&fields).expect("a form")
    }

    #[test]
    fn only_what_is_different_is_wanted() {
        let form = form(json!({
            "set:maintenance": "true", "set:requests_max": "21", "set:drained": ["http://a", "http://b"],
        }));
        let (rows, values) = form.apply(&settings());
        assert!(rows.iter().all(|row| row.error.is_empty()));
        let expected = [("requests_max", "21"), ("drained", "[\"http://a\", \"http://b\"]")]
            .map(|(path, value)| (path.to_owned(), Some(value.to_owned())));
        assert_eq!(values, expected);
    }

    #[test]
    fn no_ticked_box_is_an_empty_list() {
        let form = form(json!({ "set:maintenance": "true", "set:requests_max": "20" }));
        assert_eq!(form.apply(&settings()).1, [("drained".to_owned(), Some("[]".to_owned()))]);
    }

    #[test]
    fn the_files_value_is_taken_only_where_the_console_has_one() {
        let form = form(json!({
            "file:maintenance": "on", "file:requests_max": "on",
            "set:maintenance": "true", "set:requests_max": "20", "set:drained": "http://a",
        }));
        assert_eq!(form.apply(&settings()).1, [("maintenance".to_owned(), None)]);
    }

    #[test]
    fn mistakes_are_told_beside_the_field_with_what_was_typed() {
        let form =
            form(json!({ "set:maintenance": "true", "set:requests_max": "many", "set:drained": "http://a" }));
        let (rows, values) = form.apply(&settings());
        assert!(values.is_empty());
        assert_eq!(rows[1].error, "write a whole number from 1 to 100");
        assert!(matches!(&rows[1].input, Input::Number(text) if text == "many"));
    }

    #[test]
    fn a_form_without_its_version_is_refused() {
        assert!(Form::read(&Map::new()).is_err());
    }
}
