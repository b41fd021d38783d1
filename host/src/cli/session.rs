//! Finds the host that a command talks to: the one at `--url`, else the one that
//! holds the data folder, else one that is built in this process for the moment.

use super::{
    client::{Answer, Call, Client, Document, Remote},
    out::Out,
};
use crate::{
    api::view::List,
    app::{self, App, Presence},
    clock::Clock,
    config::Loaded,
    model::Secret,
    sync::Reach,
};
use anyhow::Context as _;
use serde_json::value::RawValue;
use std::{env, time::Duration};
use tokio::time::{Instant, sleep};

/// What every command gets.
pub(super) struct Context<'a> {
    pub(super) loaded: Loaded,
    pub(super) url: Option<String>,
    pub(super) key: Option<Secret>,
    pub(super) clock: Clock,
    pub(super) out: &'a Out,
}

impl Context<'_> {
    /// What a host in this process is built from.
    pub(super) fn setup(&self) -> anyhow::Result<app::Setup> {
        let compiler = env::current_exe().context("this program's own file cannot be found")?;
        Ok(app::Setup {
            loaded: self.loaded.clone(),
            key: self.key.clone(),
            clock: self.clock.clone(),
            compiler: Some(compiler),
        })
    }
}

/// What a command needs of a host in this process. A running host has all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// The store.
    Data,
    /// The plugins judged, too.
    Plugins,
    /// Runs that go, too.
    Runs,
}

/// A host to talk to.
pub(super) struct Session {
    client: Client,
    /// The host in this process.
    app: Option<App>,
}

impl Session {
    pub(super) async fn open(ctx: &Context<'_>, needs: Needs) -> anyhow::Result<Self> {
        if let Some(url) = &ctx.url {
            return Ok(Self { client: Client::Remote(Remote::new(url)?), app: None });
        }
        match find_host(ctx).await? {
            Found::Running(remote) => Ok(Self { client: Client::Remote(remote), app: None }),
            Found::Built(app) => Self::within(*app, needs).await,
        }
    }

    async fn within(mut app: App, needs: Needs) -> anyhow::Result<Self> {
        if needs != Needs::Data {
            app.load_plugins().await;
        }
        app.restore_breakers().await;
        if needs == Needs::Runs {
            app.start_runs(Reach::Requested);
        } else {
            // Nobody else holds the data, so what is still called running is not.
            app.recover().await;
        }
        Ok(Self { client: Client::Local(app.router()), app: Some(app) })
    }

    /// Whether the host is this process.
    pub(super) fn is_local(&self) -> bool {
        self.app.is_some()
    }

    /// Stops what runs in this process; the API still answers.
    pub(super) async fn stop(&mut self) {
        if let Some(app) = &mut self.app {
            app.stop().await;
        }
    }

    /// Opens one for a single question.
    pub(super) async fn once(ctx: &Context<'_>, needs: Needs, call: Call) -> anyhow::Result<Document> {
        Self::open(ctx, needs).await?.ask(call).await
    }

    pub(super) async fn ask(&self, call: Call) -> anyhow::Result<Document> {
        self.client.ask(call).await?.document().await
    }

    /// For answers that are streamed, or have no body.
    pub(super) async fn answer(&self, call: Call) -> anyhow::Result<Answer> {
        self.client.ask(call).await
    }

    /// Every item of a list, page after page.
    pub(super) async fn all(&self, path: String) -> anyhow::Result<List<Box<RawValue>>> {
        let mut items = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let call = Call::get(path.clone()).with("limit", Some("1000")).with("after", after.as_deref());
            let page: List<Box<RawValue>> = self.ask(call).await?.read()?;
            items.extend(page.items);
            after = page.next;
            if after.is_none() {
                return Ok(List::whole(items));
            }
        }
    }
}

/// Who answers.
enum Found {
    Running(Remote),
    Built(Box<App>),
}

