//! `gabion password`.

use clap::{Args, Subcommand};
use gabion_password::generate::{Classes, Rules};

/// `gabion password`.
#[derive(Debug, Subcommand)]
pub(crate) enum PasswordCommand {
    /// Print new passwords, one a line: 20 characters of four classes when nothing else is said.
    Generate(Generate),
}

/// `gabion password generate`.
#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// Words with hyphens between them instead, 5 to 20 of them; 7 have 78 bits.
    #[arg(long, value_name = "N", conflicts_with_all = ["length", "classes", "rules", "readable"])]
    pub(crate) words: Option<usize>,
    /// How many characters, 12 to 128.
    #[arg(long, value_name = "N", conflicts_with = "rules")]
    pub(crate) length: Option<usize>,
    /// Which classes of characters; at least one of each is there.
    #[arg(
        long,
        value_name = "NAMES",
        conflicts_with = "rules",
        help = "Which classes of characters; at least one of each is there [default: lower,upper,digit,symbol]"
    )]
    pub(crate) classes: Option<Classes>,
    /// A shop's rules in the words of the passwordrules attribute, such as "required: digit; maxlength: 16".
    #[arg(long, value_name = "TEXT")]
    pub(crate) rules: Option<Rules>,
    /// Without characters that are easily misread, such as 0, O and l.
    #[arg(long)]
    pub(crate) readable: bool,
    /// How many passwords, at most 1000.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) count: u16,
}
