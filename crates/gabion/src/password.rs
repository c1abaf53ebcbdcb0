//! `gabion password`: new passwords.

use std::io::Write;

use gabion_core::{Entropy, Secret};
use gabion_crypto::SystemEntropy;
use gabion_password::generate::{Characters, Classes, LENGTH, Passphrase};

use crate::cli::password::{Generate, PasswordCommand};
use crate::exit::{Failure, USAGE};

/// What passwords are made by.
enum Recipe {
    Words(Passphrase),
    Characters(Characters),
}

impl Recipe {
    fn of(args: &Generate) -> Result<Self, Failure> {
        let wrong = |error: &dyn std::error::Error| Failure::new(USAGE, error.to_string());
        if let Some(words) = args.words {
            return Passphrase::new(words).map(Self::Words).map_err(|error| wrong(&error));
        }
        let characters = if let Some(rules) = &args.rules {
            Characters::for_rules(rules, args.readable)
        } else {
            let classes = args.classes.clone().unwrap_or_else(Classes::all);
            Characters::new(args.length.unwrap_or(LENGTH), &classes, args.readable)
        };
        characters.map(Self::Characters).map_err(|error| wrong(&error))
    }

    fn draw(&self, entropy: &dyn Entropy) -> Secret<String> {
        match self {
            Self::Words(recipe) => recipe.draw(entropy),
            Self::Characters(recipe) => recipe.draw(entropy),
        }
    }
}

/// Runs a command.
///
/// # Errors
/// When there is no password of that kind, or standard output is closed.
pub(crate) fn run(command: &PasswordCommand) -> Result<(), Failure> {
    let PasswordCommand::Generate(args) = command;
    let (recipe, entropy) = (Recipe::of(args)?, SystemEntropy::new());
    let mut out = std::io::stdout().lock();
    for _ in 0..args.count {
        let password = recipe.draw(&entropy);
        writeln!(out, "{}", password.expose())?;
    }
    Ok(out.flush()?)
}
