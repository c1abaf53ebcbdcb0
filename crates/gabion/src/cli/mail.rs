//! `gabion mail`.

use clap::{Args, Subcommand};
use gabion_outbound::mail::Address;

use super::ConfigArg;

/// `gabion mail`.
#[derive(Debug, Subcommand)]
pub(crate) enum MailCommand {
    /// Send one letter straight to the mail server, and print what the server said.
    Test(MailTest),
}

/// `gabion mail test`.
#[derive(Debug, Args)]
pub(crate) struct MailTest {
    /// Who gets it: an address of yours.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) to: Address,
    /// The configuration file.
    #[command(flatten)]
    pub(crate) config: ConfigArg,
}
