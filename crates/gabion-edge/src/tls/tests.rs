//! Whole handshakes against [`server_config`](super::server_config).

use std::sync::Arc;

use rustls::version::{TLS12, TLS13};
use rustls::{
    CipherSuite, ClientConfig, ClientConnection, HandshakeKind, NamedGroup, ProtocolVersion, ServerConfig,
    ServerConnection,
};

use super::testing::{Ca, DAY, client, client_with, handshake, handshake_again, real_now};
use super::*;

fn server(store: &CertificateStore) -> Arc<ServerConfig> {
    server_config(store, &TlsSettings::default()).unwrap()
}

fn store(certificates: &[&ServedCertificate]) -> CertificateStore {
    CertificateStore::new(certificates.iter().map(|&certificate| certificate.clone()).collect()).unwrap()
}

fn group(client: &ClientConnection) -> Option<NamedGroup> {
    client.negotiated_key_exchange_group().map(|group| group.name())
}

fn shown(client: &ClientConnection) -> &[u8] {
    &client.peer_certificates().unwrap()[0]
}

#[track_caller]
fn connect(
    config: ClientConfig,
    store: &CertificateStore,
    name: &str,
) -> (ClientConnection, ServerConnection) {
    handshake(config, &server(store), name).unwrap()
}

#[test]
fn modern_clients_get_tls_1_3_with_the_post_quantum_group_and_h2() {
    let ca = Ca::new();
    let store = store(&[&ca.served(&["shop.example"])]);
    let (client, _) = connect(client(ca.der(), &[&TLS13, &TLS12]), &store, "shop.example");
    assert_eq!(client.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    assert_eq!(group(&client), Some(NamedGroup::X25519MLKEM768));
    assert_eq!(client.alpn_protocol(), Some(&b"h2"[..]));
    assert_eq!(client.handshake_kind(), Some(HandshakeKind::Full));
}

#[test]
fn the_best_common_group_is_agreed() {
    use aws_lc_rs::kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768};
    let ca = Ca::new();
    let store = store(&[&ca.served(&["shop.example"])]);
    for (kx_groups, expected) in [
        (vec![X25519], NamedGroup::X25519),
        (vec![SECP256R1], NamedGroup::secp256r1),
        (vec![SECP384R1], NamedGroup::secp384r1),
        (vec![SECP384R1, SECP256R1], NamedGroup::secp384r1),
        (vec![X25519MLKEM768, SECP256R1], NamedGroup::X25519MLKEM768),
    ] {
        let provider = CryptoProvider { kx_groups, ..aws_lc_rs::default_provider() };
        let (client, _) = connect(client_with(provider, ca.der(), &[&TLS13]), &store, "shop.example");
        assert_eq!(group(&client), Some(expected));
    }
}

#[test]
fn our_order_of_ciphers_counts_and_not_the_clients() {
    use CipherSuite::*;
    let ca = Ca::new();
    let store = store(&[&ca.served(&["shop.example"])]);
    for (version, offered, expected) in [
        (
            &TLS13,
            vec![TLS13_CHACHA20_POLY1305_SHA256, TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384],
            TLS13_AES_256_GCM_SHA384,
        ),
        (
            &TLS13,
            vec![TLS13_AES_128_GCM_SHA256, TLS13_CHACHA20_POLY1305_SHA256],
            TLS13_CHACHA20_POLY1305_SHA256,
        ),
        (&TLS13, vec![TLS13_AES_128_GCM_SHA256], TLS13_AES_128_GCM_SHA256),
        (
            &TLS12,
            vec![TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384],
            TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        ),
    ] {
        let suite =
            |wanted: &CipherSuite| CIPHERS.into_iter().find(|known| known.suite() == *wanted).unwrap();
        let cipher_suites = offered.iter().map(suite).collect();
        let provider = CryptoProvider { cipher_suites, ..aws_lc_rs::default_provider() };
        let (client, _) = connect(client_with(provider, ca.der(), &[version]), &store, "shop.example");
        assert_eq!(client.negotiated_cipher_suite().unwrap().suite(), expected, "of {offered:?}");
    }
}

#[test]
fn tls_1_2_clients_are_served_unless_the_settings_refuse_them() {
    let ca = Ca::new();
    let store = store(&[&ca.served_rsa(&["shop.example"]), &ca.served(&["shop.example"])]);
    let (client_side, _) = connect(client(ca.der(), &[&TLS12]), &store, "shop.example");
    assert_eq!(client_side.protocol_version(), Some(ProtocolVersion::TLSv1_2));
    assert_eq!(group(&client_side), Some(NamedGroup::X25519));
    let strict = TlsSettings { min_version: MinVersion::Tls13, ..TlsSettings::default() };
    let strict = server_config(&store, &strict).unwrap();
    assert!(handshake(client(ca.der(), &[&TLS12]), &strict, "shop.example").is_err());
    assert!(handshake(client(ca.der(), &[&TLS13]), &strict, "shop.example").is_ok());
}

