//! One order: from the names to the certificate. RFC 8555 section 7.4.

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeType, Identifier, NewOrder, Order,
    OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};

use super::AcmeError;
use super::challenge::{Challenges, Guard};
use super::client::Http;
use super::config::ChallengeKind;
use crate::tls::Name;

/// How long the server may take to look at the answers, and again to make the certificate. It is asked after half a
/// second, then ever more rarely.
const POLL: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(500))
    .backoff(1.5)
    .timeout(Duration::from_secs(90));

/// What is ordered.
pub(super) struct Wanted<'a> {
    pub(super) names: &'a [Name],
    pub(super) kind: ChallengeKind,
    pub(super) profile: Option<&'a str>,
    /// The certificate it takes the place of, where the server wants to know. RFC 9773 section 5.
    pub(super) replaces: Option<CertificateIdentifier<'a>>,
}

/// Orders a certificate with a new key and proves its names. Returns the chain as PEM and the key.
///
/// # Errors
/// When the server cannot be reached, refuses the order, or cannot verify a name.
pub(super) async fn obtain(
    account: &Account,
    http: &Http,
    wanted: Wanted<'_>,
    challenges: &Challenges,
) -> Result<(String, KeyPair), AcmeError> {
    let failed = |error| AcmeError::from_library(error, http);
    let identifiers: Vec<_> = wanted.names.iter().map(|name| Identifier::Dns(name.to_string())).collect();
    let mut new = NewOrder::new(&identifiers);
    if let Some(replaces) = wanted.replaces {
        new = new.replaces(replaces);
    }
    if let Some(profile) = wanted.profile {
        new = new.profile(profile);
    }
    let mut order = account.new_order(&new).await.map_err(failed)?;
    let waiting = answer(&mut order, wanted.kind, http, challenges).await?;
    let ready = order.poll_ready(&POLL).await;
    drop(waiting);
    match ready {
        Ok(OrderStatus::Ready) => {}
        Ok(_) | Err(instant_acme::Error::Api(_)) => {
            return Err(not_proved(&mut order, wanted.kind, http).await);
        }
        Err(error) => return Err(failed(error)),
    }
    let key = KeyPair::generate()?;
    order.finalize_csr(request(wanted.names, &key)?.der()).await.map_err(failed)?;
    Ok((order.poll_certificate(&POLL).await.map_err(failed)?, key))
}

/// Lets the answers wait to be asked for, and says that they do. They wait until the guards are dropped.
async fn answer(
    order: &mut Order,
    kind: ChallengeKind,
    http: &Http,
    challenges: &Challenges,
) -> Result<Vec<Guard>, AcmeError> {
    let failed = |error| AcmeError::from_library(error, http);
    let mut waiting = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(failed)?;
        // Proved for an earlier order, and still believed.
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let name = authorization.identifier().to_string();
        let offered = match kind {
            ChallengeKind::Http01 => ChallengeType::Http01,
            ChallengeKind::TlsAlpn01 => ChallengeType::TlsAlpn01,
        };
        let Some(mut challenge) = authorization.challenge(offered) else {
            return Err(AcmeError::NotOffered { name, kind });
        };
        let proof = challenge.key_authorization();
        waiting.push(match kind {
            ChallengeKind::Http01 => challenges.wait_http(&challenge.token, proof.as_str()),
            ChallengeKind::TlsAlpn01 => challenges.wait_tls(&name, proof.digest().as_ref())?,
        });
        challenge.set_ready().await.map_err(failed)?;
    }
    Ok(waiting)
}

/// Which name could not be verified, and what the server saw.
async fn not_proved(order: &mut Order, kind: ChallengeKind, http: &Http) -> AcmeError {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let looked = async {
            let mut authorization = authorization?;
            authorization.refresh().await?;
            let name = authorization.identifier().to_string();
            let seen = authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref());
            Ok(seen.map(|problem| (name, problem.detail.clone().unwrap_or_default())))
        };
        match looked.await {
            Ok(Some((name, detail))) => return AcmeError::NotProved { name, kind, detail },
            Ok(None) => {}
            Err(error) => return AcmeError::from_library(error, http),
        }
    }
    let detail = "the server does not say why".to_owned();
    AcmeError::NotProved { name: "a name".to_owned(), kind, detail }
}

fn request(names: &[Name], key: &KeyPair) -> Result<rcgen::CertificateSigningRequest, rcgen::Error> {
    let mut params = CertificateParams::new(names.iter().map(Name::to_string).collect::<Vec<_>>())?;
    params.distinguished_name = DistinguishedName::new();
    params.serialize_request(key)
}
