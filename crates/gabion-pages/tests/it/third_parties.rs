//! Whose hosts pages talk to.

use gabion_markup::PageClass;
use gabion_pages::third_party::{Flow, Way};

use crate::harness::{CHECKOUT, World, ann};

#[tokio::test]
async fn third_parties_are_listed_with_what_could_flow_to_them() {
    let world = World::new().await;
    let html = format!(
        "{CHECKOUT}<iframe src=https://checkout.klarna.com/f></iframe><img src=https://pixel.example/p.gif>"
    );
    world
        .take(vec![
            world.served(PageClass::Payment, "/checkout", &html),
            world.served(
                PageClass::Other,
                "/",
                "<script src=https://www.googletagmanager.com/gtm.js></script>",
            ),
        ])
        .await;
    let parties = world.pages.third_parties(&world.site).await.unwrap();
    let of = |host: &str| parties.iter().find(|party| party.origin.ends_with(host)).unwrap();
    let stripe = of("js.stripe.com");
    assert_eq!((stripe.company, stripe.flow), (Some("Stripe"), Flow::FormAccess));
    assert_eq!(stripe.could_receive.words(), ["card"]);
    assert_eq!((of("klarna.com").flow, of("pixel.example").flow), (Flow::OwnFrame, Flow::AddressOnly));
    let google = of("googletagmanager.com");
    assert_eq!(google.ways.iter().copied().collect::<Vec<_>>(), [Way::Script]);
    assert_eq!((google.flow, parties[0].origin.as_str()), (Flow::WhatScriptsSend, "https://js.stripe.com"));
    let list = world.pages.privacy_list(&world.site).await.unwrap();
    assert!(
        list.contains("- Stripe (js.stripe.com), takes payments: on payment pages; could receive what is entered there (card)."),
        "{list}"
    );
    world.pages.stop_origin(&world.site, "https://js.stripe.com", "Not used any more.", ann()).await.unwrap();
    assert!(!world.pages.privacy_list(&world.site).await.unwrap().contains("Stripe"));
}
