//! Answers that stay open: the stock notice over WebSocket and the stream of recent orders.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

use crate::catalog::{self, Item};
use crate::fault::Fault;
use crate::live::{Ordered, Seat};
use crate::server::App;
use crate::store::{orders, products};

/// Orders a new listener of `/events` is told about first.
const RECENT_ORDERS: i64 = 3;
/// Pause between pings on a stock notice.
const PING_EVERY: Duration = Duration::from_secs(30);
/// A stock notice whose browser said nothing for this long, not even a pong, is closed.
const SILENCE_MAX: Duration = Duration::from_secs(90);
/// Bytes of one message from a browser, which has nothing to say here.
const MESSAGE_BYTES_MAX: usize = 1_024;

/// `GET /events`: `event: ordered` for each product that is bought, beginning with the last few.
pub(crate) async fn events(State(app): State<App>) -> Result<Response, Fault> {
    let seat = app.live.seat()?;
    let orders = app.live.orders();
    let recent = app.db.run(|db| orders::recent(db, RECENT_ORDERS)).await?;
    let recent = recent.into_iter().map(|(name, product, town)| Ordered { product, name, town });
    let all = stream::iter(recent).chain(news(orders, app.closing, seat));
    let events = all.map(|ordered| Ok::<_, Infallible>(ordered_event(&ordered)));
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

fn ordered_event(ordered: &Ordered) -> Event {
    let data = serde_json::json!({ "product": ordered.product, "name": ordered.name, "town": ordered.town });
    Event::default().event("ordered").data(data.to_string())
}

/// Orders as they come, until the shop closes. A listener that lags misses some.
fn news(
    orders: Receiver<Ordered>,
    closing: watch::Receiver<bool>,
    seat: Seat,
) -> impl Stream<Item = Ordered> {
    stream::unfold((orders, closing, seat), |(mut orders, mut closing, seat)| async move {
        loop {
            let received = tokio::select! {
                received = orders.recv() => received,
                () = closed(&mut closing) => return None,
            };
            match received {
                Ok(ordered) => return Some((ordered, (orders, closing, seat))),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    })
}

/// Resolves when the shop closes.
async fn closed(closing: &mut watch::Receiver<bool>) {
    // An error means that the shop is gone already, which is the same to a stream.
    let _ = closing.wait_for(|closing| *closing).await;
}

#[derive(Deserialize)]
pub(crate) struct Look {
    #[serde(default)]
    product: String,
}

/// `GET /live?product={slug}`: the stock notice over WebSocket.
pub(crate) async fn live(
    State(app): State<App>,
    Query(look): Query<Look>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Fault> {
    let item = catalog::item(&look.product).ok_or(Fault::NotFound)?;
    let seat = app.live.seat()?;
    let upgrade = upgrade.max_message_size(MESSAGE_BYTES_MAX).max_frame_size(MESSAGE_BYTES_MAX);
    Ok(upgrade.on_upgrade(move |socket| async move {
        watch_product(socket, app, item).await;
        drop(seat);
    }))
}

/// What the browser shows beside the price.
#[derive(Debug, Serialize)]
struct Notice {
    product: &'static str,
    left: i64,
    viewers: usize,
    text: String,
}

impl Notice {
    fn new(item: &Item, left: i64, viewers: usize) -> Notice {
        let stock = if left == 0 { "Sold out".to_owned() } else { format!("{left} left") };
        let what = if item.category == "teaware" { "this" } else { "this tea" };
        let text = match viewers {
            0 | 1 => stock,
            _ => format!("{stock}, {viewers} people are looking at {what}"),
        };
        Notice { product: item.slug, left, viewers, text }
    }
}

/// Keeps one browser informed until it leaves, falls silent or the shop closes.
async fn watch_product(mut socket: WebSocket, mut app: App, item: &'static Item) {
    let _viewer = app.live.look_at(item.slug);
    let mut changes = app.live.changes();
    let mut ping = tokio::time::interval(PING_EVERY);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard_at = Instant::now();
    let mut outdated = true;
    loop {
        if outdated && send_notice(&mut socket, &app, item).await.is_err() {
            return;
        }
        outdated = tokio::select! {
            change = changes.recv() => match change {
                Ok(slug) => slug == item.slug,
                Err(RecvError::Lagged(_)) => true,
                Err(RecvError::Closed) => return,
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => { heard_at = Instant::now(); false }
            },
            _ = ping.tick() => {
                let silent = heard_at.elapsed() > SILENCE_MAX;
                if silent || socket.send(Message::Ping(Vec::new().into())).await.is_err() {
                    return;
                }
                false
            }
            () = closed(&mut app.closing) => {
                // The browser may already be gone; either way this is the end.
                let _ = socket.send(Message::Close(None)).await;
                return;
            }
        };
    }
}

/// The browser left, or the shop could not count.
struct NoticeNotSent;

async fn send_notice(socket: &mut WebSocket, app: &App, item: &'static Item) -> Result<(), NoticeNotSent> {
    let left = app.db.run(|db| products::stock(db, item.slug)).await.map_err(|_| NoticeNotSent)?;
    let notice = Notice::new(item, left, app.live.viewers(item.slug));
    let text = serde_json::to_string(&notice).map_err(|_| NoticeNotSent)?;
    socket.send(Message::text(text)).await.map_err(|_| NoticeNotSent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notice_reads_like_a_sentence() {
        let text = |slug, left, viewers| {
            catalog::item(slug).map(|item| Notice::new(item, left, viewers).text).unwrap_or_default()
        };
        assert_eq!(text("sencha-sea-mist", 7, 2), "7 left, 2 people are looking at this tea");
        assert_eq!(text("tide-cups", 14, 1), "14 left");
        assert_eq!(text("silver-needle", 0, 3), "Sold out, 3 people are looking at this tea");
    }
}
