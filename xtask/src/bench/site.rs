//! One throwaway shop: files, a certificate, an origin, and the proxies that can stand in front of it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::lab::server::{LOOPBACK, PROXY_CORE, Server, free_port, other_cores, pinned};
use crate::lab::template::{fill, write};
use crate::task::{Outcome, root};

/// The bodies, by the name of their path.
pub(crate) const BODIES: &[(&str, usize)] = &[("1k", 1 << 10), ("32k", 32 << 10), ("1m", 1 << 20)];

/// What belongs to a page, by the name of its path, in bytes.
const ASSETS: &[(&str, usize)] = &[("style.css", 24 << 10), ("picture.webp", 24 << 10)];

/// Products on the page of a shop, and functions in its script.
const PRODUCTS: usize = 60;
const FUNCTIONS: usize = 200;

/// A folder with everything one run needs, and the origin that runs for it.
#[derive(Debug)]
pub(crate) struct Site {
    folder: PathBuf,
    origin: Server,
}

/// Who stands in front of the shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proxy {
    /// Debian's nginx.
    Nginx {
        /// Its name in tables and files.
        name: &'static str,
        /// What libmodsecurity runs in it, if anything.
        rules: Option<PathBuf>,
    },
    /// A Gabion binary.
    Gabion {
        /// Its name in tables and files.
        name: String,
        /// The program.
        binary: PathBuf,
        /// What is laid over `bench/edge/gabion.toml`, as TOML.
        settings: String,
    },
    /// `crates/gabion-edge/examples/bare.rs`, built: hyper and rustls with nothing on.
    Bare(PathBuf),
}

impl Proxy {
    /// Its name in tables and files.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Nginx { name, .. } => name,
            Self::Gabion { name, .. } => name,
            Self::Bare(_) => "bare",
        }
    }
}

impl Site {
    /// Makes the folder and starts the origin.
    pub(crate) fn start() -> Outcome<Self> {
        let folder = root().join(format!("target/bench/site-{}", std::process::id()));
        let files = folder.join("files");
        std::fs::create_dir_all(&files).map_err(|error| format!("{}: {error}", files.display()))?;
        for (name, length) in BODIES.iter().chain(ASSETS) {
            write(&files.join(name), &vec![b'x'; *length])?;
        }
        write(&files.join("page.html"), page().as_bytes())?;
        write(&files.join("app.js"), script().as_bytes())?;
        certificate(&folder)?;
        let port = free_port()?;
        let configuration = filled(&folder, "origin.conf", "origin.conf", port, port)?;
        let origin = Server::start(
            pinned(&other_cores(), "nginx").arg("-c").arg(configuration),
            (LOOPBACK, port),
            &folder.join("origin.log"),
        )?;
        Ok(Self { folder, origin })
    }

    /// The configuration a Gabion was started with.
    pub(crate) fn configuration(&self, proxy: &Proxy) -> PathBuf {
        self.folder.join(format!("{}.toml", proxy.name()))
    }

    /// Starts a proxy on its own core.
    pub(crate) fn proxy(&self, proxy: &Proxy) -> Outcome<Server> {
        let origin = self.origin.address.port();
        let log = self.folder.join(format!("{}.log", proxy.name()));
        let port = free_port()?;
        match proxy {
            Proxy::Nginx { name, rules } => {
                let own = format!("{name}.conf");
                let configuration = filled(&self.folder, "nginx.conf", &own, origin, port)?;
                if let Some(rules) = rules {
                    with_modsecurity(&configuration, rules)?;
                }
                let mut command = pinned(PROXY_CORE, "nginx");
                Server::start(command.arg("-c").arg(configuration), (LOOPBACK, port), &log)
            }
            Proxy::Gabion { name, binary, settings } => {
                let own = format!("{name}.toml");
                let configuration = filled(&self.folder, "gabion.toml", &own, origin, port)?;
                lay_over(&configuration, settings)?;
                let mut command = pinned(PROXY_CORE, binary);
                Server::start(command.args(["run", "--config"]).arg(configuration), (LOOPBACK, port), &log)
            }
            Proxy::Bare(binary) => {
                let mut command = pinned(PROXY_CORE, binary);
                command.args([format!("127.0.0.1:{port}"), format!("127.0.0.1:{origin}")]);
                command.args(["cert.pem", "key.pem"].map(|file| self.folder.join(file)));
                Server::start(&mut command, (LOOPBACK, port), &log)
            }
        }
    }
}

