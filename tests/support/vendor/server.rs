//! The server itself: it accepts, serves, goes down and stops.

use super::{
    act::{Act, End, LEAVE},
    body::{Outgoing, broken},
    control,
    message::{Answer, App, Request},
    running::Running,
    script::Action,
    stats::Counter,
    wire::{Fate, Wire},
};
use hyper::{Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// What the thread is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    Up,
    Down,
    DownFor(Duration),
    Stop,
}

/// What the handle, the control surface and the connections share.
pub(super) struct Shared {
    pub(super) app: Arc<dyn App>,
    pub(super) script: Running,
    pub(super) counter: Counter,
    pub(super) control: watch::Sender<Control>,
    pub(super) latency: Duration,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("script", &self.script).finish_non_exhaustive()
    }
}

/// Serves until it is told to stop.
pub(super) async fn serve(listener: StdListener, shared: Arc<Shared>, mut orders: watch::Receiver<Control>) {
    let Ok(address) = listener.local_addr() else {
        return;
    };
    let mut ready = Some(listener);
    loop {
        let order = *orders.borrow_and_update();
        match order {
            Control::Stop => return,
            Control::Up => {
                let Ok(listener) = listen(ready.take(), address) else {
                    return;
                };
                accept(listener, &shared, &mut orders).await;
            }
            Control::Down => {
                ready = None;
                let _ = orders.changed().await;
            }
            Control::DownFor(length) => {
                ready = None;
                tokio::time::sleep(length).await;
                shared
                    .control
                    .send_if_modified(|now| *now == order && std::mem::replace(now, Control::Up) == order);
            }
        }
    }
}

fn listen(ready: Option<StdListener>, address: SocketAddr) -> io::Result<TcpListener> {
    let listener = match ready {
        Some(listener) => listener,
        None => StdListener::bind(address)?,
    };
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Accepts connections until the order changes; then all of them are dropped.
async fn accept(listener: TcpListener, shared: &Arc<Shared>, orders: &mut watch::Receiver<Control>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = orders.changed() => {
                // The answer to the order itself is still on its way out.
                tokio::time::sleep(LEAVE).await;
                return;
            }
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    shared.counter.connected();
                    connections.spawn(connection(stream, Arc::clone(shared)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let fate = Arc::new(Fate::default());
    // Small answers must not wait for the other side's acknowledgement.
    let _ = stream.set_nodelay(true);
    let wire = TokioIo::new(Wire::new(stream, Arc::clone(&fate)));
    let service = service_fn(|request| respond(request, Arc::clone(&shared), Arc::clone(&fate)));
    // It ends with an error whenever a script breaks it off or the client goes away.
    let _ = http1::Builder::new().serve_connection(wire, service).await;
}

/// Answers one request; an error gives the connection up.
async fn respond(
    incoming: hyper::Request<Incoming>,
    shared: Arc<Shared>,
    fate: Arc<Fate>,
) -> io::Result<Response<Outgoing>> {
    fate.pace(0);
    if incoming.uri().path().starts_with("/_fake") {
        return by_hand(incoming, &shared, &fate).await;
    }
    let mut in_flight = shared.counter.arrived(&incoming);
    in_flight.of_kind(shared.app.kind_of(incoming.uri().path()));
    let verdict = shared.script.judge(incoming.method(), incoming.uri().path());
    let latency = shared.latency + verdict.as_ref().map_or(Duration::ZERO, |verdict| verdict.latency);
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let request = Request::read(incoming).await.ok_or_else(broken)?;
    let act = Act { app: shared.app.as_ref(), request: &request, fate: &fate };
    let end = act.run(&verdict.map_or(Action::Pass, |verdict| verdict.action));
    match end {
        End::Answer(response) => {
            in_flight.answered(response.status().as_u16());
            Ok(*response)
        }
        End::Broken => Err(broken()),
        End::Silence => std::future::pending().await,
    }
}

async fn by_hand(
    incoming: hyper::Request<Incoming>,
    shared: &Arc<Shared>,
    fate: &Arc<Fate>,
) -> io::Result<Response<Outgoing>> {
    let request = Request::read(incoming).await.ok_or_else(broken)?;
    let path = request.path.trim_start_matches("/_fake").to_owned();
    let answer: Answer = control::answer(shared, &path, &request);
    match (Act { app: shared.app.as_ref(), request: &request, fate }).whole(answer) {
        End::Answer(response) => Ok(*response),
        End::Broken | End::Silence => Err(broken()),
    }
}
