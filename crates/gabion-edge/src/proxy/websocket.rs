//! WebSocket over both versions of HTTP: an upgrade (RFC 6455) or an extended CONNECT (RFC 8441), on either side.
//! Inside, a request for one always has the shape of an upgrade.

use data_encoding::BASE64;
use gabion_crypto::digest::sha1_of_websocket;
use http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE,
};
use http::{Method, Request, StatusCode, request, response};
use hyper::ext::Protocol;
use hyper::upgrade::OnUpgrade;

use crate::{Body, RequestId, hop};

/// What a key is joined with. RFC 6455 section 1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A customer who asks for a WebSocket.
pub(super) struct Asked {
    /// Where its bytes will flow once the answer is sent.
    customer: OnUpgrade,
    /// Whether it asked by extended CONNECT.
    extended: bool,
    /// What the shop's proof is made of.
    key: HeaderValue,
}

/// Whether a request is an extended CONNECT for a WebSocket.
pub(crate) fn is_extended(method: &Method, extensions: &http::Extensions) -> bool {
    method == Method::CONNECT
        && extensions.get::<Protocol>().is_some_and(|protocol| protocol.as_str() == "websocket")
}

/// Takes the other side out of a request for a WebSocket, and gives the request the shape of an upgrade.
pub(super) fn ask(parts: &mut request::Parts, id: RequestId) -> Option<Asked> {
    let extended = is_extended(&parts.method, &parts.extensions);
    if extended {
        // The key only shows that the shop answers this request, so that it need not be secret. Section 1.3.
        let key = BASE64.encode(&id.bits().to_be_bytes());
        parts.method = Method::GET;
        parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        parts.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        parts.headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::try_from(key).expect("base64 is a value"));
    } else if parts.method != Method::GET || !hop::wants_websocket(&parts.headers) {
        return None;
    }
    let key = parts.headers.get(SEC_WEBSOCKET_KEY).cloned().unwrap_or(HeaderValue::from_static(""));
    parts.extensions.remove::<OnUpgrade>().map(|customer| Asked { customer, extended, key })
}

/// Turns an upgrade into an extended CONNECT.
pub(super) fn extended_connect(request: &mut Request<Body>) {
    *request.method_mut() = Method::CONNECT;
    request.headers_mut().remove(UPGRADE);
    request.headers_mut().remove(SEC_WEBSOCKET_KEY);
    request.extensions_mut().insert(Protocol::from_static("websocket"));
}

/// Whether the shop has switched.
pub(super) fn switched(head: &response::Parts, over_http2: bool) -> bool {
    if over_http2 { head.status.is_success() } else { head.status == StatusCode::SWITCHING_PROTOCOLS }
}

impl Asked {
    /// The customer's side, and the headers of the switch that its answer needs on top of the shop's, once the shop
    /// has switched as it should.
    pub(super) fn answer(
        self,
        head: &mut response::Parts,
        over_http2: bool,
    ) -> Result<(OnUpgrade, HeaderMap), &'static str> {
        let proof = head.headers.get(SEC_WEBSOCKET_ACCEPT).cloned();
        if !over_http2 && !hop::wants_websocket(&head.headers) {
            return Err("switched to another protocol than WebSocket");
        }
        let expected = accept(&self.key);
        if self.extended {
            if !over_http2 && proof.as_ref() != Some(&expected) {
                return Err("switched to WebSocket without the right proof");
            }
            head.status = StatusCode::OK;
            head.headers.remove(SEC_WEBSOCKET_ACCEPT);
            return Ok((self.customer, HeaderMap::new()));
        }
        head.status = StatusCode::SWITCHING_PROTOCOLS;
        let mut headers: [(HeaderName, Option<HeaderValue>); 3] = [
            (CONNECTION, Some(HeaderValue::from_static("upgrade"))),
            (UPGRADE, Some(HeaderValue::from_static("websocket"))),
            // The customer checks the shop's own proof; over HTTP/2 there is none.
            (SEC_WEBSOCKET_ACCEPT, if over_http2 { Some(expected) } else { proof }),
        ];
        let headers = headers.iter_mut().filter_map(|(name, value)| Some((name.clone(), value.take()?)));
        Ok((self.customer, headers.collect()))
    }
}

/// The proof that a key was read. RFC 6455 section 4.2.2.
fn accept(key: &HeaderValue) -> HeaderValue {
    let text = [key.as_bytes(), GUID.as_bytes()].concat();
    HeaderValue::try_from(BASE64.encode(&sha1_of_websocket(&text))).expect("base64 is a value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_is_the_one_of_the_rfc() {
        // RFC 6455 section 1.3.
        let proof = accept(&HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="));
        assert_eq!(proof, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn only_websocket_may_be_asked_for_by_connect() {
        let connect = |protocol: Option<&'static str>| {
            let mut extensions = http::Extensions::new();
            extensions.extend(protocol.map(|_| http::Extensions::new()).unwrap_or_default());
            if let Some(protocol) = protocol {
                extensions.insert(Protocol::from_static(protocol));
            }
            is_extended(&Method::CONNECT, &extensions)
        };
        assert!(connect(Some("websocket")));
        assert!(!connect(Some("connect-udp")) && !connect(None));
    }
}
