//! An HTTP/1.1 server on loopback that does what a test tells it, well-formed or
//! not.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Stops with the test.
pub(super) struct Server {
    address: SocketAddr,
    counts: Arc<Counts>,
    _task: JoinSet<()>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    requests: AtomicUsize,
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Counted over all connections, from 0.
    pub(super) number: usize,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

/// What goes back.
pub(super) struct Reply {
    bytes: Vec<u8>,
    then: Then,
}

/// What becomes of the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Keep,
    Close,
    /// Closed by a TCP reset.
    Reset,
    /// Open and silent.
    Hang,
}

impl Server {
    /// On a free port of 127.0.0.1.
    pub(super) async fn start<F, A>(answer: F) -> Self
    where
        F: Fn(Seen) -> A + Send + Sync + 'static,
        A: Future<Output = Reply> + Send + 'static,
    {
        Self::start_at("127.0.0.1:0", answer).await
    }

    pub(super) async fn start_at<F, A>(address: &str, answer: F) -> Self
    where
        F: Fn(Seen) -> A + Send + Sync + 'static,
        A: Future<Output = Reply> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let counts = Arc::new(Counts::default());
        let mut task = JoinSet::new();
        task.spawn(accept(listener, counts.clone(), Arc::new(answer)));
        Self { address, counts, _task: task }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn connections(&self) -> usize {
        self.counts.connections.load(SeqCst)
    }

    pub(super) fn requests(&self) -> usize {
        self.counts.requests.load(SeqCst)
    }
}

impl Seen {
    /// As in the request line, with the query.
    pub(super) fn path(&self) -> &str {
        self.head.split(' ').nth(1).expect("a request line")
    }

    pub(super) fn method(&self) -> &str {
        self.head.split(' ').next().expect("a request line")
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }
}

impl Reply {
    pub(super) fn status(status: u16) -> Self {
        Self::with(status, &[], b"")
    }

    pub(super) fn ok(body: &[u8]) -> Self {
        Self::with(200, &[], body)
    }

    pub(super) fn with(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let mut bytes = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len()).into_bytes();
        for (name, value) in headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body);
        Self { bytes, then: Then::Keep }
    }

    pub(super) fn redirect(status: u16, location: &str) -> Self {
        Self::with(status, &[("location", location)], b"")
    }

    /// What a server must not send, perhaps.
    pub(super) fn raw(bytes: impl Into<Vec<u8>>, then: Then) -> Self {
        Self { bytes: bytes.into(), then }
    }
}

async fn accept<F, A>(listener: TcpListener, counts: Arc<Counts>, answer: Arc<F>)
where
    F: Fn(Seen) -> A + Send + Sync + 'static,
    A: Future<Output = Reply> + Send + 'static,
{
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        counts.connections.fetch_add(1, SeqCst);
        let (counts, answer) = (counts.clone(), answer.clone());
        connections.spawn(async move {
            // A client that goes away is no failure of the test.
            let _ = serve(stream, &counts, &*answer).await;
        });
    }
}

async fn serve<F, A>(mut stream: TcpStream, counts: &Counts, answer: &F) -> std::io::Result<()>
where
    F: Fn(Seen) -> A,
    A: Future<Output = Reply>,
{
    while let Some((head, body)) = read(&mut stream).await? {
        let number = counts.requests.fetch_add(1, SeqCst);
        let reply = answer(Seen { number, head, body }).await;
        stream.write_all(&reply.bytes).await?;
        match reply.then {
            Then::Keep => {}
            Then::Close => return stream.shutdown().await,
            Then::Reset => return stream.set_zero_linger(),
            Then::Hang => std::future::pending().await,
        }
    }
    Ok(())
}

async fn read(stream: &mut TcpStream) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|part| part == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut body = bytes.split_off(end);
    let seen = Seen { number: 0, head, body: Vec::new() };
    let length: usize = seen.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while body.len() < length {
        if stream.read_buf(&mut body).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some((seen.head, body)))
}
