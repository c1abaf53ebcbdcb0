//! One input of a form: label, what was typed, what is wrong with it.

/// Characters of one input.
const VALUE_CHARS_MAX: usize = 200;

/// An input as `templates/field.html` draws it.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    /// The `type` of the input.
    pub(crate) kind: &'static str,
    /// The `autocomplete` purpose, so that browsers can help.
    pub(crate) purpose: &'static str,
    pub(crate) value: String,
    pub(crate) error: Option<&'static str>,
}

impl Field {
    pub(crate) fn new(
        name: &'static str,
        label: &'static str,
        kind: &'static str,
        purpose: &'static str,
    ) -> Field {
        Field { name, label, kind, purpose, value: String::new(), error: None }
    }

    /// The same field with what the visitor typed.
    pub(crate) fn filled(mut self, value: &str) -> Field {
        self.value = value.trim().to_owned();
        self
    }

    /// Marks what is wrong, if something is.
    pub(crate) fn checked(mut self) -> Field {
        self.error = match self.value.as_str() {
            "" => Some("Please fill this in."),
            long if long.chars().count() > VALUE_CHARS_MAX => Some("Please use at most 200 characters."),
            email if self.kind == "email" && !email.contains('@') => {
                Some("An e-mail address has an @ in it.")
            }
            _ => None,
        };
        self
    }
}

/// Whether any field has an error.
pub(crate) fn any_error(fields: &[Field]) -> bool {
    fields.iter().any(|field| field.error.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: &'static str, value: &str, fine: bool) {
        let field = Field::new("f", "F", kind, "off").filled(value).checked();
        assert_eq!(field.error.is_none(), fine, "{value}");
    }

    #[test]
    fn empty_overlong_and_misshapen_values_are_marked() {
        check("text", "Crail", true);
        check("text", "  ", false);
        check("text", &"x".repeat(201), false);
        check("email", "nora@example.com", true);
        check("email", "nora.example.com", false);
    }
}
