//! Machines that the operator confirmed: inspected, and never stopped.

use gabion_test::Shop;

use super::{ESCAPED, echo, rules};
use crate::front::{Front, Setup, field, get, soon};

const MACHINE: &str = r#"
[[waf.machine]]
name = "payment webhook"
from = ["127.0.0.0/24"]
user_agent = "Stripe"
path = "/webhooks/stripe"
reason = "ours"
"#;

fn setup(mode: &str, shop: &Shop) -> Setup {
    Setup::of(&[shop]).waf(&format!("mode = \"{mode}\"\n{MACHINE}"), &rules())
}

async fn status(front: &Front, path: &str, agent: &str) -> u16 {
    let request = get(&format!("{path}?q={ESCAPED}"), &format!("User-Agent: {agent}\r\n"));
    soon(front.tls().await.ask(request)).await.status
}

#[tokio::test]
async fn a_confirmed_machine_is_inspected_and_not_stopped() {
    let shop = echo().await;
    for mode in ["block", "learn"] {
        let front = setup(mode, &shop).start();
        assert_eq!(
            status(&front, "/webhooks/stripe", "Stripe/1.0 (+https://stripe.com)").await,
            200,
            "{mode}"
        );
        let event = front.events.first("waf.flagged").await;
        assert_eq!(field(&event, "mode"), "detect", "{mode}");
        assert_eq!(field(&event, "machine"), "payment webhook", "{mode}");
    }
}

#[tokio::test]
async fn what_differs_in_one_thing_is_a_stranger() {
    let shop = echo().await;
    let front = setup("block", &shop).start();
    for (path, agent) in
        [("/webhooks/stripe/x", "Stripe/1.0"), ("/", "Stripe/1.0"), ("/webhooks/stripe", "curl/8.1")]
    {
        assert_eq!(status(&front, path, agent).await, 403, "{path} {agent}");
    }
    let elsewhere = MACHINE.replace("127.0.0.0", "192.0.2.0");
    let setup = Setup::of(&[&shop]).waf(&format!("mode = \"block\"\n{elsewhere}"), &rules());
    assert_eq!(status(&setup.start(), "/webhooks/stripe", "Stripe/1.0").await, 403);
}

#[tokio::test]
async fn taking_it_back_stops_it_again() {
    let shop = echo().await;
    let setup = setup("block", &shop);
    let front = setup.start();
    assert_eq!(status(&front, "/webhooks/stripe", "Stripe/1.0").await, 200);
    let without = Setup { waf: "mode = \"block\"".into(), ..setup };
    front.edge.reload(without.config()).unwrap();
    assert_eq!(status(&front, "/webhooks/stripe", "Stripe/1.0").await, 403);
    assert!(front.edge.machines_seen().is_empty(), "twice is not often");
}
