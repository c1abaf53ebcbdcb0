//! Letters kept instead of sent.

use gabion_core::SubjectId;
use gabion_outbound::mail::{CAPTURED_LETTERS_MAX, Kind};
use gabion_store::{StoreError, params};

use crate::world::{World, letter, on_both};

on_both!(letters_are_kept_in_order_and_shown_whole, the_newest_200_are_kept, what_is_kept_is_closed);

async fn letters_are_kept_in_order_and_shown_whole(world: World) {
    let mail = world.capturing();
    assert_eq!(mail.kind(), Kind::Captured);
    let first = letter("ann@shop.example", "Your code is 123456").html("<p>123456</p>").unwrap();
    let first = world.put(&mail, first.language("de").unwrap().person(SubjectId::from_bits(1))).await;
    let second = world.put(&mail, letter("bob@shop.example", "x")).await;
    assert_eq!(mail.captured(None, 10).await.unwrap(), [], "not before it was due and looked for");
    mail.deliver_due().await;
    let kept = mail.captured(None, 10).await.unwrap();
    assert_eq!(kept.iter().map(|letter| letter.id).collect::<Vec<_>>(), [second, first]);
    assert_eq!(mail.captured(Some(second), 10).await.unwrap(), kept[1..]);
    assert_eq!(mail.captured(None, 1).await.unwrap(), kept[..1]);
    let letter = mail.captured_letter(first).await.unwrap().unwrap();
    assert_eq!(letter, kept[1]);
    assert_eq!((letter.to.as_str(), letter.subject.as_str()), ("ann@shop.example", "Your code"));
    assert_eq!(
        (letter.text.as_str(), letter.html.as_deref()),
        ("Your code is 123456", Some("<p>123456</p>"))
    );
    assert_eq!((letter.kind.as_str(), letter.language.as_str()), ("sign_in.code", "de"));
    assert_eq!(mail.captured_letter(world.id()).await.unwrap(), None);
    assert_eq!((world.waiting().await, mail.counts().captured, mail.counts().sent), (0, 2, 0));
}

async fn the_newest_200_are_kept(world: World) {
    let mail = world.capturing();
    let first = world.put(&mail, letter("ann@shop.example", "first")).await;
    mail.deliver_due().await;
    for number in 0..CAPTURED_LETTERS_MAX {
        world.put(&mail, letter("ann@shop.example", &number.to_string())).await;
    }
    mail.deliver_due().await;
    assert_eq!(mail.captured(None, 1000).await.unwrap().len(), CAPTURED_LETTERS_MAX as usize);
    assert_eq!(mail.captured_letter(first).await.unwrap(), None);
}

async fn what_is_kept_is_closed(world: World) {
    let mail = world.capturing();
    let id = world.put(&mail, letter("ann@shop.example", "Your code is 123456")).await;
    mail.deliver_due().await;
    let rows = world.db.read::<_, StoreError, _>(|tx| {
        tx.query("SELECT payload FROM mail_captured", params![])?
            .iter()
            .map(|row| row.get("payload"))
            .collect()
    });
    let rows: Vec<String> = rows.await.unwrap();
    assert!(!rows[0].contains("ann@") && !rows[0].contains("123456"), "{rows:?}");
    let moved = world.id();
    let copy = world.db.write::<_, StoreError, _>(move |tx| {
        let sql = "INSERT INTO mail_captured (id, captured_at, payload)
            SELECT $1, captured_at, payload FROM mail_captured WHERE id = $2";
        tx.execute(sql, params![moved.to_string(), id.to_string()]).map(drop)
    });
    copy.await.unwrap();
    assert_eq!(mail.captured_letter(moved).await.unwrap(), None, "a letter opens under its own id only");
    assert_eq!(mail.captured(None, 10).await.unwrap().len(), 1, "and the others are still shown");
}
