//! A door with TLS in front of a vendor: it shows a certificate and lets through, or
//! breaks in the ways in which TLS does.
//!
//! It is a listener of its own, on loopback, because TLS fails before there is a request
//! that a fault script could be about.

use anyhow::{Context as _, Result};
use std::{
    net::{SocketAddr, TcpListener as StdListener},
    sync::Arc,
    thread::JoinHandle,
};
use tokio::{
    io::{AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// A certificate for 127.0.0.1 that nobody but itself has signed, with its key.
#[derive(Clone)]
pub struct Identity {
    acceptor: TlsAcceptor,
    certificate: String,
}

impl Identity {
    /// A new one.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new() -> Result<Self> {
        let signed = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der()));
        let settings = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![signed.cert.der().clone()], key)?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(settings)), certificate: signed.cert.pem() })
    }

    /// The certificate as PEM: whoever trusts it trusts the door that shows it.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }
}

/// What a door shows to those who come.
#[derive(Clone)]
pub enum Shows {
    /// This certificate; then it lets through.
    Certificate(Identity),
    /// Something that is not TLS, and it stays shut.
    Nonsense,
}

/// An open door. It is gone when this is dropped.
pub struct Door {
    address: SocketAddr,
    /// None: it is taken away.
    shows: watch::Sender<Option<Shows>>,
    thread: Option<JoinHandle<()>>,
}

impl Door {
    /// Puts one in front of `vendor`, on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When it cannot listen.
    pub fn before(vendor: SocketAddr, shows: Shows) -> Result<Self> {
        let listener = StdListener::bind("127.0.0.1:0").context("listen on a free port")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (shows, orders) = watch::channel(Some(shows));
        let run_time = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new()
            .name(format!("door-{}", address.port()))
            .spawn(move || run_time.block_on(keep(listener, vendor, orders)))?;
        Ok(Self { address, shows, thread: Some(thread) })
    }

    /// The URL of its root, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Breaks all connections off, and shows that to those who come from now on.
    pub fn show(&self, shows: Shows) {
        self.shows.send_replace(Some(shows));
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.shows.send_replace(None);
        if let Some(thread) = self.thread.take() {
            // A panic in the thread has been printed already; there is nothing to add.
            let _ = thread.join();
        }
    }
}

/// Lets in until the door is taken away.
async fn keep(listener: StdListener, vendor: SocketAddr, mut orders: watch::Receiver<Option<Shows>>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let mut visits = JoinSet::new();
    let mut shows = orders.borrow_and_update().clone();
    while let Some(shown) = &shows {
        tokio::select! {
            changed = orders.changed() => {
                visits.shutdown().await;
                shows = changed.ok().and_then(|()| orders.borrow_and_update().clone());
            }
            Ok((stream, _)) = listener.accept() => {
                visits.spawn(visit(stream, vendor, shown.clone()));
            }
            Some(_) = visits.join_next() => {}
        }
    }
}

/// It ends with an error whenever the visitor does not like what it is shown.
async fn visit(mut stream: TcpStream, vendor: SocketAddr, shows: Shows) -> std::io::Result<()> {
    match shows {
        Shows::Nonsense => {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await?;
            stream.shutdown().await
        }
        Shows::Certificate(identity) => {
            let mut inside = identity.acceptor.accept(stream).await?;
            let mut outside = TcpStream::connect(vendor).await?;
            copy_bidirectional(&mut inside, &mut outside).await.map(drop)
        }
    }
}
