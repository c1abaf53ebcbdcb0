//! `gabion run`: opens the database, starts the edge and the control plane, follows signals.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use gabion_console::control::{Control, Demo};
use gabion_console::{Console, Deps as ConsoleDeps};
use gabion_core::blame::chain;
use gabion_core::{Actor, Clock, Entropy, SystemClock, Timestamp};
use gabion_crypto::{EntropyAhead, KeyUse, SystemEntropy};
use gabion_edge::tls::Challenges;
use gabion_edge::{Edge, EdgeDeps, EventSink, OwnPages, Plane, Sessions, Sockets};
use gabion_identity::customer::{Customers, Deps as CustomerDeps};
use gabion_identity::{Deps as IdentityDeps, Identity, Passwords, Shells};
use gabion_page::CONSOLE_CSP;
use gabion_page::shell::Shell;
use gabion_pages::{Deps as PagesDeps, Pages};
use gabion_store::backup::{BackupSummary, Existing};
use gabion_store::lane::{Lane, LaneConfig};
use gabion_store::{Db, Migrations, StoreDeps};
use gabion_web::{AllowedHosts, Csrf, Principal};
use http::HeaderValue;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::access::{self, AccessBook, Deps as AccessDeps};
use crate::accounts::EdgeAccounts;
use crate::admin::{self, Answer, Answerer, Ask};
use crate::certificates::{CONTROL_NAMES, Certificates, Deps as CertificateDeps};
use crate::config::{Config, store};
use crate::control_plane::ControlPlane;
use crate::counter;
use crate::drill;
use crate::exit::{CANNOT_CREATE, Failure, UNAVAILABLE, USAGE};
use crate::handover::{self, Standing, Successor};
use crate::heartbeat::{self, HeartbeatSection};
use crate::lane::EdgeLane;
use crate::mail;
use crate::outside::Looker;
use crate::pages::{self, EdgePages};
use crate::product::{self, Product, compose};
use crate::quarantine::desk::Desk;
use crate::quarantine::{Store, command};
use crate::service;
use crate::uploads;
use crate::waf::Rulebook;

/// How a run ended without an error.
pub(crate) enum End {
    /// It was told to stop.
    Stopped,
    /// A command answered no, and told it.
    No,
    /// It was told to restart: everything is closed but the listening sockets.
    HandOver(Successor),
}

/// Runs the product until it is told to stop, on sockets that were handed in or new ones.
///
/// # Errors
/// Whatever keeps it from starting.
pub(crate) async fn run(config: Config, sockets: Arc<Sockets>) -> Result<End, Failure> {
    handover::settle(&sockets, &config)?;
    start(config, None, sockets).await?.until_told().await
}

