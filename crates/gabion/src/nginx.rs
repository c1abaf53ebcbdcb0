//! `gabion export nginx`: the same sites, routes and certificates as an nginx configuration, for an emergency.

use std::fmt::{Display, Write};
use std::path::Path;

use gabion_edge::config::{EdgeConfig, RouteConfig, Site, SiteSection, UpstreamConfig};
use gabion_edge::tls::TlsMode;

use crate::config::Config;

/// What the stand-in does not do. Stands at its top.
const LOST: &[&str] = &[
    "strict framing of requests; limits per customer, on slow heads and bodies, on HTTP/2 floods; rate limits",
    "health checks, the queue before the shop, slow start, tries elsewhere that are safe (nginx has its own rules)",
    "Gabion's own cookies are not kept from the shop; error pages are nginx's; no events, no console, no API",
    "security headers: nginx only adds those the shop lacks, it does not raise a short HSTS time",
    "certificates are not renewed and not read again by themselves: reload nginx when they change",
];

/// The configuration file for nginx 1.22 or newer.
pub(crate) fn render(config: &Config) -> String {
    let mut out = String::new();
    let stand_in = StandIn { edge: config.edge(), config };
    stand_in.write(&mut out).expect("writing to a string cannot fail");
    out
}

struct StandIn<'a> {
    config: &'a Config,
    edge: EdgeConfig,
}

/// A text between nginx's quotation marks.
fn quoted(text: impl Display) -> String {
    format!("\"{}\"", text.to_string().replace('\\', "\\\\").replace('"', "\\\""))
}

