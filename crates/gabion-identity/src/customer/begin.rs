//! The end of a registration or a recovery: whoever showed that an address is theirs chooses what to sign in with.
//!
//! A recovery gives no way around a second factor: an account with an authenticator app asks for its code, or one of those
//! that were written down, also here (ASVS 5.0, 6.4.3).

use gabion_core::{Actor, Secret, SiteId};
use gabion_crypto::password::PasswordHash;
use gabion_store::Tx;
use gabion_store::outbox::MessageId;
use gabion_webauthn::{CreationOptions, Mediation, RegistrationResponse, RegistrationState};

use super::account::{AccountId, Name, State};
use super::factor::{Shown, enrolled};
use super::flow::{self, Level, Proof, Step};
use super::letter::Word;
use super::passkey::{
    Answer, PASSKEYS_MAX, PasskeyId, PasskeyView, Question, once, passkey_name, to_pending,
};
use super::pending::{Proven, Purpose};
use super::session::NewSession;
use super::sign_in::accept;
use super::store::passkey::Kept;
use super::{CustomerError, Customers, event, store};
use crate::session::Client;

/// What somebody chose to sign in with, and what they show besides.
#[derive(Debug)]
pub struct Choice<'a> {
    /// What they want to be called; only at the beginning.
    pub name: Option<&'a str>,
    /// A code of the app, or one that was written down, where the account asks for one.
    pub code: Option<&'a str>,
    /// With which they sign in from now on.
    pub with: With,
}

/// What somebody signs in with from now on.
#[derive(Debug)]
pub enum With {
    /// A password.
    Password(Secret<String>),
    /// A passkey, and what to call it.
    Passkey(Answer, String),
}

/// The same, verified.
#[derive(Clone)]
enum Credential {
    Password(PasswordHash),
    Passkey { kept: Box<Kept>, ceremony: gabion_webauthn::ChallengeHash, expires_at: gabion_core::Timestamp },
}

impl Customers {
    /// Asks whoever showed that an address is theirs for a passkey.
    ///
    /// # Errors
    /// [`CustomerError::Over`] and [`CustomerError::Store`].
    pub async fn ask_first_passkey(
        &self,
        site: &SiteId,
        token: &str,
    ) -> Result<Question<CreationOptions>, CustomerError> {
        let proven = self.proven(site, token).await?;
        let account = proven.account;
        let kept = self.db().read(move |tx| store::passkey::of(tx, account)).await?;
        if kept.len() >= PASSKEYS_MAX {
            return Err(CustomerError::LimitReached { what: "passkeys", max: PASSKEYS_MAX });
        }
        let existing: Vec<_> = kept.into_iter().map(|kept| kept.stored).collect();
        self.question(
            site,
            (account, proven.email.as_str(), None),
            &existing,
            to_pending(site, proven.id),
            Mediation::Dialog,
        )
    }

    /// Makes the account, or gives the way back into it, and signs in.
    ///
    /// # Errors
    /// [`CustomerError::Over`], [`CustomerError::Weak`], [`CustomerError::Field`], [`CustomerError::Passkey`],
    /// [`CustomerError::WrongCode`], [`CustomerError::Busy`], [`CustomerError::Store`].
    pub async fn begin_account(
        &self,
        site: &SiteId,
        token: &str,
        choice: Choice<'_>,
        replaces: Option<&str>,
        client: &Client,
    ) -> Result<NewSession, CustomerError> {
        let proven = self.proven(site, token).await?;
        let known = self.site(site)?;
        let name: Option<Name> = match choice.name.map(str::trim).filter(|name| !name.is_empty()) {
            Some(name) => Some(name.parse()?),
            None => None,
        };
        let shown = self.second(&proven, choice.code, client).await?;
        let (credential, proof) = match choice.with {
            With::Password(chosen) => {
                let known_words =
                    [proven.email.as_str(), name.as_ref().map_or("", Name::as_str), &known.name];
                let accepted = accept(&chosen, &known_words)?;
                (Credential::Password(self.passwords().hash(accepted).await?), Proof::Password)
            }
            With::Passkey(answer, called) => self.first_passkey(site, &proven, &answer, &called).await?,
        };
        let mut methods = vec![proof];
        methods.extend(shown.as_ref().map(Shown::proof));
        let (now, account) = (self.now(), proven.account);
        let draft = self.draft(site, client, &methods, replaces);
        let with = proof.as_str();
        let (kind, notice) = match (proven.purpose, proof) {
            (Purpose::Register, _) => (&event::REGISTERED, None),
            (_, Proof::Password) => (&event::RECOVERED, Some(Word::PasswordChanged)),
            _ => (&event::RECOVERED, Some(Word::PasskeyAdded)),
        };
        let event = self
            .event(kind, site, Actor::Customer(account.to_string()))
            .subject(account.subject())
            .entity("account", account)
            .field("with", with)
            .personal("address", client.address.to_string());
        let letter = notice.map(|word| word.letter(&known, &proven.email, proven.language, None, now));
        let letter =
            letter.map(|letter| (MessageId::new(now, self.entropy()), letter.person(account.subject())));
        let (mail, of_site) = (self.mail().clone(), site.clone());
        let session = self
            .db()
            .write(move |tx| {
                if !store::pending::delete(tx, proven.id)? {
                    return Err(CustomerError::Over);
                }
                if let Some(shown) = &shown {
                    shown.take(tx, account)?;
                }
                match proven.purpose {
                    Purpose::Register => {
                        let row = store::account::NewRow {
                            id: account,
                            site: &of_site,
                            email: &proven.email,
                            name: name.as_ref(),
                            language: proven.language,
                            at: now,
                        };
                        // Somebody else may have shown the same address meanwhile.
                        if !store::account::insert(tx, &row)? {
                            return Err(CustomerError::Over);
                        }
                    }
                    Purpose::Recover => {
                        let found = store::account::by_id(tx, account)?.map(|found| found.account.state);
                        if found != Some(State::Active) {
                            return Err(CustomerError::Over);
                        }
                        store::session::delete_all(tx, account, None)?;
                    }
                    Purpose::Nothing => return Err(CustomerError::Over),
                }
                credential.keep(tx, &of_site, account, now)?;
                let Step::Done(level) = flow::step(&methods, &enrolled(tx, account)?, Level::OneFactor)
                else {
                    return Err(CustomerError::NotEnough);
                };
                store::account::signed_in(tx, account, now)?;
                if let Some((id, letter)) = &letter {
                    mail.put(tx, *id, letter, now)?;
                }
                let session = draft.begin(tx, account, level)?;
                tx.record(&event)?;
                Ok::<_, CustomerError>(session)
            })
            .await;
        self.book().forget_account(account);
        session.map(|session| self.began(session))
    }

