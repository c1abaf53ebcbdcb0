//! Which events somebody wants to see.

use gabion_core::limits::cut;
use gabion_core::{Event, Severity, SiteId, Value};
use gabion_store::journal::Filter;

use super::{SOURCES, Source};

/// Bytes of the longest text or kind a filter takes; more is cut.
const TEXT_BYTES_MAX: usize = 200;

/// Which events somebody wants to see; everything set must hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) severity_min: Option<Severity>,
    /// A kind, or a domain's name for all its kinds.
    pub(crate) kind: Option<String>,
    pub(crate) site: Option<SiteId>,
    pub(crate) source: Option<Source>,
    /// Lower case; looked for in kinds, things and fields that are not personal.
    pub(crate) text: Option<String>,
}

/// A filter as a query string holds it. Empty values ask for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WantedFields {
    pub(crate) severity: String,
    pub(crate) kind: String,
    pub(crate) site: String,
    pub(crate) source: String,
    pub(crate) text: String,
}

/// A filter value that cannot be: parameter and sentence.
pub(crate) type Wrong = (&'static str, String);

impl WantedFields {
    /// Takes the fields it knows from a query string and leaves the others alone.
    pub(crate) fn of_query(query: &str) -> Self {
        let mut fields = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let field = match &*name {
                "severity" => &mut fields.severity,
                "kind" => &mut fields.kind,
                "site" => &mut fields.site,
                "source" => &mut fields.source,
                "text" => &mut fields.text,
                _ => continue,
            };
            *field = cut(value.trim(), TEXT_BYTES_MAX).into_owned();
        }
        fields
    }

    /// The query string again, empty fields left out, each pair followed by `&`.
    pub(crate) fn to_query(&self) -> String {
        let pairs = [
            ("severity", &self.severity),
            ("kind", &self.kind),
            ("site", &self.site),
            ("source", &self.source),
            ("text", &self.text),
        ];
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()));
        let query = query.finish();
        if query.is_empty() { query } else { query + "&" }
    }

    /// What the fields mean.
    ///
    /// # Errors
    /// The first field with a value that cannot be.
    pub(crate) fn parse(&self) -> Result<Wanted, Wrong> {
        Ok(Wanted {
            severity_min: severity(&self.severity)?,
            kind: some(&self.kind),
            site: some(&self.site)
                .map(|site| site.parse().map_err(|error| ("site", format!("{site}: {error}"))))
                .transpose()?,
            source: source(&self.source)?,
            text: some(&self.text).map(|text| text.to_lowercase()),
        })
    }
}

impl Wanted {
    pub(crate) fn sources(&self) -> &[Source] {
        match &self.source {
            Some(source) => std::slice::from_ref(source),
            None => &SOURCES,
        }
    }

    /// What the store can look for by itself.
    pub(crate) fn filter(&self) -> Filter {
        Filter {
            kind: self.kind.clone(),
            severity_min: self.severity_min,
            site: self.site.clone(),
            ..Filter::default()
        }
    }

    /// Whether an event holds the text. Personal fields are never looked at: who may not read them would learn
    /// from the answer what they hold.
    pub(crate) fn has_text(&self, event: &Event) -> bool {
        let Some(text) = &self.text else { return true };
        let holds = |part: &str| part.to_lowercase().contains(text.as_str());
        let in_field = |value: &Value| match value {
            Value::Text(value) => holds(value),
            Value::Int(_) | Value::Bool(_) => holds(&value.to_string()),
        };
        holds(&event.kind)
            || holds(&event.kind.replace('_', " "))
            || event.entities.iter().any(|entity| holds(&entity.id))
            || event.fields.iter().any(|field| !field.personal && in_field(&field.value))
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn severity(text: &str) -> Result<Option<Severity>, Wrong> {
    match text {
        "" => Ok(None),
        "info" => Ok(Some(Severity::Info)),
        "warning" => Ok(Some(Severity::Warning)),
        "critical" => Ok(Some(Severity::Critical)),
        other => Err(("severity", format!("{other:?} is not one of info, warning, critical"))),
    }
}

fn source(text: &str) -> Result<Option<Source>, Wrong> {
    match text {
        "" => Ok(None),
        "journal" => Ok(Some(Source::Journal)),
        "edge" => Ok(Some(Source::Edge)),
        other => Err(("source", format!("{other:?} is not one of journal, edge"))),
    }
}

#[cfg(test)]
mod tests {
    use gabion_core::{Actor, EventId, EventKind, Timestamp};

    use super::*;

    const KIND: EventKind = EventKind::new("edge.shop_failed", 1, Severity::Warning);

    fn wanted(query: &str) -> Result<Wanted, Wrong> {
        WantedFields::of_query(query).parse()
    }

    #[test]
    fn filters_survive_the_query_string() {
        let fields = WantedFields::of_query("kind=edge&text=a%26b&cursor=7&site=");
        assert_eq!(fields.to_query(), "kind=edge&text=a%26b&");
        assert_eq!(WantedFields::default().to_query(), "");
        assert_eq!(WantedFields::of_query(&fields.to_query()), fields);
    }

    #[test]
    fn impossible_values_are_named() {
        for (query, parameter) in
            [("severity=high", "severity"), ("source=disk", "source"), ("site=A+B", "site")]
        {
            assert_eq!(wanted(query).expect_err(query).0, parameter);
        }
    }

    #[test]
    fn text_is_looked_for_everywhere_but_in_personal_fields() {
        let event = Event::new(&KIND, EventId::from_bits(1), Timestamp::default(), Actor::System)
            .entity("upstream", "Shop")
            .field("status", 502)
            .personal("address", "192.0.2.1");
        for found in ["shop", "FAILED", "shop failed", "502"] {
            assert!(wanted(&format!("text={found}")).expect("a filter").has_text(&event), "{found}");
        }
        for missed in ["192.0.2.1", "other"] {
            assert!(!wanted(&format!("text={missed}")).expect("a filter").has_text(&event), "{missed}");
        }
    }
}
