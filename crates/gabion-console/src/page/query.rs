//! Query strings of pages.

/// The last value of a parameter; none when it is missing or empty.
pub(crate) fn value(query: &str, name: &str) -> Option<String> {
    values(query, name).pop()
}

/// All values of a parameter that are not empty.
pub(super) fn values(query: &str, name: &str) -> Vec<String> {
    form_urlencoded::parse(query.as_bytes())
        .filter(|(key, value)| key == name && !value.is_empty())
        .map(|(_, value)| value.into_owned())
        .collect()
}

/// A path with a query string.
pub(super) fn url(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs);
    format!("{path}?{}", query.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_written() {
        let url = url("/x", &[("name", "a&b"), ("name", "c d")]);
        assert_eq!(url, "/x?name=a%26b&name=c+d");
        let query = url.split_once('?').map_or("", |(_, query)| query);
        assert_eq!(values(query, "name"), ["a&b", "c d"]);
        assert_eq!(value(query, "other"), None);
        assert_eq!(value("name=", "name"), None);
    }
}
