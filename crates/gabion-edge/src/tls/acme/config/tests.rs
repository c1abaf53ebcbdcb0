use super::*;

fn section(text: &str) -> Result<AcmeMode, String> {
    let section: AcmeSection = toml::from_str(text).map_err(|error| error.to_string())?;
    section.mode().map_err(|error| error.to_string())
}

fn origins(texts: &[&str]) -> Vec<Origin> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn groups(text: &str, sites: &[&[&str]]) -> Result<Vec<Vec<String>>, String> {
    let mode = section(&format!("terms_agreed = true\n{text}")).unwrap();
    let sites: Vec<_> = sites.iter().map(|texts| origins(texts)).collect();
    let mode = mode.covering(sites.iter().map(Vec::as_slice)).map_err(|error| error.to_string())?;
    Ok(mode.groups.iter().map(|names| names.iter().map(Name::to_string).collect()).collect())
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    let error = section(&format!("terms_agreed = true\n{text}")).unwrap_err();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn the_terms_have_to_be_agreed_to() {
    assert!(section("").unwrap_err().contains("tls.acme.terms_agreed must be true"));
    assert_eq!(section("terms_agreed = true").unwrap().directory, PRODUCTION);
}

#[test]
fn the_directory_is_lets_encrypt_unless_it_is_set() {
    let directory = |text: &str| section(&format!("terms_agreed = true\n{text}")).unwrap().directory;
    assert_eq!(directory("staging = true"), STAGING);
    assert_eq!(directory("directory = \"https://ca.example/dir\""), "https://ca.example/dir");
    refused("staging = true\ndirectory = \"https://ca.example/dir\"", "remove it");
    refused("directory = \"http://ca.example/dir\"", "no https:// URL");
    refused("directory = \"ca.example\"", "no https:// URL");
}

#[test]
fn contacts_are_mail_addresses() {
    let mode = section("terms_agreed = true\ncontact = [\"a@b.example\", \"mailto:c@d.example\"]").unwrap();
    assert_eq!(mode.contact, ["mailto:a@b.example", "mailto:c@d.example"]);
    for bad in
        ["owner", "@b.example", "a@b", "a@b.example,c@d.example", "a@b.example?subject=x", "a b@c.example"]
    {
        refused(&format!("contact = [{bad:?}]"), "is no mail address");
    }
    refused(&format!("contact = {:?}", vec!["a@b.example"; CONTACTS_MAX + 1]), "at most 10");
}

#[test]
fn unknown_keys_and_challenges_are_refused() {
    assert!(section("terms = true").unwrap_err().contains("terms_agreed"));
    assert!(section("challenge = \"dns-01\"").unwrap_err().contains("`http-01` or `tls-alpn-01`"));
}

#[test]
fn a_site_has_one_certificate_for_the_hosts_of_its_https_origins() {
    let one: &[&str] =
        &["https://a.example", "https://www.a.example:8443", "http://plain.example", "https://a.example:444"];
    let two: &[&str] = &["https://b.example"];
    assert_eq!(groups("", &[one, two]).unwrap(), [vec!["a.example", "www.a.example"], vec!["b.example"]]);
}

#[test]
fn groups_take_names_out_of_their_site() {
    let one: &[&str] = &["https://a.example", "https://www.a.example"];
    let two: &[&str] = &["https://b.example"];
    let grouped = groups("groups = [[\"WWW.a.example\", \"b.example\"]]", &[one, two]).unwrap();
    assert_eq!(grouped, [vec!["www.a.example", "b.example"], vec!["a.example"]]);
    let wrong = |text: &str| groups(text, &[one, two]).unwrap_err();
    assert!(wrong("groups = [[\"c.example\"]]").contains("c.example is no host of an https:// origin"));
    assert!(wrong("groups = [[\"a.example\"], [\"a.example\"]]").contains("a.example is listed twice"));
    assert!(wrong("groups = [[]]").contains("empty list"));
}

#[test]
fn names_that_cannot_be_certified_say_what_to_do() {
    for (origin, expected) in [
        ("https://localhost", "use tls.mode = \"local\""),
        ("https://shop.localhost", "use tls.mode = \"local\""),
        ("https://192.0.2.1", "give the shop a host name"),
        ("https://[2001:db8::1]", "give the shop a host name"),
        ("https://shop", "use the full name"),
        ("https://shop.internal", "your own authority"),
        ("http://shop.example", "no site has an https:// origin"),
    ] {
        let error = groups("", &[&[origin]]).unwrap_err();
        assert!(error.contains(expected), "{origin}: {error}");
    }
    assert!(groups("ca = \"root.pem\"", &[&["https://shop.internal"]]).is_ok());
    refused("groups = [[\"*.a.example\"]]", "wildcards need a challenge in the DNS");
}

#[test]
fn the_number_of_names_is_bounded() {
    let origins: Vec<String> =
        (0..=CERTIFICATE_NAMES_MAX).map(|number| format!("https://a{number}.example")).collect();
    let origins: Vec<&str> = origins.iter().map(String::as_str).collect();
    let error = groups("", &[&origins]).unwrap_err();
    assert!(error.contains("a0.example would have 101 names, at most 100"), "{error}");
}