/// Waits for SIGINT or SIGTERM, from the call on.
pub(crate) fn interrupted() -> impl Future<Output = ()> {
    let listen = |kind| signal(kind).expect("signals can be waited for");
    let mut interrupt = listen(SignalKind::interrupt());
    let mut terminate = listen(SignalKind::terminate());
    async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

fn entropy() -> Arc<dyn Entropy> {
    Arc::new(SystemEntropy::default())
}

fn unavailable(error: &dyn std::error::Error) -> Failure {
    Failure::new(UNAVAILABLE, chain(error))
}

/// The tables of every domain, in the order they are brought up to date.
pub(crate) const DOMAINS: [Migrations; 5] = [
    gabion_identity::MIGRATIONS,
    store::MIGRATIONS,
    access::MIGRATIONS,
    gabion_pages::MIGRATIONS,
    gabion_outbound::MIGRATIONS,
];

fn make_data_folder(config: &Config) -> Result<(), Failure> {
    let folder = config.data_folder();
    std::fs::create_dir_all(&folder)
        .map_err(|error| Failure::new(CANNOT_CREATE, format!("{}: {error}", folder.display())))
}

/// Opens the database of a configuration and brings every domain's tables up to date.
async fn open_database(config: &Config) -> Result<Db, Failure> {
    make_data_folder(config)?;
    let deps = StoreDeps { clock: clock(), entropy: entropy() };
    let db = Db::open(config.storage(), deps).await.map_err(|error| unavailable(&error))?;
    db.migrate(&DOMAINS).await.map_err(|error| unavailable(&error))?;
    Ok(db)
}

/// The database, opened by a command while nothing runs.
pub(crate) struct Opened {
    db: Db,
    identity: Identity,
    in_force: Config,
}

impl Opened {
    /// Opens it.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(crate) async fn open(config: &Config) -> Result<Self, Failure> {
        let db = open_database(config).await?;
        let newest = db.read(store::newest).await.map_err(|error| unavailable(&error))?;
        let (in_force, ..) = compose(config, newest.as_ref());
        let identity_config = in_force.sections.identity.clone();
        let deps = IdentityDeps {
            db: db.clone(),
            clock: clock(),
            entropy: entropy(),
            passwords: Passwords::new(identity_config.hash_threads(), db.clone(), entropy()),
            shells: Arc::new(Frames(None)),
        };
        let identity = Identity::new(identity_config, deps);
        Ok(Self { db, identity, in_force })
    }

    /// The configuration as it would be in force.
    pub(crate) fn export(&self) -> String {
        product::export(&self.in_force, 0)
    }

    /// A one-time link for an owner.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub(crate) async fn setup_link(&self) -> Result<String, Failure> {
        setup_link(&self.identity, self.in_force.sections.listen.control.port()).await
    }

    /// Copies the database.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub(crate) async fn backup(&self, path: &Path) -> Result<String, Failure> {
        backup(&self.db, path).await
    }

    /// Gives the database free.
    pub(crate) async fn close(self) {
        self.identity.settle().await;
        drop(self.identity);
        self.db.close().await;
    }
}

async fn setup_link(identity: &Identity, port: u16) -> Result<String, Failure> {
    let link = identity.issue_setup_link(Actor::Shell).await.map_err(|error| unavailable(&error))?;
    Ok(format!("https://127.0.0.1:{port}{}", link.path.expose()))
}

async fn backup(db: &Db, path: &Path) -> Result<String, Failure> {
    if path.exists() {
        return Err(Failure::new(CANNOT_CREATE, format!("{} is there already", path.display())));
    }
    let summary = db.backup(path).await.map_err(|error| unavailable(&error))?;
    Ok(format!("{}: {}", path.display(), describe(&summary)))
}

fn describe(summary: &BackupSummary) -> String {
    let BackupSummary { created_at, position, tables, rows, checksum } = summary;
    format!(
        "{rows} rows in {tables} tables as of {created_at}, journal position {position}, SHA-256 {checksum}"
    )
}

/// Puts a backup in place.
///
/// # Errors
/// When the product runs, the backup is damaged, or the database holds data and `force` is not given.
pub(crate) async fn restore(config: &Config, from: &Path, force: bool) -> Result<String, Failure> {
    make_data_folder(config)?;
    let deps = StoreDeps { clock: clock(), entropy: entropy() };
    let existing = if force { Existing::Replace } else { Existing::Keep };
    let summary = gabion_store::backup::restore(config.storage(), deps, from, DOMAINS.to_vec(), existing)
        .await
        .map_err(|error| unavailable(&error))?;
    Ok(format!("Restored {}", describe(&summary)))
}

/// The frames of pages: drawn by the console, plain where there is none.
struct Frames(Option<(Console, Product)>);

impl Shells for Frames {
    fn console(&self, by: &Principal, title: &str, path: &str) -> Shell {
        match &self.0 {
            Some((console, _)) => console.shell(by, title, path),
            None => self.plain(title),
        }
    }

    fn plain(&self, title: &str) -> Shell {
        let site_name = self.0.as_ref().map(|(_, product)| product.name()).unwrap_or_default();
        Shell { title: title.to_owned(), site_name, ..Shell::default() }
    }
}

/// The product at work.
pub(crate) struct Started {
    product: Product,
    identity: Identity,
    control_plane: ControlPlane,
    console: Console,
    db: Db,
    lane: Lane,
    sockets: Arc<Sockets>,
    // Asks to restart; each was checked before.
    restart: mpsc::Receiver<()>,
    asking: mpsc::Sender<()>,
    _tasks: Vec<AbortOnDropHandle<()>>,
}

