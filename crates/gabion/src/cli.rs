//! The command line.

pub(crate) mod breach;
pub(crate) mod mail;
pub(crate) mod password;
pub(crate) mod upload;
pub(crate) mod waf;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use gabion_edge::Module;

/// Gabion protects the people who buy in an online shop. It stands in front of any shop as its reverse proxy.
#[derive(Debug, Parser)]
#[command(name = "gabion", version, max_term_width = 100)]
#[command(
    after_help = "Start here:  gabion demo\nYour shop:   gabion init --origin http://127.0.0.1:8080 --domain shop.example\n             gabion check && gabion run"
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the configuration is.
#[derive(Debug, Args)]
pub(crate) struct ConfigArg {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "gabion.toml", env = "GABION_CONFIG")]
    pub(crate) config: PathBuf,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show it: a small shop, Gabion in front of it, and the console. Needs nothing.
    Demo(Demo),
    /// Write a commented gabion.toml for your shop.
    Init(Init),
    /// Protect the shop: serve until SIGTERM, reload on SIGHUP, restart in place on SIGUSR2.
    Run(ConfigArg),
    /// Restart in place with the program on disk; no connection is refused.
    Restart(ConfigArg),
    /// Say what is protected, what is not, and how to go back.
    Check(ConfigArg),
    /// Turn protections off for a time; TLS and proxying go on.
    Bypass(Bypass),
    /// The configuration in force.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// The configuration for something else.
    #[command(subcommand)]
    Export(ExportCommand),
    /// Rules against attacks: list them, try them, install them.
    #[command(subcommand)]
    Waf(waf::WafCommand),
    /// Do what an attacker would do, harming no customer, and say whether it was noticed.
    #[command(subcommand)]
    Drill(DrillCommand),
    /// Uploaded files that were stopped: list them, take one out, delete one.
    #[command(subcommand)]
    Upload(upload::UploadCommand),
    /// Letters to customers: try whether they go out.
    #[command(subcommand)]
    Mail(mail::MailCommand),
    /// New passwords.
    #[command(subcommand)]
    Password(password::PasswordCommand),
    /// Lists of leaked passwords: make a small file of one, look into it.
    #[command(subcommand)]
    Breach(breach::BreachCommand),
    /// Print a one-time link for the first owner, or for an owner who lost access.
    SetupLink(ConfigArg),
    /// Copy the database to a file while Gabion runs.
    Backup(Backup),
    /// Put a backup in place. Gabion must not be running.
    Restore(Restore),
    /// The local certificate authority.
    #[command(subcommand)]
    Ca(CaCommand),
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Whether this program could take the place of the running one.
    #[command(hide = true)]
    Preflight(ConfigArg),
    /// The demo's shop alone.
    #[command(hide = true)]
    DemoShop(DemoShop),
}

/// `gabion demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Where the demo keeps its data.
    #[arg(long, value_name = "DIR", default_value = "gabion-data")]
    pub(crate) data: PathBuf,
    /// Where customers reach the shop.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    pub(crate) https: SocketAddr,
    /// Where plain HTTP redirects from.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) http: SocketAddr,
    /// Where the console is.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9443")]
    pub(crate) control: SocketAddr,
    /// Where the demo shop listens without Gabion.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000")]
    pub(crate) shop: SocketAddr,
    /// Put a real shop in the demo shop's place.
    #[arg(long, value_name = "URL")]
    pub(crate) origin: Option<String>,
}

/// `gabion init`.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Where the shop answers now, such as http://127.0.0.1:8080.
    #[arg(long, value_name = "URL")]
    pub(crate) origin: String,
    /// The name customers use, such as shop.example.
    #[arg(long, value_name = "NAME")]
    pub(crate) domain: String,
    /// The shop's name on error pages; the domain when not given.
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    /// Certificate chain (PEM); without it a local authority is used until you have one.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// The certificate's private key (PEM).
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Get certificates from Let's Encrypt, with this mail address as contact; says that you agree to its terms.
    #[arg(long, value_name = "MAIL", conflicts_with = "cert")]
    pub(crate) acme: Option<String>,
    /// The file to write; it must not exist.
    #[arg(long, value_name = "FILE", default_value = "gabion.toml")]
    pub(crate) config: PathBuf,
}

