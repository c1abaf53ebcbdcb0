//! `gabion export nginx`: nginx takes it, and serves the shop with it.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gabion_test::client::{Wire, connect_tls, tls};
use gabion_test::product::configuration;
use gabion_test::{Shop, body};
use http::Response;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::binary;

const NGINX: &str = "/usr/sbin/nginx";

/// nginx in a folder of its own; ended when dropped.
struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its workers end with their master.
        let pid = self.0.id().to_string();
        let stopped = Command::new("kill").args(["-s", "TERM", &pid]).status();
        assert!(stopped.is_ok_and(|status| status.success()), "nginx is running");
        self.0.wait().expect("a child can be waited for");
    }
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn export(folder: &Path, text: &str) -> String {
    let config = folder.join("gabion.toml");
    std::fs::write(&config, text).unwrap();
    let output = Command::new(binary()).args(["export", "nginx", "--config"]).arg(&config).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let folder = folder.display();
    // Files of its own, so that a machine's nginx is left alone.
    String::from_utf8(output.stdout).unwrap().replacen(
        "http {\n",
        &format!(
            "http {{\n    access_log off;\n    client_body_temp_path {folder}/body;\n    proxy_temp_path {folder}/proxy;\n    \
             fastcgi_temp_path {folder}/f;\n    uwsgi_temp_path {folder}/u;\n    scgi_temp_path {folder}/s;\n"
        ),
        1,
    )
}

fn nginx(folder: &Path) -> Command {
    let mut command = Command::new(NGINX);
    let pid = folder.join("nginx.pid").display().to_string();
    command.args(["-e", "stderr", "-g", &format!("daemon off; pid {pid};"), "-c"]);
    command.arg(folder.join("nginx.conf")).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

#[track_caller]
fn accepted(folder: &Path) {
    let output = nginx(folder).arg("-t").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

async fn connected(address: SocketAddr, root: &CertificateDer<'static>) -> Wire {
    tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            match connect_tls(address, "shop.example", tls(root, &["http/1.1"])).await {
                Ok(stream) => return Wire::over(stream),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    })
    .await
    .expect("nginx serves")
}

#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn skipped(what: &str) {
    println!("skipped: there is no {what}");
}

#[tokio::test]
async fn nginx_serves_the_shop_with_the_exported_configuration() {
    if !Path::new(NGINX).exists() || Command::new("openssl").arg("version").output().is_err() {
        skipped("nginx or openssl (Debian packages nginx-light, openssl)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let shop = Shop::start(|request| async move {
        let header = |name: &str| {
            request.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let text = format!(
            "{} {} {} {}",
            request.uri(),
            header("host"),
            header("x-forwarded-for"),
            header("x-forwarded-proto")
        );
        Ok(Response::builder().header("x-powered-by", "tea").body(body::whole(text)).unwrap())
    })
    .await;
    let (https, http) = (free_port(), free_port());
    let text = configuration(&[shop.url()], "url = \"sqlite:data/gabion.db\"", "")
        .replace("shop.localhost", "shop.example")
        .replacen("127.0.0.1:0", &https.to_string(), 1)
        .replacen("127.0.0.1:0", &http.to_string(), 1)
        + "[[route]]\npath = \"/api\"\nupstream = \"shop\"\nbody_bytes_max = 10\n";
    let config = export(folder.path(), &text);
    assert!(config.contains("What is lost until Gabion is back"), "{config}");
    std::fs::write(folder.path().join("nginx.conf"), &config).unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    let pair = ["stand-in.crt", "stand-in.key"].map(|name| folder.path().join("data").join(name));
    let openssl = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "7",
        ])
        .args(["-subj", "/CN=shop.example", "-addext", "subjectAltName=DNS:shop.example"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(&pair[1])
        .arg("-out")
        .arg(&pair[0])
        .output()
        .unwrap();
    assert!(openssl.status.success(), "{}", String::from_utf8_lossy(&openssl.stderr));
    accepted(folder.path());
    let rich = text
        .replacen(&shop.url(), "https://127.0.0.1:9", 1)
        .replace(
            "name = \"shop\"",
            "name = \"shop\"\nhost = \"internal.example\"\nca = \"data/stand-in.crt\"",
        )
        .replace("drain_seconds", "trusted_proxies = [\"10.0.0.0/8\"]\ndrain_seconds");
    std::fs::write(folder.path().join("nginx.conf"), export(folder.path(), &rich)).unwrap();
    accepted(folder.path());
    std::fs::write(folder.path().join("nginx.conf"), &config).unwrap();

    let _nginx = Nginx(nginx(folder.path()).stderr(Stdio::null()).spawn().unwrap());
    let root = CertificateDer::from_pem_file(&pair[0]).unwrap();
    let mut wire = connected(https, &root).await;
    let answer =
        wire.ask("GET /tea?x=1 HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n").await;
    assert_eq!((answer.status, answer.text()), (200, "/tea?x=1 shop.example 127.0.0.1 https"));
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("x-powered-by"), "");
    assert_eq!(wire.ask("GET /.gabion/x HTTP/1.1\r\nHost: shop.example\r\n\r\n").await.status, 404);
    let post = |path: &str| {
        format!("POST {path} HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 11\r\n\r\nhello world")
    };
    assert_eq!(wire.ask(post("/apix")).await.status, 200, "only whole segments are the route's");
    assert_eq!(wire.ask(post("/api/x")).await.status, 413);

    let mut plain = Wire::plain(http).await;
    let answer = plain.ask("GET /tea HTTP/1.1\r\nHost: shop.example\r\n\r\n").await;
    assert_eq!((answer.status, answer.header("location")), (308, "https://shop.example/tea"));
    assert_eq!(plain.ask("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n").await.status, 421);
}