/// A page of a shop as many are, of about 30 KB.
fn page() -> String {
    let mut page = String::from(
        "<!doctype html><html lang=en><head><meta charset=utf-8><title>Tea</title>\n\
        <link rel=stylesheet href=/style.css><script src=/app.js defer></script>\n\
        <script>window.shop = { currency: 'EUR', items: 3 };</script></head><body>\n\
        <form action=/search><input type=search name=q><button>Search</button></form>\n",
    );
    for number in 0..PRODUCTS {
        let _ = writeln!(
            page,
            "<article class=\"card product\" data-number=\"{number}\"><a href=\"/products/tea-{number}\">\
            <img src=\"/picture.webp\" alt=\"Leaves of tea number {number}\" width=\"320\" height=\"240\" loading=\"lazy\">\
            <h2>Tea number {number}</h2></a><p>Leaves, dried and rolled, from a garden above the sea; two spoons to a pot, and \
            four minutes.</p><form method=\"post\" action=\"/cart\"><input type=\"hidden\" name=\"product\" value=\"tea-{number}\">\
            <button class=\"button\">Add to cart</button></form></article>"
        );
    }
    page + "</body></html>"
}

/// A script of a shop, of about 30 KB.
fn script() -> String {
    (0..FUNCTIONS).fold(String::new(), |mut script, number| {
        let _ = writeln!(
            script,
            "export function add{number}(cart, tea) {{ const found = cart.find((one) => one.tea === tea); \
            if (found) found.count += {number}; return cart; }}"
        );
        script
    })
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            eprintln!("xtask: {}: {error}", self.folder.display());
        }
    }
}

/// Lets an nginx of `bench/edge/nginx.conf` hold every request against rules.
fn with_modsecurity(path: &Path, rules: &Path) -> Outcome {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let module = "load_module /usr/lib/nginx/modules/ngx_http_modsecurity_module.so;\n";
    let on = format!("http {{\n    modsecurity on;\n    modsecurity_rules_file {};", rules.display());
    write(path, (module.to_owned() + &text.replacen("http {", &on, 1)).as_bytes())
}

/// Lays settings over those of a file: tables are merged, everything else is replaced.
fn lay_over(path: &Path, settings: &str) -> Outcome {
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    let mut table: toml::Table = text.parse().map_err(|error| wrong(&error))?;
    merge(&mut table, settings.parse().map_err(|error| wrong(&error))?);
    write(path, table.to_string().as_bytes())
}

fn merge(under: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        let below = match under.get_mut(&key) {
            // As in a file: `[site.headers]` belongs to the last `[[site]]`.
            Some(toml::Value::Array(all)) => all.last_mut(),
            other => other,
        };
        match (below, value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(value)) => merge(below, value),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

/// What a server agrees to with a client of OpenSSL's: protocol, cipher, key exchange, kind of certificate.
pub(crate) fn agreed(server: &Server) -> Outcome<String> {
    let output = Command::new("openssl")
        .args(["s_client", "-servername", "localhost", "-connect", &server.address.to_string()])
        .args(["-ciphersuites", "TLS_AES_256_GCM_SHA384"])
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(|error| format!("openssl: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let telling = ["New, TLS", "Server Temp Key", "Peer signature type", "Server public key"];
    let lines: Vec<_> =
        text.lines().filter(|line| telling.iter().any(|start| line.starts_with(start))).collect();
    Ok(lines.join("\n") + "\n")
}

/// A self-signed certificate: ECDSA P-256, for both proxies.
fn certificate(folder: &Path) -> Outcome {
    let output = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(folder)
        .output()
        .map_err(|error| format!("openssl: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("openssl: {}", String::from_utf8_lossy(&output.stderr)))
}

/// A template of `bench/edge`, filled and written into the site's folder.
fn filled(folder: &Path, template: &str, name: &str, origin: u16, port: u16) -> Outcome<PathBuf> {
    let values = [
        ("folder", folder.display().to_string()),
        ("origin", origin.to_string()),
        ("port", port.to_string()),
        ("control", free_port()?.to_string()),
        ("name", name.trim_end_matches(".toml").trim_end_matches(".conf").to_owned()),
    ];
    fill(&format!("edge/{template}"), folder.join(name), &values)
}

#[cfg(test)]
mod tests {
    #[test]
    fn settings_are_laid_over_those_of_the_file() {
        let mut under = "a = 1\nlimits = { x = 1, y = 2 }\nlist = [1]\n[[site]]\nname = 's'".parse().unwrap();
        let over = "list = []\nlimits = { y = 3 }\n[site.headers]\nnosniff = false".parse().unwrap();
        super::merge(&mut under, over);
        let expected =
            "a = 1\nlimits = { x = 1, y = 3 }\nlist = []\n[[site]]\nname = 's'\nheaders.nosniff = false";
        assert_eq!(under, expected.parse().unwrap());
    }
}