    /// Whether the way back into an account asks for a second factor.
    ///
    /// # Errors
    /// [`CustomerError::Store`].
    pub async fn needs_code(&self, proven: &Proven) -> Result<bool, CustomerError> {
        Ok(proven.purpose == Purpose::Recover && self.factors(proven.account).await?.totp_since.is_some())
    }

    /// The second factor of an account that is recovered, where it has one.
    async fn second(
        &self,
        proven: &Proven,
        code: Option<&str>,
        client: &Client,
    ) -> Result<Option<Shown>, CustomerError> {
        if !self.needs_code(proven).await? {
            return Ok(None);
        }
        let site = self.account(proven.account).await?.site;
        self.show_code(&site, proven.account, code.unwrap_or_default(), client).await.map(Some)
    }

    async fn first_passkey(
        &self,
        site: &SiteId,
        proven: &Proven,
        answer: &Answer,
        called: &str,
    ) -> Result<(Credential, Proof), CustomerError> {
        let known = self.site(site)?;
        let response = RegistrationResponse::parse(answer.credential().as_bytes())?;
        let state: RegistrationState =
            self.unseal("ceremony", answer.state()).ok_or(CustomerError::CeremonyOver)?;
        let (ceremony, expires_at) = (state.key(), state.expires_at());
        let (of_site, id) = (site.clone(), response.credential_id().clone());
        let taken = self.db().read(move |tx| store::passkey::by_credential(tx, &of_site, &id)).await?;
        let now = self.now();
        let binding = to_pending(site, proven.id);
        let registered = known.rp.finish_registration(state, response, &binding, now, taken.is_some())?;
        let stored = registered.credential;
        let proof = if stored.uv_initialized { Proof::Passkey } else { Proof::SecurityKey };
        let view = PasskeyView {
            id: PasskeyId::new(now, self.entropy()),
            name: passkey_name(called)?,
            is_backed_up: stored.backed_up,
            created_at: now,
            used_at: None,
        };
        let kept = Box::new(Kept { account: proven.account, view, stored });
        Ok((Credential::Passkey { kept, ceremony, expires_at }, proof))
    }
}

impl Credential {
    fn keep(
        &self,
        tx: &mut Tx<'_>,
        site: &SiteId,
        account: AccountId,
        now: gabion_core::Timestamp,
    ) -> Result<(), CustomerError> {
        match self {
            Self::Password(hash) => Ok(store::account::set_password(tx, account, Some(hash), now)?),
            Self::Passkey { kept, ceremony, expires_at } => {
                once(tx, *ceremony, *expires_at)?;
                if store::passkey::of(tx, account)?.len() >= PASSKEYS_MAX {
                    return Err(CustomerError::LimitReached { what: "passkeys", max: PASSKEYS_MAX });
                }
                if store::passkey::by_credential(tx, site, &kept.stored.id)?.is_some() {
                    return Err(CustomerError::CeremonyOver);
                }
                Ok(store::passkey::insert(tx, site, kept)?)
            }
        }
    }
}
