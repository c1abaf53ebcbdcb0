//! Mail on a database of its own, with a clock that tests move.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gabion_core::{Clock, Timestamp};
use gabion_outbound::mail::{
    Deps, Letter, Login, Mail, MailConfig, Patience, PutError, Security, SmtpConfig, Transport,
};
use gabion_store::outbox::{self, MessageId};
use gabion_store::{Db, StorageConfig, StoreDeps, StoreError, params};
use gabion_test::postgres::Database;
use gabion_test::{SeededEntropy, TestClock};
use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls_pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use crate::server::Server;

/// A mail server's certificate, and a client that believes it.
pub(crate) struct Authority {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) client: Arc<rustls::ClientConfig>,
}

impl Authority {
    /// For one name.
    pub(crate) fn new(name: &str) -> Self {
        let root_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let root = params.self_signed(&root_key).unwrap();
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::new(params, root_key);
        let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let server = rustls::ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], private)
            .unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(root.der().clone()).unwrap();
        Self { acceptor: TlsAcceptor::from(Arc::new(server)), client: client(roots) }
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn client(roots: rustls::RootCertStore) -> Arc<rustls::ClientConfig> {
    let config =
        rustls::ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    Arc::new(config.unwrap().with_root_certificates(roots).with_no_client_auth())
}

/// A client that believes nobody.
pub(crate) fn nobody() -> Arc<rustls::ClientConfig> {
    client(rustls::RootCertStore::empty())
}

pub(crate) struct World {
    pub(crate) db: Db,
    pub(crate) clock: TestClock,
    pub(crate) entropy: Arc<SeededEntropy>,
    folder: tempfile::TempDir,
    // Dropped last: the database is closed by then.
    _database: Option<Database>,
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = StorageConfig::new(format!("sqlite:{}", folder.path().join("gabion.db").display()));
        Self::on(config, folder, None).await
    }

    /// None, with a message, when there is no server.
    pub(crate) async fn postgres() -> Option<Self> {
        let database = Database::create()?;
        let folder = tempfile::tempdir().unwrap();
        let mut config = StorageConfig::new(database.url());
        config.files = Some(folder.path().to_owned());
        Some(Self::on(config, folder, Some(database)).await)
    }

    async fn on(config: StorageConfig, folder: tempfile::TempDir, database: Option<Database>) -> Self {
        let clock = TestClock::new();
        let entropy = Arc::new(SeededEntropy::new(1));
        let deps = StoreDeps { clock: Arc::new(clock.clone()), entropy: entropy.clone() };
        let db = Db::open(config, deps).await.unwrap();
        db.migrate(&[gabion_outbound::MIGRATIONS]).await.unwrap();
        Self { db, clock, entropy, folder, _database: database }
    }

    pub(crate) fn deps(&self, tls: Arc<rustls::ClientConfig>) -> Deps {
        Deps { db: self.db.clone(), clock: Arc::new(self.clock.clone()), entropy: self.entropy.clone(), tls }
    }

    /// Mail to a server over a line without protection.
    pub(crate) fn mail_to(&self, server: &Server) -> Mail {
        self.mail(config(server, Security::Plain), nobody())
    }

    pub(crate) fn mail(&self, smtp: SmtpConfig, tls: Arc<rustls::ClientConfig>) -> Mail {
        Mail::new(Some(configured(Transport::Smtp(smtp))), self.deps(tls)).unwrap()
    }

    pub(crate) fn capturing(&self) -> Mail {
        Mail::new(Some(configured(Transport::Captured)), self.deps(nobody())).unwrap()
    }

    /// A login whose password file holds a password.
    pub(crate) fn login(&self, user: &str, password: &str) -> Login {
        use std::os::unix::fs::PermissionsExt;
        let password_file: PathBuf = self.folder.path().join("password");
        std::fs::write(&password_file, password).unwrap();
        std::fs::set_permissions(&password_file, std::fs::Permissions::from_mode(0o600)).unwrap();
        Login { user: user.to_owned(), password_file }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn id(&self) -> MessageId {
        self.clock.advance(Duration::from_millis(1));
        MessageId::new(self.now(), &*self.entropy)
    }

    pub(crate) async fn try_put(&self, mail: &Mail, letter: Letter) -> Result<MessageId, PutError> {
        let (mail, id, now) = (mail.clone(), self.id(), self.now());
        self.db.write(move |tx| mail.put(tx, id, &letter, now)).await?;
        Ok(id)
    }

    pub(crate) async fn put(&self, mail: &Mail, letter: Letter) -> MessageId {
        self.try_put(mail, letter).await.unwrap()
    }

    pub(crate) async fn waiting(&self) -> u64 {
        self.db.read::<_, StoreError, _>(|tx| outbox::standing(tx, "mail")).await.unwrap().waiting
    }

    /// The oldest message of the outbox, as whoever has the database sees it.
    pub(crate) async fn oldest(&self) -> String {
        let standing: Result<_, StoreError> = self.db.read(|tx| outbox::standing(tx, "mail")).await;
        format!("{:?}", standing.unwrap())
    }

    /// The events of a kind, oldest first: their fields as whoever has the database sees them.
    pub(crate) async fn events(&self, kind: &'static str) -> Vec<String> {
        let read = self.db.read::<_, StoreError, _>(move |tx| {
            let sql = "SELECT fields FROM gabion_event WHERE kind = $1 ORDER BY at, id";
            tx.query(sql, params![kind])?.iter().map(|row| row.get("fields")).collect()
        });
        read.await.unwrap()
    }
}

pub(crate) fn configured(transport: Transport) -> MailConfig {
    MailConfig { from: "Tidewater Tea <tea@shop.example>".parse().unwrap(), transport }
}

/// A server on this machine that is waited for as long as a test may take.
pub(crate) fn config(server: &Server, security: Security) -> SmtpConfig {
    SmtpConfig {
        security,
        host: if security == Security::Plain { "127.0.0.1" } else { "localhost" }.to_owned(),
        port: server.address.port(),
        login: None,
        ca: None,
        patience: Patience { connect: Duration::from_secs(20), command: Duration::from_secs(20) },
    }
}

pub(crate) fn letter(to: &str, text: &str) -> Letter {
    Letter::new("sign_in.code", to.parse().unwrap(), "Your code", text).unwrap()
}

/// Runs cases on both engines.
macro_rules! on_both {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $case() {
                super::$case(crate::world::World::sqlite().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $case() {
                if let Some(world) = crate::world::World::postgres().await {
                    super::$case(world).await;
                }
            })*
        }
    };
}
pub(crate) use on_both;
