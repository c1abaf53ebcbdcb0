//! `gabion check`: whether the shop can be reached past Gabion, as far as this machine can see, and how to lock it.

mod listening;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use gabion_edge::BoxError;
use gabion_edge::config::{EdgeConfig, UpstreamConfig};
use gabion_edge::origin::{EndpointUrl, Origin};
use gabion_edge::tls::upstream::{server_name, whoever_answers};
use http::response;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::ask;

/// How long one look may take: a name, a connection, an answer.
const LOOK_TIMEOUT: Duration = Duration::from_secs(3);
/// Names of sites that are looked at; a shop has few, and each can cost the time above per port.
const NAMES_MAX: usize = 4;
/// Ports of endpoints that are tried on each name.
const PORTS_MAX: usize = 4;

/// What was seen, and how to lock what is open.
pub(crate) async fn report(edge: &EdgeConfig) -> String {
    let mut out = String::from("\nAround Gabion, as seen from this machine\n");
    let host = edge.hosts().first().cloned().unwrap_or_default();
    let mut open = BTreeSet::new();
    for upstream in &edge.upstreams {
        for endpoint in &upstream.endpoints {
            let (lines, is_open) = endpoint_lines(upstream, &endpoint.url, &host).await;
            out.push_str(&lines);
            if is_open {
                open.insert(endpoint.url.port());
            }
        }
    }
    for origin in edge.sites.iter().flat_map(|site| &site.origins).take(NAMES_MAX) {
        out.push_str(&name_lines(edge, origin, &mut open).await);
    }
    out.push_str("  Not seen from here: firewalls in front of this machine, other networks, other names of the shop.\n");
    for port in &open {
        out.push_str(&how_to_lock(*port, &edge.upstreams));
    }
    out
}

/// What an endpoint does for somebody who is not Gabion.
async fn endpoint_lines(upstream: &UpstreamConfig, url: &EndpointUrl, host: &str) -> (String, bool) {
    let mut out = String::new();
    let mut line = |text: String| writeln!(out, "  {} {url}: {text}", upstream.name).expect(INFALLIBLE);
    let answers = match in_time(knock(url.https(), url.host(), url.port(), host)).await {
        Ok(head) if matches!(head.status.as_u16(), 401 | 403) => {
            line(format!("refuses whoever is not Gabion ({})", head.status));
            false
        }
        Ok(head) => {
            line(format!("answers without Gabion ({})", head.status));
            true
        }
        Err(error) => {
            line(format!("gives a stranger no answer ({error})"));
            false
        }
    };
    let here = addresses(url.host(), url.port()).await.into_iter().all(|address| is_here(address.ip()));
    if !here {
        line(
            "is on another machine: whoever shares a network with it can ask it, unless it is locked".into(),
        );
        return (out, answers);
    }
    match listening::on(url.port()) {
        Ok(found) => {
            let wide: Vec<_> = found.iter().filter(|address| !address.is_loopback()).collect();
            for address in &wide {
                line(format!(
                    "listens on {address}: other machines can open it, unless a firewall stops them"
                ));
            }
            if wide.is_empty() {
                line("listens on loopback only: no other machine can open it".into());
            }
            (out, answers && !wide.is_empty())
        }
        Err(error) => {
            line(format!("which addresses it listens on cannot be seen ({error})"));
            (out, answers)
        }
    }
}

const INFALLIBLE: &str = "writing to a string cannot fail";

/// Where the name that customers use leads, and whether the shop's own ports are open under it.
async fn name_lines(edge: &EdgeConfig, origin: &Origin, open: &mut BTreeSet<u16>) -> String {
    let mut out = String::new();
    let found = addresses(&origin.host, origin.port).await;
    if found.is_empty() {
        writeln!(out, "  {origin}: the name leads nowhere from here").expect(INFALLIBLE);
        return out;
    }
    let says = match in_time(knock(origin.https, &origin.host, origin.port, &origin.authority())).await {
        Ok(head) if is_gabion(&head) => "leads to Gabion".to_owned(),
        Ok(head) => format!(
            "is answered ({}) without Gabion's marks: it leads elsewhere, or a proxy removes them",
            head.status
        ),
        Err(error) => format!("gives no answer ({error})"),
    };
    writeln!(out, "  {origin}: {says}").expect(INFALLIBLE);
    if found.iter().all(|address| address.ip().is_loopback()) {
        // The name is for this machine only, and so is whatever else is open under it.
        return out;
    }
    let ports: BTreeSet<(u16, bool)> =
        edge.upstreams.iter().flat_map(|u| &u.endpoints).map(|e| (e.url.port(), e.url.https())).collect();
    let own = |port: u16| edge.https.iter().chain(&edge.http).any(|address| address.port() == port);
    let shops = ports.into_iter().filter(|(port, _)| *port != origin.port && !own(*port));
    for (port, https) in shops.take(PORTS_MAX) {
        if let Ok(head) = in_time(knock(https, &origin.host, port, &origin.authority())).await
            && !is_gabion(&head)
        {
            let host = &origin.host;
            writeln!(out, "  {host}:{port}: answers past Gabion ({})", head.status).expect(INFALLIBLE);
            open.insert(port);
        }
    }
    out
}

