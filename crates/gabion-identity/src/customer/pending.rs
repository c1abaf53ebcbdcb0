//! What somebody began who has to show first that an address is theirs: a new account, or a way back into one.
//!
//! Whether the address has an account is told to nobody but whoever reads its mail. With and without one the same is
//! written, the same amount of mail is sent, and the same page is shown; where there is nothing to be had, no code is right.

use std::time::Duration;

use gabion_core::{Secret, SiteId, Timestamp};
use gabion_crypto::digest::sha256;
use gabion_crypto::one_time::{self, Code};
use gabion_outbound::mail::PutError;
use gabion_page::text::Language;
use gabion_store::Tx;
use gabion_store::outbox::MessageId;
use gabion_web::ClientAddr;
use serde::{Deserialize, Serialize};

use super::account::{AccountId, Address, State};
use super::letter::Word;
use super::store::pending::Pending;
use super::{CustomerError, Customers, event, store};
use crate::session::Client;
use crate::throttle::Key;
use crate::token::{Token, digest_of};

gabion_core::id!(
    /// Something that was begun.
    pub PendingId, "pnd"
);

/// How long a code that was sent may take (NIST SP 800-63B-4 section 3.1.3, ASVS 6.5.5).
pub const CODE_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// How long the rest may take once the code was shown.
pub const PROVEN_LIFETIME: Duration = Duration::from_secs(30 * 60);
/// Wrong codes before a new one has to be asked for.
pub const CODE_TRIES: u32 = 5;
/// Things begun that wait at one site: above it people are asked to come back later.
pub const PENDING_MAX: usize = 10_000;

/// What was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A new account.
    Register,
    /// A way back into one.
    Recover,
    /// Neither: the address has an account already, or none. No code is right.
    Nothing,
}

impl Purpose {
    /// The name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Recover => "recover",
            Self::Nothing => "nothing",
        }
    }
}

/// A purpose this program does not know.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a purpose")]
pub struct UnknownPurpose;

impl std::str::FromStr for Purpose {
    type Err = UnknownPurpose;

    fn from_str(text: &str) -> Result<Self, UnknownPurpose> {
        let all = [Self::Register, Self::Recover, Self::Nothing];
        all.into_iter().find(|purpose| purpose.as_str() == text).ok_or(UnknownPurpose)
    }
}

/// What is remembered of who began it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    email: String,
    language: Language,
}

/// Something begun whose address was shown to be theirs.
#[derive(Clone, Debug)]
pub struct Proven {
    pub(crate) id: PendingId,
    pub(crate) purpose: Purpose,
    pub(crate) account: AccountId,
    pub(crate) email: Address,
    pub(crate) language: Language,
}

impl Proven {
    /// What was begun.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The address.
    pub fn email(&self) -> &str {
        self.email.as_str()
    }
}

impl Customers {
    /// Begins a new account for whoever reads mail at this address. What comes back stands for it: it goes to the browser and
    /// comes back with the code.
    ///
    /// # Errors
    /// [`CustomerError::Field`], [`CustomerError::Throttled`], [`CustomerError::Crowded`], [`CustomerError::NoMail`],
    /// [`CustomerError::Store`].
    pub async fn begin_registration(
        &self,
        site: &SiteId,
        email: &str,
        language: Language,
        client: &Client,
    ) -> Result<Secret<String>, CustomerError> {
        self.begin(site, email, language, client, Purpose::Register).await
    }

    /// Begins a way back into the account of whoever reads mail at this address.
    ///
    /// # Errors
    /// As [`Customers::begin_registration`].
    pub async fn begin_recovery(
        &self,
        site: &SiteId,
        email: &str,
        language: Language,
        client: &Client,
    ) -> Result<Secret<String>, CustomerError> {
        self.begin(site, email, language, client, Purpose::Recover).await
    }

