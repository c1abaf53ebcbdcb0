//! A name server for which every name is this machine.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::UdpSocket;
use tokio_util::task::AbortOnDropHandle;

/// Answers until it is dropped.
pub(crate) struct Dns {
    pub(crate) address: SocketAddr,
    _task: AbortOnDropHandle<()>,
}

impl Dns {
    pub(crate) async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut query = [0; 512];
            loop {
                let (bytes, asker) = socket.recv_from(&mut query).await.unwrap();
                socket.send_to(&answer(&query[..bytes]), asker).await.unwrap();
            }
        });
        Self { address, _task: AbortOnDropHandle::new(task) }
    }
}

/// The address of loopback for a question about an IPv4 address, nothing for other questions. RFC 1035 section 4.
fn answer(query: &[u8]) -> Vec<u8> {
    const HEADER: usize = 12;
    let name = query[HEADER..].iter().position(|&byte| byte == 0).expect("a name ends with the root");
    let question = &query[HEADER..HEADER + name + 5];
    let is_ipv4 = question[name + 1..name + 3] == [0, 1];
    let mut answer = query[..2].to_vec();
    answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_ipv4), 0, 0, 0, 0]);
    answer.extend(question);
    if is_ipv4 {
        // The name of the question, an address on the internet, for no time, of four bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        answer.extend(Ipv4Addr::LOCALHOST.octets());
    }
    answer
}
