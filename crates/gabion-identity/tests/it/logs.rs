use std::io::Write;
use std::sync::{Arc, Mutex};

use gabion_core::Actor;
use http::Method;

use crate::harness::{PASSWORD, World};

/// Collects log lines in memory: those of every test that runs beside this one, too. A subscriber of one thread
/// would miss lines that another thread came across first.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn passwords_tokens_and_keys_reach_no_log_line() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let world = World::new().await;
    let mut owner = world.owner().await;
    let cookie = owner.cookie.clone().unwrap();
    let link = world.identity.issue_setup_link(Actor::Shell).await.unwrap();
    world.browser().get(link.path.expose()).await;
    owner.sign_in("owner@tidewater.example", "wrong wrong wrong").await;
    owner.sign_in("owner@tidewater.example", PASSWORD).await;
    let made = owner.api(Method::POST, "/api/v1/api-keys", r#"{"name":"x","scopes":["read"]}"#).await.json();
    let key = made["key"].as_str().unwrap();
    world.program(key, "/api/v1/session").await;

    let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("/sign-in") && logged.contains("/setup/…"), "requests are logged");
    let token = cookie.split_once('=').unwrap().1;
    let link = link.path.expose().strip_prefix("/setup/").unwrap();
    for secret in [PASSWORD, "wrong wrong wrong", token, link, key, "owner@tidewater.example"] {
        assert!(!logged.contains(secret), "a secret is in the log: {logged}");
    }
}
