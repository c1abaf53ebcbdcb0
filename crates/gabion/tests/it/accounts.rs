//! Customers' accounts in front of an unchanged shop: a gate, an account made through it, and a restart.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use gabion_test::client::{Whole, Wire};
use gabion_test::product::{self, configuration};
use gabion_test::{Shop, body};
use http::Response;

use crate::binary;

const PASSWORD: &str = "fjord plum kite morning";
/// Longest wait for a letter on a busy machine.
const LETTER_WAIT: Duration = Duration::from_secs(20);

/// A mail server that takes every letter and gives on what it says.
fn mail_server() -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (letters, taken) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut out = stream.try_clone().unwrap();
            let mut letter = None::<String>;
            if out.write_all(b"220 mail.test\r\n").is_err() {
                continue;
            }
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let answer = match (&mut letter, line.as_str()) {
                    (Some(text), ".") => {
                        if letters.send(std::mem::take(text)).is_err() {
                            return;
                        }
                        letter = None;
                        "250 taken"
                    }
                    (Some(text), line) => {
                        text.push_str(line);
                        text.push('\n');
                        continue;
                    }
                    (None, "DATA") => {
                        letter = Some(String::new());
                        "354 go on"
                    }
                    (None, "QUIT") => break,
                    (None, _) => "250 OK",
                };
                if out.write_all(format!("{answer}\r\n").as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    (address, taken)
}

fn config(shop: &Shop, mail: SocketAddr) -> String {
    configuration(&[shop.url()], "url = \"sqlite:data/gabion.db\"", "")
        + &format!(
            "[[route]]\npath = \"/account/\"\nupstream = \"shop\"\nrequires = \"customer\"\n\
             [mail]\nfrom = \"Tea <shop@shop.localhost>\"\nsmtp = \"smtp+plain://{mail}\"\n\
             [customers]\nenabled = true\n"
        )
}

/// A browser over one connection.
struct Browser {
    wire: Wire,
    cookies: Vec<String>,
}

impl Browser {
    async fn ask(&mut self, method: &str, path: &str, form: &str) -> Whole {
        let cookies = self.cookies.join("; ");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: shop.localhost\r\nAccept: text/html\r\nSec-Fetch-Site: same-origin\r\n\
             Cookie: {cookies}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        );
        let answer = self.wire.ask(request).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let name = pair.split('=').next().unwrap();
            self.cookies.retain(|known| !known.starts_with(&format!("{name}=")));
            self.cookies.push(pair.to_owned());
        }
        answer
    }

    async fn get(&mut self, path: &str) -> Whole {
        self.ask("GET", path, "").await
    }
}

#[tokio::test]
async fn an_account_made_at_the_shops_own_address_opens_its_gate_and_survives_a_restart() {
    let shop = Shop::start(|_| async { Ok(Response::new(body::whole("orders of Ann"))) }).await;
    let (mail, letters) = mail_server();
    let folder = tempfile::tempdir().unwrap();
    let config = config(&shop, mail);
    let mut product = product::start(&binary(), folder.path(), &config, &[]);
    let mut browser = Browser { wire: product.shop().await, cookies: Vec::new() };

    let closed = browser.get("/account/orders").await;
    assert_eq!(closed.status, 303);
    assert_eq!(closed.header("location"), "/.gabion/sign-in?next=/account/orders");
    assert_eq!(shop.requests(), 0, "the shop hears nothing");

    browser.ask("POST", "/.gabion/register", "email=ann%40tidewater.example").await;
    let letter = letters.recv_timeout(LETTER_WAIT).unwrap();
    let code = letter.lines().find_map(|line| line.strip_prefix("    ")).expect("a code").trim().to_owned();
    let shown = browser.ask("POST", "/.gabion/begin/code", &format!("code={code}")).await;
    assert_eq!(shown.header("location"), "/.gabion/begin", "{}", shown.text());
    let form = format!("name=Ann&password={}", PASSWORD.replace(' ', "+"));
    assert_eq!(browser.ask("POST", "/.gabion/begin", &form).await.status, 303);

    let open = browser.get("/account/orders").await;
    assert_eq!((open.status, open.text()), (200, "orders of Ann"));
    assert!(!shop.only().header("cookie").contains("gabion"), "the shop gets no cookie of ours");

    product.signal("TERM");
    assert!(product.wait().success());
    let product = product::start(&binary(), folder.path(), &config, &[]);
    browser.wire = product.shop().await;
    assert_eq!(browser.get("/account/orders").await.status, 200, "the session is in the database");
    let ended = browser.ask("POST", "/.gabion/sign-out", "").await;
    assert_eq!(ended.status, 303, "{}", ended.text());
    assert_eq!(browser.get("/account/orders").await.status, 303);
    let form = format!(
        "email=ann%40tidewater.example&password={}&next=%2Faccount%2Forders",
        PASSWORD.replace(' ', "+")
    );
    let back = browser.ask("POST", "/.gabion/sign-in", &form).await;
    assert_eq!(back.header("location"), "/account/orders");
    assert_eq!(browser.get("/account/orders").await.status, 200);
}

#[tokio::test]
async fn without_accounts_gabions_paths_are_nobodys() {
    let shop = Shop::start(|_| async { Ok(Response::new(body::whole("tea"))) }).await;
    let folder = tempfile::tempdir().unwrap();
    let text = configuration(&[shop.url()], "url = \"sqlite:data/gabion.db\"", "");
    let product = product::start(&binary(), folder.path(), &text, &[]);
    let mut browser = Browser { wire: product.shop().await, cookies: Vec::new() };
    assert_eq!(browser.get("/.gabion/sign-in").await.status, 404);
    assert_eq!(browser.get("/.well-known/change-password").await.text(), "tea", "that one is the shop's");
}
