//! `gabion waf install-crs`: a release of the OWASP Core Rule Set, downloaded, verified, unpacked and tried.

mod download;
mod unpack;

use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER_PERMISSIVE;
use gabion_core::blame::chain;
use gabion_core::{Clock, SystemClock};
use gabion_crypto::digest::sha256;
use gabion_edge::config::{WafConfig, WafSection};
use gabion_waf::Services;
use toml::Spanned;

use super::RulesError;
use crate::cli::waf::InstallCrs;
use crate::exit::{CANNOT_CREATE, Failure, UNAVAILABLE, USAGE};
use crate::out::say;
use crate::run::End;
use download::DownloadError;
use unpack::UnpackError;

/// Characters of a version such as `4.25.1`.
const VERSION_CHARS_MAX: usize = 32;

/// Why a release was not installed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
enum InstallError {
    /// A version that names no release.
    #[error("--version is the number of a release, such as 4.25.1")]
    Version,
    /// Nothing to hold the archive against.
    #[error(
        "--sha256 is needed: 64 hexadecimal digits of the archive, from a source that you trust. Gabion knows no digest \
         of CRS {version}. To get one: download {url} and its signature (.asc), verify them with the project's key \
         (gpg --verify), and run sha256sum"
    )]
    Digest { version: String, url: String },
    /// Something is there already.
    #[error("{}: exists; remove it, or choose another folder with --to", .0.display())]
    Exists(PathBuf),
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// Not what was asked for.
    #[error("the archive is not the one expected: its SHA-256 is {found}, not {expected}")]
    OtherDigest { expected: String, found: String },
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// What was unpacked is no rule set that works.
    #[error("the unpacked rules are of no use")]
    Rules(#[source] RulesError),
}

impl From<InstallError> for Failure {
    fn from(error: InstallError) -> Self {
        let code = match error {
            InstallError::Version | InstallError::Digest { .. } => USAGE,
            InstallError::Download(DownloadError::Address(_) | DownloadError::Authorities(_)) => USAGE,
            InstallError::Exists(_) | InstallError::Unpack(UnpackError::Write { .. }) => CANNOT_CREATE,
            _ => UNAVAILABLE,
        };
        Self::new(code, chain(&error))
    }
}

/// Installs a release.
///
/// # Errors
/// Why not. Nothing was changed then.
pub(super) async fn run(args: &InstallCrs) -> Result<End, Failure> {
    let (folder, rules) = install(args).await?;
    say(format!("CRS {}: {rules} rules in {}", args.version, folder.display()))?;
    say("They load, and stop the attacks that were sent to try them.")?;
    let path = toml::Value::String(folder.display().to_string());
    say(format!("\nPut this into gabion.toml, then run `gabion check`:\n\n[waf]\nrules = [{path}]"))?;
    Ok(End::Stopped)
}

async fn install(args: &InstallCrs) -> Result<(PathBuf, usize), InstallError> {
    let numbers =
        |text: &str| text.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if args.version.len() > VERSION_CHARS_MAX || !numbers(&args.version) {
        return Err(InstallError::Version);
    }
    let url = args.from.clone().unwrap_or_else(|| release(&args.version));
    let expected = digest(args.sha256.as_deref())
        .ok_or_else(|| InstallError::Digest { version: args.version.clone(), url: url.clone() })?;
    let to = args.to.clone().unwrap_or_else(|| format!("crs-{}", args.version).into());
    let to = std::path::absolute(&to).map_err(|source| UnpackError::Write { path: to, source })?;
    if to.symlink_metadata().is_ok() {
        return Err(InstallError::Exists(to));
    }
    let archive = download::download(&url, args.ca.as_deref()).await?;
    let found = sha256(&archive);
    if found != expected {
        let hex = |digest: &[u8]| HEXLOWER_PERMISSIVE.encode(digest);
        return Err(InstallError::OtherDigest { expected: hex(&expected), found: hex(&found) });
    }
    let unpacked = unpack::unpack(&archive, &to)?;
    let rules = try_rules(unpacked.path()).map_err(InstallError::Rules)?;
    unpacked.keep(&to)?;
    Ok((to, rules))
}

/// The archive that the project publishes with a release. Not the one that GitHub makes of the tag: that is made anew
/// from time to time, and nobody promises that its bytes stay the same.
fn release(version: &str) -> String {
    format!(
        "https://github.com/coreruleset/coreruleset/releases/download/v{version}/coreruleset-{version}-minimal.tar.gz"
    )
}

fn digest(text: Option<&str>) -> Option<[u8; 32]> {
    HEXLOWER_PERMISSIVE.decode(text?.trim().as_bytes()).ok()?.try_into().ok()
}

/// Loads the rules as `gabion run` would, and sends the canary attacks.
fn try_rules(folder: &Path) -> Result<usize, RulesError> {
    let source = Spanned::new(0..0, folder.display().to_string());
    let section = WafSection { rules: Spanned::new(0..0, vec![source]), ..WafSection::default() };
    let waf: WafConfig = section.check().expect("the defaults and a path are good");
    let rules = super::load(&waf)?;
    Ok(super::prove(rules, &waf, Services::default(), SystemClock.now())?.rules().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_64_hexadecimal_digits_in_any_case() {
        assert_eq!(digest(Some(&"ab".repeat(32))), Some([0xab; 32]));
        assert_eq!(digest(Some(&"AB".repeat(32))), Some([0xab; 32]));
        for bad in [None, Some(""), Some("ab"), Some(&*"zz".repeat(32)), Some(&*"ab".repeat(33))] {
            assert_eq!(digest(bad), None, "{bad:?}");
        }
    }
}
