//! The promise that an operator can reload and a shop can restart while customers buy: no request fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gabion_test::{Shop, client};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::front::{Setup, get, get2, shop};

/// Requests at a time.
const CONCURRENCY: usize = 32;
/// Requests of a run unless `GABION_SOAK_REQUESTS` says otherwise.
const REQUESTS: usize = 5_000;
/// Pause between two reloads, and between stopping and starting an endpoint.
const RELOAD_PAUSE: Duration = Duration::from_millis(50);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_get_fails_while_the_edge_reloads_and_one_of_two_endpoints_comes_and_goes() {
    let requests = std::env::var("GABION_SOAK_REQUESTS").map_or(REQUESTS, |text| text.parse().unwrap());
    let (steady, restarting) = (shop("ok").await, Arc::new(shop("ok").await));
    // Endpoints stay in and may fail as often as they do here: this is about the tries.
    let setup = Setup::of(&[&steady, &restarting])
        .upstream("eject = { failures = 0, percent = 0 }")
        .upstream("retry = { percent = 100 }");
    let front = Arc::new(setup.start());
    let over = CancellationToken::new();

    let reloading = tokio::spawn({
        let (front, over) = (Arc::clone(&front), over.clone());
        async move {
            let mut reloads = 0;
            while over.run_until_cancelled(tokio::time::sleep(RELOAD_PAUSE)).await.is_some() {
                front.edge.reload(setup.config()).unwrap();
                reloads += 1;
            }
            reloads
        }
    });
    let toggling = tokio::spawn(toggle(Arc::clone(&restarting), over.clone()));

    let left = Arc::new(AtomicUsize::new(requests));
    let customers = TaskTracker::new();
    let failed = Arc::new(std::sync::Mutex::new(Vec::new()));
    for number in 0..CONCURRENCY {
        let (front, left, failed) = (Arc::clone(&front), Arc::clone(&left), Arc::clone(&failed));
        customers.spawn(async move {
            let address = front.address(gabion_edge::Plane::Https);
            let take =
                || left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            if number % 4 == 0 {
                let sender = client::http2(address, "shop.example", front.authority.root_der()).await;
                while take() {
                    let answer = sender.clone().send_request(get2("/")).await;
                    if !answer.as_ref().is_ok_and(|answer| answer.status() == 200) {
                        failed.lock().unwrap().push(format!("{answer:?}"));
                    }
                }
            } else {
                let mut wire = front.tls().await;
                while take() {
                    let answer = match wire.try_send(get("/", "")).await {
                        Ok(()) => wire.response().await,
                        Err(error) => Err(error),
                    };
                    if !answer.as_ref().is_ok_and(|answer| answer.status == 200 && answer.text() == "ok") {
                        failed.lock().unwrap().push(format!("{answer:?}"));
                        wire = front.tls().await;
                    }
                }
            }
        });
    }
    customers.close();
    customers.wait().await;
    over.cancel();
    let (reloads, restarts): (usize, usize) = (reloading.await.unwrap(), toggling.await.unwrap());
    let failed = failed.lock().unwrap();
    assert!(
        failed.is_empty(),
        "{} of {requests} failed over {reloads} reloads and {restarts} restarts, first: {}; {:?}",
        failed.len(),
        failed[0],
        front.events.all().last()
    );
    assert!(reloads > 0 && restarts > 0, "{reloads} reloads and {restarts} restarts happened");
    assert!(steady.requests() > 0 && restarting.requests() > 0);
}

/// Stops and starts a shop in turns, and says how often it started.
async fn toggle(shop: Arc<Shop>, over: CancellationToken) -> usize {
    let mut restarts = 0;
    while over.run_until_cancelled(tokio::time::sleep(RELOAD_PAUSE)).await.is_some() {
        shop.stop().await;
        tokio::time::sleep(RELOAD_PAUSE).await;
        shop.resume().await;
        restarts += 1;
    }
    restarts
}
