//! What a page looks like it is for.

use std::collections::BTreeMap;

use gabion_markup::class::{CLASS_RULES_MAX, ClassRule};
use gabion_markup::page::{FieldKind, FrameSource, Page, ScriptSource};
use gabion_markup::{Address, PageClass};

use crate::company::{self, Purpose};
use crate::overview::PageView;

/// A page has fields for cards or accounts of banks.
const CARD_FIELDS: &str = "card_fields";
/// A page has a field for a password.
const PASSWORD_FIELD: &str = "password_field";
/// The path says so.
const PATH: &str = "path";
/// Scripts or frames of a payment company are on it.
const PAYMENT_PROVIDER: &str = "payment_provider";
/// Pages that may look like sign-in only for a password field: more have it in their common head.
const PASSWORD_PAGES_MAX: usize = 10;
/// Bytes of a part of a path from which on it looks like an id.
const ID_BYTES_MIN: usize = 20;

/// Words in paths of pages where people pay.
const PAYMENT_WORDS: &[&str] = &[
    "checkout",
    "payment",
    "payments",
    "pay",
    "onepage",
    "onestepcheckout",
    "kasse",
    "bezahlen",
    "zahlung",
    "zahlungsart",
    "bestellen",
    "paiement",
    "caisse",
    "commander",
    "pago",
    "pagar",
    "finalizar-compra",
    "cassa",
    "pagamento",
    "afrekenen",
    "betalen",
    "betaling",
    "kassa",
    "zamowienie",
    "platnosc",
    "pokladna",
    "platba",
    "penztar",
    "fizetes",
    "kassan",
    "betalning",
    "maksu",
    "odeme",
    "finalizare",
    "plata",
    "tamio",
];
/// Words in paths of pages where people say who they are.
const SIGN_IN_WORDS: &[&str] = &[
    "login",
    "signin",
    "sign-in",
    "sign_in",
    "log-in",
    "register",
    "signup",
    "sign-up",
    "anmelden",
    "anmeldung",
    "registrieren",
    "connexion",
    "inscription",
    "se-connecter",
    "iniciar-sesion",
    "acceso",
    "registro",
    "accedi",
    "accesso",
    "registrati",
    "inloggen",
    "aanmelden",
    "logowanie",
    "rejestracja",
    "prihlaseni",
    "bejelentkezes",
    "logga-in",
    "kirjaudu",
    "giris",
    "autentificare",
    "password",
    "forgot-password",
    "lost-password",
];
/// Words in paths of pages where people see what is known of them.
const ACCOUNT_WORDS: &[&str] = &[
    "account",
    "my-account",
    "myaccount",
    "customer",
    "profile",
    "orders",
    "addresses",
    "konto",
    "mein-konto",
    "meinkonto",
    "kundenkonto",
    "compte",
    "mon-compte",
    "cuenta",
    "mi-cuenta",
    "il-mio-account",
    "mijn-account",
    "moje-konto",
    "muj-ucet",
    "fiokom",
    "mitt-konto",
    "minkonto",
    "oma-tili",
    "hesabim",
    "contul-meu",
];

/// What a page looks like it is for, and why.
pub(crate) fn guess(page: &Page, at: &Address) -> (PageClass, Vec<String>) {
    let fields = || page.forms.iter().flat_map(|form| &form.fields).map(|field| field.kind);
    let has_card = fields().any(|kind| matches!(kind, FieldKind::CardNumber | FieldKind::CardCode));
    let has_password = fields().any(|kind| kind == FieldKind::Password);
    let by_path = by_path(at.path());
    let mut reasons = Vec::new();
    reasons.extend(has_card.then_some(CARD_FIELDS));
    reasons.extend(by_path.map(|_| PATH));
    reasons.extend(has_provider(page).then_some(PAYMENT_PROVIDER));
    reasons.extend(has_password.then_some(PASSWORD_FIELD));
    let has = |reason| reasons.contains(&reason);
    let class = match by_path {
        _ if has(CARD_FIELDS) => PageClass::Payment,
        Some(class) => class,
        None if has(PAYMENT_PROVIDER) && is_cart_like(at.path()) => PageClass::Payment,
        None if has_password => PageClass::SignIn,
        None => PageClass::Other,
    };
    let reasons = if class == PageClass::Other { Vec::new() } else { reasons };
    (class, reasons.into_iter().map(str::to_owned).collect())
}

/// Scripts of payment companies are on product pages too (buttons, installments): only there they say something.
fn is_cart_like(path: &str) -> bool {
    let path = path.to_lowercase();
    ["cart", "basket", "warenkorb", "panier", "carrito", "carrello", "winkelwagen", "koszyk", "order"]
        .iter()
        .any(|word| path.contains(word))
}

fn has_provider(page: &Page) -> bool {
    let scripts = page.scripts.iter().filter_map(|script| match &script.source {
        ScriptSource::Web(address) => Some(address),
        ScriptSource::Inline(_) | ScriptSource::Opaque { .. } => None,
    });
    let frames = page.frames.iter().filter_map(|frame| match &frame.source {
        FrameSource::Web(address) => Some(address),
        FrameSource::Document(_) | FrameSource::Other(_) | FrameSource::Empty => None,
    });
    let known = |address: &Address| company::of_host(address.host());
    scripts.chain(frames).filter_map(known).any(|known| known.purpose == Purpose::Payment)
}

fn by_path(path: &str) -> Option<PageClass> {
    word_at(path).map(|(class, _)| class)
}

