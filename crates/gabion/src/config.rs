//! The operator's file and the console's changes over it, composed into one checked configuration.

pub(crate) mod overlay;
pub(crate) mod place;
pub(crate) mod settings;
pub(crate) mod store;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gabion_core::SiteId;
use gabion_edge::EdgeConfig;
use gabion_edge::config::{
    AccessLogSection, ClamAvAddress, ClamAvConfig, EdgeSections, Invalid, LimitsSection, ListenSection,
    LogTarget, PagesSection, RateLimitSection, Requires, RouteSection, RuleSource, SiteSection,
    TelemetrySection, UploadSection, UpstreamSection, WafSection,
};
use gabion_edge::tls::acme::{AcmeMode, ChallengeKind, InvalidAcme};
use gabion_edge::tls::config::InvalidTlsSettings;
use gabion_edge::tls::{Name, TlsMode, TlsSettings};
use gabion_identity::IdentityConfig;
use gabion_identity::customer::{CustomersConfig, Site as CustomerSite, SiteRefused, Sites};
use gabion_outbound::mail::{InvalidMail, MailConfig, MailSection};
use gabion_pages::LooksSection;
use gabion_store::StorageConfig;
use serde::Deserialize;

use overlay::Overlay;

use crate::heartbeat::HeartbeatSection;

/// Bytes of a configuration file. A thousand routes fit many times.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The sections of `gabion.toml`, each owned by its domain.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sections {
    /// `[[site]]`.
    #[serde(default)]
    pub(crate) site: Vec<SiteSection>,
    /// `[listen]`.
    #[serde(default)]
    pub(crate) listen: ListenSection,
    /// `[limits]`.
    #[serde(default)]
    pub(crate) limits: LimitsSection,
    /// `[access_log]`.
    #[serde(default)]
    pub(crate) access_log: AccessLogSection,
    /// `[telemetry]`.
    #[serde(default)]
    pub(crate) telemetry: TelemetrySection,
    /// `[waf]`.
    #[serde(default)]
    pub(crate) waf: WafSection,
    /// `[pages]`.
    #[serde(default)]
    pub(crate) pages: PagesSection,
    /// `[looks]`.
    #[serde(default)]
    pub(crate) looks: LooksSection,
    /// `[upload]`.
    #[serde(default)]
    pub(crate) upload: UploadSection,
    /// `[tls]`.
    #[serde(default)]
    pub(crate) tls: TlsSettings,
    /// `[storage]`.
    #[serde(default = "default_storage")]
    pub(crate) storage: StorageConfig,
    /// `[identity]`.
    #[serde(default)]
    pub(crate) identity: IdentityConfig,
    /// `[customers]`.
    #[serde(default)]
    pub(crate) customers: CustomersConfig,
    /// `[mail]`.
    pub(crate) mail: Option<MailSection>,
    /// `[heartbeat]`.
    pub(crate) heartbeat: Option<HeartbeatSection>,
    /// `[[upstream]]`.
    #[serde(default)]
    pub(crate) upstream: Vec<UpstreamSection>,
    /// `[[route]]`.
    #[serde(default)]
    pub(crate) route: Vec<RouteSection>,
    /// `[[rate_limit]]`.
    #[serde(default)]
    pub(crate) rate_limit: Vec<RateLimitSection>,
}

fn default_storage() -> StorageConfig {
    StorageConfig::new("sqlite:data/gabion.db")
}

/// A configuration that is wrong: where, why, and what would be right. Nothing was bound or changed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.line_of_text())]
pub(crate) struct ConfigError {
    /// The file.
    pub(crate) path: PathBuf,
    /// Line and column, counted from 1.
    pub(crate) place: Option<(usize, usize)>,
    /// What is wrong.
    pub(crate) message: String,
    /// The nearest name that would have been right.
    pub(crate) nearest: Option<String>,
}

impl ConfigError {
    fn line_of_text(&self) -> String {
        let place = self.place.map(|(line, column)| format!(":{line}:{column}")).unwrap_or_default();
        let nearest =
            self.nearest.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        format!("{}{place}: {}{nearest}", self.path.display(), self.message)
    }
}