/// Starts everything: database first, then the edge, then the control plane.
///
/// # Errors
/// Whatever keeps it from starting; then nothing runs.
pub(crate) async fn start(
    file: Config,
    demo: Option<Demo>,
    sockets: Arc<Sockets>,
) -> Result<Started, Failure> {
    let started = clock().now();
    let db = open_database(&file).await?;
    let lane =
        Lane::open(file.data_folder().join("edge-events.db"), LaneConfig::default(), clock(), entropy())
            .await
            .map_err(|error| unavailable(&error))?;
    let events: Arc<dyn EventSink> = Arc::new(EdgeLane(lane.clone()));
    let newest = db.read(store::newest).await.map_err(|error| unavailable(&error))?;
    let (mut in_force, overlay, version) = compose(&file, newest.as_ref());

    let mail = mail::open(in_force.mail(), db.clone(), clock(), entropy())?;
    let challenges = Challenges::default();
    let certificate_deps = CertificateDeps {
        clock: clock(),
        entropy: entropy(),
        events: Arc::clone(&events),
        challenges: challenges.clone(),
    };
    let certificates =
        Certificates::open(&in_force, certificate_deps).map_err(|error| unavailable(&error))?;
    let control_tls = certificates.control_tls().map_err(|error| unavailable(&error))?;
    let pages = Pages::new(
        in_force.sections.looks.clone(),
        PagesDeps { db: db.clone(), clock: clock(), entropy: entropy() },
    );
    pages.refresh().await.map_err(|error| unavailable(&error))?;
    let (sightings, seen) = gabion_pages::channel();
    let rulebook = Rulebook::new(clock());
    let equipped = rulebook.equip(in_force.edge()).await.map_err(|error| Failure::new(USAGE, error))?;
    let identity_config = in_force.sections.identity.clone();
    let passwords = Passwords::new(identity_config.hash_threads(), db.clone(), entropy());
    let customer_deps = CustomerDeps {
        db: db.clone(),
        clock: clock(),
        entropy: entropy(),
        passwords: passwords.clone(),
        mail: mail.clone(),
    };
    let customers = Customers::new(in_force.sections.customers.clone(), in_force.customers(), customer_deps);
    let accounts = Arc::new(EdgeAccounts::new(customers.clone()));
    let equipped = uploads::equip(equipped).await.map_err(|error| Failure::new(USAGE, error))?;
    let ring = db.clone();
    let quarantine = Store::open(&in_force.data_folder(), move || ring.keys(), clock(), entropy())
        .map_err(|error| Failure::new(CANNOT_CREATE, format!("quarantine: {error}")))?;
    let edge = Edge::start(
        equipped,
        EdgeDeps {
            clock: clock(),
            entropy: Arc::new(EntropyAhead::new()),
            events: Arc::clone(&events),
            pages: Arc::new(EdgePages(sightings)),
            tls: certificates.public_tls().map_err(|error| unavailable(&error))?,
            sockets: Arc::clone(&sockets),
            sticky_key: db.keys().current(KeyUse::Sticky).secret.clone(),
            challenges,
            scratch: in_force.data_folder(),
            sharing: counter::sharing(&file.storage(), &db).map_err(|error| unavailable(&error))?,
            quarantine: Some(Arc::new(quarantine.clone())),
            own: Some(Arc::clone(&accounts) as Arc<dyn OwnPages>),
            sessions: Some(accounts as Arc<dyn Sessions>),
        },
    )
    .map_err(|error| unavailable(&error))?;

    let heartbeat = in_force.sections.heartbeat.take().map(|section| {
        let ca = section.ca.as_deref().map(|ca| in_force.resolve(ca));
        HeartbeatSection { ca, ..section }
    });
    let control_address = in_force.sections.listen.control;
    let access_deps = AccessDeps { edge: edge.clone(), db: db.clone(), clock: clock(), entropy: entropy() };
    let access = AccessBook::open(access_deps).await.map_err(|error| unavailable(&error))?;
    let product_deps = product::Deps {
        access: access.clone(),
        edge: edge.clone(),
        rulebook,
        certificates,
        customers: customers.clone(),
        db: db.clone(),
        events,
        clock: clock(),
        entropy: entropy(),
        demo,
    };
    let product = Product::new(product_deps, file, in_force, overlay, version);
    let desk = Desk { store: quarantine.clone(), db: db.clone(), clock: clock(), entropy: entropy() };
    let ring = db.clone();
    let console = Console::new(ConsoleDeps {
        edge,
        control: Arc::new(product.clone()),
        db: db.clone(),
        lane: lane.clone(),
        pages: pages.clone(),
        uploads: Arc::new(desk.clone()),
        mail: mail.clone(),
        clock: clock(),
        entropy: entropy(),
        csrf: Csrf::new(move || ring.keys()),
    });
    let frames = Arc::new(Frames(Some((console.clone(), product.clone()))));
    let identity = Identity::new(
        identity_config,
        IdentityDeps { db: db.clone(), clock: clock(), entropy: entropy(), passwords, shells: frames },
    );
    let router = router(&console, &identity, control_address.ip().to_string());
    let control_plane = ControlPlane::start(&sockets, control_address, control_tls, router)
        .map_err(|error| Failure::new(UNAVAILABLE, format!("console on {control_address}: {error}")))?;
    tracing::info!(address = %control_plane.address, "Console on https://{}", control_plane.address);

    let admin = admin::listen(&product.data_folder()).map_err(|error| unavailable(&error))?;
    let (asking, restart) = mpsc::channel(1);
    let answers = Answers {
        product: product.clone(),
        pages: pages.clone(),
        identity: identity.clone(),
        db: db.clone(),
        desk,
        control: control_plane.address,
        started,
        restart: asking.clone(),
    };
    let mut tasks = vec![
        spawn(product.clone().watch_bypass()),
        spawn(access.run()),
        spawn(quarantine.run()),
        spawn(identity.clone().run()),
        spawn(customers.clone().run()),
        spawn(mail.run()),
        spawn(admin::serve(admin, Arc::new(answers))),
        spawn(service::watchdog(product.edge().clone())),
        spawn(pages::hold(product.edge().clone(), pages.holdings())),
        spawn(pages.run(seen, Arc::new(Looker::new(product.clone())))),
    ];
    let heartbeat = heartbeat.map(|section| heartbeat::run(section, product.clone(), db.clone()));
    tasks.extend(heartbeat.map(spawn));
    Ok(Started {
        product,
        identity,
        control_plane,
        console,
        db,
        lane,
        sockets,
        restart,
        asking,
        _tasks: tasks,
    })
}

