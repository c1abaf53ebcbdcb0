//! Runs the demo shop by hand: `cargo run -p gabion-demo --example shop -- 8000 DIR`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use gabion_demo::{DEFAULT_HOSTS, Shop, ShopConfig};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().as_deref().unwrap_or("8000").parse()?;
    let folder = arguments.next().map_or_else(|| std::env::temp_dir().join("tidewater"), PathBuf::from);
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let hosts = DEFAULT_HOSTS.map(str::to_owned).to_vec();
    Shop::bind(ShopConfig { listen, folder, hosts })
        .await?
        .serve(async {
            // Without a way to hear Ctrl-C the shop runs until it is killed.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending().await
            }
        })
        .await?;
    Ok(())
}
