//! Customers' accounts with passwords, codes and sessions. Passkeys are tried in a real browser.

use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use gabion_core::Secret;
use gabion_crypto::totp;
use http::{Method, StatusCode};

use gabion_identity::customer::pending::PENDING_MAX;

use crate::harness::Answer;
use crate::shop::{EMAIL, PASSWORD, Shop, site};

pub(crate) const NEW: &str = "kettle harbor mint nine";

#[tokio::test]
async fn an_account_is_made_by_whoever_reads_mail_at_its_address() {
    let shop = Shop::new().await;
    let mut browser = shop.customer().await;
    let page = browser.get("/.gabion/account").await;
    assert!(page.text.contains("Ann") && page.text.contains(EMAIL), "{}", page.text);
    assert_eq!(shop.letter().await.to, EMAIL);
    assert_eq!(shop.kinds().await, ["customer.registered"]);
    assert_eq!(browser.post("/.gabion/sign-out", &[]).await.status, StatusCode::SEE_OTHER);
    assert!(!browser.is_in().await);
    let answer = browser.sign_in(" ANN@Tidewater.Example ", PASSWORD).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/orders"));
    assert!(browser.is_in().await);
}

#[tokio::test]
async fn who_has_an_account_is_told_to_nobody_but_whoever_reads_its_mail() {
    let shop = Shop::new().await;
    shop.customer().await;
    let shown = |answer: Answer| (answer.status, answer.text, answer.headers.len());
    for (path, of_nobody, of_somebody) in [
        ("/.gabion/register", "Your code for Tidewater Tea", "You have an account at Tidewater Tea"),
        (
            "/.gabion/recover",
            "There is no account with this address at Tidewater Tea",
            "Your code for Tidewater Tea",
        ),
    ] {
        let mut asked = Vec::new();
        for (email, subject) in [("bob@tidewater.example", of_nobody), (EMAIL, of_somebody)] {
            let mut browser = shop.browser();
            let first = shown(browser.post(path, &[("email", email)]).await);
            let letter = shop.letter().await;
            assert_eq!((letter.to.as_str(), letter.subject.as_str()), (email, subject));
            let wrong = shown(browser.post("/.gabion/begin/code", &[("code", "0000 0000")]).await);
            asked.push((first, wrong));
            shop.clock.advance(Duration::from_secs(3_600));
        }
        assert_eq!(asked[0], asked[1], "{path}");
    }
    let mut browser = shop.browser();
    let mut refused = Vec::new();
    for (email, password) in [(EMAIL, NEW), ("bob@tidewater.example", NEW), ("no address", NEW), (EMAIL, "")]
    {
        let answer = browser.sign_in(email, password).await;
        let text = answer.text.replace(email, "");
        refused.push((answer.status, text.contains("E-mail or password is wrong.")));
        shop.clock.advance(Duration::from_secs(3_600));
    }
    assert!(refused.iter().all(|one| *one == (StatusCode::FORBIDDEN, true)), "{refused:?}");
}

