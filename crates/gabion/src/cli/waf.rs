//! `gabion waf`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ConfigArg;

/// `gabion waf`.
#[derive(Debug, Subcommand)]
pub(crate) enum WafCommand {
    /// List the rules in force.
    List(List),
    /// Say what the rules make of one request, rule by rule. Exit code 1 when it would be blocked.
    Explain(Explain),
    /// Run regression cases of the OWASP Core Rule Set against rules. Exit code 1 when one fails.
    Test(Test),
    /// Download a release of the OWASP Core Rule Set, verify it and unpack it.
    InstallCrs(InstallCrs),
    /// Say what would have been blocked of the requests in an access log.
    Replay(Replay),
}

/// Which rules, and how strict.
#[derive(Debug, Args)]
pub(crate) struct RulesArg {
    /// The configuration file.
    #[command(flatten)]
    pub(crate) config: ConfigArg,
    /// Rules instead of those of the configuration: builtin, a SecLang file, or the folder of a rule set. May be
    /// repeated.
    #[arg(long, value_name = "PATH")]
    pub(crate) rules: Vec<String>,
    /// Paranoia level instead of the configuration's, 1 to 4.
    #[arg(long, value_name = "LEVEL", value_parser = clap::value_parser!(u8).range(1..=4))]
    pub(crate) paranoia: Option<u8>,
}

/// `gabion waf list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Which rules.
    #[command(flatten)]
    pub(crate) rules: RulesArg,
    /// Also rules of higher paranoia levels, and rules that only prepare or count.
    #[arg(long)]
    pub(crate) all: bool,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `gabion waf explain`.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// A file with the request as it is sent: head, empty line, body. `-` is standard input.
    #[arg(value_name = "REQUEST-FILE")]
    pub(crate) request: PathBuf,
    /// Which rules.
    #[command(flatten)]
    pub(crate) rules: RulesArg,
    /// The address that it comes from.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(crate) client: IpAddr,
    /// Also rules that matched and neither log nor change the score.
    #[arg(long)]
    pub(crate) all: bool,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `gabion waf test`.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// The folder with the cases: YAML files of CRS 3 or 4, also in folders inside.
    #[arg(value_name = "CASES_DIR")]
    pub(crate) cases: PathBuf,
    /// The folder of the rule set, or a SecLang file. May be repeated.
    #[arg(long, value_name = "PATH", required = true)]
    pub(crate) rules: Vec<PathBuf>,
    /// Write the results to this file, as JSON; it must not exist.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Expectations that replace those of some cases, each with its reason: a YAML file as engines publish it.
    #[arg(long, value_name = "FILE")]
    pub(crate) overrides: Option<PathBuf>,
}

/// `gabion waf install-crs`.
#[derive(Debug, Args)]
pub(crate) struct InstallCrs {
    /// The release, such as 4.25.1.
    #[arg(long, value_name = "X.Y.Z")]
    pub(crate) version: String,
    /// SHA-256 of the archive, 64 hexadecimal digits, from a source that you trust.
    #[arg(long, value_name = "HEX")]
    pub(crate) sha256: Option<String>,
    /// The folder to make; it must not exist. [default: crs-VERSION]
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
    /// Where the archive is, instead of the project's releases: an https:// address of a .tar.gz.
    #[arg(long, value_name = "URL")]
    pub(crate) from: Option<String>,
    /// Believe only the authorities of this PEM file, for a mirror of your own.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
}

/// `gabion waf replay`.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The log: Gabion's JSON lines, or the common or combined format of nginx and Apache. `-` is standard input.
    #[arg(value_name = "ACCESS-LOG")]
    pub(crate) log: PathBuf,
    /// Which rules.
    #[command(flatten)]
    pub(crate) rules: RulesArg,
    /// Pages that thank for a purchase, wherever in a path they stand; `*` is one segment. May be repeated. [default:
    /// `[waf] bought`, which knows WooCommerce, Magento, Shopware and others]
    #[arg(long, value_name = "PATH")]
    pub(crate) bought: Vec<String>,
}
