//! Which lines letters go over, and who is let in.

use gabion_outbound::mail::{Security, SmtpConfig};

use crate::server::{Manners, Server};
use crate::world::{Authority, World, config, letter, nobody};

#[tokio::test]
async fn letters_go_over_tls_from_the_start_or_after_starttls() {
    let world = World::sqlite().await;
    let authority = Authority::new("localhost");
    let acceptor = || Some(authority.acceptor.clone());
    let login = Some(("ann", "hunter2"));
    for (security, manners) in [
        (Security::Tls, Manners { tls: acceptor(), login, ..Manners::default() }),
        (Security::StartTls, Manners { start_tls: acceptor(), login, ..Manners::default() }),
    ] {
        let server = Server::start(manners).await;
        let config = SmtpConfig { login: Some(world.login("ann", "hunter2\n")), ..config(&server, security) };
        let mail = world.mail(config, authority.client.clone());
        world.put(&mail, letter("ann@shop.example", "x")).await;
        mail.deliver_due().await;
        let received = server.received();
        assert_eq!(received.len(), 1, "{security:?}: {:?}", mail.queue());
        assert!(received[0].encrypted, "{security:?}");
        assert_eq!(received[0].login, Some(("ann".to_owned(), "hunter2".to_owned())), "{security:?}");
    }
}

/// Tries one letter; it must stay, and the reason must say why.
async fn refused(
    security: Security,
    manners: Manners,
    client: std::sync::Arc<rustls::ClientConfig>,
    expected: &str,
) {
    let world = World::sqlite().await;
    let server = Server::start(manners).await;
    let config = SmtpConfig { login: Some(world.login("ann", "hunter2")), ..config(&server, security) };
    let mail = world.mail(config, client);
    world.put(&mail, letter("ann@shop.example", "x")).await;
    mail.deliver_due().await;
    assert_eq!((server.received().len(), world.waiting().await), (0, 1), "{expected}");
    let (_, reason) = mail.queue().trouble.unwrap();
    assert!(reason.contains(expected), "{reason}");
    assert!(!reason.contains("hunter2"), "{reason}");
}

#[tokio::test]
async fn nothing_is_sent_over_a_line_that_is_not_what_was_asked_for() {
    let authority = Authority::new("localhost");
    let client = || authority.client.clone();
    let offers = || Manners { start_tls: Some(authority.acceptor.clone()), ..Manners::default() };
    refused(Security::StartTls, Manners::default(), client(), "offers no STARTTLS").await;
    refused(Security::StartTls, offers(), nobody(), "TLS with localhost").await;
    let tls = || Manners { tls: Some(authority.acceptor.clone()), ..Manners::default() };
    refused(Security::Tls, tls(), nobody(), "TLS with localhost").await;
    let other = Authority::new("mail.example");
    let manners = Manners { tls: Some(other.acceptor.clone()), ..Manners::default() };
    refused(Security::Tls, manners, other.client.clone(), "TLS with localhost").await;
}

#[tokio::test]
async fn what_was_said_before_tls_is_not_taken_for_what_came_after() {
    let authority = Authority::new("localhost");
    let manners = Manners {
        start_tls: Some(authority.acceptor.clone()),
        injected: "250-mail.test\r\n250 AUTH PLAIN\r\n",
        ..Manners::default()
    };
    refused(Security::StartTls, manners, authority.client.clone(), "not encrypted").await;
}

#[tokio::test]
async fn a_wrong_password_waits_for_the_right_one() {
    let authority = Authority::new("localhost");
    let manners = || Manners {
        tls: Some(authority.acceptor.clone()),
        login: Some(("ann", "another")),
        ..Manners::default()
    };
    refused(Security::Tls, manners(), authority.client.clone(), "signing in: 535 5.7.8").await;
}
