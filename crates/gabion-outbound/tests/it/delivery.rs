//! From a transaction to the mail server, at least once.

use std::time::Duration;

use gabion_core::SubjectId;
use gabion_outbound::mail::{GIVE_UP_AFTER, Kind, Mail, PutError};
use gabion_store::StoreError;

use crate::server::{Act, Manners, Server, Stage};
use crate::world::{World, letter, nobody, on_both};

on_both!(
    a_letter_arrives_as_it_was_put,
    a_letter_of_a_transaction_that_failed_is_never_sent,
    what_waits_shows_neither_address_nor_code,
    a_letter_that_was_taken_and_not_noted_comes_again_and_can_be_told,
    what_is_put_back_comes_again_after_a_pause,
    a_letter_that_cannot_be_delivered_is_given_up_after_three_days,
    a_letter_that_expired_is_dropped_and_told,
    a_refusal_ends_one_letter_and_no_other,
    without_mail_a_letter_is_refused_when_it_is_put,
);

async fn a_letter_arrives_as_it_was_put(world: World) {
    let server = Server::start(Manners::default()).await;
    let mail = world.mail_to(&server);
    assert_eq!(mail.kind(), Kind::Smtp);
    let text = "Grüße\n.\n..\nYour code is 123456\n";
    let id = world.put(&mail, letter("ann@shop.example", text).html("<p>123456</p>").unwrap()).await;
    mail.deliver_due().await;
    let received = server.received();
    assert_eq!(received.len(), 1);
    assert_eq!(
        (received[0].from.as_str(), received[0].to.as_slice()),
        ("tea@shop.example", &["ann@shop.example".to_owned()][..])
    );
    assert_eq!(received[0].header("Message-ID"), format!("<{id}@shop.example>"));
    assert_eq!(received[0].header("Subject"), "Your code");
    assert_eq!(received[0].header("Auto-Submitted"), "auto-generated");
    assert!(
        received[0].content.contains("\n.\n..\n") || received[0].content.contains("base64"),
        "{}",
        received[0].content
    );
    assert_eq!((world.waiting().await, mail.counts().sent), (0, 1));
}

async fn a_letter_of_a_transaction_that_failed_is_never_sent(world: World) {
    let server = Server::start(Manners::default()).await;
    let mail = world.mail_to(&server);
    let (handle, id, now) = (mail.clone(), world.id(), world.now());
    let undone: Result<(), StoreError> = world
        .db
        .write(move |tx| {
            handle.put(tx, id, &letter("ann@shop.example", "x"), now).map_err(|_| StoreError::Aborted)?;
            Err(StoreError::Aborted)
        })
        .await;
    assert!(undone.is_err());
    mail.deliver_due().await;
    assert_eq!((server.received().len(), server.connections()), (0, 0));
}

async fn what_waits_shows_neither_address_nor_code(world: World) {
    let server = Server::start(Manners::default()).await;
    server.next(Stage::Rcpt, Act::Say("450 4.2.1 <ann.lee@shop.example>: mailbox of ann.lee is busy"));
    let mail = world.mail_to(&server);
    world.put(&mail, letter("ann.lee@shop.example", "Your code is 123456")).await;
    mail.deliver_due().await;
    let oldest = world.oldest().await;
    assert!(!oldest.contains("ann.lee") && !oldest.contains("123456"), "{oldest}");
    assert!(oldest.contains("450 4.2.1 [address] mailbox of [address] is busy"), "{oldest}");
}

async fn a_letter_that_was_taken_and_not_noted_comes_again_and_can_be_told(world: World) {
    let server = Server::start(Manners::default()).await;
    server.next(Stage::End, Act::TakeAndHangUp);
    let mail = world.mail_to(&server);
    world.put(&mail, letter("ann@shop.example", "Your code is 123456").html("<p>123456</p>").unwrap()).await;
    mail.deliver_due().await;
    assert_eq!(world.waiting().await, 1, "nobody knows that it was taken");
    world.clock.advance(Duration::from_secs(60));
    mail.deliver_due().await;
    let received = server.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0], received[1], "byte for byte, with the same Message-ID and date");
    assert_eq!(world.waiting().await, 0);
}

