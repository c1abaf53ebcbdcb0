//! What people enter in a field, from what its markup says.

use crate::page::FieldKind;

/// Parts of names, in the order in which they are looked for: the first that is found counts.
const NAMES: [(&str, FieldKind); 42] = [
    ("csrf", FieldKind::Other),
    ("cardnumber", FieldKind::CardNumber),
    ("ccnumber", FieldKind::CardNumber),
    ("ccnum", FieldKind::CardNumber),
    ("cardnum", FieldKind::CardNumber),
    ("cardno", FieldKind::CardNumber),
    ("creditcard", FieldKind::CardNumber),
    ("kartennummer", FieldKind::CardNumber),
    ("numerocarte", FieldKind::CardNumber),
    ("cvv", FieldKind::CardCode),
    ("cvc", FieldKind::CardCode),
    ("cccsc", FieldKind::CardCode),
    ("cccid", FieldKind::CardCode),
    ("securitycode", FieldKind::CardCode),
    ("cardcode", FieldKind::CardCode),
    ("ccexp", FieldKind::CardOther),
    ("cardexp", FieldKind::CardOther),
    ("expiry", FieldKind::CardOther),
    ("expmonth", FieldKind::CardOther),
    ("expyear", FieldKind::CardOther),
    ("ccname", FieldKind::CardOther),
    ("cardholder", FieldKind::CardOther),
    ("iban", FieldKind::BankAccount),
    ("accountnumber", FieldKind::BankAccount),
    ("routingnumber", FieldKind::BankAccount),
    ("sortcode", FieldKind::BankAccount),
    ("password", FieldKind::Password),
    ("passwd", FieldKind::Password),
    ("onetimecode", FieldKind::Password),
    ("otp", FieldKind::Password),
    ("email", FieldKind::Email),
    ("phone", FieldKind::Phone),
    ("mobile", FieldKind::Phone),
    ("firstname", FieldKind::Person),
    ("lastname", FieldKind::Person),
    ("fullname", FieldKind::Person),
    ("givenname", FieldKind::Person),
    ("familyname", FieldKind::Person),
    ("street", FieldKind::Person),
    ("postcode", FieldKind::Person),
    ("postalcode", FieldKind::Person),
    ("birth", FieldKind::Person),
];

/// The kind of a field with these attributes. What browsers fill in (`autocomplete`) is believed first, then what they
/// hide (`type`), then names.
pub(crate) fn kind(declared: &str, autocomplete: &str, name: &str) -> FieldKind {
    let filled = autocomplete.split_ascii_whitespace().last().unwrap_or_default().to_ascii_lowercase();
    match filled.as_str() {
        "cc-number" => return FieldKind::CardNumber,
        "cc-csc" => return FieldKind::CardCode,
        "current-password" | "new-password" | "one-time-code" => return FieldKind::Password,
        "email" => return FieldKind::Email,
        "tel" => return FieldKind::Phone,
        "name" | "bday" => return FieldKind::Person,
        other if other.starts_with("cc-") => return FieldKind::CardOther,
        other if other.starts_with("tel-") => return FieldKind::Phone,
        other if other.starts_with("address-") || other.starts_with("street-") => return FieldKind::Person,
        _ => {}
    }
    match declared.to_ascii_lowercase().as_str() {
        "password" => return FieldKind::Password,
        "email" => return FieldKind::Email,
        "tel" if !is_card(named(name)) => return FieldKind::Phone,
        "file" => return FieldKind::File,
        "hidden" => return FieldKind::Hidden,
        _ => {}
    }
    named(name)
}

fn is_card(kind: FieldKind) -> bool {
    matches!(kind, FieldKind::CardNumber | FieldKind::CardCode | FieldKind::CardOther)
}

/// What a name says, whatever stands between its letters: `billing[cc_number]`, `cardNumber`, `card-number`.
pub(crate) fn named(name: &str) -> FieldKind {
    let letters: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    NAMES.iter().find(|(part, _)| letters.contains(part)).map_or(FieldKind::Other, |(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_known_by_what_they_ask_for() {
        for (declared, autocomplete, name, expected) in [
            ("text", "cc-number", "x", FieldKind::CardNumber),
            ("text", "section-a billing cc-exp", "x", FieldKind::CardOther),
            ("tel", "", "payment[cc_number]", FieldKind::CardNumber),
            ("tel", "", "x", FieldKind::Phone),
            ("password", "", "cvv", FieldKind::Password),
            ("text", "off", "CVV2", FieldKind::CardCode),
            ("text", "", "q", FieldKind::Other),
            ("hidden", "", "csrf_token", FieldKind::Hidden),
            ("file", "", "photo", FieldKind::File),
            ("", "shipping street-address", "", FieldKind::Person),
        ] {
            assert_eq!(kind(declared, autocomplete, name), expected, "{declared} {autocomplete} {name}");
        }
    }
}
