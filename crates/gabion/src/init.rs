//! `gabion init`: a commented configuration that runs.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use gabion_edge::origin::{EndpointUrl, Origin};

use crate::cli::Init;
use crate::config::Config;
use crate::exit::{CANNOT_CREATE, Failure, USAGE};
use crate::out::say;

/// Writes the file. It is checked before it is written, and an existing one is never touched.
///
/// # Errors
/// When an argument cannot work, or the file exists or cannot be written.
pub(crate) fn run(args: &Init) -> Result<(), Failure> {
    let text = configuration(args).map_err(|message| Failure::new(USAGE, message))?;
    Config::parse(&args.config, text.clone())?;
    let exists_or = |error| Failure::new(CANNOT_CREATE, format!("{}: {error}", args.config.display()));
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o640).open(&args.config).map_err(exists_or)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(exists_or)?;
    let config = args.config.display();
    let flag =
        if args.config == Path::new("gabion.toml") { String::new() } else { format!(" --config {config}") };
    say(format!(
        "Wrote {config}. What now:\n\
         \n  1. gabion check{flag}        what is protected, what is not, how to go back\
         \n  2. gabion run{flag}          serve; the console is on https://127.0.0.1:9443\
         \n  3. gabion setup-link{flag}   a one-time link for the first owner\n"
    ))?;
    Ok(())
}

fn configuration(args: &Init) -> Result<String, String> {
    let origin: Origin = format!("https://{}", args.domain)
        .parse()
        .map_err(|_| format!("--domain {}: write a host name such as shop.example", args.domain))?;
    let endpoint: EndpointUrl =
        args.origin.parse().map_err(|error| format!("--origin {}: {error}", args.origin))?;
    let name = quoted(args.name.as_deref().unwrap_or(&args.domain));
    let tls = match (&args.acme, &args.cert, &args.key) {
        (Some(contact), ..) => format!(
            "mode = \"acme\"                # certificates from Let's Encrypt; port 80 has to be reachable from everywhere\n\n\
             [tls.acme]\n\
             contact = [{}]\n\
             terms_agreed = true            # https://letsencrypt.org/repository/\n\
             # staging = true               # for trying out: browsers do not trust these",
            quoted(contact)
        ),
        (None, Some(cert), Some(key)) => {
            let (cert, key) = (quoted(&cert.display().to_string()), quoted(&key.display().to_string()));
            format!("mode = \"files\"\ncertificates = [{{ cert = {cert}, key = {key} }}]  # read again when they change")
        }
        _ => "mode = \"local\"               # browsers warn until `gabion ca install`; use \"acme\" or \"files\" for the public"
            .to_owned(),
    };
    Ok(format!(
        r#"# Gabion's configuration. `gabion check` explains what it means; SIGHUP reloads it without dropping a connection.
# Gabion never writes this file: what the console changes is kept beside it, with author, reason and a way back.

[[site]]
name = {name}                   # as customers know it; shown on error pages
origins = ["{origin}"]          # where customers reach the shop; the first is the main one
language = "en"                 # error pages: en, de, fr, es, nl, it

[site.headers]
hsts_seconds = 300              # browsers insist on HTTPS this long; raise it once all works (a year: 31536000)

[listen]
https = ["[::]:443"]
http = ["[::]:80"]              # redirects to HTTPS
control = "127.0.0.1:9443"      # console and API; keep it on loopback and use an SSH tunnel
# trusted_proxies = ["10.0.0.0/8"]   # proxies in front of Gabion whose X-Forwarded-For is believed

[tls]
{tls}

[storage]
url = "sqlite:data/gabion.db"   # or postgres://user@127.0.0.1/gabion, with files = "data"

[[upstream]]
name = "shop"
endpoints = ["{endpoint}"]      # where the shop answers; several are balanced and health-checked
# host = "internal.example"     # the Host the shop sees; the customer's own when not set
# ca = "shop-ca.pem"            # the authority of an https:// endpoint with a private certificate

[upstream.health]
# path = "/healthz"             # answered below 400 by a healthy shop; without it an open port is enough

[waf]
mode = "learn"                  # stops what is near-certain and reports the rest; "block" once the reports look right
rules = ["builtin"]             # or "/usr/share/modsecurity-crs", or a folder of the OWASP Core Rule Set 4

[[route]]
path = "/"
upstream = "shop"
"#
    ))
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use gabion_edge::tls::TlsMode;

    use super::*;

    fn args(folder: &Path) -> Init {
        Init {
            origin: "http://127.0.0.1:8080".into(),
            domain: "shop.example".into(),
            name: Some("Tea & \"more\"".into()),
            cert: None,
            key: None,
            acme: None,
            config: folder.join("gabion.toml"),
        }
    }

    #[test]
    fn the_written_file_is_a_good_configuration() {
        let folder = tempfile::tempdir().expect("a folder");
        run(&args(folder.path())).expect("written");
        let config = Config::load(&folder.path().join("gabion.toml")).expect("good");
        assert_eq!(config.edge().sites[0].name, "Tea & \"more\"");
        assert_eq!(config.data_folder(), folder.path().join("data"));
    }

    #[test]
    fn with_a_mail_address_certificates_come_by_acme() {
        let folder = tempfile::tempdir().expect("a folder");
        let acme = |contact: &str| Init { acme: Some(contact.to_owned()), ..args(folder.path()) };
        assert!(run(&acme("owner")).is_err());
        assert!(run(&Init { domain: "shop.localhost".into(), ..acme("owner@shop.example") }).is_err());
        run(&acme("owner@shop.example")).expect("written");
        let config = Config::load(&folder.path().join("gabion.toml")).expect("good");
        let TlsMode::Acme(acme) = config.tls_mode() else { panic!("the mode is acme") };
        assert_eq!(acme.contact, ["mailto:owner@shop.example"]);
        assert_eq!(acme.groups[0][0].to_string(), "shop.example");
    }

    #[test]
    fn an_existing_file_is_not_touched() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("gabion.toml"), "mine").expect("written");
        assert!(run(&args(folder.path())).is_err());
        assert_eq!(std::fs::read_to_string(folder.path().join("gabion.toml")).expect("there"), "mine");
    }

    #[test]
    fn wrong_arguments_write_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        for (origin, domain) in [("shop", "shop.example"), ("http://a", "shop example"), ("http://a/b", "a")]
        {
            let args = Init { origin: origin.into(), domain: domain.into(), ..args(folder.path()) };
            assert!(run(&args).is_err(), "{origin} {domain}");
            assert!(!PathBuf::from(&args.config).exists());
        }
    }
}