/// `gabion bypass`.
#[derive(Debug, Args)]
pub(crate) struct Bypass {
    /// What to turn off; everything when not given.
    #[arg(
        long,
        value_name = "NAME",
        help = "What to turn off: headers, limits, pages, waf, uploads [default: all]"
    )]
    pub(crate) module: Vec<Module>,
    /// For how long, such as 30m or 2h; at most 24h.
    #[arg(long = "for", value_name = "TIME", default_value = "30m", value_parser = duration)]
    pub(crate) time: Duration,
    /// Turn everything on again.
    #[arg(long, conflicts_with_all = ["module", "time"])]
    pub(crate) end: bool,
    /// The configuration file.
    #[command(flatten)]
    pub(crate) config: ConfigArg,
}

/// `gabion config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the configuration in force as TOML: the file with the console's changes.
    Export(ConfigArg),
}

/// `gabion export`.
#[derive(Debug, Subcommand)]
pub(crate) enum ExportCommand {
    /// Print an nginx configuration that serves the same shop in an emergency, and says what is lost.
    Nginx(ConfigArg),
}

/// `gabion drill`.
#[derive(Debug, Subcommand)]
pub(crate) enum DrillCommand {
    /// Plant a card skimmer in one answer, which only this drill asks for. Gabion must be running.
    Skimmer(DrillSkimmer),
}

/// `gabion drill skimmer`.
#[derive(Debug, Args)]
pub(crate) struct DrillSkimmer {
    /// The page to plant it in; the payment page that is served most when not given.
    #[arg(long, value_name = "PATH")]
    pub(crate) page: Option<String>,
    /// The site, by its id; the first one when not given.
    #[arg(long, value_name = "ID")]
    pub(crate) site: Option<String>,
    /// The data folder of a demo; the configuration's when not given.
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    pub(crate) data: Option<PathBuf>,
    /// The configuration file.
    #[command(flatten)]
    pub(crate) config: ConfigArg,
}

/// `gabion backup`.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The file to write; it must not exist.
    pub(crate) to: PathBuf,
    /// The configuration file.
    #[command(flatten)]
    pub(crate) config: ConfigArg,
}

/// `gabion restore`.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup.
    pub(crate) from: PathBuf,
    /// Replace a database that already holds data.
    #[arg(long)]
    pub(crate) force: bool,
    /// The configuration file.
    #[command(flatten)]
    pub(crate) config: ConfigArg,
}

/// `gabion ca`.
#[derive(Debug, Subcommand)]
pub(crate) enum CaCommand {
    /// Print the root certificate (PEM) and what installing it would run.
    Print(CaArgs),
    /// Make this machine and its browsers trust the root.
    Install(CaArgs),
    /// Take that back.
    Uninstall(CaArgs),
}

/// Which authority.
#[derive(Debug, Args)]
pub(crate) struct CaArgs {
    /// The data folder of a demo; the configuration's when not given.
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    pub(crate) data: Option<PathBuf>,
    /// The configuration file.
    #[command(flatten)]
    pub(crate) config: ConfigArg,
}

/// `gabion demo-shop`.
#[derive(Debug, Args)]
pub(crate) struct DemoShop {
    /// Where it listens; loopback only.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// Its throwaway folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// When it ends.
    #[arg(long, value_enum, default_value_t = Until::Signal)]
    pub(crate) until: Until,
}

/// When the demo shop ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Until {
    /// On SIGINT or SIGTERM.
    Signal,
    /// When its standard input ends, that is with its parent.
    Stdin,
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write a number and a unit: 90s, 30m or 2h, at most 24h".to_owned();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    let total =
        number.parse::<u64>().ok().and_then(|number| number.checked_mul(seconds)).ok_or_else(wrong)?;
    let time = Duration::from_secs(total);
    if time.is_zero() || time > crate::bypass::BYPASS_MAX { Err(wrong()) } else { Ok(time) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_have_a_unit_and_a_limit() {
        assert_eq!(duration("30m"), Ok(Duration::from_secs(1800)));
        assert_eq!(duration("24h"), Ok(Duration::from_secs(86_400)));
        for bad in ["", "30", "m", "0s", "25h", "1d", "99999999999999999999h", "-1m"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