fn spawn(task: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(task))
}

/// Every domain's routes behind one authentication and one outside.
fn router(console: &Console, identity: &Identity, control_host: String) -> Router {
    let routes = console.pages().merge(console.api()).merge(identity.pages()).merge(identity.api());
    let routes = identity.authenticate(routes.merge(console.probes()));
    let hosts = CONTROL_NAMES.iter().map(|name| (*name).to_owned()).chain([control_host]);
    let plane = gabion_web::Plane {
        hosts: AllowedHosts::new(hosts),
        csp: HeaderValue::from_static(CONSOLE_CSP),
        error_page: console.error_page(),
        clock: clock(),
        entropy: entropy(),
    };
    plane.finish(routes)
}

impl Started {
    /// A one-time link while there is no owner yet.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn setup_link(&self) -> Result<Option<String>, Failure> {
        if !self.identity.needs_setup().await.map_err(|error| unavailable(&error))? {
            return Ok(None);
        }
        setup_link(&self.identity, self.control_plane.address.port()).await.map(Some)
    }

    /// Serves until SIGINT or SIGTERM; SIGHUP reloads, SIGUSR2 restarts in place.
    ///
    /// # Errors
    /// When signals cannot be waited for, or the sockets cannot be handed over.
    pub(crate) async fn until_told(mut self) -> Result<End, Failure> {
        let mut hangup = signal(SignalKind::hangup())?;
        let mut replace = signal(SignalKind::user_defined2())?;
        let mut interrupted = std::pin::pin!(interrupted());
        for (plane, address) in self.product.edge().addresses() {
            let scheme = if plane == Plane::Https { "https" } else { "http" };
            tracing::info!(%address, "Serving {scheme}://{address}");
        }
        service::ready(self.product.edge());
        loop {
            tokio::select! {
                () = &mut interrupted => {
                    self.stop().await;
                    return Ok(End::Stopped);
                }
                Some(()) = self.restart.recv() => return self.hand_over().await.map(End::HandOver),
                _ = replace.recv() => drop(tokio::spawn(handover::ask_successor(self.asking.clone()))),
                _ = hangup.recv() => self.reload().await,
            }
        }
    }

    async fn reload(&self) {
        service::reloading("reading the configuration");
        match self.product.reload().await {
            Ok(()) => tracing::info!("Configuration reloaded"),
            Err(error) => {
                tracing::error!(%error, "Configuration not reloaded, the old one stays: {error}");
            }
        }
        service::ready(self.product.edge());
    }

    async fn stop(self) {
        tracing::info!("Stopping: no new connections, running requests finish");
        service::stopping();
        self.console.stop();
        let cut = self.product.edge().stop_and_drain().await;
        self.close(cut).await;
    }

    /// Ends everything but the listening sockets: new connections wait in the system's queue.
    async fn hand_over(self) -> Result<Successor, Failure> {
        tracing::info!("Restarting in place: new connections wait, running requests finish");
        service::reloading("restarting in place");
        self.console.stop();
        let cut = self.product.edge().stop_and_hand_over().await;
        let copies = self.sockets.copies();
        self.close(cut).await;
        Ok(Successor::new(copies?))
    }

    async fn close(self, cut: usize) {
        if cut > 0 {
            tracing::warn!(cut, "{cut} connections were cut after the drain time");
        }
        self.control_plane.stop().await;
        self.identity.settle().await;
        drop((self.product, self.identity, self.console, self._tasks));
        self.lane.close().await;
        self.db.close().await;
    }
}

