//! Signing in with a password, and what every way to sign in has in common: asking [`flow`](super::flow) what comes next, and
//! beginning the session.
//!
//! The answer to a wrong password, an unknown address, an account without a password and a locked one is the same and
//! takes as long: the same reads, one hash, one event.

use std::time::Duration;

use gabion_core::{Actor, Secret, SiteId, Timestamp};
use gabion_crypto::digest::sha256;
use gabion_crypto::password::PasswordHash;
use gabion_password::{Context, Exposure, Factors, Mode, Policy};
use gabion_store::Tx;
use gabion_web::ClientAddr;
use serde::{Deserialize, Serialize};

use super::account::{AccountId, Address, State};
use super::factor::{Shown, enrolled};
use super::flow::{self, Level, Proof, Step};
use super::letter::Word;
use super::passkey::usable;
use super::session::{NewSession, SignedIn};
use super::{CustomerError, Customers, event, store};
use crate::session::Client;
use crate::throttle::Key;

/// How long the rest of an attempt may take once its beginning was shown.
pub const ATTEMPT_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// What somebody typed to sign in.
#[derive(Debug)]
pub struct Typed {
    /// As typed.
    pub email: String,
    /// As typed.
    pub password: Secret<String>,
}

/// What has become of an attempt.
#[derive(Debug)]
pub enum Begun {
    /// A session.
    Session(NewSession),
    /// A session of one factor, where two were demanded and the account has no second one yet.
    WithoutSecond(NewSession),
    /// One of these is to be shown, too.
    More {
        /// What was shown so far, sealed. It comes back with the rest.
        attempt: String,
        /// What may be shown.
        show: Vec<Proof>,
    },
}

/// What was shown so far. It travels sealed with the browser.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attempt {
    site: String,
    pub(crate) account: AccountId,
    pub(crate) shown: Vec<Proof>,
    pub(crate) demand: Level,
    pub(crate) began: Timestamp,
}

/// How an attempt went on in its transaction.
enum Went {
    /// A session began; whether it is short of what was demanded.
    Session(NewSession, bool),
    /// One of these is to be shown, too.
    Show(Vec<Proof>),
}

