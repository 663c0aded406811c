// SPDX-License-Identifier: BSL-1.0

use crate::arguments::Sizes;
use crate::measure::Figures;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub async fn serve(sizes: Sizes) -> Figures {
    let listener = listen(sizes.port).await;
    loop {
        tokio::spawn(echo_back(accept(&listener).await));
    }
}

pub async fn listen(port: u16) -> TcpListener {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("bind");
    println!("listening on {}", listener.local_addr().expect("address"));
    listener
}

pub async fn accept(listener: &TcpListener) -> TcpStream {
    let (connection, _) = listener.accept().await.expect("accept");
    connection.set_nodelay(true).expect("TCP_NODELAY");
    connection
}

/// Ends at the client's end of file or at any error.
pub async fn echo_back(mut connection: impl AsyncRead + AsyncWrite + Unpin) {
    let mut buffer = [0; 4096];
    while let Ok(got @ 1..) = connection.read(&mut buffer).await {
        if connection.write_all(&buffer[..got]).await.is_err() || connection.flush().await.is_err() {
            return;
        }
    }
}
