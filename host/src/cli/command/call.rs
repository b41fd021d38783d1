//! `call`: asks a channel's remote system to do something, and shows what came of it.

mod look;

use crate::{
    api::view::{Call as Shown, CallChecked},
    cli::{
        client::{Call as Ask, Document, path},
        exit::{Exit, Usage},
        help,
        pretty::pretty,
        report,
        session::{Context, Needs, Session},
        text::{clean, time},
    },
    model::{IdempotencyKey, Span, Status},
    shutdown::Signals,
};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use std::{
    fs,
    io::{self, Read as _},
};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Call {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    start: Option<Start>,
}

#[derive(Debug, Args)]
struct Start {
    /// The channel
    name: String,
    /// The operation; `tidegate plugin inspect FILE` lists them
    operation: String,
    /// Its input, a JSON document; `@FILE` reads it from a file, `-` from stdin
    #[arg(value_name = "JSON")]
    input: String,
    /// Makes one call of several: the same key again gets the first one's result, and
    /// nothing is sent [default: made by the host]
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<IdempotencyKey>,
    /// The longest time of one try, such as 30s [default: 1m]
    #[arg(long, value_name = "TIME")]
    timeout: Option<Span>,
    /// Have the host work it off, in as many tries as it takes, and do not wait
    #[arg(long)]
    queue: bool,
    /// How long it may wait in the queue, such as 2d; after that it fails [default: 7d]
    #[arg(long, value_name = "TIME", requires = "queue")]
    expires: Option<Span>,
    /// Wait for the end all the same
    #[arg(long, requires = "queue")]
    wait: bool,
    /// Only check the input: nothing is sent, nothing is kept
    #[arg(long, conflicts_with_all = ["queue", "idempotency_key"])]
    dry_run: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List calls, newest first
    #[command(after_help = help::CALL_LIST)]
    List(look::List),
    /// Show everything about a call, its input and its output
    #[command(after_help = help::CALL_SHOW)]
    Show {
        /// The call
        id: String,
    },
    /// Take a call back
    #[command(after_help = help::CALL_CANCEL)]
    Cancel {
        /// The call
        id: String,
    },
    /// Have a call that failed or was cancelled done again, with the same idempotency key
    #[command(after_help = help::CALL_RETRY)]
    Retry {
        /// The call
        id: String,
    },
}

pub(crate) async fn run(ctx: &Context<'_>, call: Call) -> anyhow::Result<Exit> {
    match (call.command, call.start) {
        (Some(Command::List(list)), _) => look::list(ctx, list).await,
        (Some(Command::Show { id }), _) => look::show(ctx, &id).await,
        (Some(Command::Cancel { id }), _) => look::cancel(ctx, &id).await,
        (Some(Command::Retry { id }), _) => look::retry(ctx, &id).await,
        (None, Some(start)) => begin(ctx, start).await,
        (None, None) => Err(Usage("name a channel, an operation and its input".to_owned()).into()),
    }
}

async fn begin(ctx: &Context<'_>, start: Start) -> anyhow::Result<Exit> {
    let ask = Ask::post(path(&["channels", &start.name, "operations", &start.operation]))
        .with("timeout", start.timeout.map(|timeout| timeout.to_string()).as_deref())
        .with("expires", start.expires.map(|expires| expires.to_string()).as_deref())
        .with("queue", start.queue.then_some("true"))
        .with("dry-run", start.dry_run.then_some("true"))
        .idempotency_key(start.idempotency_key.as_ref())
        .document(input(&start.input)?);
    let goes_here = !start.dry_run && (!start.queue || start.wait);
    let mut session = Session::open(ctx, if goes_here { Needs::Runs } else { Needs::Plugins }).await?;
    let exit = if start.dry_run {
        checked(ctx, session.ask(ask).await)
    } else if start.queue && !start.wait {
        queued(ctx, &session, session.ask(ask).await)
    } else {
        to_the_end(ctx, &mut session, ask).await
    };
    session.stop().await;
    exit
}

/// The document that the argument stands for.
fn input(argument: &str) -> anyhow::Result<Vec<u8>> {
    if argument == "-" {
        let mut text = Vec::new();
        io::stdin().read_to_end(&mut text).context("stdin cannot be read")?;
        return Ok(text);
    }
    match argument.strip_prefix('@') {
        Some(file) => fs::read(file).with_context(|| format!("the file {file} cannot be read")),
        None => Ok(argument.as_bytes().to_vec()),
    }
}

fn checked(ctx: &Context<'_>, answer: anyhow::Result<Document>) -> anyhow::Result<Exit> {
    let document = answer?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
    } else {
        let _: CallChecked = document.read()?;
        ctx.out.line("the input fits; nothing was sent")?;
    }
    Ok(Exit::Done)
}