#[tokio::test]
async fn a_code_counts_a_few_times_for_a_few_minutes_and_once() {
    let shop = Shop::new().await;
    let mut browser = shop.browser();
    browser.post("/.gabion/register", &[("email", EMAIL)]).await;
    let right = shop.code().await;
    for _ in 0..5 {
        let answer = browser.post("/.gabion/begin/code", &[("code", "1234 5678")]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let answer = browser.post("/.gabion/begin/code", &[("code", &right)]).await;
    assert_eq!(answer.status, StatusCode::GONE, "no try is left");

    browser.post("/.gabion/register", &[("email", EMAIL)]).await;
    let right = shop.code().await;
    shop.clock.advance(Duration::from_secs(601));
    assert_eq!(browser.post("/.gabion/begin/code", &[("code", &right)]).await.status, StatusCode::GONE);

    browser.register(EMAIL).await;
    let form = [("password", PASSWORD)];
    assert_eq!(browser.post("/.gabion/begin", &form).await.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.post("/.gabion/begin", &form).await.status, StatusCode::GONE, "it was used");
    // Another browser has nothing of what was begun in this one.
    assert_eq!(shop.browser().post("/.gabion/begin", &form).await.status, StatusCode::GONE);
}

#[tokio::test]
async fn weak_passwords_are_refused_with_the_reason_and_nothing_is_lost() {
    let shop = Shop::new().await;
    let mut browser = shop.browser();
    browser.register(EMAIL).await;
    for (weak, reason) in [
        ("short", "Use at least 15 characters"),
        ("passwordpassword", "repeats the same few characters"),
        ("correct horse battery staple", "Many people use this password"),
        ("tidewater-tea-2026", "the name of the shop"),
    ] {
        let answer = browser.post("/.gabion/begin", &[("password", weak)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.text.contains(reason), "{weak}: {}", answer.text);
    }
    assert_eq!(browser.post("/.gabion/begin", &[("password", PASSWORD)]).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_changed_password_ends_every_other_session_and_is_told_by_mail() {
    let shop = Shop::new().await;
    let mut here = shop.customer().await;
    let mut there = shop.browser();
    there.sign_in(EMAIL, PASSWORD).await;
    assert!(there.is_in().await);
    let wrong = here.post("/.gabion/account/password", &[("current", NEW), ("password", NEW)]).await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    assert!(wrong.text.contains("The current password is wrong."), "{}", wrong.text);
    let old = here.cookie().unwrap().to_owned();
    shop.clock.advance(Duration::from_secs(1));
    let changed = here.post("/.gabion/account/password", &[("current", PASSWORD), ("password", NEW)]).await;
    assert_eq!(changed.status, StatusCode::SEE_OTHER, "{}", changed.text);
    assert!(here.is_in().await && !there.is_in().await);
    assert_ne!(here.cookie(), Some(old.as_str()));
    there.with_cookie(&old);
    assert!(!there.is_in().await, "the session from before is over");
    assert_eq!(shop.letter().await.subject, "Your password at Tidewater Tea was changed");
    assert_eq!(there.sign_in(EMAIL, PASSWORD).await.status, StatusCode::FORBIDDEN);
    assert_eq!(there.sign_in(EMAIL, NEW).await.status, StatusCode::SEE_OTHER);
}

/// The secret on the page that offers an app.
fn secret(page: &str) -> Secret<[u8; 20]> {
    let (_, rest) = page.split_once("<code>").expect("a secret");
    let text = rest.split_once("</code>").unwrap().0;
    Secret::new(BASE32_NOPAD.decode(text.as_bytes()).unwrap().try_into().unwrap())
}

fn field<'a>(page: &'a str, name: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).expect("a field");
    rest.split_once('"').unwrap().0
}

/// Adds an app with the code that it shows; the secret.
pub(crate) async fn add_app(shop: &Shop, browser: &mut crate::shop::Browser<'_>) -> Secret<[u8; 20]> {
    let offer = browser.get("/.gabion/account/totp").await.text;
    let (secret, sealed) = (secret(&offer), field(&offer, "offer").to_owned());
    let code = totp::shown_at(&secret, gabion_core::Clock::now(&shop.clock)).unwrap();
    let added = browser.post("/.gabion/account/totp", &[("offer", &sealed), ("code", &code)]).await;
    assert_eq!(added.status, StatusCode::OK, "{}", added.text);
    secret
}

#[tokio::test]
async fn an_app_makes_a_second_factor_whose_codes_count_once() {
    let shop = Shop::new().await;
    let mut browser = shop.customer().await;
    let offer = browser.get("/.gabion/account/totp").await.text;
    let secret = secret(&offer);
    let sealed = field(&offer, "offer").to_owned();
    let shown = || totp::shown_at(&secret, gabion_core::Clock::now(&shop.clock)).unwrap();
    let wrong = browser.post("/.gabion/account/totp", &[("offer", &sealed), ("code", "000000")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(field(&wrong.text, "offer"), sealed, "a code that was mistyped asks for no new picture");
    let codes = browser.post("/.gabion/account/totp", &[("offer", &sealed), ("code", &shown())]).await;
    let codes: Vec<&str> =
        codes.text.split("<li><code>").skip(1).map(|rest| rest.split('<').next().unwrap()).collect();
    assert_eq!(codes.len(), 10);

    let mut other = shop.browser();
    let second = other.sign_in(EMAIL, PASSWORD).await;
    assert!(second.text.contains("One more step") && !other.is_in().await, "{}", second.text);
    let attempt = field(&second.text, "attempt").to_owned();
    let form = |code: &str| [("attempt".to_owned(), attempt.clone()), ("code".to_owned(), code.to_owned())];
    let show = async |browser: &mut crate::shop::Browser<'_>, code: &str| {
        let form = form(code);
        let form: Vec<(&str, &str)> =
            form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        browser.post("/.gabion/sign-in/code", &form).await
    };
    assert_eq!(
        show(&mut other, &shown()).await.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "that code was used"
    );
    shop.clock.advance(Duration::from_secs(30));
    assert_eq!(show(&mut other, &shown()).await.status, StatusCode::SEE_OTHER);
    assert!(other.is_in().await);
    let mut third = shop.browser();
    third.sign_in(EMAIL, PASSWORD).await;
    assert_eq!(
        show(&mut third, codes[3]).await.status,
        StatusCode::SEE_OTHER,
        "a code that was written down"
    );
    assert_eq!(show(&mut third, codes[3]).await.status, StatusCode::UNPROCESSABLE_ENTITY, "once");
    shop.clock.advance(Duration::from_secs(700));
    assert_eq!(show(&mut third, codes[4]).await.status, StatusCode::GONE, "the attempt took too long");
}

#[tokio::test]
async fn a_recovery_gives_no_way_around_the_second_factor() {
    let shop = Shop::new().await;
    let mut browser = shop.customer().await;
    let secret = add_app(&shop, &mut browser).await;
    let shown = || totp::shown_at(&secret, gabion_core::Clock::now(&shop.clock)).unwrap();
    shop.clock.advance(Duration::from_secs(60));

    let mut thief = shop.browser();
    thief.post("/.gabion/recover", &[("email", EMAIL)]).await;
    let code = shop.code().await;
    thief.post("/.gabion/begin/code", &[("code", &code)]).await;
    for code in ["", "000000"] {
        let answer = thief.post("/.gabion/begin", &[("password", NEW), ("code", code)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert!(browser.is_in().await, "nothing was changed");
    let answer = thief.post("/.gabion/begin", &[("password", NEW), ("code", &shown())]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    assert!(!browser.is_in().await, "whoever recovers an account ends its sessions");
    assert_eq!(shop.letter().await.subject, "Your password at Tidewater Tea was changed");
    assert!(shop.kinds().await.contains(&"customer.recovered".to_owned()));
}

#[tokio::test]
async fn sessions_end_where_their_owner_says_and_when_they_rest_or_live_too_long() {
    let shop = Shop::new().await;
    let mut here = shop.customer().await;
    let mut there = shop.browser();
    there.sign_in(EMAIL, PASSWORD).await;
    assert_eq!(here.post("/.gabion/account/sessions/end-others", &[]).await.status, StatusCode::SEE_OTHER);
    assert!(here.is_in().await && !there.is_in().await);
    let day = Duration::from_secs(24 * 3_600);
    for _ in 0..3 {
        shop.clock.advance(day * 9);
        shop.customers.tend().await.unwrap();
        assert!(here.is_in().await, "it is used");
    }
    shop.clock.advance(day * 4);
    assert!(!here.is_in().await, "thirty days are enough");
    here.sign_in(EMAIL, PASSWORD).await;
    shop.clock.advance(day * 14);
    assert!(!here.is_in().await, "nobody came for two weeks");
}

#[tokio::test]
async fn nothing_is_changed_from_foreign_pages() {
    let shop = Shop::new().await;
    let mut browser = shop.customer().await;
    let form = "current=fjord+plum+kite+morning&password=kettle+harbor+mint+nine".to_owned();
    let kind = ("content-type", "application/x-www-form-urlencoded");
    for from in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
    ] {
        let answer =
            browser.send(Method::POST, "/.gabion/account/password", form.clone(), &[kind, from]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{from:?}");
    }
    assert!(shop.kinds().await.iter().all(|kind| kind != "customer.password_changed"));
}

#[tokio::test]
async fn guessing_is_slowed_down_and_told() {
    let shop = Shop::new().await;
    shop.customer().await;
    let mut browser = shop.browser();
    for _ in 0..5 {
        assert_eq!(browser.sign_in(EMAIL, NEW).await.status, StatusCode::FORBIDDEN);
    }
    let answer = browser.sign_in(EMAIL, PASSWORD).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.header("retry-after"), "1");
    let failed = shop.kinds().await.iter().filter(|kind| *kind == "customer.sign_in_failed").count();
    assert_eq!(failed, 5);
}

#[tokio::test]
async fn the_database_has_no_address_password_code_or_token_in_readable_form() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gabion.db");
    let shop = Shop::on(gabion_store::StorageConfig::new(format!("sqlite:{}", path.display()))).await;
    let mut browser = shop.customer().await;
    browser.sign_in(EMAIL, PASSWORD).await;
    let token = browser.cookie().unwrap().to_owned();
    shop.db.clone().close().await;
    let mut seen = 0;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        let bytes = std::fs::read(file.path()).unwrap();
        seen += bytes.len();
        for secret in [EMAIL, PASSWORD, &token, "192.0.2.1"] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} in {}", file.path().display());
        }
    }
    assert!(seen > 10_000, "the files were read");
}

#[tokio::test]
async fn pages_are_served_as_they_should_be() {
    let shop = Shop::new().await;
    let mut browser = shop.browser();
    let page = browser.get("/.gabion/sign-in?next=//evil.example").await;
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(field(&page.text, "next"), "/");
    let german =
        browser.send(Method::GET, "/.gabion/sign-in", String::new(), &[("accept-language", "de")]).await;
    assert!(
        german.text.contains("<html lang=\"de\">") && german.text.contains("Anmelden"),
        "{}",
        german.text
    );
    let sent = browser.get("/.gabion/account").await;
    assert_eq!(sent.header("location"), "/.gabion/sign-in?next=%2F.gabion%2Faccount");
    assert_eq!(
        browser.get("/.well-known/change-password").await.header("location"),
        "/.gabion/account#password"
    );
    let endpoints = browser.get("/.well-known/passkey-endpoints").await;
    assert_eq!(endpoints.json()["manage"], "https://tea.example/.gabion/account#passkeys");
    assert_eq!(browser.get("/.gabion/nothing").await.status, StatusCode::NOT_FOUND);
    for (path, is_ours) in [
        ("/.gabion/sign-in", true),
        ("/.gabion/account/passkeys", true),
        ("/.well-known/change-password", true),
        ("/.gabion/nothing", false),
        ("/.gabion/accounts", false),
        ("/.well-known/webauthn", false),
        ("/orders", false),
    ] {
        assert_eq!(shop.customers.claims(&site(), path), is_ours, "{path}");
    }
    assert!(!shop.customers.claims(&"other".parse().unwrap(), "/.gabion/sign-in"));
    let style = page.text.split("stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(browser.get(&style).await.header("content-type"), "text/css; charset=utf-8");
}

#[tokio::test]
async fn another_spelling_of_an_address_is_no_further_try() {
    let shop = Shop::new().await;
    shop.customer().await;
    let mut browser = shop.browser();
    for email in
        ["\u{ff41}nn@tidewater.example", "Ann@Tidewater.Example", " ann@tidewater.example", EMAIL, EMAIL]
    {
        assert_eq!(browser.sign_in(email, NEW).await.status, StatusCode::FORBIDDEN);
    }
    let answer = browser.sign_in("a\u{ff4e}n@tidewater.example", PASSWORD).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_session_that_is_replaced_ends_at_once() {
    let shop = Shop::new().await;
    let mut browser = shop.customer().await;
    assert!(browser.is_in().await);
    let old = browser.cookie().unwrap().to_owned();
    browser.sign_in(EMAIL, PASSWORD).await;
    assert!(browser.is_in().await);
    let mut thief = shop.browser();
    thief.with_cookie(&old);
    assert!(!thief.is_in().await, "memory forgets it with the database");
}

#[tokio::test]
async fn a_changed_password_shows_nothing_but_a_password() {
    let shop = Shop::new().await;
    let mut browser = shop.customer().await;
    shop.clock.advance(Duration::from_secs(11 * 60));
    let form = [("current", PASSWORD), ("password", NEW)];
    let changed = browser.post("/.gabion/account/password", &form).await;
    assert_eq!(changed.status, StatusCode::SEE_OTHER, "{}", changed.text);
    let offer = browser.get("/.gabion/account/totp").await;
    assert_eq!(offer.header("location"), "/.gabion/step-up?next=%2F.gabion%2Faccount%2Ftotp");
}

#[tokio::test]
async fn a_customer_keeps_at_most_thirty_sessions_and_the_oldest_ends_at_once() {
    let shop = Shop::new().await;
    let mut first = shop.customer().await;
    assert!(first.is_in().await);
    for _ in 0..29 {
        shop.clock.advance(Duration::from_secs(1));
        shop.browser().sign_in(EMAIL, PASSWORD).await;
    }
    assert!(first.is_in().await, "thirty are kept");
    shop.clock.advance(Duration::from_secs(1));
    shop.browser().sign_in(EMAIL, PASSWORD).await;
    assert!(!first.is_in().await);
}

#[tokio::test]
async fn what_was_begun_waits_half_an_hour_and_only_so_much_of_it() {
    let shop = Shop::new().await;
    let mut browser = shop.browser();
    browser.register(EMAIL).await;
    shop.clock.advance(Duration::from_secs(30 * 60));
    assert_eq!(browser.post("/.gabion/begin", &[("password", PASSWORD)]).await.status, StatusCode::GONE);

    shop.fill_pending(PENDING_MAX).await;
    let full = browser.post("/.gabion/register", &[("email", "bob@tidewater.example")]).await;
    assert_eq!((full.status, full.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "60"));
    shop.clock.advance(Duration::from_secs(3_600));
    for _ in 0..PENDING_MAX.div_ceil(500) {
        shop.customers.tend().await.unwrap();
    }
    let room = browser.post("/.gabion/register", &[("email", "bob@tidewater.example")]).await;
    assert_eq!(room.status, StatusCode::SEE_OTHER, "{}", room.text);
}

#[tokio::test]
async fn over_plain_http_people_are_led_to_where_it_is_protected() {
    let shop = Shop::new().await;
    let mut browser = shop.browser();
    browser.https = false;
    let answer = browser.get("/.gabion/sign-in?next=/orders").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.header("location"), "https://tea.example/.gabion/sign-in");
    let answer = browser.post("/.gabion/sign-in", &[("email", EMAIL), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "nothing is checked that came in the clear");
    assert_eq!(shop.kinds().await, Vec::<String>::new());
}
