//! Answers to an ACME server's challenges, kept only while it may ask for them.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::AcmeError;
use crate::Body;
use crate::tls::certificate::UnusableCertificate;
use crate::tls::name::normalized;

/// Where http-01 answers are asked for. RFC 8555 section 8.3.
const HTTP_PREFIX: &str = "/.well-known/acme-challenge/";

/// The protocol name by which a tls-alpn-01 validation is recognized. RFC 8737 section 6.2.
pub const ACME_TLS: &[u8] = b"acme-tls/1";

/// The answers that wait to be asked for. Clones share them; reading takes no lock.
#[derive(Clone, Debug, Default)]
pub struct Challenges(Arc<ArcSwap<Waiting>>);

#[derive(Clone, Debug, Default)]
struct Waiting {
    /// Key authorizations by token.
    http: HashMap<String, Arc<str>>,
    /// Certificates by host.
    tls: HashMap<String, Arc<CertifiedKey>>,
}

impl Challenges {
    /// What a plain request for `path` is answered with, when it asks for a challenge that waits.
    pub fn http_answer(&self, path: &str) -> Option<Arc<str>> {
        let token = path.strip_prefix(HTTP_PREFIX)?;
        self.0.load().http.get(token).cloned()
    }

    /// The TLS configuration for a client that validates a name; none for everybody else. Such a client offers
    /// `acme-tls/1` and nothing else (RFC 8737 section 3); when nothing waits for its name, the ordinary
    /// configuration refuses it, for it does not speak that protocol.
    pub fn tls_config(&self, hello: &ClientHello<'_>) -> Option<Arc<ServerConfig>> {
        let mut offered = hello.alpn()?;
        if offered.next() != Some(ACME_TLS) || offered.next().is_some() {
            return None;
        }
        let key = self.0.load().tls.get(&normalized(hello.server_name()?)).cloned()?;
        let mut config = ServerConfig::builder_with_provider(crate::tls::provider())
            .with_protocol_versions(rustls::ALL_VERSIONS)
            .expect("the provider speaks both versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Only(key)));
        config.alpn_protocols = vec![ACME_TLS.to_vec()];
        // A validation is one handshake: nothing is resumed.
        config.send_tls13_tickets = 0;
        Some(Arc::new(config))
    }

    /// Lets `answer` wait for http-01 at `token` until the guard is dropped.
    pub(super) fn wait_http(&self, token: &str, answer: &str) -> Guard {
        self.change(|waiting| {
            waiting.http.insert(token.to_owned(), answer.into());
        });
        Guard { challenges: self.clone(), token: Some(token.to_owned()), host: None }
    }

    /// Lets a certificate with `digest`, the SHA-256 of the key authorization, wait for tls-alpn-01 at `host` until
    /// the guard is dropped.
    ///
    /// # Errors
    /// When the certificate cannot be made.
    pub(super) fn wait_tls(&self, host: &str, digest: &[u8]) -> Result<Guard, AcmeError> {
        let key = Arc::new(validation_certificate(host, digest)?);
        self.change(|waiting| {
            waiting.tls.insert(normalized(host), Arc::clone(&key));
        });
        Ok(Guard { challenges: self.clone(), token: None, host: Some(normalized(host)) })
    }

    fn change(&self, change: impl Fn(&mut Waiting)) {
        self.0.rcu(|waiting| {
            let mut waiting = Waiting::clone(waiting);
            change(&mut waiting);
            waiting
        });
    }
}

/// The answer to an http-01 question. RFC 8555 section 8.3.
pub(crate) fn response(answer: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.to_owned()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    response
}

/// A self-signed certificate for `host` with the digest in the extension of RFC 8737 section 3. The extension is
/// critical and known to validating servers only, so that nothing else can be done with the certificate.
fn validation_certificate(host: &str, digest: &[u8]) -> Result<CertifiedKey, AcmeError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec![host.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let chain = vec![params.self_signed(&key)?.into()];
    let provider = crate::tls::provider();
    let signer = provider.key_provider.load_private_key(key.into()).map_err(|_| UnusableCertificate::Key)?;
    Ok(CertifiedKey::new(chain, signer))
}

/// An answer that waits; it goes when this is dropped.
#[derive(Debug)]
#[must_use]
pub(super) struct Guard {
    challenges: Challenges,
    token: Option<String>,
    host: Option<String>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.challenges.change(|waiting| {
            self.token.as_ref().and_then(|token| waiting.http.remove(token));
            self.host.as_ref().and_then(|host| waiting.tls.remove(host));
        });
    }
}

/// Shows one certificate to everybody.
#[derive(Debug)]
struct Only(Arc<CertifiedKey>);

impl ResolvesServerCert for Only {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_answered_while_it_waits_and_nothing_else_is() {
        let challenges = Challenges::default();
        let answer = |path: &str| challenges.http_answer(path).map(|answer| answer.to_string());
        let guard = challenges.wait_http("abc", "abc.thumb");
        assert_eq!(answer("/.well-known/acme-challenge/abc").as_deref(), Some("abc.thumb"));
        for other in ["/.well-known/acme-challenge/", "/.well-known/acme-challenge/abcd", "/abc", "/"] {
            assert_eq!(answer(other), None, "{other}");
        }
        drop(guard);
        assert_eq!(answer("/.well-known/acme-challenge/abc"), None);
    }

    #[test]
    fn the_validation_certificate_carries_the_digest_in_a_critical_extension() {
        use x509_parser::prelude::FromDer;
        let digest = [7; 32];
        let key = validation_certificate("shop.example", &digest).unwrap();
        let (_, parsed) = x509_parser::certificate::X509Certificate::from_der(&key.cert[0]).unwrap();
        let extension =
            parsed.extensions().iter().find(|found| found.oid.to_string() == "1.3.6.1.5.5.7.1.31");
        let extension = extension.unwrap();
        assert!(extension.critical);
        assert_eq!(extension.value, [&[4, 32], &digest[..]].concat());
    }
}
