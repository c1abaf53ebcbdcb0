//! Pages of the shop: what they run, who approved it, what became different, and what they are held to.

mod changes;
mod classes;
mod desk;
mod evidence;
mod listing;
mod overview;
mod parties;
mod policy;
mod script;
mod site;
mod undo;

use axum::Router;
use axum::routing::{get, post};
use gabion_pages::PagesError;
use gabion_web::Problem;
use serde::{Deserialize, Deserializer};

use crate::Console;

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/pages", get(overview::show))
        .route("/pages/classes", get(classes::show).post(classes::confirm))
        .route("/pages/desk", get(desk::show).post(desk::decide))
        .route("/pages/desk/destinations", post(desk::decide_destinations))
        .route("/pages/desk/class", post(desk::approve_class))
        .route("/pages/desk/headers", post(desk::approve_headers))
        .route("/pages/scripts/{id}", get(script::show).post(script::decide))
        .route("/pages/scripts/{id}/pin", post(script::pin))
        .route("/pages/changes", get(changes::list))
        .route("/pages/changes/{id}", get(changes::detail).post(changes::settle))
        .route("/pages/third-parties", get(parties::show))
        .route("/pages/third-parties/list.txt", get(parties::download))
        .route("/pages/third-parties/decide", get(parties::ask).post(parties::decide))
        .route("/pages/policy", get(policy::show).post(policy::hold))
        .route("/pages/policy/enforce", get(policy::ask))
        .route("/pages/evidence", get(evidence::show).post(evidence::export))
        .route("/pages/undo", post(undo::undo))
}

/// What is wrong with a form, for whoever sent it; a problem where sending it again would not help.
fn mistake(error: PagesError) -> Result<String, Problem> {
    match error {
        PagesError::Field { reason, .. } => Ok(reason),
        PagesError::Store(_) | PagesError::NotFound { .. } => Err(error.into()),
        other => Ok(other.to_string()),
    }
}

/// A field that a form may hold once or several times.
fn one_or_many<'de, D: Deserializer<'de>>(fields: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Field {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Field::deserialize(fields)? {
        Field::One(text) => vec![text],
        Field::Many(texts) => texts,
    })
}

/// Ids that a form names.
fn ids<T: std::str::FromStr>(texts: &[String]) -> Result<Vec<T>, Problem> {
    let unknown = |_| Problem::invalid("the form names something that does not exist; load the page again");
    texts.iter().map(|text| text.parse().map_err(unknown)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Form {
        #[serde(default, deserialize_with = "one_or_many")]
        script: Vec<String>,
    }

    #[test]
    fn a_field_may_come_once_several_times_or_not_at_all() {
        for (json, expected) in
            [(r#"{"script":"a"}"#, vec!["a"]), (r#"{"script":["a","b"]}"#, vec!["a", "b"]), ("{}", vec![])]
        {
            let form: Form = serde_json::from_str(json).expect("a form");
            assert_eq!(form.script, expected, "{json}");
        }
    }
}