/// The class that the first telling part of a path stands for, and which part that is.
fn word_at(path: &str) -> Option<(PageClass, usize)> {
    let parts: Vec<String> = path.split('/').skip(1).map(plain).collect();
    let all = [
        (PageClass::Payment, PAYMENT_WORDS),
        (PageClass::SignIn, SIGN_IN_WORDS),
        (PageClass::Account, ACCOUNT_WORDS),
    ];
    all.iter().find_map(|(class, words)| {
        parts.iter().position(|part| words.contains(&part.as_str())).map(|at| (*class, at))
    })
}

/// A part of a path without case and ending.
fn plain(part: &str) -> String {
    let part = part.to_lowercase();
    let stem = part.rsplit_once('.').filter(|(_, ending)| ending.len() <= 5).map(|(stem, _)| stem.to_owned());
    stem.unwrap_or(part)
}

/// The path with a star for every part that looks like a number or an id: pages that differ in it are one.
pub(crate) fn starred(path: &str) -> String {
    let parts = path.split('/').map(|part| if is_id(part) { "*" } else { part });
    let starred = parts.collect::<Vec<_>>().join("/");
    match starred.trim_end_matches('/') {
        "" => "/".to_owned(),
        trimmed => trimmed.to_owned(),
    }
}

fn is_id(part: &str) -> bool {
    let digits = part.bytes().filter(u8::is_ascii_digit).count();
    let token = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'='));
    digits > 0 && token && (digits * 2 >= part.len() || part.len() >= ID_BYTES_MIN)
}

/// Rules that say of pages what they look like, the most watched first.
pub(crate) fn proposed_rules(pages: &[PageView]) -> Vec<ClassRule> {
    let only_password = |page: &&PageView| page.reasons.len() == 1 && page.reasons[0] == PASSWORD_FIELD;
    let is_common = pages.iter().filter(only_password).count() > PASSWORD_PAGES_MAX;
    let mut rules: BTreeMap<(PageClass, String), ()> = BTreeMap::new();
    for page in pages.iter().filter(|page| page.proposed != PageClass::Other) {
        if is_common && only_password(&page) {
            continue;
        }
        let path = match word_at(&page.path) {
            Some((class, at)) if class == page.proposed => below(&page.path, at),
            _ => page.path.clone(),
        };
        rules.insert((page.proposed, path), ());
    }
    let rule = |(class, path): (PageClass, String)| path.parse().ok().map(|path| ClassRule { path, class });
    rules.into_keys().filter_map(rule).take(CLASS_RULES_MAX).collect()
}

/// Everything below the part that tells.
fn below(path: &str, at: usize) -> String {
    let parts: Vec<&str> = path.split('/').skip(1).take(at + 1).collect();
    match parts.last() {
        Some(last) if last.contains('.') => format!("/{}", parts.join("/")),
        _ => format!("/{}/*", parts.join("/")),
    }
}

#[cfg(test)]
mod tests {
    use gabion_core::Timestamp;
    use gabion_markup::page::{Form, FormField};

    use super::*;

    fn at(path: &str) -> Address {
        Address::parse(&format!("https://shop.example{path}")).expect("an address")
    }

    #[track_caller]
    fn check(path: &str, kinds: &[FieldKind], expected: PageClass) {
        let fields = kinds.iter().map(|kind| FormField { name: "x".to_owned(), kind: *kind }).collect();
        let page = Page { forms: vec![Form { fields, ..Form::default() }], ..Page::default() };
        assert_eq!(guess(&page, &at(path)).0, expected, "{path}");
    }

    #[test]
    fn pages_are_known_by_fields_and_words_of_many_languages() {
        check("/checkout/onepage", &[], PageClass::Payment);
        check("/de/kasse.html", &[], PageClass::Payment);
        check("/fr/paiement", &[], PageClass::Payment);
        check("/customer/account/login", &[FieldKind::Password], PageClass::SignIn);
        check("/mein-konto/bestellungen", &[], PageClass::Account);
        check("/anything", &[FieldKind::CardNumber], PageClass::Payment);
        check("/anything", &[FieldKind::Password], PageClass::SignIn);
        check("/products/paypal-mug", &[FieldKind::Email], PageClass::Other);
    }

    #[test]
    fn ids_in_paths_are_one_page() {
        for (path, expected) in [
            ("/", "/"),
            ("/orders/100042/", "/orders/*"),
            ("/pay/3f1c2a77-77aa-4c1e-9c55-0123456789ab", "/pay/*"),
            ("/checkout/step2", "/checkout/step2"),
            ("/kasse", "/kasse"),
        ] {
            assert_eq!(starred(path), expected, "{path}");
        }
    }

    #[test]
    fn a_password_field_on_every_page_says_nothing() {
        let view = |path: String, reason: &str, proposed| PageView {
            address: path.clone(),
            path,
            class: PageClass::Other,
            proposed,
            reasons: vec![reason.to_owned()],
            first_seen: Timestamp::default(),
            last_seen: Timestamp::default(),
            servings: 1,
            has_baseline: false,
            looked_at: None,
            look_ok_at: None,
            look_error: None,
        };
        let mut pages: Vec<_> =
            (0..20).map(|n| view(format!("/p{n}x"), PASSWORD_FIELD, PageClass::SignIn)).collect();
        pages.push(view("/de/checkout/step".to_owned(), PATH, PageClass::Payment));
        let rules = proposed_rules(&pages);
        assert_eq!(rules.len(), 1);
        assert_eq!(rules[0].path.as_str(), "/de/checkout/*");
        let few = proposed_rules(&pages[..3]);
        assert_eq!(few.len(), 3);
    }
}