/// Whether Gabion has had a hand in an answer.
fn is_gabion(head: &response::Parts) -> bool {
    let mut timings = head.headers.get_all("server-timing").iter();
    timings.any(|value| value.to_str().is_ok_and(|value| value.contains("gabion;dur")))
}

async fn in_time<T>(look: impl Future<Output = Result<T, BoxError>>) -> Result<T, BoxError> {
    tokio::time::timeout(LOOK_TIMEOUT, look).await.map_err(|_| "no answer in time")?
}

/// Asks for the front page as a stranger would: without Gabion's header and certificate.
async fn knock(https: bool, host: &str, port: u16, authority: &str) -> Result<response::Parts, BoxError> {
    const AGENT: &str = "gabion-check";
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
    if !https {
        return ask::get(stream, authority, "/", AGENT).await;
    }
    let name = server_name(authority.split(':').next().unwrap_or(host), None)?;
    let stream = TlsConnector::from(Arc::clone(whoever_answers())).connect(name, stream).await?;
    ask::get(stream, authority, "/", AGENT).await
}

/// The addresses of a name; none when it cannot be looked up in time.
async fn addresses(host: &str, port: u16) -> Vec<SocketAddr> {
    let look = tokio::net::lookup_host((host.trim_matches(['[', ']']).to_owned(), port));
    match tokio::time::timeout(LOOK_TIMEOUT, look).await {
        Ok(Ok(found)) => found.collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    }
}

/// Whether an address is one of this machine: only those can be listened on.
fn is_here(address: IpAddr) -> bool {
    TcpListener::bind((address, 0)).is_ok()
}

/// How to close a port to everybody but Gabion.
fn how_to_lock(port: u16, upstreams: &[UpstreamConfig]) -> String {
    let of_port = |upstream: &&UpstreamConfig| upstream.endpoints.iter().any(|e| e.url.port() == port);
    let header = upstreams.iter().find(of_port).and_then(|upstream| upstream.secret_header.as_ref());
    let name = header.map_or("X-Gabion-Key".to_owned(), |header| header.name.to_string());
    let variable = name.to_ascii_lowercase().replace('-', "_");
    let first = match header {
        Some(_) => "The header is set; let the shop's web server demand it:".to_owned(),
        None => format!(
            "A shared header: `openssl rand -hex 32 > gabion.key && chmod 600 gabion.key`, then below [[upstream]]\n       \
             [upstream.secret_header]\n       name = \"{name}\"\n       value_file = \"gabion.key\"\n     \
             and let the shop's web server demand it:"
        ),
    };
    format!(
        r#"
How to lock port {port}: any one of these is enough, two are better
  1. A firewall. Gabion on the same machine:
       nft add rule inet filter input tcp dport {port} iifname != "lo" drop
       ufw deny {port}/tcp
     Gabion on another machine, GABION being its address:
       nft add rule inet filter input tcp dport {port} ip saddr != GABION drop
       ufw allow from GABION to any port {port} proto tcp
  2. {first}
       nginx   if ($http_{variable} != "VALUE") {{ return 403; }}
       Apache  Require expr "%{{HTTP:{name}}} == 'VALUE'"
       Caddy   @stranger not header {name} VALUE
               respond @stranger 403
  3. A client certificate: client_cert and client_key below [[upstream]] with https:// endpoints, and
       nginx   ssl_client_certificate /etc/shop/gabion-ca.pem; ssl_verify_client on;
       Apache  SSLCACertificateFile /etc/shop/gabion-ca.pem
               SSLVerifyClient require
       Caddy   tls {{ client_auth {{ mode require_and_verify
               trust_pool file /etc/shop/gabion-ca.pem }} }}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_lock_names_the_real_port() {
        let text = how_to_lock(8080, &[]);
        for words in ["dport 8080 iifname", "ufw deny 8080/tcp", "$http_x_gabion_key", "%{HTTP:X-Gabion-Key}"]
        {
            assert!(text.contains(words), "{words}: {text}");
        }
    }

    #[test]
    fn only_addresses_of_this_machine_are_here() {
        assert!(is_here(IpAddr::from([127, 0, 0, 1])));
        assert!(!is_here(IpAddr::from([192, 0, 2, 1])));
    }
}
