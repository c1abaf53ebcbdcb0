//! Customers' passkeys: several for each account, each with a name, each revocable; an account may have nothing else.
//!
//! A ceremony is kept by nobody while it waits: what has to be remembered travels sealed with the browser, so that asking for
//! a sign-in costs the database nothing. It is answered once: the answer's transaction notes it.

use gabion_core::{Actor, SiteId, Timestamp, entropy::draw};
use gabion_store::Tx;
use gabion_web::ClientAddr;
use gabion_webauthn::signal::AllAcceptedCredentials;
use gabion_webauthn::{
    Ask, AttestationPolicy, AuthenticationResponse, AuthenticationState, Binding, Challenge, ChallengeHash,
    Counter, CreationOptions, CredentialId, Mediation, NewPasskey, RegistrationResponse, RegistrationState,
    RequestOptions, SignIn, StoredCredential, UserEntity, UserHandle, UserVerification,
};
use serde::{Deserialize, Serialize};

use super::account::{AccountId, AccountView, State};
use super::flow::{Level, Proof};
use super::letter::Word;
use super::pending::PendingId;
use super::session::SignedIn;
use super::sign_in::{Begun, since};
use super::store::passkey::Kept;
use super::{CustomerError, Customers, event, store};
use crate::session::Client;
use crate::throttle::Key;

gabion_core::id!(
    /// A customer's passkey. Not the credential's own id.
    pub PasskeyId, "pky"
);

/// Passkeys of one account.
pub const PASSKEYS_MAX: usize = 20;
/// Characters of a passkey's name.
pub const PASSKEY_NAME_CHARS_MAX: usize = 60;

/// A passkey, as its owner and staff see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PasskeyView {
    /// Its id.
    pub id: PasskeyId,
    /// What its owner calls it.
    pub name: String,
    /// Whether it is kept on more than one device.
    pub is_backed_up: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used.
    pub used_at: Option<Timestamp>,
}

/// What a browser is asked, and what it brings back with its answer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Question<O> {
    /// For `navigator.credentials`.
    pub public_key: O,
    /// Sealed; nobody but us reads it.
    pub state: String,
}

/// An answer with what came with its question.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Of the question.
    state: String,
    /// The browser's credential, as `toJSON()` gives it.
    credential: serde_json::Value,
}

impl Answer {
    pub(crate) fn state(&self) -> &str {
        &self.state
    }

    /// The credential, as JSON.
    pub(crate) fn credential(&self) -> String {
        self.credential.to_string()
    }

    /// The passkey that answers, if the answer says so at all. Nothing of it is verified.
    pub fn credential_id(&self) -> Option<CredentialId> {
        serde_json::from_value(self.credential.get("id")?.clone()).ok()
    }
}

/// What a registration is bound to, so that an answer counts for the account and session that asked.
fn to_account(signed_in: &SignedIn) -> Binding {
    let (account, session) = (signed_in.account.bits().to_be_bytes(), signed_in.id.bits().to_be_bytes());
    Binding::to(&[b"register", signed_in.site.as_str().as_bytes(), &account, &session])
}

/// What the first passkey of an account is bound to: the registration or recovery in which it is made.
pub(crate) fn to_pending(site: &SiteId, pending: PendingId) -> Binding {
    Binding::to(&[b"begin", site.as_str().as_bytes(), &pending.bits().to_be_bytes()])
}

/// What a sign-in is bound to.
fn to_site(site: &SiteId) -> Binding {
    Binding::to(&[b"sign in", site.as_str().as_bytes()])
}

fn handle(account: AccountId) -> UserHandle {
    UserHandle::new(account.bits().to_be_bytes()).expect("16 bytes are a handle")
}

