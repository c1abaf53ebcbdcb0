//! TLS toward the shop is verified, always.

use gabion_core::{Clock, SystemClock};
use gabion_edge::tls::{CertificateStore, TlsSettings, server_config};
use gabion_test::{Shop, body};
use http::{Request, Response};
use hyper::body::Incoming;
use tempfile::TempDir;

use crate::front::{Setup, authority, field, get, names, soon};

/// A shop behind TLS with a certificate for `name`, and the file of the authority behind it.
async fn tls_shop(name: &str) -> (Shop, TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let authority = authority(&folder);
    let certificate = authority.issue(&names(&[name]), SystemClock.now()).unwrap();
    let store = CertificateStore::new(vec![certificate]).unwrap();
    let tls = server_config(&store, &TlsSettings::default()).unwrap();
    let answer = |_: Request<Incoming>| async { Ok(Response::new(body::whole("private"))) };
    let shop = Shop::start_tls(tls, answer).await;
    let ca = format!("ca = {:?}", authority.root_path());
    (shop, folder, ca)
}

#[tokio::test]
async fn a_certificate_of_the_configured_authority_is_believed() {
    let (shop, _folder, ca) = tls_shop("127.0.0.1").await;
    let front = Setup::of(&[&shop]).upstream(&ca).start();
    let mut wire = front.tls().await;
    for _ in 0..3 {
        assert_eq!(soon(wire.ask(get("/", ""))).await.text(), "private");
    }
    assert_eq!(shop.requests(), 3);
}

#[tokio::test]
async fn an_unknown_authority_is_refused_and_said_so() {
    let (shop, _folder, _) = tls_shop("127.0.0.1").await;
    let front = Setup::of(&[&shop]).start();
    assert_eq!(front.get("/").await.status, 502);
    let event = front.events.first("edge.shop_failed").await;
    assert!(field(&event, "reason").contains("certificate"), "{event:?}");
    assert_eq!(shop.requests(), 0);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let (shop, _folder, ca) = tls_shop("shop.example").await;
    let front = Setup::of(&[&shop]).upstream(&ca).start();
    assert_eq!(front.get("/").await.status, 502);
    assert_eq!(shop.requests(), 0);
}

#[tokio::test]
async fn a_shop_without_tls_behind_an_https_url_is_refused() {
    let shop = crate::front::shop("plain").await;
    let mut setup = Setup::of(&[&shop]);
    setup.endpoints = vec![format!("https://{}", shop.address())];
    assert_eq!(setup.start().get("/").await.status, 502);
    assert_eq!(shop.requests(), 0);
}