async fn what_is_put_back_comes_again_after_a_pause(world: World) {
    let server = Server::start(Manners::default()).await;
    for stage in [Stage::Greeting, Stage::Mail, Stage::Rcpt, Stage::Data, Stage::End] {
        server.next(stage, Act::Say("421 4.3.2 come again"));
    }
    let mail = world.mail_to(&server);
    world.put(&mail, letter("ann@shop.example", "x")).await;
    for attempt in 0..5_u32 {
        mail.deliver_due().await;
        assert_eq!((server.received().len(), world.waiting().await), (0, 1), "attempt {attempt}");
        let connections = server.connections();
        mail.deliver_due().await;
        assert_eq!(server.connections(), connections, "not before its pause is over");
        world.clock.advance(Duration::from_secs(5 * 2_u64.pow(attempt)));
    }
    mail.deliver_due().await;
    assert_eq!((server.received().len(), mail.counts().retried), (1, 5));
}

async fn a_letter_that_cannot_be_delivered_is_given_up_after_three_days(world: World) {
    let server = Server::start(Manners::default()).await;
    let mail = world.mail_to(&server);
    drop(server);
    let person = SubjectId::from_bits(7);
    world.put(&mail, letter("ann@shop.example", "x").person(person)).await;
    mail.deliver_due().await;
    assert_eq!(world.events("mail.failing").await.len(), 1);
    let (since, _) = mail.queue().trouble.unwrap();
    world.clock.advance(GIVE_UP_AFTER - Duration::from_secs(3600));
    mail.deliver_due().await;
    assert_eq!((world.waiting().await, mail.counts().gave_up), (1, 0));
    world.clock.advance(Duration::from_secs(6 * 3600));
    mail.deliver_due().await;
    assert_eq!((world.waiting().await, mail.counts().gave_up), (0, 1));
    assert_eq!(world.events("mail.failing").await.len(), 1, "told once");
    assert_eq!(mail.queue().trouble.unwrap().0, since);
    let given_up = world.events("mail.gave_up").await;
    assert!(given_up[0].contains("\"attempts\"") && given_up[0].contains("sign_in.code"), "{given_up:?}");
    assert!(given_up[0].contains("\"to\"") && !given_up[0].contains("ann@"), "{given_up:?}");
}

async fn a_letter_that_expired_is_dropped_and_told(world: World) {
    let server = Server::start(Manners::default()).await;
    server.next(Stage::Rcpt, Act::Say("450 busy"));
    let mail = world.mail_to(&server);
    let until = world.now().after(Duration::from_secs(600));
    world.put(&mail, letter("ann@shop.example", "x").expires_at(until)).await;
    mail.deliver_due().await;
    assert_eq!(world.waiting().await, 1);
    world.clock.advance(Duration::from_secs(600));
    mail.deliver_due().await;
    assert_eq!((world.waiting().await, server.received().len(), mail.counts().expired), (0, 0, 1));
    let expired = world.events("mail.expired").await;
    assert!(expired[0].contains("sign_in.code") && !expired[0].contains("ann@"), "{expired:?}");
}

async fn a_refusal_ends_one_letter_and_no_other(world: World) {
    let server = Server::start(Manners::default()).await;
    server.next(Stage::Rcpt, Act::Say("550 5.1.1 <bob@shop.example>: no such user"));
    let mail = world.mail_to(&server);
    for name in ["bob", "ann", "cy", "dee"] {
        world.put(&mail, letter(&format!("{name}@shop.example"), "x")).await;
    }
    mail.deliver_due().await;
    assert_eq!((server.received().len(), world.waiting().await, mail.counts().gave_up), (3, 0, 1));
    let given_up = world.events("mail.gave_up").await;
    assert!(given_up[0].contains("550 5.1.1 [address] no such user"), "{given_up:?}");
    assert!(!given_up[0].contains("shop.example"), "no person, no address: {given_up:?}");
    assert!(world.events("mail.failing").await.is_empty(), "the server is well");
}

async fn without_mail_a_letter_is_refused_when_it_is_put(world: World) {
    let mail = Mail::new(None, world.deps(nobody())).unwrap();
    assert_eq!(mail.kind(), Kind::Off);
    let refused = world.try_put(&mail, letter("ann@shop.example", "x")).await;
    assert!(matches!(refused, Err(PutError::NotConfigured)), "{refused:?}");
    assert_eq!(world.waiting().await, 0);
}
