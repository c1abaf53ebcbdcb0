//! Looks at pages from outside, as a browser that comes for the first time: over the network and with its names.
//!
//! A page names the scripts that are fetched, and whoever changed the page would like Gabion to fetch something else: from
//! the machine itself or from its network. So strangers' hosts are fetched from public addresses only, unless the shop
//! itself is on such an address, as it is in the demo.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use gabion_core::SiteId;
use gabion_edge::BoxError;
use gabion_edge::pages::DRILL_HEADER;
use gabion_edge::tls::upstream;
use gabion_markup::Address;
use gabion_pages::look::{ANSWER_BYTES_MAX, Answer, LookError, Outside};
use http::header::{ACCEPT, ACCEPT_ENCODING, HOST, USER_AGENT};
use http::{HeaderValue, Request};
use http_body_util::Empty;
use hyper::body::Bytes;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::ask;
use crate::product::Product;

/// Time for one answer, from looking up the name to the last byte.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Time for one address to accept.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Skimmers hide from programs that say what they are, so this says what most browsers say.
const AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36";

/// Looks from outside.
pub(crate) struct Looker(Product);

impl Looker {
    /// Looks at the sites of this product.
    pub(crate) fn new(product: Product) -> Self {
        Self(product)
    }

    /// Looks at a page and shows the ticket of a drill.
    ///
    /// # Errors
    /// Why nothing came back.
    pub(crate) async fn show(
        &self,
        site: &SiteId,
        page: &Address,
        ticket: &str,
    ) -> Result<Answer, LookError> {
        self.in_time(self.fetch(site, page, Some(ticket))).await
    }

    async fn in_time(
        &self,
        fetch: impl Future<Output = Result<Answer, BoxError>>,
    ) -> Result<Answer, LookError> {
        match tokio::time::timeout(TIMEOUT, fetch).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(LookError(gabion_core::blame::chain(error.as_ref()))),
            Err(_) => Err(LookError(format!("No answer within {} seconds", TIMEOUT.as_secs()))),
        }
    }

    async fn fetch(
        &self,
        site: &SiteId,
        address: &Address,
        ticket: Option<&str>,
    ) -> Result<Answer, BoxError> {
        let site = self.0.edge().sites().into_iter().find(|known| known.id == site.as_str());
        let origins = site.into_iter().flat_map(|site| site.origins);
        let hosts: Vec<String> =
            origins.filter_map(|origin| Some(Address::parse(&origin)?.host().to_owned())).collect();
        let is_own = hosts.iter().any(|host| host == address.host());
        let mut found = resolve(address.host(), address.port()).await?;
        if !is_own && !self.is_private(&hosts, address.port()).await {
            found.retain(|found| is_public(found.ip()));
            if found.is_empty() {
                return Err("the name leads to an address that is not public".into());
            }
        }
        let stream = connect(&found).await?;
        let target = address.to_string();
        let target = target.strip_prefix(&address.origin()).unwrap_or("/");
        let authority = address.origin();
        let authority = authority.split_once("://").map_or("", |(_, authority)| authority);
        let mut request = Request::get(target)
            .header(HOST, authority)
            .header(USER_AGENT, AGENT)
            .header(ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8")
            .header(ACCEPT_ENCODING, "identity")
            .body(Empty::<Bytes>::new())?;
        if let Some(ticket) = ticket {
            request.headers_mut().insert(DRILL_HEADER, HeaderValue::from_str(ticket)?);
        }
        let (head, body, is_cut) = if address.scheme() == "https" {
            // The sites' certificates come from the local authority where they come from nobody else.
            let authority = self.0.local_authority().filter(|_| is_own);
            let tls = move || upstream::client_config(authority.as_deref(), &[b"http/1.1"]);
            let tls = tokio::task::spawn_blocking(tls).await??;
            let name = upstream::server_name(address.host(), None)?;
            let stream = TlsConnector::from(tls).connect(name, stream).await?;
            ask::beginning(stream, request, ANSWER_BYTES_MAX).await?
        } else {
            ask::beginning(stream, request, ANSWER_BYTES_MAX).await?
        };
        let headers =
            head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
        Ok(Answer { status: head.status.as_u16(), headers: headers.collect(), body, is_cut })
    }

    /// Whether one of the site's own names leads to an address that is not public.
    async fn is_private(&self, hosts: &[String], port: u16) -> bool {
        for host in hosts {
            if resolve(host, port).await.is_ok_and(|found| found.iter().any(|found| !is_public(found.ip()))) {
                return true;
            }
        }
        false
    }
}

impl Outside for Looker {
    fn look<'a>(
        &'a self,
        site: &'a SiteId,
        address: &'a Address,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, LookError>> + Send + 'a>> {
        Box::pin(self.in_time(self.fetch(site, address, None)))
    }
}

/// The addresses of a host. Names below `localhost` are this machine, whatever a resolver says: RFC 6761 section 6.3.
async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if host == "localhost" || host.ends_with(".localhost") {
        return Ok(vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]);
    }
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    Ok(tokio::net::lookup_host((bare, port)).await?.collect())
}

/// Connects to the first that accepts; to what was looked up and nothing else, so that a name cannot lead elsewhere the
/// second time.
async fn connect(found: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in found {
        match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

/// Whether an address is of the public network. IANA's registries of special-purpose addresses, RFC 6890.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            !(matches!(a, 0 | 10 | 127 | 224..)
                || (a == 100 && b & 0xc0 == 64)
                || (a == 169 && b == 254)
                || (a == 172 && b & 0xf0 == 16)
                || (a == 192 && b == 168)
                || (a == 192 && b == 0 && matches!(c, 0 | 2))
                || (a == 198 && b & 0xfe == 18)
                || (a == 198 && b == 51 && c == 100)
                || (a == 203 && b == 0 && c == 113))
        }
        // Global unicast, without what tunnels IPv4 (Teredo, 6to4) or is for documentation.
        IpAddr::V6(v6) => {
            let [a, b, ..] = v6.segments();
            a & 0xe000 == 0x2000 && !(a == 0x2001 && matches!(b, 0 | 0xdb8)) && a != 0x2002
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_machine_and_its_network_are_not_public() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "203.0.113.9",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "2001:db8::1",
            "ff02::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in
            ["8.8.8.8", "172.32.0.1", "100.128.0.1", "192.0.1.1", "2606:4700::1111", "::ffff:8.8.8.8"]
        {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[tokio::test]
    async fn names_below_localhost_are_this_machine() {
        let found = resolve("pay.localhost", 80).await.unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 80));
    }
}