impl Customers {
    /// Asks for another passkey of whoever is signed in.
    ///
    /// # Errors
    /// [`CustomerError::NotFresh`], [`CustomerError::LimitReached`], [`CustomerError::Store`].
    pub async fn start_passkey(
        &self,
        signed_in: &SignedIn,
        mediation: Mediation,
    ) -> Result<Question<CreationOptions>, CustomerError> {
        // A browser makes a passkey by itself right after a password was typed; a person who asks for one has to be there.
        self.fresh(signed_in)?;
        let id = signed_in.account;
        let (account, kept) = self
            .db()
            .read(move |tx| {
                let account = usable(tx, id)?;
                Ok::<_, CustomerError>((account, store::passkey::of(tx, id)?))
            })
            .await?;
        if kept.len() >= PASSKEYS_MAX {
            return Err(CustomerError::LimitReached { what: "passkeys", max: PASSKEYS_MAX });
        }
        let existing: Vec<StoredCredential> = kept.into_iter().map(|kept| kept.stored).collect();
        let email = account.email.as_deref().unwrap_or_default();
        let who = (id, email, account.name.as_deref());
        let binding = to_account(signed_in);
        self.question(&signed_in.site, who, &existing, binding, mediation)
    }

    /// Asks for a passkey of an account, by what it is called.
    pub(crate) fn question(
        &self,
        site: &SiteId,
        (account, email, name): (AccountId, &str, Option<&str>),
        existing: &[StoredCredential],
        binding: Binding,
        mediation: Mediation,
    ) -> Result<Question<CreationOptions>, CustomerError> {
        let display_name = name.unwrap_or(email).to_owned();
        let user = UserEntity { id: handle(account), name: email.to_owned(), display_name };
        let new = NewPasskey { user, existing, mediation, attestation: AttestationPolicy::NotAsked };
        let mut ask = self.ask(binding);
        ask.user_verification = UserVerification::Preferred;
        let asked = self.site(site)?.rp.start_registration(ask, new);
        let (options, state) = asked.expect("an account has fewer passkeys than may be named");
        Ok(Question { public_key: options, state: self.seal("ceremony", &state) })
    }

    /// Keeps the passkey that answers.
    ///
    /// # Errors
    /// [`CustomerError::Passkey`], [`CustomerError::CeremonyOver`], [`CustomerError::NotFresh`],
    /// [`CustomerError::LimitReached`], [`CustomerError::Store`].
    pub async fn finish_passkey(
        &self,
        signed_in: &SignedIn,
        answer: Answer,
        name: &str,
        client: &Client,
    ) -> Result<PasskeyView, CustomerError> {
        self.fresh(signed_in)?;
        let site = self.site(&signed_in.site)?;
        let response = RegistrationResponse::parse(answer.credential.to_string().as_bytes())?;
        let state: RegistrationState =
            self.unseal("ceremony", &answer.state).ok_or(CustomerError::CeremonyOver)?;
        let (ceremony, expires_at) = (state.key(), state.expires_at());
        let credential = response.credential_id().clone();
        let of_site = signed_in.site.clone();
        let taken =
            self.db().read(move |tx| store::passkey::by_credential(tx, &of_site, &credential)).await?;
        let now = self.now();
        let registered =
            site.rp.finish_registration(state, response, &to_account(signed_in), now, taken.is_some())?;
        let id = PasskeyId::new(now, self.entropy());
        let stored = registered.credential;
        let view = PasskeyView {
            id,
            name: passkey_name(name)?,
            is_backed_up: stored.backed_up,
            created_at: now,
            used_at: None,
        };
        let account = signed_in.account;
        let kept = Kept { account, view: view.clone(), stored };
        let event = self.event(&event::PASSKEY_ADDED, &signed_in.site, Actor::Customer(account.to_string()));
        let event = event.subject(account.subject()).entity("account", account).entity("passkey", id);
        let event = event.personal("address", client.address.to_string());
        let of_site = signed_in.site.clone();
        let notice = self.notice(Word::PasskeyAdded, &self.account(account).await?)?;
        self.db()
            .write(move |tx| {
                usable(tx, account)?;
                once(tx, ceremony, expires_at)?;
                if store::passkey::of(tx, account)?.len() >= PASSKEYS_MAX {
                    return Err(CustomerError::LimitReached { what: "passkeys", max: PASSKEYS_MAX });
                }
                if store::passkey::by_credential(tx, &of_site, &kept.stored.id)?.is_some() {
                    return Err(CustomerError::CeremonyOver);
                }
                store::passkey::insert(tx, &of_site, &kept)?;
                notice.put(tx)?;
                Ok(tx.record(&event)?)
            })
            .await?;
        Ok(view)
    }

