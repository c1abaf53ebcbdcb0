//! Customers who stay at one endpoint: sticky cookies and consistent hashing.

use gabion_test::client::Whole;

use crate::front::{Front, Setup, get, shop, soon};

/// The `NAME=VALUE` of the cookie that an answer sets.
fn cookie(answer: &Whole) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

async fn ask(front: &Front, headers: &str) -> Whole {
    soon(async { front.tls().await.ask(get("/", headers)).await }).await
}

#[tokio::test]
async fn a_sticky_customer_stays_until_the_endpoint_goes_and_then_stays_at_the_next() {
    let (one, two) = (shop("1").await, shop("2").await);
    let setup = Setup::of(&[&one, &two]).upstream("sticky = true");
    let front = setup.start();
    let first = ask(&front, "").await;
    let mine = format!("Cookie: basket=7; {}\r\n", cookie(&first));
    for _ in 0..10 {
        let again = ask(&front, &mine).await;
        assert_eq!((again.text(), again.header("set-cookie")), (first.text(), ""));
    }
    let home = if first.text() == "1" { &one } else { &two };
    assert!(home.seen().iter().all(|seen| !seen.header("cookie").contains("gabion")), "it is our own");
    let drained = setup.clone().upstream(&format!("drained = [\"{}\"]", home.url()));
    front.edge.reload(drained.config()).unwrap();
    let moved = ask(&front, &mine).await;
    assert_ne!(moved.text(), first.text());
    front.edge.reload(setup.config()).unwrap();
    let mine = format!("Cookie: {}\r\n", cookie(&moved));
    assert_eq!(ask(&front, &mine).await.text(), moved.text(), "who moved has moved");
}

#[tokio::test]
async fn the_cookie_is_the_same_after_a_restart_and_forged_ones_do_no_harm() {
    let (one, two) = (shop("1").await, shop("2").await);
    let setup = Setup::of(&[&one, &two]).upstream("sticky = true");
    let first = ask(&setup.start(), "").await;
    let mine = cookie(&first);
    let again = setup.start();
    for _ in 0..10 {
        assert_eq!(ask(&again, &format!("Cookie: {mine}\r\n")).await.text(), first.text());
    }
    let (name, _) = mine.split_once('=').unwrap();
    for forged in ["", "0", "127.0.0.1:80", &"f".repeat(4000)] {
        let answer = ask(&again, &format!("Cookie: {name}={forged}\r\n")).await;
        assert!(answer.status == 200 && !cookie(&answer).is_empty());
    }
}

#[tokio::test]
async fn the_same_key_meets_the_same_endpoint() {
    let shops = [shop("1").await, shop("2").await, shop("3").await];
    let all = [&shops[0], &shops[1], &shops[2]];
    let setup = Setup::of(&all).upstream("balance = \"hash\"\nhash_by = \"cookie:sid\"");
    let front = setup.start();
    let mut homes = Vec::new();
    for customer in 0..30 {
        let headers = format!("Cookie: sid={customer}\r\n");
        let home = ask(&front, &headers).await.text().to_owned();
        assert_eq!(ask(&front, &headers).await.text(), home);
        homes.push(home);
    }
    assert!(["1", "2", "3"].iter().all(|shop| homes.iter().any(|home| home == shop)), "{homes:?}");
    shops[1].stop().await;
    for (customer, home) in homes.iter().enumerate() {
        let now = ask(&front, &format!("Cookie: sid={customer}\r\n")).await;
        assert!(now.status == 200 && (home == "2" || now.text() == home), "only its own customers moved");
    }
}
