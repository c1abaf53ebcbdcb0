//! Second factors: an authenticator app (RFC 6238), and codes that were written down for the day it is lost.

use data_encoding::BASE64;
use gabion_core::{Actor, Secret, Timestamp};
use gabion_crypto::one_time::{Code, CodeDigest, Purpose};
use gabion_crypto::totp;
use gabion_store::Tx;
use serde::{Deserialize, Serialize};

use super::account::AccountId;
use super::flow::{Enrolled, Proof};
use super::letter::Word;
use super::passkey::usable;
use super::session::SignedIn;
use super::{CustomerError, Customers, event, store};
use crate::session::Client;

/// Recovery codes of one account.
pub const RECOVERY_CODES: usize = 10;
/// How long a new app may take to show its first code.
const OFFER_LIFETIME: std::time::Duration = std::time::Duration::from_secs(30 * 60);

/// A secret for an authenticator app that nobody confirmed yet. It is kept by nobody but the browser.
#[derive(Debug)]
pub struct TotpOffer {
    /// For people who type it, in base 32.
    pub secret: Secret<String>,
    /// For a QR code or a link: an `otpauth:` address.
    pub address: Secret<String>,
    /// Comes back with the app's first code.
    pub sealed: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Offered {
    account: String,
    secret: String,
    at: Timestamp,
}

/// What an account has besides password and passkeys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Factors {
    /// Since when it has an authenticator app.
    pub totp_since: Option<Timestamp>,
    /// Recovery codes that were not used.
    pub recovery_codes: usize,
}

/// A code that holds, and what it is.
#[derive(Clone, Debug)]
pub(crate) enum Shown {
    Totp(u64),
    Recovery(CodeDigest),
}

impl Shown {
    pub(crate) const fn proof(&self) -> Proof {
        match self {
            Self::Totp(_) => Proof::Totp,
            Self::Recovery(_) => Proof::RecoveryCode,
        }
    }

    /// Takes the code, so that it counts once.
    pub(crate) fn take(&self, tx: &mut Tx<'_>, account: AccountId) -> Result<(), CustomerError> {
        let is_first = match self {
            Self::Totp(step) => store::factor::take_step(tx, account, *step)?,
            Self::Recovery(code) => store::factor::use_code(tx, account, code)?,
        };
        if is_first { Ok(()) } else { Err(CustomerError::WrongCode) }
    }
}

impl Customers {
    /// A new secret for an authenticator app of whoever is signed in. Nothing changes until its first code comes.
    ///
    /// # Errors
    /// [`CustomerError::NotFresh`], [`CustomerError::Store`].
    pub async fn start_totp(&self, signed_in: &SignedIn) -> Result<TotpOffer, CustomerError> {
        let secret = totp::new_secret(self.entropy());
        let offered = Offered {
            account: signed_in.account.to_string(),
            secret: BASE64.encode(secret.expose()),
            at: self.now(),
        };
        let sealed = self.seal("totp", &offered);
        self.totp_offer(signed_in, sealed).await
    }

    /// The same offer again, after a code that was mistyped.
    ///
    /// # Errors
    /// [`CustomerError::Over`], [`CustomerError::NotFresh`], [`CustomerError::Store`].
    pub async fn totp_offer(&self, signed_in: &SignedIn, sealed: String) -> Result<TotpOffer, CustomerError> {
        self.fresh(signed_in)?;
        let secret = self.offered(signed_in, &sealed)?;
        let account = self.account(signed_in.account).await?;
        let site = self.site(&signed_in.site)?;
        Ok(TotpOffer {
            address: totp::address(&secret, &site.name, account.email.as_deref().unwrap_or_default()),
            secret: totp::base32(&secret),
            sealed,
        })
    }

    /// The secret of an offer that was made to this account lately.
    fn offered(&self, signed_in: &SignedIn, sealed: &str) -> Result<Secret<[u8; 20]>, CustomerError> {
        let offered: Offered = self.unseal("totp", sealed).ok_or(CustomerError::Over)?;
        let is_old = self.now().since(offered.at) >= OFFER_LIFETIME;
        if is_old || offered.account != signed_in.account.to_string() {
            return Err(CustomerError::Over);
        }
        let bytes = Secret::new(BASE64.decode(offered.secret.as_bytes()).map_err(|_| CustomerError::Over)?);
        bytes.expose().as_slice().try_into().map(Secret::new).map_err(|_| CustomerError::Over)
    }

    /// Keeps the app that shows the right code, in the place of another one, and gives recovery codes in the place of others.
    /// They are shown once.
    ///
    /// # Errors
    /// [`CustomerError::WrongCode`], [`CustomerError::Over`], [`CustomerError::NotFresh`], [`CustomerError::Store`].
    pub async fn confirm_totp(
        &self,
        signed_in: &SignedIn,
        sealed: &str,
        code: &str,
        client: &Client,
    ) -> Result<Vec<Secret<String>>, CustomerError> {
        self.fresh(signed_in)?;
        let (account, now) = (signed_in.account, self.now());
        let secret = self.offered(signed_in, sealed)?;
        let step = totp::verify(&secret, code, now, None).ok_or(CustomerError::WrongCode)?;
        let (codes, digests) = self.new_codes(account);
        let event = self.change(&event::TOTP_ADDED, signed_in, client);
        let notice = self.notice(Word::TotpAdded, &self.account(account).await?)?;
        self.db()
            .write(move |tx| {
                usable(tx, account)?;
                store::factor::set_totp(tx, account, &secret, step, now)?;
                store::factor::set_codes(tx, account, &digests)?;
                notice.put(tx)?;
                Ok::<_, CustomerError>(tx.record(&event)?)
            })
            .await?;
        Ok(codes)
    }

