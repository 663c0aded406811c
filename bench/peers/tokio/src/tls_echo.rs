// SPDX-License-Identifier: BSL-1.0

use crate::arguments::Sizes;
use crate::echo;
use crate::measure::Figures;
use std::sync::Arc;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

pub async fn serve(sizes: Sizes) -> Figures {
    let certificates = CertificateDer::pem_file_iter(sizes.certificate)
        .and_then(|all| all.collect())
        .expect("the certificate");
    let key = PrivateKeyDer::from_pem_file(sizes.key).expect("the key");
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .expect("a server's configuration");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = echo::listen(sizes.port).await;
    loop {
        let connection = echo::accept(&listener).await;
        let handshake = acceptor.accept(connection);
        tokio::spawn(async move {
            if let Ok(stream) = handshake.await {
                echo::echo_back(stream).await;
            }
        });
    }
}
