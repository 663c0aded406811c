// SPDX-License-Identifier: BSL-1.0

use crate::arguments::Sizes;
use crate::measure::Figures;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub async fn serve(sizes: Sizes) -> Figures {
    let listener = TcpListener::bind(("127.0.0.1", sizes.port)).await.expect("bind");
    println!("listening on {}", listener.local_addr().expect("address"));
    loop {
        let (connection, _) = listener.accept().await.expect("accept");
        connection.set_nodelay(true).expect("TCP_NODELAY");
        tokio::spawn(echo_back(connection));
    }
}

/// Ends at the client's end of file or at any error.
async fn echo_back(mut connection: TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(got @ 1..) = connection.read(&mut buffer).await {
        if connection.write_all(&buffer[..got]).await.is_err() {
            return;
        }
    }
}
