//! Reloads and a failing endpoint under load: no request of a customer fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use gabion_test::product::{self, configuration};
use gabion_test::{Shop, body};
use http::Response;

use crate::{binary, requests};

/// Customers asking at the same time, each on a kept-alive connection.
const CUSTOMERS: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn no_get_fails_while_configuration_reloads_and_an_endpoint_comes_and_goes() {
    let answer = |_| async { Ok(Response::new(body::whole("tea"))) };
    let (steady, shaky) = (Shop::start(answer).await, Shop::start(answer).await);
    let folder = tempfile::tempdir().unwrap();
    let text = configuration(
        &[steady.url(), shaky.url()],
        "url = \"sqlite:data/gabion.db\"",
        "[upstream.health]\ninterval_seconds = 1",
    );
    let product = Arc::new(product::start(&binary(), folder.path(), &text, &[]));

    let over = Arc::new(AtomicBool::new(false));
    let disturbing = tokio::spawn({
        let (product, over) = (Arc::clone(&product), Arc::clone(&over));
        async move {
            let mut disturbances = 0;
            let mut tick = tokio::time::interval(Duration::from_millis(500));
            while !over.load(Ordering::Relaxed) {
                tick.tick().await;
                product.signal("HUP");
                shaky.stop().await;
                tick.tick().await;
                shaky.resume().await;
                disturbances += 1;
            }
            disturbances
        }
    });

    let left = Arc::new(AtomicUsize::new(requests()));
    let customers: Vec<_> = (0..CUSTOMERS)
        .map(|_| {
            let (product, left) = (Arc::clone(&product), Arc::clone(&left));
            tokio::spawn(async move {
                let mut wire = product.shop().await;
                let mut failures = Vec::new();
                let take = |left: usize| left.checked_sub(1);
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                    let response = wire.ask("GET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n").await;
                    if (response.status, response.text()) != (200, "tea") {
                        failures.push(response.status);
                    }
                }
                failures
            })
        })
        .collect();
    let mut failures = Vec::new();
    for customer in customers {
        failures.extend(customer.await.unwrap());
    }
    over.store(true, Ordering::Relaxed);
    let disturbances = disturbing.await.unwrap();
    assert!(failures.is_empty(), "{} of {} failed: {failures:?}", failures.len(), requests());
    assert!(disturbances > 0, "nothing was disturbed");
}