/// A host that is just starting or stopping, and another command that has the data
/// folder for a moment, are waited for.
async fn find_host(ctx: &Context<'_>) -> anyhow::Result<Found> {
    const PATIENCE: Duration = Duration::from_secs(10);
    const PAUSE: Duration = Duration::from_millis(100);
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(remote) = running_host(ctx).await {
            return Ok(Found::Running(remote));
        }
        match App::build(ctx.setup()?) {
            Ok(app) => return Ok(Found::Built(Box::new(app))),
            Err(error) if error.is_locked() && Instant::now() < deadline => sleep(PAUSE).await,
            Err(error) => return Err(error.into()),
        }
    }
}

/// The host that the data folder names, where it answers as itself.
pub(super) async fn running_host(ctx: &Context<'_>) -> Option<Remote> {
    let presence = Presence::read(&ctx.loaded.config.data)?;
    let remote = Remote::new(&presence.url).ok()?;
    let health = remote.health().await.ok()?;
    (health.pid == presence.pid).then_some(remote)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::client::path,
        config::{Config, Source},
    };
    use std::{fs, path::Path};

    fn context<'a>(data: &Path, url: Option<&str>, out: &'a Out) -> Context<'a> {
        let mut config = Config { data: data.to_owned(), ..Config::default() };
        config.api.listen.set_port(0);
        let loaded = Loaded { config, source: Source::default() };
        Context { loaded, url: url.map(str::to_owned), key: None, clock: Clock::system(), out }
    }

    #[tokio::test]
    async fn a_host_that_answers_is_asked_and_one_that_is_gone_is_not() {
        let (home, out) = (tempfile::tempdir().expect("a folder"), Out::new(true));
        let ctx = context(home.path(), None, &out);
        let runs = || Call::get(path(&["runs"]));

        // What a killed host leaves behind: nobody listens on port 1.
        fs::write(home.path().join("host.json"), r#"{"url":"http://127.0.0.1:1","pid":1}"#).expect("a file");
        let session = Session::open(&ctx, Needs::Data).await.expect("a session");
        assert!(session.is_local());
        let alone = session.ask(runs()).await.expect("an answer").read::<serde_json::Value>();
        drop(session);

        let mut host = App::build(ctx.setup().expect("a setup")).expect("a host");
        host.serve().await.expect("served");
        let session = Session::open(&ctx, Needs::Data).await.expect("a session");
        assert!(!session.is_local());
        let asked = session.ask(runs()).await.expect("an answer").read::<serde_json::Value>();
        assert_eq!(asked.expect("JSON"), alone.expect("JSON"), "both ways answer alike");
        host.stop().await;
    }

    #[tokio::test]
    async fn another_program_in_the_host_s_place_is_not_asked() {
        let (home, out) = (tempfile::tempdir().expect("a folder"), Out::new(true));
        let other = tempfile::tempdir().expect("a folder");
        let setup = context(other.path(), None, &out).setup().expect("a setup");
        let mut stranger = App::build(setup).expect("a host");
        let address = stranger.serve().await.expect("served");
        // The port went to a host of another folder, which runs as another process.
        let stale = format!(r#"{{"url":"http://{address}","pid":1}}"#);
        fs::write(home.path().join("host.json"), stale).expect("a file");
        let session = Session::open(&context(home.path(), None, &out), Needs::Data).await;
        assert!(session.expect("a session").is_local());
        stranger.stop().await;
    }

    #[tokio::test]
    async fn a_host_that_is_named_is_asked_whatever_lies_in_the_folder() {
        let (home, out) = (tempfile::tempdir().expect("a folder"), Out::new(true));
        let named = context(home.path(), Some("http://127.0.0.1:1"), &out);
        let session = Session::open(&named, Needs::Runs).await.expect("a session");
        assert!(!session.is_local());
        assert!(session.ask(Call::get(path(&["runs"]))).await.is_err());
        assert_eq!(fs::read_dir(home.path()).expect("a folder").count(), 0, "nothing is made");
    }
}