impl Customers {
    /// Checks what was typed and begins a session, or says what else is to be shown.
    ///
    /// # Errors
    /// [`CustomerError::Refused`] whatever was wrong; [`CustomerError::Throttled`] before anything is checked;
    /// [`CustomerError::Busy`]; [`CustomerError::Store`].
    pub async fn sign_in(
        &self,
        site: &SiteId,
        typed: Typed,
        demand: Level,
        replaces: Option<&str>,
        client: &Client,
    ) -> Result<Begun, CustomerError> {
        self.site(site)?;
        let address = typed.email.parse::<Address>().ok();
        // Counted by what is looked up: however an address is written, it is the same one.
        let typed_name = || typed.email.trim().to_lowercase();
        let name = address.as_ref().map_or_else(typed_name, |address| address.folded().to_owned());
        let keys = keys(site, &name, client);
        self.admit(&keys)?;
        let of_site = site.clone();
        let known = match address {
            Some(address) => self.db().read(move |tx| store::account::by_login(tx, &of_site, &address)).await,
            None => Ok(None),
        };
        let known = known.inspect_err(|_| self.withdraw(&keys))?;
        let is_usable = known.as_ref().is_some_and(|known| known.account.state == State::Active);
        let hash = known.as_ref().and_then(|known| known.hash.clone()).filter(|_| is_usable);
        let checked = self
            .passwords()
            .check(typed.password, hash.clone())
            .await
            .inspect_err(|_| self.withdraw(&keys))?;
        let (Some(known), Some(hash), true) = (known.as_ref(), hash, checked.matches) else {
            let account = known.map(|known| known.account.id);
            self.tell_refused(site, account, "password", client).await?;
            return Err(CustomerError::Refused);
        };
        let account = known.account.id;
        let better = checked.better;
        let note = move |tx: &mut Tx<'_>| -> Result<(), CustomerError> {
            still(tx, account, &hash)?;
            if let Some(better) = &better {
                store::account::rehash(tx, account, &hash, better)?;
            }
            Ok(())
        };
        let begun = self.proceed(site, account, &[Proof::Password], demand, replaces, client, note).await?;
        self.throttle(|throttle| throttle.succeeded(keys[0], keys[1]));
        Ok(begun)
    }

    /// Goes on with an attempt whose holder shows a code of the app or one that was written down.
    ///
    /// # Errors
    /// [`CustomerError::Over`] for an attempt that is none or took too long; [`CustomerError::WrongCode`];
    /// [`CustomerError::Throttled`]; [`CustomerError::Store`].
    pub async fn continue_sign_in(
        &self,
        site: &SiteId,
        attempt: &str,
        code: &str,
        replaces: Option<&str>,
        client: &Client,
    ) -> Result<Begun, CustomerError> {
        let attempt = self.attempt(site, attempt)?;
        let account = attempt.account;
        let shown = self.show_code(site, account, code, client).await?;
        let mut proofs = attempt.shown;
        proofs.push(shown.proof());
        let take = move |tx: &mut Tx<'_>| {
            since(tx, account, attempt.began)?;
            shown.take(tx, account)
        };
        self.proceed(site, account, &proofs, attempt.demand, replaces, client, take).await
    }

    /// A code of the app, or one that was written down, if it holds. It is taken by whoever acts on it.
    pub(crate) async fn show_code(
        &self,
        site: &SiteId,
        account: AccountId,
        code: &str,
        client: &Client,
    ) -> Result<Shown, CustomerError> {
        // Counted apart from passwords: whoever knows one must not be able to lock out with codes, nor the other way round.
        let keys = keys(site, &format!("code {account}"), client);
        self.admit(&keys)?;
        match self.recognize(account, code).await {
            Ok(shown) => {
                self.throttle(|throttle| throttle.succeeded(keys[0], keys[1]));
                Ok(shown)
            }
            Err(CustomerError::WrongCode) => {
                self.tell_refused(site, Some(account), "code", client).await?;
                Err(CustomerError::WrongCode)
            }
            Err(error) => {
                self.withdraw(&keys);
                Err(error)
            }
        }
    }

    /// An attempt that was begun at this site lately.
    pub(crate) fn attempt(&self, site: &SiteId, sealed: &str) -> Result<Attempt, CustomerError> {
        let attempt: Attempt = self.unseal("attempt", sealed).ok_or(CustomerError::Over)?;
        let is_old = self.now().since(attempt.began) >= ATTEMPT_LIFETIME;
        if is_old || attempt.site != site.as_str() { Err(CustomerError::Over) } else { Ok(attempt) }
    }

    /// Goes on after something was shown, and held: begins a session, or says what else is to be shown. `note` refuses what no
    /// longer holds and writes what follows from the showing, in the transaction that decides.
    ///
    /// # Errors
    /// [`CustomerError::Refused`] for an account that cannot be used; what `note` says; [`CustomerError::Store`].
    #[expect(clippy::too_many_arguments, reason = "every one is another fact of the attempt")]
    pub(crate) async fn proceed(
        &self,
        site: &SiteId,
        account: AccountId,
        shown: &[Proof],
        demand: Level,
        replaces: Option<&str>,
        client: &Client,
        mut note: impl FnMut(&mut Tx<'_>) -> Result<(), CustomerError> + Send + 'static,
    ) -> Result<Begun, CustomerError> {
        let now = self.now();
        let draft = self.draft(site, client, shown, replaces);
        let methods: Vec<&str> = shown.iter().map(|proof| proof.as_str()).collect();
        let event = self
            .event(&event::SIGNED_IN, site, Actor::Customer(account.to_string()))
            .subject(account.subject())
            .entity("account", account)
            .entity("session", draft.id)
            .field("methods", methods.join(" "))
            .personal("address", client.address.to_string());
        let proofs = shown.to_vec();
        let went = self
            .db()
            .write(move |tx| {
                // Everything is looked at in the transaction that decides: the account may have been locked, its password
                // changed or a second factor added while something was checked.
                usable(tx, account)?;
                note(tx)?;
                let (level, is_short) = match flow::step(&proofs, &enrolled(tx, account)?, demand) {
                    Step::Done(level) => (level, false),
                    Step::Enroll => (Level::OneFactor, true),
                    Step::Show(show) => return Ok(Went::Show(show)),
                };
                store::account::signed_in(tx, account, now)?;
                let session = draft.begin(tx, account, level)?;
                tx.record(&event.clone().field("level", level.as_str()))?;
                Ok::<_, CustomerError>(Went::Session(session, is_short))
            })
            .await?;
        Ok(match went {
            Went::Session(session, false) => Begun::Session(self.began(session)),
            Went::Session(session, true) => Begun::WithoutSecond(self.began(session)),
            Went::Show(show) => {
                let (site, shown) = (site.to_string(), shown.to_vec());
                let attempt = Attempt { site, account, shown, demand, began: now };
                Begun::More { attempt: self.seal("attempt", &attempt), show }
            }
        })
    }

    /// Tells the journal that a sign-in failed; the caller learns only that it was refused.
    pub(crate) async fn tell_refused(
        &self,
        site: &SiteId,
        account: Option<AccountId>,
        with: &'static str,
        client: &Client,
    ) -> Result<(), CustomerError> {
        let reason = if account.is_some() { with } else { "unknown account" };
        let event = self.event(&event::SIGN_IN_FAILED, site, Actor::Visitor).field("reason", reason);
        let event = event.personal("address", client.address.to_string());
        let event = match account {
            Some(account) => event.subject(account.subject()).entity("account", account),
            None => event,
        };
        Ok(self.db().write(move |tx| tx.record(&event)).await?)
    }

    /// Ends the session of a cookie; one that stands for nobody is left alone.
    ///
    /// # Errors
    /// [`CustomerError::Store`].
    pub async fn sign_out(&self, signed_in: &SignedIn) -> Result<(), CustomerError> {
        let by = Actor::Customer(signed_in.account.to_string());
        match self.end_session(&signed_in.site, signed_in.account, signed_in.id, by).await {
            Err(CustomerError::NotFound { .. }) => Ok(()),
            ended => ended,
        }
    }

    /// Gives an account another password, or its first one, ends its other sessions and begins a new one. An account that has
    /// a password needs it, and failures count like those of a sign-in; one that has none needs a fresh sign-in.
    ///
    /// # Errors
    /// [`CustomerError::WrongPassword`], [`CustomerError::Weak`], [`CustomerError::NotFresh`], [`CustomerError::Throttled`],
    /// [`CustomerError::Busy`], [`CustomerError::Store`].
    pub async fn change_password(
        &self,
        signed_in: &SignedIn,
        current: Option<Secret<String>>,
        chosen: &Secret<String>,
        client: &Client,
    ) -> Result<NewSession, CustomerError> {
        let (id, site) = (signed_in.account, self.site(&signed_in.site)?);
        let known = self.db().read(move |tx| store::account::by_id(tx, id)).await?;
        let known =
            known.filter(|known| known.account.state == State::Active).ok_or(CustomerError::Refused)?;
        let email = known.account.email.clone().unwrap_or_default();
        let accepted =
            accept(chosen, &[&email, known.account.name.as_deref().unwrap_or_default(), &site.name])?;
        if let Some(hash) = known.hash.clone() {
            let name =
                email.parse::<Address>().map_or_else(|_| email.clone(), |email| email.folded().to_owned());
            let keys = keys(&signed_in.site, &name, client);
            self.admit(&keys)?;
            let current = current.unwrap_or_else(|| Secret::new(String::new()));
            let checked =
                self.passwords().check(current, Some(hash)).await.inspect_err(|_| self.withdraw(&keys))?;
            if !checked.matches {
                self.tell_refused(&signed_in.site, Some(id), "password", client).await?;
                return Err(CustomerError::WrongPassword);
            }
            self.throttle(|throttle| throttle.succeeded(keys[0], keys[1]));
        } else {
            self.fresh(signed_in)?;
        }
        let hash = self.passwords().hash(accepted).await?;
        let now = self.now();
        let mut methods = signed_in.methods.clone();
        if !methods.contains(&Proof::Password) {
            methods.push(Proof::Password);
        }
        // Only the password was shown: whatever else the session knows is as old as it was.
        let draft = self.draft(&signed_in.site, client, &methods, None).shown_at(signed_in.authenticated_at);
        let (before, level, acting) = (known.hash.clone(), signed_in.level, signed_in.id);
        let how = if known.account.has_password { "changed" } else { "set" };
        let event = self
            .event(&event::PASSWORD_CHANGED, &signed_in.site, Actor::Customer(id.to_string()))
            .subject(id.subject())
            .entity("account", id)
            .field("how", how)
            .personal("address", client.address.to_string());
        let notice = self.notice(Word::PasswordChanged, &known.account)?;
        let session = self
            .db()
            .write(move |tx| {
                usable(tx, id)?;
                // The session may have been ended, or the password changed, while this one was hashed.
                if !store::session::is_there(tx, acting)? {
                    return Err(CustomerError::NotFresh);
                }
                if let Some(before) = &before {
                    still(tx, id, before)?;
                }
                store::account::set_password(tx, id, Some(&hash), now)?;
                store::session::delete_all(tx, id, None)?;
                notice.put(tx)?;
                let session = draft.begin(tx, id, level)?;
                tx.record(&event)?;
                Ok::<_, CustomerError>(session)
            })
            .await;
        self.book().forget_account(id);
        session
    }

    pub(crate) fn admit(&self, keys: &[Key]) -> Result<(), CustomerError> {
        let now = self.now();
        self.throttle(|throttle| throttle.admit(keys, now)).map_err(|wait| CustomerError::Throttled { wait })
    }

    pub(crate) fn withdraw(&self, keys: &[Key]) {
        self.throttle(|throttle| throttle.withdrawn(keys));
    }
}

