//! A server that answers `{}` to everything and remembers what it was asked.

use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

pub(super) struct Server {
    port: u16,
    seen: Arc<Mutex<Seen>>,
    _task: JoinSet<()>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    requests: Vec<String>,
}

impl Server {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let mut task = JoinSet::new();
        task.spawn(accept(listener, seen.clone()));
        Self { port, seen, _task: task }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/api", self.port)
    }

    /// The heads of all requests.
    pub(super) fn requests(&self) -> Vec<String> {
        self.seen.lock().expect("no panic").requests.clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.seen.lock().expect("no panic").connections
    }
}

async fn accept(listener: TcpListener, seen: Arc<Mutex<Seen>>) {
    let mut connections = JoinSet::new();
    while let Ok((connection, _)) = listener.accept().await {
        seen.lock().expect("no panic").connections += 1;
        connections.spawn(answer(connection, seen.clone()));
    }
}

async fn answer(mut connection: TcpStream, seen: Arc<Mutex<Seen>>) {
    let (mut head, mut piece) = (Vec::new(), [0; 4_096]);
    while let Ok(count @ 1..) = connection.read(&mut piece).await {
        head.extend(&piece[..count]);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        seen.lock().expect("no panic").requests.push(String::from_utf8_lossy(&head).into_owned());
        head.clear();
        let sent = connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
        if sent.is_err() {
            return;
        }
    }
}
