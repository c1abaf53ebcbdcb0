//! `gabion demo`: a small shop, Gabion in front of it, and the console. Needs nothing, touches only its own folder.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use gabion_console::control;
use gabion_core::blame::chain;
use gabion_edge::origin::EndpointUrl;
use tokio::process::{Child, ChildStdin, Command};

use crate::cli::{Demo, DemoShop, Until};
use crate::config::Config;
use crate::exit::{CANNOT_CREATE, Failure, UNAVAILABLE, USAGE};
use crate::out::say;
use crate::run::{self, Started};

/// The name browsers resolve to loopback by themselves (RFC 6761 section 6.3).
const HOST: &str = "shop.localhost";
/// The shop without Gabion.
const NAKED_HOST: &str = "naked.localhost";
/// How long the demo shop may take to answer for the first time: it draws and stores its catalogue.
const SHOP_START_TIMEOUT: Duration = Duration::from_secs(20);

/// Runs the demo until it is interrupted.
///
/// # Errors
/// When an address is taken or the folder cannot be written.
pub(crate) async fn run(args: Demo) -> Result<(), Failure> {
    std::fs::create_dir_all(&args.data)
        .map_err(|error| Failure::new(CANNOT_CREATE, format!("{}: {error}", args.data.display())))?;
    let shop = match &args.origin {
        Some(_) => None,
        None => Some(start_shop(args.shop, &args.data.join("shop")).await?),
    };
    let path = args.data.join("gabion.toml");
    let text = configuration(&args)?;
    std::fs::write(&path, &text)
        .map_err(|error| Failure::new(CANNOT_CREATE, format!("{}: {error}", path.display())))?;
    let config = Config::parse(&path, text)?;
    let demo = control::Demo {
        shielded: format!("https://{HOST}:{}", args.https.port()),
        naked: shop.as_ref().map(|_| format!("http://{NAKED_HOST}:{}", args.shop.port())),
    };
    let started = run::start(config, Some(demo.clone()), Arc::default()).await?;
    greet(&args, &started, &demo).await?;
    let ended = started.until_told().await;
    drop(shop);
    ended.map(|_| ())
}

async fn greet(args: &Demo, started: &Started, demo: &control::Demo) -> Result<(), Failure> {
    let link = started.setup_link().await?;
    let data = args.data.display();
    say(format!(
        "\n  The shop, protected    {}\n  \
           {}\n  \
           The console            {}\n",
        demo.shielded,
        match &demo.naked {
            Some(naked) => format!("The shop, naked        {naked}"),
            None => format!("The shop itself        {}", args.origin.as_deref().unwrap_or_default()),
        },
        link.as_deref().unwrap_or(&format!("https://127.0.0.1:{}  (sign in as before)", args.control.port())),
    ))?;
    say(format!(
        "  Three things to try\n\
         \n   1. Open both shops and compare: TLS, security headers, no software names (the console's Demo page shows them)\
         \n   2. Buy some tea and watch Overview and Events in the console\
         \n   3. Console, Upstreams, Maintenance: customers see a calm page, you see why\n\
         \n  Browsers warn until they trust the demo's own authority:\n    gabion ca install --data {data}\n\
         \n  Everything is in {data}; Ctrl-C ends it, deleting the folder removes it.\n"
    ))?;
    Ok(())
}

fn configuration(args: &Demo) -> Result<String, Failure> {
    let (endpoint, host, name) = match &args.origin {
        None => (format!("http://{}", args.shop), String::new(), "Tidewater Tea"),
        Some(origin) => {
            let url: EndpointUrl =
                origin.parse().map_err(|error| Failure::new(USAGE, format!("--origin {origin}: {error}")))?;
            // A shop elsewhere answers to its own name only.
            (url.to_string(), format!("host = \"{}\"\n", url.authority()), "Demo")
        }
    };
    let (https, http, control) = (args.https, args.http, args.control);
    let port = https.port();
    Ok(format!(
        r#"# Written anew by every `gabion demo`.
[[site]]
name = "{name}"
origins = ["https://{HOST}:{port}", "https://localhost:{port}"]
server_timing = true   # see in the browser's tools what takes how long

[site.headers]
hsts_seconds = 0   # browsers remember HSTS, and this name is only for trying

[listen]
https = ["{https}"]
http = ["{http}"]
control = "{control}"

[tls]
mode = "local"

[storage]
url = "sqlite:gabion.db"

[mail]
from = "{name} <shop@{HOST}>"
capture = true   # letters are in the console, Mailbox; none is sent

[customers]
enabled = true   # accounts of Gabion's own: try /.gabion/register

[[upstream]]
name = "shop"
endpoints = ["{endpoint}"]
{host}
[waf]
mode = "block"
responses = true

[[route]]
path = "/"
upstream = "shop"
"#
    ))
}

/// The demo shop as a child process. It ends when its standard input does: with us, however we end.
struct ShopProcess {
    _child: Child,
    _stdin: ChildStdin,
}

async fn start_shop(listen: SocketAddr, folder: &Path) -> Result<ShopProcess, Failure> {
    let failed =
        |error: &dyn std::error::Error| Failure::new(UNAVAILABLE, format!("demo shop: {}", chain(error)));
    // Whoever listens there already would be taken for the shop.
    std::net::TcpListener::bind(listen).map_err(|error| {
        Failure::new(UNAVAILABLE, format!("demo shop: {listen}: {error}; choose another with --shop"))
    })?;
    let program = std::env::current_exe().map_err(|error| failed(&error))?;
    let mut shop = Command::new(program)
        .arg("demo-shop")
        .args(["--until", "stdin", "--listen", &listen.to_string(), "--folder"])
        .arg(folder)
        .stdin(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(&error))?;
    // Waiting for a child closes the input it still has.
    let stdin = shop.stdin.take().expect("it is piped");
    let answers = async {
        while tokio::net::TcpStream::connect(listen).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        answered = tokio::time::timeout(SHOP_START_TIMEOUT, answers) => match answered {
            Ok(()) => Ok(ShopProcess { _child: shop, _stdin: stdin }),
            Err(elapsed) => Err(failed(&elapsed)),
        },
        ended = shop.wait() => Err(match ended {
            Ok(status) => Failure::new(UNAVAILABLE, format!("demo shop ended with {status}: is {listen} taken?")),
            Err(error) => failed(&error),
        }),
    }
}

/// `gabion demo-shop`: the shop alone, as a process of its own.
///
/// # Errors
/// When its address is taken or not loopback.
pub(crate) async fn shop(args: DemoShop) -> Result<(), Failure> {
    // Not the loopback addresses: cookies know no ports, and the console lives there.
    let hosts = [HOST, NAKED_HOST, "pay.localhost", "localhost"].map(str::to_owned).to_vec();
    let config = gabion_demo::ShopConfig { listen: args.listen, folder: args.folder, hosts };
    let failed = |error: gabion_demo::ShopError| Failure::new(UNAVAILABLE, chain(&error));
    let shop = gabion_demo::Shop::bind(config).await.map_err(failed)?;
    let until: std::pin::Pin<Box<dyn Future<Output = ()> + Send>> = match args.until {
        Until::Signal => Box::pin(run::interrupted()),
        Until::Stdin => Box::pin(async {
            let mut nothing = [0; 1];
            // Whether the pipe ends or breaks, the parent is gone.
            while matches!(
                tokio::io::AsyncReadExt::read(&mut tokio::io::stdin(), &mut nothing).await,
                Ok(1..)
            ) {}
        }),
    };
    shop.serve(until).await.map_err(failed)
}