#[test]
fn a_tls_1_2_client_with_rsa_suites_only_gets_the_rsa_certificate() {
    let ca = Ca::new();
    let rsa = ca.served_rsa(&["shop.example"]);
    let store = store(&[&ca.served(&["shop.example"]), &rsa]);
    let mut provider = aws_lc_rs::default_provider();
    provider
        .cipher_suites
        .retain(|suite| suite.suite() == CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256);
    let old = client_with(provider, ca.der(), &[&TLS12]);
    let (client, _) = connect(old, &store, "shop.example");
    assert_eq!(shown(&client), &rsa.chain()[0][..]);
}

#[test]
fn the_server_name_selects_the_certificate() {
    let ca = Ca::new();
    let fallback = ca.served(&["default.example", "127.0.0.1"]);
    let exact = ca.served(&["www.shop.example"]);
    let wildcard = ca.served(&["*.shop.example"]);
    let store = store(&[&fallback, &exact, &wildcard]);
    for (name, expected) in [
        ("www.shop.example", &exact),
        ("WWW.shop.example.", &exact),
        ("img.shop.example", &wildcard),
        ("default.example", &fallback),
        ("127.0.0.1", &fallback),
    ] {
        for versions in [&[&TLS12], &[&TLS13]] {
            let (client, _) = connect(client(ca.der(), versions), &store, name);
            assert_eq!(shown(&client), &expected.chain()[0][..], "{name}");
        }
    }
    let unknown = handshake(client(ca.der(), &[&TLS13]), &server(&store), "unknown.example").unwrap_err();
    assert!(matches!(unknown, rustls::Error::InvalidCertificate(_)), "{unknown}");
    let mut without_sni = client(ca.der(), &[&TLS13]);
    without_sni.enable_sni = false;
    let (client, _) = connect(without_sni, &store, "default.example");
    assert_eq!(shown(&client), &fallback.chain()[0][..]);
}

#[test]
fn replaced_certificates_are_shown_from_the_next_handshake_on() {
    let ca = Ca::new();
    let (old, new) = (ca.served(&["shop.example"]), ca.served(&["shop.example"]));
    let store = store(&[&old]);
    let server = server(&store);
    let connect = || handshake(client(ca.der(), &[&TLS13]), &server, "shop.example").unwrap().0;
    assert_eq!(shown(&connect()), &old.chain()[0][..]);
    store.replace(vec![new.clone()]).unwrap();
    assert_eq!(shown(&connect()), &new.chain()[0][..]);
}

#[test]
fn sessions_resume_in_both_versions() {
    let ca = Ca::new();
    let server = server(&store(&[&ca.served(&["shop.example"])]));
    for versions in [&[&TLS12], &[&TLS13]] {
        let client = Arc::new(client(ca.der(), versions));
        let kind = || handshake_again(&client, &server, "shop.example").unwrap().0.handshake_kind();
        assert_eq!(kind(), Some(HandshakeKind::Full));
        assert_eq!(kind(), Some(HandshakeKind::Resumed));
    }
}

#[test]
fn an_expired_certificate_is_shown_and_the_client_refuses_it() {
    let ca = Ca::new();
    let expired = ca.served_until(&["shop.example"], real_now().before(DAY));
    let refused = handshake(client(ca.der(), &[&TLS13]), &server(&store(&[&expired])), "shop.example");
    let reason = refused.unwrap_err().to_string();
    assert!(reason.contains("expired"), "{reason}");
}

#[test]
fn a_client_that_trusts_the_local_root_connects() {
    let folder = super::testing::Folder::new();
    let names = ["shop.localhost".parse().unwrap()];
    let deps = super::testing::deps_at(&folder, real_now());
    let (source, warnings) = CertificateSource::open(&TlsMode::Local, &names, &[], &deps).unwrap();
    assert_eq!(warnings, []);
    let CertificateSource::Local(local) = &source else { panic!("the local mode has a local source") };
    let root = local.authority().root_der().clone();
    let store = CertificateStore::new(source.certificates()).unwrap();
    let (client, _) = connect(client(root, &[&TLS13]), &store, "shop.localhost");
    assert_eq!(group(&client), Some(NamedGroup::X25519MLKEM768));
}