/// A file that was read, and what it says.
#[derive(Debug)]
pub(crate) struct Config {
    /// Where the file is.
    pub(crate) path: PathBuf,
    /// Its sections, with the overlay applied.
    pub(crate) sections: Sections,
    /// The same as a table, for export.
    pub(crate) table: toml::Table,
    text: String,
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub(crate) fn load(path: &Path) -> Result<Self, ConfigError> {
        let wrong =
            |message: String| ConfigError { path: path.to_owned(), place: None, message, nearest: None };
        let meta = std::fs::metadata(path).map_err(|error| {
            wrong(format!("{error}; `gabion init --origin URL --domain NAME` writes a configuration"))
        })?;
        if meta.len() > FILE_BYTES_MAX {
            return Err(wrong(format!("larger than {FILE_BYTES_MAX} bytes: is this the right file?")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        Self::parse(path, text)
    }

    /// Checks the text of a file.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub(crate) fn parse(path: &Path, text: String) -> Result<Self, ConfigError> {
        let sections = toml::from_str(&text).map_err(|error| place::syntax(path, &text, &error))?;
        let table = text.parse::<toml::Table>().map_err(|error| place::syntax(path, &text, &error))?;
        let config = Self { path: path.to_owned(), sections, table, text };
        config.check()?;
        Ok(config)
    }

    /// The same file with the console's changes laid over it.
    ///
    /// # Errors
    /// The change that cannot work, by its path.
    pub(crate) fn with(&self, overlay: &Overlay) -> Result<Self, overlay::OverlayError> {
        let table = overlay.apply(self.text.parse().expect("the text was parsed before"))?;
        let text = toml::to_string(&table).expect("a table that was parsed can be written");
        let applied = Self::parse(&self.path, text);
        // The place is one of the merged text, which nobody has seen.
        applied
            .map(|applied| Self { text: self.text.clone(), ..applied })
            .map_err(|error| overlay::OverlayError::Unusable { message: error.message })
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.edge_or_invalid().map_err(|invalid| place::invalid(&self.path, &self.text, invalid))?;
        let wrong =
            |message: String| ConfigError { path: self.path.clone(), place: None, message, nearest: None };
        self.checked_tls_mode().map_err(|error| wrong(error.to_string()))?;
        self.sections.storage.check().map_err(|error| wrong(format!("[storage] {error}")))?;
        self.sections.identity.check().map_err(|error| wrong(error.to_string()))?;
        self.sections.customers.check().map_err(|error| wrong(error.to_string()))?;
        self.checked_customers().map_err(|error| wrong(format!("[customers] {error}")))?;
        if self.sections.customers.enabled && self.sections.mail.is_none() {
            let message =
                "[customers] needs [mail]: the code that shows that an address is somebody's comes by letter";
            return Err(wrong(message.to_owned()));
        }
        self.sections.looks.check().map_err(|error| wrong(error.to_string()))?;
        self.checked_mail().map_err(|error| {
            let InvalidMail { span, message } = error;
            place::invalid(&self.path, &self.text, Invalid { span, message })
        })?;
        if let Some(heartbeat) = &self.sections.heartbeat {
            heartbeat.check().map_err(|error| wrong(error.to_string()))?;
        }
        self.names().map_err(|error| wrong(error.to_string()))?;
        Ok(())
    }

    /// Where letters go, with paths resolved; none where mail is not configured.
    pub(crate) fn mail(&self) -> Option<MailConfig> {
        self.checked_mail().expect("the configuration was checked when it was read")
    }

    fn checked_mail(&self) -> Result<Option<MailConfig>, InvalidMail> {
        let section = self.sections.mail.as_ref();
        section.map(|section| section.check(|path| self.resolve(path))).transpose()
    }

    /// The sites whose customers have accounts.
    fn sites_with_accounts(&self) -> BTreeSet<SiteId> {
        let sites = self.sections.site.iter().filter(|_| self.sections.customers.enabled);
        sites.filter_map(SiteSection::known_as).collect()
    }

    /// Refuses what the edge could do and nobody above it says anything about yet.
    fn check_gates(&self) -> Result<(), Invalid> {
        for route in &self.sections.route {
            let staff = route.requires.as_ref().filter(|requires| *requires.get_ref() == Requires::Staff);
            if let Some(span) = staff {
                return Err(Invalid::at(
                    span,
                    "staff sign in at the console only; use \"second_factor\" or \"customer\"",
                ));
            }
            if let Some(span) = route.forward_identity.as_ref().filter(|forward| *forward.get_ref()) {
                return Err(Invalid::at(span, "no statement about customers is signed yet; leave it out"));
            }
        }
        Ok(())
    }

    /// The same, with what sign-in needs to know of them.
    pub(crate) fn customers(&self) -> Sites {
        self.checked_customers().expect("the configuration was checked when it was read")
    }

    fn checked_customers(&self) -> Result<Sites, SiteRefused> {
        if !self.sections.customers.enabled {
            return Ok(Sites::default());
        }
        let sites = self.edge_or_invalid().map(|edge| edge.sites).unwrap_or_default();
        let known = sites.iter().map(|site| {
            let origins = site.origins.iter().filter(|origin| origin.https).map(ToString::to_string);
            let origins: Vec<String> = origins.collect();
            let known = CustomerSite::new(site.id.clone(), &site.name, site.language, &origins)?;
            Ok((site.id.clone(), Arc::new(known)))
        });
        known.collect()
    }

    fn edge_or_invalid(&self) -> Result<EdgeConfig, Invalid> {
        let sections = &self.sections;
        let mut edge = EdgeConfig::check(EdgeSections {
            listen: &sections.listen,
            limits: &sections.limits,
            access_log: &sections.access_log,
            telemetry: &sections.telemetry,
            waf: &sections.waf,
            pages: &sections.pages,
            upload: &sections.upload,
            sites: &sections.site,
            upstreams: &sections.upstream,
            routes: &sections.route,
            rate_limits: &sections.rate_limit,
            accounts: &self.sites_with_accounts(),
        })?;
        self.check_gates()?;
        for upstream in &mut edge.upstreams {
            upstream.ca = upstream.ca.take().map(|ca| self.resolve(&ca));
            if let Some(identity) = &mut upstream.identity {
                identity.cert = self.resolve(&identity.cert);
                identity.key = self.resolve(&identity.key);
            }
            if let Some(header) = &mut upstream.secret_header {
                header.value_file = self.resolve(&header.value_file);
            }
        }
        for source in &mut edge.waf.rules {
            if let RuleSource::Path(path) = source {
                *path = self.resolve(path);
            }
        }
        for path in &mut edge.upload.rules {
            *path = self.resolve(path);
        }
        if let Some(ClamAvConfig { address: ClamAvAddress::Unix(path), .. }) = &mut edge.upload.clamav {
            *path = self.resolve(path);
        }
        if let Some(telemetry) = &mut edge.telemetry {
            telemetry.ca = telemetry.ca.take().map(|ca| self.resolve(&ca));
            telemetry.headers = telemetry.headers.take().map(|headers| self.resolve(&headers));
        }
        let access_log = edge.access_log.as_mut().map(|log| &mut log.target);
        for target in access_log.into_iter().chain(&mut edge.audit_log) {
            if let LogTarget::File { path, .. } = target {
                *path = self.resolve(path);
            }
        }
        Ok(edge)
    }

    /// The edge's part, checked.
    pub(crate) fn edge(&self) -> EdgeConfig {
        self.edge_or_invalid().expect("the configuration was checked when it was read")
    }

    /// Where certificates come from, with paths resolved and ACME's groups of names complete.
    pub(crate) fn tls_mode(&self) -> TlsMode {
        self.checked_tls_mode().expect("the configuration was checked when it was read")
    }

    fn checked_tls_mode(&self) -> Result<TlsMode, InvalidTlsSettings> {
        Ok(match self.sections.tls.mode()? {
            TlsMode::Local => TlsMode::Local,
            TlsMode::Files(mut files) => {
                for pair in &mut files {
                    pair.cert = self.resolve(&pair.cert);
                    pair.key = self.resolve(&pair.key);
                }
                TlsMode::Files(files)
            }
            TlsMode::Acme(acme) => TlsMode::Acme(self.acme(acme)?),
        })
    }

    fn acme(&self, acme: AcmeMode) -> Result<AcmeMode, InvalidAcme> {
        let edge = self.edge();
        let mut acme = acme.covering(edge.sites.iter().map(|site| site.origins.as_slice()))?;
        acme.ca = acme.ca.map(|ca| self.resolve(&ca));
        if let Some(eab) = &mut acme.eab {
            eab.hmac_key_file = self.resolve(&eab.hmac_key_file);
        }
        // Nobody could ask for an answer where nothing listens for plain HTTP.
        if edge.http.is_empty() {
            acme.challenge = acme.challenge.or(Some(ChallengeKind::TlsAlpn01));
        }
        Ok(acme)
    }

    /// The names of all sites, as certificates write them.
    pub(crate) fn names(&self) -> Result<Vec<Name>, gabion_edge::tls::name::InvalidName> {
        self.edge_or_invalid()
            .map(|edge| edge.hosts())
            .unwrap_or_default()
            .iter()
            .map(|host| host.parse())
            .collect()
    }

    /// The storage settings, with paths resolved.
    pub(crate) fn storage(&self) -> StorageConfig {
        let mut storage = self.sections.storage.clone();
        if let Some(path) = storage.url.strip_prefix("sqlite:").filter(|path| *path != ":memory:") {
            storage.url = format!("sqlite:{}", self.resolve(Path::new(path)).display());
        }
        storage.files = storage.files.map(|folder| self.resolve(&folder));
        storage.seal_key = storage.seal_key.map(|file| self.resolve(&file));
        storage
    }

    /// The folder for everything beside the database: local authority, bypass flag, admin socket, edge events.
    pub(crate) fn data_folder(&self) -> PathBuf {
        let storage = self.storage();
        let beside = || {
            let path = storage.url.strip_prefix("sqlite:")?;
            Some(Path::new(path).parent()?.to_owned())
        };
        storage.files.clone().or_else(beside).unwrap_or_else(|| self.folder())
    }

    fn folder(&self) -> PathBuf {
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        parent.unwrap_or(Path::new(".")).to_owned()
    }

    /// A path of the file, relative to its folder.
    pub(crate) fn resolve(&self, path: &Path) -> PathBuf {
        self.folder().join(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[[site]]
name = "Tidewater Tea"
origins = ["https://shop.example"]
[[upstream]]
name = "shop"
endpoints = ["http://10.0.0.5:8080", "http://10.0.0.6:8080"]
[[route]]
path = "/"
upstream = "shop"
"#;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(Path::new("gabion.toml"), text.to_owned())
    }

    #[track_caller]
    fn check(from: &str, to: &str, expected: &str) {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from} is in the good configuration");
        assert_eq!(parse(&text).unwrap_err().to_string(), expected);
    }

    #[test]
    fn the_example_is_good_and_paths_are_relative_to_it() {
        let config = Config::parse(Path::new("/etc/gabion/gabion.toml"), GOOD.to_owned()).expect("good");
        assert_eq!(config.storage().url, "sqlite:/etc/gabion/data/gabion.db");
        assert_eq!(config.data_folder(), Path::new("/etc/gabion/data"));
    }

    #[test]
    fn unknown_keys_name_the_place_and_the_nearest_key() {
        check(
            "endpoints",
            "endpoint",
            "gabion.toml:7:1: unknown key `endpoint` in [[upstream]]; did you mean `endpoints`?",
        );
        check("[[route]]", "[[rout]]", "gabion.toml:8:3: unknown key `rout`; did you mean `route`?");
        check(
            "upstream = \"shop\"",
            "upstream = \"shop\"\nzzz = 1",
            "gabion.toml:11:1: unknown key `zzz` in [[route]]",
        );
    }

    #[test]
    fn values_that_cannot_work_name_the_place() {
        check(
            "upstream = \"shop\"",
            "upstream = \"shp\"",
            "gabion.toml:10:12: no upstream is named shp; there is shop",
        );
        check(
            "https://shop.example",
            "shop.example",
            "gabion.toml:4:12: shop.example: write http:// or https://, a host and an optional port, and nothing after it",
        );
        check("name = \"shop\"", "name = 7", "gabion.toml:6:8: invalid type: integer `7`, expected a string");
    }

    #[test]
    fn mail_that_cannot_work_names_the_place() {
        let with = |mail: &str| format!("upstream = \"shop\"\n[mail]\n{mail}");
        let from = "from = \"tea@shop.example\"";
        check(
            "upstream = \"shop\"",
            &with(&format!("{from}\nsmtp = \"smtp+plain://mail.example\"")),
            "gabion.toml:13:8: smtp+plain:// is for this machine only; mail.example is reached by smtps:// or smtp://",
        );
        check(
            "upstream = \"shop\"",
            &with(&format!("{from}\nstmp = \"smtps://mail.example\"")),
            "gabion.toml:13:1: unknown key `stmp` in [mail]; did you mean `smtp`?",
        );
    }

    #[test]
    fn missing_parts_are_named() {
        check(
            "[[route]]\npath = \"/\"\nupstream = \"shop\"\n",
            "",
            "gabion.toml: no [[route]]: add one with path = \"/\" and the upstream's name",
        );
        check("path = \"/\"\n", "", "gabion.toml:8:1: missing key `path` in [[route]]");
    }
}