    async fn begin(
        &self,
        site: &SiteId,
        email: &str,
        language: Language,
        client: &Client,
        wish: Purpose,
    ) -> Result<Secret<String>, CustomerError> {
        let known = self.site(site)?;
        let address: Address = email.parse()?;
        let letters = |to: &str| Key::Account(sha256(format!("{site}\0letter\0{to}").as_bytes()));
        // Apart from sign-ins: who asks for letters makes nobody wait who types a password.
        let network = ClientAddr(client.address).network().to_string();
        let keys = [letters(address.folded()), letters(&network)];
        // Counted whatever becomes of it: every one of them is a letter.
        self.admit(&keys)?;
        let now = self.now();
        let token = Token::new(self.entropy());
        let id = PendingId::new(now, self.entropy());
        let fresh = AccountId::new(now, self.entropy());
        let code = Code::mail(self.entropy());
        let content = Content { email: address.as_str().to_owned(), language };
        let content = self.seal("pending", &content).into_bytes();
        let letter_id = MessageId::new(now, self.entropy());
        let (digest, ring, mail) = (token.digest, self.db().keys(), self.mail().clone());
        let again = self.event(&event::REGISTERED_AGAIN, site, gabion_core::Actor::Visitor);
        let again = again.personal("address", client.address.to_string());
        let (code_purpose, of_site) = (one_time_purpose(wish), site.clone());
        self.db()
            .write(move |tx| {
                if store::pending::count(tx, &of_site)? >= PENDING_MAX {
                    return Err(CustomerError::Crowded);
                }
                let found = store::account::by_login(tx, &of_site, &address)?.map(|found| found.account);
                let usable = found.as_ref().filter(|account| account.state == State::Active);
                let (purpose, account, word) = match (wish, &found, usable) {
                    (Purpose::Register, None, _) => (wish, fresh, Word::Register),
                    (Purpose::Register, Some(account), _) => {
                        (Purpose::Nothing, account.id, Word::HaveAccount)
                    }
                    (_, _, Some(account)) => (wish, account.id, Word::Recover),
                    (_, _, None) => (Purpose::Nothing, fresh, Word::NoAccount),
                };
                let right = code.digest(code_purpose, &account.bits().to_be_bytes(), &ring);
                let row = Pending {
                    id,
                    site: of_site.clone(),
                    purpose,
                    account,
                    content: content.clone(),
                    code: Some(right),
                    tries_left: CODE_TRIES,
                    expires_at: now.after(CODE_LIFETIME),
                };
                store::pending::insert(tx, &row, &digest)?;
                let shown = (purpose != Purpose::Nothing).then(|| code.shown());
                let letter = word.letter(&known, &address, language, shown.as_ref(), now);
                let letter = if found.is_some() { letter.person(account.subject()) } else { letter };
                mail.put(tx, letter_id, &letter, now)?;
                if word == Word::HaveAccount {
                    tx.record(&again.clone().subject(account.subject()).entity("account", account))?;
                }
                Ok(())
            })
            .await?;
        Ok(token.secret)
    }

    /// Shows the code that was sent.
    ///
    /// # Errors
    /// [`CustomerError::WrongCode`], [`CustomerError::Over`] after too many of them or too long, [`CustomerError::Store`].
    pub async fn prove(&self, site: &SiteId, token: &str, code: &str) -> Result<(), CustomerError> {
        let digest = digest_of(token).ok_or(CustomerError::Over)?;
        let (now, ring) = (self.now(), self.db().keys());
        let (of_site, entered) = (site.clone(), Code::entered(code));
        let found = self
            .db()
            .write(move |tx| {
                let found = waiting(tx, &of_site, &digest, now)?;
                let Some(right) = &found.code else { return Err(CustomerError::Over) };
                // Counted before it is compared, and kept when it is wrong.
                if !store::pending::take_try(tx, found.id)? {
                    return Err(CustomerError::Over);
                }
                let owner = found.account.bits().to_be_bytes();
                let purpose = one_time_purpose(found.purpose);
                let holds = entered.as_ref().is_some_and(|code| code.is_of(right, purpose, &owner, &ring));
                if !holds || found.purpose == Purpose::Nothing {
                    return Ok(false);
                }
                Ok(store::pending::prove(tx, found.id, now.after(PROVEN_LIFETIME))?)
            })
            .await?;
        if found { Ok(()) } else { Err(CustomerError::WrongCode) }
    }

    /// What a token stands for whose code was shown.
    ///
    /// # Errors
    /// [`CustomerError::Over`] and [`CustomerError::Store`].
    pub async fn proven(&self, site: &SiteId, token: &str) -> Result<Proven, CustomerError> {
        let digest = digest_of(token).ok_or(CustomerError::Over)?;
        let (now, of_site) = (self.now(), site.clone());
        let found = self.db().read(move |tx| waiting(tx, &of_site, &digest, now)).await?;
        if found.code.is_some() || found.purpose == Purpose::Nothing {
            return Err(CustomerError::Over);
        }
        let sealed = String::from_utf8(found.content).map_err(|_| CustomerError::Over)?;
        let content: Content = self.unseal("pending", &sealed).ok_or(CustomerError::Over)?;
        Ok(Proven {
            id: found.id,
            purpose: found.purpose,
            account: found.account,
            email: content.email.parse()?,
            language: content.language,
        })
    }
}

fn waiting(
    tx: &mut Tx<'_>,
    site: &SiteId,
    digest: &[u8; 32],
    now: Timestamp,
) -> Result<Pending, CustomerError> {
    let found = store::pending::by_token(tx, digest, now)?.filter(|found| found.site == *site);
    found.ok_or(CustomerError::Over)
}

const fn one_time_purpose(purpose: Purpose) -> one_time::Purpose {
    match purpose {
        Purpose::Register => one_time::Purpose::VerifyAddress,
        Purpose::Recover | Purpose::Nothing => one_time::Purpose::RecoverAccount,
    }
}

impl From<PutError> for CustomerError {
    fn from(error: PutError) -> Self {
        match error {
            PutError::NotConfigured => Self::NoMail,
            PutError::Full => Self::Crowded,
            PutError::Store(error) => Self::Store(error),
        }
    }
}
