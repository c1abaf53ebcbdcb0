//! A customer without scripts buys tea in the demo shop: plain requests, forms and cookies.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use rustls::ClientConfig;

use super::http::{self, Answer};
use super::tls::{Curve, config, connect};
use crate::task::Outcome;

/// What the customer types into the checkout form.
const DELIVERY: &str = "name=Ada+Quay&email=ada%40quay.example&street=Harbour+Lane+3&postcode=4711&\
                        town=Shoregate&country=Ireland&payment=delivery&consent=yes";
/// Redirects followed for one step.
const REDIRECTS_MAX: usize = 3;

/// A customer without scripts who buys tea.
#[derive(Debug, Args)]
pub(crate) struct Checkout {
    /// The proxy under test.
    #[arg(long)]
    to: SocketAddr,
    /// The address of the customer.
    #[arg(long)]
    from: IpAddr,
}

/// What a browser keeps between two pages.
struct Browser<'a> {
    visit: &'a Checkout,
    tls: Arc<ClientConfig>,
    cookies: Vec<(String, String)>,
}

impl Checkout {
    /// Buys once and prints `result ...`.
    ///
    /// # Errors
    /// The step that did not work.
    pub(crate) fn run(&self) -> Outcome {
        let started = Instant::now();
        let mut browser = Browser { visit: self, tls: config(Curve::X25519, true)?, cookies: Vec::new() };
        let shelf = browser.step("GET", "/shop", "")?;
        let product = product(&shelf).ok_or("no product on the shelf")?;
        browser.step("GET", &format!("/products/{product}"), "")?;
        browser.step("POST", "/cart", &format!("product={product}&quantity=1"))?;
        browser.step("GET", "/checkout", "")?;
        let thanks = browser.step("POST", "/checkout", DELIVERY)?;
        if !thanks.contains("Thank you, Ada Quay.") {
            return Err("the shop does not say thank you".into());
        }
        println!("result milliseconds={}", started.elapsed().as_millis());
        Ok(())
    }
}

impl Browser<'_> {
    /// A link or a form, and where it leads.
    fn step(&mut self, method: &str, path: &str, form: &str) -> Outcome<String> {
        let mut answer = self.ask(method, path, form)?;
        for _ in 0..REDIRECTS_MAX {
            let Some(next) = answer.values("location").next().map(str::to_owned) else { break };
            answer = self.ask("GET", &next, "")?;
        }
        if answer.status != 200 {
            return Err(format!("{method} {path}: status {}", answer.status));
        }
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    fn ask(&mut self, method: &str, path: &str, form: &str) -> Outcome<Answer> {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.visit.to);
        if !cookies.is_empty() {
            request.push_str(&format!("Cookie: {}\r\n", cookies.join("; ")));
        }
        if method == "POST" {
            request.push_str("Content-Type: application/x-www-form-urlencoded\r\n");
            request.push_str(&format!("Content-Length: {}\r\n", form.len()));
        }
        request.push_str("\r\n");
        request.push_str(form);
        let mut stream = connect(&self.tls, self.visit.to, Some(SocketAddr::new(self.visit.from, 0)))?;
        let answer =
            http::ask(&mut stream, request.as_bytes()).map_err(|error| format!("{path}: {error}"))?;
        for cookie in answer.values("set-cookie") {
            let pair = cookie.split(';').next().and_then(|pair| pair.split_once('='));
            let Some((name, value)) = pair else { continue };
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        Ok(answer)
    }
}

/// The first product that a page of the shop links to.
fn product(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once("href=\"/products/")?;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_product_is_found_by_its_link() {
        let page = r#"<a href="/about">x</a><a href="/products/harbour-mist">Harbour Mist</a>"#;
        assert_eq!(super::product(page), Some("harbour-mist"));
    }
}