    /// Removes the authenticator app and the recovery codes.
    ///
    /// # Errors
    /// [`CustomerError::NotFresh`], [`CustomerError::NotFound`], [`CustomerError::Store`].
    pub async fn remove_totp(&self, signed_in: &SignedIn, client: &Client) -> Result<(), CustomerError> {
        self.fresh(signed_in)?;
        let account = signed_in.account;
        let event = self.change(&event::TOTP_REMOVED, signed_in, client);
        let notice = self.notice(Word::TotpRemoved, &self.account(account).await?)?;
        self.db()
            .write(move |tx| {
                usable(tx, account)?;
                if !store::factor::delete_totp(tx, account)? {
                    return Err(CustomerError::NotFound { what: "authenticator app" });
                }
                store::factor::set_codes(tx, account, &[])?;
                notice.put(tx)?;
                Ok(tx.record(&event)?)
            })
            .await
    }

    /// Gives new recovery codes in the place of the old ones. They are shown once.
    ///
    /// # Errors
    /// [`CustomerError::NotFresh`], [`CustomerError::NotFound`] without an app, [`CustomerError::Store`].
    pub async fn renew_codes(
        &self,
        signed_in: &SignedIn,
        client: &Client,
    ) -> Result<Vec<Secret<String>>, CustomerError> {
        self.fresh(signed_in)?;
        let account = signed_in.account;
        let (codes, digests) = self.new_codes(account);
        let event = self.change(&event::CODES_RENEWED, signed_in, client);
        let notice = self.notice(Word::CodesRenewed, &self.account(account).await?)?;
        self.db()
            .write(move |tx| {
                usable(tx, account)?;
                if store::factor::totp_since(tx, account)?.is_none() {
                    return Err(CustomerError::NotFound { what: "authenticator app" });
                }
                store::factor::set_codes(tx, account, &digests)?;
                notice.put(tx)?;
                Ok(tx.record(&event)?)
            })
            .await?;
        Ok(codes)
    }

    /// What an account has besides password and passkeys.
    ///
    /// # Errors
    /// [`CustomerError::Store`].
    pub async fn factors(&self, account: AccountId) -> Result<Factors, CustomerError> {
        let read = move |tx: &mut Tx<'_>| {
            let recovery_codes = store::factor::codes(tx, account)?.len();
            Ok(Factors { totp_since: store::factor::totp_since(tx, account)?, recovery_codes })
        };
        self.db().read(read).await
    }

    /// Whether a code is one of the account's app or one that was written down.
    pub(crate) async fn recognize(&self, account: AccountId, code: &str) -> Result<Shown, CustomerError> {
        let read = move |tx: &mut Tx<'_>| {
            let app = store::factor::totp(tx, account)?;
            Ok::<_, CustomerError>((app, store::factor::codes(tx, account)?))
        };
        let (app, digests) = self.db().read(read).await?;
        let step = app.and_then(|app| totp::verify(&app.secret, code, self.now(), Some(app.last_step)));
        if let Some(step) = step {
            return Ok(Shown::Totp(step));
        }
        let (ring, owner) = (self.db().keys(), account.bits().to_be_bytes());
        let entered = Code::entered(code);
        // Every digest is compared, whichever fits.
        let is_it = |digest: &CodeDigest| {
            entered.as_ref().is_some_and(|code| code.is_of(digest, Purpose::Recovery, &owner, &ring))
        };
        let found =
            digests.into_iter().fold(None, |found, digest| if is_it(&digest) { Some(digest) } else { found });
        found.map(Shown::Recovery).ok_or(CustomerError::WrongCode)
    }

    fn new_codes(&self, account: AccountId) -> (Vec<Secret<String>>, Vec<CodeDigest>) {
        let (ring, owner) = (self.db().keys(), account.bits().to_be_bytes());
        let codes: Vec<Code> = (0..RECOVERY_CODES).map(|_| Code::recovery(self.entropy())).collect();
        let digests = codes.iter().map(|code| code.digest(Purpose::Recovery, &owner, &ring)).collect();
        (codes.iter().map(Code::shown).collect(), digests)
    }

    /// The event of a change of credentials.
    pub(crate) fn change(
        &self,
        kind: &gabion_core::EventKind,
        signed_in: &SignedIn,
        client: &Client,
    ) -> gabion_core::Event {
        let account = signed_in.account;
        self.event(kind, &signed_in.site, Actor::Customer(account.to_string()))
            .subject(account.subject())
            .entity("account", account)
            .personal("address", client.address.to_string())
    }
}

/// What an account has to sign in with.
pub(crate) fn enrolled(tx: &mut Tx<'_>, account: AccountId) -> Result<Enrolled, CustomerError> {
    Ok(Enrolled {
        password: usable(tx, account)?.has_password,
        passkeys: !store::passkey::of(tx, account)?.is_empty(),
        totp: store::factor::totp_since(tx, account)?.is_some(),
        recovery_codes: !store::factor::codes(tx, account)?.is_empty(),
    })
}