impl StandIn<'_> {
    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "# A stand-in for Gabion, made from {}.", self.config.path.display())?;
        writeln!(out, "# Test it:  nginx -t -c FILE    Then stop Gabion and start it:  nginx -c FILE")?;
        writeln!(out, "#\n# What is lost until Gabion is back:")?;
        LOST.iter().try_for_each(|line| writeln!(out, "#  - {line}"))?;
        writeln!(out, "\nworker_processes auto;")?;
        writeln!(out, "events {{ worker_connections {}; }}\n", self.edge.limits.connections_max.min(16_384))?;
        writeln!(out, "http {{")?;
        self.basics(out)?;
        self.edge.upstreams.iter().try_for_each(|upstream| self.upstream(out, upstream))?;
        self.strangers(out)?;
        for (index, (site, section)) in self.edge.sites.iter().zip(&self.config.sections.site).enumerate() {
            self.header_maps(out, index, section)?;
            self.site(out, index, site, section)?;
        }
        writeln!(out, "}}")
    }

    fn basics(&self, out: &mut String) -> std::fmt::Result {
        let limits = &self.edge.limits;
        writeln!(out, "    server_tokens off;")?;
        writeln!(out, "    server_names_hash_bucket_size 128;")?;
        writeln!(out, "    large_client_header_buffers 4 16k;")?;
        writeln!(out, "    client_header_timeout {}s;", limits.head_timeout.as_secs())?;
        writeln!(out, "    client_body_timeout {}s;", limits.body_idle.as_secs())?;
        writeln!(out, "    ssl_protocols TLSv1.2 TLSv1.3;")?;
        writeln!(out, "    ssl_session_cache shared:gabion:1m;")?;
        writeln!(out, "    proxy_http_version 1.1;")?;
        writeln!(out, "    proxy_request_buffering off;")?;
        writeln!(out, "    map $http_upgrade $gabion_connection {{ default upgrade; '' ''; }}")?;
        for network in &self.config.sections.listen.trusted_proxies {
            writeln!(out, "    set_real_ip_from {};", network.get_ref())?;
        }
        if !self.config.sections.listen.trusted_proxies.is_empty() {
            writeln!(out, "    real_ip_header X-Forwarded-For;\n    real_ip_recursive on;")?;
        }
        Ok(())
    }

    fn upstream(&self, out: &mut String, upstream: &UpstreamConfig) -> std::fmt::Result {
        writeln!(out, "\n    upstream gabion_{} {{", upstream.name)?;
        writeln!(out, "        least_conn;")?;
        let https = tls(upstream);
        for endpoint in &upstream.endpoints {
            if endpoint.url.https() != https {
                writeln!(out, "        # left out: {}; nginx does not mix http and https", endpoint.url)?;
                continue;
            }
            let host = endpoint.url.host();
            let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
            let down = if endpoint.drained { " down" } else { "" };
            writeln!(out, "        server {host}:{}{down};", endpoint.url.port())?;
        }
        writeln!(out, "        keepalive 32;")?;
        writeln!(out, "        keepalive_timeout {}s;", upstream.idle_timeout.as_secs().max(1))?;
        writeln!(out, "    }}")
    }

    /// What answers to hosts that are nobody's. It also carries the options a socket may have only once.
    fn strangers(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "\n    server {{")?;
        for address in &self.edge.http {
            writeln!(out, "        listen {address} default_server{};", both_families(address))?;
        }
        for address in &self.edge.https {
            writeln!(out, "        listen {address} ssl http2 default_server{};", both_families(address))?;
        }
        writeln!(out, "        server_name _;")?;
        self.certificates(out)?;
        writeln!(out, "        return 421;\n    }}")
    }

    fn certificates(&self, out: &mut String) -> std::fmt::Result {
        match self.config.tls_mode() {
            TlsMode::Files(files) => {
                files.iter().try_for_each(|pair| certificate(out, &pair.cert, &pair.key))
            }
            _ => {
                let folder = self.config.data_folder();
                let (cert, key) = (folder.join("stand-in.crt"), folder.join("stand-in.key"));
                writeln!(
                    out,
                    "        # Gabion's own certificates are in no file that nginx could read. Put a"
                )?;
                writeln!(out, "        # chain and its key here, or make one that browsers warn of:")?;
                writeln!(
                    out,
                    "        #   openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 7 \\\n        \
                     #     -subj /CN={} -keyout {} -out {}",
                    self.edge.hosts().first().map_or("shop", String::as_str),
                    key.display(),
                    cert.display()
                )?;
                certificate(out, &cert, &key)
            }
        }
    }

    /// Values that are empty, and so add nothing, where the shop has sent the header.
    fn header_maps(&self, out: &mut String, index: usize, section: &SiteSection) -> std::fmt::Result {
        writeln!(out, "\n    # Site {}", section.name.get_ref().replace('\n', " "))?;
        for (name, value) in headers(section) {
            let variable = name.to_ascii_lowercase().replace('-', "_");
            writeln!(
                out,
                "    map $upstream_http_{variable} $gabion_{index}_{variable} {{ default ''; '' {}; }}",
                quoted(value)
            )?;
        }
        Ok(())
    }

    fn site(&self, out: &mut String, index: usize, site: &Site, section: &SiteSection) -> std::fmt::Result {
        let mut hosts: Vec<&str> = site.origins.iter().map(|origin| origin.host.as_str()).collect();
        hosts.dedup();
        let https = site.origins.iter().any(|origin| origin.https);
        if https {
            let port = site.origins.iter().find(|origin| origin.https).map_or(443, |origin| origin.port);
            let port = if port == 443 { String::new() } else { format!(":{port}") };
            writeln!(out, "    server {{")?;
            self.edge.http.iter().try_for_each(|address| writeln!(out, "        listen {address};"))?;
            writeln!(out, "        server_name {};", hosts.join(" "))?;
            writeln!(out, "        return 308 https://$host{port}$request_uri;\n    }}")?;
        }
        for host in hosts {
            writeln!(out, "    server {{")?;
            if https {
                self.edge.https.iter().try_for_each(|a| writeln!(out, "        listen {a} ssl http2;"))?;
            } else {
                self.edge.http.iter().try_for_each(|address| writeln!(out, "        listen {address};"))?;
            }
            writeln!(out, "        server_name {host};")?;
            if https {
                self.certificates(out)?;
            }
            for (name, _) in headers(section) {
                let variable = name.to_ascii_lowercase().replace('-', "_");
                writeln!(out, "        add_header {name} $gabion_{index}_{variable} always;")?;
            }
            if section.headers.hide_software {
                writeln!(out, "        proxy_hide_header X-Powered-By;")?;
            }
            self.locations(out, host)?;
            writeln!(out, "    }}")?;
        }
        Ok(())
    }

    fn locations(&self, out: &mut String, host: &str) -> std::fmt::Result {
        writeln!(out, "        location ^~ /.gabion {{ return 404; }}")?;
        let mut seen: Vec<&str> = Vec::new();
        let own = |route: &&RouteConfig| route.host.as_deref() == Some(host);
        let all = |route: &&RouteConfig| route.host.is_none();
        for route in self.edge.routes.iter().filter(own).chain(self.edge.routes.iter().filter(all)) {
            let path = route.path.trim_end_matches('/');
            if seen.contains(&path) {
                continue;
            }
            seen.push(path);
            if !path.is_empty() {
                self.location(out, &format!("= {}", quoted(path)), route)?;
            }
            self.location(out, &quoted(format!("{path}/")), route)?;
        }
        if !seen.contains(&"") {
            writeln!(out, "        location / {{ return 404; }}")?;
        }
        Ok(())
    }

    fn location(&self, out: &mut String, pattern: &str, route: &RouteConfig) -> std::fmt::Result {
        let upstream = self.edge.upstreams.iter().find(|upstream| upstream.name == route.upstream);
        let upstream = upstream.expect("routes name existing upstreams once checked");
        writeln!(out, "        location {pattern} {{")?;
        if upstream.maintenance {
            return writeln!(out, "            return 503;\n        }}");
        }
        let scheme = if tls(upstream) { "https" } else { "http" };
        let host = upstream.host.as_ref().and_then(|host| host.to_str().ok());
        let silence = upstream.response_timeout.max(upstream.read_timeout).as_secs();
        let mut line = |text: String| writeln!(out, "            {text}");
        line(format!("client_max_body_size {};", route.body_bytes_max))?;
        line(format!("proxy_pass {scheme}://gabion_{};", upstream.name))?;
        line(format!("proxy_connect_timeout {}ms;", upstream.connect_timeout.as_millis()))?;
        line(format!("proxy_send_timeout {silence}s;"))?;
        line(format!("proxy_read_timeout {silence}s;"))?;
        line(format!("proxy_set_header Host {};", host.map_or("$http_host".to_owned(), quoted)))?;
        if let Some(host) = host {
            line(format!("proxy_redirect {} $scheme://$http_host/;", quoted(format!("{scheme}://{host}/"))))?;
        }
        for (name, value) in FORWARDED {
            line(format!("proxy_set_header {name} {value};"))?;
        }
        if tls(upstream) {
            let ca = upstream.ca.as_deref().unwrap_or(Path::new("/etc/ssl/certs/ca-certificates.crt"));
            line("proxy_ssl_verify on;".into())?;
            line("proxy_ssl_verify_depth 4;".into())?;
            line(format!("proxy_ssl_trusted_certificate {};", quoted(ca.display())))?;
            let name = upstream.tls_name.as_deref().or(upstream.endpoints.first().map(|e| e.url.host()));
            line(format!("proxy_ssl_name {};", quoted(name.unwrap_or_default())))?;
            line("proxy_ssl_server_name on;".into())?;
        }
        if let Some(identity) = &upstream.identity {
            writeln!(out, "            proxy_ssl_certificate {};", quoted(identity.cert.display()))?;
            writeln!(out, "            proxy_ssl_certificate_key {};", quoted(identity.key.display()))?;
        }
        if let Some(header) = &upstream.secret_header {
            let file = header.value_file.display();
            writeln!(
                out,
                "            # The shop demands this header: put the content of {file} in place of VALUE."
            )?;
            writeln!(out, "            proxy_set_header {} VALUE;", header.name)?;
        }
        writeln!(out, "        }}")
    }
}