    /// Asks for any passkey of the site: nothing was typed, and nothing is told of who has an account.
    ///
    /// # Errors
    /// [`CustomerError::NoAccounts`].
    pub fn start_passkey_sign_in(&self, site: &SiteId) -> Result<Question<RequestOptions>, CustomerError> {
        let mut ask = self.ask(to_site(site));
        ask.user_verification = UserVerification::Preferred;
        let site = self.site(site)?;
        let (options, state) = site.rp.start_authentication(ask, SignIn::anyone()).expect("it names none");
        Ok(Question { public_key: options, state: self.seal("ceremony", &state) })
    }

    /// Begins a session for the holder of the passkey that answers.
    ///
    /// # Errors
    /// [`CustomerError::Passkey`] whatever was wrong, [`CustomerError::CeremonyOver`], [`CustomerError::Refused`] for an
    /// account that cannot be used, [`CustomerError::Store`].
    pub async fn finish_passkey_sign_in(
        &self,
        site: &SiteId,
        answer: Answer,
        (attempt, mut demand): (Option<&str>, Level),
        replaces: Option<&str>,
        client: &Client,
    ) -> Result<Begun, CustomerError> {
        let known = self.site(site)?;
        let attempt = attempt.map(|attempt| self.attempt(site, attempt)).transpose()?;
        // By network only: a passkey cannot be guessed, and whoever fails at one locks nobody out.
        let keys = [Key::Network(ClientAddr(client.address).network())];
        self.admit(&keys)?;
        let response = AuthenticationResponse::parse(answer.credential.to_string().as_bytes())?;
        let state: AuthenticationState =
            self.unseal("ceremony", &answer.state).ok_or(CustomerError::CeremonyOver)?;
        let (ceremony, expires_at) = (state.key(), state.expires_at());
        let (of_site, credential) = (site.clone(), response.credential_id().clone());
        let kept = self.db().read(move |tx| store::passkey::by_credential(tx, &of_site, &credential)).await?;
        let stored = kept.as_ref().map(|kept| kept.stored.clone());
        let now = self.now();
        let verified = known.rp.finish_authentication(state, response, stored, &to_site(site), now);
        let (kept, verified) = match (kept, verified) {
            (Some(kept), Ok(verified)) => (kept, verified),
            (kept, Err(refused)) => {
                self.tell_refused(site, kept.map(|kept| kept.account), "passkey", client).await?;
                return Err(refused.into());
            }
            (None, Ok(_)) => unreachable!("an answer of an unknown passkey is not verified"),
        };
        self.withdraw(&keys);
        let proof = if verified.two_factors { Proof::Passkey } else { Proof::SecurityKey };
        let account = kept.account;
        let mut proofs = vec![proof];
        let mut began = None;
        if let Some(attempt) = attempt {
            if attempt.account != account {
                return Err(CustomerError::Refused);
            }
            proofs.splice(0..0, attempt.shown);
            demand = attempt.demand;
            began = Some(attempt.began);
        }
        let stored = verified.credential;
        let copied = matches!(verified.counter, Counter::Suspicious { .. }).then(|| {
            let event = self.event(&event::PASSKEY_COPIED, site, Actor::Visitor).subject(account.subject());
            event.entity("account", account).entity("passkey", kept.view.id)
        });
        let id = kept.view.id;
        let note = move |tx: &mut Tx<'_>| -> Result<(), CustomerError> {
            if let Some(began) = began {
                since(tx, account, began)?;
            }
            once(tx, ceremony, expires_at)?;
            // It may have been removed while it was verified.
            if !store::passkey::used(tx, id, &stored, now)? {
                return Err(CustomerError::Refused);
            }
            if let Some(event) = &copied {
                tx.record(event)?;
            }
            Ok(())
        };
        self.proceed(site, account, &proofs, demand, replaces, client, note).await
    }

    /// The passkeys of an account, oldest first.
    ///
    /// # Errors
    /// [`CustomerError::Store`].
    pub async fn passkeys(&self, account: AccountId) -> Result<Vec<PasskeyView>, CustomerError> {
        let kept = self.db().read(move |tx| store::passkey::of(tx, account)).await?;
        Ok(kept.into_iter().map(|kept| kept.view).collect())
    }

    /// What authenticators are told of an account: these passkeys are all it has.
    ///
    /// # Errors
    /// [`CustomerError::Store`].
    pub async fn accepted(&self, signed_in: &SignedIn) -> Result<AllAcceptedCredentials, CustomerError> {
        let account = signed_in.account;
        let kept = self.db().read(move |tx| store::passkey::of(tx, account)).await?;
        let all: Vec<StoredCredential> = kept.into_iter().map(|kept| kept.stored).collect();
        let rp_id = self.site(&signed_in.site)?.rp.id().clone();
        Ok(AllAcceptedCredentials::new(rp_id, handle(account), &all))
    }

    /// Calls a passkey something else.
    ///
    /// # Errors
    /// [`CustomerError::Field`], [`CustomerError::NotFound`], [`CustomerError::Store`].
    pub async fn rename_passkey(
        &self,
        signed_in: &SignedIn,
        id: PasskeyId,
        name: &str,
    ) -> Result<(), CustomerError> {
        let (account, name) = (signed_in.account, passkey_name(name)?);
        let renamed = self.db().write(move |tx| store::passkey::rename(tx, account, id, &name)).await?;
        if renamed { Ok(()) } else { Err(CustomerError::NotFound { what: "passkey" }) }
    }

    /// Removes a passkey, unless nothing else is left to sign in with, and ends every other session: one of them may have begun
    /// with it.
    ///
    /// # Errors
    /// [`CustomerError::NotFresh`], [`CustomerError::LastCredential`], [`CustomerError::NotFound`],
    /// [`CustomerError::Store`].
    pub async fn remove_passkey(
        &self,
        signed_in: &SignedIn,
        id: PasskeyId,
        client: &Client,
    ) -> Result<(), CustomerError> {
        self.fresh(signed_in)?;
        let (account, acting) = (signed_in.account, signed_in.id);
        let event =
            self.event(&event::PASSKEY_REMOVED, &signed_in.site, Actor::Customer(account.to_string()));
        let event = event.subject(account.subject()).entity("account", account).entity("passkey", id);
        let event = event.personal("address", client.address.to_string());
        let notice = self.notice(Word::PasskeyRemoved, &self.account(account).await?)?;
        let removed = self
            .db()
            .write(move |tx| {
                let view = usable(tx, account)?;
                if !store::passkey::delete(tx, account, id)? {
                    return Err(CustomerError::NotFound { what: "passkey" });
                }
                if !view.has_password && store::passkey::of(tx, account)?.is_empty() {
                    return Err(CustomerError::LastCredential);
                }
                store::session::delete_all(tx, account, Some(acting))?;
                notice.put(tx)?;
                Ok(tx.record(&event)?)
            })
            .await;
        self.book().forget(|signed_in| signed_in.account == account && signed_in.id != acting);
        removed
    }

    /// Whether it was shown lately who is there, so that credentials may be changed.
    pub fn is_fresh(&self, signed_in: &SignedIn) -> bool {
        signed_in.is_fresh(self.config().fresh(), self.now())
    }

    /// The same, or the reason why not.
    pub(crate) fn fresh(&self, signed_in: &SignedIn) -> Result<(), CustomerError> {
        if self.is_fresh(signed_in) { Ok(()) } else { Err(CustomerError::NotFresh) }
    }

    fn ask(&self, binding: Binding) -> Ask {
        let challenge = Challenge::new(draw::<32>(self.entropy())).expect("32 bytes are a challenge");
        Ask::new(challenge, binding, self.now())
    }
}

/// An account that can be used.
pub(crate) fn usable(tx: &mut Tx<'_>, id: AccountId) -> Result<AccountView, CustomerError> {
    let found = store::account::by_id(tx, id)?.map(|found| found.account);
    found.filter(|account| account.state == State::Active).ok_or(CustomerError::Refused)
}

pub(crate) fn once(
    tx: &mut Tx<'_>,
    ceremony: ChallengeHash,
    expires_at: Timestamp,
) -> Result<(), CustomerError> {
    if store::passkey::answer_once(tx, ceremony, expires_at)? {
        Ok(())
    } else {
        Err(CustomerError::CeremonyOver)
    }
}

pub(crate) fn passkey_name(text: &str) -> Result<String, CustomerError> {
    let name = text.trim();
    let chars = name.chars().count();
    if !(1..=PASSKEY_NAME_CHARS_MAX).contains(&chars) || name.chars().any(char::is_control) {
        return Err(CustomerError::Field { field: "name", what: "name of a passkey" });
    }
    Ok(name.to_owned())
}
