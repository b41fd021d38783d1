//! A provider on loopback that plays what a test tells it, and an API that takes its last token.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use url::form_urlencoded;

/// What the token endpoint does next.
#[derive(Clone, Debug)]
pub(super) enum Turn {
    /// New tokens, after a while.
    After(Duration),
    /// New tokens that nobody hears of.
    Lost,
    /// This status and body.
    Says(u16, &'static str),
    /// The same access token as before.
    TheSame,
}

pub(super) struct Provider {
    port: u16,
    play: Arc<Mutex<Play>>,
    _task: JoinSet<()>,
}

#[derive(Default)]
struct Play {
    turns: VecDeque<Turn>,
    /// The forms that came to the token endpoint.
    forms: Vec<String>,
    requests: usize,
    refused: usize,
    number: u32,
    /// The tokens that were given back, and whether any answer is given.
    given_back: Vec<String>,
    is_silent: bool,
    /// The API takes it.
    takes: String,
    lifetime: u32,
}

impl Provider {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let play = Arc::new(Mutex::new(Play { lifetime: 3_600, ..Play::default() }));
        let mut task = JoinSet::new();
        task.spawn(accept(listener, play.clone()));
        Self { port, play, _task: task }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What the token endpoint does with the next request; else it gives tokens.
    pub(super) fn next(&self, turn: Turn) {
        self.lock().turns.push_back(turn);
    }

    /// The API takes no token until there is a new one.
    pub(super) fn expire(&self) {
        self.lock().takes.clear();
    }

    /// The tokens that were given back.
    pub(super) fn given_back(&self) -> Vec<String> {
        self.lock().given_back.clone()
    }

    /// Does not answer any more where tokens are given back.
    pub(super) fn falls_silent(&self) {
        self.lock().is_silent = true;
    }

    /// The requests to the token endpoint.
    pub(super) fn forms(&self) -> Vec<String> {
        self.lock().forms.clone()
    }

    /// The value of that parameter in every request to the token endpoint.
    pub(super) fn sent(&self, name: &str) -> Vec<String> {
        let value = |form: &String| {
            let found = form_urlencoded::parse(form.as_bytes()).find(|(found, _)| found == name);
            found.map(|(_, value)| value.into_owned())
        };
        self.forms().iter().filter_map(value).collect()
    }

    /// Requests to the API, and those of them that were refused.
    pub(super) fn requests(&self) -> (usize, usize) {
        let play = self.lock();
        (play.requests, play.refused)
    }

    fn lock(&self) -> MutexGuard<'_, Play> {
        self.play.lock().expect("no panic")
    }
}

async fn accept(listener: TcpListener, play: Arc<Mutex<Play>>) {
    let mut connections = JoinSet::new();
    while let Ok((connection, _)) = listener.accept().await {
        connections.spawn(converse(connection, play.clone()));
    }
}

async fn converse(mut connection: TcpStream, play: Arc<Mutex<Play>>) {
    let (mut read, mut piece) = (Vec::new(), [0; 4_096]);
    while let Ok(count @ 1..) = connection.read(&mut piece).await {
        read.extend(&piece[..count]);
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() < length.unwrap_or(0) {
            continue;
        }
        read.clear();
        let Some(answer) = answer(head, body, &play).await else { return };
        if connection.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// None: the connection ends without one.
async fn answer(head: &str, body: &str, play: &Mutex<Play>) -> Option<String> {
    if head.starts_with("POST /token") {
        return token(body, play).await;
    }
    if head.starts_with("POST /revoke") {
        let is_silent = {
            let mut play = play.lock().expect("no panic");
            let token = form_urlencoded::parse(body.as_bytes()).find(|(name, _)| name == "token");
            play.given_back.extend(token.map(|(_, token)| token.into_owned()));
            play.is_silent
        };
        if is_silent {
            std::future::pending::<()>().await;
        }
        return Some(whole(200, ""));
    }
    let mut play = play.lock().expect("no panic");
    play.requests += 1;
    let takes = !play.takes.is_empty() && head.contains(&format!("Bearer {}", play.takes));
    play.refused += usize::from(!takes);
    Some(if takes { whole(200, "{}") } else { whole(401, "{}") })
}

async fn token(body: &str, play: &Mutex<Play>) -> Option<String> {
    let turn = {
        let mut play = play.lock().expect("no panic");
        play.forms.push(body.to_owned());
        play.turns.pop_front().unwrap_or(Turn::After(Duration::ZERO))
    };
    if let Turn::After(time) = turn {
        tokio::time::sleep(time).await;
    }
    let mut play = play.lock().expect("no panic");
    match turn {
        Turn::Says(status, body) => return Some(whole(status, body)),
        Turn::TheSame => play.takes.clear(),
        Turn::After(_) | Turn::Lost => {
            play.number += 1;
            play.takes = format!("access-{}", play.number);
        }
    }
    let Play { number, lifetime, .. } = *play;
    let document = format!(
        r#"{{"access_token":"access-{number}","refresh_token":"refresh-{number}","expires_in":{lifetime}}}"#
    );
    (!matches!(turn, Turn::Lost)).then(|| whole(200, &document))
}

fn whole(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}