/// Refuses what was checked against a password that is not the account's any more.
fn still(tx: &mut Tx<'_>, account: AccountId, hash: &PasswordHash) -> Result<(), CustomerError> {
    let known = store::account::by_id(tx, account)?.and_then(|known| known.hash);
    let is_same = known.is_some_and(|known| known.to_string() == hash.to_string());
    if is_same { Ok(()) } else { Err(CustomerError::Refused) }
}

/// Refuses an attempt that began before the account's password was changed.
pub(crate) fn since(tx: &mut Tx<'_>, account: AccountId, began: Timestamp) -> Result<(), CustomerError> {
    let changed = usable(tx, account)?.password_at;
    if changed.is_some_and(|changed| changed > began) { Err(CustomerError::Over) } else { Ok(()) }
}

/// What attempts are counted by: what was typed as address at this site, and where it came from.
fn keys(site: &SiteId, name: &str, client: &Client) -> [Key; 2] {
    let account = Key::Account(sha256(format!("{site}\0{name}").as_bytes()));
    [account, Key::Network(ClientAddr(client.address).network())]
}

/// A password that may be used, normalized, or the first reason why not. Customers' accounts have one factor unless they say
/// otherwise, and that can be taken back: so it has to be long enough alone.
pub(crate) fn accept(chosen: &Secret<String>, context: &[&str]) -> Result<Secret<String>, CustomerError> {
    const POLICY: Policy = Policy::new(Mode::Nist, Factors::PasswordAlone);
    let context = context.iter().fold(Context::new(), |context, word| context.with(word));
    let accepted = POLICY.accept(chosen, &context, Exposure::Unknown);
    accepted.map(|accepted| accepted.secret().clone()).map_err(|assessment| {
        let code = assessment.reasons.first().map_or("common", |reason| reason.code());
        CustomerError::Weak { code }
    })
}
