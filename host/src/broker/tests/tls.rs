//! TLS and HTTP/2, with certificates made for the test.

use super::*;
use crate::model::Class;
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_rustls::TlsAcceptor;

/// An HTTP/2 server whose certificate is for `desk.test`.
struct Secure {
    port: u16,
    authority: String,
    connections: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

async fn secure() -> Secure {
    let signed = rcgen::generate_simple_self_signed(["desk.test".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der()));
    let mut settings =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![signed.cert.der().clone()], key)
            .expect("they belong together");
    settings.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(settings));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let connections = Arc::new(AtomicUsize::new(0));
    let mut task = JoinSet::new();
    task.spawn(serve(listener, acceptor, connections.clone()));
    Secure { port, authority: signed.cert.pem(), connections, _task: task }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, connections: Arc<AtomicUsize>) {
    let mut tasks = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, connections) = (acceptor.clone(), connections.clone());
        tasks.spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            connections.fetch_add(1, SeqCst);
            let answer =
                hyper::service::service_fn(|request: hyper::Request<hyper::body::Incoming>| async move {
                    let text = format!("{:?} {}", request.version(), request.uri().path());
                    Ok::<_, std::convert::Infallible>(hyper::Response::new(Full::new(bytes::Bytes::from(
                        text,
                    ))))
                });
            let http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let _ = http.serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

fn table() -> Table {
    Table::default().with("desk.test", &[&["127.0.0.1"]]).with("other.test", &[&["127.0.0.1"]])
}

fn trusting(secure: &Secure, folder: &tempfile::TempDir) -> Broker {
    let file = folder.path().join("authority.pem");
    std::fs::write(&file, &secure.authority).expect("written");
    let config = Config { ca_file: Some(file), ..toml::from_str(LOOPBACK).expect("a configuration") };
    Broker::new(config, Arc::new(table()))
}

#[tokio::test]
async fn trusted_server_is_spoken_to_in_http_2_over_one_connection() {
    let (secure, folder) = (secure().await, tempfile::tempdir().expect("a folder"));
    let gateway =
        trusting(&secure, &folder).gateway(scope(&format!("https://desk.test:{}/api", secure.port)));
    let gateway = gateway.expect("allowed");
    gateway.send(get("/first"), &meter()).await.expect("answered");
    let answers = gateway.send_all((0..10).map(|n| get(&format!("/{n}"))).collect(), &meter()).await;
    for (n, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.expect("answered").body, format!("HTTP/2.0 /api/{n}"));
    }
    assert_eq!(secure.connections.load(SeqCst), 1);
}

#[tokio::test]
async fn untrusted_certificate_is_a_fault_of_the_settings() {
    let (secure, folder) = (secure().await, tempfile::tempdir().expect("a folder"));
    // Trusted, but for another name.
    let gateway = trusting(&secure, &folder).gateway(scope(&format!("https://other.test:{}", secure.port)));
    let wrong_name = failure_of(&gateway.expect("allowed"), get("/")).await;
    // A file of its own is trusted, so that the machine's roots do not matter here.
    let stranger = rcgen::generate_simple_self_signed(["x.test".to_owned()]).expect("a certificate");
    let strangers = Secure { authority: stranger.cert.pem(), ..secure };
    let gateway =
        trusting(&strangers, &folder).gateway(scope(&format!("https://desk.test:{}", strangers.port)));
    let unknown = failure_of(&gateway.expect("allowed"), get("/")).await;
    for (failure, host) in [(wrong_name, "other.test"), (unknown, "desk.test")] {
        assert_eq!((failure.class, failure.code.as_str()), (Class::Config, "net.tls"), "{}", failure.message);
        for part in [host, "is not trusted", "broker.ca-file"] {
            assert!(failure.message.contains(part), "{part}: {}", failure.message);
        }
    }
}

#[tokio::test]
async fn server_without_tls_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let mut task = JoinSet::new();
    task.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let refusal = b"HTTP/1.1 400 Bad Request\r\n\r\n";
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, refusal).await;
            let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut Vec::new()).await;
        }
    });
    let (secure, folder) = (secure().await, tempfile::tempdir().expect("a folder"));
    let gateway = trusting(&secure, &folder).gateway(scope(&format!("https://desk.test:{port}")));
    let failure = failure_of(&gateway.expect("allowed"), request(Method::Post, "/")).await;
    assert_eq!((failure.class, failure.code.as_str()), (Class::Transient, "net.tls"));
    for part in ["cannot speak TLS with desk.test", "tried 2 times"] {
        assert!(failure.message.contains(part), "{part}: {}", failure.message);
    }
}

#[tokio::test]
async fn gateway_with_https_names_a_missing_ca_file() {
    let config = Config { ca_file: Some("nowhere/ca.pem".into()), ..Config::default() };
    let broker = Broker::new(config, Arc::new(Table::default()));
    let failure = broker.gateway(scope("https://desk.test")).expect_err("no such file");
    assert_eq!((failure.class, failure.code.as_str()), (Class::Config, "broker.tls"));
    assert!(failure.message.contains("nowhere/ca.pem"), "{}", failure.message);
}