/// What `gabion check` says of a CDN that nobody told Gabion of.
fn cdn_hint(edge: &Edge) -> String {
    let hint = |cdn| {
        format!(
            "\nRequests seem to come through {cdn}, whose addresses are not in listen.trusted_proxies. If you use it, add \
             its networks; if not, somebody pretends."
        )
    };
    edge.unbelieved_cdn().map(hint).unwrap_or_default()
}

/// Answers the commands.
struct Answers {
    product: Product,
    pages: Pages,
    identity: Identity,
    db: Db,
    desk: Desk,
    control: SocketAddr,
    started: Timestamp,
    restart: mpsc::Sender<()>,
}

impl Answers {
    async fn standing(&self) -> Result<String, Failure> {
        let applied = self.db.read(gabion_store::applied_steps).await.map_err(|error| unavailable(&error))?;
        let public = self.product.edge().addresses().into_iter().map(|(_, address)| address);
        let listening = public.chain([self.control]).collect();
        Ok(Standing { started: self.started, listening, applied }.to_text())
    }

    async fn drill(&self, site: Option<&str>, page: Option<&str>) -> Result<String, Failure> {
        let found = drill::skimmer(&self.product, &self.pages, entropy().as_ref(), site, page).await?;
        Ok(serde_json::to_string(&found).expect("it has no keys that are not text"))
    }
}

impl Answerer for Answers {
    async fn answer(&self, ask: Ask) -> Answer {
        let result = match ask {
            Ask::SetupLink => setup_link(&self.identity, self.control.port()).await,
            Ask::Backup { path } => backup(&self.db, &path).await,
            Ask::Export => Ok(self.product.export()),
            Ask::Settings => Ok(self.product.changes_as_text() + &cdn_hint(self.product.edge())),
            Ask::Standing => self.standing().await,
            Ask::DrillSkimmer { site, page } => self.drill(site.as_deref(), page.as_deref()).await,
            Ask::Restart => handover::ask_successor(self.restart.clone()).await,
            Ask::ListUploads => command::list(&self.desk).await,
            Ask::ReleaseUpload { id, path } => command::release(&self.desk, &id, path).await,
            Ask::DeleteUpload { id } => command::delete(&self.desk, &id).await,
        };
        result.map_or_else(|failure| Answer::Failed(failure.message().to_owned()), Answer::Done)
    }
}
