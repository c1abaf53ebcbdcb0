//! TLS as the load generators speak it: one curve, one cipher, any certificate.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};
use socket2::{Domain, Socket, Type};

use crate::task::Outcome;

/// Longer than any server under test lets a client wait.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A connection to the proxy under test.
pub(crate) type Stream = StreamOwned<ClientConnection, TcpStream>;

/// The key exchange offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Curve {
    /// X25519.
    X25519,
    /// X25519 together with ML-KEM-768.
    Mlkem,
}

/// TLS 1.3 with one curve and AES-256-GCM, ALPN `http/1.1`; with or without memory of sessions.
pub(crate) fn config(curve: Curve, resume: bool) -> Outcome<Arc<ClientConfig>> {
    let group = match curve {
        Curve::X25519 => aws_lc_rs::kx_group::X25519,
        Curve::Mlkem => aws_lc_rs::kx_group::X25519MLKEM768,
    };
    let provider = Arc::new(CryptoProvider {
        kx_groups: vec![group],
        cipher_suites: vec![aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384],
        ..aws_lc_rs::default_provider()
    });
    let schemes = provider.signature_verification_algorithms.supported_schemes();
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone(schemes)))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = if resume { Resumption::in_memory_sessions(64) } else { Resumption::disabled() };
    Ok(Arc::new(config))
}

/// Connects from an address of ours, any if `from` is none. The handshake happens with the first byte.
pub(crate) fn connect(
    config: &Arc<ClientConfig>,
    to: SocketAddr,
    from: Option<SocketAddr>,
) -> Outcome<Stream> {
    let tls = ClientConnection::new(Arc::clone(config), ServerName::try_from("localhost").expect("a name"))
        .map_err(|error| error.to_string())?;
    Ok(StreamOwned::new(tls, tcp(to, from).map_err(|error| format!("connect: {error}"))?))
}

fn tcp(to: SocketAddr, from: Option<SocketAddr>) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    if let Some(from) = from {
        socket.bind(&from.into())?;
    }
    socket.set_tcp_nodelay(true)?;
    socket.set_read_timeout(Some(TIMEOUT))?;
    socket.set_write_timeout(Some(TIMEOUT))?;
    socket.connect_timeout(&to.into(), TIMEOUT)?;
    Ok(socket.into())
}

/// Believes every certificate without looking: the load generator's time is not what is measured.
#[derive(Debug)]
struct Anyone(Vec<SignatureScheme>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }
}