/// What a host promised to do.
fn queued(ctx: &Context<'_>, session: &Session, answer: anyhow::Result<Document>) -> anyhow::Result<Exit> {
    let document = answer?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    let call: Shown = document.read()?;
    ctx.out.line(call.id.to_string())?;
    if let Some(note) = repeated(&call) {
        ctx.out.note(note);
    }
    if session.is_local() {
        let data = ctx.loaded.config.data.display();
        ctx.out.note(format!("no host runs on {data}: the call waits until one is started (tidegate serve)"));
    } else {
        ctx.out.note(format!("queued; follow it with: tidegate call show {}", call.id));
    }
    Ok(Exit::Done)
}

/// Asks, and waits for the end of the call. A signal ends the waiting; where the call goes
/// on in this process, it ends the call, too.
async fn to_the_end(ctx: &Context<'_>, session: &mut Session, ask: Ask) -> anyhow::Result<Exit> {
    let mut signals = Signals::listen().context("signals cannot be heard")?;
    let ended = {
        let asking = async {
            let mut document = session.ask(ask).await?;
            let first: Shown = document.read()?;
            let mut call = first.clone();
            let is_left = |call: &Shown| session.is_local() && call.status == Status::Deferred;
            while !(call.status.has_ended() || is_left(&call)) {
                let look = Ask::get(path(&["calls", &call.id.to_string()]));
                document = session.ask(look.with("wait", Some("1s"))).await?;
                call = document.read()?;
            }
            call.repeated = first.repeated;
            anyhow::Ok(call)
        };
        tokio::select! {
            ended = asking => Some(ended?),
            wish = signals.next() => {
                ctx.out.note(format!("{wish}: nobody waits for the call any more; see: tidegate call list"));
                None
            }
        }
    };
    match ended {
        Some(call) => show(ctx, &call, session.is_local()),
        None => Ok(Exit::Failed),
    }
}

/// The output alone goes to stdout, so that it can be worked on.
fn show(ctx: &Context<'_>, call: &Shown, is_local: bool) -> anyhow::Result<Exit> {
    let exit = if call.status == Status::Completed { Exit::Done } else { Exit::Failed };
    if ctx.out.is_json() {
        ctx.out.document(call)?;
        return Ok(exit);
    }
    if let Some(output) = &call.output {
        ctx.out.line(clean_lines(&pretty(output.get())))?;
    }
    repeated(call).into_iter().chain(trouble(call, is_local)).for_each(|note| ctx.out.note(note));
    Ok(exit)
}

/// Control characters have no business in a document that is shown.
fn clean_lines(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}

fn repeated(call: &Shown) -> Option<String> {
    call.repeated.then(|| {
        format!(
            "this is the call of {} with the same idempotency key; nothing was sent ({})",
            time(call.requested),
            call.id
        )
    })
}

/// Why it did not complete, and what to do.
fn trouble(call: &Shown, is_local: bool) -> Option<String> {
    let error = call.error.as_ref()?;
    let mut text = format!("error: {}", report::sentence(error));
    if call.outcome_unknown {
        text.push_str("\nits outcome is unknown: it may have been done all the same");
    }
    let next = match call.status {
        Status::Deferred if is_local => {
            "nothing was lost: a host (tidegate serve) goes on with the call by itself".to_owned()
        }
        Status::Deferred => format!("tidegate call show {} tells when it is tried again", call.id),
        _ if call.outcome_unknown => format!(
            "look there first; tidegate call retry {} does it again with the same idempotency key",
            call.id
        ),
        _ => report::advice(error, Some(call.channel.as_str()))
            .unwrap_or_else(|| format!("tidegate call show {}, tidegate run logs {}", call.id, call.id)),
    };
    text.push_str(&format!("\nnext: {next}"));
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::view::Problem,
        cli::text::samples,
        model::{Class, FieldError},
    };

    #[test]
    fn an_input_is_written_or_comes_from_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("input.json");
        fs::write(&file, "{\"a\":1}\n").expect("a file");
        assert_eq!(input(&format!("@{}", file.display())).expect("read"), b"{\"a\":1}\n");
        assert_eq!(input("{}").expect("as it is"), b"{}");
        assert!(input("@/no/such/file").is_err());
    }

    #[test]
    fn what_went_wrong_comes_with_the_next_step() {
        let problem = Problem::new(Class::Transient, "call.timeout", "the call was cut off");
        let mut call = samples::call("send-message", Status::Failed);
        (call.error, call.outcome_unknown) = (Some(problem), true);
        insta::assert_snapshot!(trouble(&call, false).expect("trouble"), @"
        error: the call was cut off
        its outcome is unknown: it may have been done all the same
        next: look there first; tidegate call retry 01040G2081040G2081040G2081 does it again with the same idempotency key
        ");
        let faults =
            vec![FieldError { field: "/to/0".into(), message: "the value is not a \"string\"".into() }];
        let problem =
            Problem::new(Class::InvalidData, "call.input", "the input does not fit").with_fields(faults);
        (call.error, call.outcome_unknown) = (Some(problem), false);
        insta::assert_snapshot!(trouble(&call, false).expect("trouble"), @r#"
        error: the input does not fit
          /to/0  the value is not a "string"
        next: tidegate plugin inspect FILE lists the operations; their schemas stand in the manifest (--json)
        "#);
    }
}
