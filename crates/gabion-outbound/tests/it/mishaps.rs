//! A mail server that misbehaves, and letters that go on.

use std::time::Duration;

use gabion_outbound::mail::{CONNECTIONS_MAX, Mail, Patience, Security};

use crate::server::{Act, Manners, Server, Stage};
use crate::world::{World, config, letter, nobody};

async fn impatient(world: &World, server: &Server) -> Mail {
    let patience = Patience { connect: Duration::from_secs(2), command: Duration::from_secs(1) };
    world.mail(gabion_outbound::mail::SmtpConfig { patience, ..config(server, Security::Plain) }, nobody())
}

#[tokio::test]
async fn a_server_that_falls_silent_is_not_waited_for_long() {
    let world = World::sqlite().await;
    let server = Server::start(Manners::default()).await;
    let mail = impatient(&world, &server).await;
    for stage in [Stage::Greeting, Stage::Mail, Stage::Rcpt, Stage::Data, Stage::End] {
        server.next(stage, Act::Stall);
        world.put(&mail, letter("ann@shop.example", "x")).await;
        let begun = std::time::Instant::now();
        mail.deliver_due().await;
        assert!(begun.elapsed() < Duration::from_secs(15), "{stage:?}");
        assert_eq!(world.waiting().await, 1, "{stage:?}");
        world.clock.advance(Duration::from_secs(3600));
        mail.deliver_due().await;
        assert_eq!(world.waiting().await, 0, "{stage:?}");
    }
    assert_eq!(server.received().len(), 5);
}

#[tokio::test]
async fn a_letter_that_hangs_holds_up_no_other() {
    let world = World::sqlite().await;
    let server = Server::start(Manners::default()).await;
    let mail = impatient(&world, &server).await;
    server.next(Stage::End, Act::Stall);
    for number in 0..3 * CONNECTIONS_MAX {
        world.put(&mail, letter(&format!("ann{number}@shop.example"), "x")).await;
    }
    mail.deliver_due().await;
    assert_eq!((server.received().len(), world.waiting().await), (3 * CONNECTIONS_MAX - 1, 1));
}

#[tokio::test]
async fn a_server_that_hangs_up_anywhere_gets_the_letter_again() {
    let world = World::sqlite().await;
    let server = Server::start(Manners::default()).await;
    let mail = world.mail_to(&server);
    for stage in [Stage::Greeting, Stage::Mail, Stage::Rcpt, Stage::Data, Stage::End] {
        server.next(stage, Act::HangUp);
        world.put(&mail, letter("ann@shop.example", "x")).await;
        mail.deliver_due().await;
        assert_eq!(world.waiting().await, 1, "{stage:?}");
        world.clock.advance(Duration::from_secs(3600));
        mail.deliver_due().await;
        assert_eq!(world.waiting().await, 0, "{stage:?}");
    }
    assert_eq!(server.received().len(), 5);
    assert_eq!(world.events("mail.failing").await.len(), 5);
    assert_eq!(world.events("mail.back").await.len(), 5);
}

#[tokio::test]
async fn a_server_that_talks_without_end_is_cut_off() {
    let world = World::sqlite().await;
    let server = Server::start(Manners::default()).await;
    let mail = world.mail_to(&server);
    for (waiting, stage) in [(1, Stage::Greeting), (2, Stage::Rcpt)] {
        server.next(stage, Act::Chatter);
        world.put(&mail, letter("ann@shop.example", "x")).await;
        mail.deliver_due().await;
        assert_eq!((server.received().len(), world.waiting().await), (0, waiting), "{stage:?}");
        let (_, reason) = mail.queue().trouble.unwrap();
        assert!(reason.contains("says too much") || reason.contains("too large"), "{reason}");
    }
}

#[tokio::test]
async fn a_sender_that_is_not_accepted_is_the_operators_affair() {
    let world = World::sqlite().await;
    let server = Server::start(Manners::default()).await;
    server.next(Stage::Mail, Act::Say("553 5.7.1 not your address"));
    let mail = world.mail_to(&server);
    world.put(&mail, letter("ann@shop.example", "x")).await;
    mail.deliver_due().await;
    assert_eq!((world.waiting().await, mail.counts().gave_up), (1, 0));
    let (_, reason) = mail.queue().trouble.unwrap();
    assert_eq!(reason, "sender: 553 5.7.1 not your address");
}

#[tokio::test]
async fn connections_are_used_again_and_not_forever() {
    let world = World::sqlite().await;
    let server = Server::start(Manners::default()).await;
    let mail = world.mail_to(&server);
    for number in 0..240 {
        world.put(&mail, letter(&format!("ann{number}@shop.example"), "x")).await;
    }
    mail.deliver_due().await;
    let (letters, connections) = (server.received().len(), server.connections());
    assert_eq!(letters, 240);
    assert!((5..=2 * CONNECTIONS_MAX + 1).contains(&connections), "{connections} connections");
}

#[tokio::test]
async fn a_connection_that_the_server_left_harms_no_letter() {
    let world = World::sqlite().await;
    let server = Server::start(Manners::default()).await;
    let mail = world.mail_to(&server);
    for number in 0..4 * CONNECTIONS_MAX {
        server.next(Stage::End, Act::LeaveAfterwards);
        world.put(&mail, letter(&format!("ann{number}@shop.example"), "x")).await;
    }
    mail.deliver_due().await;
    assert_eq!((server.received().len(), mail.counts().retried), (4 * CONNECTIONS_MAX, 0));
    assert!(world.events("mail.failing").await.is_empty());
}

#[tokio::test]
async fn the_running_task_finds_letters_by_itself_and_says_how_the_queue_stands() {
    let world = World::sqlite().await;
    let server = Server::start(Manners::default()).await;
    server.next(Stage::Rcpt, Act::Say("451 4.7.1 greylisted"));
    let mail = world.mail_to(&server);
    let put_at = world.now().after(Duration::from_millis(1));
    world.put(&mail, letter("ann@shop.example", "x")).await;
    let running = tokio::spawn(mail.clone().run());
    let standing = until(|| Some(mail.queue()).filter(|queue| queue.last_error.is_some())).await;
    assert_eq!((standing.waiting, standing.oldest), (1, Some(put_at)));
    assert_eq!(standing.last_error.as_deref(), Some("451 4.7.1 greylisted"));
    assert_eq!(standing.trouble, None, "one mailbox, not the server");
    world.clock.advance(Duration::from_secs(5));
    until(|| Some(()).filter(|()| mail.counts().sent == 1 && mail.queue().waiting == 0)).await;
    running.abort();
}

/// Looks until there is something, for as long as a test may take.
async fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    let found = async {
        loop {
            tick.tick().await;
            if let Some(found) = look() {
                return found;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), found).await.expect("it happens")
}