/// What the shop is told of the customer; what the customer claims is replaced.
const FORWARDED: &[(&str, &str)] = &[
    ("Connection", "$gabion_connection"),
    ("Upgrade", "$http_upgrade"),
    ("Forwarded", "''"),
    ("X-Forwarded-For", "$remote_addr"),
    ("X-Real-IP", "$remote_addr"),
    ("X-Forwarded-Proto", "$scheme"),
    ("X-Forwarded-Host", "$http_host"),
    ("X-Forwarded-Port", "$server_port"),
    ("X-Request-Id", "$request_id"),
];

/// The security headers of a site, and their values.
fn headers(section: &SiteSection) -> Vec<(&'static str, String)> {
    let policy = &section.headers;
    let mut headers = Vec::new();
    if policy.hsts_seconds > 0 && section.origins.iter().any(|origin| origin.get_ref().starts_with("https")) {
        headers.push(("Strict-Transport-Security", format!("max-age={}", policy.hsts_seconds)));
    }
    if policy.nosniff {
        headers.push(("X-Content-Type-Options", "nosniff".into()));
    }
    if policy.frame_sameorigin {
        headers.push(("X-Frame-Options", "SAMEORIGIN".into()));
    }
    let referrer = policy.referrer_policy.as_str();
    if policy.referrer_policy != gabion_edge::header_policy::ReferrerPolicy::Unset {
        headers.push(("Referrer-Policy", referrer.to_owned()));
    }
    headers
}

fn certificate(out: &mut String, cert: &Path, key: &Path) -> std::fmt::Result {
    writeln!(out, "        ssl_certificate {};", quoted(cert.display()))?;
    writeln!(out, "        ssl_certificate_key {};", quoted(key.display()))
}

/// Whether the stand-in speaks TLS with an upstream: as its first endpoint does.
fn tls(upstream: &UpstreamConfig) -> bool {
    upstream.endpoints.first().is_some_and(|endpoint| endpoint.url.https())
}

/// An IPv6 wildcard takes IPv4 as well, as Gabion's does.
fn both_families(address: &std::net::SocketAddr) -> &'static str {
    if address.is_ipv6() && address.ip().is_unspecified() { " ipv6only=off" } else { "" }
}
