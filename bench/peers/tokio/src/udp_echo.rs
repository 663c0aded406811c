// SPDX-License-Identifier: BSL-1.0

use crate::arguments::Sizes;
use crate::measure::Figures;
use std::sync::Arc;
use tokio::net::UdpSocket;

/// A task for each worker, on one socket.
pub async fn serve(sizes: Sizes) -> Figures {
    let socket = Arc::new(UdpSocket::bind(("127.0.0.1", sizes.port)).await.expect("bind"));
    println!("listening on {}", socket.local_addr().expect("address"));
    for _ in 1..sizes.workers {
        tokio::spawn(echo_datagrams(socket.clone()));
    }
    echo_datagrams(socket).await
}

async fn echo_datagrams(socket: Arc<UdpSocket>) -> Figures {
    let mut buffer = [0; 2048];
    loop {
        let (got, from) = socket.recv_from(&mut buffer).await.expect("recv_from");
        socket.send_to(&buffer[..got], from).await.expect("send_to");
    }
}
